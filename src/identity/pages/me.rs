//! `/me`: one's own account, its devices, what was done in its name.

use actix_web::{HttpRequest, HttpResponse, Responder, web::Data};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    audit::query as trail,
    error::{AppError, Result},
    kit::{Secret, Timestamp},
    store::Read,
    view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters, words},
    work::{jobs, pages::JobCard},
};

use super::{
    super::{
        SecondFactor, Viewer,
        actions::{self, Entered, RevokeOtherSessions, RevokeSession},
        queries::{self, SessionView},
    },
    NoFields, id_in, through,
};

/// Files that are listed.
const EXPORTS_SHOWN: usize = 10;
/// Entries of a page.
const ENTRIES_SHOWN: usize = 50;

/// `/me`.
#[derive(Template)]
#[template(path = "identity/me.html", blocks = ["title"])]
pub(super) struct MePage {
    pub(super) name: String,
    pub(super) login: String,
    pub(super) role: String,
    pub(super) has_password: bool,
    /// Since when, and how many recovery codes are left.
    pub(super) second_factor: Option<(Timestamp, usize)>,
    pub(super) form: FormState,
    pub(super) sessions: Vec<SessionView>,
    pub(super) exports: Vec<JobCard>,
}
view!(MePage);

pub(super) async fn me(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<MePage>> {
    me_page(&viewer, &app, &cx, FormState::empty()).map(Shown::of)
}

fn me_page(viewer: &Viewer, app: &App, cx: &Cx, form: FormState) -> Result<MePage> {
    let account = viewer.account().ok_or(AppError::Unauthenticated)?;
    let now = app.store.clock().now();
    app.read(|r| {
        let factor = SecondFactor::of(r, account.id)?;
        Ok(MePage {
            name: account.name.clone(),
            login: account.login.clone(),
            role: super::choices::role_name(r, cx, account.role)?,
            has_password: account.password.is_some(),
            second_factor: factor.map(|f| (f.since, f.recovery_left())),
            form,
            sessions: queries::own_sessions(r, viewer, now)?,
            exports: exports(r, viewer, cx)?,
        })
    })
}

/// The files one has asked for, newest first.
fn exports(r: &Read<'_>, viewer: &Viewer, cx: &Cx) -> Result<Vec<JobCard>> {
    let owner = viewer.account().map(|account| account.subject_id());
    let own = jobs::of_creator(r, owner, 4 * EXPORTS_SHOWN)?;
    let files = own.iter().filter(|job| job.kind.ends_with(".export"));
    Ok(files
        .take(EXPORTS_SHOWN)
        .map(|job| JobCard::of(job, cx))
        .collect())
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    password: String,
    new_password: String,
}

pub(super) async fn change_password(
    viewer: Viewer,
    req: HttpRequest,
    form: Form<PasswordForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let current = Secret::new(form.values.password);
    let new = Secret::new(form.values.new_password);
    let done = actions::change_password(&app.store, &app.passwords, &viewer, current, new).await;
    match form.state.catch(done)? {
        Ok(ticket) => through::<MePage>(&app, &req, &Entered::In(ticket), "/me"),
        Err(form) => {
            let page = Shown::of(me_page(&viewer, &app, &cx, form)?).invalid();
            Ok(page.respond_to(&req))
        }
    }
}

#[derive(Deserialize)]
pub(super) struct RevokeForm {
    session: String,
}

pub(super) async fn revoke(
    viewer: Viewer,
    form: Form<RevokeForm>,
    app: Data<App>,
) -> Result<Shown<MePage>> {
    let session = id_in(&form.values.session, "session")?;
    app.write(viewer.view("session.revoke"), move |w| {
        let allowed = viewer.allow(w, RevokeSession { session })?;
        actions::revoke_session(w, allowed)
    })
    .await?;
    Ok(Shown::go_to("/me").toast("me.revoked", ()))
}

pub(super) async fn revoke_others(
    viewer: Viewer,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<MePage>> {
    app.write(viewer.view("session.revoke"), move |w| {
        let allowed = viewer.allow(w, RevokeOtherSessions)?;
        actions::revoke_other_sessions(w, allowed)
    })
    .await?;
    Ok(Shown::go_to("/me").toast("me.revoked_others", ()))
}

/// One thing done in one's name.
pub(super) struct Deed {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) act: String,
    pub(super) objects: String,
    pub(super) was_denied: bool,
}

/// `/me/activity`: what the audit trail says was done in one's name, so that somebody else's
/// doing is noticed.
#[derive(Template)]
#[template(path = "identity/activity.html", blocks = ["title"])]
pub(super) struct ActivityPage {
    pub(super) deeds: Vec<Deed>,
    pub(super) older: Option<String>,
}
view!(ActivityPage);

pub(super) async fn activity(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ActivityPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let before = query.get("before").and_then(|n| n.parse().ok());
    let filter = trail::Filter {
        actor: Some(viewer.actor().text()),
        ..trail::Filter::default()
    };
    let deeds = app.read(|r| {
        let found = trail::find(r, &filter, before)?.take(ENTRIES_SHOWN);
        found
            .map(|entry| entry.map(|entry| deed(&cx, &entry)).map_err(AppError::from))
            .collect::<Result<Vec<_>>>()
    })?;
    let last = deeds.last().filter(|_| deeds.len() == ENTRIES_SHOWN);
    let older = last.map(|deed| query.before(&deed.seq.to_string()).to_string());
    Ok(Shown::of(ActivityPage { deeds, older }))
}

fn deed(cx: &Cx, entry: &trail::Entry) -> Deed {
    let leaf = &entry.leaf;
    let key = format!("act.{}", leaf.act);
    let objects = match &leaf.obj {
        crate::audit::Objects::Counted { n } => cx.tf("compliance.many", ("n", *n)).into_owned(),
        crate::audit::Objects::Listed(all) => {
            let names: Vec<String> = all.iter().take(2).map(|o| object(cx, o)).collect();
            names.join(" · ")
        }
    };
    let at = leaf.t.parse::<jiff::Timestamp>();
    Deed {
        seq: leaf.seq,
        at: Timestamp::from_ms(at.map_or(0, |at| at.as_millisecond())),
        act: match words::known(&key) {
            true => cx.t(&key).into_owned(),
            false => leaf.act.clone(),
        },
        objects,
        was_denied: leaf.outcome == "denied",
    }
}

fn object(cx: &Cx, object: &str) -> String {
    let (kind, id) = object.split_once(':').unwrap_or((object, ""));
    let key = format!("object.{kind}");
    match words::known(&key) {
        true => format!("{} {id}", cx.t(&key)),
        false => object.to_owned(),
    }
}
