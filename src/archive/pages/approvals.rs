//! `/archive/approvals`: what waits for a second person, what was granted, and one's own
//! requests.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        approval::{
            self, Approval, ApprovalId, ApprovalState, Decide, Revoke, Wanted, Withdraw, queries,
        },
        evidence::Case,
        model::Chat,
        names::Names,
        queries::ArchiveSight,
    },
    error::{AppError, Result},
    identity::{self, Permission, Viewer},
    kit::Timestamp,
    org::Sight,
    slice::{Access, Route},
    store::Read,
    view,
    web::{
        Cx, Form, Shown, filters,
        parts::{Empty, EmptyKind},
    },
    work::pages::Nothing,
};

use super::evidence::HERE as CASES;

/// The page's address.
pub(in crate::archive) const HERE: &str = "/archive/approvals";
/// Own requests that are listed.
const OWN: usize = 30;
/// Conversations of a request that are named.
const NAMED: usize = 5;

/// The routes. Whoever has asked sees the page too, so it takes no single permission.
pub(in crate::archive) fn routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    let approve = Access::Needs(Permission::AccessApprove);
    vec![
        Route::get(HERE, Access::SignedIn, || get().to(index)),
        Route::post("/archive/approvals/{id}/decide", approve, || {
            post().to(decide)
        }),
        Route::post("/archive/approvals/{id}/revoke", approve, || {
            post().to(revoke)
        }),
        Route::post("/archive/approvals/{id}/withdraw", Access::SignedIn, || {
            post().to(withdraw)
        }),
    ]
}

/// One request.
pub(in crate::archive) struct Line {
    pub(in crate::archive) id: String,
    pub(in crate::archive) who: String,
    /// Catalogue key of what is wanted.
    pub(in crate::archive) wanted: &'static str,
    /// The conversations, or the case.
    pub(in crate::archive) what: String,
    /// Where it is, for whoever may go there now.
    pub(in crate::archive) href: Option<String>,
    pub(in crate::archive) reason: String,
    pub(in crate::archive) asked_at: Timestamp,
    pub(in crate::archive) until: Timestamp,
    /// Catalogue key and tone.
    pub(in crate::archive) state: (&'static str, &'static str),
    /// Who has decided, and what they noted.
    pub(in crate::archive) by: String,
    pub(in crate::archive) note: String,
    /// Whether it still waits or holds.
    pub(in crate::archive) is_live: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "archive/approvals.html", blocks = ["title"])]
pub(in crate::archive) struct ApprovalsPage {
    pub(in crate::archive) may_decide: bool,
    pub(in crate::archive) waiting: Vec<Line>,
    pub(in crate::archive) granted: Vec<Line>,
    pub(in crate::archive) own: Vec<Line>,
    /// The firm asks for nobody.
    pub(in crate::archive) is_off: bool,
    pub(in crate::archive) hours: u32,
    pub(in crate::archive) empty: Empty,
}
view!(ApprovalsPage);

