//! Reads of the directory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::store::{Key, Read, StoreError};

use super::{
    Department, DepartmentId, Member, MemberId, MemberState, Sight,
    tables::{DEPARTMENT_BY_WECOM_ID, MEMBER_BY_USERID, userid_key},
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

/// A department by WeCom's number, also one that is gone.
pub fn department_by_wecom_id(
    r: &Read<'_>,
    wecom_id: u64,
) -> Result<Option<Department>, StoreError> {
    r.find(&DEPARTMENT_BY_WECOM_ID, Key::new().with(wecom_id))
}

/// A member by WeCom's userid, also one who left.
pub fn member_by_userid(r: &Read<'_>, userid: &str) -> Result<Option<Member>, StoreError> {
    r.find(&MEMBER_BY_USERID, userid_key(r.vault(), userid))
}

/// The id of the member with this userid.
pub fn member_id_by_userid(r: &Read<'_>, userid: &str) -> Result<Option<MemberId>, StoreError> {
    r.find_key(&MEMBER_BY_USERID, &userid_key(r.vault(), userid))
}

/// What a list of members is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct MemberFilter {
    /// Only those directly in this department (WeCom's number).
    pub department: Option<u64>,
    /// Only in this state.
    pub state: Option<MemberState>,
    /// Only with this in the name or the alias, case folded.
    pub name: String,
}

/// A member that the viewer sees.
pub fn member(sight: &Sight, id: MemberId) -> Option<&Member> {
    sight.directory.member(id).filter(|_| sight.sees(id))
}

/// The members that the viewer sees and asked for; who left stands last. Those of one
/// department are in WeCom's order, others in the order in which they became known.
pub fn members<'a>(sight: &'a Sight, filter: &MemberFilter) -> Vec<&'a Member> {
    let name = filter.name.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&name);
    let mut members: Vec<&Member> = match filter.department {
        Some(department) => sight.directory.members_of(department).collect(),
        None => sight.directory.members().collect(),
    };
    members.retain(|m| {
        sight.sees(m.id)
            && filter.state.is_none_or(|state| m.state == state)
            && (name.is_empty() || has(&m.name) || has(&m.alias))
    });
    if filter.department.is_none() {
        members.sort_by_key(|m| m.no);
    }
    members.sort_by_key(|member| !member.is_here());
    members
}

/// The departments in which the viewer sees somebody, parents before children: depth,
/// department, and how many people here at or below it the viewer sees.
pub fn departments(sight: &Sight) -> Vec<(usize, &Department, usize)> {
    let directory = &*sight.directory;
    let line = |(depth, department): (usize, &'_ Department)| {
        let ids = directory.member_ids_under(department.wecom_id);
        let seen = || ids.iter().filter(|id| sight.sees(**id));
        let here = |id: &&_| directory.member(**id).is_some_and(Member::is_here);
        let is_shown = sight.members().is_none() || seen().next().is_some();
        is_shown.then(|| (depth, department.wecom_id, seen().filter(here).count()))
    };
    directory
        .tree
        .flat()
        .into_iter()
        .filter_map(line)
        .filter_map(|(depth, number, people)| Some((depth, directory.tree.get(number)?, people)))
        .collect()
}
