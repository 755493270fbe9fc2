//! The queue of alerts as one viewer sees it: its pages, how many wait, and who could deal
//! with one.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use crate::{
    app::App,
    error::Result,
    identity::{self, Account, Permission, Viewer, queries::AccountView},
    kit::{Id, Page, PageRequest, Timestamp},
    org::{Directory, Sight},
    store::{Key, Listing, Read, StoreError, SubjectId, Walk},
};

use super::{
    super::queries::ArchiveSight,
    model::{Alert, AlertId, AlertState, Behaviour, Cause, Severity, WordListId},
    tables::{ALERT_BY_MESSAGE, ALERT_BY_TIME},
};

/// Alerts looked at for one page, and counted at most.
const LOOKED_AT: usize = 2_000;
/// Alerts of one conversation that are looked at.
const OF_CHAT_MAX: usize = 10_000;
/// Alerts of one conversation that are counted beside it.
const BESIDE_MAX: usize = 1_000;
/// Alerts looked at for the number in the menu.
const BADGE_LOOKED_AT: usize = 500;
/// The number in the menu stops here.
const BADGE_MAX: u64 = 99;
/// How long that number is good; whoever judges something has all counted anew.
const GOOD_MS: i64 = 10_000;

/// A part of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Not judged yet, whoever is to look.
    ToDo,
    /// The same, given to the viewer.
    Mine,
    /// Judged.
    Closed,
}

/// Which alerts a page of the queue shows.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The part.
    pub part: Part,
    /// Only those that matter so much.
    pub severity: Option<Severity>,
    /// Only those of a list.
    pub list: Option<WordListId>,
    /// Only those of a behaviour.
    pub behaviour: Option<Behaviour>,
    /// Only those with one of these among the members, by number.
    pub staff: Option<BTreeSet<u32>>,
    /// Only these, the newest message first: those about a conversation or a message.
    pub among: Option<Vec<AlertId>>,
}

impl Asked {
    /// A part of the queue without conditions.
    pub fn part(part: Part) -> Self {
        Self {
            part,
            severity: None,
            list: None,
            behaviour: None,
            staff: None,
            among: None,
        }
    }

    fn fits(&self, alert: &Alert, own: Option<SubjectId>) -> bool {
        (self.part != Part::Mine || is_given_to(alert, own)) && self.narrows_to(alert)
    }

    /// Whether the conditions let an alert through, whatever the part.
    fn narrows_to(&self, alert: &Alert) -> bool {
        let is_of = |behaviour: Behaviour| alert.cause == Cause::Behaviour(behaviour);
        let has = |staff: &BTreeSet<u32>| alert.staff.iter().any(|no| staff.contains(no));
        self.severity.is_none_or(|asked| asked == alert.severity)
            && self.list.is_none_or(|asked| asked == alert.list)
            && self.behaviour.is_none_or(is_of)
            && self.staff.as_ref().is_none_or(has)
    }
}

/// Whether an alert was given to this account.
pub fn is_given_to(alert: &Alert, account: Option<SubjectId>) -> bool {
    matches!(alert.state, AlertState::Assigned(to) if Some(to) == account)
}

/// What somebody who judges sees: the rights to judge and to read are both needed. An alert says
/// that it is there, between whom and which words were found, without a second person's yes; the
/// page that shows more of its message withholds what nobody has agreed to.
pub fn sight(
    r: &Read<'_>,
    directory: &std::sync::Arc<Directory>,
    viewer: &Viewer,
) -> Result<ArchiveSight> {
    viewer.scope(r, Permission::AlertHandle)?;
    let scope = viewer.scope(r, Permission::ArchiveRead)?;
    Ok(ArchiveSight::from(
        r,
        Sight::new(directory.clone(), &scope),
    )?)
}

/// Whether an alert is in sight.
pub fn sees(sight: &ArchiveSight, alert: &Alert) -> bool {
    sight.sees_any(alert.staff.iter().copied())
}

/// The accounts that could deal with alerts, each with what it sees, by name.
pub fn handlers(r: &Read<'_>, sight: &ArchiveSight) -> Result<Vec<(AccountView, ArchiveSight)>> {
    let judges = identity::queries::holders(r, Permission::AlertHandle)?;
    let judges: BTreeSet<Id<Account>> = judges.into_iter().map(|(judge, _)| judge.id).collect();
    let mut found = Vec::new();
    for (account, scope) in identity::queries::holders(r, Permission::ArchiveRead)? {
        if judges.contains(&account.id) {
            let own = Sight::new(sight.sight.directory.clone(), &scope);
            found.push((account, ArchiveSight::from(r, own)?));
        }
    }
    Ok(found)
}

/// A page of the queue, the newest message first.
pub fn page(
    r: &Read<'_>,
    (sight, own): (&ArchiveSight, Option<SubjectId>),
    asked: &Asked,
    request: &PageRequest,
) -> Result<Page<Alert>, StoreError> {
    let is_closed = asked.part == Part::Closed;
    let shows = |alert: &Alert| sees(sight, alert) && asked.fits(alert, own);
    if let Some(among) = &asked.among {
        let mut found = Vec::new();
        for id in among.iter().take(OF_CHAT_MAX) {
            let alert = r.get::<Alert>(id)?;
            found.extend(alert.filter(|a| a.state.is_closed() == is_closed && shows(a)));
        }
        return Ok(Page::of_whole(found, request));
    }
    let listing = Listing {
        index: &ALERT_BY_TIME,
        prefix: Key::new().with(is_closed),
        shows: &shows,
        most: LOOKED_AT,
    };
    listing.page(r, request, |_| {})
}

