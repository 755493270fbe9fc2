//! The WeCom server API (企业微信服务端API): one client over HTTP.
//!
//! Product code speaks in typed calls; odd shapes and error codes stay in here. Nothing knows
//! whether the other end is WeCom or the simulator.

pub mod callback;
mod client;
mod contacts;
mod directory;
mod directory_write;
mod error;
pub mod event;
mod groups;
mod lenient;
pub mod sim;
mod tags;
mod write;
mod xml;

pub use client::{BASE_URL, Client, Metrics, Patience, Settings, install_crypto_provider};
pub use contacts::{
    ContactOfMember, CustomerDetail, CustomerPages, ExternalContact, FollowInfo, FollowTag,
};
pub use directory::{
    Attribute, AttributeText, AttributeWeb, Department, ExtAttrs, ExternalProfile, Member,
    MiniProgram, WechatChannels,
};
pub use directory_write::{
    DELETED_AT_ONCE_MAX, DepartmentChange, MadeDepartment, MailAliases, MemberChange, MemberFields,
    NewDepartment, NewMember,
};
pub use error::{Class, Error};
pub use groups::{Group, GroupEntry, GroupMember};
pub use tags::{Tag, TagGroup};
