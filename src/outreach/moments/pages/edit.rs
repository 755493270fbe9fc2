//! `/moments/new` and `/moments/{id}/edit`: what is published, by whom and for whom.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::Sight,
    outreach::{
        broadcasts::Choices,
        content::Variables,
        form::{self as content_form, ContentPart},
        moments::{
            actions::{self, SaveDraft},
            content,
            model::{Moment, MomentId, Range, State},
            queries,
        },
    },
    store::Read,
    view,
    web::{
        Cx, Form, FormState, Shown, filters,
        parts::{Step, StepState},
    },
};

use super::{HERE, id_of};

/// The page.
#[derive(Template)]
#[template(path = "moments/edit.html", blocks = ["title"])]
pub(in crate::outreach::moments) struct EditPage {
    pub(super) action: String,
    pub(super) back: String,
    pub(super) is_new: bool,
    pub(super) steps: Vec<Step>,
    pub(super) form: FormState,
    pub(super) content: ContentPart,
    pub(super) choices: Choices,
}
view!(EditPage);

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach::moments) struct DraftFields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    attachment: Vec<String>,
    #[serde(default)]
    tag: Vec<String>,
    #[serde(default)]
    dept: Vec<String>,
    #[serde(default)]
    owner: Vec<String>,
}

fn parsed<T: std::str::FromStr>(
    field: &'static str,
    code: &'static str,
    values: &[String],
) -> Result<Vec<T>> {
    let wrong = |_| AppError::field(field, code);
    let all = values.iter().map(|text| text.parse().map_err(wrong));
    all.collect()
}

impl DraftFields {
    fn range(&self) -> Result<Range> {
        Ok(Range {
            members: parsed("owner", "moments.member_unknown", &self.owner)?,
            departments: parsed("dept", "moments.member_unknown", &self.dept)?,
            tags: parsed("tag", "moments.tag_unknown", &self.tag)?,
        })
    }
}

/// The form of a draft.
fn of_draft(draft: &Moment) -> FormState {
    let mut values = vec![("name", draft.name.clone())];
    values.extend(content_form::filled(&draft.content));
    let range = &draft.range;
    values.extend(range.tags.iter().map(|tag| ("tag", tag.to_string())));
    values.extend(range.departments.iter().map(|d| ("dept", d.to_string())));
    values.extend(range.members.iter().map(|m| ("owner", m.to_string())));
    FormState::with_values(values)
}

/// The steps to a moment that is sent; on the second one the first is a link.
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
        step("moments.step.write", first, edit),
        step("moments.step.preview", second, None),
    ]
}

fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: Option<MomentId>,
    form: impl FnOnce(&Read<'_>, &Sight) -> Result<FormState>,
) -> Result<EditPage> {
    app.read(|r| {
        let sight = app.sight(r, viewer, Permission::BroadcastSend)?;
        let form = form(r, &sight)?;
        let (action, back) = match id {
            Some(id) => (format!("{HERE}/{id}/edit"), format!("{HERE}/{id}")),
            None => (format!("{HERE}/new"), HERE.to_owned()),
        };
        let of_moments = (Variables::Firm, content::can_come);
        let mut part = ContentPart::load_where(app, r, viewer, cx, &form, of_moments)?;
        part.preview = part.preview.into_moment();
        Ok(EditPage {
            action,
            back,
            is_new: id.is_none(),
            steps: steps(cx, None),
            content: part,
            choices: Choices::load(r, &sight, cx)?,
            form,
        })
    })
}

/// Shows an empty form.
pub(in crate::outreach::moments) async fn new(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let form = |_: &Read<'_>, _: &Sight| Ok(FormState::empty());
    Ok(Shown::of(page(&app, &viewer, &cx, None, form)?))
}

/// Shows a draft's form.
pub(in crate::outreach::moments) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let id = id_of(&id)?;
    let form = |r: &Read<'_>, _: &Sight| {
        let draft = r.get::<Moment>(&id)?;
        let own = queries::own(&viewer);
        let draft = draft.filter(|m| m.created_by == own && m.state == State::Draft);
        let draft = draft.ok_or(AppError::NotFound { what: "moment" })?;
        Ok(of_draft(&draft))
    };
    let page = page(&app, &viewer, &cx, Some(id), form)?;
    app.note(viewer.view("moment.edit").about("moment", id))
        .await?;
    Ok(Shown::of(page))
}

/// Makes a draft.
pub(in crate::outreach::moments) async fn create(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<DraftFields>,
) -> Result<Shown<EditPage>> {
    keep(viewer, &app, &cx, None, form).await
}

/// Changes a draft.
pub(in crate::outreach::moments) async fn save(
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
    id: Option<MomentId>,
    form: Form<DraftFields>,
) -> Result<Shown<EditPage>> {
    let fields = &form.values;
    let command = app.read(|r| {
        let range = fields.range()?;
        let sight = app.sight(r, &viewer, Permission::BroadcastSend)?;
        if !range.members.iter().all(|member| sight.sees(*member)) {
            return Err(AppError::field("owner", "moments.member_unknown"));
        }
        Ok::<_, AppError>(SaveDraft {
            id,
            name: fields.name.clone(),
            content: content_form::content(&fields.text, &fields.attachment)?,
            range,
            directory: app.directory.get(r)?,
        })
    });
    let saved = match command {
        Ok(command) => {
            app.carry_out(&viewer, "moment.draft", command, actions::save_draft)
                .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(saved)? {
        Ok(id) => Shown::go_to(format_args!("{HERE}/{id}")),
        Err(form) => Shown::of(page(app, &viewer, cx, id, |_, _| Ok(form))?).invalid(),
    })
}
