//! `/login/wecom` and back: signing in with WeCom.
//!
//! The way out stores nothing: a cookie and a keyed `state` tie the way back to this browser.
//! On the way back the state is used up, the code is exchanged at WeCom, and the member that
//! WeCom names is looked up in the directory. Nothing in the address says who somebody is.

use std::collections::BTreeSet;

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    cookie::time::Duration,
    http::{StatusCode, header},
    web::Data,
};
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Invalid, Result},
    kit::Id,
    org::{self, Member, MemberState},
    store::{Origin, Write},
    view, visit,
    web::{Cx, FormState, Lang, ListQuery, Shown, cookies, encode, filters, local},
    wecom::{self, Asking, Class, CodeOwner, LoginPages, LoginScope, PrivateDetails},
};

use super::{
    super::{
        SecuritySettings, Unit,
        actions::{self, Entered, ProvenMember},
        oauth,
    },
    cookie, end_cookie, through,
};

/// Base name of the cookie that ties a way back to its browser.
const COOKIE: &str = "qitai-wecom";
/// Where WeCom sends browsers back to.
pub(super) const BACK: &str = "/login/wecom/back";

/// Whether signing in with WeCom is on offer.
pub(super) fn is_offered(app: &App) -> Result<bool> {
    let connected = app
        .sync
        .link()
        .is_some_and(|link| link.connection.agentid > 0);
    Ok(connected && app.read(SecuritySettings::load)?.wecom_sign_in)
}

/// Whether the browser is the one inside WeCom.
pub(super) fn is_inside(req: &HttpRequest) -> bool {
    let agent = req.headers().get(header::USER_AGENT);
    let agent = agent.and_then(|value| value.to_str().ok()).unwrap_or("");
    agent.to_ascii_lowercase().contains("wxwork")
}

/// Sends the browser to WeCom.
pub(super) async fn set_out(req: HttpRequest, app: Data<App>, cx: Cx) -> Result<HttpResponse> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let next = query.get("next").and_then(local).unwrap_or("/");
    let link = app.sync.link().filter(|link| link.connection.agentid > 0);
    let settings = app.read(SecuritySettings::load)?;
    let Some(link) = link.filter(|_| settings.wecom_sign_in) else {
        return Ok(refused(&req, next, "wecom_sign_in.off"));
    };
    let now = app.store.clock().now();
    let departure = oauth::set_out(app.store.vault(), app.store.random(), next, now);
    let redirect_uri = format!("{}{BACK}", own_address(&app, &req));
    let asking = Asking {
        corpid: &link.connection.corpid,
        agentid: link.connection.agentid,
        redirect_uri: &redirect_uri,
        state: &departure.state,
    };
    let pages = LoginPages::at(app.config.wecom_login_url.as_deref());
    let address = match (is_inside(&req), settings.ask_private_info) {
        (true, true) => pages.in_app(asking, LoginScope::PrivateInfo),
        (true, false) => pages.in_app(asking, LoginScope::Base),
        (false, _) => pages.desktop(asking, cx.lang() == Lang::En),
    };
    let mut answer = HttpResponse::SeeOther()
        .insert_header((header::LOCATION, address))
        .finish();
    let mut cookie = cookies::build(COOKIE, departure.cookie, app.is_secure());
    cookie.set_max_age(Duration::milliseconds(oauth::STATE_MS));
    answer.add_cookie(&cookie).map_err(AppError::internal)?;
    Ok(answer)
}

/// The address people reach this server at, as configured or else as this request has it.
/// WeCom itself refuses to send anybody to a domain that the firm has not registered.
pub(super) fn own_address(app: &App, req: &HttpRequest) -> String {
    if let Some(address) = &app.config.public_url {
        return address.trim_end_matches('/').to_owned();
    }
    let host = req.headers().get(header::HOST);
    let host = host.and_then(|value| value.to_str().ok()).unwrap_or("");
    let scheme = if app.is_secure() { "https" } else { "http" };
    format!("{scheme}://{host}")
}

/// What WeCom adds to the address.
struct Brought {
    code: Option<String>,
    state: String,
}

/// The page that says why somebody was not let in.
#[derive(Template)]
#[template(path = "identity/wecom_refused.html", blocks = ["title"])]
pub(super) struct RefusedPage {
    pub(super) form: FormState,
    pub(super) next: String,
}
view!(RefusedPage);

fn refused(req: &HttpRequest, next: &str, code: &'static str) -> HttpResponse {
    let invalid = Invalid::default().with("", code);
    let page = RefusedPage {
        form: FormState::empty().refused(invalid),
        next: next.to_owned(),
    };
    let shown = Shown::of(page).with_status(StatusCode::FORBIDDEN);
    shown.respond_to(req)
}

