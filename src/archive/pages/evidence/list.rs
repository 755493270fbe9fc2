//! `/compliance/evidence` and `/compliance/evidence/new`.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::evidence::{self, CreateCase, queries},
    error::{AppError, Result},
    identity::{self, Permission, Viewer},
    kit::Timestamp,
    view,
    web::{
        Cx, Form, FormState, Shown, filters,
        parts::{Empty, EmptyKind},
    },
};

use super::{HERE, context, state};

/// Cases of a page.
const SHOWN: usize = 200;
/// Messages of context that a new case has.
const CONTEXT: u32 = 10;

/// A case in the list.
pub(in crate::archive) struct Line {
    pub(in crate::archive) id: String,
    pub(in crate::archive) title: String,
    pub(in crate::archive) why: String,
    pub(in crate::archive) by: String,
    pub(in crate::archive) at: Timestamp,
    pub(in crate::archive) chats: usize,
    pub(in crate::archive) state: (&'static str, &'static str),
}

/// The list.
#[derive(Template)]
#[template(path = "evidence/list.html", blocks = ["title", "list"])]
pub(in crate::archive) struct CasesPage {
    pub(in crate::archive) lines: Vec<Line>,
    pub(in crate::archive) empty: Empty,
}
view!(CasesPage, "list" => as_list);

/// Shows the list.
pub(super) async fn index(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<CasesPage>> {
    let lines = app.read(|r| {
        let sight = queries::sight(&app, r, &viewer)?;
        let mut lines = Vec::new();
        for case in queries::cases(r, &sight)?.take(SHOWN) {
            let case = case?;
            let name = identity::queries::account_name(r, case.by.cast())?;
            lines.push(Line {
                id: case.id.to_string(),
                state: state(&case),
                title: case.title,
                why: case.why,
                by: name.unwrap_or_default(),
                at: case.at,
                chats: case.chats.len(),
            });
        }
        Ok::<_, AppError>(lines)
    })?;
    let ids: Vec<&str> = lines.iter().map(|line| line.id.as_str()).collect();
    let act = viewer
        .view("evidence.list")
        .system_detail("ids", ids.join(" "));
    let asking = viewer.clone();
    app.write(act, move |w| {
        asking
            .scope(&w.read(), Permission::EvidenceManage)
            .map(drop)
    })
    .await?;
    Ok(Shown::of(CasesPage {
        lines,
        empty: Empty {
            kind: EmptyKind::NothingYet,
            title: cx.t("evidence.none").into_owned(),
            hint: cx.t("evidence.none_hint").into_owned(),
            action: None,
            other: None,
        },
    }))
}

/// The form for a new case.
#[derive(Template)]
#[template(path = "evidence/new.html", blocks = ["title"])]
pub(in crate::archive) struct NewPage {
    pub(in crate::archive) form: FormState,
}
view!(NewPage);

/// What the form posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) why: String,
    #[serde(default)]
    pub(super) context: String,
}

/// Shows the form.
pub(super) async fn new(viewer: Viewer, app: Data<App>) -> Result<Shown<NewPage>> {
    app.read(|r| viewer.scope(r, Permission::EvidenceManage).map(drop))?;
    let form = FormState::with_values([("context", CONTEXT.to_string())]);
    Ok(Shown::of(NewPage { form }))
}

/// Makes the case.
pub(super) async fn create(
    viewer: Viewer,
    form: Form<Fields>,
    app: Data<App>,
) -> Result<Shown<NewPage>> {
    let made = match context(&form.values.context) {
        Ok(context) => make(&app, &viewer, &form.values, context).await,
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(made)? {
        Ok(id) => Shown::go_to(format!("{HERE}/{id}")).toast("evidence.created", ()),
        Err(form) => Shown::of(NewPage { form }).invalid(),
    })
}

async fn make(
    app: &App,
    viewer: &Viewer,
    fields: &Fields,
    context: u32,
) -> Result<evidence::CaseId> {
    let command = CreateCase {
        title: fields.title.clone(),
        why: fields.why.clone(),
        context,
    };
    app.carry_out(viewer, "evidence.create", command, evidence::create)
        .await
}
