//! What stands beside a conversation: who, since when, how much, and who has agreed.

use std::collections::BTreeMap;

use crate::{
    app::App,
    archive::{
        find, ingest,
        model::{Answer, Chat, Consent, Towards},
        names::{Names, Who},
        opening::Right,
        queries::{self, ArchiveSight},
        retention::{self, HoldOn},
        standing,
    },
    customers,
    error::Result,
    identity::{Permission, Viewer},
    kit::Timestamp,
    org::Sight,
    store::Read,
    web::{Cx, ListQuery},
    wecom::archive::Kind,
};

use super::{
    consents,
    flags::{self, Counted},
    hold,
};

/// People that are named one by one.
const PEOPLE_MAX: usize = 12;
/// What is counted: icon, code of the type, types.
const COUNTED: [(&str, &str, &[Kind]); 5] = [
    ("image", "image", &[Kind::Image, Kind::Emotion]),
    ("file", "file", &[Kind::File, Kind::QyDiskFile, Kind::Doc]),
    ("horn", "voice", &[Kind::Voice]),
    ("play", "video", &[Kind::Video]),
    (
        "phone",
        "call",
        &[Kind::VoipText, Kind::MeetingVoiceCall, Kind::VoipDocShare],
    ),
];

/// Catalogue key and tone of an answer.
type Word = (&'static str, &'static str);
/// How many of those without a line have said what.
type AgreedMore = Vec<(Word, usize)>;
/// Of somebody about whom nothing is known.
const UNASKED: Word = ("archive.consent.none", "muted");
const UNASKED_AT: usize = 3;

/// Somebody who takes part.
pub(super) struct Person {
    pub(super) name: String,
    /// Department, or what somebody outside is.
    pub(super) second: String,
    /// Where the name leads, if the viewer may go there.
    pub(super) href: Option<String>,
}

/// Whether somebody agreed to being archived.
pub(super) struct Agreed {
    pub(super) who: String,
    pub(super) towards: String,
    pub(super) answer: Word,
    pub(super) at: Option<Timestamp>,
}

/// Everything beside a conversation.
pub(super) struct Facts {
    pub(super) staff: Vec<Person>,
    pub(super) others: Vec<Person>,
    /// People who are not named.
    pub(super) more: usize,
    pub(super) sort: &'static str,
    pub(super) messages: u64,
    pub(super) first_at: Option<Timestamp>,
    pub(super) last_at: Option<Timestamp>,
    /// Icon, name, number, address.
    pub(super) counted: Vec<(&'static str, String, u64, String)>,
    pub(super) recalled: Option<(u64, String)>,
    /// Alerts, for whoever handles them.
    pub(super) flags: Vec<Counted>,
    pub(super) agreed: Vec<Agreed>,
    /// How many of the others have said what.
    pub(super) agreed_more: AgreedMore,
    /// Messages of this conversation that are stored, as far as they are visible.
    pub(super) stored: u64,
    /// Its files that are still to be fetched, where that is known.
    pub(super) waiting: Option<u64>,
    /// The firm's messages that can't be opened yet: nobody knows whether any are of this one.
    pub(super) parked: u64,
    /// When the firm's archive was last read to its end.
    pub(super) caught_up_at: Option<Timestamp>,
    /// The reason given, and until when it holds.
    pub(super) reason: Option<(String, Timestamp)>,
    /// Messages whose content was deleted.
    pub(super) deleted: u64,
    /// What holds the whole conversation back from deletion.
    pub(super) holds: Vec<String>,
    /// Where it can be held, for whoever may.
    pub(super) hold_href: Option<String>,
}

/// Gathers them.
pub(super) struct Gatherer<'a> {
    pub(super) app: &'a App,
    pub(super) r: &'a Read<'a>,
    pub(super) cx: &'a Cx,
    pub(super) viewer: &'a Viewer,
    pub(super) sight: &'a ArchiveSight,
    pub(super) names: &'a Names<'a>,
}

