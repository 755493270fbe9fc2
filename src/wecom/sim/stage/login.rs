//! The pages of WeCom on which a member says who they are: inside the app and at a desktop.
//! The person at the screen chooses who that is, and agrees or declines.
//!
//! Source: WeCom documentation, 网页授权登录 and Web登录.

use std::collections::HashMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::{Deserialize, Serialize};

use super::{Done, Refusal, page};
use crate::wecom::sim::{server::Shared, state::World};

/// Links only, so that the browser may be sent on to anywhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'none'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// What people do about signing in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum LoginVerb {
    /// The administrator registers the domain of the app (可信域名 and 授权回调域).
    SetLoginDomain {
        /// Host with port; empty for none.
        domain: String,
    },
    /// A member agrees; answers the code.
    Authorize {
        /// The member.
        userid: String,
        /// Whether what is sensitive may be shown too.
        #[serde(default)]
        private: bool,
    },
}

impl World {
    pub(super) fn in_login(&mut self, verb: &LoginVerb, now_s: i64) -> Result<Done, Refusal> {
        match verb {
            LoginVerb::SetLoginDomain { domain } => {
                let domain = domain.trim().to_ascii_lowercase();
                self.login.domain = Some(domain).filter(|domain| !domain.is_empty());
                Ok(Done::default())
            }
            LoginVerb::Authorize { userid, private } => {
                let userid = self.known_member(userid)?;
                let code = self.login_code(&userid, *private, now_s);
                Ok(Done::making(code, []))
            }
        }
    }
}

/// Mounts both pages.
pub fn routes(config: &mut web::ServiceConfig) {
    for path in ["/connect/oauth2/authorize", "/wwlogin/sso/login"] {
        config.route(path, web::get().to(authorize));
    }
}

type Query = HashMap<String, String>;

#[derive(Template)]
#[template(path = "stage/login.html")]
struct Page {
    zh: bool,
    firm: String,
    /// Why WeCom shows nothing.
    wrong: Option<String>,
    private: bool,
    /// Name, position, address.
    members: Vec<(String, String, String)>,
    decline: String,
}

impl Page {
    fn t<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        if self.zh { zh } else { en }
    }
}

/// The page; with `as` in the query, what came of the choice.
async fn authorize(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let query = web::Query::<Query>::from_query(request.query_string());
    let query = query.map(web::Query::into_inner).unwrap_or_default();
    let desktop = request.path().starts_with("/wwlogin");
    let checked = check(&shared, &query, desktop);
    if let (Ok(back), Some(userid)) = (&checked, query.get("as")) {
        return chosen(&shared, &query, desktop, back, userid);
    }
    show(&shared, &request, &query, desktop, checked)
}

fn text<'q>(query: &'q Query, name: &str) -> &'q str {
    query.get(name).map_or("", String::as_str)
}

/// The desktop's page never shows what is sensitive.
fn is_private(query: &Query, desktop: bool) -> bool {
    !desktop && text(query, "scope") == "snsapi_privateinfo"
}

/// The address to come back to, if everything is as it must be.
fn check(shared: &Shared, query: &Query, desktop: bool) -> Result<String, (i64, &'static str)> {
    let identity = &shared.identity;
    if text(query, "appid") != identity.corpid {
        return Err((40013, "invalid corpid"));
    }
    let agentid = text(query, "agentid");
    let needs_agent = desktop || is_private(query, desktop);
    let right_agent = agentid == identity.agentid.to_string();
    if (needs_agent || !agentid.is_empty()) && !right_agent {
        return Err((40056, "invalid agentid"));
    }
    if desktop && text(query, "login_type") != "CorpApp" {
        return Err((40058, "invalid login_type"));
    }
    if !desktop && text(query, "response_type") != "code" {
        return Err((40058, "invalid response_type"));
    }
    let scopes = ["snsapi_base", "snsapi_userinfo", "snsapi_privateinfo"];
    if !desktop && !scopes.contains(&text(query, "scope")) {
        return Err((40058, "invalid scope"));
    }
    let state = text(query, "state");
    if state.len() > 128 || !state.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err((84025, "invalid state"));
    }
    let back = text(query, "redirect_uri");
    let domain = shared.world().login.domain.clone();
    let rest = back.split_once("://").map(|(_, rest)| rest);
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    match (host, domain) {
        (Some(host), Some(domain)) if host.eq_ignore_ascii_case(&domain) => Ok(back.to_owned()),
        _ => Err((50001, "redirect_url domain not match")),
    }
}

/// Sends the browser back, with a code unless the member declined.
fn chosen(shared: &Shared, query: &Query, desktop: bool, back: &str, userid: &str) -> HttpResponse {
    let mut pairs = Vec::new();
    let agreed = LoginVerb::Authorize {
        userid: userid.to_owned(),
        private: is_private(query, desktop),
    };
    // Whoever declines is nobody, and nobody is given a code.
    let code = shared.act(&agreed.into()).ok().flatten();
    if let Some(code) = &code {
        pairs.push(("code", code.as_str()));
    }
    pairs.push(("state", text(query, "state")));
    let glue = if back.contains('?') { '&' } else { '?' };
    HttpResponse::build(StatusCode::FOUND)
        .insert_header((
            header::LOCATION,
            format!("{back}{glue}{}", page::query(&pairs)),
        ))
        .finish()
}

fn show(
    shared: &Shared,
    request: &HttpRequest,
    query: &Query,
    desktop: bool,
    checked: Result<String, (i64, &'static str)>,
) -> HttpResponse {
    let here = |userid: &str| format!("{}?{}&as={userid}", request.path(), request.query_string());
    let world = shared.world();
    let active = world.org.members.values().filter(|m| m.status == 1);
    let page = Page {
        zh: text(query, "lang") != "en",
        firm: page::name_of_firm(&world),
        wrong: checked.err().map(|(code, text)| format!("{text} ({code})")),
        private: is_private(query, desktop),
        members: active
            .map(|m| (m.name.clone(), m.position.clone(), here(&m.userid)))
            .collect(),
        decline: here(""),
    };
    drop(world);
    let status = match page.wrong {
        Some(_) => StatusCode::FORBIDDEN,
        None => StatusCode::OK,
    };
    match page.render() {
        Ok(html) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(html),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
