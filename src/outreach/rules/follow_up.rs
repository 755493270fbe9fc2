//! Follow-up (自动跟进): the to-do that a rule makes, and the message that tells a member.
//!
//! A rule that fires again while its to-do about the relation is open makes nothing new and
//! tells nobody again.

use crate::{
    customers::{Customer, Relation},
    error::{AppError, Result},
    identity::Viewer,
    livecodes::{self, of_state},
    org::{Member, MemberId},
    outreach::content::{Names, fill},
    store::Write,
    sync::pilot::Pilot,
    todos::{
        actions::{Made, MakeTodo, make},
        due_in,
    },
    work::effects::{self, Area, WriteMode},
};

use super::{
    fire::Around,
    model::{Came, Rule, RuleTodo},
    tell,
};

/// Characters of a message at most, names filled in: a card takes 512.
const TEXT_MAX: usize = 400;
/// What stands for the customer's name in a to-do: readers see it only with the customer.
const CUSTOMER: &str = "{客户}";

/// What came of to-do and message; none where the rule wants none.
#[derive(Debug, Default)]
pub(super) struct FollowUp {
    pub todo: Option<Came>,
    pub message: Option<Came>,
}

/// Whom, and what names stand for the variables.
struct Subject<'a> {
    relation: &'a Relation,
    customer: Customer,
    /// Who gets to-do and message.
    member: Member,
    /// The relation's own member, by name.
    follower: String,
    code: String,
}

impl Subject<'_> {
    fn fill(&self, text: &str, firm: &str, customer: &str) -> String {
        let names = Names {
            customer,
            member: &self.follower,
            firm,
            code: &self.code,
        };
        fill(text, &names)
    }
}

/// Makes to-do and message of a rule that has fired for a relation.
pub(super) fn carry_out(
    w: &mut Write<'_>,
    viewer: &Viewer,
    around: &Around,
    rule: &Rule,
    relation: &Relation,
) -> Result<FollowUp> {
    if rule.todo.is_none() && rule.message.is_none() {
        return Ok(FollowUp::default());
    }
    let Some(subject) = subject(w, around, rule, relation)? else {
        let gone = |is_wanted: bool| is_wanted.then(|| Came::refused("member_gone"));
        return Ok(FollowUp {
            todo: gone(rule.todo.is_some()),
            message: gone(rule.message.is_some()),
        });
    };
    let todo = match &rule.todo {
        Some(todo) => Some(make_todo(w, viewer, around, rule, todo, &subject)?),
        None => None,
    };
    let message = match &rule.message {
        Some(_) if todo == Some(Came::Same) => Some(Came::Same),
        Some(text) => Some(plan_message(w, around, rule, text, &subject)?),
        None => None,
    };
    Ok(FollowUp { todo, message })
}

/// Who it is about and for; none if nobody is there to get it.
fn subject<'a>(
    w: &Write<'_>,
    around: &Around,
    rule: &Rule,
    relation: &'a Relation,
) -> Result<Option<Subject<'a>>> {
    let here = |id: MemberId| around.directory.member(id).filter(|m| m.is_here());
    // Whoever was chosen and has left is stood in for by the one who knows the customer.
    let member = rule.assignee.and_then(here).or(here(relation.member));
    let customer = w.get::<Customer>(&relation.customer)?;
    let (Some(member), Some(customer)) = (member, customer) else {
        return Ok(None);
    };
    let code = match of_state(&relation.channel) {
        Some(id) => livecodes::queries::by_id(&w.read(), id)?,
        None => None,
    };
    Ok(Some(Subject {
        relation,
        customer,
        member: member.clone(),
        follower: around.directory.name(relation.member).to_owned(),
        code: code.map_or(String::new(), |code| code.name),
    }))
}

fn make_todo(
    w: &mut Write<'_>,
    viewer: &Viewer,
    around: &Around,
    rule: &Rule,
    todo: &RuleTodo,
    subject: &Subject<'_>,
) -> Result<Came> {
    let words = subject.fill(&todo.words, &around.firm, CUSTOMER);
    let due = todo.due_days;
    let command = MakeTodo {
        member: subject.member.id,
        customer: Some(subject.relation.customer),
        words: words.chars().take(crate::todos::WORDS_MAX).collect(),
        due: due.and_then(|days| due_in(days, w.now(), &around.zone)),
        rule: Some((rule.id, subject.relation.id)),
        directory: around.directory.clone(),
    };
    let allowed = viewer.allow(w, command);
    match allowed.and_then(|allowed| make(w, allowed)) {
        Ok(Made::New(id)) => Ok(Came::Made(id.bits())),
        Ok(Made::Same(_)) => Ok(Came::Same),
        Err(AppError::Invalid(_)) => Ok(Came::refused("member_gone")),
        Err(AppError::NotFound { .. }) => Ok(Came::refused("gone")),
        Err(error) => Err(error),
    }
}

fn plan_message(
    w: &mut Write<'_>,
    around: &Around,
    rule: &Rule,
    text: &str,
    subject: &Subject<'_>,
) -> Result<Came> {
    if effects::mode(&w.read(), Area::Messages)? == WriteMode::Off {
        return Ok(Came::refused("messages_off"));
    }
    let r = w.read();
    if !Pilot::load(&r)?.has_member(&r, subject.member.id)? {
        return Ok(Came::refused("outside_pilot"));
    }
    let number = crate::customers::customer_no(subject.customer.no);
    // A colleague may not see the customer: the number tells nothing to whoever does not.
    let is_own = subject.member.id == subject.relation.member;
    let name = match is_own && !subject.customer.name.is_empty() {
        true => subject.customer.name.clone(),
        false => number.clone(),
    };
    let said = subject.fill(text, &around.firm, &name);
    let note = tell::Note {
        userid: subject.member.userid.clone(),
        customer: subject.customer.id,
        title: rule.name.clone(),
        text: said.chars().take(TEXT_MAX).collect(),
        number,
        home: around.home.clone(),
    };
    let id = tell::plan(w, subject.relation.id, &note)?;
    Ok(Came::Made(id.bits()))
}
