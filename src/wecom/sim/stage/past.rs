//! A past that is told afterwards: customers and people in groups who had come by a way that
//! is younger than they are. Nobody is told of it; whoever reads the firm again finds it.

use super::{Done, Refusal};
use crate::wecom::sim::state::World;

/// WeCom's number for whoever came by scanning a code (add_way).
const BY_CODE: u16 = 1;
/// WeCom's number for whoever joined a group by scanning a code (join_scene).
const JOINED_BY_CODE: u8 = 3;

impl World {
    /// Every so many-th customer whom a member has by a code had come by this contact way.
    pub(super) fn came_by_contact_way(
        &mut self,
        config_id: &str,
        userid: &str,
        every: u64,
    ) -> Result<Done, Refusal> {
        let way = self.contact.ways.by_id.get(config_id);
        let state = way.ok_or(Refusal::UnknownObject)?.state.clone();
        let userid = self.known_member(userid)?;
        if every == 0 {
            return Err(Refusal::BadValue);
        }
        let numbers = self.book.of_member(&userid).cloned().unwrap_or_default();
        for number in numbers.into_iter().filter(|n| u64::from(*n) % every == 0) {
            self.book.change(number, |customer| {
                let came = |r: &&mut crate::wecom::sim::firm::Relation| {
                    r.userid == userid && r.add_way == BY_CODE
                };
                if let Some(relation) = customer.relations.iter_mut().find(came) {
                    relation.state.clone_from(&state);
                }
            });
        }
        Ok(Done::default())
    }

    /// Whoever is in the groups of a join way by a code had come by it.
    pub(super) fn came_by_join_way(&mut self, config_id: &str) -> Result<Done, Refusal> {
        let way = self.contact.join_ways.get(config_id);
        let way = way.ok_or(Refusal::UnknownObject)?.clone();
        for chat in &way.chats {
            let Some(group) = self.groups.get_mut(chat) else {
                continue;
            };
            let came = group.members.iter_mut();
            for person in came.filter(|m| m.kind == 2 && m.join_scene == JOINED_BY_CODE) {
                person.state.clone_from(&way.state);
            }
        }
        Ok(Done::default())
    }
}
