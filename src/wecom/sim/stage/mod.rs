//! The stage: people play the world outside. A deed changes the firm and is told by callback;
//! what comes through the API is told to nobody.
//!
//! Source: WeCom documentation, 通讯录变更事件, 客户联系事件回调.

mod app;
mod archive;
mod archive_page;
mod codes;
mod contact;
mod contact_page;
mod customers;
mod directory;
mod groups;
mod http;
mod lenient;
mod login;
mod page;
mod past;
mod pictures;
mod tags;

use serde::{Deserialize, Serialize};

use super::{callbacks::Notice, state::World};

pub use app::AppVerb;
pub use archive::ArchiveVerb;
pub use codes::CodeVerb;
pub use contact::ContactVerb;
pub use customers::CustomerVerb;
pub use directory::DirectoryVerb;
pub use groups::GroupVerb;
pub use http::routes;
pub use login::{LoginVerb, routes as login_routes};
pub(super) use pictures::here;
pub use pictures::routes as picture_routes;
pub use tags::TagVerb;

/// One deed. As JSON: `{"do": "member_leaves", "userid": "zhoumin"}`; numbers may come as
/// text and lists as `a,b`, as forms have them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Verb {
    /// Between customers and members.
    Customer(CustomerVerb),
    /// In customer groups.
    Group(GroupVerb),
    /// In the directory.
    Directory(DirectoryVerb),
    /// In the tag library.
    Tag(TagVerb),
    /// With codes.
    Code(CodeVerb),
    /// About what apps have begun.
    Contact(ContactVerb),
    /// In the chat with the app.
    App(AppVerb),
    /// At the sign-in.
    Login(LoginVerb),
    /// In archived chats.
    Archive(ArchiveVerb),
}

macro_rules! into_verb {
    ($($kind:ident: $deeds:ident),*) => {$(
        impl From<$deeds> for Verb {
            fn from(deed: $deeds) -> Self {
                Self::$kind(deed)
            }
        }
    )*};
}
into_verb!(
    Customer: CustomerVerb, Group: GroupVerb, Directory: DirectoryVerb, Tag: TagVerb, Code: CodeVerb,
    Contact: ContactVerb, App: AppVerb, Login: LoginVerb, Archive: ArchiveVerb
);

/// What came of a deed.
#[derive(Debug, Default)]
pub struct Done {
    /// Id of what was made.
    pub id: Option<String>,
    /// What WeCom tells about it.
    pub notices: Vec<Notice>,
}

impl Done {
    /// Nothing was made.
    fn telling(notices: impl IntoIterator<Item = Notice>) -> Self {
        let notices = notices.into_iter().collect();
        Self { id: None, notices }
    }

    /// Something was made.
    fn making(id: String, notices: impl IntoIterator<Item = Notice>) -> Self {
        let notices = notices.into_iter().collect();
        Self {
            id: Some(id),
            notices,
        }
    }
}

/// Why a deed is impossible; nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No such member.
    #[error("there is no such member")]
    UnknownMember,
    /// No such customer.
    #[error("there is no such customer")]
    UnknownCustomer,
    /// These two have no relation.
    #[error("these two have no relation")]
    NoRelation,
    /// No such department.
    #[error("there is no such department")]
    UnknownDepartment,
    /// No such group, or this person is not in it.
    #[error("there is no such group or nobody like this in it")]
    UnknownGroup,
    /// No such tag.
    #[error("there is no such tag")]
    UnknownTag,
    /// No such code, request, broadcast, moment, transfer or link, or nothing left to do.
    #[error("there is no such thing, or nothing is left to do about it")]
    UnknownObject,
    /// All groups are full.
    #[error("all groups are full")]
    NoRoom,
    /// It is there already.
    #[error("it is there already")]
    AlreadyThere,
    /// Something is still in it.
    #[error("it is not empty")]
    NotEmpty,
    /// A value that WeCom would not take: empty, too long, a circle.
    #[error("a value is not acceptable")]
    BadValue,
}

impl World {
    /// Does what people do at `now_s` (seconds). The same deeds in the same order on the same
    /// firm give the same firm again.
    ///
    /// # Errors
    /// When it is impossible; then nothing has changed.
    pub fn act(&mut self, verb: &Verb, agentid: u64, now_s: i64) -> Result<Done, Refusal> {
        match verb {
            Verb::Customer(verb) => self.with_customers(verb, now_s),
            Verb::Group(verb) => self.in_groups(verb, now_s),
            Verb::Directory(verb) => self.in_directory(verb),
            Verb::Tag(verb) => self.in_tag_library(verb, now_s),
            Verb::Code(verb) => self.with_codes(verb, now_s),
            Verb::Contact(verb) => self.with_contact(verb, now_s),
            Verb::Login(verb) => self.in_login(verb, now_s),
            Verb::App(verb) => self.in_app_chat(verb, agentid, now_s),
            Verb::Archive(verb) => self.in_archive(verb, now_s),
        }
    }
}
