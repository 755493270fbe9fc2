//! `/tags`: the corp tags and how many customers have each.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::{App, scope_filter},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    view,
    web::{
        Cx, Form, ListQuery, Shown, filters,
        parts::{Empty, EmptyKind, Link},
    },
    work::{
        effects::{self, Area, WriteMode},
        pages::Nothing,
    },
};

use super::{
    actions::{self, TellTags},
    queries,
};

/// A group with its tags.
struct Group {
    name: String,
    tags: Vec<TagLine>,
}

/// A tag.
struct TagLine {
    name: String,
    href: String,
    /// Customers in the viewer's scope.
    customers: u64,
    /// WeCom does not know it.
    is_local: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "tags/index.html", blocks = ["title"])]
pub(super) struct TagsPage {
    groups: Vec<Group>,
    tags: usize,
    /// Whether the numbers lead to lists.
    may_open: bool,
    /// Tags that WeCom does not know.
    local: usize,
    /// Whether the viewer may have WeCom told.
    may_tell: bool,
    /// Whether the library of tags must not be written.
    is_off: bool,
    empty: Empty,
}
view!(TagsPage);

/// Shows the tags. They name no person; the numbers count only customers in scope.
pub(super) async fn index(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<TagsPage>> {
    let may_open = viewer.may(Permission::CustomerRead);
    let (groups, mode) = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::TagRead)?;
        let counts = app.people.tag_counts(&scope_filter(&sight))?;
        let count = |tag: &super::Tag| counts.get(&tag.id.bits()).copied().unwrap_or(0);
        let group = |found: queries::GroupWithTags| Group {
            tags: found.tags.iter().map(|t| line(t, count(t))).collect(),
            name: found.group.name,
        };
        let groups: Vec<Group> = queries::groups(r)?.into_iter().map(group).collect();
        Ok::<_, AppError>((groups, effects::mode(r, Area::Tags)?))
    })?;
    app.note(viewer.view("tag.list")).await?;
    let tags = || groups.iter().flat_map(|group| &group.tags);
    Ok(Shown::of(TagsPage {
        local: tags().filter(|tag| tag.is_local).count(),
        may_tell: app.wecom().is_some() && viewer.may(Permission::SettingsManage),
        is_off: mode == WriteMode::Off,
        tags: groups.iter().map(|group| group.tags.len()).sum(),
        groups,
        may_open,
        empty: empty(&cx, app.wecom().is_some(), viewer.may(Permission::SyncRun)),
    }))
}

fn line(tag: &super::Tag, customers: u64) -> TagLine {
    TagLine {
        name: tag.name.clone(),
        href: ListQuery::new("/customers").with("tag", tag.id).to_string(),
        customers,
        is_local: tag.is_local(),
    }
}

/// Has WeCom told of what it does not know.
pub(super) async fn tell(
    viewer: Viewer,
    app: Data<App>,
    _: Form<Nothing>,
) -> Result<Shown<TagsPage>> {
    let by = viewer.clone();
    let told = app
        .write(viewer.change("tag.tell"), move |w| {
            let allowed = by.allow(w, TellTags)?;
            actions::tell_all(w, allowed)
        })
        .await?;
    app.effects.notify_one();
    Ok(Shown::go_to("/tags").toast("tags.told_n", ("n", told)))
}

fn empty(cx: &Cx, connected: bool, may_sync: bool) -> Empty {
    let (kind, hint) = if connected {
        (EmptyKind::NothingYet, "tags.empty.sync")
    } else {
        (EmptyKind::NotConnected, "tags.empty.connect")
    };
    let sync = Link {
        label: cx.t("tags.empty.to_sync").into_owned(),
        href: "/org/sync".to_owned(),
    };
    Empty {
        kind,
        title: cx.t("tags.empty.none").into_owned(),
        hint: cx.t(hint).into_owned(),
        action: may_sync.then_some(sync),
        other: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn tags_render_with_none_one_many_and_hostile_names() {
        for (groups, tags) in [(0, 0), (1, 0), (1, 1), (9, 12)] {
            for may_open in [false, true] {
                let line = |n| TagLine {
                    name: HOSTILE.into(),
                    href: "/customers?tag=a".into(),
                    customers: n,
                    is_local: n % 2 == 0,
                };
                let group = |_| Group {
                    name: HOSTILE.into(),
                    tags: (0..tags).map(line).collect(),
                };
                check_page(&TagsPage {
                    groups: (0..groups).map(group).collect(),
                    tags: 12,
                    may_open,
                    local: groups,
                    may_tell: may_open,
                    is_off: groups == 1,
                    empty: Empty {
                        kind: EmptyKind::NotConnected,
                        title: "x".into(),
                        hint: "x".into(),
                        action: None,
                        other: None,
                    },
                });
            }
        }
    }
}
