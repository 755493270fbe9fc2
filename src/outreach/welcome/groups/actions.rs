//! What people do to group welcome templates.

use std::sync::Arc;

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Id,
    org::{self, Directory},
    outreach::materials::{self, Material, MaterialId},
    store::{Read, StoreError, SubjectId, Write},
    work::effects::{self, Area, EffectState, WriteMode, mode},
};

use super::{
    model::{GroupWelcome, GroupWelcomeId, TEMPLATES_MAX, check},
    outbound::{Deed, plan},
    queries,
};

/// Kind of what uses assets, as they know it.
const USER: &str = "group_welcome";

/// Keeps a template, new or changed, and has WeCom told of it.
#[derive(Debug, Clone)]
pub struct SaveGroupWelcome {
    /// None for a new one.
    pub id: Option<GroupWelcomeId>,
    /// The words.
    pub text: String,
    /// What comes along.
    pub asset: Option<MaterialId>,
    /// Whether WeCom tells members of it.
    pub notify: bool,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Has WeCom told again of a template that it does not have as it is to be.
#[derive(Debug, Clone)]
pub struct RetryGroupWelcome {
    /// Which.
    pub id: GroupWelcomeId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Deletes a template, here and at WeCom.
#[derive(Debug, Clone)]
pub struct DeleteGroupWelcome {
    /// Which.
    pub id: GroupWelcomeId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Whether somebody whose right reaches so far decides about templates: at WeCom they are
/// offered to every member.
pub(super) fn decides(scope: &Scope, directory: &Directory) -> bool {
    org::decides(scope, directory, None)
}

macro_rules! of_the_firm {
    ($($command:ident),+) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::OutreachManage);
            const WHAT: &'static str = "group_welcome";
            fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                Ok(decides(scope, &self.directory))
            }
        }
    )+};
}
of_the_firm!(SaveGroupWelcome, RetryGroupWelcome, DeleteGroupWelcome);

fn found(w: &Write<'_>, id: GroupWelcomeId) -> Result<GroupWelcome> {
    let known = w.get::<GroupWelcome>(&id)?.filter(|known| known.is_wanted);
    known.ok_or(AppError::NotFound {
        what: "group_welcome",
    })
}

/// Keeps it. Where the firm does not let Qitai write, nothing is planned: [`retry`] makes up
/// for it.
pub fn save(w: &mut Write<'_>, allowed: Allowed<SaveGroupWelcome>) -> Result<GroupWelcomeId> {
    let by: Option<SubjectId> = allowed.by().map(Id::cast);
    let command = allowed.into_command();
    let text = command.text.trim_end().to_owned();
    let mut invalid = check(&text, command.asset.is_some());
    if let Some(id) = command.asset {
        let asset = w.get::<Material>(&id)?;
        if !asset.is_some_and(|asset| asset.kind().is_attachment()) {
            invalid = invalid.with("asset", "groupwelcome.asset_missing");
        }
    }
    let known = match command.id {
        Some(id) => Some(found(w, id)?),
        None if queries::count(&w.read())? >= TEMPLATES_MAX => {
            invalid = invalid.with("", "groupwelcome.full");
            None
        }
        None => None,
    };
    invalid.into_result()?;
    let says_the_same = known
        .as_ref()
        .is_some_and(|known| known.text == text && known.asset == command.asset);
    if let Some(known) = known.as_ref().filter(|_| says_the_same) {
        let notify = command.notify;
        if known.notify != notify {
            w.put(&GroupWelcome {
                notify,
                ..known.clone()
            })?;
        }
        return Ok(known.id);
    }
    let template = GroupWelcome {
        id: match &known {
            Some(known) => known.id,
            None => w.new_id()?,
        },
        text,
        asset: command.asset,
        notify: command.notify,
        template_id: known
            .as_ref()
            .map_or_else(String::new, |known| known.template_id.clone()),
        is_gone: known.as_ref().is_some_and(|known| known.is_gone),
        written: known.and_then(|known| known.written),
        is_wanted: true,
        changed_at: w.now(),
        changed_by: by,
    };
    let assets: Vec<MaterialId> = template.asset.into_iter().collect();
    materials::set_uses(w, USER, &template.id.to_string(), &assets)?;
    w.put(&template)?;
    if mode(&w.read(), Area::Outreach)? != WriteMode::Off {
        settle(w, &template, by)?;
    }
    Ok(template.id)
}

/// Plans what brings WeCom in line with a template, in place of what failed before.
fn settle(w: &mut Write<'_>, template: &GroupWelcome, by: Option<SubjectId>) -> Result<()> {
    let mut is_under_way = false;
    for effect in queries::pending(&w.read(), template.id)? {
        match effect.state {
            EffectState::Failed => {
                effects::cancel(w, effect.id)?;
            }
            _ => is_under_way = true,
        }
    }
    let deed = match template.is_wanted {
        false => Deed::Delete,
        // What is being made takes over the wish of the moment at which it is sent; what comes
        // behind it brings it in line.
        true if template.is_made() || is_under_way => Deed::Update,
        true => Deed::Create,
    };
    plan(w, template, deed, template.notify, by)
}

/// Plans it again; whether anything was to be done. What is under way is left alone.
///
/// [`AppError::Conflict`] `writing_off` where the firm does not let Qitai write.
pub fn retry(w: &mut Write<'_>, allowed: Allowed<RetryGroupWelcome>) -> Result<bool> {
    let by: Option<SubjectId> = allowed.by().map(Id::cast);
    let id = allowed.into_command().id;
    let template = w.get::<GroupWelcome>(&id)?;
    let mut template = template.ok_or(AppError::NotFound {
        what: "group_welcome",
    })?;
    if mode(&w.read(), Area::Outreach)? == WriteMode::Off {
        return Err(AppError::Conflict { why: "writing_off" });
    }
    if !queries::standing(&w.read(), &template)?.may_retry() {
        return Ok(false);
    }
    if template.is_gone {
        template.is_gone = false;
        w.put(&template)?;
    }
    settle(w, &template, by)?;
    Ok(true)
}

/// Deletes it. What WeCom has of it goes by an effect; until then it is listed as going.
pub fn delete(w: &mut Write<'_>, allowed: Allowed<DeleteGroupWelcome>) -> Result<()> {
    let by: Option<SubjectId> = allowed.by().map(Id::cast);
    let mut template = found(w, allowed.into_command().id)?;
    materials::set_uses(w, USER, &template.id.to_string(), &[])?;
    let pending = queries::pending(&w.read(), template.id)?;
    let is_under_way = pending.iter().any(|effect| effect.state.is_pending());
    if !template.is_made() && !is_under_way {
        for effect in pending {
            effects::cancel(w, effect.id)?;
        }
        w.delete::<GroupWelcome>(&template.id)?;
        return Ok(());
    }
    template.is_wanted = false;
    w.put(&template)?;
    match mode(&w.read(), Area::Outreach)? {
        WriteMode::Off => Ok(()),
        WriteMode::On | WriteMode::DryRun => settle(w, &template, by),
    }
}
