//! Effects as rows: what is to be done outside, how far it is, how it ended.

use minicbor::{Decode, Encode};

use crate::{
    error::AppError,
    kit::{Cursor, Id, Page, PageRequest, Timestamp},
    store::{
        Class, Desc, Entity, Index, Key, Read, SYSTEM_SUBJECT, StoreError, SubjectId, Walk, Write,
    },
    wecom::quota::Urgency,
    work::Failure,
};

use super::{EffectSpec, WriteMode, permit};

/// See [`Effect`].
pub type EffectId = Id<Effect>;

/// Where an effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum EffectState {
    /// Waiting for its turn.
    #[n(0)]
    Queued,
    /// On its way; after a crash nobody knows whether it arrived.
    #[n(1)]
    Sending,
    /// It happened.
    #[n(2)]
    Done,
    /// It did not happen and will not by itself; `failure` says why.
    #[n(3)]
    Failed,
    /// Nobody can tell whether it happened; a person decides.
    #[n(4)]
    Unknown,
    /// A person stopped it before it was sent.
    #[n(5)]
    Cancelled,
    /// What would have been done: the firm only rehearses.
    #[n(6)]
    Rehearsed,
}

impl EffectState {
    /// Every state, in the order of the page.
    pub const ALL: [Self; 7] = [
        Self::Unknown,
        Self::Failed,
        Self::Queued,
        Self::Sending,
        Self::Done,
        Self::Cancelled,
        Self::Rehearsed,
    ];

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
            Self::Rehearsed => "rehearsed",
        }
    }

    /// The state with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Whether something is still to happen.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Queued | Self::Sending | Self::Unknown)
    }
}

/// What goes first when there is not room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Priority {
    /// It is worth nothing in a few seconds: a welcome message.
    #[n(0)]
    Urgent,
    /// Somebody is waiting at the screen.
    #[n(1)]
    Awaited,
    /// One of many.
    #[n(2)]
    Bulk,
}

impl Priority {
    /// All of them, what goes first first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Awaited, Self::Bulk];
}

impl From<Priority> for Urgency {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Urgent => Self::Urgent,
            Priority::Awaited => Self::Awaited,
            Priority::Bulk => Self::Bulk,
        }
    }
}

/// Something to be done outside.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Effect {
    /// Ours.
    #[n(0)]
    pub id: EffectId,
    /// Which effect: the name of a registered kind.
    #[n(1)]
    pub kind: String,
    /// Where it stands.
    #[n(2)]
    pub state: EffectState,
    /// What goes first.
    #[n(3)]
    pub priority: Priority,
    /// What is to be done, in the kind's own encoding.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub input: Vec<u8>,
    /// Kind and id of the record it is for, e.g. `member` and its id.
    #[n(5)]
    pub about: (String, String),
    /// What it belongs to, e.g. an import; its effects are counted together.
    #[n(6)]
    pub batch: Option<String>,
    /// The account that caused it; none for the system's own.
    #[n(7)]
    pub created_by: Option<SubjectId>,
    /// When planned.
    #[n(8)]
    pub created_at: Timestamp,
    /// Not before this time.
    #[n(9)]
    pub run_after: Timestamp,
    /// Worth nothing after this time.
    #[n(10)]
    pub expires_at: Option<Timestamp>,
    /// Attempts so far.
    #[n(11)]
    pub attempts: u32,
    /// When the last attempt began.
    #[n(12)]
    pub sent_at: Option<Timestamp>,
    /// When it ended.
    #[n(13)]
    pub finished_at: Option<Timestamp>,
    /// What the other end answered, in the kind's own encoding.
    #[cbor(n(14), with = "minicbor::bytes")]
    pub answer: Option<Vec<u8>>,
    /// Why the last attempt ended badly.
    #[n(15)]
    pub failure: Option<Failure>,
    /// Looks after the last attempt that brought no clear answer.
    #[n(16)]
    pub looks: u32,
    /// Place among the effects for the same record that have not ended.
    #[n(17)]
    pub place: u32,
}

/// Effects in line by priority, kind and due time: the order in which they are sent.
const BY_LINE: Index<Effect> = Index::new("effects-1.by_line", |e, _| {
    let key = || {
        Key::new()
            .with(e.priority as u8)
            .with(e.kind.as_str())
            .with(e.run_after)
    };
    let is_in_line = e.state == EffectState::Queued;
    is_in_line.then(key).into_iter().collect()
});

