//! 客户联系事件: customers, groups, corp tags, acquisition links.

use super::{Error, Event, Fields};

/// A relation between member and customer changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerEvent {
    /// The member; for `TransferFailed` the one who should have taken over.
    pub userid: String,
    /// The customer.
    pub external_userid: String,
    /// What changed.
    pub change: CustomerChange,
}

/// What changed about a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerChange {
    /// add_external_contact, or half of it: add_half_external_contact.
    Added {
        /// The member has not added the customer back yet.
        half: bool,
        /// Channel of the contact way.
        state: Option<String>,
        /// Good for one welcome message within 20 seconds.
        welcome_code: Option<String>,
    },
    /// edit_external_contact: remark, description or tags, by the member.
    Edited {
        /// Channel of the contact way.
        state: Option<String>,
    },
    /// del_external_contact: the member deleted the customer.
    DeletedByMember {
        /// `DELETE_BY_TRANSFER` when somebody else took over.
        source: Option<String>,
    },
    /// del_follow_user: the customer deleted the member.
    DeletedByCustomer,
    /// transfer_fail
    TransferFailed {
        /// `customer_refused` or `customer_limit_exceed`.
        reason: String,
    },
    /// msg_audit_approved: the customer agreed to the archive.
    ArchiveAgreed {
        /// As in `Added`.
        welcome_code: Option<String>,
    },
}

pub(super) fn relation(change: &str, fields: &Fields<'_>) -> Result<Option<Event>, Error> {
    let welcome_code = fields.text("WelcomeCode");
    let change = match change {
        "add_external_contact" | "add_half_external_contact" => CustomerChange::Added {
            half: change == "add_half_external_contact",
            state: fields.text("State"),
            welcome_code,
        },
        "edit_external_contact" => CustomerChange::Edited {
            state: fields.text("State"),
        },
        "del_external_contact" => CustomerChange::DeletedByMember {
            source: fields.text("Source"),
        },
        "del_follow_user" => CustomerChange::DeletedByCustomer,
        "transfer_fail" => CustomerChange::TransferFailed {
            reason: fields.text("FailReason").unwrap_or_default(),
        },
        "msg_audit_approved" => CustomerChange::ArchiveAgreed { welcome_code },
        _ => return Ok(None),
    };
    Ok(Some(Event::Customer(CustomerEvent {
        userid: fields.required("UserID")?,
        external_userid: fields.required("ExternalUserID")?,
        change,
    })))
}

/// A customer group changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEvent {
    /// The group.
    pub chat_id: String,
    /// What changed.
    pub change: GroupChange,
}

/// What changed about a group. Everything beside the kind is optional at WeCom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChange {
    /// create
    Created,
    /// dismiss
    Disbanded,
    /// update / add_member
    Joined(MemberMoves),
    /// update / del_member
    Left(MemberMoves),
    /// update / change_owner
    OwnerChanged,
    /// update / change_name
    Renamed,
    /// update / change_notice
    NoticeChanged,
    /// update of a kind nobody has heard of.
    Updated {
        /// UpdateDetail, may be empty.
        detail: String,
    },
}

/// Who came or went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberMoves {
    /// JoinScene or QuitScene.
    pub scene: Option<u32>,
    /// How many.
    pub count: Option<u64>,
    /// userids and external userids; older deliveries have none.
    pub who: Vec<String>,
    /// member_version before; another than the known one means that something was missed.
    pub version_before: Option<String>,
    /// member_version now.
    pub version: Option<String>,
}

pub(super) fn group(change: &str, fields: &Fields<'_>) -> Result<Option<Event>, Error> {
    let change = match change {
        "create" => GroupChange::Created,
        "dismiss" => GroupChange::Disbanded,
        "update" => match fields.text("UpdateDetail").unwrap_or_default().as_str() {
            "add_member" => GroupChange::Joined(moves(fields, "JoinScene")),
            "del_member" => GroupChange::Left(moves(fields, "QuitScene")),
            "change_owner" => GroupChange::OwnerChanged,
            "change_name" => GroupChange::Renamed,
            "change_notice" => GroupChange::NoticeChanged,
            detail => GroupChange::Updated {
                detail: detail.to_owned(),
            },
        },
        _ => return Ok(None),
    };
    let chat_id = fields.required("ChatId")?;
    Ok(Some(Event::Group(GroupEvent { chat_id, change })))
}

