//! The chat archive in the whole program: from WeCom's encrypted page to the message that is
//! found, and what people wait for when there are many.
//!
//! `QITAI_BENCH_PARTS` (`pull,many`) names the parts. *pull*: the product reads
//! `QITAI_BENCH_PULLED` (20,000) messages from the simulator, which runs in this process; its CPU
//! time, with its child's, stands beside that of opening as many random keys alone: once where
//! nobody sends files, once with the files that are fetched beside. *many*:
//! `QITAI_BENCH_MESSAGES` (100,000) messages are stored by the archive's own verb, and one
//! conversation of `QITAI_BENCH_LONG` (100,000); then the product is asked over HTTP. With
//! `QITAI_BENCH_DATA` the messages and words are those of that folder (see the archive bench).

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::disallowed_methods,
    missing_docs
)]

#[allow(dead_code, reason = "bare pages belong to the bench of the product")]
#[path = "product/bare.rs"]
mod bare;
#[allow(dead_code, reason = "not every question is asked over HTTP")]
#[path = "archive/rows.rs"]
mod corpus;
#[allow(dead_code, reason = "the firm's customers are not listed here")]
#[path = "product/firm.rs"]
mod firm;
#[path = "chats/many.rs"]
mod many;
#[path = "chats/pull.rs"]
mod pull;
#[allow(dead_code, reason = "rows of customers are not searched here")]
#[path = "search/rows.rs"]
mod rows;
#[path = "support/mod.rs"]
mod support;

fn main() {
    if support::is_debug("chats") {
        return;
    }
    let parts = std::env::var("QITAI_BENCH_PARTS");
    let parts = parts.unwrap_or_else(|_| "pull,many".to_owned());
    let has = |part: &str| parts.split(',').any(|p| p == part);
    if has("pull") {
        pull::run(support::size("QITAI_BENCH_PULLED", 20_000));
    }
    if has("many") {
        many::run(support::size("QITAI_BENCH_LONG", 100_000));
    }
}
