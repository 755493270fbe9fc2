//! `/assets/new`, `/assets/{id}/edit`: an asset is made, or gets its next version.

use actix_web::web::{Data, Path, Query};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org, view,
    web::{Cx, FormState, Shown, Upload, UploadedFile, filters, parts::Choice},
};

use super::{
    super::{
        Body, Bubble, FolderId, Kind, Material, MaterialId, Stored,
        actions::{self, SaveMaterial},
        intake,
        queries::{self, Folders},
    },
    HERE, material_id,
};

/// What is to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach) struct Wanted {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    folder: String,
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach) struct Fields {
    kind: String,
    #[serde(default)]
    seen: u32,
    #[serde(default)]
    folder: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    desc: String,
    #[serde(default)]
    appid: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    drop_cover: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/asset_edit.html", blocks = ["title"])]
pub(in crate::outreach) struct EditPage {
    /// None for a new one.
    pub(super) id: Option<String>,
    pub(super) kind: &'static str,
    pub(super) kind_word: &'static str,
    pub(super) form: FormState,
    pub(super) folders: Vec<Choice>,
    /// The file as it is now.
    pub(super) now: Option<Bubble>,
    /// What a file chooser offers.
    pub(super) accept: &'static str,
    /// Catalogue key of what may be uploaded.
    pub(super) file_hint: &'static str,
}
view!(EditPage);

fn edit_page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    kind: Kind,
    known: Option<&Material>,
    form: FormState,
) -> Result<EditPage> {
    let folders = app.read(|r| {
        let (scope, sight) = super::reach(app, r, viewer, Permission::OutreachManage)?;
        let folders = Folders::load(r)?;
        let decides =
            |id: Option<FolderId>| org::decides(&scope, &sight.directory, folders.unit(id));
        let mut choices = super::folder_choices(&folders, decides);
        if decides(None) {
            choices.insert(
                0,
                Choice {
                    value: String::new(),
                    label: cx.t("assets.no_folder").into_owned(),
                    count: None,
                    is_on: false,
                },
            );
        }
        Ok::<_, AppError>(choices)
    })?;
    let (accept, file_hint) = match kind {
        Kind::Text | Kind::File => ("", "assets.file_hint"),
        Kind::Image => ("image/png,image/jpeg", "assets.image_hint"),
        Kind::Video => ("video/mp4", "assets.video_hint"),
        Kind::Link => ("image/png,image/jpeg", "assets.cover_hint"),
        Kind::MiniProgram => ("image/png,image/jpeg", "assets.card_hint"),
    };
    Ok(EditPage {
        id: known.map(|m| m.id.to_string()),
        kind: kind.code(),
        kind_word: kind.word(),
        form,
        folders,
        now: known
            .map(|m| Bubble::of(m.id, m.version, &m.title, &m.body))
            .filter(|bubble| bubble.has_picture),
        accept,
        file_hint,
    })
}

/// The empty form.
pub(in crate::outreach) async fn new(
    viewer: Viewer,
    wanted: Query<Wanted>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let kind = Kind::of_code(&wanted.kind).unwrap_or(Kind::Text);
    let form = FormState::with_values([("folder", wanted.folder.clone())]);
    Ok(Shown::of(edit_page(&app, &viewer, &cx, kind, None, form)?))
}

/// An asset that the viewer decides about.
fn own(app: &App, viewer: &Viewer, id: MaterialId) -> Result<Material> {
    app.read(|r| {
        let (scope, sight) = super::reach(app, r, viewer, Permission::OutreachManage)?;
        let unit = |m: &Material| Ok::<_, AppError>(Folders::load(r)?.unit(m.folder));
        let found = queries::material(r, &scope, &sight.directory, id)?;
        let missing = AppError::NotFound { what: "material" };
        let found = found.ok_or(missing)?;
        match org::decides(&scope, &sight.directory, unit(&found)?) {
            true => Ok(found),
            false => Err(AppError::NotFound { what: "material" }),
        }
    })
}

/// The form of an asset that is there.
pub(in crate::outreach) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let known = own(&app, &viewer, material_id(&id)?)?;
    let form = FormState::with_values(filled(&known));
    let page = edit_page(&app, &viewer, &cx, known.kind(), Some(&known), form)?;
    Ok(Shown::of(page))
}

