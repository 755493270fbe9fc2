//! Which causes something that happened sets off: the same for the follower and for a trial.

use std::collections::{BTreeSet, HashMap};

use crate::{
    archive::{Chat, Content, Party, PartyKind, Place, queries::Message},
    customers::{
        self, Customer, CustomerId, Group, GroupMember, Relation,
        sync::{by_external_userid, relation_of, relations_of},
    },
    kit::Timestamp,
    livecodes::{self, ChannelId, LiveCode, LiveCodeId, of_state},
    org::{Directory, MemberId},
    search::fold,
    store::{Read, StoreError},
};

use super::model::{Cause, Rule, Trigger};

/// What happened longer ago is history.
pub(super) const RECENT_MS: i64 = 86_400_000;
const DAY_MS: i64 = 86_400_000;
/// WeCom tells when somebody came in whole seconds.
const SECOND_MS: i64 = 1_000;

/// A cause that is set off for a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub cause: Cause,
    pub relation: Relation,
    /// See [`super::Firing::of`].
    pub of: u64,
    /// See [`super::Firing::occasion`].
    pub occasion: i64,
    /// When it happened.
    pub at: Timestamp,
}

/// Which stretch of time counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Time {
    /// Since the cause is in force, and within a day before this moment.
    Live(Timestamp),
    /// Between two moments, whatever was in force: a trial.
    History(Timestamp, Timestamp),
}

impl Time {
    fn holds(self, at: Timestamp, since: Timestamp) -> bool {
        match self {
            Self::Live(now) => at.plus_ms(SECOND_MS) > since && at.plus_ms(RECENT_MS) > now,
            Self::History(from, until) => from <= at && at < until,
        }
    }
}

/// Rules and codes, ready to be asked.
pub(super) struct Matcher {
    rules: Vec<Ready>,
    codes: HashMap<LiveCodeId, LiveCode>,
    /// Of each channel: itself and all above it.
    above: HashMap<ChannelId, Vec<ChannelId>>,
    time: Time,
}

struct Ready {
    rule: Rule,
    /// The members whose customers count; none: everybody's.
    members: Option<BTreeSet<MemberId>>,
    words: Vec<String>,
}

impl Ready {
    fn has(&self, member: MemberId) -> bool {
        let own = self.members.as_ref();
        own.is_none_or(|own| own.contains(&member))
    }
}

impl Matcher {
    /// Of these rules, and of the codes where they ask for something themselves.
    pub fn of(
        r: &Read<'_>,
        directory: &Directory,
        rules: Vec<Rule>,
        time: Time,
    ) -> Result<Self, StoreError> {
        let ready = rules.into_iter().map(|rule| Ready {
            members: rule.unit.map(|unit| match directory.tree.find(unit) {
                Some(unit) => directory.member_ids_under(unit.wecom_id),
                None => BTreeSet::new(),
            }),
            words: match &rule.trigger {
                Trigger::Words(words) => words.iter().map(|word| fold(word)).collect(),
                _ => Vec::new(),
            },
            rule,
        });
        let mut codes = HashMap::new();
        for code in r.all::<LiveCode>(None)? {
            let code = code?;
            codes.insert(code.id, code);
        }
        Ok(Self {
            rules: ready.collect(),
            codes,
            above: above(r)?,
            time,
        })
    }

    /// Whether a message can set anything off.
    pub fn listens(&self) -> bool {
        self.rules.iter().any(|ready| !ready.words.is_empty())
    }

    /// The days of quiet that rules wait for.
    pub fn quiet_days(&self) -> BTreeSet<u16> {
        let days = self
            .rules
            .iter()
            .filter_map(|ready| match ready.rule.trigger {
                Trigger::Quiet(days) => Some(days),
                _ => None,
            });
        days.collect()
    }