/// Effects that have not come to their end, and those that failed, by the record they are for,
/// in the order planned.
const BY_LANE: Index<Effect> = Index::new("effects-1.by_lane", |e, _| {
    let key = || lane(&e.about).with(e.place);
    let is_here = e.state.is_pending() || e.state == EffectState::Failed;
    is_here.then(key).into_iter().collect()
});

/// Effects by kind and state, newest first.
const BY_KIND: Index<Effect> = Index::new("effects-1.by_kind", |e, _| {
    vec![
        Key::new()
            .with(e.kind.as_str())
            .with(e.state as u8)
            .with(Desc(e.created_at)),
    ]
});

fn lane(about: &(String, String)) -> Key {
    Key::new().with(about.0.as_str()).with(about.1.as_str())
}

/// Effects, newest first.
const BY_TIME: Index<Effect> = Index::new("effects-1.by_time", |e, _| {
    vec![Key::new().with(Desc(e.created_at))]
});

/// Effects by state, newest first.
const BY_STATE_AND_TIME: Index<Effect> = Index::new("effects-1.by_state_and_time", |e, _| {
    vec![Key::new().with(e.state as u8).with(Desc(e.created_at))]
});

/// Effects by what they belong to, newest first.
const BY_BATCH: Index<Effect> = Index::new("effects-1.by_batch", |e, _| {
    let key = |batch: &String| Key::new().with(batch.as_str()).with(Desc(e.created_at));
    e.batch.iter().map(key).collect()
});

impl Entity for Effect {
    const KIND: &'static str = "effect";
    const TABLE: &'static str = "effects-1";
    const CLASS: Class = Class::Machinery;
    type Key = EffectId;

    fn key(&self) -> EffectId {
        self.id
    }
    /// Inputs name customers and members.
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[
            BY_LINE,
            BY_LANE,
            BY_TIME,
            BY_KIND,
            BY_STATE_AND_TIME,
            BY_BATCH,
        ]
    }
}

