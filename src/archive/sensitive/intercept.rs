//! Interception (敏感词拦截): a word list that WeCom itself warns of or blocks, in chats of
//! these members with customers.
//!
//! What is wanted stands here; WeCom is told by effects, of the list as it is when they leave.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::{Id, Timestamp},
    org::{DepartmentId, Directory, MemberId, Sight},
    store::{AuditView, Class, Entity, Read, StoreError, SubjectId, Write},
    work::effects::{self, Area, Effect, EffectState, WriteMode, mode},
};

use super::{
    actions::reaches,
    model::{Behaviour, WordList, WordListId},
    outbound,
};

/// Words of a rule (WeCom documentation, 新建敏感词规则).
const WORDS_MAX: usize = 300;
/// Characters of a word of a rule.
const WORD_CHARS_MAX: usize = 32;
/// Characters of a rule's name.
const NAME_CHARS_MAX: usize = 20;
/// Members that a rule names; likewise departments.
const RANGE_MAX: usize = 1_000;

/// word-list-rules: how WeCom is to intercept the words of a list.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Intercept {
    /// The list.
    #[n(0)]
    pub list: WordListId,
    /// Whether a message is kept from being sent; otherwise its writer is only warned.
    #[n(1)]
    pub blocks: bool,
    /// Departments to whose members, and those below, it applies.
    #[n(2)]
    pub departments: Vec<DepartmentId>,
    /// Members to whom it applies besides.
    #[n(3)]
    pub members: Vec<MemberId>,
    /// WeCom's id of the rule, once it is there.
    #[n(4)]
    pub rule_id: Option<String>,
    /// Whether it is being taken away.
    #[n(5)]
    pub is_leaving: bool,
    /// When it was last changed here.
    #[n(6)]
    pub changed_at: Timestamp,
    /// When WeCom was last told, successfully.
    #[n(7)]
    pub told_at: Option<Timestamp>,
}

impl Entity for Intercept {
    const KIND: &'static str = "word_list_rule";
    const TABLE: &'static str = "word-list-rules-1";
    const CLASS: Class = Class::Record;
    type Key = WordListId;

    fn key(&self) -> WordListId {
        self.list
    }
    fn audit_view(&self) -> AuditView {
        let departments = self.departments.iter().map(ToString::to_string);
        let members = self.members.iter().map(ToString::to_string);
        vec![
            ("blocks", self.blocks.into()),
            ("departments", departments.collect::<Vec<_>>().into()),
            ("members", members.collect::<Vec<_>>().into()),
            ("rule", self.rule_id.clone().into()),
            ("leaving", self.is_leaving.into()),
        ]
    }
}

/// How a rule stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleState {
    /// WeCom has it as it is here.
    InForce,
    /// It was only rehearsed.
    Rehearsed,
    /// The list has changed since WeCom was told, and WeCom may not be told now.
    Differs,
    /// Something is to be done there, or was not done.
    Pending(Box<Effect>),
}

/// How the rule of a list stands; none if there is none.
pub fn rule(r: &Read<'_>, list: &WordList) -> Result<Option<(Intercept, RuleState)>, StoreError> {
    let Some(rule) = r.get::<Intercept>(&list.id)? else {
        return Ok(None);
    };
    let state = match pending(r, list.id)?.pop() {
        Some(effect) => RuleState::Pending(Box::new(effect)),
        None if rule.rule_id.is_none() => RuleState::Rehearsed,
        None if rule.told_at < Some(list.changed_at.max(rule.changed_at)) => RuleState::Differs,
        None => RuleState::InForce,
    };
    Ok(Some((rule, state)))
}

/// What may still happen to the rule of a list at WeCom, and what failed.
fn pending(r: &Read<'_>, list: WordListId) -> Result<Vec<Effect>, StoreError> {
    effects::pending_about(r, outbound::RULE, &list.to_string())
}

/// What WeCom also looks for: 1 phone numbers, 3 red packets.
pub(super) fn semantics(list: &WordList) -> Vec<u64> {
    let kinds = list.behaviours.iter().filter_map(|b| match b {
        Behaviour::Phone => Some(1),
        Behaviour::RedPacket => Some(3),
        Behaviour::Card | Behaviour::Recall | Behaviour::DeleteCustomer => None,
    });
    kinds.collect()
}

/// What WeCom would not take of a list.
fn must_fit(list: &WordList) -> Result<()> {
    if list.name.chars().count() > NAME_CHARS_MAX {
        return Err(AppError::field("name", "sensitive.rule.name_length"));
    }
    let is_long = |word: &String| word.chars().count() > WORD_CHARS_MAX;
    let fits = (1..=WORDS_MAX).contains(&list.words.len()) && !list.words.iter().any(is_long);
    match fits {
        true => Ok(()),
        false => Err(AppError::field("words", "sensitive.rule.words_length")),
    }
}

/// Has WeCom intercept the words of a list.
#[derive(Debug, Clone)]
pub struct SaveRule {
    /// The list.
    pub list: WordListId,
    /// Whether messages are blocked; otherwise their writers are only warned.
    pub blocks: bool,
    /// To whose members it applies.
    pub departments: Vec<DepartmentId>,
    /// To whom it applies besides.
    pub members: Vec<MemberId>,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

impl Command for SaveRule {
    const PERMISSION: Option<Permission> = Some(Permission::WordManage);
    const WHAT: &'static str = "word_list";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let list = r.get::<WordList>(&self.list)?;
        let reaches = |unit| reaches(scope, &self.directory, unit);
        let sight = Sight::new(self.directory.clone(), scope);
        Ok(list.is_some_and(|list| reaches(list.unit))
            && self.departments.iter().all(|unit| reaches(Some(*unit)))
            && self.members.iter().all(|member| sight.sees(*member)))
    }
}