    /// What a relation sets off by how it began.
    pub fn came(&self, relation: &Relation) -> Vec<Hit> {
        let Some(code) = of_state(&relation.channel) else {
            return Vec::new();
        };
        let (of, at) = (relation.id.bits(), relation.added_at);
        self.by_code(code, relation, of, at)
    }

    /// What somebody in a group sets off by having joined.
    pub fn joined(&self, r: &Read<'_>, person: &GroupMember) -> Result<Vec<Hit>, StoreError> {
        let Some(customer) = person.customer.filter(|_| person.is_external) else {
            return Ok(Vec::new());
        };
        let group = r.get::<Group>(&person.group)?;
        let owner = group.and_then(|group| group.owner);
        let Some(relation) = relation_with(r, customer, owner)? else {
            return Ok(Vec::new());
        };
        let (of, at) = (person.id.bits(), person.joined_at);
        let mut hits = match of_state(&person.channel) {
            Some(code) => self.by_code(code, &relation, of, at),
            None => Vec::new(),
        };
        for ready in &self.rules {
            if ready.rule.trigger == Trigger::Group(person.group) {
                hits.extend(self.hit(ready, &relation, of, at.ms(), at));
            }
        }
        Ok(hits)
    }

    fn by_code(&self, id: LiveCodeId, relation: &Relation, of: u64, at: Timestamp) -> Vec<Hit> {
        let code = self.codes.get(&id);
        let asks = code.filter(|code| {
            let asks = !code.tags.is_empty() || !code.remark_prefix.is_empty();
            asks && self.time.holds(at, code.created_at)
        });
        let own = asks.map(|_| Hit {
            cause: Cause::Code(id),
            relation: relation.clone(),
            of,
            occasion: at.ms(),
            at,
        });
        let channel = code.and_then(|code| code.channel);
        let above = channel.and_then(|channel| self.above.get(&channel));
        let is_about = |trigger: &Trigger| match trigger {
            Trigger::Code(wanted) => *wanted == id,
            Trigger::Channel(wanted) => above.is_some_and(|above| above.contains(wanted)),
            _ => false,
        };
        let rules = self
            .rules
            .iter()
            .filter(|ready| is_about(&ready.rule.trigger));
        let rules = rules.filter_map(|ready| self.hit(ready, relation, of, at.ms(), at));
        own.into_iter().chain(rules).collect()
    }

    fn hit(
        &self,
        ready: &Ready,
        relation: &Relation,
        of: u64,
        occasion: i64,
        at: Timestamp,
    ) -> Option<Hit> {
        let counts = self.time.holds(at, ready.rule.since) && ready.has(relation.member);
        (counts && relation.is_active()).then(|| Hit {
            cause: Cause::Rule(ready.rule.id),
            relation: relation.clone(),
            of,
            occasion,
            at,
        })
    }

    /// What a message sets off: a rule about words fires once for a relation.
    pub fn wrote(&self, r: &Read<'_>, message: &Message) -> Result<Vec<Hit>, StoreError> {
        let is_gone = matches!(message.content, Content::Erased | Content::Deleted);
        if is_gone || !self.listens() {
            return Ok(Vec::new());
        }
        let Some(customer) = customer_of(r, message.from)? else {
            return Ok(Vec::new());
        };
        let text = fold(&message.text_to_index());
        let mut hits = Vec::new();
        let said = |ready: &&Ready| ready.words.iter().any(|word| text.contains(word.as_str()));
        for ready in self.rules.iter().filter(said) {
            let relation = newest_among(r, customer, &message.to, |member| ready.has(member))?;
            if let Some(relation) = relation {
                let of = relation.id.bits();
                hits.extend(self.hit(ready, &relation, of, 0, message.at));
            }
        }
        Ok(hits)
    }

