//! How the directory kept here stands to WeCom's: who says what.
//!
//! What WeCom knows is WeCom's: its departments, and of its members name, alias, job title,
//! departments, state, and mobile, mail and gender where it gives them. A sync writes these
//! over whatever stands here, so they are changed here only while the firm is not connected, or
//! lets changes here be written to WeCom.
//! What only this firm's folder knows stays: local departments have numbers that WeCom never
//! gives, local members are never looked for at WeCom, and both become WeCom's own when it
//! tells of them. Job number and direct superior are kept here for everybody.

use crate::work::effects::WriteMode;

use super::{Member, MemberDraft, Origin, Post};

/// Numbers of departments that WeCom does not know begin here. WeCom's own have 32 bits.
pub const LOCAL_FROM: u64 = 1 << 40;
/// The root's number, at WeCom and here.
pub const ROOT: u64 = 1;

/// Whether only this folder knows the department with this number.
pub fn is_local(number: u64) -> bool {
    number >= LOCAL_FROM
}

/// Who may change what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The firm is connected to WeCom.
    pub is_connected: bool,
    /// What becomes of changes here that WeCom should know of.
    pub mode: WriteMode,
}

impl Standing {
    /// Whether changes are told to WeCom, be it as a rehearsal.
    pub fn tells(self) -> bool {
        self.is_connected && self.mode != WriteMode::Off
    }

    /// Whether WeCom's own is changed here, and then there.
    fn writes(self) -> bool {
        self.is_connected && self.mode == WriteMode::On
    }

    /// Whether somebody here may change what WeCom knows of this member.
    pub fn may_change_member(self, origin: Origin) -> bool {
        origin == Origin::Local || !self.is_connected || self.writes()
    }

    /// Whether somebody here may change the department with this number.
    pub fn may_change_department(self, number: u64) -> bool {
        is_local(number) || !self.is_connected || self.writes()
    }
}

/// The fields of a draft that are WeCom's and differ from what it says.
pub fn wecoms_own(member: &Member, draft: &MemberDraft) -> Vec<&'static str> {
    let told = |posts: &[Post]| -> Vec<Post> {
        let mut posts: Vec<Post> = posts.to_vec();
        posts.retain(|post| !is_local(post.department));
        posts.sort_by_key(|post| post.department);
        posts
    };
    let given = |ours: &str, theirs: &str| !theirs.is_empty() && ours != theirs;
    let differs = [
        ("userid", !member.userid.eq_ignore_ascii_case(&draft.userid)),
        ("name", member.name != draft.name),
        ("alias", member.alias != draft.alias),
        ("position", member.position != draft.position),
        ("mobile", given(&draft.mobile, &member.mobile)),
        ("email", given(&draft.email, &member.email)),
        ("dept", told(&member.posts) != told(&draft.posts)),
    ];
    let differs = differs.into_iter().filter(|(_, differs)| *differs);
    differs.map(|(field, _)| field).collect()
}
