//! `/settings/archive`: how the chat archive is reached, its keys, and how it stands.

use std::path::{Path, PathBuf};

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        approval::{self, FourEyes, SetFourEyes},
        key_ring::{self, KeepKey, RenumberKey},
        link::{self, SetUp},
        model::{KeyVersion, Locked},
        parked,
        standing::{self, Standing},
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Secret, Timestamp},
    sync::connection::{self, Keep, SetArchiveSecret},
    view,
    web::{Cx, Form, FormState, Shown, filters},
    wecom::archive::{PrivateKey, library_digest},
};

/// The page's address.
pub(super) const HERE: &str = "/settings/archive";
/// Characters of a secret that are shown of it.
const TAIL: usize = 4;

/// A version of the key.
struct KeyLine {
    version: u32,
    fingerprint: String,
    public: String,
    made_at: Timestamp,
    /// Messages that wait although the key is here, and why the first does.
    waiting: Option<(usize, Locked)>,
}

/// The page.
#[derive(Template)]
#[template(path = "archive/settings.html", blocks = ["title"])]
pub(in crate::archive) struct SettingsPage {
    form: FormState,
    key_form: FormState,
    rule_form: FormState,
    standing: Standing,
    /// Where messages that wait for a key are listed; empty for whoever may not.
    parked: &'static str,
    /// Whether the firm's WeCom account is connected at all.
    is_connected: bool,
    /// The configuration file says how the archive is reached, and wins.
    from_file: bool,
    /// The end of the secret.
    secret: Option<String>,
    library: String,
    /// SHA-256 of the library, or why it can't be read.
    digest: Result<String, String>,
    /// SHA-256 of the one that was accepted and of this one, if it is another: it is not loaded.
    changed: Option<(String, String)>,
    keys: Vec<KeyLine>,
    /// Versions that messages wait for and nobody has a key of.
    missing: Vec<(u32, usize, Locked)>,
    /// Other pages of the archive that the viewer may see.
    may_read: bool,
    may_keep_words: bool,
}
view!(SettingsPage);

fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    form: Option<FormState>,
    key_form: Option<FormState>,
) -> Result<SettingsPage> {
    let account = connection::in_use(app)?;
    let (settings, keys, standing, rule, parked) = app.read(|r| {
        let standing = Standing::of(app, r, cx.now)?;
        let rule = approval::four_eyes(r)?;
        let parked = match parked::may_read(r, viewer) {
            true => "/archive?flag=undecrypted",
            false => "",
        };
        let settings = link::stored(r)?;
        Ok::<_, AppError>((settings, key_ring::versions(r)?, standing, rule, parked))
    })?;
    let library = settings
        .as_ref()
        .map_or("", |s| s.library.as_str())
        .to_owned();
    let is_on = settings.as_ref().is_some_and(|s| s.is_on);
    let tells = settings.as_ref().is_some_and(|s| s.tells);
    let ticks = [("is_on", is_on), ("tells", tells)];
    let ticks = ticks.into_iter().filter(|(_, is_set)| *is_set);
    let values =
        std::iter::once(("library", library.as_str())).chain(ticks.map(|(name, _)| (name, "on")));
    let digest = library_digest(Path::new(&library)).map_err(|error| error.to_string());
    let accepted = settings.as_ref().and_then(|s| s.digest.clone());
    let next_version = standing::next_version(&keys);
    let is_known = |version: u32| keys.iter().any(|key| key.version == version);
    let missing = standing.waiting.iter();
    let missing = missing.filter(|(version, _)| !is_known(**version));
    Ok(SettingsPage {
        form: form.unwrap_or_else(|| {
            FormState::with_values(values.map(|(name, value)| (name, value.to_owned())))
        }),
        key_form: key_form
            .unwrap_or_else(|| FormState::with_values([("version", next_version.to_string())])),
        rule_form: rule_form(rule),
        is_connected: account.is_some(),
        from_file: app.config.archive.is_some(),
        secret: account.and_then(|a| a.archive_secret.as_ref().map(tail)),
        changed: accepted
            .zip(digest.as_ref().ok().cloned())
            .filter(|(before, now)| before != now),
        digest,
        library,
        missing: missing.map(|(v, (n, why))| (*v, *n, *why)).collect(),
        keys: keys.iter().map(|key| line(key, &standing)).collect(),
        may_read: viewer.may(Permission::ArchiveRead),
        may_keep_words: viewer.may(Permission::WordManage),
        parked,
        standing,
    })
}

