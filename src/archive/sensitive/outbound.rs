//! Rules about words at WeCom (聊天敏感词), made, changed and deleted.
//!
//! A name stands for one rule there (documentation, 新建敏感词规则), so after an unclear answer
//! the list of rules tells whether one was made, and the rule itself whether it was changed.
//! Deleting again is refused.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    org::{Department, Member},
    store::{Read, StoreError, SubjectId, Write},
    wecom::{Client, ExtraRule, InterceptChange, InterceptRule, NewInterceptRule, Senders},
    work::effects::{
        self, Area, Effect, EffectFuture, EffectKind, EffectSpec, LookFuture, NewEffect, Priority,
        Refusal, Seen, Told,
    },
};

use super::{
    intercept::{Intercept, semantics},
    model::{WordList, WordListId},
};

pub(super) const CREATE: EffectSpec = EffectSpec::post(
    "archive.rule_create",
    Area::Words,
    "externalcontact/add_intercept_rule",
);
pub(super) const UPDATE: EffectSpec = EffectSpec::post(
    "archive.rule_update",
    Area::Words,
    "externalcontact/update_intercept_rule",
);
pub(super) const DELETE: EffectSpec = EffectSpec::post(
    "archive.rule_delete",
    Area::Words,
    "externalcontact/del_intercept_rule",
);
/// What the effects are about, as the outbox calls it.
pub(super) const RULE: &str = "word_list_rule";
/// `intercept_type`: 1 warns and blocks, 2 only warns.
const BLOCKS: u8 = 1;
const WARNS: u8 = 2;

/// What happens at WeCom.
pub(in crate::archive) fn kinds() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(CREATE, create)
            .looking(look)
            .arriving(created)
            .telling(|r, effect| tell(r, effect, "effects.told.rule_create")),
        EffectKind::new(UPDATE, update)
            .looking(look_at_change)
            .arriving(updated)
            .telling(|r, effect| tell(r, effect, "effects.told.rule_update")),
        EffectKind::new(DELETE, delete)
            .arriving(deleted)
            .telling(|r, effect| tell(r, effect, "effects.told.rule_delete")),
    ]
}

#[derive(Encode, Decode)]
struct Input {
    #[n(0)]
    list: WordListId,
}

/// Plans an effect of a list's rule.
pub(super) fn plan(
    w: &mut Write<'_>,
    kind: EffectSpec,
    list: WordListId,
    created_by: Option<SubjectId>,
) -> Result<()> {
    let new = NewEffect {
        kind,
        priority: Priority::Awaited,
        input: minicbor::to_vec(Input { list }).map_err(AppError::internal)?,
        about: (RULE, list.to_string()),
        batch: None,
        created_by,
        expires_at: None,
    };
    effects::plan(w, new).map(drop)
}

fn list_of(effect: &Effect) -> Result<WordListId> {
    let input: Input = minicbor::decode(&effect.input).map_err(AppError::internal)?;
    Ok(input.list)
}

fn client(app: &App, effect: &Effect) -> Result<Client> {
    let client = app.wecom().ok_or(AppError::Unavailable {
        why: "wecom_missing",
    })?;
    Ok(client.at(effect.priority.into()))
}

/// A rule as it is wanted now.
struct Wanted {
    rule: Intercept,
    list: WordList,
    range: Senders,
}

/// What is wanted now; none if nothing is any more.
fn wanted(app: &App, effect: &Effect) -> Result<Option<Wanted>> {
    let id = list_of(effect)?;
    app.read(|r| {
        let (Some(list), Some(rule)) = (r.get::<WordList>(&id)?, r.get::<Intercept>(&id)?) else {
            return Ok(None);
        };
        let mut range = Senders::default();
        for unit in &rule.departments {
            let unit = r.get::<Department>(unit)?;
            let unit = unit.filter(|unit| unit.removed_at.is_none());
            range.department_list.extend(unit.map(|unit| unit.wecom_id));
        }
        for member in &rule.members {
            let member = r.get::<Member>(member)?.filter(Member::is_here);
            range.user_list.extend(member.map(|member| member.userid));
        }
        Ok(Some(Wanted { rule, list, range }))
    })
}

fn action(rule: &Intercept) -> u8 {
    match rule.blocks {
        true => BLOCKS,
        false => WARNS,
    }
}

fn create(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let Some(wanted) = wanted(&app, &effect)? else {
            // It is deleted next.
            return Ok(Vec::new());
        };
        let rule = NewInterceptRule {
            rule_name: wanted.list.name.clone(),
            word_list: wanted.list.words.clone(),
            semantics_list: semantics(&wanted.list),
            intercept_type: action(&wanted.rule),
            applicable_range: wanted.range,
        };
        let id = client(&app, &effect)?.add_intercept_rule(&rule).await?;
        Ok(id.into_bytes())
    })
}

