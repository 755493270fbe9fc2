//! Sync (同步): never out of step with WeCom.
//!
//! Tables: `wecom-connection-1`, `wecom-callback-1`, `wecom-pilot-1`, `signals-1`, `quota-use-1`,
//! `quota-settings-1`, `repairs-1`, `nightly-settings-1`, `refusals-1`; what is heard is applied
//! through the `sync`
//! functions of org, tags and customers. Two ways lead here. Events (回调) are stored before
//! they are answered, and what they are about is then read again: a hint, never the truth. The
//! full sync reads everything as a durable job and repairs what no event has told. Invariants:
//! a page and the place behind it are one transaction; a failed page means unknown, never
//! gone; whatever a complete pass does not mention is asked about one by one before anything
//! is marked; of two answers about one thing the one asked for later stays; running again over
//! an unchanged firm writes nothing but the job's own row.

mod callback;
pub mod connection;
mod freshness;
mod inbox;
mod job;
mod mapping;
pub mod nightly;
mod pages;
mod part;
pub mod pilot;
mod place;
mod pull;
pub mod quota;
mod refusals;
mod repairs;
mod target;
pub mod tell;
mod writes;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use crate::{
    identity::Permission,
    kit::{Clock, Timestamp},
    slice::{Access, Route, Slice, Worker},
    store::{Read, StoreError, Write},
    wecom::quota::Governor,
    work::jobs::{self, JobId, NewJob},
};

pub use callback::{CALLBACK, Heard, ask_self};
pub use freshness::Freshness;
pub use job::KIND;
pub use part::{Part, is_sync};
pub use target::Target;

/// A way in which real software hears things twice, or not at all.
#[cfg(any(test, feature = "faults"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// A repetition is taken for another event.
    ForgetDedupe,
    /// Events of one sender in one second are taken for one.
    MergeBySender,
    /// It is answered before it is durable.
    AnswerBeforeStored,
}

/// What the slice keeps in memory.
pub struct State {
    link: ArcSwapOption<connection::Link>,
    /// Counts calls and holds them back, whoever makes them.
    pub quota: Governor,
    freshness: Freshness,
    /// Notified when an event has been stored.
    arrived: Notify,
    heard: callback::Heard,
    refusals: refusals::Refusals,
    #[cfg(any(test, feature = "faults"))]
    planted: std::sync::Mutex<Option<Planted>>,
}

impl State {
    /// Nothing is connected, nothing was heard, nothing is used up.
    pub fn new(clock: Clock) -> Self {
        Self {
            link: ArcSwapOption::empty(),
            quota: Governor::new(clock),
            freshness: Freshness::default(),
            arrived: Notify::new(),
            heard: callback::Heard::default(),
            refusals: refusals::Refusals::default(),
            #[cfg(any(test, feature = "faults"))]
            planted: std::sync::Mutex::default(),
        }
    }

    /// Plants a bug, or takes it out.
    #[cfg(any(test, feature = "faults"))]
    pub fn plant(&self, planted: Option<Planted>) {
        *self
            .planted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = planted;
    }

    #[cfg(any(test, feature = "faults"))]
    fn planted(&self) -> Option<Planted> {
        *self
            .planted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What callbacks have brought since the start.
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    /// The connection in use, if there is one.
    pub fn link(&self) -> Option<Arc<connection::Link>> {
        self.link.load_full()
    }
}

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::{get, post};
    let run = Access::Needs(Permission::SyncRun);
    Slice {
        name: "sync",
        tables: [
            &connection::TABLES[..],
            &pilot::TABLES[..],
            &inbox::TABLES[..],
            &quota::TABLES[..],
            &repairs::TABLES[..],
            &nightly::TABLES[..],
            &refusals::TABLES[..],
        ]
        .concat(),
        routes: vec![
            Route::get(CALLBACK, Access::Public, || get().to(callback::verify)),
            Route::post(CALLBACK, Access::Public, || post().to(callback::receive)),
            Route::get("/org/sync", run, || get().to(pages::index::index)),
            Route::post("/org/sync", run, || post().to(pages::index::start)),
            Route::get("/org/sync/{id}", run, || get().to(pages::result::show)),
            Route::post(
                "/org/sync/nightly",
                Access::Needs(Permission::SettingsManage),
                || post().to(pages::index::save_nightly),
            ),
            Route::get("/settings/wecom/events", run, || {
                get().to(pages::events::index)
            }),
            Route::get("/settings/wecom/quota", run, || {
                get().to(pages::quota::index)
            }),
            Route::post(
                "/settings/wecom/quota",
                Access::Needs(Permission::SettingsManage),
                || post().to(pages::quota::save),
            ),
            Route::post("/settings/wecom/events/replay", run, || {
                post().to(pages::events::replay)
            }),
        ],
        effects: writes::kinds(),
        jobs: part::jobs(),
        workers: vec![
            Worker {
                name: "sync.inbox",
                run: inbox::run,
            },
            Worker {
                name: "sync.quota",
                run: quota::run,
            },
            Worker {
                name: "sync.nightly",
                run: nightly::run,
            },
            Worker {
                name: "sync.refusals",
                run: refusals::run,
            },
        ],
        ..Slice::default()
    }
}

/// How many events wait to be dealt with.
pub fn waiting(r: &Read<'_>) -> Result<u64, StoreError> {
    inbox::waiting(r)
}

/// When the newest event came, if any ever did.
pub fn newest_event(r: &Read<'_>) -> Result<Option<Timestamp>, StoreError> {
    let newest = inbox::newest(r, None, 1)?;
    Ok(newest.first().map(|signal| signal.received_at))
}

/// Queues a full sync unless one is waiting or running.
pub fn enqueue(w: &mut Write<'_>) -> Result<JobId, StoreError> {
    enqueue_part(w, None)
}

/// Queues the pass over one part, or over everything, unless it is waiting or running.
pub fn enqueue_part(w: &mut Write<'_>, part: Option<Part>) -> Result<JobId, StoreError> {
    jobs::enqueue_once(
        w,
        NewJob {
            kind: part.map_or(KIND, Part::kind),
            input: Vec::new(),
            created_by: None,
        },
    )
}
