//! Sync (同步): the whole of what WeCom knows, page by page, as a durable job.
//!
//! Owns no tables; it applies answers through the `sync` functions of org, tags and
//! customers. Invariants: a page and the place behind it are one transaction; a failed page
//! means unknown, never gone; whatever a complete pass does not mention is asked about one by
//! one before anything is marked; running again over an unchanged firm writes nothing but
//! the job's own row.

mod job;
mod mapping;
mod pages;
mod place;

use crate::{
    identity::Permission,
    slice::{Access, Route, Slice},
    store::{StoreError, Write},
    work::{
        JobKind,
        jobs::{self, JobId, NewJob},
    },
};

pub use job::KIND;

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::{get, post};
    let run = Access::Needs(Permission::SyncRun);
    let jobs = vec![JobKind {
        name: KIND,
        run: job::run,
    }];
    Slice {
        name: "sync",
        routes: vec![
            Route::get("/org/sync", run, || get().to(pages::index)),
            Route::post("/org/sync", run, || post().to(pages::start)),
        ],
        jobs,
        ..Slice::default()
    }
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