/// The alerts about a message that are in sight.
pub fn about(
    r: &Read<'_>,
    sight: &ArchiveSight,
    (chat, seq): (u32, u64),
) -> Result<Vec<Alert>, StoreError> {
    let mut found = Vec::new();
    for alert in r.list(&ALERT_BY_MESSAGE, &Walk::prefix(Key::new().with(seq)))? {
        let alert = alert?;
        if alert.chat == Some(chat) && sees(sight, &alert) {
            found.push(alert);
        }
    }
    Ok(found)
}

/// How many alerts in sight there are about a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beside {
    /// Not judged.
    pub to_do: u64,
    /// Judged.
    pub closed: u64,
    /// There are more than were counted.
    pub more: bool,
}

/// Counts those among some, which are all about one conversation.
pub fn beside(r: &Read<'_>, sight: &ArchiveSight, among: &[AlertId]) -> Result<Beside, StoreError> {
    let mut beside = Beside {
        more: among.len() > BESIDE_MAX,
        ..Beside::default()
    };
    for id in among.iter().take(BESIDE_MAX) {
        if let Some(alert) = r.get::<Alert>(id)?.filter(|alert| sees(sight, alert)) {
            match alert.state.is_closed() {
                true => beside.closed += 1,
                false => beside.to_do += 1,
            }
        }
    }
    Ok(beside)
}

/// How many alerts in sight are not judged, under the conditions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Given to nobody.
    pub open: u64,
    /// Given to the viewer.
    pub mine: u64,
    /// All of them, those given to others too.
    pub to_do: u64,
    /// Counting ended before the queue did.
    pub more: bool,
}

/// Counts what waits.
pub fn counts(
    r: &Read<'_>,
    sight: &ArchiveSight,
    own: Option<SubjectId>,
) -> Result<Counts, StoreError> {
    counts_under(r, (sight, own), &Asked::part(Part::ToDo))
}

/// Counts what waits under the conditions, in whatever part; not among the alerts about a
/// conversation.
pub fn counts_under(
    r: &Read<'_>,
    seen_by: (&ArchiveSight, Option<SubjectId>),
    asked: &Asked,
) -> Result<Counts, StoreError> {
    counts_within(r, seen_by, asked, LOOKED_AT)
}

fn counts_within(
    r: &Read<'_>,
    (sight, own): (&ArchiveSight, Option<SubjectId>),
    asked: &Asked,
    most: usize,
) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    let waiting = r.list(&ALERT_BY_TIME, &Walk::prefix(Key::new().with(false)))?;
    for (n, alert) in waiting.enumerate() {
        let alert = alert?;
        if n == most {
            counts.more = true;
            break;
        }
        if sees(sight, &alert) && asked.narrows_to(&alert) {
            counts.to_do += 1;
            counts.open += u64::from(alert.state == AlertState::Open);
            counts.mine += u64::from(is_given_to(&alert, own));
        }
    }
    Ok(counts)
}

/// How many, and whether there are more.
type Number = (u32, bool);

/// What was counted for the menu, by account.
#[derive(Default)]
pub(in crate::archive) struct Waiting(Mutex<HashMap<Id<Account>, (Timestamp, Number)>>);

impl Waiting {
    /// Something was given, judged or opened again: nothing that was counted is true any more.
    pub(in crate::archive) fn forget(&self) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.clear();
    }

    fn known(&self, account: Id<Account>, now: Timestamp) -> Option<Number> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, n) = counted.get(&account)?;
        (now.since_ms(*at) < GOOD_MS).then_some(*n)
    }

    fn keep(&self, account: Id<Account>, now: Timestamp, n: Number) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.insert(account, (now, n));
    }
}

/// How many alerts wait for the viewer or for anybody: the number in the menu. Every page
/// shows it, so it is kept for a moment.
pub(in crate::archive) fn waiting(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<Number> {
    let Some(account) = viewer.account_id() else {
        return Ok((0, false));
    };
    if !viewer.may(Permission::ArchiveRead) {
        return Ok((0, false));
    }
    let now = app.store.clock().now();
    if let Some(n) = app.archive.alerts.known(account, now) {
        return Ok(n);
    }
    let sight = sight(r, &app.directory.get(r)?, viewer)?;
    let (own, all) = (Some(account.cast()), Asked::part(Part::ToDo));
    let counts = counts_within(r, (&sight, own), &all, BADGE_LOOKED_AT)?;
    let n = counts.open + counts.mine;
    let is_more = n > BADGE_MAX || (counts.more && n > 0);
    let n = u32::try_from(n.min(BADGE_MAX)).unwrap_or(u32::MAX);
    app.archive.alerts.keep(account, now, (n, is_more));
    Ok((n, is_more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_in_the_menu_is_good_for_a_moment_and_until_something_is_judged() {
        let waiting = Waiting::default();
        let (account, at) = (Id::from_bits(1), Timestamp::from_ms(1_000));
        assert_eq!(waiting.known(account, at), None);
        waiting.keep(account, at, (3, false));
        let last = at.plus_ms(GOOD_MS - 1);
        assert_eq!(waiting.known(account, last), Some((3, false)));
        assert_eq!(waiting.known(account, at.plus_ms(GOOD_MS)), None);
        assert_eq!(waiting.known(Id::from_bits(2), at), None);
        waiting.forget();
        assert_eq!(waiting.known(account, at), None);
    }
}
