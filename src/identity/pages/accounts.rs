//! `/settings/security/accounts`: who can get in.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::Result,
    kit::Timestamp,
    store::Read,
    view,
    web::{
        Cx, ListQuery, Shown, Web, filters,
        parts::{Empty, EmptyKind, Link, Pager},
    },
};

use super::{
    super::{
        AccountState, Permission, SecondFactor, Viewer,
        queries::{self, AccountView},
    },
    choices,
};

/// The page's address.
pub(super) const HERE: &str = "/settings/security/accounts";

/// An account in the list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) login: String,
    pub(super) role: String,
    pub(super) member: String,
    pub(super) units: String,
    pub(super) has_second_factor: bool,
    pub(super) state: (&'static str, &'static str),
    pub(super) created_at: Timestamp,
}

/// The page.
#[derive(Template)]
#[template(path = "identity/accounts.html", blocks = ["title", "list"])]
pub(super) struct AccountsPage {
    pub(super) text: String,
    pub(super) rows: Vec<Row>,
    pub(super) total: u64,
    pub(super) pager: Pager,
    pub(super) empty: Empty,
}
view!(AccountsPage, "list" => as_list);

/// Shows the accounts. Its entry, which names all that were shown, joins the next batch.
pub(super) async fn list(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<AccountsPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let text = query.get("q").unwrap_or("").trim().to_owned();
    let name = viewer.name_for_binding();
    let request = web.cursors.page_request(&name, &query);
    let (page, rows) = app.read(|r| {
        let scope = viewer.scope(r, Permission::AccountManage)?;
        let page = queries::accounts(r, &scope, &text, &request)?;
        let rows = page.items.iter().map(|account| row(&app, r, &cx, account));
        let rows = rows.collect::<Result<Vec<Row>>>()?;
        Ok::<_, crate::error::AppError>((page, rows))
    })?;
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let act = viewer
        .view("account.list")
        .system_detail("ids", ids.join(" "));
    app.note(act).await?;
    Ok(Shown::of(AccountsPage {
        empty: empty(&cx, !text.is_empty()),
        pager: Pager::of(&page, &query, &name, &web.cursors),
        total: page.total,
        text,
        rows,
    }))
}

fn row(app: &App, r: &Read<'_>, cx: &Cx, account: &AccountView) -> Result<Row> {
    let directory = app.directory.get(r)?;
    let member = account
        .member
        .and_then(|id| choices::member(&directory, cx, id));
    Ok(Row {
        id: account.id.to_string(),
        name: account.name.clone(),
        login: account.login.clone(),
        role: choices::role_name(r, cx, account.role)?,
        member: member.map_or(String::new(), |m| m.department),
        units: choices::unit_names(&directory, cx, &account.units).join("、"),
        has_second_factor: SecondFactor::of(r, account.id)?.is_some(),
        state: state(account.state),
        created_at: account.created_at,
    })
}

/// Catalogue key and tone of a state.
pub(super) fn state(state: AccountState) -> (&'static str, &'static str) {
    match state {
        AccountState::Invited => ("accounts.state.invited", "info"),
        AccountState::Active => ("accounts.state.active", "ok"),
        AccountState::Disabled => ("accounts.state.disabled", "muted"),
    }
}

fn empty(cx: &Cx, is_searched: bool) -> Empty {
    let (kind, word) = match is_searched {
        true => (EmptyKind::NothingMatches, "accounts.empty.search"),
        false => (EmptyKind::NothingYet, "accounts.empty.none"),
    };
    Empty {
        kind,
        title: cx.t(&format!("{word}.title")).into_owned(),
        hint: cx.t(&format!("{word}.hint")).into_owned(),
        action: is_searched.then(|| Link {
            label: cx.t("list.clear_all").into_owned(),
            href: HERE.to_owned(),
        }),
        other: None,
    }
}
