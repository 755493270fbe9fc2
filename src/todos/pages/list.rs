//! The list, and the form that adds to it.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    customers::queries::customer_by_no,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::Sight,
    store::Read,
    todos::{
        actions::{self, MakeTodo},
        queries::{self, Asked, Seen},
    },
    view,
    web::{
        Cx, Form, FormState, ListQuery, Shown, Web, filters, local,
        parts::{Choice, Empty, EmptyKind, Pager, Tab},
    },
};

use super::{HERE, Line, asked_of, due, line, list_act, member, members, sight};

/// The page.
#[derive(Template)]
#[template(path = "todos/list.html", blocks = ["title", "list"])]
pub(in crate::todos) struct ListPage {
    pub(super) views: Vec<Tab>,
    pub(super) lines: Vec<Line>,
    pub(super) pager: Pager,
    pub(super) empty: Empty,
    /// Done ones are shown.
    pub(super) is_done: bool,
    /// Those of everybody in sight are shown.
    pub(super) is_all: bool,
    pub(super) may_edit: bool,
    pub(super) form: FormState,
    pub(super) members: Vec<Choice>,
    /// Where a form leads back to.
    pub(super) here: String,
}
view!(ListPage, "list" => as_list);

/// Shows the list; its entry joins the next batch.
pub(in crate::todos) async fn show(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<ListPage>> {
    let (page, shown) = page(&app, &web, &viewer, &cx, FormState::empty())?;
    app.note(list_act(&viewer, &shown)).await?;
    Ok(Shown::of(page))
}

fn page(
    app: &App,
    web: &Web,
    viewer: &Viewer,
    cx: &Cx,
    form: FormState,
) -> Result<(ListPage, Vec<Seen>)> {
    // After a refused form the address carries no conditions: the first list is shown.
    let query = ListQuery::parse(HERE, &cx.query);
    let (who, state) = (query.get("who"), query.get("state"));
    app.read(|r| {
        let sight = sight(app, r, viewer)?;
        let asked = asked_of(&sight, who.unwrap_or(""), state.unwrap_or(""));
        let binding = viewer.name_for_binding();
        let request = web.cursors.page_request(&binding, &query);
        let page = queries::page(r, &sight, &asked, &request)?;
        let lines = page.items.iter();
        let lines = lines.map(|seen| line(r, cx, viewer, &sight, seen));
        let may_edit = viewer.may(Permission::CustomerEdit);
        let shown = ListPage {
            views: views(r, cx, &sight, &asked, &query)?,
            lines: lines.collect::<Result<_>>()?,
            pager: Pager::of(&page, &query, &binding, &web.cursors),
            empty: empty(cx, &asked),
            is_done: asked.is_done,
            is_all: asked.of.is_none(),
            may_edit,
            form,
            members: match may_edit {
                true => members(&sight, sight.own()),
                false => Vec::new(),
            },
            here: query.to_string(),
        };
        Ok((shown, page.items))
    })
}

/// Own open and done ones, and those of everybody in sight.
fn views(
    r: &Read<'_>,
    cx: &Cx,
    sight: &Sight,
    asked: &Asked,
    query: &ListQuery,
) -> Result<Vec<Tab>> {
    let all = [
        ("mine", "open", "todos.view.mine"),
        ("mine", "done", "todos.view.mine_done"),
        ("all", "open", "todos.view.all"),
        ("all", "done", "todos.view.all_done"),
    ];
    let mut tabs = Vec::new();
    for (who, state, word) in all {
        if who == "mine" && sight.own().is_none() {
            continue;
        }
        let of = asked_of(sight, who, state);
        tabs.push(Tab {
            label: cx.t(word).into_owned(),
            href: query
                .only(&[])
                .with("who", if who == "all" { who } else { "" })
                .with("state", if of.is_done { state } else { "" })
                .to_string(),
            count: match of.is_done {
                true => None,
                false => Some(queries::count(r, sight, &of)?),
            },
            is_current: of == *asked,
        });
    }
    Ok(tabs)
}

fn empty(cx: &Cx, asked: &Asked) -> Empty {
    let (kind, title, hint) = match (asked.is_done, asked.of.is_some()) {
        (false, true) => (
            EmptyKind::NothingYet,
            cx.t("todos.none_mine"),
            cx.t("todos.none_hint"),
        ),
        (false, false) => (
            EmptyKind::NothingYet,
            cx.t("todos.none_all"),
            cx.t("todos.none_hint"),
        ),
        (true, _) => (
            EmptyKind::NothingMatches,
            cx.t("todos.none_done"),
            cx.t("todos.none_done_hint"),
        ),
    };
    Empty {
        kind,
        title: title.into_owned(),
        hint: hint.into_owned(),
        action: None,
        other: None,
    }
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::todos) struct Fields {
    #[serde(default)]
    words: String,
    #[serde(default)]
    due: String,
    #[serde(default)]
    member: String,
    /// The customer's running number, may be empty.
    #[serde(default)]
    customer: String,
    #[serde(default)]
    back: String,
}

impl Fields {
    fn command(&self, app: &App, r: &Read<'_>, viewer: &Viewer, cx: &Cx) -> Result<MakeTodo> {
        let sight = sight(app, r, viewer)?;
        let customer = match self.customer.trim() {
            "" => None,
            text => {
                let number = text.trim_start_matches(|c: char| !c.is_ascii_digit());
                let found = match number.parse() {
                    Ok(no) => customer_by_no(r, &sight, no)?,
                    Err(_) => None,
                };
                let missing = || AppError::field("customer", "todos.no_customer");
                Some(found.ok_or_else(missing)?.customer.id)
            }
        };
        let member = member(&self.member)?;
        if !sight.sees(member) {
            return Err(AppError::field("member", "todos.no_member"));
        }
        Ok(MakeTodo {
            member,
            customer,
            words: self.words.clone(),
            due: due(&self.due, cx)?,
            rule: None,
            directory: app.directory.get(r)?,
        })
    }
}

/// Makes a to-do by hand.
pub(in crate::todos) async fn make(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<ListPage>> {
    let command = app.read(|r| form.values.command(&app, r, &viewer, &cx));
    let made = match command {
        Ok(command) => {
            app.carry_out(&viewer, "todo.make", command, actions::make)
                .await
        }
        Err(error) => Err(error),
    };
    let back = local(&form.values.back).unwrap_or(HERE).to_owned();
    Ok(match form.state.catch(made)? {
        Ok(_) => Shown::go_to(back).toast("todos.made", ()),
        Err(form) => {
            let (page, shown) = page(&app, &web, &viewer, &cx, form)?;
            app.note(list_act(&viewer, &shown)).await?;
            Shown::of(page).invalid()
        }
    })
}
