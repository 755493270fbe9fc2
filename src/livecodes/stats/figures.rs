//! Numbers from hours and arrivals, for one viewer's scope.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Date;

use crate::{
    customers::Group,
    kit::Timestamp,
    livecodes::{ChannelId, CodeKind, LiveCode, queries},
    org::{MemberId, Sight},
    store::{Read, StoreError},
};

use super::{
    arrivals::{self, Arrival},
    range::Range,
    tally,
};

/// Whoever is still there after so long has stayed.
const STAY_MS: i64 = 7 * 86_400_000;

/// The sums of a stretch of days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Scans by people.
    pub scans: u64,
    /// Different people, day by day.
    pub visitors: u64,
    /// Customers added.
    pub adds: u64,
    /// People who joined a group.
    pub joins: u64,
    /// Who went away, whenever they had come.
    pub losses: u64,
    /// Those who came seven days ago or earlier.
    pub due: u64,
    /// Those among them who stayed for seven days.
    pub stayed: u64,
}

impl Sums {
    /// Who came, added or joined.
    pub fn came(&self) -> u64 {
        self.adds + self.joins
    }

    fn add(&mut self, other: &Self) {
        self.scans += other.scans;
        self.visitors += other.visitors;
        self.adds += other.adds;
        self.joins += other.joins;
        self.losses += other.losses;
        self.due += other.due;
        self.stayed += other.stayed;
    }

    fn count(&mut self, arrival: &Arrival, now: Timestamp) {
        match arrival.is_join {
            true => self.joins += 1,
            false => self.adds += 1,
        }
        if arrival.at.plus_ms(STAY_MS) <= now {
            self.due += 1;
            let went = arrival.lost_at.map(|at| at.since_ms(arrival.at));
            self.stayed += u64::from(went.is_none_or(|ms| ms >= STAY_MS));
        }
    }
}

/// One day of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// Its sums.
    pub sums: Sums,
}

/// What a code has done within a stretch of days.
#[derive(Debug, Clone)]
pub struct Figures {
    /// All of it.
    pub sums: Sums,
    /// Whether the viewer sees all of the code. Otherwise only scans that were given to
    /// somebody in scope are counted, and visitors are not told apart.
    pub is_whole: bool,
    /// Day by day, without gaps.
    pub days: Vec<Day>,
    /// Scans by weekday from Monday and hour of the day.
    pub scans_by_hour: [[u64; 24]; 7],
    /// Who came by weekday from Monday and hour of the day.
    pub came_by_hour: [[u64; 24]; 7],
    /// Member by member as far as in scope, who brought most first.
    pub members: Vec<(MemberId, Sums)>,
}

/// Whose scans and arrivals of a code the viewer sees.
struct Part<'a> {
    sight: &'a Sight,
    is_whole: bool,
    /// Whom scans are given: members, or groups by their owners; as bits.
    owners: HashMap<u64, MemberId>,
}

impl<'a> Part<'a> {
    fn of(r: &Read<'_>, sight: &'a Sight, code: &LiveCode) -> Result<Self, StoreError> {
        let mut owners = HashMap::new();
        if code.kind == CodeKind::Group {
            for room in &code.rooms {
                if let Some(owner) = r.get::<Group>(&room.group)?.and_then(|g| g.owner) {
                    owners.insert(room.group.bits(), owner);
                }
            }
        }
        let own: HashSet<MemberId> = match code.kind {
            CodeKind::Staff => code.seats.iter().map(|seat| seat.member).collect(),
            CodeKind::Group => owners.values().copied().collect(),
        };
        let sees_all = !own.is_empty() && own.iter().all(|member| sight.sees(*member));
        Ok(Self {
            sight,
            is_whole: sight.members().is_none() || sees_all,
            owners,
        })
    }

    fn member_of(&self, given: u64) -> MemberId {
        let owner = self.owners.get(&given).copied();
        owner.unwrap_or(MemberId::from_bits(given))
    }

    fn sees(&self, arrival: &Arrival) -> bool {
        match arrival.member {
            Some(member) => self.is_whole || self.sight.sees(member),
            None => self.is_whole,
        }
    }
}

