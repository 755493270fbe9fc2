//! The inbox: events of WeCom, stored before they are answered, until what they are about has
//! been read again.

mod listener;
mod signal;

pub(super) use listener::run;
pub(super) use signal::{
    Signal, SignalState, TABLES, Tally, is_known, newest, receive, replay, replay_failed, tally,
    waiting,
};
