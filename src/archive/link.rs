//! How the firm's archive is reached: settings, and what is in use.

use std::{path::PathBuf, time::Duration};

use crate::{
    app::App,
    config::ArchiveSource,
    error::Result,
    identity::{Allowed, Command, Permission, Scope},
    store::{Read, StoreError, Write},
    sync::connection,
    wecom::archive::{Backend, Settings},
};

use super::{ingest, model::ArchiveSettings, tables::FIRM};

/// One answer of the library may take this long.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The settings, if the archive was ever set up in the pages.
pub fn stored(r: &Read<'_>) -> Result<Option<ArchiveSettings>, StoreError> {
    r.get(&FIRM.to_owned())
}

/// What the child process is started with; none while the archive is not set up, switched
/// off, or the firm is not connected. The configuration counts before the pages.
pub fn in_use(app: &App) -> Result<Option<Settings>> {
    reached(app, true)
}

/// The same, also while it is switched off: to try whether it would work.
pub fn set_so(app: &App) -> Result<Option<Settings>> {
    reached(app, false)
}

fn reached(app: &App, must_be_on: bool) -> Result<Option<Settings>> {
    let Some(account) = connection::in_use(app)? else {
        return Ok(None);
    };
    let Some(secret) = account.archive_secret else {
        return Ok(None);
    };
    let backend = match &app.config.archive {
        Some(source) => backend(source),
        None => match app.read(stored)? {
            Some(settings) if settings.is_on || !must_be_on => Backend::Library {
                path: PathBuf::from(settings.library),
                digest: settings.digest,
            },
            _ => return Ok(None),
        },
    };
    Ok(Some(Settings {
        backend,
        corpid: account.corpid,
        secret,
        proxy: app.config.proxy.clone(),
        timeout: TIMEOUT,
    }))
}

fn backend(source: &ArchiveSource) -> Backend {
    match source {
        // Whoever writes the file answers for what it names.
        ArchiveSource::Library(path) => Backend::Library {
            path: path.clone(),
            digest: None,
        },
        ArchiveSource::Url(base_url) => Backend::Http {
            base_url: base_url.clone(),
        },
    }
}

/// Sets the archive up, or changes how it is reached.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// Path of the official library.
    pub library: String,
    /// SHA-256 of it that is accepted.
    pub digest: Option<String>,
    /// Whether it is read.
    pub is_on: bool,
    /// Whether members see who opened their conversations.
    pub tells: bool,
}

impl Command for SetUp {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    const STEP_UP: bool = true;
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

/// Keeps the settings; they are in use as soon as the puller looks again.
pub fn set_up(w: &mut Write<'_>, allowed: Allowed<SetUp>) -> Result<()> {
    let SetUp {
        library,
        digest,
        is_on,
        tells,
    } = allowed.into_command();
    let was_on = stored(&w.read())?.is_some_and(|settings| settings.is_on);
    if is_on && !was_on {
        // From now on an answer is waited for.
        let mut cursor = ingest::cursor(&w.read())?;
        cursor.asked_at = None;
        w.put(&cursor)?;
    }
    Ok(w.put(&ArchiveSettings {
        library,
        is_on,
        tells,
        digest,
    })?)
}
