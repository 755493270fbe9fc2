//! Four eyes (双人复核): where the firm wants it, a second person lets somebody read a
//! conversation of others, or take evidence out.
//!
//! A request waits for somebody with the right to approve who has the conversations in scope,
//! takes part in none of them, and is not the one who asks. What is granted is for that conversation, or for that case as
//! it stood, and for a time; it can be taken back.

mod actions;
mod model;
pub mod queries;
pub(super) mod tables;

pub use actions::{
    AskEvidence, Decide, Revoke, SetFourEyes, Withdraw, ask_evidence, ask_read, decide, revoke,
    set_four_eyes, withdraw,
};
pub use model::{Approval, ApprovalId, ApprovalState, FourEyes, Wanted};
pub use queries::{four_eyes, must_hold};
