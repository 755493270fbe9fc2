//! `/assets/{id}`: an asset as customers see it, its versions, what uses it, and how WeCom
//! stands to it.

use actix_web::web::{Data, Path, Query};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Account, Permission, Viewer},
    kit::Timestamp,
    org,
    store::{Read, SubjectId},
    view,
    web::{Cx, Form, Shown, filters, parts::Link, words},
    work::pages::Nothing,
};

use super::{
    super::{
        Bubble, Material, MediaId, Uses,
        actions::{self, DeleteMaterial, PutAway, TryAgain},
        media,
        queries::{self, Folders},
    },
    HERE, material_id, unit_name,
};

/// A version of the asset.
pub(super) struct Line {
    pub(super) version: u32,
    pub(super) title: String,
    pub(super) made_at: Timestamp,
    pub(super) by: String,
    pub(super) is_shown: bool,
}

/// How WeCom stands to the file.
pub(super) struct AtWecom {
    /// Catalogue key and tone.
    pub(super) state: (&'static str, &'static str),
    /// Good until.
    pub(super) until: Option<Timestamp>,
    /// Why the last upload failed: what happened, and what helps.
    pub(super) failure: Option<(String, String)>,
    pub(super) failed_at: Option<Timestamp>,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/asset.html", blocks = ["title"])]
pub(in crate::outreach) struct AssetPage {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) kind: &'static str,
    pub(super) folder: String,
    pub(super) unit: String,
    pub(super) bubble: Bubble,
    pub(super) file_name: Option<String>,
    pub(super) version: u32,
    pub(super) versions: Vec<Line>,
    /// What sends it: kind and address.
    pub(super) uses: Vec<Link>,
    pub(super) at_wecom: Option<AtWecom>,
    pub(super) is_archived: bool,
    pub(super) may_change: bool,
}
view!(AssetPage);

/// Which version is looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach) struct Asked {
    version: Option<u32>,
}