    /// What a conversation sets off by having been quiet: once for each silence.
    pub fn quiet(&self, r: &Read<'_>, chat: &Chat) -> Result<Vec<Hit>, StoreError> {
        let Place::OneToOne(one, other) = chat.place else {
            return Ok(Vec::new());
        };
        let mut hits = Vec::new();
        for ready in &self.rules {
            let Trigger::Quiet(days) = ready.rule.trigger else {
                continue;
            };
            let at = chat.last_at.plus_ms(i64::from(days) * DAY_MS);
            if at > self.now() || !self.time.holds(at, ready.rule.since) {
                continue;
            }
            let Some(relation) = relation_between(r, one, other)? else {
                break;
            };
            let (of, occasion) = (relation.id.bits(), chat.last_at.ms());
            hits.extend(self.hit(ready, &relation, of, occasion, at));
        }
        Ok(hits)
    }

    fn now(&self) -> Timestamp {
        match self.time {
            Time::Live(now) => now,
            Time::History(_, until) => until,
        }
    }
}

/// Of each channel: itself and all above it.
fn above(r: &Read<'_>) -> Result<HashMap<ChannelId, Vec<ChannelId>>, StoreError> {
    let channels = livecodes::queries::channels(r)?;
    let parents: HashMap<ChannelId, Option<ChannelId>> =
        channels.iter().map(|c| (c.id, c.parent)).collect();
    let path = |channel: ChannelId| {
        let up = |at: &ChannelId| parents.get(at).copied().flatten();
        // A loop in the tree ends like any other path.
        std::iter::successors(Some(channel), up)
            .take(parents.len())
            .collect()
    };
    Ok(parents
        .keys()
        .map(|channel| (*channel, path(*channel)))
        .collect())
}

/// The active relation of a customer with this member, or else the newest.
fn relation_with(
    r: &Read<'_>,
    customer: CustomerId,
    member: Option<MemberId>,
) -> Result<Option<Relation>, StoreError> {
    let mut active = relations_of(r, customer)?;
    active.retain(Relation::is_active);
    active.sort_by_key(|relation| (Some(relation.member) == member, relation.added_at));
    Ok(active.pop())
}

/// The newest active relation of a customer with one of these parties.
fn newest_among(
    r: &Read<'_>,
    customer: CustomerId,
    parties: &[u32],
    counts: impl Fn(MemberId) -> bool,
) -> Result<Option<Relation>, StoreError> {
    let mut newest: Option<Relation> = None;
    for no in parties {
        let Some(member) = member_of(r, *no)?.filter(|member| counts(*member)) else {
            continue;
        };
        let relation = relation_of(r, member, customer)?.filter(Relation::is_active);
        if let Some(relation) = relation
            && newest
                .as_ref()
                .is_none_or(|n| n.added_at < relation.added_at)
        {
            newest = Some(relation);
        }
    }
    Ok(newest)
}

/// The active relation between two parties of the archive, whichever is the customer.
fn relation_between(r: &Read<'_>, one: u32, other: u32) -> Result<Option<Relation>, StoreError> {
    for (member, customer) in [(one, other), (other, one)] {
        if let Some(member) = member_of(r, member)?
            && let Some(customer) = customer_of(r, customer)?
        {
            return Ok(relation_of(r, member, customer)?.filter(Relation::is_active));
        }
    }
    Ok(None)
}

fn member_of(r: &Read<'_>, party: u32) -> Result<Option<MemberId>, StoreError> {
    let party = r.get::<Party>(&party)?;
    let party = party.filter(|party| party.kind == PartyKind::Member);
    Ok(party.map(|party| party.subject.cast()))
}

/// The customer whom a party stands for. The archive may have met somebody before the list of
/// customers did.
fn customer_of(r: &Read<'_>, party: u32) -> Result<Option<CustomerId>, StoreError> {
    let party = r.get::<Party>(&party)?;
    let Some(party) = party.filter(|party| party.kind.is_outside()) else {
        return Ok(None);
    };
    let id: CustomerId = party.subject.cast();
    if r.exists::<Customer>(&id)? {
        return Ok(Some(id));
    }
    Ok(by_external_userid(r, &party.wecom_id)?.map(|customer: customers::Customer| customer.id))
}
