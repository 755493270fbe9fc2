//! todos: TodoId → Todo, sealed for the customer, or without one for the member.

use crate::{
    customers::CustomerId,
    kit::Timestamp,
    org::MemberId,
    store::{AuditView, Class, Desc, Entity, Index, Key, SubjectId, TableSpec},
};

use super::model::{Source, Todo, TodoId};

/// The tables.
pub(super) const TABLES: [TableSpec; 1] = [TableSpec::of::<Todo>()];

/// To-dos without a due day stand behind all that have one.
const NO_DAY: Timestamp = Timestamp::from_ms(i64::MAX);

/// Open ones by due day, done ones newest first. All keys have the same length, so what stands
/// behind the beginning orders rows of different members among each other.
fn in_order(key: Key, todo: &Todo) -> Key {
    let key = match &todo.done {
        None => key.with(false).with(todo.due.unwrap_or(NO_DAY)),
        Some(done) => key.with(true).with(Desc(done.at)),
    };
    key.with(todo.created_at)
}

/// To-dos of a member; see [`in_order`].
pub(super) const BY_MEMBER: Index<Todo> = Index::new("todos-1.by_member", |t, _| {
    vec![in_order(Key::new().with(t.member), t)]
});

/// To-dos of the firm; see [`in_order`].
pub(super) const BY_STATE: Index<Todo> =
    Index::new("todos-1.by_state", |t, _| vec![in_order(Key::new(), t)]);

/// Open to-dos about a customer; see [`in_order`].
pub(super) const BY_CUSTOMER: Index<Todo> = Index::new("todos-1.by_customer", |t, _| {
    let customer = t.customer.filter(|_| t.is_open());
    let key = |customer: CustomerId| in_order(Key::new().with(customer), t);
    customer.map(key).into_iter().collect()
});

/// The open to-do of a rule about a relation.
pub(super) const OPEN_OF_RULE: Index<Todo> = Index::unique("todos-1.open_of_rule", |t, _| {
    let key = match (t.source, t.relation, t.is_open()) {
        (Source::Rule(rule), Some(relation), true) => Some(Key::new().with(rule).with(relation)),
        _ => None,
    };
    key.into_iter().collect()
});

/// Where the to-dos of a member begin, open or done ones.
pub(super) fn of_member(member: MemberId, is_done: bool) -> Key {
    Key::new().with(member).with(is_done)
}

impl Entity for Todo {
    const KIND: &'static str = "todo";
    const TABLE: &'static str = "todos-1";
    const CLASS: Class = Class::Record;
    type Key = TodoId;

    fn key(&self) -> TodoId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        let member = self.member.cast();
        Some(self.customer.map_or(member, crate::kit::Id::cast))
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_MEMBER, BY_STATE, BY_CUSTOMER, OPEN_OF_RULE]
    }
    fn audit_view(&self) -> AuditView {
        let rule = match self.source {
            Source::Rule(rule) => Some(rule.to_string()),
            Source::Person(_) => None,
        };
        vec![
            ("member", self.member.to_string().into()),
            ("customer", self.customer.map(|c| c.to_string()).into()),
            ("words", self.words.as_str().into()),
            ("due", self.due.map(Timestamp::ms).into()),
            ("rule", rule.into()),
            ("done_at", self.done.map(|done| done.at.ms()).into()),
        ]
    }
}