/// What a code has done within a stretch of days, as far as in scope.
pub fn of_code(
    r: &Read<'_>,
    sight: &Sight,
    code: &LiveCode,
    range: &Range,
    now: Timestamp,
) -> Result<Figures, StoreError> {
    let part = Part::of(r, sight, code)?;
    let mut figures = Figures {
        sums: Sums::default(),
        is_whole: part.is_whole,
        days: range
            .each()
            .map(|date| Day {
                date,
                sums: Sums::default(),
            })
            .collect(),
        scans_by_hour: [[0; 24]; 7],
        came_by_hour: [[0; 24]; 7],
        members: Vec::new(),
    };
    let mut members: BTreeMap<MemberId, Sums> = BTreeMap::new();
    let (from, until) = (range.from(), range.until());
    for hour in tally::hours(r, code.id, from, until)? {
        let mut sums = Sums::default();
        for (given, n) in &hour.given {
            let member = part.member_of(*given);
            if part.is_whole || sight.sees(member) {
                members.entry(member).or_default().scans += u64::from(*n);
                sums.scans += u64::from(*n);
            }
        }
        if part.is_whole {
            sums.scans = u64::from(hour.scans);
            sums.visitors = u64::from(hour.visitors);
        }
        if let Some((day, weekday, of_day)) = range.place(hour.at()) {
            figures.scans_by_hour[weekday][of_day] += sums.scans;
            figures.days[day].sums.add(&sums);
        }
    }
    for arrival in arrivals::came_between(r, code.id, from, until)? {
        if !part.sees(&arrival) {
            continue;
        }
        if let Some((day, weekday, of_day)) = range.place(arrival.at) {
            figures.came_by_hour[weekday][of_day] += 1;
            figures.days[day].sums.count(&arrival, now);
        }
        if let Some(member) = arrival.member {
            members.entry(member).or_default().count(&arrival, now);
        }
    }
    for arrival in arrivals::lost_between(r, code.id, from, until)? {
        if !part.sees(&arrival) {
            continue;
        }
        if let Some((day, ..)) = arrival.lost_at.and_then(|at| range.place(at)) {
            figures.days[day].sums.losses += 1;
        }
        if let Some(member) = arrival.member {
            members.entry(member).or_default().losses += 1;
        }
    }
    for day in &figures.days {
        figures.sums.add(&day.sums);
    }
    // A code may be whole in scope while somebody who was on it is not.
    members.retain(|member, _| sight.sees(*member));
    figures.members = members.into_iter().collect();
    let order =
        |(member, sums): &(MemberId, Sums)| (std::cmp::Reverse((sums.came(), sums.scans)), *member);
    figures.members.sort_by_key(order);
    Ok(figures)
}

/// Who came by or went away from a code within a stretch of days, newest first, as far as in
/// scope.
pub(super) fn people(
    r: &Read<'_>,
    sight: &Sight,
    code: &LiveCode,
    range: &Range,
    is_lost: bool,
) -> Result<Vec<Arrival>, StoreError> {
    let part = Part::of(r, sight, code)?;
    let (from, until) = (range.from(), range.until());
    let mut found = match is_lost {
        true => arrivals::lost_between(r, code.id, from, until)?,
        false => arrivals::came_between(r, code.id, from, until)?,
    };
    // A person is shown only through somebody in scope, whatever may be counted.
    found.retain(|arrival| {
        part.sees(arrival) && arrival.member.is_none_or(|member| sight.sees(member))
    });
    found.reverse();
    Ok(found)
}

/// The sums of each channel with all below it, as far as in scope; those of codes without a
/// channel stand under none.
pub fn of_channels(
    r: &Read<'_>,
    sight: &Sight,
    range: &Range,
    now: Timestamp,
) -> Result<HashMap<Option<ChannelId>, Sums>, StoreError> {
    let channels = queries::channels(r)?;
    let parents: HashMap<ChannelId, Option<ChannelId>> =
        channels.iter().map(|c| (c.id, c.parent)).collect();
    let mut sums: HashMap<Option<ChannelId>, Sums> = HashMap::new();
    for code in r.all::<LiveCode>(None)? {
        let code = code?;
        let own = of_code(r, sight, &code, range, now)?.sums;
        let Some(mut at) = code.channel else {
            sums.entry(None).or_default().add(&own);
            continue;
        };
        // A loop in the tree ends like any other path.
        for _ in 0..=parents.len() {
            sums.entry(Some(at)).or_default().add(&own);
            match parents.get(&at).copied().flatten() {
                Some(parent) => at = parent,
                None => break,
            }
        }
    }
    Ok(sums)
}
