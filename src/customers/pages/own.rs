//! `/customers/new`, `/customers/{id}/edit`: customers of the firm's own, by hand.

use actix_web::{
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    customers::{
        Customer, CustomerId, Relation,
        draft::{self, OwnDraft},
        model::mask_phone,
        own::{self, Own, RemoveOwn, SaveOwn},
    },
    error::{AppError, Invalid, Problem, Result},
    identity::{Permission, Viewer},
    org::{Gender, MemberId, Sight},
    store::Read,
    tags::{self, TagId},
    view,
    web::{Cx, Form, FormState, Shown, filters, parts::Choice},
};

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::customers) struct OwnForm {
    name: String,
    owner: String,
    #[serde(default)]
    company: String,
    #[serde(default)]
    position: String,
    #[serde(default)]
    gender: String,
    #[serde(default)]
    drop_phone: Vec<usize>,
    #[serde(default)]
    add_phone: String,
    #[serde(default)]
    remark: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    tag: Vec<String>,
    #[serde(default)]
    seen: String,
}

/// The page.
#[derive(Template)]
#[template(path = "customers/own_edit.html", blocks = ["title"])]
pub(in crate::customers) struct OwnPage {
    /// None for a new customer.
    customer: Option<Customer>,
    form: FormState,
    owners: Vec<Choice>,
    genders: Vec<Choice>,
    /// Place and masked number.
    phones: Vec<(usize, String)>,
    /// Catalogue key of the field for phones that come.
    add_phone: &'static str,
    /// Groups with their tags.
    groups: Vec<(String, Vec<Choice>)>,
    seen: String,
    /// What somebody else has saved meanwhile: field's catalogue key, stored, typed.
    clash: Vec<(&'static str, String, String)>,
    back: String,
}
view!(OwnPage);

fn parse(id: &str) -> Result<CustomerId> {
    id.parse()
        .map_err(|_| AppError::NotFound { what: "customer" })
}

/// The customer, if the viewer may change it.
fn editable(r: &Read<'_>, sight: &Sight, id: CustomerId) -> Result<Own> {
    let found = own::own(r, id)?;
    let found = found.filter(|own| sight.sees(own.relation.member));
    found.ok_or(AppError::NotFound { what: "customer" })
}

/// The empty form.
pub(in crate::customers) async fn new(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<OwnPage>> {
    page(&app, &viewer, &cx, None, None).map(Shown::of)
}

/// Makes a customer.
pub(in crate::customers) async fn create(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<OwnForm>,
) -> Result<Shown<OwnPage>> {
    let act = viewer.change("customer.create");
    let saved = save_typed(&app, &viewer, act, None, &form.values).await;
    Ok(match form.state.catch(saved)? {
        Ok(saved) => Shown::go_to(format_args!("/customers/{}", saved.customer.id))
            .toast("customers.own.created", ("name", saved.customer.name)),
        Err(state) => Shown::of(page(&app, &viewer, &cx, None, Some(state))?).invalid(),
    })
}

/// The form of a customer. The entry of it is durable before anything is shown.
pub(in crate::customers) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<OwnPage>> {
    let id = parse(&id)?;
    let act = viewer.view("customer.view").about("customer", id);
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let sight = checking.sight(&w.read(), &asking, Permission::CustomerEdit)?;
        editable(&w.read(), &sight, id).map(drop)
    })
    .await?;
    page(&app, &viewer, &cx, Some(id), None).map(Shown::of)
}

/// Changes a customer.
pub(in crate::customers) async fn save(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<OwnForm>,
) -> Result<Shown<OwnPage>> {
    let id = parse(&id)?;
    let act = viewer.change("customer.update").about("customer", id);
    let saved = save_typed(&app, &viewer, act, Some(id), &form.values).await;
    if let Err(AppError::Conflict { why: "changed" }) = &saved {
        let mut page = page(&app, &viewer, &cx, Some(id), Some(form.state))?;
        page.clash = app.read(|r| {
            let sight = app.sight(r, &viewer, Permission::CustomerEdit)?;
            let stored = editable(r, &sight, id)?;
            Ok::<_, AppError>(differs(&sight, &stored, &form.values))
        })?;
        return Ok(Shown::of(page).with_status(StatusCode::CONFLICT));
    }
    Ok(match form.state.catch(saved)? {
        Ok(saved) => Shown::go_to(format_args!("/customers/{id}"))
            .toast("customers.own.saved", ("name", saved.customer.name)),
        Err(state) => {
            let mut page = page(&app, &viewer, &cx, Some(id), Some(state))?;
            page.seen = form.values.seen;
            Shown::of(page).invalid()
        }
    })
}

/// Whether it is meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::customers) struct RemoveForm {
    #[serde(default)]
    sure: bool,
}

