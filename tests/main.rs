//! The integration tests: the real server, store, index and WeCom server in one process.

mod coverage;
mod journeys;
mod support;
