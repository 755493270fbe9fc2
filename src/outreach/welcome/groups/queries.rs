//! Reads of group welcome templates, and how each stands at WeCom.

use crate::{
    outreach::materials::Material,
    store::{Read, StoreError},
    work::{
        Failure,
        effects::{self, Effect, EffectState},
    },
};

use super::{
    model::{Carried, GroupWelcome, GroupWelcomeId},
    outbound::ABOUT,
};

/// Characters by which a template is named.
const TITLE_CHARS: usize = 24;

/// How a template stands at WeCom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// WeCom has it as it is to be.
    InForce,
    /// It is on its way.
    Writing,
    /// WeCom was not told of it, or not of the last change.
    NotWritten,
    /// WeCom did not take it.
    Failed,
    /// Nobody can tell whether WeCom has made it.
    Unknown,
    /// WeCom had it and has it no more.
    Gone,
    /// It is being deleted.
    Going,
    /// WeCom did not delete it.
    NotGoing,
}

/// How a template stands, and why.
#[derive(Debug, Clone)]
pub struct Standing {
    /// How.
    pub at: At,
    /// What went wrong the last time.
    pub failure: Option<Failure>,
    /// Whether WeCom still has something earlier.
    pub has_earlier: bool,
}

impl Standing {
    /// Whether it makes sense to have WeCom told again. Where nobody can tell, a person looks
    /// first: the outbox asks them.
    pub fn may_retry(&self) -> bool {
        matches!(
            self.at,
            At::NotWritten | At::Failed | At::Gone | At::NotGoing
        )
    }
}

/// All templates, the last changed first.
pub fn all(r: &Read<'_>) -> Result<Vec<GroupWelcome>, StoreError> {
    let mut found: Vec<GroupWelcome> = r.all::<GroupWelcome>(None)?.collect::<Result<_, _>>()?;
    found.sort_by_key(|template| (std::cmp::Reverse(template.changed_at), template.id));
    Ok(found)
}

/// How many there are; those that are going count until they are gone.
pub fn count(r: &Read<'_>) -> Result<usize, StoreError> {
    let mut n = 0;
    for template in r.all::<GroupWelcome>(None)? {
        template?;
        n += 1;
    }
    Ok(n)
}

/// What is planned for a template and has not come to its end, and what failed.
pub fn pending(r: &Read<'_>, id: GroupWelcomeId) -> Result<Vec<Effect>, StoreError> {
    effects::pending_about(r, ABOUT, &id.to_string())
}

/// The asset that comes along, in the version it has now.
pub fn carried(r: &Read<'_>, template: &GroupWelcome) -> Result<Option<Carried>, StoreError> {
    let Some(asset) = template.asset else {
        return Ok(None);
    };
    let found = r.get::<Material>(&asset)?;
    Ok(found.map(|found| Carried {
        asset,
        version: found.version,
    }))
}

/// What a template is called: how its words begin, or its asset.
pub fn title(r: &Read<'_>, template: &GroupWelcome) -> Result<String, StoreError> {
    let line = template.text.trim().lines().next().unwrap_or_default();
    if !line.is_empty() {
        return Ok(line.chars().take(TITLE_CHARS).collect());
    }
    let asset = match template.asset {
        Some(id) => r.get::<Material>(&id)?,
        None => None,
    };
    Ok(asset.map_or_else(String::new, |asset| asset.title))
}

/// How a template stands.
pub fn standing(r: &Read<'_>, template: &GroupWelcome) -> Result<Standing, StoreError> {
    let pending = pending(r, template.id)?;
    let is_current = template.is_current(carried(r, template)?);
    let is_in = |states: &[EffectState]| pending.iter().any(|e| states.contains(&e.state));
    let is_unknown = is_in(&[EffectState::Unknown]);
    let is_under_way = is_in(&[EffectState::Queued, EffectState::Sending]);
    let has_failed = is_in(&[EffectState::Failed]);
    let at = match template.is_wanted {
        false if is_under_way => At::Going,
        false => At::NotGoing,
        true if is_unknown => At::Unknown,
        true if is_under_way => At::Writing,
        true if has_failed => At::Failed,
        true if template.is_gone => At::Gone,
        true if is_current => At::InForce,
        true => At::NotWritten,
    };
    Ok(Standing {
        at,
        failure: pending.into_iter().rev().find_map(|effect| effect.failure),
        has_earlier: template.is_wanted && template.is_made() && !is_current,
    })
}
