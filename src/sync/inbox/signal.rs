//! Events as rows.

use aws_lc_rs::digest;
use minicbor::{Decode, Encode};

use crate::{
    error::AppError,
    kit::Timestamp,
    store::{
        Class, Desc, Entity, Index, Key, Read, SYSTEM_SUBJECT, StoreError, SubjectId, TableSpec,
        Walk, Write,
    },
    work::Failure,
};

use super::super::Target;

/// Attempts after which an event is left to a person.
const ATTEMPTS_MAX: u32 = 10;
/// An event that comes again within this time takes no effect, in milliseconds.
const KEPT_MS: i64 = 30 * 86_400_000;

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum SignalState {
    /// What it is about has to be read.
    #[n(0)]
    Waiting,
    /// What it is about has been read and applied.
    #[n(1)]
    Done,
    /// Given up; a person may try again.
    #[n(2)]
    Failed,
    /// Nothing is read because of it: kept to be looked at.
    #[n(3)]
    Kept,
    /// About customers or groups of somebody outside the pilot: nothing was read.
    #[n(4)]
    Outside,
}

impl SignalState {
    /// Every state, in the order of the page.
    pub(in crate::sync) const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Failed,
        Self::Done,
        Self::Kept,
        Self::Outside,
    ];

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Kept => "kept",
            Self::Outside => "outside",
        }
    }
}

/// An event, under the digest of its decrypted body: WeCom sends the same body again when it
/// has not heard an answer in time, in a fresh envelope.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(in crate::sync) struct Signal {
    /// SHA-256 of the decrypted body.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// When it came first.
    #[n(1)]
    pub received_at: Timestamp,
    /// The decrypted body.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub body: Vec<u8>,
    /// What happened, in WeCom's words: `change_external_chat.update`.
    #[n(3)]
    pub event: String,
    /// What to read again; none for events that change nothing here.
    #[n(4)]
    pub target: Option<Target>,
    /// Where it stands.
    #[n(5)]
    pub state: SignalState,
    /// Attempts so far.
    #[n(6)]
    pub attempts: u32,
    /// Not before this time.
    #[n(7)]
    pub run_after: Timestamp,
    /// When it was dealt with.
    #[n(8)]
    pub handled_at: Option<Timestamp>,
    /// Why the last attempt ended badly.
    #[n(9)]
    pub failure: Option<Failure>,
}

/// Events by state and due time.
const BY_STATE: Index<Signal> = Index::new("signals-1.by_state", |s, _| {
    vec![Key::new().with(s.state as u8).with(s.run_after)]
});

/// Events, newest first.
const BY_TIME: Index<Signal> = Index::new("signals-1.by_time", |s, _| {
    vec![Key::new().with(Desc(s.received_at))]
});

impl Entity for Signal {
    const KIND: &'static str = "signal";
    const TABLE: &'static str = "signals-1";
    const CLASS: Class = Class::Machinery;
    type Key = [u8; 32];

    fn key(&self) -> [u8; 32] {
        self.digest
    }
    /// Bodies name customers and members.
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_STATE, BY_TIME]
    }
}

/// The inbox's tables.
pub(in crate::sync) const TABLES: [TableSpec; 1] = [TableSpec::of::<Signal>()];

/// Whether the same event came before.
pub(in crate::sync) fn is_known(r: &Read<'_>, body: &[u8]) -> Result<bool, StoreError> {
    r.exists::<Signal>(&digest_of(body))
}

/// The key of a decrypted body.
fn digest_of(body: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, body).as_ref());
    out
}

/// Stores an event; `false` if the same came before.
pub(in crate::sync) fn receive(
    w: &mut Write<'_>,
    body: Vec<u8>,
    event: String,
    target: Option<Target>,
) -> Result<bool, StoreError> {
    let digest = digest_of(&body);
    if w.read().exists::<Signal>(&digest)? {
        return Ok(false);
    }
    let state = match target {
        Some(_) => SignalState::Waiting,
        None => SignalState::Kept,
    };
    w.put(&Signal {
        digest,
        received_at: w.now(),
        body,
        event,
        target,
        state,
        attempts: 0,
        run_after: w.now(),
        handled_at: None,
        failure: None,
    })?;
    Ok(true)
}

/// Waiting events that are due, oldest due time first.
pub(super) fn due(r: &Read<'_>, now: Timestamp, limit: usize) -> Result<Vec<Signal>, StoreError> {
    let mut due = Vec::new();
    for signal in r
        .list(&BY_STATE, &in_state(SignalState::Waiting))?
        .take(limit)
    {
        let signal = signal?;
        if signal.run_after > now {
            break;
        }
        due.push(signal);
    }
    Ok(due)
}

/// What an event is about has been read and applied.
pub(super) fn finish(w: &mut Write<'_>, digest: [u8; 32]) -> Result<(), StoreError> {
    settle(w, digest, SignalState::Done)
}

/// An event is about somebody outside the pilot.
pub(super) fn set_aside(w: &mut Write<'_>, digest: [u8; 32]) -> Result<(), StoreError> {
    settle(w, digest, SignalState::Outside)
}

fn settle(w: &mut Write<'_>, digest: [u8; 32], state: SignalState) -> Result<(), StoreError> {
    let Some(mut signal) = w.get::<Signal>(&digest)? else {
        return Ok(());
    };
    signal.state = state;
    signal.handled_at = Some(w.now());
    signal.failure = None;
    w.put(&signal)
}