/// Removes a customer.
pub(in crate::customers) async fn remove(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<RemoveForm>,
) -> Result<Shown<OwnPage>> {
    let id = parse(&id)?;
    let removed = match form.values.sure {
        true => {
            let act = viewer.change("customer.remove").about("customer", id);
            let (acting, on) = (viewer.clone(), app.clone());
            app.write(act, move |w| {
                let command = RemoveOwn {
                    customer: id,
                    directory: on.directory.get(&w.read())?,
                };
                let allowed = acting.allow(w, command)?;
                own::remove(w, allowed)
            })
            .await
        }
        false => Err(AppError::field("sure", "customers.own.problem.confirm")),
    };
    match FormState::empty().catch(removed)? {
        Ok(removed) => Ok(Shown::go_to("/customers")
            .toast("customers.own.removed", ("name", removed.customer.name))),
        Err(refused) => {
            let mut page = page(&app, &viewer, &cx, Some(id), None)?;
            let problems = refused.problems().to_vec();
            page.form = page.form.refused(Invalid { problems });
            Ok(Shown::of(page).invalid())
        }
    }
}

/// Saves what was typed; everything that is wrong with it is told at once.
async fn save_typed(
    app: &Data<App>,
    viewer: &Viewer,
    act: crate::store::Act,
    id: Option<CustomerId>,
    typed: &OwnForm,
) -> Result<Own> {
    let known = match id {
        Some(id) => Some(app.read(|r| {
            let sight = app.sight(r, viewer, Permission::CustomerEdit)?;
            editable(r, &sight, id)
        })?),
        None => None,
    };
    let (draft, mut wrong) = draft_of(typed, known.as_ref().map(|own| &own.relation));
    wrong.problems.extend(draft.check().problems);
    let member: Option<MemberId> = typed.owner.parse().ok();
    let Some(member) = member else {
        return Err(AppError::Invalid(
            wrong.with("owner", "customers.own.problem.no_owner"),
        ));
    };
    wrong.into_result()?;
    let seen = Some(typed.seen.clone()).filter(|_| id.is_some());
    let (acting, on) = (viewer.clone(), app.clone());
    let saved = app
        .write(act, move |w| {
            let command = SaveOwn {
                customer: id,
                seen,
                draft,
                member,
                directory: on.directory.get(&w.read())?,
            };
            let allowed = acting.allow(w, command)?;
            own::save(w, allowed)
        })
        .await;
    match saved {
        Ok((_, saved)) => Ok(saved),
        // Whoever is out of reach is told at the field, not as a customer that is not there.
        Err(AppError::NotFound { what: "customer" }) => {
            Err(AppError::field("owner", "customers.own.problem.reach"))
        }
        Err(error) => Err(error),
    }
}

fn draft_of(typed: &OwnForm, known: Option<&Relation>) -> (OwnDraft, Invalid) {
    let mut wrong = Invalid::default();
    let old = known.map_or(&[][..], |relation| relation.phones.as_slice());
    let kept = old.iter().enumerate();
    let kept = kept.filter(|(place, _)| !typed.drop_phone.contains(place));
    let mut phones: Vec<String> = kept.map(|(_, phone)| phone.clone()).collect();
    match draft::phones(&typed.add_phone) {
        Ok(new) => {
            for phone in new {
                if !phones.contains(&phone) {
                    phones.push(phone);
                }
            }
        }
        Err(text) => wrong.problems.push(Problem {
            field: "add_phone",
            code: "customers.own.problem.phone",
            args: vec![("text", text.to_owned())],
        }),
    }
    let draft = OwnDraft {
        name: typed.name.trim().to_owned(),
        gender: Gender::from_wecom(typed.gender.parse().unwrap_or(0)),
        position: typed.position.trim().to_owned(),
        company: typed.company.trim().to_owned(),
        remark: typed.remark.trim().to_owned(),
        description: typed.description.trim().to_owned(),
        phones,
        tags: typed.tag.iter().filter_map(|id| id.parse().ok()).collect(),
    };
    (draft, wrong)
}

