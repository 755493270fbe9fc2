//! Operations that were carried out: what a person asks for once changes something once.
//!
//! The row is written in the transaction of the change itself, so neither a second click nor
//! a retry after a crash finds the one without the other.

use minicbor::{Decode, Encode};

use crate::{
    error::{AppError, Result},
    kit::{OperationId, Timestamp},
};

use super::{
    Act, Actor, Class, Entity, Index, Key, Read, Store, StoreError, SubjectId, TableSpec, Walk,
    Write,
};

/// An operation is remembered for so long, ms.
const KEPT_MS: i64 = 24 * 3_600_000;
/// Rows one sweep removes at most.
const SWEEP_ROWS_MAX: usize = 1000;

/// operations: account and operation → what came of it. Sealed under the account's key,
/// because an address may carry what somebody typed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CarriedOut {
    #[n(0)]
    account: SubjectId,
    #[n(1)]
    operation: OperationId,
    /// The request that carried it out.
    #[n(2)]
    request: String,
    #[n(3)]
    at: Timestamp,
    /// Where its answer led.
    #[n(4)]
    pub led_to: Option<String>,
}

const BY_TIME: Index<CarriedOut> = Index::new("operations-1.by_time", |done: &CarriedOut, _| {
    vec![Key::new().with(done.at)]
});

impl Entity for CarriedOut {
    const KIND: &'static str = "operation";
    const TABLE: &'static str = "operations-1";
    const CLASS: Class = Class::Machinery;
    const WHILE_HELD: bool = true;
    type Key = [u8; 16];

    fn key(&self) -> [u8; 16] {
        key(self.account, self.operation)
    }

    fn subject(&self) -> Option<SubjectId> {
        Some(self.account)
    }

    fn indexes() -> &'static [Index<Self>] {
        &[BY_TIME]
    }
}

/// The module's tables.
pub(crate) const TABLES: [TableSpec; 1] = [TableSpec::of::<CarriedOut>()];

fn key(account: SubjectId, operation: OperationId) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&account.bits().to_be_bytes());
    key[8..].copy_from_slice(&operation.bits().to_be_bytes());
    key
}

/// What came of an operation; `None` if it was not carried out, or longer ago than a day.
pub fn find(
    r: &Read<'_>,
    account: SubjectId,
    operation: OperationId,
) -> Result<Option<CarriedOut>, StoreError> {
    r.get(&key(account, operation))
}

/// Notes where the answer led, without waiting.
pub fn note_answer(
    store: &Store,
    account: SubjectId,
    operation: OperationId,
    address: &str,
) -> Result<()> {
    let address = address.to_owned();
    store.write_later(Act::by_system("operation.answer", "web"), move |w| {
        if let Some(mut done) = find(&w.read(), account, operation)? {
            done.led_to.get_or_insert(address);
            w.put(&done)?;
        }
        Ok(())
    })
}

/// Forgets operations that are a day old. To be called every few minutes.
pub async fn housekeeping(store: &Store) -> Result<()> {
    let act = Act::by_system("operation.sweep", "schedule");
    store.write(act, sweep).await
}

pub(super) fn sweep(w: &mut Write<'_>) -> Result<()> {
    let until = Timestamp::from_ms(w.now().ms() - KEPT_MS);
    let mut old = Vec::new();
    for done in w
        .read()
        .list(&BY_TIME, &Walk::prefix(Key::new()))?
        .take(SWEEP_ROWS_MAX)
    {
        let done = done?;
        if done.at > until {
            break;
        }
        old.push(done.key());
    }
    for key in old {
        w.delete::<CarriedOut>(&key)?;
    }
    Ok(())
}

impl Act {
    /// Whose operation this act is part of, and which.
    fn operation(&self) -> Option<(SubjectId, OperationId)> {
        match (self.actor, self.origin.operation.get()) {
            (Actor::Account(account), Some(operation)) => Some((account, *operation)),
            _ => None,
        }
    }
}

impl Write<'_> {
    /// Refuses what another request has carried out already.
    pub(super) fn must_be_first(&self) -> Result<()> {
        let Some((account, operation)) = self.act().operation() else {
            return Ok(());
        };
        match find(&self.read(), account, operation)? {
            Some(done) if done.request != self.act().origin.request => {
                Err(AppError::Conflict { why: "done_before" })
            }
            _ => Ok(()),
        }
    }

    /// Remembers the operation, if anything was done for it: typing the password once more
    /// on the way is not what was asked for.
    pub(super) fn remember_operation(&mut self) -> Result<(), StoreError> {
        let Some((account, operation)) = self.act().operation() else {
            return Ok(());
        };
        if !self.goes_beyond_hold() || self.has_forgotten(account) {
            return Ok(());
        }
        if find(&self.read(), account, operation)?.is_some() {
            return Ok(());
        }
        let done = CarriedOut {
            account,
            operation,
            request: self.act().origin.request.clone(),
            at: self.now(),
            led_to: None,
        };
        self.put(&done)
    }
}
