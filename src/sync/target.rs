//! What an event is about: the thing that WeCom has to be asked about anew.

use minicbor::{Decode, Encode};

use crate::{
    customers::LastWord,
    kit::Timestamp,
    wecom::event::{
        CustomerChange, CustomerEvent, DirectoryEvent, Event, GroupChange, GroupEvent, TagChange,
    },
};

/// A callback is a hint, an answer is the truth: whatever an event says, this is read again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Target {
    /// All departments: one call tells them all.
    #[n(0)]
    Departments,
    /// A member, by userid.
    #[n(1)]
    Member(#[n(0)] String),
    /// A member whose userid has changed.
    #[n(5)]
    RenamedMember {
        /// The userid it had.
        #[n(0)]
        before: String,
        /// The one it has now.
        #[n(1)]
        userid: String,
    },
    /// All corp tags: one call tells them all.
    #[n(2)]
    Tags,
    /// A customer with all followers, by external_userid.
    #[n(3)]
    Customer(#[n(0)] String),
    /// A customer group, by chat_id.
    #[n(4)]
    Group(#[n(0)] String),
    /// A customer who has added or deleted a member, which no answer tells.
    #[n(6)]
    LastWord {
        /// external_userid.
        #[n(0)]
        customer: String,
        /// The member's userid.
        #[n(1)]
        userid: String,
        /// What the customer did.
        #[n(2)]
        word: LastWord,
    },
}

impl Target {
    /// The member with this userid, which WeCom compares without case.
    pub(super) fn member(userid: &str) -> Self {
        Self::Member(userid.to_ascii_lowercase())
    }

    /// The thing itself, however it was called before.
    pub(super) fn thing(&self) -> Self {
        match self {
            Self::RenamedMember { userid, .. } | Self::Member(userid) => Self::member(userid),
            Self::LastWord { customer, .. } => Self::Customer(customer.clone()),
            other => other.clone(),
        }
    }

    /// Catalogue key's end of what it is.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Departments => "departments",
            Self::Member(_) | Self::RenamedMember { .. } => "member",
            Self::Tags => "tags",
            Self::Customer(_) | Self::LastWord { .. } => "customer",
            Self::Group(_) => "group",
        }
    }
}

/// What has to be read again because of an event of this time; none for what changes nothing here.
pub(super) fn of(event: &Event, at: Timestamp) -> Option<Target> {
    Some(match event {
        Event::Directory(change) => return of_directory(change),
        Event::Customer(event) => of_customer(event, at),
        Event::Group(GroupEvent { chat_id, .. }) => Target::Group(chat_id.clone()),
        Event::Tag(_) => Target::Tags,
        Event::Acquisition(_)
        | Event::Approval(_)
        | Event::ArchiveNotify
        | Event::BatchJob(_)
        | Event::Message(_)
        | Event::Other { .. } => return None,
    })
}

fn of_customer(event: &CustomerEvent, at: Timestamp) -> Target {
    let is_deleted = match event.change {
        CustomerChange::DeletedByCustomer => true,
        CustomerChange::Added { .. } => false,
        _ => return Target::Customer(event.external_userid.clone()),
    };
    Target::LastWord {
        customer: event.external_userid.clone(),
        userid: event.userid.clone(),
        word: LastWord { at, is_deleted },
    }
}

fn of_directory(change: &DirectoryEvent) -> Option<Target> {
    Some(match change {
        DirectoryEvent::MemberCreated { userid, .. }
        | DirectoryEvent::MemberDeleted { userid }
        | DirectoryEvent::MemberUpdated {
            userid,
            new_userid: None,
            ..
        } => Target::member(userid),
        DirectoryEvent::MemberUpdated {
            userid,
            new_userid: Some(new),
            ..
        } => Target::RenamedMember {
            before: userid.clone(),
            userid: new.clone(),
        },
        DirectoryEvent::DepartmentCreated { .. }
        | DirectoryEvent::DepartmentUpdated { .. }
        | DirectoryEvent::DepartmentDeleted { .. } => Target::Departments,
        DirectoryEvent::TagUpdated { .. } => return None,
    })
}

/// Stable code of an event, also the catalogue key's end; unknown ones go by WeCom's own name.
pub(super) fn code(event: &Event) -> String {
    let known = match event {
        Event::Directory(change) => match change {
            DirectoryEvent::MemberCreated { .. } => "member_created",
            DirectoryEvent::MemberUpdated { .. } => "member_updated",
            DirectoryEvent::MemberDeleted { .. } => "member_deleted",
            DirectoryEvent::DepartmentCreated { .. } => "department_created",
            DirectoryEvent::DepartmentUpdated { .. } => "department_updated",
            DirectoryEvent::DepartmentDeleted { .. } => "department_deleted",
            DirectoryEvent::TagUpdated { .. } => "directory_tag_updated",
        },
        Event::Customer(event) => match event.change {
            CustomerChange::Added { .. } => "customer_added",
            CustomerChange::Edited { .. } => "customer_edited",
            CustomerChange::DeletedByMember { .. } => "customer_deleted_by_member",
            CustomerChange::DeletedByCustomer => "member_deleted_by_customer",
            CustomerChange::TransferFailed { .. } => "transfer_failed",
            CustomerChange::ArchiveAgreed { .. } => "archive_agreed",
        },
        Event::Group(event) => match event.change {
            GroupChange::Created => "group_created",
            GroupChange::Disbanded => "group_disbanded",
            GroupChange::Joined(_) => "group_joined",
            GroupChange::Left(_) => "group_left",
            GroupChange::OwnerChanged
            | GroupChange::Renamed
            | GroupChange::NoticeChanged
            | GroupChange::Updated { .. } => "group_updated",
        },
        Event::Tag(event) => match event.change {
            TagChange::Created(_) => "tag_created",
            TagChange::Deleted(_) => "tag_deleted",
            TagChange::Updated(_) | TagChange::Shuffled { .. } => "tag_updated",
        },
        Event::Acquisition(_) => "acquisition",
        Event::Approval(_) => "approval",
        Event::ArchiveNotify => "archive_notify",
        Event::BatchJob(_) => "batch_job",
        Event::Message(_) => "message",
        Event::Other { event, change_type } => return format!("{event}.{change_type}"),
    };
    known.to_owned()
}
