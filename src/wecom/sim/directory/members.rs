//! `user/*`, writing: for the sync assistant only.
//!
//! Source: WeCom documentation, 成员管理.

use serde_json::Value;

use super::{MEMBERS_MAX, WRITERS, profile};
use crate::wecom::sim::{
    callbacks::Notice,
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    firm::{Member, cast},
    media::Kind,
    routes::{Route, Wrote},
    state::World,
};

const BAD_USERID: Code = (40003, "invalid userid");
const UNKNOWN: Code = (60111, "userid not found");
const BAD_LIST: Code = (40031, "invalid userid list");
const UNKNOWN_DEPARTMENT: Code = (60003, "department not found");
/// Departments of one member; errcode 60110 speaks of 20, the current text of 100.
const DEPARTMENTS_MAX: usize = 100;

pub const ROUTES: &[Route] = &[
    Route::write("user/create", WRITERS, create),
    Route::write("user/update", WRITERS, update),
    Route::get_write("user/delete", WRITERS, delete),
    Route::write("user/batchdelete", WRITERS, batch_delete),
];

/// What a call says of a member, checked; `None` is not said.
#[derive(Default)]
pub(super) struct Given {
    name: Option<String>,
    alias: Option<String>,
    mobile: Option<String>,
    email: Option<String>,
    biz_mail: Option<String>,
    biz_mail_alias: Option<Vec<String>>,
    departments: Option<Vec<u64>>,
    orders: Option<Vec<u64>>,
    leads: Option<Vec<bool>>,
    superior: Option<Option<String>>,
    main_department: Option<u64>,
    position: Option<String>,
    gender: Option<u8>,
    enabled: Option<bool>,
    avatar: Option<String>,
    telephone: Option<String>,
    address: Option<String>,
    extattr: Option<Value>,
    external_profile: Option<Value>,
    external_position: Option<String>,
}

/// Whether this member has set the firm up, and so cannot be deleted.
pub(super) fn is_creator(member: &Member) -> bool {
    member.userid == cast().super_admin
}

/// A userid of the shape that WeCom takes.
pub(super) fn shaped(userid: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.@-".contains(&b);
    userid.len() <= 64
        && userid.bytes().all(plain)
        && userid
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric())
}

fn mobile(fields: Fields<'_>) -> Result<Option<String>, Fail> {
    let Some(mobile) = fields.text("mobile")?.filter(|m| !m.is_empty()) else {
        return Ok(None);
    };
    let plain = |b: u8| b.is_ascii_digit() || b == b'+' || b == b'-';
    let good = (5..=32).contains(&mobile.len()) && mobile.bytes().all(plain);
    ensure(good, (60103, "invalid mobile"))?;
    Ok(Some(mobile.to_owned()))
}

fn mail(fields: Fields<'_>, field: &str, max: usize, bad: Code) -> Result<Option<String>, Fail> {
    let Some(mail) = fields.text(field)?.filter(|m| !m.is_empty()) else {
        return Ok(None);
    };
    ensure((6..=max).contains(&mail.len()) && is_mail(mail), bad)?;
    Ok(Some(mail.to_owned()))
}

fn is_mail(mail: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    mail.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !host.contains('@') && mail.chars().all(plain)
    })
}

fn gender(fields: Fields<'_>) -> Result<Option<u8>, Fail> {
    match fields.get("gender") {
        None => Ok(None),
        Some(value) => match value
            .as_str()
            .map_or_else(|| value.as_u64(), |g| g.parse().ok())
        {
            Some(0) => Ok(Some(0)),
            Some(1) => Ok(Some(1)),
            Some(2) => Ok(Some(2)),
            _ => Err(Fail::param("gender")),
        },
    }
}

