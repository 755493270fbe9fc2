//! Reads of the directory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::store::{Read, StoreError};

use super::{
    Department, DepartmentId, Member, MemberId,
    tables::{MEMBER_BY_USERID, userid_key},
};

/// The living departments as a tree. Small (tens to thousands), so it is read whole.
#[derive(Debug, Clone, Default)]
pub struct DepartmentTree {
    by_wecom_id: BTreeMap<u64, Department>,
    children: HashMap<u64, Vec<u64>>,
}

impl DepartmentTree {
    /// Reads it.
    pub fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        let mut tree = Self::default();
        for department in r.all::<Department>(None)? {
            let department = department?;
            if department.removed_at.is_none() {
                tree.by_wecom_id.insert(department.wecom_id, department);
            }
        }
        for department in tree.by_wecom_id.values() {
            tree.children
                .entry(department.parent_wecom_id)
                .or_default()
                .push(department.wecom_id);
        }
        let by_wecom_id = &tree.by_wecom_id;
        for children in tree.children.values_mut() {
            // Larger order stands higher; ties as created.
            children.sort_by_key(|id| (std::cmp::Reverse(by_wecom_id[id].order), *id));
        }
        Ok(tree)
    }

    /// Departments without a living parent: the root, and what hangs loose during a change.
    pub fn roots(&self) -> Vec<&Department> {
        self.by_wecom_id
            .values()
            .filter(|d| !self.by_wecom_id.contains_key(&d.parent_wecom_id))
            .collect()
    }

    /// A department by WeCom's number.
    pub fn get(&self, wecom_id: u64) -> Option<&Department> {
        self.by_wecom_id.get(&wecom_id)
    }

    /// A department by our id.
    pub fn find(&self, id: DepartmentId) -> Option<&Department> {
        self.by_wecom_id.values().find(|d| d.id == id)
    }

    /// The departments directly below, in WeCom's order.
    pub fn children(&self, wecom_id: u64) -> Vec<&Department> {
        let ids = self.children.get(&wecom_id).map_or(&[][..], Vec::as_slice);
        ids.iter()
            .filter_map(|id| self.by_wecom_id.get(id))
            .collect()
    }

    /// Numbers of a department and all below it. Ends even if the stored tree has a loop.
    pub fn subtree(&self, wecom_id: u64) -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        let mut open = vec![wecom_id];
        while let Some(id) = open.pop() {
            if self.by_wecom_id.contains_key(&id) && found.insert(id) {
                open.extend(self.children.get(&id).into_iter().flatten());
            }
        }
        found
    }

    /// The departments from the root down to this one.
    pub fn path(&self, wecom_id: u64) -> Vec<&Department> {
        let mut path = Vec::new();
        let mut next = self.by_wecom_id.get(&wecom_id);
        while let Some(department) = next {
            if path.len() > self.by_wecom_id.len() {
                break;
            }
            path.push(department);
            next = self.by_wecom_id.get(&department.parent_wecom_id);
        }
        path.reverse();
        path
    }

    /// All departments, parents before children, in WeCom's order, with their depth.
    pub fn flat(&self) -> Vec<(usize, &Department)> {
        let mut flat = Vec::new();
        let mut open: Vec<(usize, &Department)> =
            self.roots().into_iter().rev().map(|d| (0, d)).collect();
        while let Some((depth, department)) = open.pop() {
            flat.push((depth, department));
            let children = self.children(department.wecom_id);
            open.extend(children.into_iter().rev().map(|d| (depth + 1, d)));
        }
        flat
    }
}

/// A member by WeCom's userid, also one who left.
pub fn member_by_userid(r: &Read<'_>, userid: &str) -> Result<Option<Member>, StoreError> {
    r.find(&MEMBER_BY_USERID, userid_key(r.vault(), userid))
}

/// The id of the member with this userid.
pub fn member_id_by_userid(r: &Read<'_>, userid: &str) -> Result<Option<MemberId>, StoreError> {
    r.find_key(&MEMBER_BY_USERID, &userid_key(r.vault(), userid))
}
