//! What changes the firm and how far its roll-out is.

use crate::{
    error::{AppError, Invalid, Result},
    identity::{
        Allowed, Command, Permission, Scope, Viewer,
        actions::{self, DeleteRole, SaveRole},
        queries as identity,
    },
    store::{Read, StoreError, Write},
    tags::actions::{self as tags, DropTags, MakeTags},
};

use super::{
    logo,
    model::{AppliedPreset, Firm, Industry, Logo, Step, clean_address},
    presets, queries,
    tables::FIRM,
};

/// Longest text of a field, in characters.
const TEXT_CHARS_MAX: usize = 100;

/// Says what the firm is called, whom to ask and where it is reached.
#[derive(Debug, Clone)]
pub struct SaveFirm {
    /// The firm to be.
    pub firm: Firm,
}

/// Shows another logo, or none.
#[derive(Debug, Clone)]
pub struct SaveLogo {
    /// The file; none takes the logo away.
    pub bytes: Option<Vec<u8>>,
}

/// Saves a step of the wizard, so that it goes on behind it.
#[derive(Debug, Clone, Copy)]
pub struct PassStep {
    /// The step.
    pub step: Step,
}

/// Works without WeCom for now, or with it after all.
#[derive(Debug, Clone, Copy)]
pub struct WorkWithoutWecom {
    /// Without.
    pub without: bool,
}

/// Notes what a preset has made.
#[derive(Debug, Clone)]
struct KeepPreset {
    preset: Option<AppliedPreset>,
}

macro_rules! for_super_admins {
    ($($command:ty),+) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
            const WHAT: &'static str = "settings";
            fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                Ok(scope.is_everything())
            }
        }
    )+};
}
for_super_admins!(SaveFirm, SaveLogo, PassStep, WorkWithoutWecom, KeepPreset);

/// Keeps what is said of the firm.
pub fn save_firm(w: &mut Write<'_>, allowed: Allowed<SaveFirm>) -> Result<()> {
    let mut firm = allowed.into_command().firm;
    firm.logo = queries::firm(&w.read())?.logo;
    let mut wrong = Invalid::default();
    for (field, value) in [
        ("name", &mut firm.name),
        ("contact_name", &mut firm.contact_name),
        ("contact_phone", &mut firm.contact_phone),
        ("contact_email", &mut firm.contact_email),
    ] {
        *value = value.trim().to_owned();
        if value.chars().count() > TEXT_CHARS_MAX || value.chars().any(char::is_control) {
            wrong = wrong.with(field, "firm.too_long");
        }
    }
    if firm.name.is_empty() {
        wrong = wrong.with("name", "form.required");
    }
    if !firm.contact_email.is_empty() && !firm.contact_email.contains('@') {
        wrong = wrong.with("contact_email", "firm.email");
    }
    if !firm.address.trim().is_empty() {
        match clean_address(&firm.address) {
            Some(clean) => firm.address = clean,
            None => wrong = wrong.with("address", "firm.address_shape"),
        }
    }
    wrong.into_result()?;
    Ok(w.put(&firm)?)
}

/// Keeps the logo, if it is a picture and nothing else.
pub fn save_logo(w: &mut Write<'_>, allowed: Allowed<SaveLogo>) -> Result<()> {
    let mut firm = queries::firm(&w.read())?;
    match allowed.into_command().bytes {
        None => {
            w.delete::<Logo>(&FIRM.to_owned())?;
            firm.logo = None;
        }
        Some(bytes) => {
            let media_type =
                logo::media_type(&bytes).ok_or(AppError::field("file", "firm.logo_kind"))?;
            firm.logo = Some(w.random().u64());
            w.put(&Logo {
                is_png: media_type == "image/png",
                bytes,
            })?;
        }
    }
    Ok(w.put(&firm)?)
}

