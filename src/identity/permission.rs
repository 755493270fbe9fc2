//! What somebody may be allowed to do: one list, for the whole product.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

/// A right. Stored by number and named by code, so neither may ever change its meaning.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize,
)]
#[cbor(index_only)]
#[serde(into = "&'static str")]
pub enum Permission {
    /// See customers with masked numbers, and search them.
    #[n(0)]
    CustomerRead,
    /// Have a masked number shown; each time leaves an audit entry.
    #[n(1)]
    CustomerReveal,
    /// Take customers out as a file.
    #[n(2)]
    CustomerExport,
    /// See customer groups.
    #[n(3)]
    GroupRead,
    /// See the corp tags.
    #[n(4)]
    TagRead,
    /// See departments and members.
    #[n(5)]
    OrgRead,
    /// Start a sync with WeCom.
    #[n(6)]
    SyncRun,
    /// Read the audit trail.
    #[n(7)]
    AuditRead,
    /// Have the audit trail checked.
    #[n(8)]
    AuditVerify,
    /// Take the audit trail out as a package.
    #[n(9)]
    AuditExport,
    /// See jobs and their progress.
    #[n(10)]
    JobRead,
    /// Create, change and disable accounts.
    #[n(11)]
    AccountManage,
    /// Change roles and the settings of who sees what.
    #[n(12)]
    SettingsManage,
    /// Make and change members and departments, and import them.
    #[n(13)]
    OrgEdit,
    /// Keep members and departments in step with an HR system (SCIM), with a token.
    #[n(14)]
    Scim,
    /// Put tags on customers and note remarks, which are written to WeCom; make, change and
    /// import customers of the firm's own.
    #[n(15)]
    CustomerEdit,
    /// Read archived conversations.
    #[n(16)]
    ArchiveRead,
    /// Judge what sensitive words have found.
    #[n(17)]
    AlertHandle,
    /// Decide which words are looked for.
    #[n(18)]
    WordManage,
    /// Gather messages into cases, seal these, and take the packages out.
    #[n(19)]
    EvidenceManage,
    /// Decide as the second person about access to conversations and evidence.
    #[n(20)]
    AccessApprove,
    /// See what is kept how long; keep archived messages back from deletion.
    #[n(21)]
    HoldManage,
    /// See live codes, their print and their statistics.
    #[n(22)]
    LiveCodeRead,
    /// Make, change, pause and print live codes, and their channels.
    #[n(23)]
    LiveCodeManage,
    /// See the asset library, broadcasts and what they came to.
    #[n(24)]
    OutreachRead,
    /// Change the asset library, welcome messages and rules that follow up by themselves.
    #[n(25)]
    OutreachManage,
    /// Plan, send and stop broadcasts and moments.
    #[n(26)]
    BroadcastSend,
    /// Decide as the second person about a broadcast above the firm's threshold.
    #[n(27)]
    BroadcastApprove,
}

/// A set of rights.
pub type Permissions = BTreeSet<Permission>;

impl Permission {
    /// All of them, in the order of the matrix.
    pub const ALL: [Self; 28] = [
        Self::CustomerRead,
        Self::CustomerReveal,
        Self::CustomerEdit,
        Self::CustomerExport,
        Self::GroupRead,
        Self::TagRead,
        Self::LiveCodeRead,
        Self::LiveCodeManage,
        Self::OutreachRead,
        Self::OutreachManage,
        Self::BroadcastSend,
        Self::BroadcastApprove,
        Self::ArchiveRead,
        Self::AlertHandle,
        Self::WordManage,
        Self::EvidenceManage,
        Self::AccessApprove,
        Self::HoldManage,
        Self::OrgRead,
        Self::OrgEdit,
        Self::Scim,
        Self::SyncRun,
        Self::JobRead,
        Self::AuditRead,
        Self::AuditVerify,
        Self::AuditExport,
        Self::AccountManage,
        Self::SettingsManage,
    ];

    /// The stable code: catalogue key, audit trail, command line.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CustomerRead => "customer.read",
            Self::CustomerReveal => "customer.reveal",
            Self::CustomerEdit => "customer.edit",
            Self::CustomerExport => "customer.export",
            Self::GroupRead => "group.read",
            Self::TagRead => "tag.read",
            Self::LiveCodeRead => "livecode.read",
            Self::LiveCodeManage => "livecode.manage",
            Self::OutreachRead => "outreach.read",
            Self::OutreachManage => "outreach.manage",
            Self::BroadcastSend => "broadcast.send",
            Self::BroadcastApprove => "broadcast.approve",
            Self::OrgRead => "org.read",
            Self::OrgEdit => "org.edit",
            Self::ArchiveRead => "archive.read",
            Self::AlertHandle => "archive.judge",
            Self::WordManage => "archive.words",
            Self::EvidenceManage => "archive.evidence",
            Self::AccessApprove => "archive.approve",
            Self::HoldManage => "archive.hold",
            Self::Scim => "scim",
            Self::SyncRun => "sync.run",
            Self::AuditRead => "audit.read",
            Self::AuditVerify => "audit.verify",
            Self::AuditExport => "audit.export",
            Self::JobRead => "job.read",
            Self::AccountManage => "account.manage",
            Self::SettingsManage => "settings.manage",
        }
    }

    /// The permission with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.code() == code)
    }

    /// Whether a custom role or an API token may carry it. Whoever decides about accounts
    /// and roles decides about everything, so that stays with super admins at the screen.
    pub const fn is_delegable(self) -> bool {
        !matches!(self, Self::AccountManage | Self::SettingsManage)
    }
}

impl From<Permission> for &'static str {
    fn from(permission: Permission) -> Self {
        permission.code()
    }
}

/// The codes as one JSON list, for audit views.
pub(super) fn codes(permissions: &Permissions) -> serde_json::Value {
    permissions.iter().map(|p| p.code()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_complete_and_codes_are_unique() {
        let codes: BTreeSet<&str> = Permission::ALL.iter().map(|p| p.code()).collect();
        assert_eq!(codes.len(), Permission::ALL.len());
        for (number, permission) in (0..).map_while(|n: u32| {
            let bytes = minicbor::to_vec(n).unwrap();
            Some((n, minicbor::decode::<Permission>(&bytes).ok()?))
        }) {
            assert!(
                Permission::ALL.contains(&permission),
                "number {number} is not listed"
            );
            assert_eq!(Permission::of_code(permission.code()), Some(permission));
        }
    }
}