fn rule_form(rule: FourEyes) -> FormState {
    let ticks = [("read", rule.read), ("evidence", rule.evidence)];
    let ticks = ticks.into_iter().filter(|(_, is_on)| *is_on);
    let hours = std::iter::once(("hours", rule.hours.to_string()));
    FormState::with_values(hours.chain(ticks.map(|(name, _)| (name, "on".to_owned()))))
}

/// Where a second person is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct RuleFields {
    #[serde(default)]
    read: bool,
    #[serde(default)]
    evidence: bool,
    #[serde(default)]
    hours: String,
}

/// Keeps where a second person is wanted.
pub(in crate::archive) async fn save_four_eyes(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<RuleFields>,
) -> Result<Shown<SettingsPage>> {
    let fields = &form.values;
    let rule = FourEyes {
        read: fields.read,
        evidence: fields.evidence,
        // What is no number is out of range, and told so.
        hours: fields.hours.trim().parse().unwrap_or(0),
    };
    let by = viewer.clone();
    let saved = app
        .write(viewer.change("approval.rule"), move |w| {
            let allowed = by.allow(w, SetFourEyes { rule })?;
            approval::set_four_eyes(w, allowed)
        })
        .await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(HERE).toast("approval.rule_saved", ()),
        Err(rule_form) => {
            let page = page(&app, &viewer, &cx, None, None)?;
            Shown::of(SettingsPage { rule_form, ..page }).invalid()
        }
    })
}

fn line(key: &KeyVersion, standing: &Standing) -> KeyLine {
    KeyLine {
        version: key.version,
        fingerprint: key.fingerprint.clone(),
        public: key.public.clone(),
        made_at: key.made_at,
        waiting: standing.waiting.get(&key.version).copied(),
    }
}

fn tail(secret: &Secret<String>) -> String {
    let text = secret.expose();
    let from = text
        .char_indices()
        .rev()
        .nth(TAIL - 1)
        .map_or(0, |(at, _)| at);
    format!("••••{}", &text[from..])
}

/// Shows the page.
pub(in crate::archive) async fn show(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<SettingsPage>> {
    app.read(|r| viewer.scope(r, Permission::SettingsManage).map(drop))?;
    Ok(Shown::of(page(&app, &viewer, &cx, None, None)?))
}

/// How the archive is reached.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Fields {
    #[serde(default)]
    secret: String,
    #[serde(default)]
    library: String,
    #[serde(default)]
    is_on: bool,
    #[serde(default)]
    tells: bool,
    /// SHA-256 of the changed library that is accepted.
    #[serde(default)]
    accept: String,
}

/// Keeps how the archive is reached.
pub(in crate::archive) async fn save(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<SettingsPage>> {
    let saved = keep(&app, &viewer, &form.values).await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(HERE).toast("archive_setup.saved", ()),
        Err(form) => Shown::of(page(&app, &viewer, &cx, Some(form), None)?).invalid(),
    })
}

async fn keep(app: &App, viewer: &Viewer, fields: &Fields) -> Result<()> {
    let secret = fields.secret.trim();
    let library = fields.library.trim().to_owned();
    let path = PathBuf::from(&library);
    let found = tokio::task::spawn_blocking(move || library_digest(&path).ok()).await;
    let found = found.map_err(AppError::internal)?;
    if fields.is_on && app.config.archive.is_none() {
        let known = connection::in_use(app)?.and_then(|c| c.archive_secret);
        if secret.is_empty() && known.is_none() {
            return Err(AppError::field("secret", "form.required"));
        }
        if found.is_none() {
            return Err(AppError::field("library", "archive_setup.no_library"));
        }
    }
    let digest = accepted(app, fields, &library, found)?;
    if !secret.is_empty() && app.config.wecom.is_some() {
        return Err(AppError::Conflict {
            why: "wecom_in_file",
        });
    }
    let secret = Some(secret)
        .filter(|text| !text.is_empty())
        .map(|text| Secret::new(text.to_owned()));
    let command = SetUp {
        library,
        digest,
        is_on: fields.is_on,
        tells: fields.tells,
    };
    let by = viewer.clone();
    app.write(viewer.change("archive.set_up"), move |w| {
        if let Some(secret) = secret {
            let secret = Keep::This(secret);
            let allowed = by.allow(w, SetArchiveSecret { secret })?;
            connection::set_archive_secret(w, allowed)?;
        }
        let allowed = by.allow(w, command)?;
        link::set_up(w, allowed)
    })
    .await?;
    connection::connect(app)?;
    app.archive.wake.notify_one();
    Ok(())
}

