//! Assets: types and pure rules.

use crate::kit::Id;

/// See [`Material`].
pub type MaterialId = Id<Material>;

/// An asset (素材).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// Ours.
    pub id: MaterialId,
}
