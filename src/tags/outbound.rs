//! Tags made here are made at WeCom, and taken away there again.
//!
//! WeCom puts tags into the group of the same name if it has one (documentation, 添加企业客户标签):
//! it is asked first, and only what is missing is made. Deleting again is refused, which is as
//! good as done.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    store::{Read, StoreError, SubjectId, Write},
    wecom::{Client, NewTag, NewTags},
    work::effects::{
        self, Area, Effect, EffectFuture, EffectId, EffectKind, EffectSpec, LookFuture, NewEffect,
        Priority, Refusal, Seen, Told,
    },
};

use super::{Tag, TagGroup, TagGroupId, TagId, actions::mark_gone, queries, sync};

/// Makes tags in a group, and the group if there is none.
const CREATE: EffectSpec = EffectSpec::post(
    "tags.group_create",
    Area::Tags,
    "externalcontact/add_corp_tag",
);
/// Deletes tags, and their group with the last of them.
const DELETE: EffectSpec = EffectSpec::post(
    "tags.tag_delete",
    Area::Tags,
    "externalcontact/del_corp_tag",
);
/// What the effects are about, as the outbox calls it.
pub(super) const GROUP: &str = "tag_group";

/// What happens at WeCom.
pub(super) fn kinds() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(CREATE, create)
            .looking(look)
            .arriving(created)
            .telling(tell_create),
        EffectKind::new(DELETE, delete)
            .arriving(deleted)
            .telling(tell_delete),
    ]
}

/// Tags to be made.
#[derive(Encode, Decode)]
pub(super) struct AddTags {
    /// The group.
    #[n(0)]
    pub(super) group: TagGroupId,
    /// Their names.
    #[n(1)]
    pub(super) names: Vec<String>,
}

/// Tags to be taken away.
#[derive(Encode, Decode)]
pub(super) struct DropTags {
    /// Their group.
    #[n(0)]
    pub(super) group: TagGroupId,
    /// The tags.
    #[n(1)]
    pub(super) tags: Vec<TagId>,
}

/// What WeCom calls what was to be made.
#[derive(Default, Encode, Decode)]
struct Created {
    /// Id of the group.
    #[n(0)]
    group: String,
    /// Ids of the tags by name.
    #[n(1)]
    tags: Vec<(String, String)>,
    /// Those of them that were not there before.
    #[n(2)]
    made: Vec<String>,
}

pub(super) fn plan_add(
    w: &mut Write<'_>,
    add: &AddTags,
    by: Option<SubjectId>,
) -> Result<EffectId> {
    plan(w, CREATE, add.group, add, by)
}

pub(super) fn plan_drop(
    w: &mut Write<'_>,
    drop: &DropTags,
    by: Option<SubjectId>,
) -> Result<EffectId> {
    plan(w, DELETE, drop.group, drop, by)
}

fn plan<I: Encode<()>>(
    w: &mut Write<'_>,
    kind: EffectSpec,
    group: TagGroupId,
    input: &I,
    created_by: Option<SubjectId>,
) -> Result<EffectId> {
    effects::plan(
        w,
        NewEffect {
            kind,
            priority: Priority::Awaited,
            input: bytes(input),
            about: (GROUP, group.to_string()),
            batch: None,
            created_by,
            expires_at: None,
        },
    )
}

fn bytes<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to memory does not fail")
}

fn input<T: for<'b> Decode<'b, ()>>(effect: &Effect) -> Result<T> {
    minicbor::decode(&effect.input).map_err(AppError::internal)
}

fn client(app: &App, effect: &Effect) -> Result<Client> {
    let client = app.wecom().ok_or(AppError::Unavailable {
        why: "wecom_missing",
    })?;
    Ok(client.at(effect.priority.into()))
}

/// The name of the group, if it is still wanted.
fn wanted(app: &App, add: &AddTags) -> Result<Option<String>> {
    let group = app.read(|r| r.get::<TagGroup>(&add.group))?;
    Ok(group.filter(|g| !g.deleted).map(|g| g.name))
}

/// What WeCom has of it.
async fn there(
    client: &Client,
    group: &str,
    add: &AddTags,
) -> Result<Created, crate::wecom::Error> {
    let all = client.corp_tags().await?;
    let found = all
        .into_iter()
        .find(|g| g.group_name == group && !g.deleted);
    let Some(found) = found else {
        return Ok(Created::default());
    };
    let tags = found.tag.into_iter().filter(|tag| !tag.deleted);
    Ok(Created {
        group: found.group_id,
        tags: tags
            .map(|tag| (tag.name, tag.id))
            .filter(|(name, _)| add.names.contains(name))
            .collect(),
        made: Vec::new(),
    })
}

