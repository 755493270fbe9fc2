//! What the landing page of a code needs, gathered once for each state of the records: no scan
//! waits for more than its own row.

use std::sync::Arc;

use crate::{
    app::App,
    customers::{Group, GroupState},
    error::Result,
    org::{Member, MemberId},
    store::{Read, StoreError},
};

use super::{
    CodeKind, CodeState, LiveCode, LiveCodeId, Target, Way, WayId,
    choice::Moment,
    queries,
    scan::{Given, Turn},
};

/// A way that can be shown: its picture is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    target: Target,
    way: WayId,
    /// See [`super::Picture::version`].
    version: String,
}

/// A code, ready to be scanned.
#[derive(Debug)]
pub(super) struct Plan {
    pub code: LiveCode,
    /// The code's, as it was gathered.
    version: u32,
    shown: Vec<Shown>,
    /// Members on the code who are here: how they are called.
    names: Vec<(MemberId, String)>,
    /// Groups on the code: name, people, and whether people may come.
    rooms: Vec<(Room, bool)>,
}

/// A group on a code.
#[derive(Debug, Clone)]
pub(super) struct Room {
    pub group: crate::customers::GroupId,
    pub name: String,
    pub people: u32,
    pub threshold: u32,
}

/// Why a code leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    Paused,
    Expired,
    /// Archived.
    Over,
    /// Nobody is there now.
    Nobody,
    /// All groups are full.
    Full,
    /// WeCom has not made the picture yet.
    Coming,
}

impl Closed {
    /// Beginning of the catalogue keys of its sentences.
    pub fn word(self) -> &'static str {
        match self {
            Self::Paused => "landing.paused",
            Self::Expired => "landing.expired",
            Self::Over => "landing.over",
            Self::Nobody => "landing.nobody",
            Self::Full => "landing.full",
            Self::Coming => "landing.coming",
        }
    }
}

/// What a scan leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leads {
    pub given: Given,
    pub way: WayId,
    pub version: String,
}

/// The plan of a code; none if there is no such code.
pub(super) fn of(r: &Read<'_>, id: LiveCodeId) -> Result<Option<Arc<Plan>>, StoreError> {
    // What is not there is not remembered: addresses that were made up would push out others.
    if !r.exists::<LiveCode>(&id)? {
        return Ok(None);
    }
    r.remembered(id.bits(), || gather(r, id)).map(Some)
}

fn gather(r: &Read<'_>, id: LiveCodeId) -> Result<Plan, StoreError> {
    let code = r.get_versioned::<LiveCode>(&id)?;
    let code = code.ok_or(StoreError::Internal(
        "a code is there and is not".to_owned(),
    ))?;
    let (version, code) = (code.version, code.entity);
    let ways: Vec<Way> = queries::ways(r, id)?;
    let mut names = Vec::new();
    for seat in &code.seats {
        let member = r.get::<Member>(&seat.member)?.filter(Member::is_here);
        names.extend(member.map(|member| (member.id, member.name)));
    }
    let mut rooms = Vec::new();
    for room in &code.rooms {
        let Some(group) = r.get::<Group>(&room.group)? else {
            continue;
        };
        let may_come = matches!(group.state, GroupState::Normal | GroupState::Inherited);
        let people = group.member_count.saturating_add(group.external_count);
        let room = Room {
            group: group.id,
            name: group.name,
            people,
            threshold: room.threshold,
        };
        rooms.push((room, may_come));
    }
    let shown = ways
        .into_iter()
        .filter(|way| way.is_wanted)
        .filter_map(|way| {
            let picture = way.picture?;
            Some(Shown {
                target: way.target,
                way: way.id,
                version: picture.version(),
            })
        });
    Ok(Plan {
        shown: shown.collect(),
        names,
        rooms,
        version,
        code,
    })
}

impl Plan {
    /// Why it leads nowhere at all, whoever is there.
    pub fn closed(&self, moment: &Moment) -> Option<Closed> {
        match self.code.state {
            CodeState::Paused => Some(Closed::Paused),
            CodeState::Archived { .. } => Some(Closed::Over),
            CodeState::Active => self.code.is_expired(moment.at).then_some(Closed::Expired),
        }
    }

    /// How a member on the code is called.
    pub fn name(&self, member: MemberId) -> &str {
        let found = self.names.iter().find(|(id, _)| *id == member);
        found.map_or("", |(_, name)| name.as_str())
    }

    /// The groups in order, and whether people may come into each.
    pub fn rooms(&self) -> &[(Room, bool)] {
        &self.rooms
    }

    fn way(&self, target: Target) -> Option<&Shown> {
        self.shown.iter().find(|shown| shown.target == target)
    }

    /// Whether a way belongs to the code and may be shown.
    pub fn shows(&self, way: WayId) -> bool {
        self.shown.iter().any(|shown| shown.way == way)
    }

    fn leads(&self, given: Given, target: Target) -> Option<Leads> {
        let shown = self.way(target)?;
        Some(Leads {
            given,
            way: shown.way,
            version: shown.version.clone(),
        })
    }

    fn is_here(&self, member: MemberId) -> bool {
        self.names.iter().any(|(id, _)| *id == member)
    }

    /// Whether a member can be shown.
    fn can(&self, member: MemberId) -> bool {
        self.is_here(member) && self.way(Target::Member(member)).is_some()
    }