fn moves(fields: &Fields<'_>, scene: &str) -> MemberMoves {
    let list = fields.0.child("MemChangeList");
    let items = list.into_iter().flat_map(|list| list.each("Item"));
    MemberMoves {
        scene: fields.number(scene),
        count: fields.number("MemChangeCnt"),
        who: items.map(|item| item.text.trim().to_owned()).collect(),
        version_before: fields.text("LastMemVer"),
        version: fields.text("CurMemVer"),
    }
}

/// A corp tag or tag group changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagEvent {
    /// What changed.
    pub change: TagChange,
    /// Only for tags of a rule group (规则组).
    pub strategy_id: Option<u64>,
}

/// What changed about corp tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagChange {
    /// create
    Created(TagObject),
    /// update
    Updated(TagObject),
    /// delete; of a group without an event for each of its tags.
    Deleted(TagObject),
    /// shuffle: the tags of this group were put in another order, or without one, the groups.
    Shuffled {
        /// Id of the group.
        group: Option<String>,
    },
}

/// A tag or a tag group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagObject {
    /// Id of a tag.
    Tag(String),
    /// Id of a tag group.
    Group(String),
}

pub(super) fn tag(change: &str, fields: &Fields<'_>) -> Result<Option<Event>, Error> {
    let object = || -> Result<TagObject, Error> {
        let id = fields.required("Id")?;
        Ok(match fields.required("TagType")?.as_str() {
            "tag_group" => TagObject::Group(id),
            _ => TagObject::Tag(id),
        })
    };
    let change = match change {
        "create" => TagChange::Created(object()?),
        "update" => TagChange::Updated(object()?),
        "delete" => TagChange::Deleted(object()?),
        "shuffle" => TagChange::Shuffled {
            group: fields.text("Id"),
        },
        _ => return Ok(None),
    };
    Ok(Some(Event::Tag(TagEvent {
        change,
        strategy_id: fields.number("StrategyId"),
    })))
}

/// A customer acquisition link (获客链接) reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcquisitionEvent {
    /// balance_low
    BalanceLow,
    /// balance_exhausted
    BalanceExhausted,
    /// quota_expire_soon
    QuotaExpiresSoon {
        /// ExpireTime, seconds.
        expires_at: Option<i64>,
        /// ExpireQuotaNum: so many are lost then.
        quota: Option<u64>,
    },
    /// link_unavailable
    LinkUnavailable {
        /// The link.
        link_id: String,
    },
    /// delete_link
    LinkDeleted {
        /// The link.
        link_id: String,
    },
    /// open_profile: somebody opened the link.
    ProfileOpened {
        /// The link.
        link_id: String,
        /// customer_channel of the address.
        state: Option<String>,
    },
    /// friend_request
    FriendRequested {
        /// The link.
        link_id: String,
        /// customer_channel of the address.
        state: Option<String>,
    },
    /// customer_start_chat
    ChatStarted {
        /// The member.
        userid: String,
        /// The customer.
        external_userid: String,
    },
    /// message_from_customer
    MessageFromCustomer {
        /// The link.
        link_id: String,
        /// Asks `get_chat_info` within 30 minutes.
        chat_key: Option<String>,
        /// Number of the message in the chat.
        chat_seq: Option<u64>,
        /// customer_channel of the address.
        state: Option<String>,
    },
}

pub(super) fn acquisition(change: &str, fields: &Fields<'_>) -> Result<Option<Event>, Error> {
    let link_id = || fields.required("LinkId");
    let state = fields.text("State");
    Ok(Some(Event::Acquisition(match change {
        "balance_low" => AcquisitionEvent::BalanceLow,
        "balance_exhausted" => AcquisitionEvent::BalanceExhausted,
        "quota_expire_soon" => AcquisitionEvent::QuotaExpiresSoon {
            expires_at: fields.number("ExpireTime"),
            quota: fields.number("ExpireQuotaNum"),
        },
        "link_unavailable" => AcquisitionEvent::LinkUnavailable {
            link_id: link_id()?,
        },
        "delete_link" => AcquisitionEvent::LinkDeleted {
            link_id: link_id()?,
        },
        "open_profile" => AcquisitionEvent::ProfileOpened {
            link_id: link_id()?,
            state,
        },
        "friend_request" => AcquisitionEvent::FriendRequested {
            link_id: link_id()?,
            state,
        },
        "customer_start_chat" => AcquisitionEvent::ChatStarted {
            userid: fields.required("UserID")?,
            external_userid: fields.required("ExternalUserID")?,
        },
        "message_from_customer" => AcquisitionEvent::MessageFromCustomer {
            link_id: link_id()?,
            chat_key: fields.text("ChatKey"),
            chat_seq: fields.number("ChatSeq"),
            state,
        },
        _ => return Ok(None),
    })))
}