impl Gatherer<'_> {
    pub(super) fn facts(&self, chat: &Chat, right: &Right) -> Result<Facts> {
        let leads = Leads::of(self.app, self.r, self.viewer)?;
        let staff = self.people(&leads, &chat.staff)?;
        let others = self.people(&leads, &chat.others)?;
        let all = chat.staff.len() + chat.others.len();
        let kinds = COUNTED.map(|(_, _, kinds)| kinds);
        let tally = find::tally(self.app, self.sight, chat.no, &kinds)?;
        let here = ListQuery::new(&format!("/archive/{}", chat.id));
        let cursor = ingest::cursor(self.r)?;
        let numbers = COUNTED.iter().zip(tally.groups);
        let sees_all = self.sight.sees_all_of(chat);
        let (agreed, agreed_more) = self.agreed(chat)?;
        let recalled = (chat.recalled > 0 && sees_all).then(|| {
            let list = here.with("flag", "recalled");
            (chat.recalled, list.to_string())
        });
        Ok(Facts {
            more: all - staff.len() - others.len(),
            staff,
            others,
            sort: Names::sort_of(chat),
            messages: tally.total,
            first_at: tally.oldest_ms.map(Timestamp::from_ms),
            last_at: tally.newest_ms.map(Timestamp::from_ms),
            counted: numbers
                .filter(|(_, n)| *n > 0)
                .map(|((icon, code, _), n)| {
                    let name = self.cx.t(&format!("archive.type.{code}")).into_owned();
                    (*icon, name, n, here.with("type", code).to_string())
                })
                .collect(),
            recalled,
            flags: flags::beside((self.app, self.r), self.sight, chat)?,
            agreed,
            agreed_more,
            stored: match sees_all {
                true => chat.messages,
                false => tally.total,
            },
            waiting: match sees_all {
                true => standing::files_waiting(self.r, chat.no)?,
                false => None,
            },
            parked: standing::parked_for(self.sight, &cursor),
            caught_up_at: cursor.caught_up_at,
            reason: match right {
                Right::Own => None,
                Right::Opened(opening) => Some((opening.reason.clone(), opening.until)),
            },
            deleted: match sees_all {
                true => chat.deleted,
                false => 0,
            },
            holds: self.holds(chat)?,
            hold_href: self
                .viewer
                .may(Permission::HoldManage)
                .then(|| hold::address(HoldOn::Chat(chat.id))),
        })
    }

    /// The names of the holds on the whole conversation, for whoever looks after them.
    fn holds(&self, chat: &Chat) -> Result<Vec<String>> {
        if !self.viewer.may(Permission::HoldManage) {
            return Ok(Vec::new());
        }
        let holds = retention::holds(self.r)?.into_iter();
        let on_chat = holds.filter(|hold| hold.is_active() && hold.on == HoldOn::Chat(chat.id));
        Ok(on_chat.map(|hold| hold.title).collect())
    }

    fn people(&self, leads: &Leads<'_>, numbers: &[u32]) -> Result<Vec<Person>> {
        let mut people = Vec::new();
        for no in numbers.iter().take(PEOPLE_MAX) {
            let who = self.names.who(*no)?;
            people.push(Person {
                name: who.name.clone(),
                second: self.second(&who),
                href: leads.href(&who)?,
            });
        }
        Ok(people)
    }

    fn second(&self, who: &Who) -> String {
        use crate::archive::model::PartyKind;
        let directory = &self.sight.sight.directory;
        let member = who.member.and_then(|id| directory.member(id));
        if let Some(member) = member {
            let department = directory.department_of(member);
            return department.map(|d| d.name.clone()).unwrap_or_default();
        }
        let word = match who.kind {
            Some(PartyKind::Wechat) => "customers.kind.wechat",
            Some(PartyKind::OtherFirm) => "customers.kind.wecom",
            Some(PartyKind::Robot) => "archive.person.robot",
            Some(PartyKind::Member) | None => return String::new(),
        };
        let word = self.cx.t(word).into_owned();
        // A robot without a name is called that already.
        if word == who.name {
            String::new()
        } else {
            word
        }
    }

    /// A line for each person outside: the last answer, or that there is none; who has not
    /// agreed first, and how many there are whose lines are not shown, by what they said.
    fn agreed(&self, chat: &Chat) -> Result<(Vec<Agreed>, AgreedMore)> {
        let mut answers: BTreeMap<u32, Vec<Consent>> = BTreeMap::new();
        for consent in queries::consents(self.r, chat)? {
            answers.entry(consent.party).or_default().push(consent);
        }
        let mut people: Vec<(usize, u32)> = Vec::new();
        for no in &chat.others {
            let who = self.names.who(*no)?;
            if who.kind.is_some_and(|kind| kind.is_outside()) {
                let said = answers.get(no).map_or(&[][..], Vec::as_slice);
                people.push((gravity(said), *no));
            }
        }
        people.sort_by_key(|(gravity, _)| *gravity);
        let rest = people.split_off(PEOPLE_MAX.min(people.len()));
        let mut agreed = Vec::new();
        for (_, no) in people {
            let who = self.names.who(no)?.name.clone();
            match answers.remove(&no) {
                None => agreed.push(Agreed {
                    who,
                    towards: String::new(),
                    answer: UNASKED,
                    at: None,
                }),
                Some(said) => {
                    for consent in said {
                        agreed.push(self.one_agreed(who.clone(), &consent)?);
                    }
                }
            }
        }
        let mut more = AgreedMore::new();
        for (gravity, _) in rest {
            let word = word_at(gravity);
            match more.last_mut() {
                Some((known, n)) if *known == word => *n += 1,
                _ => more.push((word, 1)),
            }
        }
        Ok((agreed, more))
    }

    fn one_agreed(&self, who: String, consent: &Consent) -> Result<Agreed> {
        Ok(Agreed {
            who,
            towards: match consent.towards {
                Towards::Room(_) => String::new(),
                Towards::Member(no) => self.names.who(no)?.name.clone(),
            },
            answer: consents::answer(consent.answer),
            at: consent.answer.is_word().then_some(consent.at),
        })
    }
}