/// Shows the page. Names and reasons are on it, so its entry is durable before.
async fn index(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<ApprovalsPage>> {
    let may_decide = viewer.may(Permission::AccessApprove);
    let page = app.read(|r| {
        let own = viewer.account().map(identity::Account::subject_id);
        let directory = app.directory.get(r)?;
        let rule = approval::four_eyes(r)?;
        // Names of who takes part are no more than what is asked about.
        let (mut waiting, mut granted) = (Vec::new(), Vec::new());
        if may_decide {
            let sight = queries::sight(r, &directory, &viewer)?;
            let lines = |all: Vec<Approval>| lines(r, &cx, &sight.sight, all, false);
            waiting = lines(queries::waiting(r, &sight, own, cx.now)?)?;
            granted = lines(queries::granted(r, &sight, own, cx.now)?)?;
        }
        let own = match own {
            Some(own) if viewer.may(Permission::ArchiveRead) => {
                let sight = ArchiveSight::of(&app, r, &viewer)?;
                let mut asked = Vec::new();
                for approval in queries::of_account(r, own, OWN)? {
                    if queries::sees(r, &sight, &approval.chats)? {
                        asked.push(approval);
                    }
                }
                lines(r, &cx, &sight.sight, asked, true)?
            }
            _ => Vec::new(),
        };
        Ok::<_, AppError>(ApprovalsPage {
            may_decide,
            waiting,
            granted,
            own,
            is_off: !rule.read && !rule.evidence,
            hours: rule.hours,
            empty: Empty {
                kind: EmptyKind::NothingMatches,
                title: cx.t("approval.none").into_owned(),
                hint: cx.t("approval.none_hint").into_owned(),
                action: None,
                other: None,
            },
        })
    })?;
    let ids = page.waiting.iter().chain(&page.granted).chain(&page.own);
    let ids: Vec<&str> = ids.map(|line| line.id.as_str()).collect();
    let act = viewer
        .view("approval.list")
        .system_detail("ids", ids.join(" "));
    let needed = match may_decide {
        true => Permission::AccessApprove,
        false => Permission::ArchiveRead,
    };
    app.write(act, move |w| viewer.scope(&w.read(), needed).map(drop))
        .await?;
    Ok(Shown::of(page))
}

fn lines(
    r: &Read<'_>,
    cx: &Cx,
    sight: &Sight,
    all: Vec<Approval>,
    is_own: bool,
) -> Result<Vec<Line>> {
    let names = Names::new(r, sight, cx);
    let lines = all.into_iter();
    lines.map(|a| line(r, cx, &names, a, is_own)).collect()
}

fn line(
    r: &Read<'_>,
    cx: &Cx,
    names: &Names<'_>,
    approval: Approval,
    is_own: bool,
) -> Result<Line> {
    let account = |id: crate::store::SubjectId| {
        identity::queries::account_name(r, id.cast()).map(Option::unwrap_or_default)
    };
    let is_live = approval.is_pending(cx.now) || approval.holds(cx.now);
    let (what, href) = match &approval.wanted {
        Wanted::Read(no) => {
            let chat = r.get::<Chat>(no)?;
            let title = chat.as_ref().map(|chat| names.title(chat)).transpose()?;
            let href = chat.map(|chat| format!("/archive/{}", chat.id));
            (title.unwrap_or_default(), href)
        }
        Wanted::Evidence(id, _) => {
            let case = r.get::<Case>(id)?;
            let title = case.as_ref().map(|case| case.title.clone());
            let mut what = vec![format!("「{}」", title.unwrap_or_default())];
            for no in approval.chats.iter().take(NAMED) {
                if let Some(chat) = r.get::<Chat>(no)? {
                    what.push(names.title(&chat)?);
                }
            }
            (what.join(" "), Some(format!("{CASES}/{id}")))
        }
    };
    let (by, note) = match &approval.state {
        ApprovalState::Granted(by, _) | ApprovalState::Revoked(by, _) => {
            (account(*by)?, String::new())
        }
        ApprovalState::Refused(by, _, note) => (account(*by)?, note.clone()),
        ApprovalState::Pending | ApprovalState::Withdrawn(_) => Default::default(),
    };
    Ok(Line {
        id: approval.id.to_string(),
        who: account(approval.account)?,
        wanted: match &approval.wanted {
            Wanted::Read(_) => "approval.wanted.read",
            Wanted::Evidence(..) => "approval.wanted.evidence",
        },
        what,
        href: href.filter(|_| is_own && approval.holds(cx.now)),
        state: match &approval.state {
            ApprovalState::Pending if is_live => ("approval.state.pending", "warn"),
            ApprovalState::Granted(..) if is_live => ("approval.state.granted", "ok"),
            ApprovalState::Pending | ApprovalState::Granted(..) => {
                ("approval.state.lapsed", "muted")
            }
            ApprovalState::Refused(..) => ("approval.state.refused", "bad"),
            ApprovalState::Revoked(..) => ("approval.state.revoked", "muted"),
            ApprovalState::Withdrawn(_) => ("approval.state.withdrawn", "muted"),
        },
        reason: approval.reason,
        asked_at: approval.asked_at,
        until: approval.until,
        by,
        note,
        is_live,
    })
}

fn parse(id: &str) -> Result<ApprovalId> {
    id.parse().map_err(|_| AppError::NotFound {
        what: "access_approval",
    })
}

/// Yes or no.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Decision {
    verdict: String,
    #[serde(default)]
    note: String,
}

/// Decides.
async fn decide(
    viewer: Viewer,
    id: Path<String>,
    form: Form<Decision>,
    app: Data<App>,
) -> Result<Shown<ApprovalsPage>> {
    let is_granted = match form.values.verdict.as_str() {
        "grant" => true,
        "refuse" => false,
        _ => return Err(AppError::BadRequest { why: "field_type" }),
    };
    let command = Decide {
        approval: parse(&id)?,
        is_granted,
        note: form.values.note.chars().take(200).collect(),
        directory: app.read(|r| app.directory.get(r))?,
    };
    let act = match is_granted {
        true => viewer.change("approval.grant"),
        false => viewer.change("approval.refuse"),
    };
    app.write(act, move |w| {
        let allowed = viewer.allow(w, command)?;
        approval::decide(w, allowed)
    })
    .await?;
    Ok(match is_granted {
        true => Shown::go_to(HERE).toast("approval.is_granted", ()),
        false => Shown::go_to(HERE).toast("approval.is_refused", ()),
    })
}

/// Takes back what was granted.
async fn revoke(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<ApprovalsPage>> {
    let command = Revoke {
        approval: parse(&id)?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "approval.revoke", command, approval::revoke)
        .await?;
    Ok(Shown::go_to(HERE).toast("approval.is_revoked", ()))
}

/// Takes back one's own request.
async fn withdraw(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<ApprovalsPage>> {
    let account = viewer.account().map(identity::Account::subject_id);
    let command = Withdraw {
        approval: parse(&id)?,
        account: account.ok_or(AppError::Unauthenticated)?,
    };
    app.carry_out(&viewer, "approval.withdraw", command, approval::withdraw)
        .await?;
    Ok(Shown::go_to(HERE).toast("approval.is_withdrawn", ()))
}
