//! The page of the list with rows that somebody else has read: what a benchmark holds the list
//! against renders the very same template with the very same values, and does nothing else.

use crate::{
    app::App,
    customers::{Customer, Relation, list, queries::VisibleCustomer},
    error::Result,
    identity::{Permission, Viewer},
    org::Sight,
    tags::{self, queries::GroupWithTags},
    web::{Cx, ListQuery, View, Web},
};

use super::{
    asked::asked,
    list::{Builder, Lines, ListPage},
};

/// A page of the list, ready but for its rows.
#[derive(Clone)]
pub struct Yardstick {
    page: ListPage,
    sight: Sight,
    groups: Vec<GroupWithTags>,
    cx: Cx,
}

impl Yardstick {
    /// The page that this request would be shown at `path`.
    pub fn new(app: &App, web: &Web, viewer: &Viewer, cx: &Cx, path: &str) -> Result<Self> {
        let query = ListQuery::parse(path, &cx.query);
        let asked = asked(&query, viewer, cx);
        app.read(|r| {
            let sight = app.sight(r, viewer, Permission::CustomerRead)?;
            let request = web.cursors.page_request(&viewer.name_for_binding(), &query);
            let found = list::customers(r, &app.people, &sight, &asked, &request, cx.now)?;
            let groups = tags::queries::groups(r)?;
            let lines = Lines {
                cx,
                sight: &sight,
                text: "",
                groups: &groups,
            };
            let builder = Builder {
                app,
                web,
                viewer,
                cx,
                sight: &sight,
            };
            Ok(Self {
                page: builder.page(r, &query, &asked, &found, &lines)?,
                sight,
                groups,
                cx: cx.clone(),
            })
        })
    }

    /// The page with these customers, each with its relations.
    pub fn render(
        &mut self,
        rows: impl Iterator<Item = (Customer, Vec<Relation>)>,
    ) -> askama::Result<String> {
        let lines = Lines {
            cx: &self.cx,
            sight: &self.sight,
            text: "",
            groups: &self.groups,
        };
        let rows = rows
            .map(|(customer, relations)| lines.line(&VisibleCustomer::new(customer, relations, 0)));
        self.page.rows = rows.collect();
        self.page.page(&self.cx)
    }
}