/// What is stored and what was typed, where they differ.
fn differs(sight: &Sight, stored: &Own, typed: &OwnForm) -> Vec<(&'static str, String, String)> {
    let now = OwnDraft::of(&stored.customer, &stored.relation);
    let (wish, _) = draft_of(typed, Some(&stored.relation));
    let masked = |draft: &OwnDraft| {
        let phones: Vec<String> = draft.phones.iter().map(|p| mask_phone(p)).collect();
        phones.join("; ")
    };
    let owner: Option<MemberId> = typed.owner.parse().ok();
    let tags = |draft: &OwnDraft| draft.tags.len().to_string();
    let same_tags = {
        let mut wanted = wish.tags.clone();
        wanted.sort_unstable();
        wanted == now.tags
    };
    let mut pairs = vec![
        ("customers.field.name", now.name.clone(), wish.name.clone()),
        (
            "customers.column.owner",
            sight.name(stored.relation.member).to_owned(),
            owner.map_or("", |id| sight.name(id)).to_owned(),
        ),
        (
            "customers.column.company",
            now.company.clone(),
            wish.company.clone(),
        ),
        (
            "customers.field.position",
            now.position.clone(),
            wish.position.clone(),
        ),
        ("customers.field.phones", masked(&now), masked(&wish)),
        (
            "customers.field.remark",
            now.remark.clone(),
            wish.remark.clone(),
        ),
        (
            "customers.field.description",
            now.description.clone(),
            wish.description.clone(),
        ),
    ];
    pairs.retain(|(_, stored, typed)| stored != typed);
    if !same_tags {
        pairs.push(("customers.tags", tags(&now), tags(&wish)));
    }
    // Somebody has saved what is typed here too: that is worth a word all the same.
    if pairs.is_empty() {
        pairs.push(("customers.field.name", now.name, wish.name));
    }
    pairs
}

fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: Option<CustomerId>,
    typed: Option<FormState>,
) -> Result<OwnPage> {
    app.read(|r| {
        let sight = app.sight(r, viewer, Permission::CustomerEdit)?;
        let known = match id {
            Some(id) => Some(editable(r, &sight, id)?),
            None => None,
        };
        let tags_on: Vec<TagId> = match (&typed, &known) {
            (None, Some(own)) => own.relation.tags.clone(),
            _ => Vec::new(),
        };
        let groups = tags::queries::groups(r)?.into_iter().map(|group| {
            let choice = |tag: tags::Tag| Choice {
                value: tag.id.to_string(),
                is_on: tags_on.contains(&tag.id)
                    || typed
                        .as_ref()
                        .is_some_and(|t| t.has("tag", &tag.id.to_string())),
                label: tag.name,
                count: None,
            };
            (
                group.group.name,
                group.tags.into_iter().map(choice).collect(),
            )
        });
        let groups: Vec<(String, Vec<Choice>)> = groups.collect();
        let phones = known.iter().flat_map(|own| &own.relation.phones);
        let phones: Vec<_> = phones.map(|phone| mask_phone(phone)).enumerate().collect();
        Ok(OwnPage {
            owners: owners(cx, &sight, known.as_ref()),
            genders: genders(cx),
            add_phone: match phones.is_empty() {
                true => "customers.field.phones",
                false => "customers.edit.add_phone",
            },
            phones,
            groups: groups
                .into_iter()
                .filter(|(_, tags)| !tags.is_empty())
                .collect(),
            seen: match &known {
                Some(own) => own::version(r, own)?,
                None => String::new(),
            },
            clash: Vec::new(),
            back: match id {
                Some(id) => format!("/customers/{id}"),
                None => "/customers".to_owned(),
            },
            form: typed.unwrap_or_else(|| known.as_ref().map_or_else(FormState::empty, filled)),
            customer: known.map(|own| own.customer),
        })
    })
}

fn filled(own: &Own) -> FormState {
    FormState::with_values([
        ("name", own.customer.name.clone()),
        ("owner", own.relation.member.to_string()),
        ("company", own.relation.company.clone()),
        ("position", own.customer.position.clone()),
        ("gender", (own.customer.gender as u8).to_string()),
        ("remark", own.relation.remark.clone()),
        ("description", own.relation.description.clone()),
    ])
}

/// Who may look after the customer: whoever is here and in reach, and whoever does now.
fn owners(cx: &Cx, sight: &Sight, known: Option<&Own>) -> Vec<Choice> {
    let now = known.map(|own| own.relation.member);
    let mut members: Vec<_> = sight
        .directory
        .members()
        .filter(|m| sight.sees(m.id) && (m.is_here() || now == Some(m.id)))
        .collect();
    members.sort_by_cached_key(|m| (m.name.clone(), m.no));
    let department = |m: &crate::org::Member| {
        let found = sight.directory.department_of(m);
        found.map_or(String::new(), |d| format!(" · {}", d.name))
    };
    let first = Choice {
        value: String::new(),
        label: cx.t("customers.own.choose_owner").into_owned(),
        count: None,
        is_on: false,
    };
    let choices = members.into_iter().map(|m| Choice {
        value: m.id.to_string(),
        label: format!("{}{}", m.name, department(m)),
        count: None,
        is_on: now.or(sight.own()) == Some(m.id),
    });
    [first].into_iter().chain(choices).collect()
}

fn genders(cx: &Cx) -> Vec<Choice> {
    let choice = |gender: Gender| Choice {
        value: (gender as u8).to_string(),
        label: cx.t(gender.code()).into_owned(),
        count: None,
        is_on: gender == Gender::Unknown,
    };
    [Gender::Unknown, Gender::Male, Gender::Female]
        .map(choice)
        .into()
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
