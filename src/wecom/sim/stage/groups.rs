//! Customer groups.

use serde::{Deserialize, Serialize};

use super::{Done, Refusal, lenient::texts};
use crate::wecom::sim::{
    callbacks::Notice,
    firm::{GroupChat, GroupMember},
    state::World,
};

fn notice(change: &'static str, chat_id: &str) -> Notice {
    Notice::new("change_external_chat", change).id("ChatId", chat_id)
}

fn update(detail: &str, chat_id: &str) -> Notice {
    notice("update", chat_id).text("UpdateDetail", detail)
}

/// Somebody came or went.
fn moved(detail: &str, scene: (&str, u64), group: &GroupChat, before: &str, who: &str) -> Notice {
    update(detail, &group.chat_id)
        .number(scene.0, scene.1)
        .number("MemChangeCnt", 1)
        .items("MemChangeList", &[who])
        .text("LastMemVer", before)
        .text("CurMemVer", &group.member_version())
}

/// What happens to customer groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum GroupVerb {
    /// A member makes a customer group.
    CreateGroup {
        /// The owner.
        userid: String,
        /// Name.
        name: String,
        /// Customers in it from the start.
        #[serde(default, deserialize_with = "texts")]
        external_userids: Vec<String>,
    },
    /// A customer or member joins a group.
    JoinGroup {
        /// The group.
        chat_id: String,
        /// userid or external userid.
        who: String,
        /// By the group's code rather than invited.
        #[serde(default, deserialize_with = "super::lenient::flag")]
        by_code: bool,
    },
    /// Somebody quits a group.
    QuitGroup {
        /// The group.
        chat_id: String,
        /// userid or external userid.
        who: String,
        /// Removed by the owner rather than of their own will.
        #[serde(default, deserialize_with = "super::lenient::flag")]
        removed: bool,
    },
    /// A group gets another name.
    RenameGroup {
        /// The group.
        chat_id: String,
        /// The new name, may be empty.
        #[serde(default)]
        name: String,
    },
    /// A group gets another notice.
    SetGroupNotice {
        /// The group.
        chat_id: String,
        /// The new notice, may be empty.
        #[serde(default)]
        notice: String,
    },
    /// A group gets another owner from among its members.
    ChangeGroupOwner {
        /// The group.
        chat_id: String,
        /// The new owner.
        userid: String,
    },
    /// A group is disbanded.
    DisbandGroup {
        /// The group.
        chat_id: String,
    },
}

impl World {
    /// Does it; `now_s` in seconds.
    pub(super) fn in_groups(&mut self, verb: &GroupVerb, now_s: i64) -> Result<Done, Refusal> {
        match verb {
            GroupVerb::CreateGroup {
                userid,
                name,
                external_userids,
            } => self.create_group(userid, name, external_userids, now_s),
            GroupVerb::JoinGroup {
                chat_id,
                who,
                by_code,
            } => self.join_group(chat_id, who, *by_code, now_s),
            GroupVerb::QuitGroup {
                chat_id,
                who,
                removed,
            } => self.quit_group(chat_id, who, *removed),
            GroupVerb::RenameGroup { chat_id, name } => {
                self.change_group(chat_id, "change_name", |group| group.name.clone_from(name))
            }
            GroupVerb::SetGroupNotice { chat_id, notice } => {
                self.change_group(chat_id, "change_notice", |group| {
                    group.notice.clone_from(notice);
                })
            }
            GroupVerb::ChangeGroupOwner { chat_id, userid } => self.change_owner(chat_id, userid),
            GroupVerb::DisbandGroup { chat_id } => self.disband(chat_id),
        }
    }

