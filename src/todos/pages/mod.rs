//! `/todo`: what is to be done, by whom, until when.

pub(super) mod list;
#[cfg(test)]
mod samples_tests;
pub(super) mod show;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{self, Permission, Viewer},
    kit::Timestamp,
    org::{Member, MemberId, Sight},
    outreach::rules::{self, Rule},
    store::{Act, Read},
    web::{Cx, parts::Choice},
};

use super::{
    model::{Source, TodoId, end_of},
    queries::{Asked, Seen},
};

/// The pages' address.
const HERE: &str = "/todo";

fn id_of(text: &str) -> Result<TodoId> {
    text.parse()
        .map_err(|_| AppError::NotFound { what: "todo" })
}

fn sight(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<Sight> {
    app.sight(r, viewer, Permission::CustomerRead)
}

/// What `who` and `state` ask for. Whoever is no member has none of their own: all are meant.
pub(super) fn asked_of(sight: &Sight, who: &str, state: &str) -> Asked {
    Asked {
        of: sight.own().filter(|_| who != "all"),
        is_done: state == "done",
    }
}

/// The act of showing to-dos: it names the customers whose names were shown.
pub(super) fn list_act(viewer: &Viewer, shown: &[Seen]) -> Act {
    let customers = shown.iter().filter_map(|seen| seen.customer.as_ref());
    let ids: Vec<String> = customers.map(|customer| customer.id.to_string()).collect();
    viewer
        .view("todo.list")
        .system_detail("count", shown.len().to_string())
        .system_detail("ids", ids.join(" "))
}

/// A to-do as pages show it.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) words: String,
    /// The customer's name; empty if it is about none.
    pub(super) customer: String,
    pub(super) href: Option<String>,
    pub(super) member: String,
    pub(super) due: Option<Timestamp>,
    pub(super) is_overdue: bool,
    /// Who or which rule wants it.
    pub(super) source: String,
    pub(super) source_href: Option<String>,
    pub(super) is_rule: bool,
    pub(super) created_at: Timestamp,
    pub(super) done_at: Option<Timestamp>,
    pub(super) done_by: String,
}

fn account_name(r: &Read<'_>, account: Option<crate::store::SubjectId>) -> Result<String> {
    Ok(match account {
        Some(account) => identity::queries::account_name(r, account.cast())?.unwrap_or_default(),
        None => String::new(),
    })
}

fn line(r: &Read<'_>, cx: &Cx, viewer: &Viewer, sight: &Sight, seen: &Seen) -> Result<Line> {
    let todo = &seen.todo;
    let somebody = cx.t("todos.somebody");
    let name = seen.customer.as_ref().map(|customer| customer.name.clone());
    let name = name.filter(|name| !name.is_empty());
    let customer = match todo.customer {
        Some(_) => name.unwrap_or_else(|| somebody.clone().into_owned()),
        None => String::new(),
    };
    let (source, source_href) = match todo.source {
        Source::Person(account) => (account_name(r, account)?, None),
        Source::Rule(id) => match r.get::<Rule>(&id)? {
            Some(rule) => {
                let may_open = viewer.may(Permission::OutreachManage);
                (rule.name, may_open.then(|| rules::address(id)))
            }
            None => (cx.t("todos.rule_gone").into_owned(), None),
        },
    };
    Ok(Line {
        id: todo.id.to_string(),
        words: seen.words(&somebody).into_owned(),
        customer,
        href: seen
            .customer
            .as_ref()
            .map(|customer| format!("/customers/{}", customer.id)),
        member: sight.name(todo.member).to_owned(),
        due: todo.due,
        is_overdue: todo.is_overdue(cx.now),
        source,
        source_href,
        is_rule: matches!(todo.source, Source::Rule(_)),
        created_at: todo.created_at,
        done_at: todo.done.map(|done| done.at),
        done_by: account_name(r, todo.done.and_then(|done| done.by))?,
    })
}

/// Who in sight can be given a to-do, by name; `now` is chosen.
fn members(sight: &Sight, now: Option<MemberId>) -> Vec<Choice> {
    let members = sight.directory.members();
    let mut members: Vec<&Member> = members
        .filter(|member| member.is_here() && sight.sees(member.id))
        .collect();
    members.sort_by_cached_key(|member| (member.name.clone(), member.no));
    let department = |member: &Member| {
        let found = sight.directory.department_of(member);
        found.map_or(String::new(), |found| format!(" · {}", found.name))
    };
    let choices = members.into_iter().map(|member| Choice {
        value: member.id.to_string(),
        label: format!("{}{}", member.name, department(member)),
        count: None,
        is_on: now == Some(member.id),
    });
    choices.collect()
}

/// The due day of a form; none if empty.
fn due(text: &str, cx: &Cx) -> Result<Option<Timestamp>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || AppError::field("due", "todos.due_range");
    let day: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
    end_of(day, &cx.zone).map(Some).ok_or_else(wrong)
}

/// The member a form names.
fn member(text: &str) -> Result<MemberId> {
    let wrong = |_| AppError::field("member", "todos.no_member");
    text.parse().map_err(wrong)
}
