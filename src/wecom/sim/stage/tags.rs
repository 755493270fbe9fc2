//! The tag library in the admin console.

use serde::{Deserialize, Serialize};

use super::{Done, Refusal};
use crate::wecom::sim::{callbacks::Notice, state::World};

/// The last becomes the first.
fn turn_round(orders: &mut [&mut u64]) {
    let mut old: Vec<u64> = orders.iter().map(|order| **order).collect();
    old.reverse();
    for (order, old) in orders.iter_mut().zip(old) {
        **order = old;
    }
}

fn notice(change: &'static str, id: &str, kind: &str) -> Notice {
    Notice::new("change_external_tag", change)
        .id("Id", id)
        .text("TagType", kind)
}

/// What an administrator does to the tag library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum TagVerb {
    /// A corp tag is made in the console, with its group if there is none of this name.
    AddTag {
        /// Name of the tag group.
        group: String,
        /// Name of the tag.
        name: String,
    },
    /// A corp tag gets another name.
    RenameTag {
        /// The tag.
        tag_id: String,
        /// The new name.
        name: String,
    },
    /// A tag group gets another name.
    RenameTagGroup {
        /// The tag group.
        group_id: String,
        /// The new name.
        name: String,
    },
    /// The tags of a group are put in the opposite order, or without a group, the groups.
    ShuffleTags {
        /// The tag group, may be empty.
        #[serde(default)]
        group_id: String,
    },
    /// A corp tag is deleted; customers lose it.
    RemoveTag {
        /// The tag.
        tag_id: String,
    },
    /// A whole tag group is deleted.
    RemoveTagGroup {
        /// The tag group.
        group_id: String,
    },
}

impl World {
    /// Does it; `now_s` in seconds.
    pub(super) fn in_tag_library(&mut self, verb: &TagVerb, now_s: i64) -> Result<Done, Refusal> {
        match verb {
            TagVerb::AddTag { group, name } => self.make_tag(group, name, now_s),
            TagVerb::RenameTag { tag_id, name } => self.rename_tag(tag_id, name),
            TagVerb::RenameTagGroup { group_id, name } => self.rename_tag_group(group_id, name),
            TagVerb::ShuffleTags { group_id } => self.shuffle_tags(group_id),
            TagVerb::RemoveTag { tag_id } => self.drop_tag(tag_id),
            TagVerb::RemoveTagGroup { group_id } => self.drop_tag_group(group_id),
        }
    }

    fn make_tag(&mut self, group: &str, name: &str, now_s: i64) -> Result<Done, Refusal> {
        let fits = |text: &str| (1..=30).contains(&text.chars().count());
        if !fits(group) || !fits(name) {
            return Err(Refusal::BadValue);
        }
        let known = self.tags.iter().find(|g| g.name == group && !g.deleted);
        if known.is_some_and(|g| g.tags.iter().any(|t| t.name == name && !t.deleted)) {
            return Err(Refusal::AlreadyThere);
        }
        let new_group = known.is_none();
        let id = self.add_tag(group, name, now_s);
        let mut notices = Vec::new();
        if new_group && let Some((group, _)) = self.live_tag(&id) {
            notices.push(notice("create", &group.id, "tag_group"));
        }
        notices.push(notice("create", &id, "tag"));
        Ok(Done::making(id, notices))
    }

    fn rename_tag(&mut self, tag_id: &str, name: &str) -> Result<Done, Refusal> {
        if !(1..=30).contains(&name.chars().count()) {
            return Err(Refusal::BadValue);
        }
        let mut tags = self.tags.iter_mut().flat_map(|group| &mut group.tags);
        let tag = tags.find(|tag| tag.id == tag_id && !tag.deleted);
        tag.ok_or(Refusal::UnknownTag)?.name = name.to_owned();
        Ok(Done::telling([notice("update", tag_id, "tag")]))
    }

    fn rename_tag_group(&mut self, group_id: &str, name: &str) -> Result<Done, Refusal> {
        if !(1..=30).contains(&name.chars().count()) {
            return Err(Refusal::BadValue);
        }
        let mut groups = self.tags.iter_mut().filter(|group| !group.deleted);
        let group = groups.find(|group| group.id == group_id);
        group.ok_or(Refusal::UnknownTag)?.name = name.to_owned();
        Ok(Done::telling([notice("update", group_id, "tag_group")]))
    }

    fn shuffle_tags(&mut self, group_id: &str) -> Result<Done, Refusal> {
        let shuffled = Notice::new("change_external_tag", "shuffle");
        if group_id.is_empty() {
            let mut groups: Vec<_> = self.tags.iter_mut().map(|g| &mut g.order).collect();
            turn_round(&mut groups);
            return Ok(Done::telling([shuffled]));
        }
        let mut groups = self.tags.iter_mut().filter(|group| !group.deleted);
        let group = groups.find(|group| group.id == group_id);
        let group = group.ok_or(Refusal::UnknownTag)?;
        let mut tags: Vec<_> = group.tags.iter_mut().map(|tag| &mut tag.order).collect();
        turn_round(&mut tags);
        Ok(Done::telling([shuffled.id("Id", group_id)]))
    }

    fn drop_tag(&mut self, tag_id: &str) -> Result<Done, Refusal> {
        let (group, _) = self.live_tag(tag_id).ok_or(Refusal::UnknownTag)?;
        let group_id = group.id.clone();
        self.remove_tag(tag_id);
        let group_gone = self.tags.iter().any(|g| g.id == group_id && g.deleted);
        let mut notices = vec![notice("delete", tag_id, "tag")];
        if group_gone {
            notices.push(notice("delete", &group_id, "tag_group"));
        }
        Ok(Done::telling(notices))
    }

    fn drop_tag_group(&mut self, group_id: &str) -> Result<Done, Refusal> {
        let mut groups = self.tags.iter_mut();
        let group = groups.find(|group| group.id == group_id && !group.deleted);
        let group = group.ok_or(Refusal::UnknownTag)?;
        group.deleted = true;
        for tag in &mut group.tags {
            tag.deleted = true;
        }
        // One event for the group, none for its tags.
        Ok(Done::telling([notice("delete", group_id, "tag_group")]))
    }
}
