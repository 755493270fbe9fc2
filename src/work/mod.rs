//! The runners: durable jobs, and effects on the world outside.
//!
//! A job is a row; its steps write their progress in the same transaction as their effect, so
//! a kill at any point leaves nothing but repeated work. A tail follows the feed from a
//! cursor that lies in the derived thing itself.

pub mod effects;
pub mod jobs;
pub(crate) mod outbox;
pub(crate) mod pages;
mod runner;

pub use jobs::{Failure, Job, JobId, JobState, NewJob, Progress};
pub use runner::{JobContext, JobEnd, JobFuture, JobKind, Runner};

use crate::slice::{Access, Route, Slice};

/// What the slice says about itself. A job is for whoever asked for it, so its pages judge
/// for themselves.
pub fn slice() -> Slice {
    use actix_web::web::{get, post};
    let mut routes = vec![
        Route::get("/jobs/{id}", Access::SignedIn, || get().to(pages::show)),
        Route::post("/jobs/{id}/cancel", Access::SignedIn, || {
            post().to(pages::cancel)
        }),
    ];
    routes.extend(outbox::routes());
    Slice {
        name: "work",
        tables: [&jobs::TABLES[..], &effects::TABLES[..]].concat(),
        routes,
        ..Slice::default()
    }
}
