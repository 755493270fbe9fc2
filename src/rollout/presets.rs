//! What an industry usually needs: roles and corp tags.

use crate::identity::{Breadth, Permission};

use super::model::Industry;

/// A custom role of a preset; its name is the word `preset.role.<code>`.
pub(super) struct PresetRole {
    pub(super) code: &'static str,
    pub(super) permissions: &'static [Permission],
    pub(super) breadth: Breadth,
}

const SERVES: &[Permission] = &[
    Permission::CustomerRead,
    Permission::CustomerReveal,
    Permission::GroupRead,
    Permission::TagRead,
    Permission::OrgRead,
];

const LEADS: &[Permission] = &[
    Permission::CustomerRead,
    Permission::CustomerReveal,
    Permission::CustomerExport,
    Permission::GroupRead,
    Permission::TagRead,
    Permission::OrgRead,
    Permission::JobRead,
];

const LOOKS: &[Permission] = &[
    Permission::CustomerRead,
    Permission::GroupRead,
    Permission::TagRead,
    Permission::OrgRead,
];

const OFFICE: &[Permission] = &[Permission::OrgRead, Permission::JobRead];

const fn role(
    code: &'static str,
    permissions: &'static [Permission],
    breadth: Breadth,
) -> PresetRole {
    PresetRole {
        code,
        permissions,
        breadth,
    }
}

const RETAIL: &[PresetRole] = &[
    role("store_manager", SERVES, Breadth::OwnUnits),
    role("area_manager", LEADS, Breadth::ManagedUnits),
    role("marketing", LOOKS, Breadth::Everything),
];

const SERVICE: &[PresetRole] = &[
    role("service_lead", LEADS, Breadth::ManagedUnits),
    role("consultant", SERVES, Breadth::OwnUnits),
    role("quality", LOOKS, Breadth::Everything),
];

const MANUFACTURING: &[PresetRole] = &[
    role("sales_lead", LEADS, Breadth::ManagedUnits),
    role("after_sales", SERVES, Breadth::OwnUnits),
];

const INTERNAL: &[PresetRole] = &[role("people_office", OFFICE, Breadth::Everything)];

/// The roles of a preset.
pub(super) fn roles(industry: Industry) -> &'static [PresetRole] {
    match industry {
        Industry::Retail => RETAIL,
        Industry::Service => SERVICE,
        Industry::Manufacturing => MANUFACTURING,
        Industry::Office => INTERNAL,
    }
}

/// Groups of corp tags: ends of catalogue keys under `preset.tags`, whose words
/// are the group's name and its tags.
pub(super) fn tags(industry: Industry) -> &'static [&'static str] {
    match industry {
        Industry::Retail => &["level", "interest", "source"],
        Industry::Service => &["stage", "need", "source"],
        Industry::Manufacturing => &["trade", "stage", "source"],
        Industry::Office => &[],
    }
}
