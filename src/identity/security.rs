//! How people prove who they are: the firm's settings for second factor and WeCom.

use minicbor::{Decode, Encode};

use crate::store::{AuditView, Class, Entity, Read, StoreError};

use super::Role;

/// Whose accounts must have a second factor. Who has none yet can do nothing but set one up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum SecondFactorRule {
    /// Everybody decides for themselves.
    #[default]
    #[n(0)]
    Optional,
    /// Super admins must.
    #[n(1)]
    SuperAdmins,
    /// Super admins and department admins must.
    #[n(2)]
    Admins,
    /// Everybody must.
    #[n(3)]
    Everybody,
}

impl SecondFactorRule {
    /// All of them, mildest first.
    pub const ALL: [Self; 4] = [
        Self::Optional,
        Self::SuperAdmins,
        Self::Admins,
        Self::Everybody,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::SuperAdmins => "super_admins",
            Self::Admins => "admins",
            Self::Everybody => "everybody",
        }
    }

    /// The rule with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }

    /// Whether somebody of this role must have one.
    pub fn asks(self, role: Role) -> bool {
        match self {
            Self::Optional => false,
            Self::SuperAdmins => role == Role::SuperAdmin,
            Self::Admins => matches!(role, Role::SuperAdmin | Role::DepartmentAdmin),
            Self::Everybody => true,
        }
    }
}

/// security-settings: how people get in. One row.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SecuritySettings {
    /// Whose accounts must have a second factor.
    #[n(0)]
    pub second_factor: SecondFactorRule,
    /// Whether members may sign in with WeCom, where it is connected.
    #[n(1)]
    pub wecom_sign_in: bool,
    /// Whether signing in inside WeCom asks the member for mobile and mail
    /// (`snsapi_privateinfo`) instead of passing silently.
    #[n(2)]
    pub ask_private_info: bool,
    /// What a member becomes who signs in with WeCom for the first time and whom no rule
    /// names; nobody gets in that way without it.
    #[n(3)]
    pub default_role: Option<Role>,
}

impl Default for SecuritySettings {
    fn default() -> Self {
        Self {
            second_factor: SecondFactorRule::Optional,
            wecom_sign_in: true,
            ask_private_info: false,
            default_role: None,
        }
    }
}

/// The key of the one row.
const FIRM: &str = "firm";

impl SecuritySettings {
    /// The settings as they are.
    pub fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        Ok(r.get(&FIRM.to_owned())?.unwrap_or_default())
    }
}

impl Entity for SecuritySettings {
    const KIND: &'static str = "security_settings";
    const TABLE: &'static str = "security-settings-1";
    const CLASS: Class = Class::Record;
    type Key = String;
    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("second_factor", self.second_factor.code().into()),
            ("wecom_sign_in", self.wecom_sign_in.into()),
            ("ask_private_info", self.ask_private_info.into()),
            ("default_role", self.default_role.map(Role::code).into()),
        ]
    }
}
