//! Sync (同步): never out of step with WeCom.
//!
//! Tables: `wecom-connection-1`, `wecom-callback-1`, `wecom-pilot-1`, `signals-1`, `quota-use-1`,
//! `quota-settings-1`; what is heard is applied through the `sync`
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
mod pages;
pub mod pilot;
mod place;
mod pull;
pub mod quota;
mod target;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use crate::{
    identity::Permission,
    kit::{Clock, Timestamp},
    slice::{Access, Route, Slice, Worker},
    store::{Read, StoreError, Write},
    wecom::quota::Governor,
    work::{
        JobKind,
        jobs::{self, JobId, NewJob},
    },
};

pub use callback::{CALLBACK, Heard, ask_self};
pub use freshness::Freshness;
pub use job::KIND;
pub use target::Target;

/// What the slice keeps in memory.
pub struct State {
    link: ArcSwapOption<connection::Link>,
    /// Counts calls and holds them back, whoever makes them.
    pub quota: Governor,
    freshness: Freshness,
    /// Notified when an event has been stored.
    arrived: Notify,
    heard: callback::Heard,
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
        }
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
        ]
        .concat(),
        routes: vec![
            Route::get(CALLBACK, Access::Public, || get().to(callback::verify)),
            Route::post(CALLBACK, Access::Public, || post().to(callback::receive)),
            Route::get("/org/sync", run, || get().to(pages::index::index)),
            Route::post("/org/sync", run, || post().to(pages::index::start)),
            Route::get("/settings/wecom/events", run, || {
                get().to(pages::events::index)
            }),
            Route::post("/settings/wecom/events/replay", run, || {
                post().to(pages::events::replay)
            }),
        ],
        jobs: vec![JobKind {
            name: KIND,
            run: job::run,
        }],
        workers: vec![
            Worker {
                name: "sync.inbox",
                run: inbox::run,
            },
            Worker {
                name: "sync.quota",
                run: quota::run,
            },
        ],
        ..Slice::default()
    }
}

/// When the newest event came, if any ever did.
pub fn newest_event(r: &Read<'_>) -> Result<Option<Timestamp>, StoreError> {
    let newest = inbox::newest(r, None, 1)?;
    Ok(newest.first().map(|signal| signal.received_at))
}

/// Queues a full sync unless one is waiting or running.
pub fn enqueue(w: &mut Write<'_>) -> Result<JobId, StoreError> {
    jobs::enqueue_once(
        w,
        NewJob {
            kind: KIND,
            input: Vec::new(),
            created_by: None,
        },
    )
}