impl Given {
    /// Reads and checks the fields that `create` and `update` share. Whoever is `besides` may
    /// have what must be unique.
    pub(super) fn read(
        world: &World,
        fields: Fields<'_>,
        besides: Option<&str>,
        now_s: i64,
    ) -> Result<Self, Fail> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let name = fields.text("name")?;
        let fits = |name: &str| (1..=64).contains(&name.chars().count());
        ensure(name.is_none_or(fits), (60112, "invalid name"))?;
        let telephone = fields.bytes("telephone", 32, (301_013, "invalid telephone"))?;
        let dialled = |b: u8| b.is_ascii_digit() || b"-+,".contains(&b);
        let good = telephone.is_none_or(|t| t.bytes().all(dialled));
        ensure(good, (301_013, "invalid telephone"))?;
        let alias = fields.object("biz_mail_alias")?;
        let alias = alias.map(|alias| alias.texts("item")).transpose()?;
        ensure(alias.as_ref().is_none_or(|a| a.len() <= 5), PARAM)?;
        let aliases = alias.map(|a| a.into_iter().map(str::to_owned).collect());
        let given = Self {
            name: owned(name),
            alias: owned(fields.chars("alias", 64, PARAM)?),
            mobile: mobile(fields)?,
            email: mail(fields, "email", 64, (60105, "invalid email"))?,
            biz_mail: mail(fields, "biz_mail", 63, (60143, "invalid biz mail"))?,
            biz_mail_alias: aliases,
            position: owned(fields.chars("position", 128, (301_012, "invalid position"))?),
            gender: gender(fields)?,
            enabled: fields.flag("enable")?,
            avatar: world.avatar(fields, now_s)?,
            telephone: owned(telephone),
            address: owned(fields.chars("address", 128, PARAM)?),
            extattr: profile::extattr(fields)?,
            external_profile: profile::external_profile(fields)?,
            external_position: owned(profile::external_position(fields)?),
            ..Self::default()
        };
        given.unique(world, besides)?;
        given.placed(world, fields)
    }

    fn unique(&self, world: &World, besides: Option<&str>) -> Result<(), Fail> {
        let others = || {
            let members = world.org.members.values();
            members.filter(|m| Some(m.userid.as_str()) != besides)
        };
        let taken = |given: &Option<String>, of: fn(&Member) -> &String| {
            let given = given.as_ref();
            given.is_some_and(|given| others().any(|m| of(m).eq_ignore_ascii_case(given)))
        };
        let mobile = taken(&self.mobile, |m| &m.private.mobile);
        ensure(!mobile, (60104, "mobile existed"))?;
        let email = taken(&self.email, |m| &m.private.email);
        ensure(!email, (60106, "email existed"))?;
        let biz_mail = taken(&self.biz_mail, |m| &m.private.biz_mail);
        ensure(!biz_mail, (60145, "biz mail existed"))
    }

    /// With departments, and what stands beside each of them.
    fn placed(mut self, world: &World, fields: Fields<'_>) -> Result<Self, Fail> {
        if fields.has("department") {
            let bad = |_| Fail::new(41019, "missing department");
            let mut departments = fields.numbers("department").map_err(bad)?;
            // 0 is "to be placed" (待设置部门).
            departments.retain(|id| *id != 0);
            ensure(
                departments.len() <= DEPARTMENTS_MAX,
                (60110, "too many departments"),
            )?;
            let known = |id: &u64| world.org.departments.contains_key(id);
            ensure(departments.iter().all(known), UNKNOWN_DEPARTMENT)?;
            self.departments = Some(departments);
        }
        if fields.has("order") {
            self.orders = Some(fields.numbers("order")?);
        }
        if fields.has("is_leader_in_dept") {
            let leads = fields.numbers("is_leader_in_dept")?;
            ensure(leads.iter().all(|l| *l < 2), PARAM)?;
            self.leads = Some(leads.into_iter().map(|l| l == 1).collect());
        }
        if fields.has("direct_leader") {
            let superiors = fields.texts("direct_leader")?;
            ensure(superiors.len() <= 1, (60257, "too many direct leaders"))?;
            let known = |id: &&str| world.member(id).map(|m| m.userid.clone());
            let superior = superiors.first().map(|id| known(id).ok_or(UNKNOWN));
            self.superior = Some(superior.transpose()?);
        }
        self.main_department = fields.number("main_department")?;
        Ok(self)
    }

    /// Checks what must fit to the departments, which are `before` unless others are given.
    fn fits(&self, before: &[u64]) -> Result<(), Fail> {
        let departments = self.departments.as_deref().unwrap_or(before);
        let count = departments.len();
        ensure(self.orders.as_ref().is_none_or(|o| o.len() == count), PARAM)?;
        let leads = self.leads.as_ref().is_none_or(|l| l.len() == count);
        ensure(leads, (60132, "is_leader_in_dept and department not match"))?;
        let main = self.main_department;
        ensure(main.is_none_or(|main| departments.contains(&main)), PARAM)
    }

    /// Puts it into the member.
    fn put(self, member: &mut Member) {
        fn set<T>(to: &mut T, given: Option<T>) {
            if let Some(given) = given {
                *to = given;
            }
        }
        if let Some(departments) = self.departments {
            member.orders = vec![0; departments.len()];
            member.leads = vec![false; departments.len()];
            member.main_department = member.main_department.filter(|d| departments.contains(d));
            member.departments = departments;
        }
        set(&mut member.orders, self.orders);
        set(&mut member.leads, self.leads);
        if self.main_department.is_some() {
            member.main_department = self.main_department;
        }
        set(&mut member.name, self.name);
        set(&mut member.alias, self.alias);
        set(&mut member.superior, self.superior);
        set(&mut member.position, self.position);
        set(&mut member.telephone, self.telephone);
        set(&mut member.extattr, self.extattr);
        set(&mut member.external_profile, self.external_profile);
        set(&mut member.external_position, self.external_position);
        let private = &mut member.private;
        // That of an activated member stays, and nobody is told.
        set(
            &mut private.mobile,
            self.mobile.filter(|_| member.status != 1),
        );
        set(&mut private.email, self.email);
        set(&mut private.biz_mail, self.biz_mail);
        set(&mut private.biz_mail_alias, self.biz_mail_alias);
        set(&mut private.gender, self.gender);
        set(&mut private.address, self.address);
        set(&mut private.avatar, self.avatar);
        match (self.enabled, member.status) {
            (Some(false), 1 | 4) => member.status = 2,
            (Some(true), 2) => member.status = 1,
            _ => {}
        }
    }
}