/// The library that is accepted: the one at a path that was given now, and at the same path the
/// one from before until somebody has said that the other is right.
fn accepted(
    app: &App,
    fields: &Fields,
    library: &str,
    found: Option<String>,
) -> Result<Option<String>> {
    let known = app.read(link::stored)?;
    let known = known.filter(|known| known.library == library);
    let Some(before) = known.and_then(|known| known.digest) else {
        return Ok(found);
    };
    match found {
        Some(found) if found == before || fields.accept == found => Ok(Some(found)),
        Some(_) if fields.is_on && app.config.archive.is_none() => {
            Err(AppError::field("accept", "archive_setup.not_accepted"))
        }
        _ => Ok(Some(before)),
    }
}

/// A key: made here, or brought along.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct KeyFields {
    version: String,
    #[serde(default)]
    private: String,
}

/// Keeps a key that was made elsewhere, or makes one.
pub(in crate::archive) async fn add_key(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<KeyFields>,
) -> Result<Shown<SettingsPage>> {
    let saved = keep_key(&app, &viewer, &form.values).await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(HERE).toast("archive_setup.key_kept", ()),
        Err(form) => Shown::of(page(&app, &viewer, &cx, None, Some(form))?).invalid(),
    })
}

fn version(text: &str) -> Result<u32> {
    let wrong = || AppError::field("version", "archive_setup.key_version");
    let version = text.trim().parse().map_err(|_| wrong())?;
    key_ring::must_be_version(version)?;
    Ok(version)
}

async fn keep_key(app: &App, viewer: &Viewer, fields: &KeyFields) -> Result<()> {
    let version = version(&fields.version)?;
    let pem = fields.private.trim().to_owned();
    // Making a key takes a moment; it does not stand in the way of requests.
    let private = tokio::task::spawn_blocking(move || match pem.is_empty() {
        true => PrivateKey::generate().map_err(AppError::internal),
        false => PrivateKey::from_pem(&pem)
            .map_err(|_| AppError::field("private", "archive_setup.key_unfit")),
    });
    let private = private.await.map_err(AppError::internal)??;
    let private = private.to_pem().map_err(AppError::internal)?;
    let command = KeepKey {
        version,
        private: Secret::new((*private).clone()),
    };
    app.carry_out(viewer, "archive.key", command, key_ring::keep)
        .await?;
    app.archive.wake.notify_one();
    Ok(())
}

/// Another version for a key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct RenumberFields {
    from: u32,
    version: String,
}

/// Gives a key the version that WeCom's console shows.
pub(in crate::archive) async fn renumber_key(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<RenumberFields>,
) -> Result<Shown<SettingsPage>> {
    let fields = &form.values;
    let saved = match version(&fields.version) {
        Ok(to) => renumber(&app, &viewer, fields.from, to).await,
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(HERE).toast("archive_setup.key_kept", ()),
        Err(form) => Shown::of(page(&app, &viewer, &cx, None, Some(form))?).invalid(),
    })
}

async fn renumber(app: &App, viewer: &Viewer, from: u32, to: u32) -> Result<()> {
    let by = viewer.clone();
    app.write(viewer.change("archive.key"), move |w| {
        let allowed = by.allow(w, RenumberKey { from, to })?;
        key_ring::renumber(w, allowed)
    })
    .await?;
    app.archive.wake.notify_one();
    Ok(())
}
