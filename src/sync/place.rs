//! Where a sync is: stored with the job after every page.

use minicbor::{Decode, Encode};

use super::Part;

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) enum Place {
    /// Departments, members, who may add customers.
    #[n(0)]
    Directory,
    /// Corp tags.
    #[n(1)]
    Tags,
    /// Customers of a stretch of members, by position in the sorted list of userids. A stretch
    /// that was cut off is read again from its beginning: only a stretch read in one go says
    /// who is missing.
    #[n(2)]
    Customers {
        /// The first userid of the stretch; empty for the first of all.
        #[n(0)]
        from_userid: String,
    },
    /// Customer groups, from this one on.
    #[n(3)]
    Groups {
        /// The chat_id behind which to go on; empty for the first.
        #[n(0)]
        after_chat_id: String,
    },
    /// Nothing is left.
    #[n(4)]
    Finished,
}

impl Place {
    /// From a job's cursor.
    pub(super) fn of(cursor: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(cursor)
    }

    /// The part it lies in.
    pub(super) fn part(&self) -> Option<Part> {
        Some(match self {
            Self::Directory => Part::Directory,
            Self::Tags => Part::Tags,
            Self::Customers { .. } => Part::Customers,
            Self::Groups { .. } => Part::Groups,
            Self::Finished => return None,
        })
    }

    /// As a job's cursor.
    pub(super) fn to_cursor(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("writing to memory does not fail")
    }

    /// Catalogue key's end of the phase.
    pub(super) fn phase(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Tags => "tags",
            Self::Customers { .. } => "customers",
            Self::Groups { .. } => "groups",
            Self::Finished => "finished",
        }
    }
}
