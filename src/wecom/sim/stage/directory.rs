//! Members and departments come, move and go.

use serde::{Deserialize, Serialize};

use super::{
    Done, Refusal,
    lenient::{number, numbers},
};
use crate::wecom::sim::{callbacks::Notice, state::World};

const EVENT: &str = "change_contact";

/// What happens to the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum DirectoryVerb {
    /// A member joins the firm and may serve customers.
    MemberJoins {
        /// The new userid; WeCom makes one if it is empty, which may be changed once.
        #[serde(default)]
        userid: String,
        /// Name.
        name: String,
        /// Department id.
        #[serde(deserialize_with = "number")]
        department: u64,
    },
    /// A member who was made by a call signs in for the first time (激活).
    ActivateMember {
        /// The member.
        userid: String,
    },
    /// A member leaves the firm.
    MemberLeaves {
        /// The member.
        userid: String,
    },
    /// A member changes departments.
    MemberMoves {
        /// The member.
        userid: String,
        /// All departments, the main one first.
        #[serde(deserialize_with = "numbers")]
        departments: Vec<u64>,
    },
    /// A member is given another name; since 2022 nobody is told.
    RenameMember {
        /// The member.
        userid: String,
        /// The new name.
        name: String,
    },
    /// A department is made.
    AddDepartment {
        /// Name.
        name: String,
        /// Id of the department above.
        #[serde(deserialize_with = "number")]
        parent: u64,
    },
    /// A department is put elsewhere.
    MoveDepartment {
        /// The department.
        #[serde(deserialize_with = "number")]
        id: u64,
        /// Id of the department above.
        #[serde(deserialize_with = "number")]
        parent: u64,
    },
    /// An empty department is removed.
    RemoveDepartment {
        /// The department.
        #[serde(deserialize_with = "number")]
        id: u64,
    },
}

impl World {
    /// Does it.
    pub(super) fn in_directory(&mut self, verb: &DirectoryVerb) -> Result<Done, Refusal> {
        match verb {
            DirectoryVerb::MemberJoins {
                userid,
                name,
                department,
            } => self.join(userid, name, *department),
            DirectoryVerb::ActivateMember { userid } => self.activate(userid),
            DirectoryVerb::MemberLeaves { userid } => self.leave(userid),
            DirectoryVerb::MemberMoves {
                userid,
                departments,
            } => self.move_member(userid, departments),
            DirectoryVerb::RenameMember { userid, name } => self.rename_member(userid, name),
            DirectoryVerb::AddDepartment { name, parent } => self.make_department(name, *parent),
            DirectoryVerb::MoveDepartment { id, parent } => self.move_department(*id, *parent),
            DirectoryVerb::RemoveDepartment { id } => self.drop_department(*id),
        }
    }

    fn join(&mut self, userid: &str, name: &str, department: u64) -> Result<Done, Refusal> {
        self.known_department(department)?;
        if self.member(userid).is_some() {
            return Err(Refusal::AlreadyThere);
        }
        let by_wecom = userid.is_empty();
        let made;
        let userid = if by_wecom {
            made = self.fresh().id("Wx", 10).replace(['-', '_'], "0");
            &made
        } else {
            userid
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.@-".contains(&b);
        let shaped = (1..=64).contains(&userid.len()) && userid.bytes().all(plain);
        if !shaped || name.is_empty() || name.chars().count() > 64 {
            return Err(Refusal::BadValue);
        }
        self.member_joins(userid, name, department);
        if let Some(member) = self.org.members.get_mut(userid) {
            member.userid_by_wecom = by_wecom;
        }
        let notice = Notice::new(EVENT, "create_user")
            .id("UserID", userid)
            .list("Department", &[department]);
        Ok(if by_wecom {
            Done::making(userid.to_owned(), [notice])
        } else {
            Done::telling([notice])
        })
    }

    fn activate(&mut self, userid: &str) -> Result<Done, Refusal> {
        let userid = self.known_member(userid)?;
        let member = self.org.members.get_mut(&userid);
        let waiting = member.filter(|member| member.status == 4);
        waiting.ok_or(Refusal::AlreadyThere)?.status = 1;
        // Since 2022-08-15 nobody is told.
        Ok(Done::default())
    }

    fn leave(&mut self, userid: &str) -> Result<Done, Refusal> {
        let userid = self.known_member(userid)?;
        self.member_leaves(&userid);
        let notice = Notice::new(EVENT, "delete_user").id("UserID", &userid);
        Ok(Done::telling([notice]))
    }

    fn move_member(&mut self, userid: &str, departments: &[u64]) -> Result<Done, Refusal> {
        let userid = self.known_member(userid)?;
        if departments.is_empty() {
            return Err(Refusal::BadValue);
        }
        for id in departments {
            self.known_department(*id)?;
        }
        if let Some(member) = self.org.members.get_mut(&userid) {
            member.departments = departments.to_vec();
            member.orders = vec![0; departments.len()];
            member.leads = vec![false; departments.len()];
            member.main_department = None;
        }
        for (id, department) in &mut self.org.departments {
            if !departments.contains(id) {
                department.leaders.retain(|leader| *leader != userid);
            }
        }
        let notice = Notice::new(EVENT, "update_user")
            .id("UserID", &userid)
            .list("Department", departments);
        Ok(Done::telling([notice]))
    }

    fn rename_member(&mut self, userid: &str, name: &str) -> Result<Done, Refusal> {
        let userid = self.known_member(userid)?;
        if name.is_empty() {
            return Err(Refusal::BadValue);
        }
        if let Some(member) = self.org.members.get_mut(&userid) {
            member.name = name.to_owned();
        }
        Ok(Done::default())
    }

    fn make_department(&mut self, name: &str, parent: u64) -> Result<Done, Refusal> {
        let siblings = self.org.departments.values();
        if name.is_empty() {
            return Err(Refusal::BadValue);
        }
        if siblings
            .filter(|d| d.parent == parent)
            .any(|d| d.name == name)
        {
            return Err(Refusal::AlreadyThere);
        }
        let made = self.add_department(name, parent);
        let id = made.ok_or(Refusal::UnknownDepartment)?;
        let notice = Notice::new(EVENT, "create_party")
            .department(id)
            .number("ParentId", parent);
        Ok(Done::making(id.to_string(), [notice]))
    }

    fn move_department(&mut self, id: u64, parent: u64) -> Result<Done, Refusal> {
        self.known_department(parent)?;
        let below = self.subtree(id).ok_or(Refusal::UnknownDepartment)?;
        if id == 1 || below.contains(&parent) {
            return Err(Refusal::BadValue);
        }
        if let Some(department) = self.org.departments.get_mut(&id) {
            department.parent = parent;
        }
        let notice = Notice::new(EVENT, "update_party")
            .department(id)
            .number("ParentId", parent);
        Ok(Done::telling([notice]))
    }

    fn drop_department(&mut self, id: u64) -> Result<Done, Refusal> {
        self.known_department(id)?;
        if !self.remove_department(id) {
            return Err(Refusal::NotEmpty);
        }
        Ok(Done::telling([
            Notice::new(EVENT, "delete_party").department(id)
        ]))
    }

    pub(super) fn known_department(&self, id: u64) -> Result<(), Refusal> {
        let known = self.org.departments.contains_key(&id);
        known.then_some(()).ok_or(Refusal::UnknownDepartment)
    }
}