/// An effect to be planned.
#[derive(Debug, Clone)]
pub struct NewEffect {
    /// A registered kind.
    pub kind: EffectSpec,
    /// What goes first.
    pub priority: Priority,
    /// What is to be done, in the kind's own encoding.
    pub input: Vec<u8>,
    /// Kind and id of the record it is for.
    pub about: (&'static str, String),
    /// What it belongs to.
    pub batch: Option<String>,
    /// Who causes it.
    pub created_by: Option<SubjectId>,
    /// Worth nothing after this time.
    pub expires_at: Option<Timestamp>,
}

/// Plans an effect; it is sent once this write is durable. Where the firm only rehearses it is
/// recorded and never sent.
///
/// [`AppError::Conflict`] `writing_off` where the firm does not let Qitai write.
pub fn plan(w: &mut Write<'_>, new: NewEffect) -> Result<EffectId, AppError> {
    let mode = permit::mode(&w.read(), new.kind.area)?;
    permit::must_be_allowed(mode)?;
    let id = w.new_id::<Effect>()?;
    let (kind, about) = new.about;
    let about = (kind.to_owned(), about);
    let is_sent = mode == WriteMode::On;
    w.put(&Effect {
        id,
        kind: new.kind.name.to_owned(),
        state: match is_sent {
            true => EffectState::Queued,
            false => EffectState::Rehearsed,
        },
        priority: new.priority,
        input: new.input,
        place: next_place(&w.read(), &about)?,
        about,
        batch: new.batch,
        created_by: new.created_by,
        created_at: w.now(),
        run_after: w.now(),
        expires_at: new.expires_at,
        attempts: 0,
        sent_at: None,
        finished_at: (!is_sent).then(|| w.now()),
        answer: None,
        failure: None,
        looks: 0,
    })?;
    Ok(id)
}

/// The place behind everything that may still leave for this record.
fn next_place(r: &Read<'_>, about: &(String, String)) -> Result<u32, StoreError> {
    let walk = Walk {
        backwards: true,
        ..Walk::prefix(lane(about))
    };
    let last = r.list(&BY_LANE, &walk)?.next().transpose()?;
    Ok(last.map_or(0, |e| e.place.saturating_add(1)))
}

/// Whether nothing planned earlier for the same record may still leave by itself. What waits
/// for a person holds nothing up.
fn is_first_in_lane(r: &Read<'_>, effect: &Effect) -> Result<bool, StoreError> {
    for earlier in r.list(&BY_LANE, &Walk::prefix(lane(&effect.about)))? {
        let earlier = earlier?;
        if earlier.id == effect.id {
            return Ok(true);
        }
        if matches!(earlier.state, EffectState::Queued | EffectState::Sending) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Stops an effect that has not been sent, or gives up one that failed; `false` if it is too
/// late, or not there.
pub fn cancel(w: &mut Write<'_>, id: EffectId) -> Result<bool, StoreError> {
    change(w, id, |effect, now| {
        let is_waiting = matches!(effect.state, EffectState::Queued | EffectState::Failed);
        if is_waiting {
            effect.state = EffectState::Cancelled;
            effect.finished_at = Some(now);
        }
        is_waiting
    })
}

/// Puts a failed effect back in line, behind what was planned since for the same record;
/// `false` if it did not fail, or is not there.
pub fn retry(w: &mut Write<'_>, id: EffectId) -> Result<bool, StoreError> {
    requeue(w, id, EffectState::Failed)
}

fn requeue(w: &mut Write<'_>, id: EffectId, from: EffectState) -> Result<bool, StoreError> {
    let Some(effect) = w.get::<Effect>(&id)? else {
        return Ok(false);
    };
    let place = next_place(&w.read(), &effect.about)?;
    change(w, id, |effect, now| {
        if effect.state != from {
            return false;
        }
        effect.state = EffectState::Queued;
        effect.attempts = 0;
        effect.place = place;
        effect.run_after = now;
        effect.finished_at = None;
        true
    })
}

/// What a person found out about an effect that nobody else could tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It happened.
    Happened,
    /// It did not; send it again.
    SendAgain,
    /// It did not, and it shall not.
    LeaveIt,
}

/// Settles an effect in state unknown; `false` if it is in another state, or not there.
pub fn decide(w: &mut Write<'_>, id: EffectId, decision: Decision) -> Result<bool, StoreError> {
    if decision == Decision::SendAgain {
        return requeue(w, id, EffectState::Unknown);
    }
    change(w, id, |effect, now| {
        if effect.state != EffectState::Unknown {
            return false;
        }
        effect.state = match decision {
            Decision::Happened => EffectState::Done,
            Decision::LeaveIt | Decision::SendAgain => EffectState::Cancelled,
        };
        effect.finished_at = Some(now);
        true
    })
}

/// Changes an effect; gives what `with` says of it, `false` if it is not there.
pub(super) fn change(
    w: &mut Write<'_>,
    id: EffectId,
    with: impl FnOnce(&mut Effect, Timestamp) -> bool,
) -> Result<bool, StoreError> {
    let Some(mut effect) = w.get::<Effect>(&id)? else {
        return Ok(false);
    };
    let now = w.now();
    let has_changed = with(&mut effect, now);
    if has_changed {
        w.put(&effect)?;
    }
    Ok(has_changed)
}

/// The folder that the outbox belongs to. One row: a restored folder has another id, and what
/// was unfinished in the backup may have been carried out since.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Home {
    /// The folder's id.
    #[n(0)]
    folder: String,
}

impl Entity for Home {
    const KIND: &'static str = "outbox_home";
    const TABLE: &'static str = "outbox-home-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        "home".to_owned()
    }
}

#[cfg(test)]
impl Home {
    /// Another folder's.
    pub(super) fn of_another() -> Self {
        Self {
            folder: "another".to_owned(),
        }
    }
}

/// Leaves everything unfinished to a person if the folder is not the one in which it was
/// planned; gives how many effects that are.
pub(super) fn move_in(w: &mut Write<'_>) -> Result<usize, StoreError> {
    let here = Home {
        folder: w.read().vault().folder_id(),
    };
    let before = w.get::<Home>(&here.key())?;
    let mut moved = Vec::new();
    if before.is_some_and(|before| before != here) {
        for state in [EffectState::Queued, EffectState::Sending] {
            let unfinished = w.read().list(&BY_STATE_AND_TIME, &in_state(state))?;
            moved.extend(unfinished.collect::<Result<Vec<_>, _>>()?);
        }
    }
    let n = moved.len();
    for mut effect in moved {
        effect.state = EffectState::Unknown;
        effect.failure = Some(Failure::of(
            &AppError::Unavailable { why: "restored" },
            w.now(),
        ));
        w.put(&effect)?;
    }
    w.put(&here)?;
    Ok(n)
}

