//! Roles: which rights, and how far they reach.
//!
//! Four roles are built in and cannot be changed; the firm may add its own. How far staff
//! see is one setting of the firm.

use minicbor::{Decode, Encode};

use crate::{
    kit::Id,
    store::{AuditView, Class, Entity, Index, Key, Read, StoreError, Vault},
};

use super::permission::{Permission, Permissions, codes};

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Role {
    /// 超级管理员: everything, audited like everyone.
    #[n(0)]
    SuperAdmin,
    /// 部门管理员: the departments they manage.
    #[n(1)]
    DepartmentAdmin,
    /// 普通员工: their own records; settings may widen that.
    #[n(2)]
    Staff,
    /// 合规专员: the audit trail. Customers are opened only from there, not from the list.
    #[n(3)]
    Compliance,
    /// A role of the firm's own.
    #[n(4)]
    Custom(#[n(0)] Id<CustomRole>),
}

impl Role {
    /// The roles every firm has.
    pub const BUILT_IN: [Self; 4] = [
        Self::SuperAdmin,
        Self::DepartmentAdmin,
        Self::Staff,
        Self::Compliance,
    ];

    /// The stable code: audit trail, forms, command line. `custom:<id>` for the firm's own.
    pub fn code(self) -> String {
        match self {
            Self::SuperAdmin => "super_admin".to_owned(),
            Self::DepartmentAdmin => "department_admin".to_owned(),
            Self::Staff => "staff".to_owned(),
            Self::Compliance => "compliance".to_owned(),
            Self::Custom(id) => format!("custom:{id}"),
        }
    }

    /// The role with this code. Whether a custom role exists is not looked at.
    pub fn of_code(code: &str) -> Option<Self> {
        if let Some(id) = code.strip_prefix("custom:") {
            return id.parse().ok().map(Self::Custom);
        }
        Self::BUILT_IN.into_iter().find(|role| role.code() == code)
    }

    /// Rights and reach of this role as things stand. A custom role that is gone gives none.
    pub fn grant(self, r: &Read<'_>) -> Result<Grant, StoreError> {
        let settings = AccessSettings::load(r)?;
        let (permissions, breadth): (&[Permission], Breadth) = match self {
            Self::SuperAdmin => (&Permission::ALL, Breadth::Everything),
            Self::DepartmentAdmin => (DEPARTMENT_ADMIN, Breadth::ManagedUnits),
            Self::Staff => (STAFF, settings.staff_breadth()),
            Self::Compliance => (COMPLIANCE, Breadth::Everything),
            Self::Custom(id) => {
                let Some(role) = r.get::<CustomRole>(&id)? else {
                    return Ok(Grant::nothing());
                };
                let (breadth, chats) = match role.breadth {
                    Breadth::AsStaff => (settings.staff_breadth(), Breadth::Own),
                    fixed => (fixed, fixed),
                };
                return Ok(Grant {
                    permissions: role.permissions,
                    breadth,
                    chats,
                });
            }
        };
        let mut permissions: Permissions = permissions.iter().copied().collect();
        if matches!(self, Self::SuperAdmin | Self::DepartmentAdmin) {
            // Running the system is no reason to read what people wrote.
            for right in CHATS {
                match settings.admins_read_chats {
                    true => permissions.insert(right),
                    false => permissions.remove(&right),
                };
            }
        }
        if self == Self::SuperAdmin && !settings.admins_read_chats {
            permissions.remove(&EVIDENCE);
        }
        let chats = match self {
            Self::Staff => Breadth::Own,
            _ => breadth,
        };
        Ok(Grant {
            permissions,
            breadth,
            chats,
        })
    }
}

/// What admins may where the firm lets them read archived conversations.
const CHATS: [Permission; 2] = [Permission::ArchiveRead, Permission::AlertHandle];
/// The same for super admins alone.
const EVIDENCE: Permission = Permission::EvidenceManage;

const DEPARTMENT_ADMIN: &[Permission] = &[
    Permission::CustomerRead,
    Permission::CustomerReveal,
    Permission::CustomerEdit,
    Permission::CustomerExport,
    Permission::GroupRead,
    Permission::TagRead,
    Permission::LiveCodeRead,
    Permission::LiveCodeManage,
    Permission::OutreachRead,
    Permission::OutreachManage,
    Permission::BroadcastSend,
    Permission::BroadcastApprove,
    Permission::OrgRead,
    Permission::OrgEdit,
    Permission::WordManage,
    Permission::JobRead,
];

const STAFF: &[Permission] = &[
    Permission::CustomerRead,
    Permission::CustomerReveal,
    Permission::CustomerEdit,
    Permission::GroupRead,
    Permission::LiveCodeRead,
    Permission::OutreachRead,
    Permission::OrgRead,
    Permission::ArchiveRead,
];

const COMPLIANCE: &[Permission] = &[
    Permission::OrgRead,
    Permission::ArchiveRead,
    Permission::AlertHandle,
    Permission::EvidenceManage,
    Permission::AccessApprove,
    Permission::HoldManage,
    Permission::AuditRead,
    Permission::AuditVerify,
    Permission::AuditExport,
];

/// How far the rights of a role reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Breadth {
    /// What belongs to the member the account stands for.
    #[n(0)]
    Own,
    /// The departments that member is in, with those below.
    #[n(1)]
    OwnUnits,
    /// The departments the account manages, with those below.
    #[n(2)]
    ManagedUnits,
    /// The whole firm.
    #[n(3)]
    Everything,
    /// As far as the firm's settings let staff see. Only custom roles have it; a [`Grant`]
    /// holds what it stands for.
    #[n(4)]
    AsStaff,
}

