//! Sensitive words (敏感词) and behaviour: what is looked for in archived messages, the alerts
//! that come of it, and the queue in which people deal with them.
//!
//! The watch follows the feed with its own place: a message is looked at once, by the lists
//! that are in force when it arrives. A list that is new or changed looks through what is
//! there already as a job. An alert is named by message and cause, so looking twice makes one;
//! words that the list has only now are added to it, and where it was judged without them it is
//! to be judged again.
//! What is done without a message (`deleted`) is heard from WeCom's event, in the write that
//! stores it, and named by who did it to whom and when.
//!
//! `apart` is how words are looked for in a text, here and where a page shows them.
//!
//! Each alert is dealt with by whoever has its conversation in scope: taken, or given to somebody
//! who has too, and judged with a note. `queue` is what one viewer sees of them.
//!
//! WeCom itself can warn of the words of a list or block them (聊天敏感词): `intercept` says
//! what is wanted, `outbound` tells WeCom.

mod actions;
mod apart;
mod deleted;
mod intercept;
mod job;
mod model;
mod outbound;
mod phone;
pub mod queue;
pub(super) mod tables;
mod watch;

pub use actions::{
    AssignAlert, CloseAlert, DeleteList, ReopenAlert, SaveList, assign, close, delete_list,
    reaches, reopen, save_list,
};
pub(super) use apart::found as found_in;
pub(super) use deleted::hear;
pub use intercept::{DeleteRule, Intercept, RuleState, SaveRule, delete_rule, rule, save_rule};
pub use job::{KIND, run as rescan};
pub use model::{
    Alert, AlertId, AlertState, Behaviour, Cause, Severity, Verdict, WordList, WordListId,
};
pub(super) use outbound::kinds as effects;
pub use tables::lists;
#[cfg(test)]
pub(super) use watch::raise_all_for_test;
pub(super) use watch::run;
