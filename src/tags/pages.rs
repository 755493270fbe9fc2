//! `/tags`: the corp tags and how many customers have each.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::{App, scope_filter},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    view,
    web::{
        Cx, ListQuery, Shown, filters,
        parts::{Empty, EmptyKind, Link},
    },
};

use super::queries;

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
}

/// The page.
#[derive(Template)]
#[template(path = "tags/index.html", blocks = ["title"])]
pub(super) struct TagsPage {
    groups: Vec<Group>,
    tags: usize,
    /// Whether the numbers lead to lists.
    may_open: bool,
    empty: Empty,
}
view!(TagsPage);

/// Shows the tags. They name no person; the numbers count only customers in scope.
pub(super) async fn index(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<TagsPage>> {
    let may_open = viewer.may(Permission::CustomerRead);
    let groups = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::TagRead)?;
        let counts = app.people.tag_counts(&scope_filter(&sight))?;
        let count = |tag: &super::Tag| counts.get(&tag.id.bits()).copied().unwrap_or(0);
        let group = |found: queries::GroupWithTags| Group {
            tags: found.tags.iter().map(|t| line(t, count(t))).collect(),
            name: found.group.name,
        };
        Ok::<_, AppError>(
            queries::groups(r)?
                .into_iter()
                .map(group)
                .collect::<Vec<_>>(),
        )
    })?;
    app.note(viewer.view("tag.list")).await?;
    Ok(Shown::of(TagsPage {
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
    }
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
                };
                let group = |_| Group {
                    name: HOSTILE.into(),
                    tags: (0..tags).map(line).collect(),
                };
                check_page(&TagsPage {
                    groups: (0..groups).map(group).collect(),
                    tags: 12,
                    may_open,
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