/// How soon somebody's line comes: whoever refused first, those of whom nothing is known behind
/// those who were asked and said nothing.
fn gravity(said: &[Consent]) -> usize {
    let place = |answer: Answer| Answer::ALL.iter().position(|known| *known == answer);
    let said = said.iter().filter_map(|consent| place(consent.answer));
    said.min().map_or(UNASKED_AT, |place| 2 * place)
}

/// What is said of everybody at this place.
fn word_at(gravity: usize) -> Word {
    match gravity {
        UNASKED_AT => UNASKED,
        place => consents::answer(Answer::ALL[place / 2]),
    }
}

/// Links lead only where they can be followed.
struct Leads<'a> {
    r: &'a Read<'a>,
    customers: Option<Sight>,
    members: Option<Sight>,
}

impl<'a> Leads<'a> {
    fn of(app: &App, r: &'a Read<'a>, viewer: &Viewer) -> Result<Self> {
        let sight = |permission| match viewer.may(permission) {
            true => app.sight(r, viewer, permission).map(Some),
            false => Ok(None),
        };
        Ok(Self {
            r,
            customers: sight(Permission::CustomerRead)?,
            members: sight(Permission::OrgRead)?,
        })
    }

    fn href(&self, who: &Who) -> Result<Option<String>> {
        if let (Some(id), Some(sight)) = (who.member, &self.members)
            && sight.sees(id)
        {
            return Ok(Some(format!("/org/members/{id}")));
        }
        if let (Some(id), Some(sight)) = (who.customer, &self.customers)
            && customers::queries::customer(self.r, sight, id)?.is_some()
        {
            return Ok(Some(format!("/customers/{id}")));
        }
        Ok(None)
    }
}
