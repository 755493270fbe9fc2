//! The whole directory in memory: a firm has hundreds of members, and every list shows their
//! names and every scope is a set of them.
//!
//! The cache is valid for one version of the directory; the version is a row, so a view
//! never disagrees with the snapshot it is read for.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use arc_swap::ArcSwap;

use crate::{
    error::{Invalid, Problem},
    store::{Read, StoreError, Write},
};

use super::{Member, MemberDraft, MemberId, queries::DepartmentTree, tables::DirectoryVersion};

/// Departments and members as of one version.
#[derive(Debug, Default)]
pub struct Directory {
    version: u64,
    /// The departments.
    pub tree: DepartmentTree,
    members: HashMap<MemberId, Member>,
    by_department: HashMap<u64, Vec<MemberId>>,
    /// By what only one member here may have: userid (lower-cased, also of those who left),
    /// mobile, mail.
    by_userid: HashMap<String, MemberId>,
    by_mobile: HashMap<String, MemberId>,
    by_email: HashMap<String, MemberId>,
    by_name: HashMap<String, Vec<MemberId>>,
}

impl Directory {
    /// Reads it whole.
    pub fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        let mut directory = Self {
            version: version(r)?,
            tree: DepartmentTree::load(r)?,
            ..Self::default()
        };
        for member in r.all::<Member>(None)? {
            let member = member?;
            for post in &member.posts {
                directory
                    .by_department
                    .entry(post.department)
                    .or_default()
                    .push(member.id);
            }
            directory.note(&member);
            directory.members.insert(member.id, member);
        }
        for (department, members) in &mut directory.by_department {
            let order = |id: &MemberId| {
                let member = &directory.members[id];
                let post = member.posts.iter().find(|p| p.department == *department);
                let order = post.map_or(0, |p| p.order);
                let leads = post.is_some_and(|p| p.is_leader);
                (!leads, std::cmp::Reverse(order), member.name.clone())
            };
            members.sort_by_cached_key(order);
        }
        Ok(directory)
    }

    fn note(&mut self, member: &Member) {
        let id = member.id;
        self.by_userid
            .insert(member.userid.to_ascii_lowercase(), id);
        if !member.is_here() {
            return;
        }
        let name = crate::search::fold(&member.name);
        self.by_name.entry(name).or_default().push(id);
        if !member.mobile.is_empty() {
            self.by_mobile.insert(bare_mobile(&member.mobile), id);
        }
        if !member.email.is_empty() {
            self.by_email.insert(member.email.to_lowercase(), id);
        }
    }

    /// The member with this userid, also one who left.
    pub fn by_userid(&self, userid: &str) -> Option<&Member> {
        self.member(*self.by_userid.get(&userid.to_ascii_lowercase())?)
    }

    /// The member here with this mobile.
    pub fn by_mobile(&self, mobile: &str) -> Option<&Member> {
        self.member(*self.by_mobile.get(&bare_mobile(mobile))?)
    }

    /// The member here with this mail address.
    pub fn by_email(&self, email: &str) -> Option<&Member> {
        self.member(*self.by_email.get(&email.to_lowercase())?)
    }

    /// The members here with this name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Member> {
        let ids = self.by_name.get(&crate::search::fold(name));
        let ids = ids.map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.members.get(id))
    }

    /// What of a draft somebody other than `own` has already.
    pub fn taken(&self, draft: &MemberDraft, own: Option<MemberId>) -> Invalid {
        let mut wrong = Invalid::default();
        let holders = [
            (
                "mobile",
                "org.problem.mobile_taken",
                &draft.mobile,
                self.by_mobile(&draft.mobile),
            ),
            (
                "email",
                "org.problem.email_taken",
                &draft.email,
                self.by_email(&draft.email),
            ),
        ];
        for (field, code, value, holder) in holders {
            let other = holder.filter(|m| !value.is_empty() && Some(m.id) != own);
            if let Some(other) = other {
                wrong.problems.push(Problem {
                    field,
                    code,
                    args: vec![("name", other.name.clone())],
                });
            }
        }
        wrong
    }

    /// A member, also one who left.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// A member's name; empty if erased.
    pub fn name(&self, id: MemberId) -> &str {
        self.member(id).map_or("", |m| m.name.as_str())
    }

    /// Everybody, those who left included, in no order.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// The members directly in a department (WeCom's number): heads first, then WeCom's order.
    pub fn members_of(&self, department: u64) -> impl Iterator<Item = &Member> {
        let ids = self
            .by_department
            .get(&department)
            .map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.members.get(id))
    }

    /// Ids of everybody in a department and all below it, those who left included.
    pub fn member_ids_under(&self, department: u64) -> BTreeSet<MemberId> {
        let departments = self.tree.subtree(department);
        departments
            .iter()
            .flat_map(|d| self.by_department.get(d))
            .flatten()
            .copied()
            .collect()
    }

    /// The department a member is shown with: the main one, else the first.
    pub fn department_of(&self, member: &Member) -> Option<&super::Department> {
        self.tree.get(member.main_department).or_else(|| {
            member
                .posts
                .iter()
                .find_map(|p| self.tree.get(p.department))
        })
    }
}

/// A mobile however it is written, so that the same number is found.
fn bare_mobile(mobile: &str) -> String {
    super::draft::mobile(mobile).unwrap_or_else(|| mobile.to_owned())
}

/// Keeps the last directory read.
#[derive(Default)]
pub struct DirectoryCache(ArcSwap<Directory>);

impl DirectoryCache {
    /// The directory as this view of the store has it.
    pub fn get(&self, r: &Read<'_>) -> Result<Arc<Directory>, StoreError> {
        let cached = self.0.load_full();
        let current = version(r)?;
        if cached.version == current {
            return Ok(cached);
        }
        let fresh = Arc::new(Directory::load(r)?);
        // An older snapshot may still be in use somewhere; it must not replace a newer view.
        if current > cached.version {
            self.0.store(fresh.clone());
        }
        Ok(fresh)
    }
}

fn version(r: &Read<'_>) -> Result<u64, StoreError> {
    Ok(r.get::<DirectoryVersion>(&"directory".to_owned())?
        .map_or(0, |v| v.n))
}

/// Notes that this write changed the directory.
pub(super) fn touch(w: &mut Write<'_>) -> Result<(), StoreError> {
    let n = version(&w.read())? + 1;
    w.put(&DirectoryVersion { n })
}
