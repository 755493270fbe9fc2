//! `/customers/relations/{relation}/tags` and `…/remark`: what one member knows of a customer,
//! written to WeCom.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    customers::{
        Customer, CustomerKind, Relation, RelationId,
        actions::{self, SetRemark, SetTags, Wish},
        model::mask_phone,
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::Sight,
    store::{ObjectRef, Read, Write},
    tags::{self, TagId},
    view,
    web::{Cx, Form, FormState, Shown, filters},
    work::{
        effects::{self, Area, WriteMode},
        outbox::{PlanView, plan_view},
    },
};

/// The relation with its customer, if the viewer may change it.
fn editable(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    id: RelationId,
) -> Result<(Relation, Customer, Sight)> {
    let missing = || AppError::NotFound { what: "customer" };
    let sight = app.sight(r, viewer, Permission::CustomerEdit)?;
    let relation = r.get::<Relation>(&id)?.filter(|found| {
        // An ended relation can't be written to.
        found.is_active() && sight.sees(found.member)
    });
    let relation = relation.ok_or_else(missing)?;
    let customer = r.get::<Customer>(&relation.customer)?;
    Ok((relation, customer.ok_or_else(missing)?, sight))
}

fn parse(id: &str) -> Result<RelationId> {
    id.parse()
        .map_err(|_| AppError::NotFound { what: "customer" })
}

/// Notes durably that the form is shown: it has what only the relation tells.
async fn note_view(app: &Data<App>, viewer: &Viewer, id: RelationId) -> Result<()> {
    let (checking, asking) = (app.clone(), viewer.clone());
    let act = viewer.view("customer.view").about("relation", id);
    app.write(act, move |w| {
        let (_, customer, _) = editable(&checking, &w.read(), &asking, id)?;
        w.act_mut().objects.push(ObjectRef {
            kind: "customer",
            id: customer.id.to_string(),
        });
        Ok(())
    })
    .await
}

/// What both forms show above their fields.
struct Head {
    customer: String,
    back: String,
    /// The member whose view of the customer it is.
    by: String,
    mode: WriteMode,
    /// Whether the firm keeps the customer by itself.
    is_own: bool,
}

fn head(r: &Read<'_>, relation: &Relation, customer: &Customer, sight: &Sight) -> Result<Head> {
    Ok(Head {
        customer: customer.name.clone(),
        back: format!("/customers/{}", customer.id),
        by: sight.name(relation.member).to_owned(),
        mode: effects::mode(r, Area::Customers)?,
        is_own: customer.is_own(),
    })
}

impl Head {
    fn is_off(&self) -> bool {
        !self.is_own && self.mode == WriteMode::Off
    }
    fn is_rehearsal(&self) -> bool {
        !self.is_own && self.mode == WriteMode::DryRun
    }
}

/// A tag with its box.
struct Tick {
    id: String,
    name: String,
    is_on: bool,
}

/// The tags with boxes.
#[derive(Template)]
#[template(path = "customers/tags_edit.html", blocks = ["title"])]
pub(in crate::customers) struct TagsPage {
    head: Head,
    action: String,
    /// Groups with their tags.
    groups: Vec<(String, Vec<Tick>)>,
}
view!(TagsPage);

/// Shows the tags of a relation with those there are.
pub(in crate::customers) async fn tags_form(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
) -> Result<Shown<TagsPage>> {
    let id = parse(&id)?;
    note_view(&app, &viewer, id).await?;
    let page = app.read(|r| {
        let (relation, customer, sight) = editable(&app, r, &viewer, id)?;
        let current = actions::tags_to_be(r, &relation)?;
        let groups = tags::queries::groups(r)?.into_iter().map(|group| {
            let tag = |tag: tags::Tag| Tick {
                id: tag.id.to_string(),
                is_on: current.contains(&tag.id),
                name: tag.name,
            };
            // What WeCom does not know can be put only on customers of the firm's own.
            let usable = |tag: &tags::Tag| customer.is_own() || !tag.is_local();
            let tags = group.tags.into_iter().filter(usable).map(tag);
            (group.group.name, tags.collect::<Vec<_>>())
        });
        Ok::<_, AppError>(TagsPage {
            head: head(r, &relation, &customer, &sight)?,
            action: format!("/customers/relations/{id}/tags"),
            groups: groups.filter(|(_, tags)| !tags.is_empty()).collect(),
        })
    })?;
    Ok(Shown::of(page))
}

