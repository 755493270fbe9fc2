//! The runners: durable jobs and feed tails.
//!
//! A job is a row; its steps write their progress in the same transaction as their effect, so
//! a kill at any point leaves nothing but repeated work. A tail follows the feed from a
//! cursor that lies in the derived thing itself.

pub mod jobs;
mod runner;

pub use jobs::{Failure, Job, JobId, JobState, NewJob, Progress};
pub use runner::{JobContext, JobEnd, JobFuture, JobKind, Runner};
