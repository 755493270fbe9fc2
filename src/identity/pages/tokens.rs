//! `/apps/tokens`: what programs may do in whose name.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::{PageRequest, Timestamp, limits},
    store::Read,
    view,
    web::{
        Cx, Form, FormState, ListQuery, Shown, filters,
        parts::{Choice, Empty, EmptyKind, Link},
    },
};

use super::{
    super::{
        AccountState, Permission, Permissions, Viewer,
        actions::{self, CreateToken, RevokeToken},
        queries,
        token::ApiToken,
    },
    NoFields,
    choices::{self, RightGroup},
    id_in,
};

/// The page's address.
pub(super) const HERE: &str = "/apps/tokens";
/// Lives that are offered, in days.
const DAYS: [u16; 4] = [30, 90, 180, 365];
const DAY_MS: i64 = 24 * 3_600_000;

/// A token in the list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) account: String,
    pub(super) account_href: String,
    pub(super) rights: Vec<(String, String)>,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) state: (&'static str, &'static str),
    pub(super) is_live: bool,
}

/// The list.
#[derive(Template)]
#[template(path = "identity/tokens.html", blocks = ["title"])]
pub(super) struct TokensPage {
    pub(super) rows: Vec<Row>,
    pub(super) empty: Empty,
}
view!(TokensPage);

pub(super) async fn list(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<TokensPage>> {
    let now = app.store.clock().now();
    let all = app.read(|r| {
        let scope = viewer.scope(r, Permission::AccountManage)?;
        queries::all_tokens(r, &scope)
    })?;
    let rows = all
        .into_iter()
        .map(|(token, account)| row(&cx, now, token, account));
    let empty = Empty {
        kind: EmptyKind::NothingYet,
        title: cx.t("tokens.empty.title").into_owned(),
        hint: cx.t("tokens.empty.hint").into_owned(),
        action: Some(Link {
            label: cx.t("tokens.new").into_owned(),
            href: format!("{HERE}/new"),
        }),
        other: None,
    };
    let rows = rows.collect();
    Ok(Shown::of(TokensPage { rows, empty }))
}

fn row(cx: &Cx, now: Timestamp, token: ApiToken, account: String) -> Row {
    let is_live = token.is_live(now);
    let state = match (is_live, token.revoked_at) {
        (true, _) => ("tokens.state.live", "ok"),
        (false, Some(_)) => ("tokens.state.revoked", "muted"),
        (false, None) => ("tokens.state.expired", "muted"),
    };
    let rights = token.permissions.iter();
    let label = |p: &Permission| cx.t(&format!("permission.{}", p.code())).into_owned();
    Row {
        id: token.id.to_string(),
        account,
        account_href: format!("{}/{}", super::accounts::HERE, token.account),
        rights: rights.map(|p| (label(p), String::new())).collect(),
        created_at: token.created_at,
        expires_at: token.expires_at,
        name: token.name,
        state,
        is_live,
    }
}

/// The form for a new one.
#[derive(Template)]
#[template(path = "identity/token_new.html", blocks = ["title"])]
pub(super) struct NewPage {
    pub(super) form: FormState,
    pub(super) accounts: Vec<Choice>,
    pub(super) days: Vec<Choice>,
    pub(super) groups: Vec<RightGroup>,
}
view!(NewPage);

/// The token, shown once.
#[derive(Template)]
#[template(path = "identity/token_made.html", blocks = ["title"])]
pub(super) struct MadePage {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) expires_at: Timestamp,
}
view!(MadePage);

fn new_page(app: &App, viewer: &Viewer, cx: &Cx, form: FormState) -> Result<NewPage> {
    let days = DAYS.into_iter().map(|n| Choice {
        value: n.to_string(),
        label: cx.tf("tokens.days", ("n", u64::from(n))).into_owned(),
        count: None,
        is_on: false,
    });
    Ok(NewPage {
        form,
        accounts: app.read(|r| accounts(r, viewer))?,
        days: days.collect(),
        groups: choices::rights(cx, Permission::is_delegable),
    })
}

/// The accounts in use, by login.
fn accounts(r: &Read<'_>, viewer: &Viewer) -> Result<Vec<Choice>> {
    let scope = viewer.scope(r, Permission::AccountManage)?;
    let mut found = Vec::new();
    let mut page = PageRequest {
        limit: Some(limits::PAGE_ROWS_MAX),
        ..PageRequest::default()
    };
    loop {
        let part = queries::accounts(r, &scope, "", &page)?;
        let active = part.items.into_iter();
        let active = active.filter(|account| account.state == AccountState::Active);
        found.extend(active.map(|account| Choice {
            value: account.id.to_string(),
            label: format!("{} · {}", account.name, account.login),
            count: None,
            is_on: false,
        }));
        match part.next {
            Some(next) => page.after = Some(next),
            None => return Ok(found),
        }
    }
}

pub(super) async fn new(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<NewPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let own = viewer.account_id().map(|id| id.to_string());
    let account = query.get("account").map(str::to_owned).or(own);
    let form = FormState::with_values([
        ("account", account.unwrap_or_default()),
        ("days", "90".to_owned()),
    ]);
    new_page(&app, &viewer, &cx, form).map(Shown::of)
}

#[derive(Deserialize)]
pub(super) struct TokenForm {
    #[serde(default)]
    name: String,
    account: String,
    days: u16,
    #[serde(default)]
    permission: Vec<String>,
}

/// Either the token or the form again.
pub(super) enum Made {
    Token(Shown<MadePage>),
    Again(Shown<NewPage>),
}

impl Responder for Made {
    type Body = BoxBody;
    fn respond_to(self, req: &HttpRequest) -> HttpResponse {
        match self {
            Self::Token(shown) => shown.respond_to(req),
            Self::Again(shown) => shown.respond_to(req),
        }
    }
}

pub(super) async fn create(
    viewer: Viewer,
    form: Form<TokenForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<Made> {
    let values = form.values;
    let rights = values.permission.iter();
    let permissions: Permissions = rights
        .filter_map(|code| Permission::of_code(code))
        .collect();
    let now = app.store.clock().now();
    let done = match values.account.parse() {
        Ok(account) => {
            let command = CreateToken {
                account,
                name: values.name,
                permissions,
                expires_at: now.plus_ms(i64::from(values.days) * DAY_MS),
            };
            app.carry_out(&viewer, "token.create", command, actions::create_token)
                .await
        }
        Err(_) => Err(AppError::field("account", "form.required")),
    };
    Ok(match form.state.catch(done)? {
        Ok((token, ticket)) => Made::Token(Shown::of(MadePage {
            name: token.name,
            text: ticket.text.expose().clone(),
            expires_at: token.expires_at,
        })),
        Err(form) => Made::Again(Shown::of(new_page(&app, &viewer, &cx, form)?).invalid()),
    })
}

pub(super) async fn revoke(
    viewer: Viewer,
    id: Path<String>,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<TokensPage>> {
    let token = id_in(&id, "api_token")?;
    let command = RevokeToken { token };
    app.carry_out(&viewer, "token.revoke", command, actions::revoke_token)
        .await?;
    Ok(Shown::go_to(HERE).toast("tokens.revoked", ()))
}
