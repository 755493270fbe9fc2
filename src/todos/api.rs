//! To-dos as JSON: the same queries as the page.

use actix_web::web::{Data, Json, Query};
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, Paging},
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    org::Sight,
    web::{Cx, ListQuery, Web},
};

use super::{
    model::Source,
    pages::{asked_of, list_act},
    queries::{self, Seen},
};

/// The query of the list.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TodoQuery {
    /// `mine` or `all`; without it one's own, or all where the account is no member.
    #[serde(default)]
    who: String,
    /// `open` or `done`; open without it.
    #[serde(default)]
    state: String,
    /// To-dos wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A to-do.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct TodoItem {
    /// Id.
    id: String,
    /// What is to be done.
    words: String,
    /// Id of the member whose it is.
    member: String,
    /// The member's name.
    member_name: String,
    /// Id of the customer it is about; none out of scope.
    customer: Option<String>,
    /// The customer's name; empty out of scope.
    customer_name: String,
    /// The last moment of the due day, milliseconds since 1970.
    due: Option<Timestamp>,
    /// Whether it is open although its day is over.
    overdue: bool,
    /// `person` or `rule`.
    source: &'static str,
    /// Id of the rule it came from.
    rule: Option<String>,
    /// `open` or `done`.
    state: &'static str,
    /// When it was made.
    created_at: Timestamp,
    /// When it was done.
    done_at: Option<Timestamp>,
}

pub(super) async fn list(
    viewer: Viewer,
    query: Query<TodoQuery>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Json<List<TodoItem>>> {
    let bound = ListQuery::new("/api/v1/todos")
        .with("who", &query.who)
        .with("state", &query.state);
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    let (sight, page) = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::CustomerRead)?;
        let asked = asked_of(&sight, &query.who, &query.state);
        let page = queries::page(r, &sight, &asked, &paging.request)?;
        Ok::<_, AppError>((sight, page))
    })?;
    app.write(list_act(&viewer, &page.items), |_| Ok(()))
        .await?;
    Ok(Json(
        paging.answer(page.map(|seen| item(&sight, &seen, cx.now))),
    ))
}

fn item(sight: &Sight, seen: &Seen, now: Timestamp) -> TodoItem {
    let (todo, customer) = (&seen.todo, seen.customer.as_ref());
    let rule = match todo.source {
        Source::Rule(rule) => Some(rule.to_string()),
        Source::Person(_) => None,
    };
    TodoItem {
        id: todo.id.to_string(),
        words: seen.words("").into_owned(),
        member: todo.member.to_string(),
        member_name: sight.name(todo.member).to_owned(),
        customer: customer.map(|customer| customer.id.to_string()),
        customer_name: customer.map_or(String::new(), |customer| customer.name.clone()),
        due: todo.due,
        overdue: todo.is_overdue(now),
        source: if rule.is_some() { "rule" } else { "person" },
        rule,
        state: if todo.is_open() { "open" } else { "done" },
        created_at: todo.created_at,
        done_at: todo.done.map(|done| done.at),
    }
}
