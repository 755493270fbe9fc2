//! What a message to customers consists of: welcome message, broadcast, follow-up.

use minicbor::{Decode, Encode};

use super::materials::MaterialId;

/// Attachments of one message; WeCom refuses more (41064).
pub const ATTACHMENTS_MAX: usize = 9;
/// Bytes of text in one message, as WeCom counts (documentation, 发送新客户欢迎语; 创建企业群发).
pub const TEXT_BYTES_MAX: usize = 4_000;

/// A text with variables, and what comes along with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Content {
    /// The words, may be empty; `{客户}` and the like are filled in for each customer.
    #[n(0)]
    pub text: String,
    /// What comes along, in order, at most [`ATTACHMENTS_MAX`]; each time the newest version.
    #[n(1)]
    pub attachments: Vec<MaterialId>,
}

impl Content {
    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.attachments.is_empty()
    }
}
