//! Departments and members.

use std::collections::BTreeSet;

use super::World;
use crate::wecom::sim::firm::{Department, Member};

impl World {
    /// `id` and everything below it; `None` if there is no such department.
    pub fn subtree(&self, id: u64) -> Option<BTreeSet<u64>> {
        self.org.departments.get(&id)?;
        let mut found = BTreeSet::from([id]);
        let mut open = vec![id];
        while let Some(parent) = open.pop() {
            for child in self.org.departments.values().filter(|d| d.parent == parent) {
                if found.insert(child.id) {
                    open.push(child.id);
                }
            }
        }
        Some(found)
    }

    /// The member who serves customers, under this userid (not case-sensitive).
    pub fn seller(&self, userid: &str) -> Option<&Member> {
        self.member(userid).filter(|m| m.serves_customers)
    }

    /// The member under this userid (not case-sensitive).
    pub fn member(&self, userid: &str) -> Option<&Member> {
        self.org.members.get(userid).or_else(|| {
            self.org
                .members
                .values()
                .find(|m| m.userid.eq_ignore_ascii_case(userid))
        })
    }

    /// A member leaves the firm: gone from the directory, the relations end, the groups wait
    /// for an heir.
    pub fn member_leaves(&mut self, userid: &str) -> bool {
        self.keep_for_heirs(userid);
        if self.org.members.remove(userid).is_none() {
            return false;
        }
        self.org.sellers.retain(|s| s != userid);
        self.directory.tags.forget_member(userid);
        for department in self.org.departments.values_mut() {
            department.leaders.retain(|l| l != userid);
        }
        let served: Vec<u32> = self
            .book
            .of_member(userid)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        for number in served {
            self.book
                .change(number, |c| c.relations.retain(|r| r.userid != userid));
        }
        for group in self.groups.values_mut() {
            let before = group.members.len();
            group.members.retain(|m| m.userid != userid);
            group.version += u64::from(group.members.len() < before);
            if group.owner == userid {
                group.status = 1;
            }
        }
        true
    }

    /// A member joins, able to serve customers; false if the department is unknown or the
    /// userid taken.
    pub fn member_joins(&mut self, userid: &str, name: &str, department: u64) -> bool {
        if !self.org.departments.contains_key(&department) || self.member(userid).is_some() {
            return false;
        }
        let member = Member {
            userid: userid.to_owned(),
            name: name.to_owned(),
            departments: vec![department],
            orders: vec![0],
            leads: vec![false],
            position: "茶艺顾问".to_owned(),
            status: 1,
            serves_customers: true,
            external_position: "茶艺顾问".to_owned(),
            ..Member::default()
        };
        self.org.members.insert(userid.to_owned(), member);
        self.org.sellers.push(userid.to_owned());
        true
    }

    /// A new department; its id, or `None` if the parent is unknown.
    pub fn add_department(&mut self, name: &str, parent: u64) -> Option<u64> {
        self.org.departments.get(&parent)?;
        let id = self
            .org
            .departments
            .keys()
            .next_back()
            .map_or(1, |last| last + 1);
        let name = name.to_owned();
        let department = Department {
            id,
            name,
            name_en: String::new(),
            parent,
            order: 0,
            leaders: Vec::new(),
        };
        self.org.departments.insert(id, department);
        Some(id)
    }

    /// Removes an empty department; false if it is unknown, the root, or not empty.
    pub fn remove_department(&mut self, id: u64) -> bool {
        let used = self.org.departments.values().any(|d| d.parent == id)
            || self
                .org
                .members
                .values()
                .any(|m| m.departments.contains(&id));
        let removed = id != 1 && !used && self.org.departments.remove(&id).is_some();
        if removed {
            self.directory.tags.forget_department(id);
        }
        removed
    }
}
