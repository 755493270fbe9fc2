//! What becomes of scans after 400 days: the scan itself goes, with all that told its visitor
//! from others; what was counted of it stays, exactly. The hours of a day become one row, so
//! that years of a code are read as some hundred rows.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    livecodes::{LiveCodeId, Scan, scan},
    slice::WorkerFuture,
    store::{Act, Class, Entity, Read, StoreError, Write},
};

use super::tally::{self, Hour};

const HOURS: u32 = 24;
const DAY_MS: i64 = 24 * 3_600_000;
/// Days that scans are kept, today among them.
const KEPT_DAYS: i64 = 400;
/// How often it is looked for what is old.
const PAUSE: Duration = Duration::from_secs(3600);
/// Rows of each kind that one write folds.
const BATCH: usize = 500;

/// The hours of a code on one old day.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct OldDay {
    /// The code.
    #[n(0)]
    code: LiveCodeId,
    /// Days since 1970-01-01T00:00:00Z.
    #[n(1)]
    day: u32,
    /// Its hours with scans, in order.
    #[n(2)]
    hours: Vec<Hour>,
}

impl Entity for OldDay {
    const KIND: &'static str = "live_code_day";
    const TABLE: &'static str = "live-code-days-1";
    const CLASS: Class = Class::Machinery;
    type Key = (LiveCodeId, u32);

    fn key(&self) -> (LiveCodeId, u32) {
        (self.code, self.day)
    }
}

/// The folded hours of a code from one hour on and before another, oldest first.
pub(super) fn hours(
    r: &Read<'_>,
    code: LiveCodeId,
    from: u32,
    until: u32,
) -> Result<Vec<Hour>, StoreError> {
    let mut found = Vec::new();
    // The row in front of the first may be another code's.
    let before = (code, (from / HOURS).saturating_sub(1));
    for day in r.all::<OldDay>(Some(&before))? {
        let day = day?;
        if day.code != code || day.day * HOURS >= until {
            break;
        }
        let hours = day.hours.into_iter();
        found.extend(hours.filter(|hour| from <= hour.hour && hour.hour < until));
    }
    Ok(found)
}

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        while !app.is_stopping() {
            while !app.is_stopping() && step(&app).await? {}
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = app.stopped() => {}
            }
        }
        Ok(())
    })
}

/// Folds some of what is old, in one write; whether there was any.
async fn step(app: &Arc<App>) -> Result<bool> {
    let now = app.store.clock().now();
    let looking = app.clone();
    let found = tokio::task::spawn_blocking(move || looking.read(|r| Old::look(r, now)));
    let old = found.await.map_err(AppError::internal)??;
    if old.is_empty() {
        return Ok(false);
    }
    let act = Act::by_system("live_code.fold", "livecodes");
    app.write(act, move |w| Ok(old.fold(w)?)).await?;
    Ok(true)
}

/// What is old enough.
#[derive(Debug, Default)]
struct Old {
    hours: Vec<(LiveCodeId, u32)>,
    scans: Vec<(LiveCodeId, u64)>,
    visitors: Vec<(LiveCodeId, u64)>,
}

impl Old {
    fn is_empty(&self) -> bool {
        self.hours.is_empty() && self.scans.is_empty() && self.visitors.is_empty()
    }

    /// Some of it.
    fn look(r: &Read<'_>, now: Timestamp) -> Result<Self, StoreError> {
        let today = now.ms().div_euclid(DAY_MS);
        // Whole days, so that those of a day are folded together.
        let first_kept = Timestamp::from_ms((today - KEPT_DAYS + 1).saturating_mul(DAY_MS));
        let yesterday = u32::try_from(today - 1).unwrap_or(0);
        Ok(Self {
            hours: oldest::<Hour, u32>(r, tally::hour_of(first_kept), u32::MAX)?,
            scans: oldest::<Scan, u64>(r, scan::place(first_kept), u64::MAX)?,
            visitors: tally::visitors_before(r, yesterday, BATCH)?,
        })
    }

    /// Folds it. What was folded meanwhile is passed over.
    fn fold(self, w: &mut Write<'_>) -> Result<(), StoreError> {
        let mut days: BTreeMap<(LiveCodeId, u32), Vec<Hour>> = BTreeMap::new();
        for key in &self.hours {
            if let Some(hour) = w.get::<Hour>(key)? {
                w.delete::<Hour>(key)?;
                days.entry((key.0, key.1 / HOURS)).or_default().push(hour);
            }
        }
        for ((code, day), mut hours) in days {
            if let Some(known) = w.get::<OldDay>(&(code, day))? {
                hours.extend(known.hours);
            }
            hours.sort_by_key(|hour| hour.hour);
            w.put(&OldDay { code, day, hours })?;
        }
        for key in &self.scans {
            w.delete::<Scan>(key)?;
        }
        tally::forget_visitors(w, &self.visitors)
    }
}

/// The keys of some rows of a table whose second part lies before a place: those of each code
/// stand in order, so that behind the first younger one the next code is looked at.
fn oldest<E, P>(r: &Read<'_>, before: P, last: P) -> Result<Vec<(LiveCodeId, P)>, StoreError>
where
    P: Copy + PartialOrd,
    E: Entity<Key = (LiveCodeId, P)>,
{
    let mut found = Vec::new();
    let mut after: Option<(LiveCodeId, P)> = None;
    loop {
        let mut of_code = None;
        for row in r.all::<E>(after.as_ref())? {
            let key = row?.key();
            if *of_code.get_or_insert(key.0) != key.0 || key.1 >= before {
                break;
            }
            found.push(key);
            if found.len() == BATCH {
                return Ok(found);
            }
        }
        match of_code {
            Some(code) => after = Some((code, last)),
            None => return Ok(found),
        }
    }
}

/// Folds everything that is old by now; gives the number of writes.
#[cfg(test)]
pub(super) fn fold_for_test(store: &crate::store::Store, now: Timestamp) -> usize {
    let mut writes = 0;
    loop {
        let old = store.read(|r| Old::look(r, now)).unwrap();
        if old.is_empty() {
            return writes;
        }
        let act = Act::by_system("live_code.fold", "livecodes");
        store.write_blocking(act, |w| Ok(old.fold(w)?)).unwrap();
        writes += 1;
    }
}
