//! Asset library (素材库): texts, pictures, links, mini programs and files to be sent again.
//!
//! Tables: `materials-1`, `material-versions-1`, `material-folders-1`, `material-uses-1`,
//! `material-media-1`. The bytes lie in the folder `assets`, by content; a file is whole on disk
//! before any row names it. Invariants: a version never changes, a change makes the next one;
//! what is in use is not deleted, only put away; a folder within another is never wider than
//! that one; a file that WeCom no longer has is given to it again before it is sent.

mod media;
mod model;
pub mod queries;
mod shelf;
mod tables;

use crate::slice::{Slice, Worker};

pub use media::{LeftOut, Resolved, attachments, attachments_within, moment_attachments};
pub use model::{
    Body, Folder, FolderId, Kind, Material, MaterialId, MediaId, Purpose, Stored, Uses, Version,
};
pub use queries::{check, named, set_uses};
pub use shelf::Shelf;

pub(super) fn part() -> Slice {
    Slice {
        tables: tables::TABLES.to_vec(),
        workers: vec![Worker {
            name: "outreach.assets",
            run: media::run,
        }],
        ..Slice::default()
    }
}