    pub(super) fn create_group(
        &mut self,
        owner: &str,
        name: &str,
        external_userids: &[String],
        now_s: i64,
    ) -> Result<Done, Refusal> {
        let owner = self.known_member(owner)?;
        let mut members = vec![self.group_member(&owner, 1, now_s)?];
        for id in external_userids {
            self.customer(id)?;
            members.push(self.group_member(id, 1, now_s)?);
        }
        let chat_id = self.fresh().id("wrQd7hCgAA", 22);
        let group = GroupChat {
            chat_id: chat_id.clone(),
            name: name.to_owned(),
            owner,
            notice: String::new(),
            create_time: now_s,
            status: 0,
            admins: Vec::new(),
            members,
            version: 0,
        };
        self.groups.insert(chat_id.clone(), group);
        let created = notice("create", &chat_id);
        Ok(Done::making(chat_id, [created]))
    }

    pub(super) fn join_group(
        &mut self,
        chat_id: &str,
        who: &str,
        by_code: bool,
        now_s: i64,
    ) -> Result<Done, Refusal> {
        let member = self.group_member(who, if by_code { 3 } else { 1 }, now_s)?;
        let group = self.group(chat_id)?;
        if group.members.iter().any(|m| m.userid == member.userid) {
            return Err(Refusal::AlreadyThere);
        }
        let before = group.member_version();
        let who = member.userid.clone();
        group.members.push(member);
        group.version += 1;
        let scene = ("JoinScene", if by_code { 3 } else { 0 });
        let notice = moved("add_member", scene, group, &before, &who);
        Ok(Done::telling([notice]))
    }

    fn quit_group(&mut self, chat_id: &str, who: &str, removed: bool) -> Result<Done, Refusal> {
        let group = self.group(chat_id)?;
        let at = group.members.iter().position(|m| m.userid == who);
        let at = at.ok_or(Refusal::UnknownGroup)?;
        if group.owner == who {
            // The owner passes the group on first.
            return Err(Refusal::BadValue);
        }
        let before = group.member_version();
        group.members.remove(at);
        group.admins.retain(|admin| admin != who);
        group.version += 1;
        let scene = ("QuitScene", u64::from(removed));
        let notice = moved("del_member", scene, group, &before, who);
        Ok(Done::telling([notice]))
    }

    fn change_group(
        &mut self,
        chat_id: &str,
        detail: &'static str,
        edit: impl FnOnce(&mut GroupChat),
    ) -> Result<Done, Refusal> {
        edit(self.group(chat_id)?);
        Ok(Done::telling([update(detail, chat_id)]))
    }

    fn change_owner(&mut self, chat_id: &str, userid: &str) -> Result<Done, Refusal> {
        let group = self.group(chat_id)?;
        let inside = |m: &GroupMember| m.kind == 1 && m.userid == userid;
        if !group.members.iter().any(inside) {
            return Err(Refusal::UnknownGroup);
        }
        self.change_group(chat_id, "change_owner", |group| {
            group.owner = userid.to_owned();
            group.status = 0;
            group.admins.retain(|admin| admin != userid);
        })
    }

    fn disband(&mut self, chat_id: &str) -> Result<Done, Refusal> {
        self.groups.remove(chat_id).ok_or(Refusal::UnknownGroup)?;
        Ok(Done::telling([notice("dismiss", chat_id)]))
    }

    fn group(&mut self, chat_id: &str) -> Result<&mut GroupChat, Refusal> {
        self.groups.get_mut(chat_id).ok_or(Refusal::UnknownGroup)
    }

    /// Somebody as they stand in a group.
    fn group_member(&self, who: &str, scene: u8, now_s: i64) -> Result<GroupMember, Refusal> {
        let (userid, kind, name) = match self.member(who) {
            Some(member) => (member.userid.clone(), 1, member.name.clone()),
            None => {
                let customer = self.customer(who)?;
                (customer.external_userid, 2, customer.name)
            }
        };
        Ok(GroupMember {
            userid,
            kind,
            name,
            nickname: String::new(),
            join_time: now_s,
            join_scene: scene,
            state: String::new(),
        })
    }
}