impl Breadth {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 5] = [
        Self::AsStaff,
        Self::Own,
        Self::OwnUnits,
        Self::ManagedUnits,
        Self::Everything,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::OwnUnits => "own_units",
            Self::ManagedUnits => "managed_units",
            Self::Everything => "everything",
            Self::AsStaff => "as_staff",
        }
    }

    /// The breadth with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|b| b.code() == code)
    }
}

/// What a role comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The rights.
    pub permissions: Permissions,
    /// How far they reach.
    pub breadth: Breadth,
    /// How far they reach into archived conversations: staff read their own, whatever else
    /// they see.
    pub chats: Breadth,
}

impl Grant {
    fn nothing() -> Self {
        Self {
            permissions: Permissions::new(),
            breadth: Breadth::Own,
            chats: Breadth::Own,
        }
    }
}

/// roles: a role of the firm's own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CustomRole {
    /// Its id.
    #[n(0)]
    pub id: Id<CustomRole>,
    /// The name people chose.
    #[n(1)]
    pub name: String,
    /// Its rights; only delegable ones.
    #[n(2)]
    pub permissions: Permissions,
    /// How far they reach.
    #[n(3)]
    pub breadth: Breadth,
}

/// One name, one role.
const ROLE_BY_NAME: Index<CustomRole> =
    Index::unique("roles-1.by_name", |role: &CustomRole, _: &Vault| {
        vec![Key::new().with(role.name.as_str())]
    });

impl Entity for CustomRole {
    const KIND: &'static str = "role";
    const TABLE: &'static str = "roles-1";
    const CLASS: Class = Class::Record;
    type Key = Id<CustomRole>;
    fn key(&self) -> Id<CustomRole> {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[ROLE_BY_NAME]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("name", self.name.as_str().into()),
            ("permissions", codes(&self.permissions)),
            ("reach", self.breadth.code().into()),
        ]
    }
}

/// access-settings: who sees beyond their own records. One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct AccessSettings {
    /// 跨部门可见: staff see the whole firm.
    #[n(0)]
    pub cross_department: bool,
    /// Staff see the departments they are in.
    #[n(1)]
    pub staff_sees_department: bool,
    /// Super admins and department admins read archived conversations within their reach.
    #[cbor(n(2), default)]
    pub admins_read_chats: bool,
}

/// The key of the one row.
const FIRM: &str = "firm";

impl AccessSettings {
    /// The settings as they are; the narrowest if none were ever made.
    pub fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        Ok(r.get(&FIRM.to_owned())?.unwrap_or_default())
    }

    /// How far staff see.
    pub fn staff_breadth(self) -> Breadth {
        match self {
            Self {
                cross_department: true,
                ..
            } => Breadth::Everything,
            Self {
                staff_sees_department: true,
                ..
            } => Breadth::OwnUnits,
            _ => Breadth::Own,
        }
    }
}

impl Entity for AccessSettings {
    const KIND: &'static str = "access_settings";
    const TABLE: &'static str = "access-settings-1";
    const CLASS: Class = Class::Record;
    type Key = String;
    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("cross_department", self.cross_department.into()),
            ("staff_sees_department", self.staff_sees_department.into()),
            ("admins_read_chats", self.admins_read_chats.into()),
        ]
    }
}
