//! Statistics of live codes: who scanned, who was added or joined, who stayed.
//!
//! Tables: `live-code-hours-1` (scans by code and hour, written with each scan),
//! `live-code-days-1` (the same of days that are long gone), `live-code-visitors-1` (whom a code has seen on a day), `live-code-arrivals-1` (who came by
//! a code and whether they stayed), `live-code-arrivals-place-1`. Arrivals follow the feed:
//! the place behind what was read is one write with what came of it.
//!
//! Invariants: everything here is machinery and says nothing that relations, groups and scans
//! do not say; a number counts only what the viewer's scope holds; previews and crawlers are
//! in no number.

mod api;
mod arrivals;
mod figures;
mod fold;
mod pages;
mod range;
mod tally;
#[cfg(test)]
mod tests;

use crate::{
    identity::Permission,
    slice::{Access, ApiOperation, Route, Slice, Worker},
    store::TableSpec,
};

#[cfg(test)]
pub(crate) use arrivals::count_for_test as count_arrivals_for_test;
pub use arrivals::{Arrival, came_between};
pub use figures::{Day, Figures, Sums, of_channels, of_code};
pub use pages::{Panel, panel};
pub use range::Range;
pub use tally::{Hour, count};

/// What this part brings.
pub(super) fn part() -> Slice {
    use actix_web::web::get;
    let read = Access::Needs(Permission::LiveCodeRead);
    let statistics = ApiOperation::json::<api::StatisticsQuery, api::Statistics>(
        "getLiveCodeStatistics",
        "Scans, adds, joins and losses of a live code, day by day, as far as in scope.",
    );
    Slice {
        tables: vec![
            TableSpec::of::<Hour>(),
            TableSpec::of::<fold::OldDay>(),
            TableSpec::of::<tally::Visitor>(),
            TableSpec::of::<Arrival>(),
            TableSpec::of::<arrivals::Place>(),
        ],
        routes: vec![
            Route::get("/live-codes/{id}/people", read, || get().to(pages::people)),
            Route::get("/live-codes/{id}/statistics", read, || {
                get().to(pages::statistics)
            }),
            Route::get("/live-codes/{id}/statistics/export", read, || {
                get().to(pages::export)
            }),
            Route::get("/api/v1/live-codes/{id}/statistics", read, || {
                get().to(api::statistics)
            })
            .documented(statistics),
        ],
        workers: vec![
            Worker {
                name: "livecodes.arrivals",
                run: arrivals::run,
            },
            Worker {
                name: "livecodes.fold",
                run: fold::run,
            },
        ],
        ..Slice::default()
    }
}
