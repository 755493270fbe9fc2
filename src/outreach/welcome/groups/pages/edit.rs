//! `/welcome/groups/new`, `/welcome/groups/{id}/edit`: a template, how it looks and how it
//! stands at WeCom.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    outreach::{
        form::Preview,
        materials::{self, Material, MaterialId},
        welcome::pages::Writing,
    },
    store::Read,
    view,
    web::{Cx, Form, FormState, Shown as Answer, filters, parts::Choice},
    work::{outbox, pages::Nothing},
};

use super::{
    super::{
        actions::{self, DeleteGroupWelcome, RetryGroupWelcome, SaveGroupWelcome, decides},
        model::{GroupWelcome, GroupWelcomeId, NICKNAME, TEXT_BYTES_MAX},
        queries,
    },
    HERE, Shown, asset_of, parse, preview_of,
};

/// The page.
#[derive(Template)]
#[template(path = "outreach/group_welcome_edit.html", blocks = ["title"])]
pub(in crate::outreach::welcome) struct EditPage {
    /// None for a new one.
    pub(super) id: Option<String>,
    pub(super) form: FormState,
    pub(super) assets: Vec<Choice>,
    pub(super) nickname: &'static str,
    pub(super) max: usize,
    pub(super) preview: Preview,
    /// How it stands at WeCom; none for a new one.
    pub(super) shown: Option<Shown>,
    pub(super) outbox: Option<&'static str>,
    pub(super) writing: Option<Writing>,
}
view!(EditPage);

/// How the form will look, as a part that is asked for again.
#[derive(Template)]
#[template(path = "outreach/group_welcome_preview.html", blocks = ["title", "preview"])]
pub(in crate::outreach::welcome) struct PreviewPage {
    pub(super) preview: Preview,
}
view!(PreviewPage, "preview" => as_preview);

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach::welcome) struct Fields {
    #[serde(default)]
    text: String,
    #[serde(default)]
    asset: String,
    #[serde(default)]
    notify: bool,
}

fn missing() -> AppError {
    AppError::NotFound {
        what: "group_welcome",
    }
}

/// A template that is there for somebody who decides about it.
fn found(r: &Read<'_>, id: GroupWelcomeId) -> Result<GroupWelcome> {
    let template = r.get::<GroupWelcome>(&id)?.filter(|t| t.is_wanted);
    template.ok_or_else(missing)
}

/// The assets that may come along, the chosen one even if it was put away.
fn offered(app: &App, r: &Read<'_>, viewer: &Viewer, chosen: &str) -> Result<Vec<Material>> {
    let mut offered = match viewer.may(Permission::OutreachRead) {
        true => {
            let scope = viewer.scope(r, Permission::OutreachRead)?;
            materials::queries::offered(r, &scope, &*app.directory.get(r)?)?
        }
        false => Vec::new(),
    };
    offered
        .retain(|m| m.kind().is_attachment() && (!m.is_archived() || m.id.to_string() == chosen));
    Ok(offered)
}

fn choices(cx: &Cx, offered: &[Material]) -> Vec<Choice> {
    let nothing = (String::new(), cx.t("groupwelcome.no_asset").into_owned());
    let named = offered.iter().map(|m| {
        let kind = cx.t(m.kind().word());
        (m.id.to_string(), format!("{} · {kind}", m.title))
    });
    std::iter::once(nothing)
        .chain(named)
        .map(|(value, label)| Choice {
            value,
            label,
            count: None,
            is_on: false,
        })
        .collect()
}

fn edit_page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: Option<GroupWelcomeId>,
    form: FormState,
) -> Result<EditPage> {
    app.read(|r| {
        let scope = viewer.scope(r, Permission::OutreachManage)?;
        if !decides(&scope, &*app.directory.get(r)?) {
            return Err(match id {
                Some(_) => missing(),
                None => AppError::Forbidden {
                    permission: "whole_firm",
                },
            });
        }
        let chosen = form.value("asset").to_owned();
        let offered = offered(app, r, viewer, &chosen)?;
        let asset = offered.iter().find(|m| m.id.to_string() == chosen);
        let shown = match id {
            Some(id) => Some(Shown::of(cx, &queries::standing(r, &found(r, id)?)?)),
            None => None,
        };
        Ok(EditPage {
            id: id.map(|id| id.to_string()),
            assets: choices(cx, &offered),
            nickname: NICKNAME,
            max: TEXT_BYTES_MAX,
            preview: preview_of(cx, form.value("text"), asset),
            shown,
            outbox: viewer.may(Permission::SyncRun).then_some(outbox::OUTBOX),
            writing: Writing::of(r, viewer)?,
            form,
        })
    })
}

