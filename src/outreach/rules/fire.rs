//! Carrying out: tags and remark through the same verbs as people's wishes, to-do and message,
//! and the record of what came of it.

use std::sync::Arc;

use crate::{
    app::App,
    customers::{
        Customer, Relation,
        actions::{SetRemark, SetTags, Wish, set_remark, set_tags, tags_to_be},
        queries::pending_remarks,
    },
    error::{AppError, Result},
    identity::Viewer,
    livecodes::queries::by_id,
    org::Directory,
    rollout,
    store::{Read, StoreError, Write},
    sync::pilot::Pilot,
    tags::TagId,
    work::effects::{self, Area, EffectId, WriteMode},
};

use super::{
    follow_up::{self, FollowUp},
    matching::Hit,
    model::{Cause, Firing, Outcome, Rule, prefixed},
    tables::{FIRING_BY_OCCASION, occasion_key},
};

/// What firings need to know besides the store.
#[derive(Debug, Clone)]
pub(super) struct Around {
    /// The directory.
    pub directory: Arc<Directory>,
    /// The firm's name.
    pub firm: String,
    /// The address people reach Qitai at, if it was told.
    pub home: Option<String>,
    /// The firm's zone.
    pub zone: jiff::tz::TimeZone,
}

impl Around {
    /// As it is now.
    pub fn of(app: &App, r: &Read<'_>) -> Result<Self> {
        Ok(Self {
            directory: app.directory.get(r)?,
            firm: rollout::queries::name(app, r)?,
            home: app.config.public_url.clone(),
            zone: app.zone(),
        })
    }
}

/// What a cause puts on a relation, and the rule if it is one.
struct Wanted {
    tags: Vec<TagId>,
    prefix: String,
    rule: Option<Rule>,
}

impl Wanted {
    fn marks(&self) -> bool {
        !self.tags.is_empty() || !self.prefix.is_empty()
    }
}

/// Carries a hit out, unless it was before; whether it fired. `viewer` is the system's, and the
/// write is done for it.
pub(super) fn fire(w: &mut Write<'_>, viewer: &Viewer, around: &Around, hit: &Hit) -> Result<bool> {
    let key = occasion_key(hit.cause, hit.of, hit.occasion);
    if w.read().find_key(&FIRING_BY_OCCASION, &key)?.is_some() {
        return Ok(false);
    }
    // Rule and relation may have changed since the feed was read.
    let Some(wanted) = wanted(&w.read(), hit.cause)? else {
        return Ok(false);
    };
    let relation = w.get::<Relation>(&hit.relation.id)?;
    let Some(relation) = relation.filter(Relation::is_active) else {
        return Ok(false);
    };
    let is_in_pilot = Pilot::load(&w.read())?.has_member(&w.read(), relation.member)?;
    let follow_up = match &wanted.rule {
        Some(rule) if is_in_pilot => follow_up::carry_out(w, viewer, around, rule, &relation)?,
        _ => FollowUp::default(),
    };
    let outcome = match refusal(&w.read(), is_in_pilot, &wanted)? {
        Some(why) => Outcome::Refused(why.to_owned()),
        None => carry_out(w, viewer, &around.directory, &relation, wanted)?,
    };
    let id = w.new_id::<Firing>()?;
    w.put(&Firing {
        id,
        cause: hit.cause,
        relation: relation.id,
        customer: relation.customer,
        member: relation.member,
        of: hit.of,
        occasion: hit.occasion,
        at: w.now(),
        outcome,
        todo: follow_up.todo,
        message: follow_up.message,
    })?;
    Ok(true)
}

fn wanted(r: &Read<'_>, cause: Cause) -> Result<Option<Wanted>, StoreError> {
    Ok(match cause {
        Cause::Rule(id) => r
            .get::<Rule>(&id)?
            .filter(|rule| rule.is_on)
            .map(|rule| Wanted {
                tags: rule.tags.clone(),
                prefix: rule.remark_prefix.clone(),
                rule: Some(rule),
            }),
        Cause::Code(id) => by_id(r, id)?.map(|code| Wanted {
            tags: code.tags,
            prefix: code.remark_prefix,
            rule: None,
        }),
    })
}

/// Why nothing may be put on a relation: the end of a key of `autorules.refused`.
fn refusal(r: &Read<'_>, is_in_pilot: bool, wanted: &Wanted) -> Result<Option<&'static str>> {
    if !is_in_pilot {
        return Ok(Some("outside_pilot"));
    }
    let is_off = effects::mode(r, Area::Customers)? == WriteMode::Off;
    Ok((is_off && wanted.marks()).then_some("writing_off"))
}

fn carry_out(
    w: &mut Write<'_>,
    viewer: &Viewer,
    directory: &Arc<Directory>,
    relation: &Relation,
    wanted: Wanted,
) -> Result<Outcome> {
    let tags = match wanted.tags.is_empty() {
        true => Wish::Same,
        false => match put_tags(w, viewer, directory, relation, &wanted.tags) {
            Ok(wish) => wish,
            Err(error) => return refused(error),
        },
    };
    let remark = match put_prefix(w, viewer, directory, relation, &wanted.prefix) {
        Ok(wish) => wish,
        Err(error) => return refused(error),
    };
    Ok(match (tags, remark) {
        (Wish::Same, Wish::Same) => Outcome::Same,
        (tags, remark) => Outcome::Done {
            tags: planned(tags),
            remark: planned(remark),
        },
    })
}

/// What a person would have been told becomes the firing's; a fault of ours stays one.
fn refused(error: AppError) -> Result<Outcome> {
    match error {
        AppError::NotFound { .. } => Ok(Outcome::Refused("gone".to_owned())),
        AppError::Invalid(_) | AppError::Conflict { .. } => {
            Ok(Outcome::Refused("not_possible".to_owned()))
        }
        error => Err(error),
    }
}

fn planned(wish: Wish) -> Option<EffectId> {
    match wish {
        Wish::Planned(id) => Some(id),
        Wish::Same | Wish::Done => None,
    }
}

fn put_tags(
    w: &mut Write<'_>,
    viewer: &Viewer,
    directory: &Arc<Directory>,
    relation: &Relation,
    wanted: &[TagId],
) -> Result<Wish> {
    let mut tags = tags_to_be(&w.read(), relation)?;
    tags.extend(wanted);
    let command = SetTags {
        relation: relation.id,
        tags,
        directory: directory.clone(),
    };
    let allowed = viewer.allow(w, command)?;
    set_tags(w, allowed)
}

fn put_prefix(
    w: &mut Write<'_>,
    viewer: &Viewer,
    directory: &Arc<Directory>,
    relation: &Relation,
    prefix: &str,
) -> Result<Wish> {
    let on_the_way = pending_remarks(&w.read(), relation)?;
    let on_the_way = on_the_way.into_iter().rev().find_map(|noted| noted.remark);
    let mut remark = on_the_way.unwrap_or_else(|| relation.remark.clone());
    if remark.is_empty() {
        // Without a remark WeCom shows the name; a prefix alone would hide it.
        let customer = w.get::<Customer>(&relation.customer)?;
        remark = customer.map(|customer| customer.name).unwrap_or_default();
    }
    let Some(remark) = prefixed(prefix, &remark) else {
        return Ok(Wish::Same);
    };
    let command = SetRemark {
        relation: relation.id,
        remark: Some(remark),
        description: None,
        company: None,
        drop_phones: Vec::new(),
        add_phone: None,
        directory: directory.clone(),
    };
    let allowed = viewer.allow(w, command)?;
    set_remark(w, allowed)
}
