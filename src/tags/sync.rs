//! Corp tags as WeCom tells them.

use std::collections::HashSet;

use crate::store::{Key, Read, StoreError, Write};

use super::{
    Tag, TagGroup, TagGroupId, TagId,
    tables::{GROUP_BY_WECOM_ID, TAG_BY_WECOM_ID},
};

/// What an answer says of one group and its tags.
#[derive(Debug, Clone)]
pub struct GroupFacts {
    /// WeCom's id.
    pub wecom_id: String,
    /// Name.
    pub name: String,
    /// Larger stands first.
    pub order: u64,
    /// Its tags.
    pub tags: Vec<TagFacts>,
}

/// What an answer says of one tag.
#[derive(Debug, Clone)]
pub struct TagFacts {
    /// WeCom's id.
    pub wecom_id: String,
    /// Name.
    pub name: String,
    /// Larger stands first in the group.
    pub order: u64,
}

/// Stores the complete list of groups and tags (one answer without errors); what is missing
/// in it is marked as deleted, unless WeCom has never heard of it. What was made here under
/// the same name is the same. Gives the number of groups and tags created, changed or marked.
pub fn apply(w: &mut Write<'_>, facts: &[GroupFacts]) -> Result<usize, StoreError> {
    let before = w.changed();
    let local = Local::load(&w.read())?;
    for fact in facts {
        let group = put_group(w, &local, fact)?;
        for tag in &fact.tags {
            put_tag(w, &local, group, tag)?;
        }
    }
    mark_deleted(w, facts)?;
    Ok(w.changed() - before)
}

/// What WeCom has never heard of.
struct Local {
    groups: Vec<TagGroup>,
    tags: Vec<Tag>,
}

impl Local {
    fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        let (mut groups, mut tags) = (Vec::new(), Vec::new());
        for group in r.all::<TagGroup>(None)? {
            groups.extend(Some(group?).filter(|group| group.is_local() && !group.deleted));
        }
        for tag in r.all::<Tag>(None)? {
            tags.extend(Some(tag?).filter(|tag| tag.is_local() && !tag.deleted));
        }
        Ok(Self { groups, tags })
    }
}

fn put_group(
    w: &mut Write<'_>,
    local: &Local,
    fact: &GroupFacts,
) -> Result<TagGroupId, StoreError> {
    let same_name = || local.groups.iter().find(|group| group.name == fact.name);
    let known = group_by_wecom_id(&w.read(), &fact.wecom_id)?;
    let id = match known.or_else(|| same_name().map(|group| group.id)) {
        Some(known) => known,
        None => w.new_id::<TagGroup>()?,
    };
    w.put(&TagGroup {
        id,
        wecom_id: fact.wecom_id.clone(),
        name: fact.name.clone(),
        order: fact.order,
        deleted: false,
    })?;
    Ok(id)
}

fn put_tag(
    w: &mut Write<'_>,
    local: &Local,
    group: TagGroupId,
    fact: &TagFacts,
) -> Result<(), StoreError> {
    let same_name = || {
        let mut tags = local.tags.iter();
        tags.find(|tag| tag.group == group && tag.name == fact.name)
            .cloned()
    };
    let known = match tag_by_wecom_id(&w.read(), &fact.wecom_id)? {
        Some(known) => w.get::<Tag>(&known)?,
        None => same_name(),
    };
    let id = match &known {
        Some(known) => known.id,
        None => w.new_id::<Tag>()?,
    };
    w.put(&Tag {
        id,
        wecom_id: fact.wecom_id.clone(),
        group,
        name: fact.name.clone(),
        order: fact.order,
        deleted: false,
        made_at: known.and_then(|known| known.made_at),
    })
}

fn mark_deleted(w: &mut Write<'_>, facts: &[GroupFacts]) -> Result<(), StoreError> {
    let groups: HashSet<&str> = facts.iter().map(|g| g.wecom_id.as_str()).collect();
    let tags: HashSet<&str> = facts
        .iter()
        .flat_map(|g| &g.tags)
        .map(|t| t.wecom_id.as_str())
        .collect();
    let stored_groups: Vec<TagGroup> = w.read().all(None)?.collect::<Result<_, _>>()?;
    for mut group in stored_groups {
        if !group.deleted && !group.is_local() && !groups.contains(group.wecom_id.as_str()) {
            group.deleted = true;
            w.put(&group)?;
        }
    }
    let stored_tags: Vec<Tag> = w.read().all(None)?.collect::<Result<_, _>>()?;
    for mut tag in stored_tags {
        if !tag.deleted && !tag.is_local() && !tags.contains(tag.wecom_id.as_str()) {
            tag.deleted = true;
            w.put(&tag)?;
        }
    }
    Ok(())
}

/// The tag with this WeCom id.
pub fn tag_by_wecom_id(r: &Read<'_>, wecom_id: &str) -> Result<Option<TagId>, StoreError> {
    r.find_key(&TAG_BY_WECOM_ID, &Key::new().with(wecom_id))
}

/// The group with this WeCom id.
pub(super) fn group_by_wecom_id(
    r: &Read<'_>,
    wecom_id: &str,
) -> Result<Option<TagGroupId>, StoreError> {
    r.find_key(&GROUP_BY_WECOM_ID, &Key::new().with(wecom_id))
}