/// Keeps the address alone; the rest may not have been said yet.
pub fn save_address(w: &mut Write<'_>, allowed: Allowed<SaveFirm>) -> Result<()> {
    let mut firm = allowed.into_command().firm;
    firm.address =
        clean_address(&firm.address).ok_or(AppError::field("address", "firm.address_shape"))?;
    Ok(w.put(&firm)?)
}

/// Goes on behind a step. The last one ends the wizard.
pub fn pass_step(w: &mut Write<'_>, allowed: Allowed<PassStep>) -> Result<()> {
    let step = allowed.into_command().step;
    let mut setup = queries::setup(&w.read())?;
    if !setup.is_done(step) {
        setup.done.push(step);
    }
    if step == Step::Done {
        setup.finished_at.get_or_insert(w.now());
    }
    Ok(w.put(&setup)?)
}

/// Leaves out the steps about WeCom, or puts them back.
pub fn work_without_wecom(w: &mut Write<'_>, allowed: Allowed<WorkWithoutWecom>) -> Result<()> {
    let mut setup = queries::setup(&w.read())?;
    setup.without_wecom = allowed.into_command().without;
    if setup.without_wecom && !setup.is_done(Step::Wecom) {
        setup.done.push(Step::Wecom);
    }
    Ok(w.put(&setup)?)
}

/// Makes what an industry's preset is made of. Roles that are there under these names stay as
/// they are, and so do groups of tags. `names` are the roles' names in the language of whoever
/// asks, `groups` the names of groups and their tags.
pub fn apply_preset(
    w: &mut Write<'_>,
    viewer: &Viewer,
    industry: Industry,
    names: &[String],
    groups: Vec<(String, Vec<String>)>,
) -> Result<()> {
    if queries::setup(&w.read())?.preset.is_some() {
        return Err(AppError::field("industry", "preset.one_at_a_time"));
    }
    let known = identity::custom_roles(&w.read())?;
    let mut roles = Vec::new();
    for (role, name) in presets::roles(industry).iter().zip(names) {
        if known.iter().any(|known| known.name == *name) {
            continue;
        }
        let command = SaveRole {
            role: None,
            name: name.clone(),
            permissions: role.permissions.iter().copied().collect(),
            breadth: role.breadth,
        };
        let allowed = viewer.allow(w, command)?;
        roles.push(actions::save_role(w, allowed)?.id);
    }
    let allowed = viewer.allow(w, MakeTags { groups })?;
    let tags = tags::make(w, allowed)?;
    let at = w.now();
    let preset = Some(AppliedPreset {
        industry,
        roles,
        at,
        tags,
    });
    keep_preset(w, viewer, preset)
}

/// Takes away what the preset has made. A role that somebody has been given is a reason to
/// take nothing away.
pub fn undo_preset(w: &mut Write<'_>, viewer: &Viewer) -> Result<()> {
    let Some(preset) = queries::setup(&w.read())?.preset else {
        return Ok(());
    };
    let known = identity::custom_roles(&w.read())?;
    for role in preset.roles {
        if !known.iter().any(|known| known.id == role) {
            continue;
        }
        let allowed = viewer.allow(w, DeleteRole { role })?;
        actions::delete_role(w, allowed).map_err(|error| match error {
            AppError::Conflict { .. } => AppError::field("industry", "preset.role_in_use"),
            other => other,
        })?;
    }
    let tags = preset.tags;
    let allowed = viewer.allow(w, DropTags { tags })?;
    tags::drop_tags(w, allowed).map_err(|error| match error {
        AppError::Conflict { why: "writing_off" } => {
            AppError::field("industry", "preset.tags_at_wecom")
        }
        other => other,
    })?;
    keep_preset(w, viewer, None)
}

fn keep_preset(w: &mut Write<'_>, viewer: &Viewer, preset: Option<AppliedPreset>) -> Result<()> {
    let allowed = viewer.allow(w, KeepPreset { preset })?;
    let mut setup = queries::setup(&w.read())?;
    setup.preset = allowed.into_command().preset;
    Ok(w.put(&setup)?)
}
