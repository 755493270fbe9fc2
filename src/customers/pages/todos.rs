//! What is to be done about a customer, and the form that adds to it.

use crate::{
    customers::queries::VisibleCustomer,
    error::Result,
    kit::Timestamp,
    org::{MemberId, Sight},
    store::Read,
    todos::queries,
    web::{Cx, parts::Choice},
};

/// To-dos that are shown.
const SHOWN: usize = 6;

/// An open to-do.
pub(super) struct Line {
    pub(super) href: String,
    pub(super) words: String,
    pub(super) member: String,
    pub(super) due: Option<Timestamp>,
    pub(super) is_overdue: bool,
}

/// The card.
pub(super) struct TodoCard {
    pub(super) lines: Vec<Line>,
    pub(super) has_more: bool,
    /// Who can be given one: the viewer, and who follows the customer; empty if the viewer may
    /// not add any.
    pub(super) members: Vec<Choice>,
}

impl TodoCard {
    pub(super) fn of(
        r: &Read<'_>,
        sight: &Sight,
        cx: &Cx,
        found: &VisibleCustomer,
        may_edit: bool,
    ) -> Result<Self> {
        let mut open = queries::of_customer(r, sight, found.customer.id, SHOWN + 1)?;
        let has_more = open.len() > SHOWN;
        open.truncate(SHOWN);
        let somebody = cx.t("todos.somebody");
        let lines = open.iter().map(|seen| Line {
            href: format!("/todo/{}", seen.todo.id),
            words: seen.words(&somebody).into_owned(),
            member: sight.name(seen.todo.member).to_owned(),
            due: seen.todo.due,
            is_overdue: seen.todo.is_overdue(cx.now),
        });
        Ok(Self {
            lines: lines.collect(),
            has_more,
            members: match may_edit {
                true => members(sight, found),
                false => Vec::new(),
            },
        })
    }
}

fn members(sight: &Sight, found: &VisibleCustomer) -> Vec<Choice> {
    let mut ids: Vec<MemberId> = sight.own().into_iter().collect();
    for relation in &found.relations {
        if !ids.contains(&relation.member) {
            ids.push(relation.member);
        }
    }
    let here = ids.iter().filter_map(|id| sight.directory.member(*id));
    let here = here.filter(|member| member.is_here());
    let choices = here.map(|member| Choice {
        value: member.id.to_string(),
        label: member.name.clone(),
        count: None,
        is_on: false,
    });
    choices.collect()
}
