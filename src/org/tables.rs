//! departments: DepartmentId → Department · members: MemberId → Member (sealed).

use crate::{
    kit::Id,
    store::{AuditView, Class, Entity, Index, Key, SubjectId, TableSpec},
};

use super::{Department, DepartmentId, Member, MemberId};

/// Departments by WeCom's number.
pub(super) const DEPARTMENT_BY_WECOM_ID: Index<Department> =
    Index::unique("departments-1.by_wecom_id", |d, _| {
        vec![Key::new().with(d.wecom_id)]
    });

/// Members by userid.
pub(super) const MEMBER_BY_USERID: Index<Member> =
    Index::unique("members-1.by_userid", |m, vault| {
        vec![userid_key(vault, &m.userid)]
    });

/// Members by running number.
pub(super) const MEMBER_BY_NO: Index<Member> =
    Index::unique("members-1.by_no", |m, _| vec![Key::new().with(m.no)]);

/// The key of a userid in [`MEMBER_BY_USERID`]. Userids are unique case-insensitively.
pub(super) fn userid_key(vault: &crate::store::Vault, userid: &str) -> Key {
    Key::new().with(vault.blind(
        "members-1.by_userid",
        userid.to_ascii_lowercase().as_bytes(),
    ))
}

impl Entity for Department {
    const KIND: &'static str = "department";
    const TABLE: &'static str = "departments-1";
    const CLASS: Class = Class::Record;
    type Key = DepartmentId;

    fn key(&self) -> DepartmentId {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[DEPARTMENT_BY_WECOM_ID]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("name", self.name.as_str().into()),
            ("name_en", self.name_en.as_str().into()),
            ("parent", self.parent_wecom_id.into()),
            ("order", self.order.into()),
            ("leaders", self.leaders.clone().into()),
            ("removed", self.removed_at.is_some().into()),
            ("external_id", self.external_id.as_str().into()),
        ]
    }
}

impl Entity for Member {
    const KIND: &'static str = "member";
    const TABLE: &'static str = "members-1";
    const CLASS: Class = Class::Record;
    type Key = MemberId;

    fn key(&self) -> MemberId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(Id::cast(self.id))
    }
    fn indexes() -> &'static [Index<Self>] {
        &[MEMBER_BY_USERID, MEMBER_BY_NO]
    }
    fn audit_view(&self) -> AuditView {
        let departments: Vec<u64> = self.posts.iter().map(|p| p.department).collect();
        let heads = self.posts.iter().filter(|p| p.is_leader);
        let heads: Vec<u64> = heads.map(|p| p.department).collect();
        vec![
            ("name", self.name.as_str().into()),
            ("alias", self.alias.as_str().into()),
            ("position", self.position.as_str().into()),
            ("departments", departments.into()),
            ("main_department", self.main_department.into()),
            ("mobile", self.mobile.as_str().into()),
            ("email", self.email.as_str().into()),
            ("state", self.state.code().into()),
            ("serves_customers", self.serves_customers.into()),
            ("origin", self.origin.code().into()),
            ("gender", self.gender.code().into()),
            ("job_number", self.job_number.as_str().into()),
            ("direct_leader", self.direct_leader.as_str().into()),
            ("external_id", self.external_id.as_str().into()),
            ("userid", self.userid.as_str().into()),
            ("heads", heads.into()),
        ]
    }
}

/// The one row that says when the directory last changed; see [`super::Directory`].
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct DirectoryVersion {
    /// Counts the writes that changed a department or a member.
    #[n(0)]
    pub(super) n: u64,
}

impl Entity for DirectoryVersion {
    const KIND: &'static str = "directory_version";
    const TABLE: &'static str = "directory-version-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        "directory".to_owned()
    }
}

/// The slice's tables.
pub(crate) const TABLES: [TableSpec; 3] = [
    TableSpec::of::<Department>(),
    TableSpec::of::<Member>(),
    TableSpec::of::<DirectoryVersion>(),
];