fn create(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let add: AddTags = input(&effect).map_err(Refusal::Refused)?;
        let Some(group) = wanted(&app, &add)? else {
            return Ok(bytes(&Created::default()));
        };
        let client = client(&app, &effect)?;
        let mut created = there(&client, &group, &add).await?;
        let missing = |name: &&String| !created.tags.iter().any(|(known, _)| known == *name);
        let missing: Vec<&String> = add.names.iter().filter(missing).collect();
        if missing.is_empty() {
            return Ok(bytes(&created));
        }
        let is_new = created.group.is_empty();
        let mut order = u32::try_from(missing.len()).unwrap_or(u32::MAX);
        let tag = missing.into_iter().map(|name| {
            let tag = NewTag {
                name: name.clone(),
                order: Some(order),
            };
            order = order.saturating_sub(1);
            tag
        });
        let new = NewTags {
            group_id: (!is_new).then(|| created.group.clone()),
            group_name: is_new.then_some(group),
            order: None,
            tag: tag.collect(),
        };
        let answer = client.add_corp_tags(&new).await?;
        created.group = answer.group_id;
        for tag in answer.tag {
            created.made.push(tag.name.clone());
            created.tags.push((tag.name, tag.id));
        }
        Ok(bytes(&created))
    })
}

fn look(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let add: AddTags = input(&effect)?;
        let Some(group) = wanted(&app, &add)? else {
            return Ok(Seen::CannotTell);
        };
        let mut found = there(&client(&app, &effect)?, &group, &add).await?;
        let is_there = |name: &String| found.tags.iter().any(|(known, _)| known == name);
        if !add.names.iter().all(is_there) {
            return Ok(Seen::NotThere);
        }
        found.made.clone_from(&add.names);
        Ok(Seen::Happened(bytes(&found)))
    })
}

/// From now on they have WeCom's ids. A sync may have been faster.
fn created(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let add: AddTags = input(effect)?;
    let created: Created = minicbor::decode(answer).map_err(AppError::internal)?;
    if created.group.is_empty() {
        return Ok(());
    }
    let taken = sync::group_by_wecom_id(&w.read(), &created.group)?;
    if let Some(mut group) = w.get::<TagGroup>(&add.group)?
        && group.is_local()
        && taken.is_none()
    {
        group.wecom_id.clone_from(&created.group);
        w.put(&group)?;
    }
    for mut tag in queries::in_group(&w.read(), add.group)? {
        let Some((name, id)) = created.tags.iter().find(|(name, _)| *name == tag.name) else {
            continue;
        };
        let taken = sync::tag_by_wecom_id(&w.read(), id)?;
        if taken.is_some_and(|taken| taken != tag.id) {
            continue;
        }
        tag.wecom_id.clone_from(id);
        if created.made.contains(name) {
            tag.made_at.get_or_insert(w.now());
        }
        w.put(&tag)?;
    }
    Ok(())
}

fn delete(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let drop: DropTags = input(&effect).map_err(Refusal::Refused)?;
        let known = app.read(|r| {
            let mut known = Vec::new();
            for id in &drop.tags {
                // What could not be made is not there to be deleted.
                known.extend(r.get::<Tag>(id)?.filter(|tag| !tag.is_local()));
            }
            Ok::<_, AppError>(known)
        })?;
        let client = client(&app, &effect)?;
        for tag in known {
            client.delete_corp_tags(&[tag.wecom_id], &[]).await?;
        }
        Ok(Vec::new())
    })
}

fn deleted(w: &mut Write<'_>, effect: &Effect, _: &[u8]) -> Result<()> {
    let drop: DropTags = input(effect)?;
    mark_gone(w, drop.group, &drop.tags)
}

fn tell_create(r: &Read<'_>, effect: &Effect) -> Result<Told, StoreError> {
    let add: Option<AddTags> = minicbor::decode(&effect.input).ok();
    let n = add.as_ref().map_or(0, |add| add.names.len());
    tell(r, "effects.told.tags_create", add.map(|add| add.group), n)
}

fn tell_delete(r: &Read<'_>, effect: &Effect) -> Result<Told, StoreError> {
    let drop: Option<DropTags> = minicbor::decode(&effect.input).ok();
    let n = drop.as_ref().map_or(0, |drop| drop.tags.len());
    tell(
        r,
        "effects.told.tags_delete",
        drop.map(|drop| drop.group),
        n,
    )
}

fn tell(
    r: &Read<'_>,
    key: &'static str,
    group: Option<TagGroupId>,
    n: usize,
) -> Result<Told, StoreError> {
    let group = match group {
        Some(group) => r.get::<TagGroup>(&group)?,
        None => None,
    };
    Ok(Told {
        key,
        args: vec![("n", n.to_string())],
        about: group.map_or(String::new(), |group| group.name),
        href: Some("/tags".to_owned()),
    })
}