fn filled(m: &Material) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("title", m.title.clone()),
        (
            "folder",
            m.folder.map(|id| id.to_string()).unwrap_or_default(),
        ),
        ("seen", m.version.to_string()),
    ];
    match &m.body {
        Body::Text(text) => values.push(("text", text.clone())),
        Body::Link { url, desc, .. } => {
            values.push(("url", url.clone()));
            values.push(("desc", desc.clone()));
        }
        Body::MiniProgram { appid, page, .. } => {
            values.push(("appid", appid.clone()));
            values.push(("page", page.clone()));
        }
        Body::Image(_) | Body::File(_) | Body::Video(_) => {}
    }
    values
}

/// What the asset is to consist of; without a new file it keeps the one it has.
fn body(kind: Kind, fields: &Fields, stored: Option<Stored>, known: Option<&Body>) -> Result<Body> {
    let kept = known.and_then(Body::stored).cloned();
    let file = || {
        let stored = stored.clone().or_else(|| kept.clone());
        stored.ok_or_else(|| AppError::field("file", "assets.file_missing"))
    };
    Ok(match kind {
        Kind::Text => Body::Text(fields.text.replace("\r\n", "\n").trim_end().to_owned()),
        Kind::Image => Body::Image(file()?),
        Kind::Video => Body::Video(file()?),
        Kind::File => Body::File(file()?),
        Kind::Link => Body::Link {
            url: fields.url.trim().to_owned(),
            desc: fields.desc.trim().to_owned(),
            cover: match (stored, fields.drop_cover) {
                (None, true) => None,
                (stored, _) => stored.or(kept),
            },
        },
        Kind::MiniProgram => Body::MiniProgram {
            appid: fields.appid.trim().to_owned(),
            page: fields.page.trim().to_owned(),
            cover: file()?,
        },
    })
}

/// Judges the file, if there is one, and puts it on the shelf.
async fn keep_file(
    app: &Data<App>,
    kind: Kind,
    file: Option<&UploadedFile>,
) -> Result<Option<Stored>> {
    let Some(file) = file.filter(|_| kind != Kind::Text) else {
        return Ok(None);
    };
    let mut sha256 = [0; 32];
    hex::decode_to_slice(&file.sha256, &mut sha256).map_err(AppError::internal)?;
    let placed = intake::place(app, kind, (file.path(), &file.name), sha256);
    placed.await.map(Some)
}

async fn keep(
    app: &Data<App>,
    viewer: &Viewer,
    kind: Kind,
    known: Option<&Material>,
    upload: &Upload<Fields>,
) -> Result<MaterialId> {
    let fields = &upload.values;
    let folder = super::folder_field(&fields.folder)?;
    // Until the row names it, nothing else may clear the shelf.
    let _placing = app.outreach.shelf.placing().await;
    let stored = keep_file(app, kind, upload.file.as_ref()).await?;
    let command = SaveMaterial {
        id: known.map(|m| m.id),
        seen: fields.seen,
        folder,
        title: fields.title.clone(),
        body: body(kind, fields, stored, known.map(|m| &m.body))?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(viewer, "asset.save", command, actions::save)
        .await
}

/// Keeps a new asset.
pub(in crate::outreach) async fn create(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    upload: Upload<Fields>,
) -> Result<Shown<EditPage>> {
    let kind = Kind::of_code(&upload.values.kind);
    let kind = kind.ok_or(AppError::BadRequest { why: "field_type" })?;
    let kept = keep(&app, &viewer, kind, None, &upload).await;
    Ok(match upload.state.catch(kept)? {
        Ok(id) => Shown::go_to(format!("{HERE}/{id}")).toast("assets.saved", ()),
        Err(form) => Shown::of(edit_page(&app, &viewer, &cx, kind, None, form)?).invalid(),
    })
}

/// Keeps the next version of an asset.
pub(in crate::outreach) async fn change(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    upload: Upload<Fields>,
) -> Result<Shown<EditPage>> {
    let known = own(&app, &viewer, material_id(&id)?)?;
    let kind = known.kind();
    let kept = keep(&app, &viewer, kind, Some(&known), &upload).await;
    Ok(match upload.state.catch(kept)? {
        Ok(id) => Shown::go_to(format!("{HERE}/{id}")).toast("assets.saved", ()),
        Err(form) => Shown::of(edit_page(&app, &viewer, &cx, kind, Some(&known), form)?).invalid(),
    })
}
