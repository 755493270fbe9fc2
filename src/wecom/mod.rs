//! The WeCom server API (企业微信服务端API): one client over HTTP.
//!
//! Product code speaks in typed calls; odd shapes and error codes stay in here. Nothing knows
//! whether the other end is WeCom or the simulator.

mod acquisition;
mod agent;
mod answers;
pub mod archive;
mod attachments;
mod broadcasts;
pub mod callback;
mod cards;
mod client;
mod contact_ways;
mod contacts;
mod directory;
mod directory_find;
mod directory_tags;
mod directory_write;
mod error;
pub mod event;
mod groups;
mod idconvert;
mod intercept;
mod join_ways;
mod lenient;
mod login;
mod media;
mod messages;
mod moments;
mod msgaudit;
mod products;
pub mod quota;
pub mod reach;
#[cfg(test)]
mod shapes;
pub mod sim;
mod statistics;
mod strategies;
mod tags;
mod tickets;
mod transfers;
mod welcome;
mod write;
mod xml;

pub use acquisition::{
    AcquisitionDetail, AcquisitionLink, LinkChat, LinkChatInfo, LinkCustomer, LinkFigures,
    LinkSettings, Priority, Quota, QuotaPart,
};
pub use agent::Agent;
pub use answers::Pages;
pub use attachments::{Attachment, Image, Link, Material, Media, MiniProgramCard, Text};
pub use broadcasts::{
    AnyTag, Broadcast, BroadcastQuery, BroadcastResult, BroadcastTask, ChatType, MadeBroadcast,
    NewBroadcast, TagFilter,
};

pub use cards::{
    ActionMenu, CardAction, CardButton, CardImage, CardSource, CardTitle, CardType, CheckOption,
    Checkbox, HorizontalContent, ImageTextArea, Jump, Leads, MenuAction, QuoteArea, SelectOption,
    Selection, SubmitButton, TemplateCard,
};
pub use client::{BASE_URL, Client, Metrics, Patience, Settings, install_crypto_provider};
pub use contact_ways::{
    ContactWay, ContactWayEntry, ContactWaySettings, MadeContactWay, NewContactWay,
};
pub use contacts::{
    CameByChannels, ContactOfMember, CustomerDetail, CustomerPages, ExternalContact, FollowInfo,
    FollowTag, RemarkChange, ServedContact,
};
pub use directory::{
    Attribute, AttributeText, AttributeWeb, Department, ExtAttrs, ExternalProfile, Member,
    MiniProgram, WechatChannels,
};
pub use directory_find::{
    DepartmentPlace, ImportKind, ImportLine, ImportState, Invitation, MailKind, MemberName,
    MemberPlace, Uninvited,
};
pub use directory_tags::{
    DirectoryTag, DirectoryTagMembers, TAGGED_PARTIES_MAX, TAGGED_USERS_MAX, TagOwner,
    TaggedMember, Untagged,
};
pub use directory_write::{
    DELETED_AT_ONCE_MAX, DepartmentChange, MadeDepartment, MailAliases, MemberChange, MemberFields,
    NewDepartment, NewMember,
};
pub use error::{Class, Error};
pub use groups::{Group, GroupEntry, GroupMember, GroupPerson};
pub use idconvert::{KnownAs, Resolved, WasPending};
pub use intercept::{
    ExtraRule, InterceptChange, InterceptEntry, InterceptRule, NewInterceptRule, Semantics,
};
pub use join_ways::{JoinWay, KeptJoinWay};
pub use login::{Asking, CodeOwner, LoginPages, LoginScope, PrivateDetails};
pub use media::{AttachmentUse, ByUrlState, Fetched, FileByUrl, MediaKind, NewFile, Uploaded};
pub use messages::{
    Article, Articles, CardUpdate, Content, FileContent, KeptArticle, Message, MessageCount,
    MessageSent, MiniprogramNotice, NoticeItem, PARTIES_MAX, RECEIVERS_MAX, Receivers, TextCard,
    TextContent, VideoContent,
};
pub use moments::{
    Location, Moment, MomentAttachment, MomentCustomer, MomentJob, MomentLink, MomentMade,
    MomentMedia, MomentQuery, MomentRange, MomentReaction, MomentReactions, MomentTask,
    MomentVideo, NewMoment, Senders, TaggedCustomers,
};
pub use msgaudit::{Consent, Edition, InternalRoom, Robot, RoomConsent, RoomMember, SingleConsent};
pub use products::{Product, ProductPicture, ProductSettings};
pub use statistics::{GroupFigures, GroupsOfOwner, GroupsOnDay, MemberDay};
pub use strategies::{
    NewStrategy, Privileges, RangeNode, Strategy, StrategyChange, StrategyEntry, StrategyKind,
};
pub use tags::{NewTag, NewTags, StrategyTagGroup, Tag, TagChange, TagGroup};
pub use tickets::{JsTicket, js_signature};
pub use transfers::{FailedGroup, Service, Started, Transfer, TransferState, Unassigned};
pub use welcome::{Greeting, GroupWelcome};
