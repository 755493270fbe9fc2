//! The pilot (试点): whose customers are read at all.
//!
//! A firm may begin with some departments. The directory is read whole, because a tree with
//! holes is none; customers and groups of members outside are neither asked for nor stored.
//! Whatever was stored before the pilot became smaller stays as it was, untouched.

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    customers::{self, GroupState},
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    org::{self, Member, MemberId},
    store::{AuditView, Class, Entity, Read, StoreError, TableSpec, Write},
    wecom::{
        Client,
        event::{Event, Received},
    },
};

use super::Target;

/// The one record's key.
const FIRM: &str = "pilot";
/// Departments that can be chosen one by one.
const DEPARTMENTS_MAX: usize = 200;
/// Steps from a department up to the root; more means a loop.
const DEPTH_MAX: usize = 64;

/// Which departments take part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Pilot {
    /// WeCom's numbers of the departments, each with all below it; none for the whole firm.
    #[n(0)]
    pub departments: Vec<u64>,
}

impl Entity for Pilot {
    const KIND: &'static str = "pilot";
    const TABLE: &'static str = "wecom-pilot-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        vec![("departments", self.departments.clone().into())]
    }
}

/// The table.
pub(super) const TABLES: [TableSpec; 1] = [TableSpec::of::<Pilot>()];

