//! 通讯录管理: departments and members, their tags, import and export.
//!
//! Writing is for the sync assistant only. What it changes is not told back to it, and there is
//! no other subscriber unless [`SimHandle::set_echo`](crate::wecom::sim::SimHandle::set_echo)
//! says so.
//!
//! Source: WeCom documentation, 通讯录管理.

mod departments;
mod find;
mod import;
mod members;
mod profile;
mod read;
mod tags;

use super::{routes::Route, tokens::App};

pub use import::Jobs;
pub use tags::Tags;

/// The calls of this area.
pub const AREAS: [&[Route]; 6] = [
    read::ROUTES,
    find::ROUTES,
    departments::ROUTES,
    members::ROUTES,
    tags::ROUTES,
    import::ROUTES,
];

/// Members the firm may have (账号数量上限); WeCom grants more to verified firms.
pub const MEMBERS_MAX: usize = 1000;

/// Those who may write.
const WRITERS: &[App] = &[App::Sync];
/// Those who may read.
const READERS: &[App] = &[App::Own];
/// Those who may read ids, and whatever tells no more.
const ID_READERS: &[App] = &[App::Own, App::Sync];

/// What only this area knows.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Directory tags.
    pub tags: Tags,
    /// Imports.
    pub jobs: Jobs,
}
