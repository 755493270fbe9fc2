//! `/org/members/new`, `/org/members/{id}/edit`: making and changing a member.

use actix_web::{
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    audit::query,
    error::{AppError, Invalid, Problem, Result},
    identity::{self, Permission, Viewer},
    kit::{Id, Timestamp},
    org::{
        Directory, Gender, Member, MemberDraft, MemberId, MemberState, Post, Sight,
        actions::{self, SaveMember, SetState},
        draft,
        resolve::{self, Named, Place},
    },
    store::Read,
    view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters, parts::Choice},
};

/// Places that the form offers beside those there are.
const SPARE_PLACES: usize = 2;

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::org) struct MemberForm {
    userid: String,
    name: String,
    alias: String,
    position: String,
    gender: String,
    mobile: String,
    email: String,
    job_number: String,
    direct_leader: String,
    #[serde(default)]
    dept: Vec<String>,
    #[serde(default)]
    leads: Vec<String>,
    #[serde(default)]
    main: String,
    #[serde(default)]
    seen: String,
}

/// A place of the form: a department as text.
pub(super) struct PlaceRow {
    pub(super) text: String,
    pub(super) leads: bool,
    pub(super) is_main: bool,
}

/// A field in which what is stored and what was typed differ.
pub(super) struct Differs {
    pub(super) label: String,
    pub(super) stored: String,
    pub(super) typed: String,
}

/// Somebody else was faster.
pub(super) struct Clash {
    pub(super) who: String,
    pub(super) at: Timestamp,
    pub(super) fields: Vec<Differs>,
}

/// The page.
#[derive(Template)]
#[template(path = "org/edit.html", blocks = ["title"])]
pub(in crate::org) struct EditPage {
    /// None for a new member.
    pub(super) member: Option<Member>,
    pub(super) form: FormState,
    pub(super) genders: Vec<Choice>,
    pub(super) places: Vec<PlaceRow>,
    pub(super) departments: Vec<String>,
    /// Whether WeCom's fields are WeCom's.
    pub(super) is_wecoms: bool,
    pub(super) seen: String,
    pub(super) clash: Option<Clash>,
    pub(super) back: String,
}
view!(EditPage);

/// The empty form.
pub(in crate::org) async fn new(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<EditPage>> {
    let sight = app.read(|r| app.sight(r, &viewer, Permission::OrgEdit))?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let dept: Option<u64> = query.get("dept").and_then(|d| d.parse().ok());
    let tree = &sight.directory.tree;
    let at = dept.filter(|d| tree.get(*d).is_some());
    let at = at.map(|d| resolve::path_text(tree, d));
    let first = PlaceRow {
        text: at.unwrap_or_default(),
        leads: false,
        is_main: true,
    };
    Ok(Shown::of(page(
        &cx,
        &app,
        &sight,
        None,
        FormState::empty(),
        vec![first],
        String::new(),
    )))
}

/// Makes a member.
pub(in crate::org) async fn create(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<MemberForm>,
) -> Result<Shown<EditPage>> {
    let sight = app.read(|r| app.sight(r, &viewer, Permission::OrgEdit))?;
    let places = typed_places(&form.values);
    let drafted = draft_of(&sight.directory, &form.values, None);
    let act = viewer.change("member.create");
    let standing = app.org_standing();
    let saved = match drafted {
        Ok(draft) => {
            let save = SaveMember {
                member: None,
                seen: None,
                draft,
                state: None,
                standing,
            };
            app.write(act, move |w| {
                let allowed = viewer.allow(w, save)?;
                actions::save_member(w, allowed)
            })
            .await
        }
        Err(invalid) => Err(AppError::Invalid(invalid)),
    };
    let saved = saved.map_err(out_of_reach);
    Ok(match form.state.catch(saved)? {
        Ok(saved) => Shown::go_to(format_args!("/org/members/{}", saved.member.id))
            .toast("org.created", ("name", saved.member.name)),
        Err(form) => {
            Shown::of(page(&cx, &app, &sight, None, form, places, String::new())).invalid()
        }
    })
}

/// A place outside one's reach is told at the field, not as a member that is not there.
fn out_of_reach(error: AppError) -> AppError {
    match error {
        AppError::NotFound { what: "member" } => AppError::field("dept", "org.problem.reach"),
        other => other,
    }
}

/// The form of a member.
pub(in crate::org) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let id = parse(&id)?;
    let act = viewer.view("member.view").about("member", id);
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let sight = checking.sight(&w.read(), &asking, Permission::OrgEdit)?;
        super::member::visible(&sight, id).map(drop)
    })
    .await?;
    app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::OrgEdit)?;
        let (member, version) = stored(r, id)?;
        let form = filled(&member, &sight.directory);
        let places = stored_places(&sight.directory, &member);
        Ok(Shown::of(page(
            &cx,
            &app,
            &sight,
            Some(member),
            form,
            places,
            version.to_string(),
        )))
    })
}

