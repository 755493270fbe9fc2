//! Effects as rows: what is to be done outside, how far it is, how it ended.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    store::{
        Class, Desc, Entity, Index, Key, Read, SYSTEM_SUBJECT, StoreError, SubjectId, TableSpec,
        Walk, Write,
    },
    work::Failure,
};

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
}

impl EffectState {
    /// Every state, in the order of the page.
    pub const ALL: [Self; 6] = [
        Self::Unknown,
        Self::Failed,
        Self::Queued,
        Self::Sending,
        Self::Done,
        Self::Cancelled,
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
        }
    }

    /// The state with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
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
}

/// Effects by state, priority and due time: the order in which they are sent.
const BY_STATE: Index<Effect> = Index::new("effects-1.by_state", |e, _| {
    vec![
        Key::new()
            .with(e.state as u8)
            .with(e.priority as u8)
            .with(e.run_after),
    ]
});

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
        &[BY_STATE, BY_TIME, BY_STATE_AND_TIME, BY_BATCH]
    }
}

/// The outbox's tables.
pub const TABLES: [TableSpec; 1] = [TableSpec::of::<Effect>()];

/// An effect to be planned.
#[derive(Debug, Clone)]
pub struct NewEffect {
    /// Name of a registered kind.
    pub kind: &'static str,
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

/// Plans an effect; it is sent once this write is durable.
pub fn plan(w: &mut Write<'_>, new: NewEffect) -> Result<EffectId, StoreError> {
    let id = w.new_id::<Effect>()?;
    let (kind, about) = new.about;
    w.put(&Effect {
        id,
        kind: new.kind.to_owned(),
        state: EffectState::Queued,
        priority: new.priority,
        input: new.input,
        about: (kind.to_owned(), about),
        batch: new.batch,
        created_by: new.created_by,
        created_at: w.now(),
        run_after: w.now(),
        expires_at: new.expires_at,
        attempts: 0,
        sent_at: None,
        finished_at: None,
        answer: None,
        failure: None,
        looks: 0,
    })?;
    Ok(id)
}

/// Stops an effect that has not been sent; `false` if it is too late, or not there.
pub fn cancel(w: &mut Write<'_>, id: EffectId) -> Result<bool, StoreError> {
    change(w, id, |effect, now| {
        let is_waiting = effect.state == EffectState::Queued;
        if is_waiting {
            effect.state = EffectState::Cancelled;
            effect.finished_at = Some(now);
        }
        is_waiting
    })
}

/// Puts a failed effect back in line; `false` if it did not fail, or is not there.
pub fn retry(w: &mut Write<'_>, id: EffectId) -> Result<bool, StoreError> {
    change(w, id, |effect, now| {
        let has_failed = effect.state == EffectState::Failed;
        if has_failed {
            requeue(effect, now);
        }
        has_failed
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
    change(w, id, |effect, now| {
        if effect.state != EffectState::Unknown {
            return false;
        }
        match decision {
            Decision::SendAgain => requeue(effect, now),
            Decision::Happened => effect.state = EffectState::Done,
            Decision::LeaveIt => effect.state = EffectState::Cancelled,
        }
        if decision != Decision::SendAgain {
            effect.finished_at = Some(now);
        }
        true
    })
}

fn requeue(effect: &mut Effect, now: Timestamp) {
    effect.state = EffectState::Queued;
    effect.attempts = 0;
    effect.run_after = now;
    effect.finished_at = None;
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

/// Effects in line that are due, in the order in which they are sent: at most `room`, urgent
/// ones up to `urgent_room`.
pub(super) fn due(
    r: &Read<'_>,
    now: Timestamp,
    room: usize,
    urgent_room: usize,
) -> Result<Vec<Effect>, StoreError> {
    let mut due = Vec::new();
    for (priority, room) in [
        (Priority::Urgent, urgent_room),
        (Priority::Awaited, room),
        (Priority::Bulk, room),
    ] {
        let prefix = Key::new()
            .with(EffectState::Queued as u8)
            .with(priority as u8);
        for effect in r.list(&BY_STATE, &Walk::prefix(prefix))? {
            let effect = effect?;
            if effect.run_after > now || due.len() >= room {
                break;
            }
            due.push(effect);
        }
    }
    Ok(due)
}

/// Everything in *sending*: after a crash, what nobody knows the end of.
pub(super) fn sending(r: &Read<'_>) -> Result<Vec<Effect>, StoreError> {
    r.list(&BY_STATE, &in_state(EffectState::Sending))?
        .collect()
}

/// The newest effects, of one state or of all.
pub fn newest(
    r: &Read<'_>,
    state: Option<EffectState>,
    limit: usize,
) -> Result<Vec<Effect>, StoreError> {
    match state {
        Some(state) => r
            .list(&BY_STATE_AND_TIME, &in_state(state))?
            .take(limit)
            .collect(),
        None => r.list(&BY_TIME, &Walk::default())?.take(limit).collect(),
    }
}

/// The effects of a batch, newest first.
pub fn of_batch(r: &Read<'_>, batch: &str, limit: usize) -> Result<Vec<Effect>, StoreError> {
    r.list(&BY_BATCH, &Walk::prefix(Key::new().with(batch)))?
        .take(limit)
        .collect()
}

/// Effects counted at most for one state.
const COUNTED_MAX: usize = 100_000;

/// How many effects stand where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(Vec<(EffectState, u64)>);

impl Tally {
    /// Effects in a state.
    pub fn of(&self, state: EffectState) -> u64 {
        let found = self.0.iter().find(|(known, _)| *known == state);
        found.map_or(0, |(_, n)| *n)
    }
}

/// How many effects stand where, each up to a hundred thousand.
pub fn tally(r: &Read<'_>) -> Result<Tally, StoreError> {
    let count = |state| -> Result<(EffectState, u64), StoreError> {
        let rows = r.walk(&BY_STATE, &in_state(state))?;
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
