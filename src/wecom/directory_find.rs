//! 通讯录管理: ids in bulk, members by other names, invitations, and imports.
//!
//! Source: WeCom documentation, 成员管理, 部门管理, 异步导入接口.

use serde::{Deserialize, Serialize};

use super::{
    answers::Pages,
    client::{Client, Purpose},
    directory::{Department, unless_gone},
    error::Error,
    lenient,
};

/// A member in one of its departments, as `user/list_id` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MemberPlace {
    /// Userid.
    pub userid: String,
    /// Department.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub department: u64,
}

/// A department without its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DepartmentPlace {
    /// Number.
    #[serde(deserialize_with = "lenient::uint")]
    pub id: u64,
    /// Number of the parent; 0 for the root.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub parentid: u64,
    /// Larger stands higher.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub order: u64,
}

/// A member by name only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MemberName {
    /// Userid.
    pub userid: String,
    /// Name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// Departments the app sees.
    #[serde(default, deserialize_with = "lenient::ints")]
    pub department: Vec<u64>,
}

/// Whom to invite: not all empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Invitation {
    /// Userids, at most 1000.
    pub user: Vec<String>,
    /// Departments, at most 100.
    pub party: Vec<u64>,
    /// Directory tags, at most 100.
    pub tag: Vec<u64>,
}

/// Those whom an invitation could not reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Uninvited {
    /// Userids.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub invaliduser: Vec<String>,
    /// Departments.
    #[serde(default, deserialize_with = "lenient::ints")]
    pub invalidparty: Vec<u64>,
    /// Directory tags.
    #[serde(default, deserialize_with = "lenient::ints")]
    pub invalidtag: Vec<u64>,
}

/// Which mail a member is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// Corp mail.
    Corp = 1,
    /// Personal mail.
    Personal = 2,
}

/// What an import does with the members or departments of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    /// Makes and changes members, leaves the others (增量更新成员).
    SyncMembers,
    /// Likewise, and deletes the others (全量覆盖成员).
    ReplaceMembers,
    /// Makes the tree of departments that of the file (全量覆盖部门).
    ReplaceDepartments,
}

/// How far an import is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ImportState {
    /// 1 started, 2 running, 3 done.
    #[serde(default, deserialize_with = "lenient::int")]
    pub status: i64,
    /// `sync_user`, `replace_user`, `replace_party` or `invite_user`.
    #[serde(default, rename = "type", deserialize_with = "lenient::or_default")]
    pub kind: String,
    /// Rows of the file.
    #[serde(default, deserialize_with = "lenient::int")]
    pub total: i64,
    /// Percent done.
    #[serde(default, deserialize_with = "lenient::int")]
    pub percentage: i64,
    /// One line for each row, when done.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub result: Vec<ImportLine>,
}

/// What came of one row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ImportLine {
    /// The member; empty for departments.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub userid: String,
    /// The department; 0 for members.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub partyid: u64,
    /// Of a department: 1 new, 2 renamed, 4 moved, 8 reordered, added up.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub action: u64,
    /// 0, or why not.
    #[serde(default, deserialize_with = "lenient::int")]
    pub errcode: i64,
    /// Why not, in words.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub errmsg: String,
}

#[derive(Serialize)]
struct ByUserid<'a> {
    userid: &'a str,
}

#[derive(Deserialize)]
struct FoundUserid {
    userid: String,
}

/// `None` where the errcode says that there is nobody.
fn unless<T>(answer: Result<T, Error>, nobody: i64) -> Result<Option<T>, Error> {
    match answer {
        Err(Error::Refused { errcode, .. }) if errcode == nobody => Ok(None),
        answer => unless_gone(answer),
    }
}

