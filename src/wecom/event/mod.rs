//! What WeCom tells about (回调事件): the decrypted XML as types.
//!
//! Every event is a hint: the object is read again through the API. Fields that may be absent
//! are optional here, unknown fields are passed over, unknown events are kept by name.
//!
//! Source: WeCom documentation, 通讯录变更事件, 客户联系事件回调, 审批状态通知事件.

mod customers;
mod directory;
mod fields;
mod other;
#[cfg(test)]
mod tests;

use super::xml::{self, Element};
use crate::kit::Timestamp;

pub use customers::{
    AcquisitionEvent, CustomerChange, CustomerEvent, GroupChange, GroupEvent, MemberMoves,
    TagChange, TagEvent, TagObject,
};
pub use directory::{DirectoryEvent, Moves};
pub use other::{ApprovalEvent, BatchJob, Message};

use fields::Fields;

/// Why a message was not understood. Its bytes are worth keeping for inspection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not acceptable as XML.
    #[error(transparent)]
    Xml(#[from] xml::Error),
    /// A field is missing without which the message says nothing.
    #[error("no usable field {0}")]
    Field(&'static str),
}

/// A message or event, with who sent it when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// ToUserName: the Corp ID.
    pub to: String,
    /// FromUserName: a userid, or `sys`.
    pub from: String,
    /// CreateTime. Not unique: two events may share it and the sender.
    pub at: Timestamp,
    /// AgentID, where one app is meant.
    pub agentid: Option<u64>,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The directory changed (change_contact).
    Directory(DirectoryEvent),
    /// A relation between member and customer changed (change_external_contact).
    Customer(CustomerEvent),
    /// A customer group changed (change_external_chat).
    Group(GroupEvent),
    /// A corp tag or tag group changed (change_external_tag).
    Tag(TagEvent),
    /// A customer acquisition link reports (customer_acquisition).
    Acquisition(AcquisitionEvent),
    /// An approval moved (sys_approval_change, open_approval_change).
    Approval(ApprovalEvent),
    /// There are new archived conversations (msgaudit_notify).
    ArchiveNotify,
    /// An asynchronous directory job ended (batch_job_result).
    BatchJob(BatchJob),
    /// A member sent the app a message.
    Message(Message),
    /// Anything else; to be answered like the others and kept.
    Other {
        /// Event, or MsgType where there is none.
        event: String,
        /// ChangeType, may be empty.
        change_type: String,
    },
}

impl Received {
    /// Reads a decrypted message.
    ///
    /// # Errors
    /// When it is not acceptable as XML, or lacks a field without which it says nothing. An
    /// event nobody has heard of is no error.
    pub fn parse(xml: &[u8]) -> Result<Self, Error> {
        let root = Element::parse(xml)?;
        let fields = Fields(&root);
        Ok(Self {
            to: fields.text("ToUserName").unwrap_or_default(),
            from: fields.text("FromUserName").unwrap_or_default(),
            at: Timestamp::from_s(
                fields
                    .number("CreateTime")
                    .ok_or(Error::Field("CreateTime"))?,
            ),
            agentid: fields.number("AgentID"),
            event: event(&fields)?,
        })
    }
}

fn event(fields: &Fields<'_>) -> Result<Event, Error> {
    let kind = fields.text("MsgType").ok_or(Error::Field("MsgType"))?;
    if kind != "event" {
        return Ok(Event::Message(Message::read(kind, fields)?));
    }
    let name = fields.text("Event").ok_or(Error::Field("Event"))?;
    let change_type = fields.text("ChangeType").unwrap_or_default();
    let known = match name.as_str() {
        "change_contact" => directory::read(&change_type, fields)?.map(Event::Directory),
        "change_external_contact" => customers::relation(&change_type, fields)?,
        "change_external_chat" => customers::group(&change_type, fields)?,
        "change_external_tag" => customers::tag(&change_type, fields)?,
        "customer_acquisition" => customers::acquisition(&change_type, fields)?,
        "sys_approval_change" | "open_approval_change" => {
            Some(Event::Approval(ApprovalEvent::read(&name, fields)?))
        }
        "msgaudit_notify" => Some(Event::ArchiveNotify),
        "batch_job_result" => Some(Event::BatchJob(BatchJob::read(fields)?)),
        _ => None,
    };
    Ok(known.unwrap_or(Event::Other {
        event: name,
        change_type,
    }))
}
