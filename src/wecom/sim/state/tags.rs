//! The corp tags of customers.

use super::World;
use crate::wecom::sim::firm::{CorpTag, TagGroup};

impl World {
    /// A new tag in the group of this name, which is made if there is none. The tag's id.
    pub fn add_tag(&mut self, group: &str, name: &str, now_s: i64) -> String {
        let mut rng = self.fresh();
        let tag = CorpTag {
            id: rng.id("etQd7hCgAA", 22),
            name: name.to_owned(),
            order: 0,
            create_time: now_s,
            deleted: false,
        };
        let id = tag.id.clone();
        match self.tags.iter_mut().find(|g| g.name == group && !g.deleted) {
            Some(found) => found.tags.push(tag),
            None => self.tags.push(TagGroup {
                id: rng.id("etQd7hCgAA", 22),
                name: group.to_owned(),
                order: 0,
                create_time: now_s,
                tags: vec![tag],
                deleted: false,
            }),
        }
        id
    }

    /// Deletes a tag; the group goes with its last tag.
    pub fn remove_tag(&mut self, tag_id: &str) -> bool {
        let mut found = false;
        for group in &mut self.tags {
            for tag in group
                .tags
                .iter_mut()
                .filter(|t| t.id == tag_id && !t.deleted)
            {
                tag.deleted = true;
                found = true;
            }
            group.deleted = group.tags.iter().all(|t| t.deleted);
        }
        found
    }

    /// Whether customers may still carry this tag.
    pub fn live_tag(&self, tag_id: &str) -> Option<(&TagGroup, &CorpTag)> {
        self.tags.iter().find_map(|group| {
            let tag = group.tags.iter().find(|t| t.id == tag_id && !t.deleted)?;
            Some((group, tag))
        })
    }
}
