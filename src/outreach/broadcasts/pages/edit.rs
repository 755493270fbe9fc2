//! `/broadcasts/new` and `/broadcasts/{id}/edit`: what is sent, and to whom.

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::App,
    archive::{Answer, consent},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::Sight,
    outreach::{
        broadcasts::{
            actions::{self, SaveDraft},
            model::{Broadcast, BroadcastId, State},
            queries,
        },
        content::Variables,
        form::{self as content_form, ContentPart},
        materials::Material,
    },
    store::Read,
    view,
    web::{
        Cx, Form, FormState, ListQuery, Shown, filters,
        parts::{Step, StepState},
    },
};

use super::{
    HERE,
    form::{self, Choices, DraftFields},
    group_form::GroupChoices,
    id_of,
};

/// One text goes to all customers of a member, with any asset.
const OF_BROADCASTS: (Variables, fn(&Material) -> bool) = (Variables::Member, |_| true);

/// The page.
#[derive(Template)]
#[template(path = "broadcasts/edit.html", blocks = ["title"])]
pub(in crate::outreach::broadcasts) struct EditPage {
    action: String,
    back: String,
    is_new: bool,
    /// What there is to know about the list of an archiving notice.
    notice: Option<String>,
    steps: Vec<Step>,
    form: FormState,
    content: ContentPart,
    choices: Choices,
    groups: GroupChoices,
}
view!(EditPage);

/// The steps to a broadcast that is sent; on the second one the first is a link.
pub(super) fn steps(cx: &Cx, edit: Option<String>) -> Vec<Step> {
    let step = |word: &str, state, href| Step {
        label: cx.t(word).into_owned(),
        state,
        href,
    };
    let (first, second) = match edit {
        Some(_) => (StepState::Done, StepState::Current),
        None => (StepState::Current, StepState::Ahead),
    };
    vec![
        step("broadcasts.step.write", first, edit),
        step("broadcasts.step.preview", second, None),
    ]
}

fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: Option<BroadcastId>,
    form: impl FnOnce(&Read<'_>, &Sight) -> Result<FormState>,
) -> Result<EditPage> {
    app.read(|r| {
        let sight = app.sight(r, viewer, Permission::BroadcastSend)?;
        let form = form(r, &sight)?;
        let (action, back) = match id {
            Some(id) => (format!("{HERE}/{id}/edit"), format!("{HERE}/{id}")),
            None => (format!("{HERE}/new"), HERE.to_owned()),
        };
        Ok(EditPage {
            action,
            back,
            is_new: id.is_none(),
            notice: None,
            steps: steps(cx, None),
            content: ContentPart::load_where(app, r, viewer, cx, &form, OF_BROADCASTS)?,
            choices: Choices::load(r, &sight, cx)?,
            groups: GroupChoices::load(r, &sight, cx, &form)?,
            form,
        })
    })
}

/// Shows an empty form, or one for the audience that the address names. With `notice` it is the
/// archiving notice (存档告知) to those who stand like that: nothing is sent before somebody has
/// looked at it.
pub(in crate::outreach::broadcasts) async fn new(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let answer = query.get("notice").and_then(Answer::of_code);
    let Some(answer) = answer.filter(|answer| consent::may_be_asked(*answer)) else {
        let form = |r: &Read<'_>, sight: &Sight| form::of_address(r, &viewer, sight, &cx);
        return Ok(Shown::of(page(&app, &viewer, &cx, None, form)?));
    };
    let (on, asking, shown) = (app.clone(), viewer.clone(), cx.clone());
    let made = tokio::task::spawn_blocking(move || {
        let mut has_more = false;
        let form = |r: &Read<'_>, sight: &Sight| {
            let (form, more) = form::of_notice(&on, r, &asking, sight, &shown, answer)?;
            has_more = more;
            Ok(form)
        };
        let page = page(&on, &asking, &shown, None, form)?;
        Ok::<_, AppError>((page, has_more))
    });
    let (mut page, has_more) = made.await.map_err(AppError::internal)??;
    let listed = page.form.value("listed").lines().count();
    if listed == 0 {
        // An empty list is no condition: it would mean everybody.
        return Err(AppError::Conflict {
            why: "nobody_to_notify",
        });
    }
    page.notice = Some(notice(&cx, listed, has_more));
    let act = viewer
        .view("broadcast.notice")
        .system_detail("answer", answer.code())
        .system_detail("customers", listed.to_string());
    app.note(act).await?;
    Ok(Shown::of(page))
}

/// Who stands in the list of an archiving notice.
fn notice(cx: &Cx, listed: usize, has_more: bool) -> String {
    let word = match has_more {
        false => "broadcasts.notice.listed",
        true => "broadcasts.notice.more",
    };
    cx.tf(word, ("n", listed)).into_owned()
}

/// Shows a draft's form.
pub(in crate::outreach::broadcasts) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let id = id_of(&id)?;
    let form = |r: &Read<'_>, _: &Sight| {
        let draft = r.get::<Broadcast>(&id)?;
        let own = queries::own(&viewer);
        let draft = draft.filter(|b| b.created_by == own && b.state == State::Draft);
        let draft = draft.ok_or(AppError::NotFound { what: "broadcast" })?;
        form::of_draft(r, &draft, &cx)
    };
    let page = page(&app, &viewer, &cx, Some(id), form)?;
    app.note(viewer.view("broadcast.edit").about("broadcast", id))
        .await?;
    Ok(Shown::of(page))
}

/// Makes a draft.
pub(in crate::outreach::broadcasts) async fn create(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<DraftFields>,
) -> Result<Shown<EditPage>> {
    keep(viewer, &app, &cx, None, form).await
}

/// Changes a draft.
pub(in crate::outreach::broadcasts) async fn save(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<DraftFields>,
) -> Result<Shown<EditPage>> {
    let id = id_of(&id)?;
    keep(viewer, &app, &cx, Some(id), form).await
}

async fn keep(
    viewer: Viewer,
    app: &App,
    cx: &Cx,
    id: Option<BroadcastId>,
    form: Form<DraftFields>,
) -> Result<Shown<EditPage>> {
    let fields = &form.values;
    let command = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::BroadcastSend)?;
        Ok::<_, AppError>(SaveDraft {
            id,
            name: fields.name.clone(),
            content: content_form::content(&fields.text, &fields.attachment)?,
            audience: fields.audience(app, r, &sight, cx)?,
        })
    });
    let saved = match command {
        Ok(command) => {
            app.carry_out(&viewer, "broadcast.draft", command, actions::save_draft)
                .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(saved)? {
        Ok(id) => Shown::go_to(format_args!("{HERE}/{id}")),
        Err(form) => Shown::of(page(app, &viewer, cx, id, |_, _| Ok(form))?).invalid(),
    })
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