impl Client {
    /// Every member in each of its departments (`user/list_id`), page by page. Needs the
    /// secret of the sync assistant.
    pub fn member_places(&self) -> Pages<'_, MemberPlace> {
        #[derive(Serialize)]
        struct Ask {
            limit: u32,
        }
        let call = ("user/list_id", "dept_user");
        Pages::new(self, Purpose::Sync, call, &Ask { limit: 10_000 })
    }

    /// All departments without their names (`department/simplelist`). Works with the secret
    /// of the sync assistant, which sees all of them.
    pub async fn department_places(&self) -> Result<Vec<DepartmentPlace>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            department_id: Vec<DepartmentPlace>,
        }
        let call = "department/simplelist";
        let answer: Answer = self.get(Purpose::Sync, call, &[]).await?;
        Ok(answer.department_id)
    }

    /// One department (`department/get`); `None` if there is none.
    pub async fn department(&self, id: u64) -> Result<Option<Department>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            department: Department,
        }
        let id = id.to_string();
        let query = [("id", id.as_str())];
        let answer: Result<Answer, Error> = self.get(Purpose::App, "department/get", &query).await;
        Ok(unless_gone(answer)?.map(|answer| answer.department))
    }

    /// The members directly in a department, by name only (`user/simplelist`); `None` if
    /// there is no such department.
    pub async fn member_names(&self, department: u64) -> Result<Option<Vec<MemberName>>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            userlist: Vec<MemberName>,
        }
        let id = department.to_string();
        let query = [("department_id", id.as_str())];
        let answer: Result<Answer, Error> = self.get(Purpose::App, "user/simplelist", &query).await;
        Ok(unless_gone(answer)?.map(|answer| answer.userlist))
    }

    /// The openid of a member, for payments (`user/convert_to_openid`); `None` if unknown.
    pub async fn member_openid(&self, userid: &str) -> Result<Option<String>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            openid: String,
        }
        let call = "user/convert_to_openid";
        let answer = self.post(Purpose::App, call, &ByUserid { userid }).await;
        Ok(unless_gone(answer)?.map(|answer: Answer| answer.openid))
    }

    /// The member of an openid (`user/convert_to_userid`); `None` if unknown.
    pub async fn userid_of_openid(&self, openid: &str) -> Result<Option<String>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            openid: &'a str,
        }
        let call = "user/convert_to_userid";
        let answer: Result<FoundUserid, Error> =
            self.post(Purpose::App, call, &Ask { openid }).await;
        Ok(unless(answer, 40073)?.map(|found| found.userid))
    }

    /// The member with this mobile (`user/getuserid`); `None` if there is none. Too many
    /// misses in a day block the call.
    pub async fn userid_of_mobile(&self, mobile: &str) -> Result<Option<String>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            mobile: &'a str,
        }
        let call = "user/getuserid";
        let answer: Result<FoundUserid, Error> =
            self.post(Purpose::App, call, &Ask { mobile }).await;
        Ok(unless(answer, 46004)?.map(|found| found.userid))
    }

    /// The member with this mail (`user/get_userid_by_email`); `None` if there is none. Too
    /// many misses in a day block the call.
    pub async fn userid_of_mail(
        &self,
        mail: &str,
        kind: MailKind,
    ) -> Result<Option<String>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            email: &'a str,
            email_type: u8,
        }
        let ask = Ask {
            email: mail,
            email_type: kind as u8,
        };
        let call = "user/get_userid_by_email";
        let answer: Result<FoundUserid, Error> = self.post(Purpose::App, call, &ask).await;
        Ok(unless(answer, 46004)?.map(|found| found.userid))
    }

    /// How many members were active on a day of the last thirty (`user/get_active_stat`);
    /// `date` as `2026-03-01`.
    pub async fn active_members(&self, date: &str) -> Result<u64, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            date: &'a str,
        }
        #[derive(Deserialize)]
        struct Answer {
            #[serde(deserialize_with = "lenient::uint")]
            active_cnt: u64,
        }
        let call = "user/get_active_stat";
        let answer: Answer = self.post(Purpose::App, call, &Ask { date }).await?;
        Ok(answer.active_cnt)
    }

    /// Invites members to use WeCom (`batch/invite`); those it could not reach. Each time
    /// sends SMS or mail again.
    pub async fn invite(&self, invitation: &Invitation) -> Result<Uninvited, Error> {
        self.write(Purpose::Sync, "batch/invite", invitation).await
    }

    /// Address of the picture by which people join the firm (`corp/get_join_qrcode`), good
    /// for seven days; size 1 (171 px) to 4 (2052 px).
    pub async fn join_code(&self, size: u8) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Answer {
            join_qrcode: String,
        }
        let size = size.to_string();
        let query = [("size_type", size.as_str())];
        let call = "corp/get_join_qrcode";
        let answer: Answer = self.get(Purpose::Sync, call, &query).await?;
        Ok(answer.join_qrcode)
    }

    /// Addresses from which callbacks come (`getcallbackip`): whole, with `.*`, or CIDR.
    pub async fn callback_addresses(&self) -> Result<Vec<String>, Error> {
        self.addresses("getcallbackip").await
    }

    /// Addresses of WeCom's API (`get_api_domain_ip`): whole, with `.*`, or CIDR.
    pub async fn api_addresses(&self) -> Result<Vec<String>, Error> {
        self.addresses("get_api_domain_ip").await
    }

    async fn addresses(&self, call: &'static str) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            ip_list: Vec<String>,
        }
        let answer: Answer = self.get(Purpose::App, call, &[]).await?;
        Ok(answer.ip_list)
    }

    /// Starts an import of the CSV under this media id; the id of the job. While one runs
    /// another is refused (302008).
    pub async fn import(
        &self,
        kind: ImportKind,
        media_id: &str,
        to_invite: bool,
    ) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            media_id: &'a str,
            to_invite: bool,
        }
        #[derive(Deserialize)]
        struct Answer {
            jobid: String,
        }
        let call = match kind {
            ImportKind::SyncMembers => "batch/syncuser",
            ImportKind::ReplaceMembers => "batch/replaceuser",
            ImportKind::ReplaceDepartments => "batch/replaceparty",
        };
        let ask = Ask {
            media_id,
            to_invite,
        };
        let answer: Answer = self.write(Purpose::Sync, call, &ask).await?;
        Ok(answer.jobid)
    }

    /// How far an import is (`batch/getresult`).
    pub async fn import_state(&self, job: &str) -> Result<ImportState, Error> {
        let query = [("jobid", job)];
        self.get(Purpose::Sync, "batch/getresult", &query).await
    }
}
