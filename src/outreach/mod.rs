//! Outreach (触达): what the firm sends to customers by itself, and how often.
//!
//! Parts: `materials` (素材库), `welcome` (欢迎语), `broadcasts` (群发), `moments` (客户朋友圈),
//! `touches` (防骚扰), `rules` (自动打标与跟进); `content` is what all of
//! them send, `campaign` what broadcasts and moments are alike in, `listed` their lists.

pub(crate) mod approval;
pub mod broadcasts;
mod campaign;
pub mod content;
pub mod form;
mod listed;
pub mod materials;
pub mod moments;
pub mod rules;
pub mod touches;
pub mod welcome;

use crate::slice::Slice;

pub use content::Content;

/// What the slice keeps in memory.
#[derive(Default)]
pub struct State {
    /// The shelf of the asset library.
    pub(crate) shelf: materials::Shelf,
    /// Broadcasts on their way.
    pub broadcasts: broadcasts::State,
    /// Moments on their way.
    pub moments: moments::State,
}

/// What the slice says about itself.
pub fn slice() -> Slice {
    let own = Slice {
        name: "outreach",
        ..Slice::default()
    };
    own.with(materials::part())
        .with(welcome::part())
        .with(broadcasts::part())
        .with(moments::part())
        .with(touches::part())
        .with(rules::part())
}
