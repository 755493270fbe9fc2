//! What is done to to-dos: made, finished, opened again, handed on.

use std::sync::Arc;

use crate::{
    customers::{self, CustomerId, RelationId},
    error::{AppError, Invalid, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Timestamp,
    org::{Directory, Member, MemberId, Sight},
    outreach::rules::RuleId,
    store::{Read, StoreError, SubjectId, Write},
};

use super::{
    model::{Done, Source, Todo, TodoId, WORDS_MAX},
    queries,
};

/// A to-do further ahead is a slip of the keyboard, ms.
const AHEAD_MS: i64 = 1_830 * 86_400_000;

/// Makes a to-do.
#[derive(Debug, Clone)]
pub struct MakeTodo {
    /// Whose it is to be.
    pub member: MemberId,
    /// The customer it is about.
    pub customer: Option<CustomerId>,
    /// What is to be done.
    pub words: String,
    /// The last moment of the day by which it is to be done.
    pub due: Option<Timestamp>,
    /// The rule that wants it, and the relation it fired for; none for a person's.
    pub rule: Option<(RuleId, RelationId)>,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

impl Command for MakeTodo {
    const PERMISSION: Option<Permission> = Some(Permission::CustomerEdit);
    const WHAT: &'static str = "todo";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let sight = Sight::new(self.directory.clone(), scope);
        let sees_customer = match self.customer {
            Some(id) => customers::queries::customer(r, &sight, id)?.is_some(),
            None => true,
        };
        Ok(sees_customer && sight.sees(self.member))
    }
}

/// What became of a wish for a to-do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It was made.
    New(TodoId),
    /// The rule's earlier one about this relation is still open.
    Same(TodoId),
}

/// Makes it. A rule has at most one open to-do about a relation.
///
/// # Errors
/// [`AppError::Invalid`] names `words`, `due` or `member`.
pub fn make(w: &mut Write<'_>, allowed: Allowed<MakeTodo>) -> Result<Made> {
    let by = allowed.by().map(|account| account.cast());
    let sight = Sight::new(allowed.command().directory.clone(), allowed.scope());
    let command = allowed.into_command();
    let words = command.words.trim().to_owned();
    check(w, &words, command.due, command.member)?;
    let relation = match command.rule {
        Some((rule, relation)) => {
            if let Some(open) = queries::open_of_rule(&w.read(), rule, relation)? {
                return Ok(Made::Same(open));
            }
            Some(relation)
        }
        None => relation_of(&w.read(), &sight, command.member, command.customer)?,
    };
    let todo = Todo {
        id: w.new_id::<Todo>()?,
        member: command.member,
        relation,
        customer: command.customer,
        words,
        due: command.due,
        source: command
            .rule
            .map_or(Source::Person(by), |(rule, _)| Source::Rule(rule)),
        created_at: w.now(),
        done: None,
    };
    w.put(&todo)?;
    Ok(Made::New(todo.id))
}

fn check(w: &Write<'_>, words: &str, due: Option<Timestamp>, member: MemberId) -> Result<()> {
    let mut wrong = Invalid::default();
    let chars = words.chars().count();
    if chars == 0 || chars > WORDS_MAX {
        wrong = wrong.with("words", "todos.words_length");
    }
    if due.is_some_and(|due| due < w.now() || due > w.now().plus_ms(AHEAD_MS)) {
        wrong = wrong.with("due", "todos.due_range");
    }
    if !is_here(w, member)? {
        wrong = wrong.with("member", "todos.member_gone");
    }
    wrong.into_result()
}

fn is_here(w: &Write<'_>, member: MemberId) -> Result<bool, StoreError> {
    Ok(w.get::<Member>(&member)?.is_some_and(|m| m.is_here()))
}

/// The member's own relation with the customer, or else the one it is shown with.
fn relation_of(
    r: &Read<'_>,
    sight: &Sight,
    member: MemberId,
    customer: Option<CustomerId>,
) -> Result<Option<RelationId>, StoreError> {
    let Some(customer) = customer else {
        return Ok(None);
    };
    let found = customers::queries::customer(r, sight, customer)?;
    Ok(found.map(|found| {
        let own = found.relations.iter().find(|own| own.member == member);
        own.unwrap_or(found.main()).id
    }))
}

macro_rules! about_todo {
    ($($(#[$doc:meta])* $command:ident { $($(#[$of:meta])* $field:ident: $type:ty),* })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $command {
            /// Which.
            pub todo: TodoId,
            $($(#[$of])* pub $field: $type,)*
            /// The directory that says who is in scope.
            pub directory: Arc<Directory>,
        }

        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::CustomerEdit);
            const WHAT: &'static str = "todo";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                let sight = Sight::new(self.directory.clone(), scope);
                let todo = r.get::<Todo>(&self.todo)?;
                Ok(todo.is_some_and(|todo| sight.sees(todo.member)) $(&& sight.sees(self.$field))*)
            }
        }
    )+};
}
about_todo! {
    /// Says that a to-do is done.
    Finish {}
    /// Says that it is not done after all.
    Reopen {}
    /// Hands it to another member.
    Hand {
        /// To whom.
        member: MemberId
    }
}

fn found(w: &Write<'_>, id: TodoId) -> Result<Todo> {
    w.get::<Todo>(&id)?
        .ok_or(AppError::NotFound { what: "todo" })
}

/// Finishes it; one that is done stays as it was done.
pub fn finish(w: &mut Write<'_>, allowed: Allowed<Finish>) -> Result<()> {
    let by: Option<SubjectId> = allowed.by().map(|account| account.cast());
    let mut todo = found(w, allowed.into_command().todo)?;
    if todo.is_open() {
        todo.done = Some(Done { at: w.now(), by });
        w.put(&todo)?;
    }
    Ok(())
}

/// Opens it again.
///
/// # Errors
/// [`AppError::Conflict`] `todo_open` if its rule has another open one about the relation.
pub fn reopen(w: &mut Write<'_>, allowed: Allowed<Reopen>) -> Result<()> {
    let mut todo = found(w, allowed.into_command().todo)?;
    if todo.is_open() {
        return Ok(());
    }
    if let (Source::Rule(rule), Some(relation)) = (todo.source, todo.relation)
        && queries::open_of_rule(&w.read(), rule, relation)?.is_some()
    {
        return Err(AppError::Conflict { why: "todo_open" });
    }
    todo.done = None;
    w.put(&todo)?;
    Ok(())
}

/// Hands it on; a done one stays done.
///
/// # Errors
/// [`AppError::Invalid`] names `member` if that one has left.
pub fn hand(w: &mut Write<'_>, allowed: Allowed<Hand>) -> Result<()> {
    let Hand { todo, member, .. } = allowed.into_command();
    let mut todo = found(w, todo)?;
    if !is_here(w, member)? {
        return Err(AppError::field("member", "todos.member_gone"));
    }
    todo.member = member;
    w.put(&todo)?;
    Ok(())
}