/// Shows it.
pub(in crate::outreach) async fn show(
    viewer: Viewer,
    id: Path<String>,
    asked: Query<Asked>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<AssetPage>> {
    let id = material_id(&id)?;
    let missing = || AppError::NotFound { what: "material" };
    let page = app.read(|r| {
        let (scope, sight) = super::reach(&app, r, &viewer, Permission::OutreachRead)?;
        let directory = &sight.directory;
        let folders = Folders::load(r)?;
        let material = queries::material(r, &scope, directory, id)?.ok_or_else(missing)?;
        let versions = queries::versions(r, id)?;
        let wanted = asked.version.unwrap_or(material.version);
        let shown = versions.iter().find(|v| v.version == wanted);
        let shown = shown.ok_or_else(missing)?.clone();
        let may_change = viewer.may(Permission::OutreachManage) && {
            let (scope, _) = super::reach(&app, r, &viewer, Permission::OutreachManage)?;
            org::decides(&scope, directory, folders.unit(material.folder))
        };
        let lines = versions.into_iter().map(|v| {
            Ok::<_, AppError>(Line {
                version: v.version,
                title: v.title,
                made_at: v.made_at,
                by: account_name(r, v.made_by)?,
                is_shown: v.version == wanted,
            })
        });
        let uses = queries::uses_of(r, id)?;
        Ok::<_, AppError>(AssetPage {
            id: id.to_string(),
            kind: material.kind().word(),
            folder: match material.folder.and_then(|id| folders.get(id)) {
                Some(folder) => folder.name.clone(),
                None => cx.t("assets.no_folder").into_owned(),
            },
            unit: unit_name(&cx, directory, &folders, material.folder),
            bubble: Bubble::of(id, shown.version, &shown.title, &shown.body),
            file_name: shown.body.stored().map(|stored| stored.name.clone()),
            version: shown.version,
            versions: lines.collect::<Result<_>>()?,
            uses: uses.iter().map(|uses| use_link(&cx, uses)).collect(),
            at_wecom: at_wecom(r, &cx, &material)?,
            is_archived: material.is_archived(),
            may_change,
            title: shown.title,
        })
    })?;
    Ok(Shown::of(page))
}

fn account_name(r: &Read<'_>, id: Option<SubjectId>) -> Result<String> {
    let account = match id {
        Some(id) => r.get::<Account>(&id.cast())?,
        None => None,
    };
    Ok(account.map_or(String::new(), |account| account.name))
}

/// Where what sends it can be looked at; the page there checks for itself.
fn use_link(cx: &Cx, uses: &Uses) -> Link {
    let (word, path) = match uses.by.as_str() {
        "welcome" => ("assets.used_by.welcome", "/welcome"),
        "code" => ("assets.used_by.code", "/live-codes"),
        "broadcast" => ("assets.used_by.broadcast", "/broadcasts"),
        "moment" => ("assets.used_by.moment", "/moments"),
        "group_welcome" => ("assets.used_by.group_welcome", "/welcome/groups"),
        _ => ("assets.used_by.other", ""),
    };
    Link {
        label: cx.t(word).into_owned(),
        href: match path {
            "" => String::new(),
            path => format!("{path}/{}", uses.of),
        },
    }
}

fn at_wecom(r: &Read<'_>, cx: &Cx, material: &Material) -> Result<Option<AtWecom>> {
    let Some((stored, purpose)) = media::files(&material.body) else {
        return Ok(None);
    };
    let known = r.get::<MediaId>(&(stored.sha256, purpose as u8))?;
    let known = known.unwrap_or_else(|| MediaId::unknown(stored.sha256, purpose, cx.now));
    let state = match (&known.failure, known.is_good(cx.now, 0)) {
        (Some(_), _) => ("assets.wecom.failed", "bad"),
        (None, true) => ("assets.wecom.there", "ok"),
        (None, false) if known.name.is_empty() => ("assets.wecom.not_yet", "muted"),
        (None, false) => ("assets.wecom.expired", "warn"),
    };
    let failure = known.failure.as_ref();
    Ok(Some(AtWecom {
        state,
        until: known.until.filter(|_| known.is_good(cx.now, 0)),
        failed_at: failure.map(|failure| failure.at),
        failure: failure.map(|failure| remedy(cx, &failure.code, failure.errcode)),
    }))
}

/// What WeCom said about a file, and what helps.
fn remedy(cx: &Cx, code: &str, errcode: Option<i64>) -> (String, String) {
    let word = match errcode {
        Some(40004 | 40005 | 40123) => "assets.remedy.format",
        Some(40006 | 40009 | 40011 | 45001 | 41080) => "assets.remedy.size",
        Some(44001) => "assets.remedy.empty",
        _ => {
            let said = |part: &str| {
                let key = format!("error.{code}.{part}");
                let key = match words::known(&key) {
                    true => key,
                    false => format!("error.wecom.{part}"),
                };
                let number = errcode.unwrap_or(0).to_string();
                cx.tf(&key, ("errcode", number)).into_owned()
            };
            return (said("why"), said("next"));
        }
    };
    let number = errcode.unwrap_or(0).to_string();
    let why = cx.tf("assets.remedy.refused", ("errcode", number));
    (why.into_owned(), cx.t(word).into_owned())
}

/// Puts it away, or takes it out again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach) struct Away {
    #[serde(default)]
    away: bool,
}

/// Puts an asset away.
pub(in crate::outreach) async fn put_away(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<Away>,
) -> Result<Shown<AssetPage>> {
    let id = material_id(&id)?;
    let is_away = form.values.away;
    let command = PutAway {
        id,
        is_away,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "asset.archive", command, actions::put_away)
        .await?;
    let said = match is_away {
        true => "assets.put_away",
        false => "assets.taken_out",
    };
    Ok(Shown::go_to(format!("{HERE}/{id}")).toast(said, ()))
}

/// Deletes an asset that nothing uses.
pub(in crate::outreach) async fn delete(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<AssetPage>> {
    let command = DeleteMaterial {
        id: material_id(&id)?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "asset.delete", command, actions::delete)
        .await?;
    app.outreach.shelf.empty();
    Ok(Shown::go_to(HERE).toast("assets.deleted", ()))
}

/// Has the file uploaded again at once.
pub(in crate::outreach) async fn try_again(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<AssetPage>> {
    let id = material_id(&id)?;
    let command = TryAgain {
        id,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "asset.retry", command, actions::try_again)
        .await?;
    media::give(&app, id).await?;
    Ok(Shown::go_to(format!("{HERE}/{id}")).toast("assets.tried", ()))
}