/// Changes a member.
pub(in crate::org) async fn save(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<MemberForm>,
) -> Result<Shown<EditPage>> {
    let id = parse(&id)?;
    let sight = app.read(|r| app.sight(r, &viewer, Permission::OrgEdit))?;
    super::member::visible(&sight, id)?;
    let places = typed_places(&form.values);
    let known = app.read(|r| stored(r, id))?.0;
    let drafted = draft_of(&sight.directory, &form.values, Some(&known));
    let seen = form.values.seen.parse().ok();
    let act = viewer.change("member.update").about("member", id);
    let (asking, standing) = (viewer.clone(), app.org_standing());
    let saved = match &drafted {
        Ok(draft) => {
            let save = SaveMember {
                member: Some(id),
                seen,
                draft: draft.clone(),
                state: None,
                standing,
            };
            app.write(act, move |w| {
                let allowed = asking.allow(w, save)?;
                actions::save_member(w, allowed)
            })
            .await
        }
        Err(invalid) => Err(AppError::Invalid(invalid.clone())),
    };
    if let (Err(AppError::Conflict { why: "changed" }), Ok(draft)) = (&saved, &drafted) {
        return app.read(|r| {
            let (member, version) = stored(r, id)?;
            let clash = clash(r, &cx, &member, draft, &sight.directory)?;
            let seen = version.to_string();
            let mut page = page(&cx, &app, &sight, Some(member), form.state, places, seen);
            page.clash = Some(clash);
            Ok(Shown::of(page).with_status(StatusCode::CONFLICT))
        });
    }
    let seen = form.values.seen.clone();
    Ok(match form.state.catch(saved)? {
        Ok(saved) => Shown::go_to(format_args!("/org/members/{id}"))
            .toast("org.saved", ("name", saved.member.name)),
        Err(form) => {
            let page = page(&cx, &app, &sight, Some(known), form, places, seen);
            Shown::of(page).invalid()
        }
    })
}

/// Which state a member is to be in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::org) struct StateForm {
    state: String,
}

/// Disables a member, lets it work again, or notes that it has left.
pub(in crate::org) async fn set_state(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<StateForm>,
) -> Result<Shown<EditPage>> {
    let id = parse(&id)?;
    let (state, word) = match form.values.state.as_str() {
        "active" => (MemberState::Active, "org.now_active"),
        "disabled" => (MemberState::Disabled, "org.now_disabled"),
        "left" => (MemberState::Left, "org.now_left"),
        _ => return Err(AppError::BadRequest { why: "field_type" }),
    };
    let act = viewer.change("member.state").about("member", id);
    let set = SetState {
        member: id,
        state,
        standing: app.org_standing(),
    };
    let saved = app
        .write(act, move |w| {
            let allowed = viewer.allow(w, set)?;
            actions::set_state(w, allowed)
        })
        .await?;
    let shown = Shown::go_to(format_args!("/org/members/{id}"));
    Ok(shown.toast(word, ("name", saved.member.name)))
}

fn parse(id: &str) -> Result<MemberId> {
    id.parse()
        .map_err(|_| AppError::NotFound { what: "member" })
}

fn stored(r: &Read<'_>, id: MemberId) -> Result<(Member, u32)> {
    let found = r.get_versioned::<Member>(&id)?;
    let found = found.ok_or(AppError::NotFound { what: "member" })?;
    Ok((found.entity, found.version))
}

