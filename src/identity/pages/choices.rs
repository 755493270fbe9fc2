//! What several forms offer to choose from: roles, departments, members, rights.

use std::sync::Arc;

use crate::{
    app::{App, scope_filter},
    error::Result,
    identity::{Role, Unit, Viewer, queries},
    kit::Id,
    org::{Directory, MemberId},
    search::{Filters, From, Kind, PeopleQuery, Sort},
    store::{Read, SubjectId},
    visit,
    web::{Cx, Lang, parts::Choice},
};

use super::super::Permission;

/// Members that a search offers.
const MEMBERS_SHOWN: usize = 12;

/// The name of a role; a custom one by what the firm calls it.
pub(super) fn role_name(r: &Read<'_>, cx: &Cx, role: Role) -> Result<String> {
    if let Role::Custom(_) = role
        && let Some(name) = queries::role_name(r, role)?
    {
        return Ok(name);
    }
    Ok(cx.t(visit::role_key(&role.code())).into_owned())
}

/// The roles that may be given, `without` those.
pub(super) fn roles(r: &Read<'_>, cx: &Cx, without: &[Role]) -> Result<Vec<Choice>> {
    let built_in = Role::BUILT_IN.into_iter();
    let custom = queries::custom_roles(r)?;
    let custom = custom.iter().map(|role| Role::Custom(role.id));
    built_in
        .chain(custom)
        .filter(|role| !without.contains(role))
        .map(|role| {
            Ok(Choice {
                value: role.code(),
                label: role_name(r, cx, role)?,
                count: None,
                is_on: false,
            })
        })
        .collect()
}

/// A department to tick.
pub(super) struct UnitChoice {
    pub(super) value: String,
    pub(super) label: String,
    /// Levels below the root, at most 4: how far it is set in.
    pub(super) depth: usize,
}

/// All departments, each under the one it belongs to.
pub(super) fn units(directory: &Directory, cx: &Cx) -> Vec<UnitChoice> {
    let english = cx.lang() == Lang::En;
    let all = directory.tree.flat().into_iter();
    all.map(|(depth, department)| UnitChoice {
        value: department.id.to_string(),
        label: department.name_in(english).to_owned(),
        depth: depth.min(4),
    })
    .collect()
}

/// The departments with these ids by name; those that are gone are left out.
pub(super) fn unit_names(directory: &Directory, cx: &Cx, units: &[Id<Unit>]) -> Vec<String> {
    let english = cx.lang() == Lang::En;
    let found = units.iter().filter_map(|id| directory.tree.find(id.cast()));
    found.map(|d| d.name_in(english).to_owned()).collect()
}

/// A member beside an account.
#[derive(Clone)]
pub(super) struct MemberLine {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) userid: String,
    pub(super) department: String,
    pub(super) is_here: bool,
}

/// A member of the directory; `None` if there is none.
pub(super) fn member(directory: &Directory, cx: &Cx, id: SubjectId) -> Option<MemberLine> {
    let member = directory.member(id.cast())?;
    let department = directory.department_of(member);
    let english = cx.lang() == Lang::En;
    Some(MemberLine {
        id: member.id.to_string(),
        name: member.name.clone(),
        userid: member.userid.clone(),
        department: department.map_or(String::new(), |d| d.name_in(english).to_owned()),
        is_here: member.is_here(),
    })
}

/// Members by name, pinyin or userid, those who are here.
pub(super) fn find_members(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    cx: &Cx,
    text: &str,
) -> Result<Vec<MemberLine>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let sight = app.sight(r, viewer, Permission::OrgRead)?;
    let query = PeopleQuery {
        text: text.trim().to_owned(),
        kind: Kind::Member,
        scope: scope_filter(&sight),
        filters: Filters::default(),
        sort: Sort::Relevance,
        may_see_phones: false,
    };
    let hits = app.people.search(&query, From::Start, 2 * MEMBERS_SHOWN)?;
    let directory: &Arc<Directory> = &sight.directory;
    let found = hits.items.iter().map(|hit| MemberId::from_bits(hit.object));
    let found = found.filter(|id| sight.sees(*id));
    let lines = found.filter_map(|id| member(directory, cx, id.cast()));
    Ok(lines.filter(|m| m.is_here).take(MEMBERS_SHOWN).collect())
}

/// A right with its words.
pub(super) struct Right {
    pub(super) code: &'static str,
    pub(super) label: String,
}

/// Rights under their heading, in the order of the matrix.
pub(super) struct RightGroup {
    pub(super) label: String,
    pub(super) rights: Vec<Right>,
}

/// The rights that `keep` lets through, by area.
pub(super) fn rights(cx: &Cx, keep: impl Fn(Permission) -> bool) -> Vec<RightGroup> {
    let mut groups: Vec<(&str, RightGroup)> = Vec::new();
    for permission in Permission::ALL.into_iter().filter(|p| keep(*p)) {
        let code = permission.code();
        let area = code.split('.').next().unwrap_or(code);
        let right = Right {
            code,
            label: cx.t(&format!("permission.{code}")).into_owned(),
        };
        match groups.iter_mut().find(|(known, _)| *known == area) {
            Some((_, group)) => group.rights.push(right),
            None => groups.push((
                area,
                RightGroup {
                    label: cx.t(&format!("permission_area.{area}")).into_owned(),
                    rights: vec![right],
                },
            )),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The ids among `texts` that are ids.
pub(super) fn ids<T: ?Sized>(texts: &[String]) -> Vec<Id<T>> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}