/// How long ended effects are kept, in milliseconds.
const KEPT_MS: i64 = 90 * 86_400_000;

/// Forgets effects that ended long ago; gives how many, at most `limit` of each state. What
/// failed stays until somebody has looked at it.
pub(super) fn tidy(w: &mut Write<'_>, limit: usize) -> Result<usize, StoreError> {
    let before = w.now().plus_ms(-KEPT_MS);
    let mut old = Vec::new();
    for state in [
        EffectState::Done,
        EffectState::Cancelled,
        EffectState::Rehearsed,
    ] {
        let walk = Walk {
            backwards: true,
            ..in_state(state)
        };
        for effect in w.read().list(&BY_STATE_AND_TIME, &walk)?.take(limit) {
            let effect = effect?;
            if effect.created_at > before {
                break;
            }
            old.push(effect.id);
        }
    }
    for id in &old {
        w.delete::<Effect>(id)?;
    }
    Ok(old.len())
}

/// Effects of a kind that are looked at for one round.
const LOOKED_AT_MAX: usize = 200;

/// Effects in line that are due and may leave, at most `room`.
pub(super) fn due(
    r: &Read<'_>,
    kind: &str,
    priority: Priority,
    now: Timestamp,
    room: usize,
) -> Result<Vec<Effect>, StoreError> {
    let mut due: Vec<Effect> = Vec::new();
    let prefix = Key::new().with(priority as u8).with(kind);
    for effect in r.list(&BY_LINE, &Walk::prefix(prefix))?.take(LOOKED_AT_MAX) {
        let effect = effect?;
        if effect.run_after > now || due.len() >= room {
            break;
        }
        if is_first_in_lane(r, &effect)? {
            due.push(effect);
        }
    }
    Ok(due)
}

/// Everything in *sending*: after a crash, what nobody knows the end of.
pub(super) fn sending(r: &Read<'_>) -> Result<Vec<Effect>, StoreError> {
    r.list(&BY_STATE_AND_TIME, &in_state(EffectState::Sending))?
        .collect()
}

/// Which effects a list is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// Only of this state.
    pub state: Option<EffectState>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of this batch; the other two conditions are then tried row by row.
    pub batch: Option<String>,
}

impl Sought {
    fn matches(&self, effect: &Effect) -> bool {
        self.state.is_none_or(|state| state == effect.state)
            && self.kind.as_ref().is_none_or(|kind| *kind == effect.kind)
    }

    fn index(&self) -> (&'static Index<Effect>, Key) {
        match (&self.batch, &self.kind, self.state) {
            (Some(batch), ..) => (&BY_BATCH, Key::new().with(batch.as_str())),
            (None, Some(kind), Some(state)) => {
                (&BY_KIND, Key::new().with(kind.as_str()).with(state as u8))
            }
            (None, Some(kind), None) => (&BY_KIND, Key::new().with(kind.as_str())),
            (None, None, Some(state)) => (&BY_STATE_AND_TIME, Key::new().with(state as u8)),
            (None, None, None) => (&BY_TIME, Key::new()),
        }
    }
}

/// A page of effects, newest first.
pub fn page(
    r: &Read<'_>,
    sought: &Sought,
    request: &PageRequest,
) -> Result<Page<Effect>, StoreError> {
    let (index, prefix) = sought.index();
    let backwards = request.before.is_some();
    let place = request.before.as_ref().or(request.after.as_ref());
    let walk = Walk {
        prefix: prefix.clone(),
        after: place.map(|cursor| cursor.0.clone()),
        backwards,
    };
    let limit = request.limit();
    let mut rows: Vec<(Vec<u8>, Effect)> = Vec::new();
    let mut has_more = false;
    for hit in r.walk(index, &walk)? {
        let hit = hit?;
        let Some(effect) = r.get::<Effect>(&hit.key)?.filter(|e| sought.matches(e)) else {
            continue;
        };
        if rows.len() == limit {
            has_more = true;
            break;
        }
        rows.push((hit.place, effect));
    }
    if backwards {
        rows.reverse();
    }
    let total = r.walk(index, &Walk::prefix(prefix))?.take(COUNTED_MAX);
    let total = total.count() as u64;
    let cursor = |row: Option<&(Vec<u8>, Effect)>| row.map(|(place, _)| Cursor(place.clone()));
    let (older, newer) = match backwards {
        true => (true, has_more),
        false => (has_more, request.after.is_some()),
    };
    Ok(Page {
        next: cursor(rows.last()).filter(|_| older),
        prev: cursor(rows.first()).filter(|_| newer),
        items: rows.into_iter().map(|(_, effect)| effect).collect(),
        total,
        total_exact: total < COUNTED_MAX as u64,
        offset: None,
    })
}