/// The rule of this name, if it has these words.
fn look(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let Some(wanted) = wanted(&app, &effect)? else {
            return Ok(Seen::CannotTell);
        };
        let client = client(&app, &effect)?;
        let rules = client.intercept_rules().await?;
        let Some(found) = rules.into_iter().find(|r| r.rule_name == wanted.list.name) else {
            return Ok(Seen::NotThere);
        };
        let found = client.intercept_rule(&found.rule_id).await?;
        Ok(match found.word_list == wanted.list.words {
            true => Seen::Happened(found.rule_id.into_bytes()),
            // Somebody else's, or the list was changed on the way.
            false => Seen::CannotTell,
        })
    })
}

fn created(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let id = String::from_utf8(answer.to_vec()).map_err(AppError::internal)?;
    told(w, effect, |rule| {
        if !id.is_empty() {
            rule.rule_id = Some(id);
        }
    })
}

/// WeCom knows of what was wanted when the effect left.
fn told(w: &mut Write<'_>, effect: &Effect, with: impl FnOnce(&mut Intercept)) -> Result<()> {
    if let Some(mut rule) = w.get::<Intercept>(&list_of(effect)?)? {
        rule.told_at = effect.sent_at;
        with(&mut rule);
        w.put(&rule)?;
    }
    Ok(())
}

fn update(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let Some(wanted) = wanted(&app, &effect)? else {
            return Ok(Vec::new());
        };
        let Some(id) = &wanted.rule.rule_id else {
            // It could not be made: somebody has to look at that first.
            return Err(Refusal::Refused(AppError::NotFound { what: "word_list" }));
        };
        let client = client(&app, &effect)?;
        let now = client.intercept_rule(id).await?;
        let change = change(&wanted, &now);
        client.update_intercept_rule(id, &change).await?;
        Ok(Vec::new())
    })
}

/// Whether the rule is as it is wanted.
fn look_at_change(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let Some(wanted) = wanted(&app, &effect)? else {
            return Ok(Seen::NotThere);
        };
        let Some(id) = &wanted.rule.rule_id else {
            return Ok(Seen::NotThere);
        };
        let now = client(&app, &effect)?.intercept_rule(id).await?;
        let range = change(&wanted, &now);
        let is_so = now.rule_name == wanted.list.name
            && now.word_list == wanted.list.words
            && now.semantics() == semantics(&wanted.list)
            && now.intercept_type == i64::from(action(&wanted.rule))
            && range.add_applicable_range.is_none()
            && range.remove_applicable_range.is_none();
        Ok(match is_so {
            true => Seen::Happened(Vec::new()),
            false => Seen::NotThere,
        })
    })
}

/// What makes the rule what is wanted.
fn change(wanted: &Wanted, now: &InterceptRule) -> InterceptChange {
    let (want, have) = (&wanted.range, &now.applicable_range);
    let is = |a: &String, b: &String| a.eq_ignore_ascii_case(b);
    let less = |a: &Senders, b: &Senders| {
        let users = a.user_list.iter();
        let units = a.department_list.iter();
        Senders {
            user_list: users
                .filter(|user| !b.user_list.iter().any(|other| is(user, other)))
                .cloned()
                .collect(),
            department_list: units
                .filter(|unit| !b.department_list.contains(unit))
                .copied()
                .collect(),
        }
    };
    let some = |senders: Senders| (senders != Senders::default()).then_some(senders);
    InterceptChange {
        rule_name: Some(wanted.list.name.clone()),
        word_list: Some(wanted.list.words.clone()),
        extra_rule: Some(ExtraRule {
            semantics_list: semantics(&wanted.list),
        }),
        intercept_type: Some(action(&wanted.rule)),
        add_applicable_range: some(less(want, have)),
        remove_applicable_range: some(less(have, want)),
    }
}

fn updated(w: &mut Write<'_>, effect: &Effect, _: &[u8]) -> Result<()> {
    told(w, effect, |_| {})
}

fn delete(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let id = list_of(&effect)?;
        let rule = app.read(|r| r.get::<Intercept>(&id));
        let rule = rule.map_err(AppError::from)?;
        // What could not be made is not there to be deleted.
        if let Some(id) = rule.and_then(|rule| rule.rule_id) {
            client(&app, &effect)?.delete_intercept_rule(&id).await?;
        }
        Ok(Vec::new())
    })
}

fn deleted(w: &mut Write<'_>, effect: &Effect, _: &[u8]) -> Result<()> {
    w.delete::<Intercept>(&list_of(effect)?)?;
    Ok(())
}

fn tell(r: &Read<'_>, effect: &Effect, key: &'static str) -> Result<Told, StoreError> {
    let list = match list_of(effect) {
        Ok(id) => r.get::<WordList>(&id)?,
        Err(_) => None,
    };
    Ok(Told {
        key,
        args: Vec::new(),
        href: list
            .as_ref()
            .map(|list| format!("/sensitive/words/{}/rule", list.id)),
        about: list.map_or(String::new(), |list| list.name),
    })
}