/// The ticked tags.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::customers) struct TagsForm {
    #[serde(default)]
    tag: Vec<String>,
    #[serde(default)]
    preview: bool,
}

/// What would be done, before it is done.
#[derive(Template)]
#[template(path = "customers/plan.html", blocks = ["title"])]
pub(in crate::customers) struct PlanPage {
    customer: String,
    back: String,
    action: String,
    /// The form's fields, to be sent again.
    fields: Vec<(&'static str, String)>,
    plan: PlanView,
}
view!(PlanPage);

/// A form again, or what it would do.
pub(in crate::customers) enum Answer<P> {
    /// The form.
    Form(Shown<P>),
    /// The plan.
    Plan(Shown<PlanPage>),
}

impl<P: crate::web::View> actix_web::Responder for Answer<P> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, req: &actix_web::HttpRequest) -> actix_web::HttpResponse {
        match self {
            Self::Form(shown) => shown.respond_to(req),
            Self::Plan(shown) => shown.respond_to(req),
        }
    }
}

/// Runs a verb that plans effects and shows what it would have planned.
fn preview(
    app: &App,
    cx: &Cx,
    viewer: &Viewer,
    id: RelationId,
    action: String,
    fields: Vec<(&'static str, String)>,
    verb: impl FnOnce(&mut Write<'_>) -> Result<()>,
) -> Result<PlanPage> {
    let act = viewer.change("customer.edit");
    let planned = app.store.rehearse(act, |w| effects::planned(w, verb))?;
    app.read(|r| {
        let (_, customer, _) = editable(app, r, viewer, id)?;
        Ok(PlanPage {
            customer: customer.name,
            back: format!("/customers/{}", customer.id),
            action,
            fields,
            plan: plan_view(r, app, cx, &planned)?,
        })
    })
}

/// Plans what makes the tags of a relation these.
pub(in crate::customers) async fn save_tags(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<TagsForm>,
) -> Result<Answer<TagsPage>> {
    let id = parse(&id)?;
    let typed = form.values;
    let wanted = typed.tag.iter().map(|tag| tag.parse());
    let wanted: Vec<TagId> = wanted
        .collect::<Result<_, _>>()
        .map_err(|_| AppError::NotFound { what: "tag" })?;
    let (acting, on) = (viewer.clone(), app.clone());
    let verb = move |w: &mut Write<'_>| {
        let command = SetTags {
            relation: id,
            tags: wanted,
            directory: on.directory.get(&w.read())?,
        };
        let allowed = acting.allow(w, command)?;
        actions::set_tags(w, allowed)
    };
    if typed.preview {
        let action = format!("/customers/relations/{id}/tags");
        let fields = typed.tag.into_iter().map(|tag| ("tag", tag)).collect();
        let page = preview(&app, &cx, &viewer, id, action, fields, |w| {
            verb(w).map(drop)
        })?;
        return Ok(Answer::Plan(Shown::of(page)));
    }
    let act = viewer.view("customer.edit").about("relation", id);
    let planned = app.write(act, verb).await?;
    planned_toast(&app, id, planned).map(Answer::Form)
}

/// Back to the customer, with what happened.
fn planned_toast<P: crate::web::View>(app: &App, id: RelationId, wish: Wish) -> Result<Shown<P>> {
    app.effects.notify_one();
    let (customer, mode) = app.read(|r| {
        let customer = r.get::<Relation>(&id)?.map(|found| found.customer);
        Ok::<_, AppError>((customer, effects::mode(r, Area::Customers)?))
    })?;
    let word = match (wish, mode) {
        (Wish::Same, _) => "customers.edit.same",
        (Wish::Done, _) => "customers.edit.done",
        (Wish::Planned(_), WriteMode::DryRun) => "customers.edit.rehearsed",
        (Wish::Planned(_), _) => "customers.edit.planned",
    };
    let back = customer.map_or("/customers".to_owned(), |id| format!("/customers/{id}"));
    Ok(Shown::go_to(back).toast(word, ()))
}

/// Remark, description, company and phones.
#[derive(Template)]
#[template(path = "customers/remark_edit.html", blocks = ["title"])]
pub(in crate::customers) struct RemarkPage {
    head: Head,
    action: String,
    form: FormState,
    /// Place and masked number.
    phones: Vec<(usize, String)>,
    has_company: bool,
}
view!(RemarkPage);

/// Shows what a member has noted.
pub(in crate::customers) async fn remark_form(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
) -> Result<Shown<RemarkPage>> {
    let id = parse(&id)?;
    note_view(&app, &viewer, id).await?;
    remark_page(&app, &viewer, id, None).map(Shown::of)
}

fn remark_page(
    app: &App,
    viewer: &Viewer,
    id: RelationId,
    form: Option<FormState>,
) -> Result<RemarkPage> {
    app.read(|r| {
        let (relation, customer, sight) = editable(app, r, viewer, id)?;
        let phones = relation.phones.iter().enumerate();
        Ok(RemarkPage {
            head: head(r, &relation, &customer, &sight)?,
            action: format!("/customers/relations/{id}/remark"),
            phones: phones.map(|(n, phone)| (n, mask_phone(phone))).collect(),
            has_company: customer.kind != CustomerKind::Wecom,
            form: form.unwrap_or_else(|| {
                FormState::with_values([
                    ("remark", relation.remark.clone()),
                    ("description", relation.description.clone()),
                    ("company", relation.company.clone()),
                ])
            }),
        })
    })
}

/// What is to be noted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::customers) struct RemarkForm {
    #[serde(default)]
    remark: String,
    #[serde(default)]
    description: String,
    company: Option<String>,
    #[serde(default)]
    drop_phone: Vec<usize>,
    #[serde(default)]
    add_phone: String,
    #[serde(default)]
    preview: bool,
}