/// The empty form.
pub(in crate::outreach::welcome) async fn new(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Answer<EditPage>> {
    let form = FormState::empty();
    Ok(Answer::of(edit_page(&app, &viewer, &cx, None, form)?))
}

/// The form of a template that is there.
pub(in crate::outreach::welcome) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Answer<EditPage>> {
    let id = parse(&id)?;
    let (template, asset) = app.read(|r| {
        let template = found(r, id)?;
        let asset = asset_of(r, &template)?;
        Ok::<_, AppError>((template, asset))
    })?;
    let mut values = vec![
        ("text", template.text.clone()),
        (
            "asset",
            asset.map_or_else(String::new, |asset| asset.id.to_string()),
        ),
    ];
    if template.notify {
        values.push(("notify", "on".to_owned()));
    }
    let form = FormState::with_values(values);
    Ok(Answer::of(edit_page(&app, &viewer, &cx, Some(id), form)?))
}

async fn keep(
    app: &App,
    viewer: &Viewer,
    id: Option<GroupWelcomeId>,
    fields: &Fields,
) -> Result<GroupWelcomeId> {
    let asset: Option<MaterialId> = match fields.asset.as_str() {
        "" => None,
        chosen => {
            let chosen = chosen.parse();
            Some(chosen.map_err(|_| AppError::field("asset", "groupwelcome.asset_missing"))?)
        }
    };
    let command = SaveGroupWelcome {
        id,
        text: fields.text.replace("\r\n", "\n"),
        asset,
        notify: fields.notify,
        directory: app.read(|r| app.directory.get(r))?,
    };
    let kept = app
        .carry_out(viewer, "group_welcome.save", command, actions::save)
        .await?;
    app.effects.notify_one();
    Ok(kept)
}

/// Keeps a new template.
pub(in crate::outreach::welcome) async fn create(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Answer<EditPage>> {
    let kept = keep(&app, &viewer, None, &form.values).await;
    Ok(match form.state.catch(kept)? {
        Ok(_) => Answer::go_to(HERE).toast("groupwelcome.saved", ()),
        Err(form) => Answer::of(edit_page(&app, &viewer, &cx, None, form)?).invalid(),
    })
}

/// Keeps a changed template.
pub(in crate::outreach::welcome) async fn change(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Answer<EditPage>> {
    let id = parse(&id)?;
    let kept = keep(&app, &viewer, Some(id), &form.values).await;
    Ok(match form.state.catch(kept)? {
        Ok(_) => Answer::go_to(HERE).toast("groupwelcome.saved", ()),
        Err(form) => Answer::of(edit_page(&app, &viewer, &cx, Some(id), form)?).invalid(),
    })
}

/// Shows how the form will look. Nothing is kept.
pub(in crate::outreach::welcome) async fn preview(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Answer<PreviewPage>> {
    let Fields { text, asset, .. } = form.values;
    let preview = app.read(|r| {
        let offered = offered(&app, r, &viewer, &asset)?;
        let chosen = offered.iter().find(|m| m.id.to_string() == asset);
        Ok::<_, AppError>(preview_of(&cx, &text, chosen))
    })?;
    Ok(Answer::of(PreviewPage { preview }))
}

/// Has WeCom told again.
pub(in crate::outreach::welcome) async fn retry(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Answer<EditPage>> {
    let id = parse(&id)?;
    let command = RetryGroupWelcome {
        id,
        directory: app.read(|r| app.directory.get(r))?,
    };
    // What follows is machinery; that somebody asked for it is kept all the same.
    let act = viewer
        .change("group_welcome.retry")
        .about("group_welcome", id)
        .recorded();
    let is_planned = app.write(act, viewer.verb(command, actions::retry)).await?;
    app.effects.notify_one();
    let said = match is_planned {
        true => "groupwelcome.told_again",
        false => "groupwelcome.nothing_to_tell",
    };
    Ok(Answer::go_to(HERE).toast(said, ()))
}

/// Deletes it, here and at WeCom.
pub(in crate::outreach::welcome) async fn delete(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Answer<EditPage>> {
    let command = DeleteGroupWelcome {
        id: parse(&id)?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "group_welcome.delete", command, actions::delete)
        .await?;
    app.effects.notify_one();
    Ok(Answer::go_to(HERE).toast("groupwelcome.deleted", ()))
}
