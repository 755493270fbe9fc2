//! Live codes (活码): codes that are printed once and lead to the right member or group ever
//! after.
//!
//! Tables: `live-codes-1`, `live-code-channels-1`, `live-code-ways-1`, `live-code-pictures-1`,
//! `scans-1`, `live-code-turns-1`.

mod model;
pub mod queries;
mod scan;
pub mod stats;
mod tables;
mod way;

use crate::slice::Slice;

pub use model::{
    AutoRoom, CHANNEL_DEPTH, Channel, ChannelId, CodeKind, CodeState, LiveCode, LiveCodeId, Room, Seat, Window,
    of_state, state_of,
};
pub use queries::scans;
pub use scan::{Given, Scan, Share, Turn};
pub use way::{Target, Way, WayId};

/// What the slice keeps in memory.
#[derive(Default)]
pub struct State {}

/// What the slice says about itself.
pub fn slice() -> Slice {
    let own = Slice {
        name: "livecodes",
        tables: tables::TABLES.to_vec(),
        ..Slice::default()
    };
    own.with(stats::part())
}
