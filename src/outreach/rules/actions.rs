//! What people do to rules.

use std::sync::Arc;

use crate::{
    customers::Group,
    error::{AppError, Invalid, Result},
    identity::{Allowed, Command, Permission, Scope},
    livecodes::{Channel, LiveCode},
    org::{Directory, Member, Sight, decides},
    store::{Read, StoreError, Write},
    tags,
};

use super::model::{
    DAYS_MAX, NAME_MAX, PREFIX_MAX, Rule, RuleId, SAID_MAX, TAGS_MAX, Trigger, WORD_MAX, WORDS_MAX,
};

/// Keeps a rule, new or changed.
#[derive(Debug, Clone)]
pub struct SaveRule {
    /// The rule as it is to be; since when is set when it is kept.
    pub rule: Rule,
    /// The directory that says which departments are in scope.
    pub directory: Arc<Directory>,
}

impl Command for SaveRule {
    const PERMISSION: Option<Permission> = Some(Permission::OutreachManage);
    const WHAT: &'static str = "outreach_rule";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let known = r.get::<Rule>(&self.rule.id)?;
        let is_there = self.rule.id.bits() == 0 || known.is_some();
        let before = known.as_ref().and_then(|known| known.assignee);
        let stays = before == self.rule.assignee;
        let is_known_in_reach = known.is_none_or(|k| decides(scope, &self.directory, k.unit));
        let sees_assignee = self.rule.assignee.is_none_or(|member| {
            let sight = Sight::new(self.directory.clone(), scope);
            stays || sight.sees(member)
        });
        let may_decide = decides(scope, &self.directory, self.rule.unit);
        Ok(is_there && is_known_in_reach && may_decide && sees_assignee)
    }
}

/// Keeps it. What it is about and does may have changed: it counts from now on.
pub fn save_rule(w: &mut Write<'_>, allowed: Allowed<SaveRule>) -> Result<RuleId> {
    let mut rule = allowed.into_command().rule;
    rule.name = rule.name.trim().to_owned();
    rule.remark_prefix = rule.remark_prefix.trim().to_owned();
    if let Some(todo) = &mut rule.todo {
        todo.words = todo.words.trim().to_owned();
    }
    rule.message = rule.message.map(|message| message.trim().to_owned());
    if rule.todo.is_none() && rule.message.is_none() {
        rule.assignee = None;
    }
    check(&w.read(), &rule)?;
    let known = w.get::<Rule>(&rule.id)?;
    if rule.id.bits() == 0 {
        rule.id = w.new_id::<Rule>()?;
    }
    rule.since = match known {
        Some(known) if known.is_on && same_but_name(&known, &rule) => known.since,
        _ => w.now(),
    };
    w.put(&rule)?;
    Ok(rule.id)
}

fn same_but_name(known: &Rule, rule: &Rule) -> bool {
    let renamed = Rule {
        name: rule.name.clone(),
        since: rule.since,
        ..known.clone()
    };
    renamed == *rule
}

fn check(r: &Read<'_>, rule: &Rule) -> Result<()> {
    let mut wrong = Invalid::default();
    let chars = rule.name.chars().count();
    if chars == 0 || chars > NAME_MAX {
        wrong = wrong.with("name", "autorules.name_length");
    }
    wrong = match &rule.trigger {
        Trigger::Code(id) if !r.exists::<LiveCode>(id)? => wrong.with("live", "autorules.no_live"),
        Trigger::Channel(id) if !r.exists::<Channel>(id)? => {
            wrong.with("channel", "autorules.no_channel")
        }
        Trigger::Group(id) if !r.exists::<Group>(id)? => wrong.with("group", "autorules.no_group"),
        Trigger::Words(words) => {
            let is_odd = |word: &String| word.is_empty() || word.chars().count() > WORD_MAX;
            match words.is_empty() || words.len() > WORDS_MAX || words.iter().any(is_odd) {
                true => wrong.with("words", "autorules.words_length"),
                false => wrong,
            }
        }
        Trigger::Quiet(days) if *days == 0 || *days > DAYS_MAX => {
            wrong.with("days", "autorules.days_range")
        }
        _ => wrong,
    };
    let known = tags::queries::by_id(r)?;
    if rule.tags.len() > TAGS_MAX || rule.tags.iter().any(|tag| !known.contains_key(tag)) {
        wrong = wrong.with("tag", "autorules.tags_many");
    }
    if rule.remark_prefix.chars().count() > PREFIX_MAX {
        wrong = wrong.with("remark_prefix", "autorules.prefix_length");
    }
    wrong = check_follow_up(r, rule, wrong)?;
    if !rule.marks() && rule.todo.is_none() && rule.message.is_none() {
        wrong = wrong.with("tag", "autorules.nothing_to_do");
    }
    wrong.into_result()
}

/// To-do and message.
fn check_follow_up(r: &Read<'_>, rule: &Rule, mut wrong: Invalid) -> Result<Invalid> {
    let is_odd = |said: &str| said.is_empty() || said.chars().count() > SAID_MAX;
    if let Some(todo) = &rule.todo {
        if is_odd(&todo.words) {
            wrong = wrong.with("todo", "autorules.said_length");
        }
        if todo.due_days.is_some_and(|days| days > DAYS_MAX) {
            wrong = wrong.with("todo_days", "autorules.todo_days_range");
        }
    }
    if rule.message.as_deref().is_some_and(is_odd) {
        wrong = wrong.with("message", "autorules.said_length");
    }
    let assignee = match &rule.assignee {
        Some(id) => r.get::<Member>(id)?.map(|member| member.is_here()),
        None => Some(true),
    };
    Ok(match assignee {
        Some(true) => wrong,
        _ => wrong.with("assignee", "autorules.assignee_gone"),
    })
}

macro_rules! about_rule {
    ($($command:ty),+) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::OutreachManage);
            const WHAT: &'static str = "outreach_rule";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                let rule = r.get::<Rule>(&self.rule)?;
                Ok(rule.is_some_and(|rule| decides(scope, &self.directory, rule.unit)))
            }
        }
    )+};
}
about_rule!(SwitchRule, DeleteRule);

/// Puts a rule in force, or pauses it.
#[derive(Debug, Clone)]
pub struct SwitchRule {
    /// Which.
    pub rule: RuleId,
    /// Whether it is to be in force.
    pub is_on: bool,
    /// The directory that says which departments are in scope.
    pub directory: Arc<Directory>,
}

/// Does it. What happens while it is paused does not count later either.
pub fn switch_rule(w: &mut Write<'_>, allowed: Allowed<SwitchRule>) -> Result<()> {
    let SwitchRule { rule, is_on, .. } = allowed.into_command();
    let missing = AppError::NotFound {
        what: "outreach_rule",
    };
    let mut rule = w.get::<Rule>(&rule)?.ok_or(missing)?;
    if rule.is_on != is_on {
        rule.is_on = is_on;
        rule.since = w.now();
        w.put(&rule)?;
    }
    Ok(())
}

/// Takes a rule away. What it has done stays, and so does the record of it.
#[derive(Debug, Clone)]
pub struct DeleteRule {
    /// Which.
    pub rule: RuleId,
    /// The directory that says which departments are in scope.
    pub directory: Arc<Directory>,
}

/// Takes it away.
pub fn delete_rule(w: &mut Write<'_>, allowed: Allowed<DeleteRule>) -> Result<()> {
    w.delete::<Rule>(&allowed.into_command().rule)?;
    Ok(())
}