fn create(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let userid = world.create_member(call.fields(), call.now_s)?;
    let departments = world
        .org
        .members
        .get(&userid)
        .map(|m| m.departments.clone());
    let notice = Notice::new("change_contact", "create_user")
        .id("UserID", &userid)
        .list("Department", &departments.unwrap_or_default());
    Ok(Wrote::only("created").echo(notice))
}

fn update(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let changed = world.update_member(call.fields(), call.now_s)?;
    let wrote = Wrote::only("updated");
    Ok(match changed {
        Some(notice) => wrote.echo(notice),
        None => wrote,
    })
}

fn delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let userid = call.param("userid").ok_or((41009, "missing userid"))?;
    let userid = world.deletable(userid)?;
    world.member_leaves(&userid);
    let notice = Notice::new("change_contact", "delete_user").id("UserID", &userid);
    Ok(Wrote::only("deleted").echo(notice))
}

fn batch_delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let asked = call.fields().texts("useridlist")?;
    ensure(!asked.is_empty(), BAD_LIST)?;
    ensure(asked.len() <= 200, (40032, "invalid userid list size"))?;
    let known = |userid: &str| match world.deletable(userid) {
        Err(fail) if fail.code == 60111 => Err(BAD_LIST.into()),
        other => other,
    };
    let all: Vec<String> = asked.into_iter().map(known).collect::<Result<_, Fail>>()?;
    let mut wrote = Wrote::only("deleted");
    for userid in all {
        if world.member_leaves(&userid) {
            let notice = Notice::new("change_contact", "delete_user").id("UserID", &userid);
            wrote = wrote.echo(notice);
        }
    }
    Ok(wrote)
}

impl World {
    /// Makes a member as `user/create` does; the userid.
    pub(super) fn create_member(&mut self, fields: Fields<'_>, now_s: i64) -> Result<String, Fail> {
        let userid = fields.filled("userid", (41009, "missing userid"))?;
        ensure(shaped(userid), BAD_USERID)?;
        ensure(fields.has("name"), (60112, "invalid name"))?;
        let given = Given::read(self, fields, None, now_s)?;
        let reachable = given.mobile.is_some() || given.email.is_some();
        ensure(reachable, (60129, "missing mobile or email"))?;
        given.fits(&[])?;
        ensure(self.member(userid).is_none(), (60102, "userid existed"))?;
        let count = self.org.members.len();
        let max = self.contact.limit("members", MEMBERS_MAX);
        ensure(count < max, (45024, "account count over limit"))?;
        let mut member = Member {
            userid: userid.to_owned(),
            status: 4,
            ..Member::default()
        };
        given.put(&mut member);
        member.serves_customers = member.departments.iter().any(|d| self.serves(*d));
        if member.serves_customers {
            self.org.sellers.push(member.userid.clone());
        }
        self.lead(&member);
        self.org.members.insert(member.userid.clone(), member);
        Ok(userid.to_owned())
    }