/// An attempt ended badly: tried again later, or left to a person. Waiting for one's turn is no
/// attempt.
pub(super) fn fail(
    w: &mut Write<'_>,
    digest: [u8; 32],
    error: &AppError,
) -> Result<(), StoreError> {
    let Some(mut signal) = w.get::<Signal>(&digest)? else {
        return Ok(());
    };
    let now = w.now();
    signal.failure = Some(Failure::of(error, now));
    if let AppError::Later { retry_after_s, .. } = error {
        let ms = i64::try_from(*retry_after_s).unwrap_or(3_600) * 1_000;
        signal.run_after = now.plus_ms(ms);
        return w.put(&signal);
    }
    signal.attempts += 1;
    let again = error.may_pass() && signal.attempts < ATTEMPTS_MAX;
    if !again {
        signal.state = SignalState::Failed;
        signal.handled_at = Some(now);
    }
    signal.run_after = now.plus_ms(wait_ms(signal.attempts));
    w.put(&signal)
}

/// 2 s, 4 s, 8 s … up to ten minutes.
fn wait_ms(attempts: u32) -> i64 {
    (1000_i64 << attempts.min(10)).min(600_000)
}

/// Puts an event back in line; `false` if it is not there or about nothing.
pub(in crate::sync) fn replay(w: &mut Write<'_>, digest: [u8; 32]) -> Result<bool, StoreError> {
    let Some(mut signal) = w.get::<Signal>(&digest)?.filter(|s| s.target.is_some()) else {
        return Ok(false);
    };
    signal.state = SignalState::Waiting;
    signal.attempts = 0;
    signal.run_after = w.now();
    w.put(&signal)?;
    Ok(true)
}

/// Puts all events that were given up back in line; gives how many, at most `limit`.
pub(in crate::sync) fn replay_failed(w: &mut Write<'_>, limit: usize) -> Result<u64, StoreError> {
    let failed: Vec<[u8; 32]> = w
        .read()
        .walk(&BY_STATE, &in_state(SignalState::Failed))?
        .take(limit)
        .map(|hit| hit.map(|hit| hit.key))
        .collect::<Result<_, _>>()?;
    let mut replayed = 0;
    for digest in failed {
        replayed += u64::from(replay(w, digest)?);
    }
    Ok(replayed)
}

/// Forgets events that cannot come again; gives how many, at most `limit`.
pub(super) fn tidy(w: &mut Write<'_>, limit: usize) -> Result<usize, StoreError> {
    let before = w.now().plus_ms(-KEPT_MS);
    let mut old = Vec::new();
    for state in [SignalState::Done, SignalState::Kept, SignalState::Outside] {
        for signal in w.read().list(&BY_STATE, &in_state(state))?.take(limit) {
            let signal = signal?;
            if signal.received_at > before {
                break;
            }
            old.push(signal.digest);
        }
    }
    for digest in &old {
        w.delete::<Signal>(digest)?;
    }
    Ok(old.len())
}

/// The newest events, of one state or of all.
pub(in crate::sync) fn newest(
    r: &Read<'_>,
    state: Option<SignalState>,
    limit: usize,
) -> Result<Vec<Signal>, StoreError> {
    match state {
        Some(state) => {
            let walk = Walk {
                backwards: true,
                ..in_state(state)
            };
            r.list(&BY_STATE, &walk)?.take(limit).collect()
        }
        None => r.list(&BY_TIME, &Walk::default())?.take(limit).collect(),
    }
}

/// How the inbox stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sync) struct Tally {
    /// Events in line.
    pub waiting: u64,
    /// Events left to a person.
    pub failed: u64,
    /// When the oldest event in line came.
    pub oldest_waiting: Option<Timestamp>,
    /// When the newest event of all came.
    pub newest: Option<Timestamp>,
    /// Events that came within the last hour.
    pub last_hour: u64,
    /// Events that came within the last minute.
    pub last_minute: u64,
}

/// Events that one look counts at most.
const COUNTED_MAX: usize = 100_000;

/// How the inbox stands now.
pub(in crate::sync) fn tally(r: &Read<'_>, now: Timestamp) -> Result<Tally, StoreError> {
    let count = |walk: &Walk| -> Result<u64, StoreError> {
        Ok(r.walk(&BY_STATE, walk)?.take(COUNTED_MAX).count() as u64)
    };
    let first = |walk: &Walk| -> Result<Option<Signal>, StoreError> {
        r.list(&BY_STATE, walk)?.next().transpose()
    };
    let newest = r.list(&BY_TIME, &Walk::default())?.next().transpose()?;
    let hour_ago = Key::new().with(Desc(now.plus_ms(-3_600_000))).into_bytes();
    let minute_ago = Key::new().with(Desc(now.plus_ms(-60_000))).into_bytes();
    let (mut last_hour, mut last_minute) = (0, 0);
    for hit in r.walk(&BY_TIME, &Walk::default())?.take(COUNTED_MAX) {
        let place = hit?.place;
        if place >= hour_ago {
            break;
        }
        last_hour += 1;
        last_minute += u64::from(place < minute_ago);
    }
    Ok(Tally {
        waiting: count(&in_state(SignalState::Waiting))?,
        failed: count(&in_state(SignalState::Failed))?,
        oldest_waiting: first(&in_state(SignalState::Waiting))?.map(|s| s.received_at),
        newest: newest.map(|s| s.received_at),
        last_hour,
        last_minute,
    })
}

/// How many events wait.
pub(in crate::sync) fn waiting(r: &Read<'_>) -> Result<u64, StoreError> {
    let rows = r.walk(&BY_STATE, &in_state(SignalState::Waiting))?;
    Ok(rows.take(COUNTED_MAX).count() as u64)
}

fn in_state(state: SignalState) -> Walk {
    Walk::prefix(Key::new().with(state as u8))
}