/// Ends it.
#[derive(Debug, Clone)]
pub struct DeleteRule {
    /// The list.
    pub list: WordListId,
    /// The directory that says which departments are in scope.
    pub directory: Arc<Directory>,
}

impl Command for DeleteRule {
    const PERMISSION: Option<Permission> = Some(Permission::WordManage);
    const WHAT: &'static str = "word_list";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let list = r.get::<WordList>(&self.list)?;
        Ok(list.is_some_and(|list| reaches(scope, &self.directory, list.unit)))
    }
}

fn subject<C>(allowed: &Allowed<C>) -> Option<SubjectId> {
    allowed.by().map(Id::cast)
}

/// Keeps what is wanted and plans to tell WeCom.
pub fn save_rule(w: &mut Write<'_>, allowed: Allowed<SaveRule>) -> Result<()> {
    let by = subject(&allowed);
    let command = allowed.into_command();
    let list = w.get::<WordList>(&command.list)?;
    let list = list.ok_or(AppError::NotFound { what: "word_list" })?;
    if mode(&w.read(), Area::Words)? == WriteMode::Off {
        return Err(AppError::Conflict { why: "writing_off" });
    }
    if !list.is_on {
        return Err(AppError::field("", "sensitive.rule.list_off"));
    }
    must_fit(&list)?;
    let named = command.departments.len().max(command.members.len());
    if named == 0 || named > RANGE_MAX {
        return Err(AppError::field("unit", "sensitive.rule.nobody"));
    }
    let known = w.get::<Intercept>(&list.id)?;
    let rule = Intercept {
        list: list.id,
        blocks: command.blocks,
        departments: command.departments,
        members: command.members,
        rule_id: known.as_ref().and_then(|rule| rule.rule_id.clone()),
        is_leaving: false,
        changed_at: w.now(),
        told_at: known.as_ref().and_then(|rule| rule.told_at),
    };
    w.put(&rule)?;
    tell(w, &rule, by)
}

/// Plans what makes WeCom's rule what is wanted, unless that is planned already.
fn tell(w: &mut Write<'_>, rule: &Intercept, by: Option<SubjectId>) -> Result<()> {
    let pending = pending(&w.read(), rule.list)?;
    let is_waiting = |e: &Effect, kind: &str| e.state == EffectState::Queued && e.kind == kind;
    // What failed before is settled by this.
    for failed in pending.iter().filter(|e| e.state == EffectState::Failed) {
        effects::cancel(w, failed.id)?;
    }
    // One that has not left tells of the list as it is when it does.
    let kinds = [outbound::CREATE.name, outbound::UPDATE.name];
    if pending
        .last()
        .is_some_and(|last| kinds.iter().any(|kind| is_waiting(last, kind)))
    {
        return Ok(());
    }
    let is_being_made = |e: &Effect| e.kind == outbound::CREATE.name && e.state.is_pending();
    let kind = match rule.rule_id.is_some() || pending.iter().any(is_being_made) {
        true => outbound::UPDATE,
        false => outbound::CREATE,
    };
    outbound::plan(w, kind, rule.list, by)
}

/// Ends the interception: what WeCom does not know yet at once.
pub fn delete_rule(w: &mut Write<'_>, allowed: Allowed<DeleteRule>) -> Result<()> {
    let by = subject(&allowed);
    end(w, allowed.into_command().list, by)
}

/// Ends the interception of a list.
pub(super) fn end(w: &mut Write<'_>, list: WordListId, by: Option<SubjectId>) -> Result<()> {
    let Some(mut rule) = w.get::<Intercept>(&list)? else {
        return Ok(());
    };
    let mut on_its_way = rule.rule_id.is_some();
    for effect in pending(&w.read(), list)? {
        let is_here = matches!(effect.state, EffectState::Queued | EffectState::Failed);
        on_its_way |= !(is_here && effects::cancel(w, effect.id)?);
    }
    if !on_its_way {
        w.delete::<Intercept>(&list)?;
        return Ok(());
    }
    if mode(&w.read(), Area::Words)? != WriteMode::On {
        return Err(AppError::Conflict { why: "writing_off" });
    }
    rule.is_leaving = true;
    w.put(&rule)?;
    outbound::plan(w, outbound::DELETE, list, by)
}

/// A list has changed: its rule follows, or ends with it. Where nothing may be written, the
/// page says that the two differ.
pub(super) fn follow(w: &mut Write<'_>, list: &WordList, by: Option<SubjectId>) -> Result<()> {
    let Some(rule) = w.get::<Intercept>(&list.id)? else {
        return Ok(());
    };
    if rule.is_leaving {
        return Ok(());
    }
    if !list.is_on {
        return end(w, list.id, by);
    }
    must_fit(list)?;
    match mode(&w.read(), Area::Words)? {
        WriteMode::Off => Ok(()),
        WriteMode::DryRun | WriteMode::On => tell(w, &rule, by),
    }
}