    /// Changes a member as `user/update` does; what other subscribers hear of it.
    pub(super) fn update_member(
        &mut self,
        fields: Fields<'_>,
        now_s: i64,
    ) -> Result<Option<Notice>, Fail> {
        let userid = fields.filled("userid", (41009, "missing userid"))?;
        let before = self.member(userid).ok_or(UNKNOWN)?.clone();
        let given = Given::read(self, fields, Some(&before.userid), now_s)?;
        given.fits(&before.departments)?;
        let new_userid = fields
            .text("new_userid")?
            .filter(|new| *new != before.userid);
        if let Some(new) = new_userid {
            ensure(
                before.userid_by_wecom,
                (301_036, "userid can not be updated"),
            )?;
            ensure(shaped(new), BAD_USERID)?;
            ensure(self.member(new).is_none(), (60102, "userid existed"))?;
        }
        let mut member = before.clone();
        given.put(&mut member);
        if let Some(new) = new_userid {
            self.rename_userid(&before.userid, new);
            new.clone_into(&mut member.userid);
            member.userid_by_wecom = false;
        }
        let moved = member.departments != before.departments;
        self.lead(&member);
        let mut notice = Notice::new("change_contact", "update_user").id("UserID", &before.userid);
        notice = notice.text("NewUserID", new_userid.unwrap_or_default());
        if moved {
            notice = notice.list("Department", &member.departments);
        }
        self.org.members.insert(member.userid.clone(), member);
        // Since 2022-08-15 only departments and the userid are worth an event.
        Ok((moved || new_userid.is_some()).then_some(notice))
    }

    /// The userid of a member who may be deleted.
    fn deletable(&self, userid: &str) -> Result<String, Fail> {
        let member = self.member(userid).ok_or(UNKNOWN)?;
        ensure(
            !is_creator(member),
            (301_005, "not allow to delete creator"),
        )?;
        Ok(member.userid.clone())
    }

    /// Makes the heads of departments what the member says of itself.
    fn lead(&mut self, member: &Member) {
        for (id, department) in &mut self.org.departments {
            let leads = member.departments.iter().zip(&member.leads);
            let leads = leads.into_iter().any(|(d, leads)| d == id && *leads);
            let known = department.leaders.contains(&member.userid);
            if leads && !known {
                department.leaders.push(member.userid.clone());
            } else if !leads && known {
                department.leaders.retain(|leader| *leader != member.userid);
            }
        }
    }

    /// Whether those in this department serve customers: shops and regions do.
    fn serves(&self, department: u64) -> bool {
        let above = |d: &u64| self.org.departments.get(d).map(|d| d.parent);
        let mut line = std::iter::successors(Some(department), above);
        line.any(|d| (10..=13).contains(&d))
    }

    fn rename_userid(&mut self, old: &str, new: &str) {
        self.org.members.remove(old);
        for seller in &mut self.org.sellers {
            if seller == old {
                new.clone_into(seller);
            }
        }
        for department in self.org.departments.values_mut() {
            department.leaders.retain(|leader| leader != old);
        }
        for member in self.org.members.values_mut() {
            if member.superior.as_deref() == Some(old) {
                member.superior = Some(new.to_owned());
            }
        }
    }
}

impl World {
    /// The picture that a media id names.
    fn avatar(&self, fields: Fields<'_>, now_s: i64) -> Result<Option<String>, Fail> {
        let id = fields.text("avatar_mediaid")?.filter(|id| !id.is_empty());
        let Some(id) = id else {
            return Ok(None);
        };
        let file = self.media.file(id, now_s);
        let picture = file.is_some_and(|file| file.kind == Kind::Image);
        ensure(picture, (301_015, "invalid avatar media id"))?;
        Ok(Some(format!("https://wework.qpic.cn/wwpic/{id}/0")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn userids_and_mails_have_shapes() {
        for good in ["a", "zhou.min", "9@x-y_z", &"a".repeat(64)] {
            assert!(shaped(good), "{good}");
        }
        for bad in ["", ".a", "-a", "周", "a b", &"a".repeat(65)] {
            assert!(!shaped(bad), "{bad}");
        }
        for good in ["a@b.cn", "周@mail.example.com"] {
            assert!(is_mail(good), "{good}");
        }
        for bad in ["a", "a@b", "@b.cn", "a@b@c.cn", "a b@c.cn"] {
            assert!(!is_mail(bad), "{bad}");
        }
    }
}