    /// Gives a scan its turn.
    pub fn give(&self, turn: &mut Turn, moment: &Moment) -> Result<Leads, Closed> {
        if let Some(closed) = self.closed(moment) {
            return Err(closed);
        }
        match self.code.kind {
            CodeKind::Staff => self.member(turn, moment),
            CodeKind::Group => self.room(),
        }
    }

    /// The member whose turn it is. Where WeCom has made none of those who are there a way of
    /// their own yet, it chooses; where nobody is there or below their cap, it does not: it knows
    /// neither.
    fn member(&self, turn: &mut Turn, moment: &Moment) -> Result<Leads, Closed> {
        let (seats, schedule) = (&self.code.seats, &self.code.schedule);
        let member = turn.give(seats, schedule, moment, |member| self.can(member));
        if let Some(member) = member {
            let leads = self.leads(Given::Member(member), Target::Member(member));
            return leads.ok_or(Closed::Coming);
        }
        let mut after = turn.clone();
        let chosen = after.give(seats, schedule, moment, |member| self.is_here(member));
        chosen.ok_or(Closed::Nobody)?;
        let leads = self.leads(Given::Direct, Target::Direct);
        let leads = leads.ok_or(Closed::Coming)?;
        *turn = after;
        Ok(leads)
    }

    /// The first group with room.
    fn room(&self) -> Result<Leads, Closed> {
        let last = self.rooms.len().saturating_sub(1);
        let grows = self.code.auto_room.is_some();
        let mut why = Closed::Full;
        for (at, (room, may_come)) in self.rooms.iter().enumerate() {
            let is_endless = grows && at == last;
            if !may_come || (room.people >= room.threshold && !is_endless) {
                continue;
            }
            match self.leads(Given::Group(room.group), Target::Group(room.group)) {
                Some(leads) => return Ok(leads),
                None => why = Closed::Coming,
            }
        }
        Err(why)
    }

    /// What is shown where nobody's turn can be counted.
    pub fn preview(&self, moment: &Moment) -> Result<Leads, Closed> {
        if let Some(closed) = self.closed(moment) {
            return Err(closed);
        }
        match self.code.kind {
            CodeKind::Group => self.room(),
            CodeKind::Staff => {
                let direct = self.leads(Given::Direct, Target::Direct);
                direct.ok_or(Closed::Coming)
            }
        }
    }

    /// How many groups still take people.
    pub fn rooms_left(&self) -> usize {
        let open = self
            .rooms
            .iter()
            .filter(|(room, may_come)| *may_come && room.people < room.threshold);
        open.count()
    }
}

/// The plan as a write finds it: gathered again if the code has changed since.
pub(super) fn current(r: &Read<'_>, plan: Arc<Plan>) -> Result<Arc<Plan>, StoreError> {
    match r.get_versioned::<LiveCode>(&plan.code.id)? {
        Some(now) if now.version != plan.version => gather(r, plan.code.id).map(Arc::new),
        _ => Ok(plan),
    }
}

/// The plan of a code on the published state.
pub(super) fn published(app: &App, id: LiveCodeId) -> Result<Option<Arc<Plan>>> {
    Ok(app.read(|r| of(r, id))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kit::Timestamp,
        livecodes::{
            Window,
            tests::{draft, save, seat, store},
        },
    };

    /// A code with one member, who takes one customer a day, and the ways to these.
    fn plan(targets: &[Target]) -> Plan {
        let (store, _dir) = store();
        let mut one = seat(1);
        one.daily_cap = Some(1);
        let code = save(&store, None, draft(vec![one]));
        let shown = targets.iter().map(|target| Shown {
            target: *target,
            way: WayId::from_bits(1),
            version: String::new(),
        });
        Plan {
            shown: shown.collect(),
            names: vec![(MemberId::from_bits(1), "周敏".to_owned())],
            rooms: Vec::new(),
            version: 1,
            code,
        }
    }

    /// Thursday, a minute after midnight.
    fn moment() -> Moment {
        Moment::of(Timestamp::from_s(1_795_046_460), &jiff::tz::TimeZone::UTC)
    }

    fn given(plan: &Plan, turn: &mut Turn) -> Result<Given, Closed> {
        plan.give(turn, &moment()).map(|leads| leads.given)
    }

    #[test]
    fn nobody_is_chosen_by_wecom_against_caps_and_hours() {
        let member = MemberId::from_bits(1);
        let mut plan = plan(&[Target::Direct, Target::Member(member)]);
        let mut turn = Turn::new(plan.code.id);
        assert_eq!(given(&plan, &mut turn), Ok(Given::Member(member)));
        assert_eq!(given(&plan, &mut turn), Err(Closed::Nobody), "the cap");
        plan.code.seats[0].daily_cap = None;
        plan.code.schedule = vec![Window {
            days: 0b111_1111,
            from: 9 * 60,
            until: 18 * 60,
            members: Vec::new(),
        }];
        assert_eq!(given(&plan, &mut turn), Err(Closed::Nobody), "the hours");
    }

    #[test]
    fn wecom_chooses_as_long_as_it_has_made_nobody_a_way_of_their_own() {
        let direct = plan(&[Target::Direct]);
        let mut turn = Turn::new(direct.code.id);
        assert_eq!(given(&direct, &mut turn), Ok(Given::Direct));
        assert_eq!(given(&direct, &mut turn), Err(Closed::Nobody), "the cap");
        let nothing = plan(&[]);
        let mut turn = Turn::new(nothing.code.id);
        for _ in 0..2 {
            assert_eq!(given(&nothing, &mut turn), Err(Closed::Coming), "no turn");
        }
    }
}
