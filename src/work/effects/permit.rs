//! What the firm lets Qitai change at WeCom, area by area.

use minicbor::{Decode, Encode};

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    store::{AuditView, Class, Entity, Read, StoreError, Write},
};

/// A part of WeCom that Qitai may be allowed to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Area {
    /// Tags on customers, remarks, descriptions, remarked phones.
    #[n(0)]
    Customers,
    /// The library of corp tags.
    #[n(1)]
    Tags,
    /// Departments and members.
    #[n(2)]
    Directory,
    /// Contact ways, welcome messages, broadcasts, moments.
    #[n(3)]
    Outreach,
    /// Messages to members.
    #[n(4)]
    Messages,
    /// Handing customers over.
    #[n(5)]
    Handover,
    /// Approvals, calendar, meetings.
    #[n(6)]
    Office,
    /// Rules that warn of words in chats with customers or block them.
    #[n(7)]
    Words,
}

impl Area {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 8] = [
        Self::Customers,
        Self::Tags,
        Self::Words,
        Self::Directory,
        Self::Outreach,
        Self::Messages,
        Self::Handover,
        Self::Office,
    ];

    /// Stable code: audit trail, form field, catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Tags => "tags",
            Self::Directory => "directory",
            Self::Outreach => "outreach",
            Self::Messages => "messages",
            Self::Handover => "handover",
            Self::Office => "office",
            Self::Words => "words",
        }
    }

    /// The area with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.code() == code)
    }
}

/// What becomes of an effect that is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum WriteMode {
    /// None can be planned; those in line wait.
    #[default]
    #[n(0)]
    Off,
    /// It is recorded as what would be done and never sent.
    #[n(1)]
    DryRun,
    /// It is sent.
    #[n(2)]
    On,
}

impl WriteMode {
    /// All of them, most careful first.
    pub const ALL: [Self; 3] = [Self::Off, Self::DryRun, Self::On];

    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::DryRun => "dry_run",
            Self::On => "on",
        }
    }

    /// The mode with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.code() == code)
    }
}

/// write-settings: what Qitai may change at WeCom. One row; whatever it does not name is off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct WriteSettings {
    /// The areas that are not off.
    #[n(0)]
    pub areas: Vec<(Area, WriteMode)>,
    /// All areas that are on only rehearse: nothing at all leaves.
    #[n(1)]
    pub rehearse_all: bool,
}

/// The key of the one row.
const FIRM: &str = "firm";

impl WriteSettings {
    /// As they are.
    pub fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        Ok(r.get(&FIRM.to_owned())?.unwrap_or_default())
    }

    /// What becomes of effects of this area.
    pub fn mode(&self, area: Area) -> WriteMode {
        match self.chosen(area) {
            WriteMode::On if self.rehearse_all => WriteMode::DryRun,
            mode => mode,
        }
    }

    /// What was chosen for the area, whether or not all only rehearse.
    pub fn chosen(&self, area: Area) -> WriteMode {
        let found = self.areas.iter().find(|(known, _)| *known == area);
        found.map_or(WriteMode::Off, |(_, mode)| *mode)
    }

    /// The same with another mode for an area.
    pub fn with(mut self, area: Area, mode: WriteMode) -> Self {
        self.areas.retain(|(known, _)| *known != area);
        if mode != WriteMode::Off {
            self.areas.push((area, mode));
            self.areas.sort_by_key(|(area, _)| *area);
        }
        self
    }
}

impl Entity for WriteSettings {
    const KIND: &'static str = "write_settings";
    const TABLE: &'static str = "write-settings-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        let mode = |area: Area| (area.code(), self.chosen(area).code().into());
        let mut view: AuditView = Area::ALL.into_iter().map(mode).collect();
        view.push(("rehearse_all", self.rehearse_all.into()));
        view
    }
}

/// What becomes of effects of this area, as things stand.
pub fn mode(r: &Read<'_>, area: Area) -> Result<WriteMode, StoreError> {
    Ok(WriteSettings::load(r)?.mode(area))
}

/// Decides what Qitai may change at WeCom.
#[derive(Debug, Clone)]
pub struct SaveWriteSettings {
    /// The settings to be.
    pub settings: WriteSettings,
}

impl Command for SaveWriteSettings {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

/// Keeps the decision; it holds for everything that is sent from now on.
pub fn save_write_settings(w: &mut Write<'_>, allowed: Allowed<SaveWriteSettings>) -> Result<()> {
    Ok(w.put(&allowed.into_command().settings)?)
}

/// Refuses where the firm does not let Qitai write.
pub(super) fn must_be_allowed(mode: WriteMode) -> Result<()> {
    match mode {
        WriteMode::Off => Err(AppError::Conflict { why: "writing_off" }),
        WriteMode::DryRun | WriteMode::On => Ok(()),
    }
}
