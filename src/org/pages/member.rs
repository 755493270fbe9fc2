//! `/org/members/{id}`: who somebody is, where, and whom they look after.

use std::collections::BTreeSet;

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::{App, scope_filter},
    customers::queries::{GroupFilter, groups},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::{Member, MemberId, Sight, queries},
    search::{Filters, Kind},
    store::Read,
    view,
    web::{Cx, Lang, ListQuery, Shown, filters, parts::Link},
};

/// A department of the member, with the way down to it.
pub(super) struct Place {
    pub(super) path: Vec<Link>,
    pub(super) is_main: bool,
    pub(super) is_leader: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "org/member.html", blocks = ["title"])]
pub(in crate::org) struct MemberPage {
    pub(super) member: Member,
    pub(super) state: (&'static str, &'static str),
    pub(super) places: Vec<Place>,
    /// Customers and groups in the viewer's scope; none without the right to see them.
    pub(super) customers: Option<u64>,
    pub(super) groups: Option<usize>,
    /// The direct superior.
    pub(super) leader: Option<Link>,
    pub(super) may_edit: bool,
}
view!(MemberPage);

/// Shows a member. The entry of it is durable before anything is.
pub(in crate::org) async fn member(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<MemberPage>> {
    let missing = |_| AppError::NotFound { what: "member" };
    let id: MemberId = id.parse().map_err(missing)?;
    let act = viewer.view("member.view").about("member", id);
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let sight = checking.sight(&w.read(), &asking, Permission::OrgRead)?;
        visible(&sight, id).map(drop)
    })
    .await?;
    let page = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::OrgRead)?;
        let member = visible(&sight, id)?.clone();
        Ok::<_, AppError>(MemberPage {
            state: super::state(member.state),
            places: places(&sight, &member, cx.lang() == Lang::En),
            customers: customers_of(&app, r, &viewer, id)?,
            groups: groups_of(&app, r, &viewer, id)?,
            leader: leader(&sight, &member),
            may_edit: may_edit(&app, r, &viewer, id)?,
            member,
        })
    })?;
    Ok(Shown::of(page))
}

/// Whether the member lies where the viewer may change members.
fn may_edit(app: &App, r: &Read<'_>, viewer: &Viewer, id: MemberId) -> Result<bool> {
    if !viewer.may(Permission::OrgEdit) {
        return Ok(false);
    }
    Ok(app.sight(r, viewer, Permission::OrgEdit)?.sees(id))
}

fn leader(sight: &Sight, member: &Member) -> Option<Link> {
    if member.direct_leader.is_empty() {
        return None;
    }
    let leader = sight.directory.by_userid(&member.direct_leader)?;
    Some(Link {
        label: leader.name.clone(),
        href: format!("/org/members/{}", leader.id),
    })
}

pub(super) fn visible(sight: &Sight, id: MemberId) -> Result<&Member> {
    queries::member(sight, id).ok_or(AppError::NotFound { what: "member" })
}

fn places(sight: &Sight, member: &Member, english: bool) -> Vec<Place> {
    let tree = &sight.directory.tree;
    let link = |department: &crate::org::Department| Link {
        label: department.name_in(english).to_owned(),
        href: ListQuery::new("/org")
            .with("dept", department.wecom_id)
            .to_string(),
    };
    let posts = member.posts.iter();
    posts
        .filter(|post| tree.get(post.department).is_some())
        .map(|post| Place {
            path: tree.path(post.department).into_iter().map(link).collect(),
            is_main: post.department == member.main_department,
            is_leader: post.is_leader,
        })
        .collect()
}

fn customers_of(app: &App, r: &Read<'_>, viewer: &Viewer, id: MemberId) -> Result<Option<u64>> {
    if !viewer.may(Permission::CustomerRead) {
        return Ok(None);
    }
    let sight = app.sight(r, viewer, Permission::CustomerRead)?;
    if !sight.sees(id) {
        return Ok(None);
    }
    let filters = Filters {
        owners: Some(BTreeSet::from([id.bits()])),
        ..Filters::default()
    };
    let scope = scope_filter(&sight);
    let counts = app.people.counts(Kind::Customer, &scope, &[filters])?;
    Ok(counts.first().copied())
}

fn groups_of(app: &App, r: &Read<'_>, viewer: &Viewer, id: MemberId) -> Result<Option<usize>> {
    if !viewer.may(Permission::GroupRead) {
        return Ok(None);
    }
    let sight = app.sight(r, viewer, Permission::GroupRead)?;
    let owned = GroupFilter {
        owner: Some(id),
        ..GroupFilter::default()
    };
    Ok(sight
        .sees(id)
        .then(|| groups(r, &sight, &owned))
        .transpose()?
        .map(|found| found.len()))
}