/// The effects of a batch, newest first.
pub fn of_batch(r: &Read<'_>, batch: &str, limit: usize) -> Result<Vec<Effect>, StoreError> {
    r.list(&BY_BATCH, &Walk::prefix(Key::new().with(batch)))?
        .take(limit)
        .collect()
}

/// What may still happen to a record and what failed, in the order planned: pages show it.
pub fn pending_about(r: &Read<'_>, kind: &str, id: &str) -> Result<Vec<Effect>, StoreError> {
    let about = (kind.to_owned(), id.to_owned());
    r.list(&BY_LANE, &Walk::prefix(lane(&about)))?.collect()
}

/// Everything that a verb plans, for a rehearsal: see [`Store::rehearse`](crate::store::Store).
pub fn planned(
    w: &mut Write<'_>,
    verb: impl FnOnce(&mut Write<'_>) -> Result<(), AppError>,
) -> Result<Vec<Effect>, AppError> {
    let now = w.now();
    let fresh = |w: &Write<'_>| -> Result<Vec<Effect>, StoreError> {
        let read = w.read();
        let newest = read.list(&BY_TIME, &Walk::default())?;
        newest
            .take_while(|e| e.as_ref().map_or(true, |e| e.created_at >= now))
            .collect()
    };
    let before: std::collections::HashSet<EffectId> = fresh(w)?.into_iter().map(|e| e.id).collect();
    verb(w)?;
    let mut planned = fresh(w)?;
    planned.retain(|e| !before.contains(&e.id));
    planned.reverse();
    Ok(planned)
}

/// The ids of those that are sought, at most `limit`.
pub fn ids(r: &Read<'_>, sought: &Sought, limit: usize) -> Result<Vec<EffectId>, StoreError> {
    let (index, prefix) = sought.index();
    let mut ids = Vec::new();
    for effect in r.list(index, &Walk::prefix(prefix))? {
        let effect = effect?;
        if ids.len() == limit {
            break;
        }
        if sought.matches(&effect) {
            ids.push(effect.id);
        }
    }
    Ok(ids)
}

/// How many effects of a kind are in line, and when the oldest was planned.
pub fn queued(r: &Read<'_>, kind: &str) -> Result<(u64, Option<Timestamp>), StoreError> {
    let prefix = Key::new().with(kind).with(EffectState::Queued as u8);
    let n = r.walk(&BY_KIND, &Walk::prefix(prefix.clone()))?;
    let n = n.take(COUNTED_MAX).count() as u64;
    let oldest = Walk {
        backwards: true,
        ..Walk::prefix(prefix)
    };
    let oldest = r.list(&BY_KIND, &oldest)?.next().transpose()?;
    Ok((n, oldest.map(|e| e.created_at)))
}

/// Effects counted at most for one state.
const COUNTED_MAX: usize = 10_000;

/// How many effects stand where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(Vec<(EffectState, u64)>);

impl Tally {
    /// Effects in a state, up to ten thousand.
    pub fn of(&self, state: EffectState) -> u64 {
        let found = self.0.iter().find(|(known, _)| *known == state);
        found.map_or(0, |(_, n)| *n)
    }
}

/// How many effects stand where, of all kinds or of one, each up to ten thousand.
pub fn tally(r: &Read<'_>, kind: Option<&str>) -> Result<Tally, StoreError> {
    let count = |state| -> Result<(EffectState, u64), StoreError> {
        let sought = Sought {
            state: Some(state),
            kind: kind.map(str::to_owned),
            batch: None,
        };
        let (index, prefix) = sought.index();
        let rows = r.walk(index, &Walk::prefix(prefix))?;
        Ok((state, rows.take(COUNTED_MAX).count() as u64))
    };
    EffectState::ALL
        .into_iter()
        .map(count)
        .collect::<Result<_, _>>()
        .map(Tally)
}

fn in_state(state: EffectState) -> Walk {
    Walk::prefix(Key::new().with(state as u8))
}
