//! Callbacks that were refused, counted by minute and reason: a stranger costs no write, and a
//! restart forgets nothing but the last seconds.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::Result,
    kit::Timestamp,
    slice::WorkerFuture,
    store::{Act, Class, Desc, Entity, Index, Key, Read, StoreError, TableSpec, Walk, Write},
    wecom::callback::Refused,
};

/// How often counts are written.
const WRITE_EVERY: Duration = Duration::from_secs(10);
/// How long counts are kept, in milliseconds.
const KEPT_MS: i64 = 7 * 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// Why a callback was refused, as the page counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Reason {
    /// The signature does not match: another Token, or a stranger.
    #[n(0)]
    Signature,
    /// Meant for another firm or app.
    #[n(1)]
    ReceiveId,
    /// Larger than any callback.
    #[n(2)]
    TooLarge,
    /// Neither XML nor JSON nor ciphertext as they should be.
    #[n(3)]
    Malformed,
    /// Nothing is set up that could open it.
    #[n(4)]
    NotSetUp,
}

impl Reason {
    /// Every reason, in the order of the page.
    pub(super) const ALL: [Self; 5] = [
        Self::Signature,
        Self::ReceiveId,
        Self::TooLarge,
        Self::Malformed,
        Self::NotSetUp,
    ];

    /// Stable code, also the catalogue key's end.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::ReceiveId => "receive_id",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::NotSetUp => "not_set_up",
        }
    }

    /// The reason of a refusal.
    pub(super) fn of(refused: &Refused) -> Self {
        match refused {
            Refused::Signature => Self::Signature,
            Refused::ReceiveId => Self::ReceiveId,
            Refused::TooLarge => Self::TooLarge,
            Refused::Query(_)
            | Refused::Envelope(_)
            | Refused::EnvelopeJson
            | Refused::NothingEncrypted
            | Refused::Base64
            | Refused::Blocks
            | Refused::Padding
            | Refused::Length => Self::Malformed,
        }
    }
}

/// What was refused within one minute.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Minute {
    /// Minutes since the epoch.
    #[n(0)]
    minute: u64,
    /// How many, by reason.
    #[n(1)]
    counts: Vec<(Reason, u64)>,
}

/// Minutes, newest first.
const BY_TIME: Index<Minute> = Index::new("refusals-1.by_time", |m, _| {
    vec![Key::new().with(Desc(m.minute))]
});

/// A minute as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MinuteKey(u64);

impl crate::store::RecordKey for MinuteKey {
    const LEN: Option<usize> = Some(8);
    fn to_key(&self) -> Key {
        Key::new().with(self.0)
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(u64::from_be_bytes(bytes.try_into().ok()?)))
    }
    fn text(&self) -> String {
        self.0.to_string()
    }
}

impl Entity for Minute {
    const KIND: &'static str = "refusals";
    const TABLE: &'static str = "refusals-1";
    const CLASS: Class = Class::Machinery;
    type Key = MinuteKey;

    fn key(&self) -> MinuteKey {
        MinuteKey(self.minute)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_TIME]
    }
}

/// The table.
pub(super) const TABLES: [TableSpec; 1] = [TableSpec::of::<Minute>()];

/// Counts that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeMap<(u64, Reason), u64>>);

impl Refusals {
    /// One more.
    pub(super) fn count(&self, now: Timestamp, reason: Reason) {
        let minute = u64::try_from(now.ms() / MINUTE_MS).unwrap_or(0);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((minute, reason)).or_default() += 1;
    }

    fn take(&self) -> BTreeMap<(u64, Reason), u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many since then, by reason, those not written yet included.
    pub(super) fn since(
        &self,
        r: &Read<'_>,
        since: Timestamp,
    ) -> Result<Vec<(Reason, u64)>, StoreError> {
        let first = u64::try_from(since.ms() / MINUTE_MS).unwrap_or(0);
        let mut sums: BTreeMap<Reason, u64> = BTreeMap::new();
        for minute in r.list(&BY_TIME, &Walk::default())? {
            let minute = minute?;
            if minute.minute < first {
                break;
            }
            for (reason, n) in minute.counts {
                *sums.entry(reason).or_default() += n;
            }
        }
        let unwritten = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((minute, reason), n) in unwritten.iter() {
            if *minute >= first {
                *sums.entry(*reason).or_default() += n;
            }
        }
        Ok(sums.into_iter().collect())
    }
}

fn add(w: &mut Write<'_>, counts: BTreeMap<(u64, Reason), u64>) -> Result<(), StoreError> {
    for ((minute, reason), n) in counts {
        let known = w.get::<Minute>(&MinuteKey(minute))?;
        let mut row = known.unwrap_or(Minute {
            minute,
            counts: Vec::new(),
        });
        match row.counts.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sum)) => *sum += n,
            None => row.counts.push((reason, n)),
        }
        w.put(&row)?;
    }
    let before = u64::try_from(w.now().plus_ms(-KEPT_MS).ms() / MINUTE_MS).unwrap_or(0);
    let walk = Walk {
        backwards: true,
        ..Walk::default()
    };
    let mut old = Vec::new();
    for minute in w.read().list(&BY_TIME, &walk)?.take(1_000) {
        let minute = minute?;
        if minute.minute >= before {
            break;
        }
        old.push(minute.key());
    }
    for key in old {
        w.delete::<Minute>(&key)?;
    }
    Ok(())
}

/// Writes counts as long as the process runs.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(WRITE_EVERY) => {}
                () = app.stopped() => {}
            }
            let counts = app.sync.refusals.take();
            if !counts.is_empty() {
                app.write(Act::by_system("sync.refused", "callback"), move |w| {
                    Ok(add(w, counts)?)
                })
                .await?;
            }
            if app.is_stopping() {
                return Ok(());
            }
        }
    })
}
