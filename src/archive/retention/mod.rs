//! Retention (留存期限): how long archived messages are kept, what is held back (冻结), and how
//! what has had its time goes (到期清理).
//!
//! Without a rule everything is kept for ever. A message goes when a rule says so for each
//! member of the firm who took part: the longest of their terms counts, and a hold wins over
//! every rule. What goes is the content: the bodies leave the stretches, the files the shelf,
//! the words the index. What stays says that something was there: number, people, time, type,
//! the leaf with which its pull committed to it, and the purge that took it. So the pull's root
//! can be proved as before, nothing is missing in the ledger, and the same number that comes
//! again brings nothing back.
//!
//! Files in reading order: `model` the types, `tables`, `policy` which rule counts, `holds`
//! what is held back, `kept` what of a person cannot be erased, `purge` the deletion of some
//! messages, `job` the runs, `counted` whether a preview still holds, `night` when runs begin,
//! `actions` what people do, `words` how rules are called.

mod actions;
mod counted;
mod holds;
mod job;
mod kept;
mod model;
mod night;
mod policy;
mod purge;
pub(super) mod tables;
#[cfg(test)]
mod tests;
mod words;

pub use actions::{
    DeleteRule, LiftHold, SaveRule, SetHold, StartPreview, StartPurge, delete_rule, lift_hold,
    save_rule, set_hold, start_preview, start_purge,
};
pub use counted::{Counted, Since, counted, objection};
pub use holds::{Held, Holds, holds};
pub use job::{PREVIEW, PURGE, Preview, PreviewRow};
pub(super) use job::{run_preview, run_purge};
pub use kept::Kept;
pub use model::{
    Hold, HoldId, HoldOn, Lifted, Purge, PurgeRun, RetentionRule, RuleId, RunRule, Sort, Under,
};
pub(super) use night::run as run_nightly;
pub use policy::Policy;
pub use tables::{purges_of, rules, runs};
pub use words::{rule_text, sort_text, term_text};