fn filled(member: &Member, directory: &Directory) -> FormState {
    let leader = directory.by_userid(&member.direct_leader);
    let leader = leader.map_or(member.direct_leader.clone(), |m| m.userid.clone());
    FormState::with_values([
        ("userid", member.userid.clone()),
        ("name", member.name.clone()),
        ("alias", member.alias.clone()),
        ("position", member.position.clone()),
        ("gender", (member.gender as u8).to_string()),
        ("mobile", member.mobile.clone()),
        ("email", member.email.clone()),
        ("job_number", member.job_number.clone()),
        ("direct_leader", leader),
    ])
}

fn stored_places(directory: &Directory, member: &Member) -> Vec<PlaceRow> {
    let posts = member.posts.iter();
    let posts = posts.filter(|post| directory.tree.get(post.department).is_some());
    posts
        .map(|post| PlaceRow {
            text: resolve::path_text(&directory.tree, post.department),
            leads: post.is_leader,
            is_main: post.department == member.main_department,
        })
        .collect()
}

fn typed_places(form: &MemberForm) -> Vec<PlaceRow> {
    let place = |(n, text): (usize, &String)| PlaceRow {
        text: text.clone(),
        leads: form.leads.contains(&n.to_string()),
        is_main: form.main == n.to_string(),
    };
    let mut places: Vec<_> = form.dept.iter().enumerate().map(place).collect();
    places.retain(|place| !place.text.trim().is_empty());
    places
}

/// What was typed as a draft; or everything that is wrong with it.
fn draft_of(
    directory: &Directory,
    form: &MemberForm,
    known: Option<&Member>,
) -> Result<MemberDraft, Invalid> {
    let mut wrong = Invalid::default();
    let mut draft = MemberDraft {
        userid: form.userid.trim().to_owned(),
        name: form.name.trim().to_owned(),
        alias: form.alias.trim().to_owned(),
        position: form.position.trim().to_owned(),
        gender: Gender::from_wecom(form.gender.parse().unwrap_or(0)),
        mobile: form.mobile.trim().to_owned(),
        email: form.email.trim().to_owned(),
        job_number: form.job_number.trim().to_owned(),
        external_id: known.map_or(String::new(), |m| m.external_id.clone()),
        ..MemberDraft::default()
    };
    if let Some(mobile) = draft::mobile(&draft.mobile) {
        draft.mobile = mobile;
    }
    for place in typed_places(form) {
        match resolve::department(&directory.tree, &place.text) {
            Place::Known(number) => {
                let old = known.into_iter().flat_map(|m| &m.posts);
                let mut old = old.filter(|post| post.department == number);
                draft.posts.retain(|post| post.department != number);
                draft.posts.push(Post {
                    department: number,
                    is_leader: place.leads,
                    order: old.next().map_or(0, |post| post.order),
                });
                if place.is_main {
                    draft.main_department = number;
                }
            }
            Place::New { .. } => wrong
                .problems
                .push(no_such("org.problem.no_department", &place)),
            Place::Several => wrong
                .problems
                .push(no_such("org.problem.departments", &place)),
        }
    }
    match form.direct_leader.trim() {
        "" => {}
        text => match resolve::person(directory, text) {
            Named::One(leader) => draft.direct_leader.clone_from(&leader.userid),
            Named::Several => wrong = wrong.with("direct_leader", "org.problem.leaders"),
            Named::Nothing => wrong = wrong.with("direct_leader", "org.problem.no_leader"),
        },
    }
    wrong.problems.extend(draft.check().problems);
    wrong.problems.extend(
        directory
            .taken(&draft, known.map(|member| member.id))
            .problems,
    );
    match wrong.problems.is_empty() {
        true => Ok(draft),
        false => Err(wrong),
    }
}

fn no_such(code: &'static str, place: &PlaceRow) -> Problem {
    Problem {
        field: "dept",
        code,
        args: vec![("text", place.text.clone())],
    }
}