impl RemarkForm {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("remark", self.remark.clone()),
            ("description", self.description.clone()),
            ("add_phone", self.add_phone.clone()),
        ];
        fields.extend(self.company.clone().map(|company| ("company", company)));
        let places = self.drop_phone.iter();
        fields.extend(places.map(|place| ("drop_phone", place.to_string())));
        fields
    }
}

/// Plans what makes the notes of a relation these.
pub(in crate::customers) async fn save_remark(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<RemarkForm>,
) -> Result<Answer<RemarkPage>> {
    let id = parse(&id)?;
    let typed = form.values;
    let fields = typed.fields();
    let is_preview = typed.preview;
    let (acting, on) = (viewer.clone(), app.clone());
    let verb = move |w: &mut Write<'_>| {
        let command = SetRemark {
            relation: id,
            remark: Some(typed.remark),
            description: Some(typed.description),
            company: typed.company,
            drop_phones: typed.drop_phone,
            add_phone: Some(typed.add_phone).filter(|phone| !phone.trim().is_empty()),
            directory: on.directory.get(&w.read())?,
        };
        let allowed = acting.allow(w, command)?;
        actions::set_remark(w, allowed)
    };
    if is_preview {
        let action = format!("/customers/relations/{id}/remark");
        let page = preview(&app, &cx, &viewer, id, action, fields, |w| {
            verb(w).map(drop)
        });
        return Ok(match form.state.catch(page)? {
            Ok(page) => Answer::Plan(Shown::of(page)),
            Err(state) => {
                let page = remark_page(&app, &viewer, id, Some(state))?;
                Answer::Form(Shown::of(page).invalid())
            }
        });
    }
    let act = viewer.view("customer.edit").about("relation", id);
    let done = app.write(act, verb).await;
    match form.state.catch(done)? {
        Ok(planned) => planned_toast(&app, id, planned).map(Answer::Form),
        Err(state) => {
            let page = remark_page(&app, &viewer, id, Some(state))?;
            Ok(Answer::Form(Shown::of(page).invalid()))
        }
    }
}
