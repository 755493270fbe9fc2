//! Corp tags as WeCom tells them.

use std::collections::HashSet;

use crate::store::{Key, Read, StoreError, Write};

use super::{
    Tag, TagGroup, TagId,
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
/// in it is marked as deleted. Gives the number of groups and tags created, changed or marked.
pub fn apply(w: &mut Write<'_>, facts: &[GroupFacts]) -> Result<usize, StoreError> {
    let before = w.changed();
    for fact in facts {
        let id = put_group(w, fact)?;
        for tag in &fact.tags {
            let id_of = tag_by_wecom_id(&w.read(), &tag.wecom_id)?;
            let tag_id = match id_of {
                Some(known) => known,
                None => w.new_id::<Tag>()?,
            };
            w.put(&Tag {
                id: tag_id,
                wecom_id: tag.wecom_id.clone(),
                group: id,
                name: tag.name.clone(),
                order: tag.order,
                deleted: false,
            })?;
        }
    }
    mark_deleted(w, facts)?;
    Ok(w.changed() - before)
}

fn put_group(w: &mut Write<'_>, fact: &GroupFacts) -> Result<super::TagGroupId, StoreError> {
    let key = Key::new().with(fact.wecom_id.as_str());
    let known = w.read().find_key(&GROUP_BY_WECOM_ID, &key)?;
    let id = match known {
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

fn mark_deleted(w: &mut Write<'_>, facts: &[GroupFacts]) -> Result<(), StoreError> {
    let groups: HashSet<&str> = facts.iter().map(|g| g.wecom_id.as_str()).collect();
    let tags: HashSet<&str> = facts
        .iter()
        .flat_map(|g| &g.tags)
        .map(|t| t.wecom_id.as_str())
        .collect();
    let stored_groups: Vec<TagGroup> = w.read().all(None)?.collect::<Result<_, _>>()?;
    for mut group in stored_groups {
        if !group.deleted && !groups.contains(group.wecom_id.as_str()) {
            group.deleted = true;
            w.put(&group)?;
        }
    }
    let stored_tags: Vec<Tag> = w.read().all(None)?.collect::<Result<_, _>>()?;
    for mut tag in stored_tags {
        if !tag.deleted && !tags.contains(tag.wecom_id.as_str()) {
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