/// Who was faster, and in what the two differ.
fn clash(
    r: &Read<'_>,
    cx: &Cx,
    member: &Member,
    draft: &MemberDraft,
    directory: &Directory,
) -> Result<Clash> {
    let filter = query::Filter {
        object: Some(format!("member:{}", member.id)),
        ..query::Filter::default()
    };
    let mut entries = query::find(r, &filter, None)?;
    let change = entries.find(|entry| {
        entry
            .as_ref()
            .is_ok_and(|entry| entry.leaf.act != "member.view")
    });
    let (mut who, mut at) = (String::new(), cx.now);
    if let Some(entry) = change.transpose()? {
        who = match entry.leaf.actor.strip_prefix("account:") {
            Some(id) => {
                let id: Option<Id<identity::Account>> = id.parse().ok();
                let name = id.map(|id| identity::queries::account_name(r, id));
                name.transpose()?.flatten().unwrap_or_default()
            }
            None => String::new(),
        };
        let told = entry.leaf.t.parse::<jiff::Timestamp>();
        at = told.map_or(cx.now, |t| Timestamp::from_ms(t.as_millisecond()));
    }
    Ok(Clash {
        who,
        at,
        fields: differs(cx, &MemberDraft::of(member), draft, directory),
    })
}

fn differs(
    cx: &Cx,
    stored: &MemberDraft,
    typed: &MemberDraft,
    directory: &Directory,
) -> Vec<Differs> {
    let places = |posts: &[Post]| {
        let paths = posts.iter().map(|post| {
            let path = resolve::path_text(&directory.tree, post.department);
            match post.is_leader {
                true => format!("{path} ({})", cx.t("org.leader")),
                false => path,
            }
        });
        paths.collect::<Vec<_>>().join("; ")
    };
    let gender = |gender: Gender| cx.t(gender.code()).into_owned();
    let texts = [
        (
            "org.field.userid",
            stored.userid.clone(),
            typed.userid.clone(),
        ),
        ("org.column.name", stored.name.clone(), typed.name.clone()),
        ("org.field.alias", stored.alias.clone(), typed.alias.clone()),
        (
            "org.column.position",
            stored.position.clone(),
            typed.position.clone(),
        ),
        (
            "org.field.gender",
            gender(stored.gender),
            gender(typed.gender),
        ),
        (
            "org.field.mobile",
            stored.mobile.clone(),
            typed.mobile.clone(),
        ),
        ("org.field.email", stored.email.clone(), typed.email.clone()),
        (
            "org.field.job_number",
            stored.job_number.clone(),
            typed.job_number.clone(),
        ),
        (
            "org.field.direct_leader",
            stored.direct_leader.clone(),
            typed.direct_leader.clone(),
        ),
        (
            "org.field.departments",
            places(&stored.posts),
            places(&typed.posts),
        ),
    ];
    let texts = texts
        .into_iter()
        .filter(|(_, stored, typed)| stored != typed);
    texts
        .map(|(word, stored, typed)| Differs {
            label: cx.t(word).into_owned(),
            stored,
            typed,
        })
        .collect()
}

fn page(
    cx: &Cx,
    app: &App,
    sight: &Sight,
    member: Option<Member>,
    form: FormState,
    mut places: Vec<PlaceRow>,
    seen: String,
) -> EditPage {
    for _ in 0..SPARE_PLACES {
        places.push(PlaceRow {
            text: String::new(),
            leads: false,
            is_main: false,
        });
    }
    let gender = |gender: Gender| Choice {
        value: (gender as u8).to_string(),
        label: cx.t(gender.code()).into_owned(),
        count: None,
        is_on: gender == Gender::Unknown,
    };
    let tree = &sight.directory.tree;
    let flat = tree.flat();
    let standing = app.org_standing();
    EditPage {
        is_wecoms: member
            .as_ref()
            .is_some_and(|m| !standing.may_change_member(m.origin)),
        back: match &member {
            Some(member) => format!("/org/members/{}", member.id),
            None => "/org".to_owned(),
        },
        genders: [Gender::Unknown, Gender::Male, Gender::Female]
            .map(gender)
            .into(),
        departments: flat
            .iter()
            .map(|(_, d)| resolve::path_text(tree, d.wecom_id))
            .collect(),
        clash: None,
        member,
        form,
        places,
        seen,
    }
}
