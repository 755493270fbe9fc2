//! The screens: the full sync, and the events that came.

pub(super) mod events;
pub(super) mod index;
pub(super) mod quota;
pub(super) mod result;