/// Takes a browser that comes back.
pub(super) async fn come_back(req: HttpRequest, app: Data<App>, cx: Cx) -> Result<HttpResponse> {
    let origin = visit::origin(&app, &req, &cx.request_id);
    let query = ListQuery::parse(&cx.path, &cx.query);
    let brought = Brought {
        code: query.get("code").map(str::to_owned),
        state: query.get("state").unwrap_or("").to_owned(),
    };
    let kept = cookie(&app, &req, COOKIE).unwrap_or_default();
    let now = app.store.clock().now();
    let next = oauth::come_back(app.store.vault(), &kept, &brought.state, now);
    let next = next.as_deref().and_then(local).map(str::to_owned);
    let before = visit::session_token(&app, &req);
    let entered = match &next {
        Some(_) => enter(&app, brought, &origin, before).await,
        None => Err(AppError::field("", "wecom_sign_in.state")),
    };
    let next = next.unwrap_or_else(|| "/".to_owned());
    let mut answer = match entered {
        Ok(entered) => through::<RefusedPage>(&app, &req, &entered, &next)?,
        Err(AppError::Invalid(invalid)) => {
            actions::fail_member(&app.store, origin).await?;
            let code = invalid
                .problems
                .first()
                .map_or("wecom_sign_in.state", |p| p.code);
            refused(&req, &next, code)
        }
        Err(other) => return Err(other),
    };
    end_cookie(&app, &mut answer, COOKIE)?;
    Ok(answer)
}

/// From the code to the session, or to the second factor.
async fn enter(
    app: &Data<App>,
    brought: Brought,
    origin: &Origin,
    before: Option<String>,
) -> Result<Entered> {
    let refusal = |code| AppError::field("", code);
    actions::use_state(&app.store, &brought.state, origin).await?;
    let code = brought
        .code
        .ok_or_else(|| refusal("wecom_sign_in.cancelled"))?;
    let client = app.wecom().ok_or_else(|| refusal("wecom_sign_in.off"))?;
    let owner = client.code_owner(&code).await.map_err(of_exchange)?;
    let CodeOwner::Member {
        userid,
        user_ticket,
    } = owner
    else {
        return Err(refusal("wecom_sign_in.outsider"));
    };
    let details = match user_ticket {
        Some(ticket) => Some(client.private_details(&ticket).await?),
        None => None,
    };
    // The ticket is of the same person, or of nobody.
    let details = details.filter(|details| details.userid.eq_ignore_ascii_case(&userid));
    let knows = app.clone();
    app.write(actions::wecom_act(origin.clone()), move |w| {
        let proven = proven(&knows, w, &userid)?;
        if let Some(details) = &details {
            org::sync::keep_private_details(w, &userid, &facts(details))?;
        }
        actions::enter_member(w, &proven, before.as_deref())
    })
    .await
}

fn facts(details: &PrivateDetails) -> org::sync::PrivateFacts {
    let mail = match details.biz_mail.is_empty() {
        true => &details.email,
        false => &details.biz_mail,
    };
    org::sync::PrivateFacts {
        mobile: details.mobile.clone(),
        email: mail.clone(),
    }
}

/// WeCom's refusal of a code in words; everything else is told as what it is.
fn of_exchange(error: wecom::Error) -> AppError {
    match error {
        wecom::Error::Refused {
            errcode: 40029 | 42003 | 42022,
            ..
        } => AppError::field("", "wecom_sign_in.code"),
        wecom::Error::Refused { errcode: 50001, .. } => AppError::field("", "wecom_sign_in.domain"),
        other if other.class() == Some(Class::Gone) => AppError::field("", "wecom_sign_in.unknown"),
        other => other.into(),
    }
}

/// The member with this userid, who must work here and be seen by the app.
fn proven(app: &App, w: &Write<'_>, userid: &str) -> Result<ProvenMember> {
    let refusal = |code| AppError::field("", code);
    let member = org::queries::member_by_userid(&w.read(), userid)?;
    let member = member.ok_or_else(|| refusal("wecom_sign_in.unknown"))?;
    match member.state {
        MemberState::Active => {}
        MemberState::Left => return Err(refusal("wecom_sign_in.left")),
        MemberState::Disabled | MemberState::Inactive => {
            return Err(refusal("wecom_sign_in.member_disabled"));
        }
    }
    let directory = app.directory.get(&w.read())?;
    Ok(ProvenMember {
        member: member.id.cast(),
        userid: member.userid.clone(),
        name: member.name.clone(),
        inside: inside(&directory, &member),
    })
}

/// The departments a member is in, and all above them.
pub(super) fn inside(directory: &org::Directory, member: &Member) -> BTreeSet<Id<Unit>> {
    let posts = member.posts.iter();
    posts
        .flat_map(|post| directory.tree.path(post.department))
        .map(|department| department.id.cast())
        .collect()
}

/// Where the sign-in page leads on, for `next`.
pub(super) fn out_href(next: &str) -> String {
    format!("/login/wecom?next={}", encode(next))
}
