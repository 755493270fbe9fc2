//! The integration tests: the real server, store, index and WeCom server in one process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod browser;
mod coverage;
mod crash;
mod independent;
mod journeys;
#[cfg(feature = "faults")]
mod once;
mod sdk;
mod support;
mod tidy;
