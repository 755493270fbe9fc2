//! Reads of tags. Corp tags name no person; whoever may see customers may see them.

use std::collections::HashMap;

use crate::store::{Read, StoreError};

use super::{Tag, TagGroup, TagGroupId, TagId};

/// A group with its living tags, both in WeCom's order.
#[derive(Debug, Clone)]
pub struct GroupWithTags {
    /// The group.
    pub group: TagGroup,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// All living groups with their living tags.
pub fn groups(r: &Read<'_>) -> Result<Vec<GroupWithTags>, StoreError> {
    let mut groups: Vec<GroupWithTags> = Vec::new();
    for group in r.all::<TagGroup>(None)? {
        let group = group?;
        if !group.deleted {
            groups.push(GroupWithTags {
                group,
                tags: Vec::new(),
            });
        }
    }
    for tag in r.all::<Tag>(None)? {
        let tag = tag?;
        if !tag.deleted
            && let Some(g) = groups.iter_mut().find(|g| g.group.id == tag.group)
        {
            g.tags.push(tag);
        }
    }
    groups.sort_by(|a, b| {
        b.group
            .order
            .cmp(&a.group.order)
            .then_with(|| a.group.name.cmp(&b.group.name))
    });
    for group in &mut groups {
        group
            .tags
            .sort_by(|a, b| b.order.cmp(&a.order).then_with(|| a.name.cmp(&b.name)));
    }
    Ok(groups)
}

/// The living tags of a group.
pub fn in_group(r: &Read<'_>, group: TagGroupId) -> Result<Vec<Tag>, StoreError> {
    let mut tags = Vec::new();
    for tag in r.all::<Tag>(None)? {
        tags.extend(Some(tag?).filter(|tag| tag.group == group && !tag.deleted));
    }
    Ok(tags)
}

/// All living tags by id, for turning ids on rows into names.
pub fn by_id(r: &Read<'_>) -> Result<HashMap<TagId, Tag>, StoreError> {
    let mut tags = HashMap::new();
    for tag in r.all::<Tag>(None)? {
        let tag = tag?;
        if !tag.deleted {
            tags.insert(tag.id, tag);
        }
    }
    Ok(tags)
}
