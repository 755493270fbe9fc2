//! What people do to welcome messages.

use std::sync::Arc;

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Id,
    org::{self, Directory, Sight},
    outreach::{Content, materials},
    store::{Read, StoreError, Write},
};

use super::model::{DAY_MINUTES, WINDOWS_MAX, Welcome, WelcomeId, Whose, Window};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 40;
/// Kind of what uses assets, as they know it.
const USER: &str = "welcome";

/// Keeps a message, new or changed.
#[derive(Debug, Clone)]
pub struct SaveWelcome {
    /// None for a new one.
    pub id: Option<WelcomeId>,
    /// What colleagues call it.
    pub name: String,
    /// Whose customers it greets.
    pub whose: Whose,
    /// When; always where there is none.
    pub windows: Vec<Window>,
    /// What it says.
    pub content: Content,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Whether somebody whose right reaches so far decides about whom a message greets.
pub(super) fn decides(scope: &Scope, directory: &Arc<Directory>, whose: Whose) -> bool {
    match whose {
        Whose::Firm => org::decides(scope, directory, None),
        Whose::Department(unit) => org::decides(scope, directory, Some(unit)),
        Whose::Member(member) => {
            directory.member(member).is_some() && Sight::new(directory.clone(), scope).sees(member)
        }
    }
}

fn decides_about(
    r: &Read<'_>,
    scope: &Scope,
    directory: &Arc<Directory>,
    id: WelcomeId,
) -> Result<bool, StoreError> {
    let known = r.get::<Welcome>(&id)?;
    Ok(known.is_some_and(|known| decides(scope, directory, known.whose)))
}

impl Command for SaveWelcome {
    const PERMISSION: Option<Permission> = Some(Permission::OutreachManage);
    const WHAT: &'static str = "welcome";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let is_own = match self.id {
            Some(id) => decides_about(r, scope, &self.directory, id)?,
            None => true,
        };
        Ok(is_own && decides(scope, &self.directory, self.whose))
    }
}

/// Keeps it, and notes which assets it sends.
pub fn save(w: &mut Write<'_>, allowed: Allowed<SaveWelcome>) -> Result<WelcomeId> {
    let by = allowed.by().map(Id::cast);
    let command = allowed.into_command();
    let name = command.name.trim().to_owned();
    let mut invalid = materials::check(&w.read(), &command.content)?;
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        invalid = invalid.with("name", "welcome.name_length");
    }
    let is_sound = |window: &Window| {
        window.days != 0
            && window.days < 1 << 7
            && window.from < DAY_MINUTES
            && (1..=DAY_MINUTES).contains(&window.until)
            && window.from != window.until
    };
    if command.windows.len() > WINDOWS_MAX || !command.windows.iter().all(is_sound) {
        invalid = invalid.with("window", "welcome.window_shape");
    }
    invalid.into_result()?;
    let known = match command.id {
        Some(id) => Some(found(w, id)?),
        None => None,
    };
    let welcome = Welcome {
        id: match &known {
            Some(known) => known.id,
            None => w.new_id()?,
        },
        name,
        whose: command.whose,
        windows: command.windows,
        content: command.content,
        is_paused: known.as_ref().is_some_and(|known| known.is_paused),
        changed_at: w.now(),
        changed_by: by,
    };
    let is_same = known.is_some_and(|known| {
        let (changed_at, changed_by) = (welcome.changed_at, welcome.changed_by);
        welcome
            == Welcome {
                changed_at,
                changed_by,
                ..known
            }
    });
    if !is_same {
        let assets = &welcome.content.attachments;
        materials::set_uses(w, USER, &welcome.id.to_string(), assets)?;
        w.put(&welcome)?;
    }
    Ok(welcome.id)
}

fn found(w: &Write<'_>, id: WelcomeId) -> Result<Welcome> {
    let known = w.get::<Welcome>(&id)?;
    known.ok_or(AppError::NotFound { what: "welcome" })
}

/// Stops using a message, or goes on.
#[derive(Debug, Clone)]
pub struct PauseWelcome {
    /// Which.
    pub id: WelcomeId,
    /// Whether it is not used.
    pub is_paused: bool,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

impl Command for PauseWelcome {
    const PERMISSION: Option<Permission> = Some(Permission::OutreachManage);
    const WHAT: &'static str = "welcome";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        decides_about(r, scope, &self.directory, self.id)
    }
}

/// Stops it or goes on.
pub fn pause(w: &mut Write<'_>, allowed: Allowed<PauseWelcome>) -> Result<()> {
    let PauseWelcome { id, is_paused, .. } = allowed.into_command();
    let welcome = found(w, id)?;
    w.put(&Welcome {
        is_paused,
        ..welcome
    })?;
    Ok(())
}

/// Deletes a message. What it has sent stays in the customers' ledger.
#[derive(Debug, Clone)]
pub struct DeleteWelcome {
    /// Which.
    pub id: WelcomeId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

impl Command for DeleteWelcome {
    const PERMISSION: Option<Permission> = Some(Permission::OutreachManage);
    const WHAT: &'static str = "welcome";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        decides_about(r, scope, &self.directory, self.id)
    }
}

/// Deletes it.
pub fn delete(w: &mut Write<'_>, allowed: Allowed<DeleteWelcome>) -> Result<()> {
    let id = allowed.into_command().id;
    materials::set_uses(w, USER, &id.to_string(), &[])?;
    w.delete::<Welcome>(&id)?;
    Ok(())
}