impl Pilot {
    /// The pilot as it is; the whole firm, if none was ever chosen.
    pub fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        Ok(r.get::<Self>(&FIRM.to_owned())?.unwrap_or_default())
    }

    /// Whether some members are outside.
    pub fn is_limited(&self) -> bool {
        !self.departments.is_empty()
    }

    /// Whether a member takes part: through any department, or one above it.
    pub fn has(&self, r: &Read<'_>, member: &Member) -> Result<bool, StoreError> {
        if !self.is_limited() {
            return Ok(true);
        }
        for post in &member.posts {
            if self.has_department(r, post.department)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_department(&self, r: &Read<'_>, department: u64) -> Result<bool, StoreError> {
        let mut at = department;
        for _ in 0..DEPTH_MAX {
            if self.departments.contains(&at) {
                return Ok(true);
            }
            match org::queries::department_by_wecom_id(r, at)? {
                Some(found) => at = found.parent_wecom_id,
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Whether the member with this userid takes part. Somebody the directory does not know
    /// does not.
    pub fn has_userid(&self, r: &Read<'_>, userid: &str) -> Result<bool, StoreError> {
        if !self.is_limited() {
            return Ok(true);
        }
        match org::queries::member_by_userid(r, userid)? {
            Some(member) => self.has(r, &member),
            None => Ok(false),
        }
    }

    /// Whether this member takes part.
    pub fn has_member(&self, r: &Read<'_>, member: MemberId) -> Result<bool, StoreError> {
        if !self.is_limited() {
            return Ok(true);
        }
        match r.get::<Member>(&member)? {
            Some(member) => self.has(r, &member),
            None => Ok(false),
        }
    }

    /// Userids of everybody who takes part and may own a group, those who left included; `None`
    /// for the whole firm.
    pub fn owners(&self, r: &Read<'_>) -> Result<Option<Vec<String>>, StoreError> {
        if !self.is_limited() {
            return Ok(None);
        }
        let mut userids = Vec::new();
        for member in r.all::<Member>(None)? {
            let member = member?;
            let may_own = member.serves_customers || !member.is_here();
            if may_own && self.has(r, &member)? {
                userids.push(member.userid);
            }
        }
        Ok(Some(userids))
    }
}

/// Chooses who takes part.
#[derive(Debug, Clone)]
pub struct SavePilot {
    /// WeCom's numbers of the departments; none for the whole firm.
    pub departments: Vec<u64>,
    /// A smaller pilot leaves what is stored of the others as it is; somebody has agreed to
    /// that.
    pub may_leave_behind: bool,
}

impl Command for SavePilot {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

/// Chooses who takes part; gives whether anybody is new in it, so that a sync is due.
/// Nothing that is stored is deleted.
pub fn save(w: &mut Write<'_>, allowed: Allowed<SavePilot>) -> Result<bool> {
    let command = allowed.into_command();
    let mut departments = command.departments;
    departments.sort_unstable();
    departments.dedup();
    if departments.len() > DEPARTMENTS_MAX {
        return Err(AppError::field("department", "pilot.too_many"));
    }
    let before = Pilot::load(&w.read())?;
    let pilot = Pilot { departments };
    if !command.may_leave_behind && left_behind(&w.read(), &before, &pilot)?.0 > 0 {
        return Err(AppError::field("agreed", "pilot.must_agree"));
    }
    let widens = before != pilot
        && (!pilot.is_limited()
            || before.is_limited()
                && pilot
                    .departments
                    .iter()
                    .any(|d| !before.departments.contains(d)));
    w.put(&pilot)?;
    Ok(widens)
}

/// Members with customers that are stored who would no longer take part, and how many such
/// relations there are.
pub fn left_behind(r: &Read<'_>, before: &Pilot, after: &Pilot) -> Result<(u64, u64), StoreError> {
    let (mut members, mut relations) = (0, 0);
    if !after.is_limited() {
        return Ok((0, 0));
    }
    let nobody = std::collections::HashSet::new();
    for member in r.all::<Member>(None)? {
        let member = member?;
        if before.has(r, &member)? && !after.has(r, &member)? {
            let stored = customers::sync::missing_customers(r, member.id, &nobody)?.len() as u64;
            members += u64::from(stored > 0);
            relations += stored;
        }
    }
    Ok((members, relations))
}

/// Whether an event is about customers or groups of somebody outside the pilot, whose answer
/// must not even be asked for.
pub(super) async fn is_outside(
    app: &App,
    client: &Client,
    target: &Target,
    body: &[u8],
) -> Result<bool> {
    let pilot = app.read(Pilot::load)?;
    if !pilot.is_limited() {
        return Ok(false);
    }
    match target {
        Target::Customer(_) => match acting_userid(body) {
            Some(userid) => is_stranger(app, client, &pilot, &userid).await,
            // A replay of what can no longer be read: nobody says that it is inside.
            None => Ok(true),
        },
        Target::LastWord { userid, .. } => is_stranger(app, client, &pilot, userid).await,
        Target::Group(chat_id) => is_foreign_group(app, client, &pilot, chat_id).await,
        _ => Ok(false),
    }
}

fn acting_userid(body: &[u8]) -> Option<String> {
    match Received::parse(body).ok()?.event {
        Event::Customer(event) => Some(event.userid),
        _ => None,
    }
}

/// A member the directory does not know yet is read first: names and places are no secret,
/// customers are.
async fn is_stranger(app: &App, client: &Client, pilot: &Pilot, userid: &str) -> Result<bool> {
    if app
        .read(|r| org::queries::member_id_by_userid(r, userid))?
        .is_some()
    {
        return Ok(!app.read(|r| pilot.has_userid(r, userid))?);
    }
    let Some(member) = client.member(userid).await? else {
        return Ok(true);
    };
    for department in member.department {
        if app.read(|r| pilot.has_department(r, department))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A group belongs to its owner. One that is not known yet is looked for among the groups of
/// those who take part, so that no other is opened.
async fn is_foreign_group(
    app: &App,
    client: &Client,
    pilot: &Pilot,
    chat_id: &str,
) -> Result<bool> {
    let known = app.read(|r| customers::sync::group_by_chat_id(r, chat_id))?;
    if let Some(owner) = known.and_then(|group| match group.state {
        GroupState::Gone { .. } => None,
        _ => group.owner,
    }) && app.read(|r| pilot.has_member(r, owner))?
    {
        return Ok(false);
    }
    let owners = app.read(|r| pilot.owners(r))?.unwrap_or_default();
    let theirs = client.groups_of(&owners).await?;
    Ok(!theirs.iter().any(|group| group.chat_id == chat_id))
}
