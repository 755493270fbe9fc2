//! `/customers`: saved views, filters, sort, pages by cursor.

use std::borrow::Cow;

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    customers::{
        AddWay, Customer, CustomerKind, customer_no,
        list::{self, Asked, CustomerPage, SavedView},
        queries::VisibleCustomer,
        views::{self as customer_views, NamedView},
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::Sight,
    search::{Piece, highlight, is_phone_search},
    store::Read,
    tags::{self, queries::GroupWithTags},
    view,
    web::{
        Cx, ListQuery, Shown, Web, filters, format,
        parts::{Chip, Choice, Empty, EmptyKind, Filter, Link, Pager, Tab},
    },
};

use super::{
    asked::{asked, list_act},
    columns::Columns,
    views,
};

/// One line of the list.
#[derive(Clone)]
pub(super) struct Row {
    id: String,
    number: String,
    name: Vec<Piece>,
    plain_name: String,
    kind: CustomerKind,
    second: Vec<Piece>,
    tags: Vec<(String, &'static str)>,
    owner: String,
    owner_id: String,
    more_owners: usize,
    department: String,
    company: String,
    way: String,
    state: (&'static str, &'static str),
    /// The day, written out.
    added: String,
}

/// The page.
#[derive(Clone, Template)]
#[template(path = "customers/list.html", blocks = ["title", "list"])]
pub(in crate::customers) struct ListPage {
    query: ListQuery,
    text: String,
    views: Vec<Tab>,
    /// Where 保存当前视图 leads, if it is none yet.
    save: Option<String>,
    filters: Vec<Filter>,
    chips: Vec<Chip>,
    clear: String,
    pub(super) rows: Vec<Row>,
    relations: u64,
    total: u64,
    pager: Pager,
    empty: Empty,
    may_export: bool,
    may_edit: bool,
    may_broadcast: bool,
    from: String,
    /// The same as part of an address.
    from_encoded: String,
    show: Columns,
    columns: Vec<Choice>,
}
view!(ListPage, "list" => as_list);

/// Shows the list. Its entry (which customers were shown, and for which words) joins the next
/// batch; only masked columns are on the page. A phone search is durable before it is shown.
pub(in crate::customers) async fn list(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<ListPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    if cx.query.is_empty() && !cx.is_fragment {
        let begin = app.read(|r| customer_views::default_of(r, viewer.role()))?;
        if !begin.is_empty() {
            return Ok(Shown::go_to(views::address(&begin)));
        }
    }
    let asked = asked(&query, &viewer, &cx);
    let (found, page) = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::CustomerRead)?;
        let request = web.cursors.page_request(&viewer.name_for_binding(), &query);
        let found = list::customers(r, &app.people, &sight, &asked, &request, cx.now)?;
        let builder = Builder {
            app: &app,
            web: &web,
            viewer: &viewer,
            cx: &cx,
            sight: &sight,
        };
        let lines = Lines {
            cx: &cx,
            sight: &sight,
            text: &asked.text,
            groups: &r.remembered(0, || tags::queries::groups(r))?,
        };
        let page = builder.page(r, &query, &asked, &found, &lines)?;
        Ok::<_, AppError>((found, page))
    })?;
    let act = list_act(&viewer, "customer.list", &asked, &found);
    if is_phone_search(&asked.text) {
        app.write(act, |_| Ok(())).await?;
    } else {
        app.note(act).await?;
    }
    Ok(Shown::of(page))
}

/// Puts the page together.
pub(super) struct Builder<'a> {
    pub(super) app: &'a App,
    pub(super) web: &'a Web,
    pub(super) viewer: &'a Viewer,
    pub(super) cx: &'a Cx,
    pub(super) sight: &'a Sight,
}

/// Turns customers into lines of the list.
pub(super) struct Lines<'a> {
    pub(super) cx: &'a Cx,
    pub(super) sight: &'a Sight,
    /// What was searched for.
    pub(super) text: &'a str,
    pub(super) groups: &'a [GroupWithTags],
}

impl Builder<'_> {
    pub(super) fn page(
        &self,
        r: &Read<'_>,
        query: &ListQuery,
        asked: &Asked,
        found: &CustomerPage,
        lines: &Lines<'_>,
    ) -> Result<ListPage> {
        let filters = self.filters(query, lines.groups)?;
        let show = Columns::of(self.viewer);
        let pager = Pager::of(
            &found.page,
            query,
            &self.viewer.name_for_binding(),
            &self.web.cursors,
        );
        let views = self.views(r, query, asked)?;
        let Ok(from_encoded) = askama::filters::urlencode(query);
        Ok(ListPage {
            text: asked.text.clone(),
            save: Self::save_href(query, &views),
            views,
            chips: chips(self.cx, query, &filters),
            filters,
            clear: query.only(&["view", "sort"]).to_string(),
            rows: found
                .page
                .items
                .iter()
                .map(|row| lines.line(&row.found))
                .collect(),
            relations: found.relations,
            total: found.page.total,
            pager,
            empty: self.empty(query),
            may_export: self.viewer.may(Permission::CustomerExport),
            may_edit: self.viewer.may(Permission::CustomerEdit),
            may_broadcast: self.viewer.may(Permission::BroadcastSend),
            from_encoded: from_encoded.to_string(),
            from: query.to_string(),
            columns: show.choices(self.cx),
            show,
            query: query.clone(),
        })
    }

    /// The ready-made views, then those saved by the viewer, then those shared by others.
    fn views(&self, r: &Read<'_>, query: &ListQuery, asked: &Asked) -> Result<Vec<Tab>> {
        let here = views::conditions(query);
        let mut named = Vec::new();
        if let Some(account) = self.viewer.account_id() {
            named = customer_views::own(r, account)?;
            named.extend(customer_views::shared(r, self.sight, account)?);
        }
        let saved = named.iter().map(|view| self.saved_tab(view, &here));
        let saved: Vec<Tab> = saved.collect::<Result<_>>()?;
        let is_saved = saved.iter().any(|tab| tab.is_current);
        let counts = list::view_counts(&self.app.people, self.sight, self.cx.now)?;
        let base = query.only(&["sort"]);
        let tab = |(view, count): (SavedView, u64)| Tab {
            label: self.cx.t(view_word(view)).into_owned(),
            href: base.with("view", view.code()).to_string(),
            count: Some(count),
            is_current: view == asked.view && !is_saved,
        };
        let mine = |view: &SavedView| *view != SavedView::Mine || self.sight.own().is_some();
        let ready = SavedView::ALL.into_iter().zip(counts);
        let ready = ready.filter(|(view, _)| mine(view)).map(tab);
        Ok(ready.chain(saved).collect())
    }

    fn saved_tab(&self, view: &NamedView, here: &str) -> Result<Tab> {
        let address = views::address(&view.query);
        let asked = asked(&address, self.viewer, self.cx);
        let count = list::count(&self.app.people, self.sight, &asked, self.cx.now)?;
        Ok(Tab {
            label: view.name.clone(),
            href: address.to_string(),
            count: Some(count),
            is_current: view.query == here,
        })
    }

    /// Where saving what is on the screen leads; nowhere if it is a view already.
    fn save_href(query: &ListQuery, views: &[Tab]) -> Option<String> {
        let conditions = views::conditions(query);
        let is_view = views.iter().any(|tab| {
            let (_, kept) = tab.href.split_once('?').unwrap_or_default();
            views::conditions(&ListQuery::parse("", kept)) == conditions
        });
        let address = ListQuery::new("/customers/views").with("from", query.without("limit"));
        (!conditions.is_empty() && !is_view).then(|| address.to_string())
    }

    pub(super) fn filters(
        &self,
        query: &ListQuery,
        groups: &[GroupWithTags],
    ) -> Result<Vec<Filter>> {
        let scope = crate::app::scope_filter(self.sight);
        let counts = self.app.people.tag_counts(&scope)?;
        let english = self.cx.lang() == crate::web::Lang::En;
        let choice = |name: &'static str, value: String, label: String, count| Choice {
            is_on: query.has(name, &value),
            value,
            label,
            count,
        };
        let tags = groups
            .iter()
            .flat_map(|g| g.tags.iter().map(move |t| (g, t)));
        let tag_choices = tags.map(|(_, tag)| {
            let count = counts.get(&tag.id.bits()).copied().unwrap_or(0);
            choice("tag", tag.id.to_string(), tag.name.clone(), Some(count))
        });
        let departments = list::departments_in_scope(self.sight)
            .into_iter()
            .map(|(depth, d)| {
                let label = format!("{}{}", "　".repeat(depth), d.name_in(english));
                choice("dept", d.wecom_id.to_string(), label, None)
            });
        let mut owners: Vec<_> = self
            .sight
            .directory
            .members()
            .filter(|m| self.sight.sees(m.id) && (m.serves_customers || !m.is_here()))
            .collect();
        owners.sort_by(|a, b| (!a.is_here(), &a.name).cmp(&(!b.is_here(), &b.name)));
        let owners = owners
            .into_iter()
            .map(|m| choice("owner", m.id.to_string(), m.name.clone(), None));
        let named = AddWay::NAMED.into_iter().map(AddWay).chain([AddWay::OWN]);
        let ways = named.map(|way| choice("via", way.0.to_string(), way_name(self.cx, way), None));
        let days = ["7d", "30d", "90d", "365d"].map(|range| {
            let label = self.cx.t(&format!("customers.added.{range}")).into_owned();
            choice("added", range.to_owned(), label, None)
        });
        let filter = |name, word: &str, choices: Vec<Choice>, many| Filter {
            name,
            label: self.cx.t(word).into_owned(),
            choices,
            many,
        };
        Ok(vec![
            filter(
                "dept",
                "customers.filter.dept",
                departments.collect(),
                false,
            ),
            filter("tag", "customers.filter.tag", tag_choices.collect(), true),
            filter("owner", "customers.filter.owner", owners.collect(), false),
            filter("via", "customers.filter.via", ways.collect(), true),
            filter("added", "customers.filter.added", days.to_vec(), false),
        ])
    }

    fn empty(&self, query: &ListQuery) -> Empty {
        let t = |key: &str| self.cx.t(key).into_owned();
        let narrowed = !views::conditions(&query.without("sort")).is_empty();
        let link = |label: &str, href: &str| {
            Some(Link {
                label: t(label),
                href: href.to_owned(),
            })
        };
        if narrowed {
            let clear = query.only(&["view", "sort"]).to_string();
            return Empty {
                kind: EmptyKind::NothingMatches,
                title: t("customers.empty.no_match"),
                hint: t("customers.empty.no_match_hint"),
                action: link("list.clear_all", &clear),
                other: None,
            };
        }
        let may_sync = self.viewer.may(Permission::SyncRun);
        let may_edit = self.viewer.may(Permission::CustomerEdit);
        let connected = self.app.wecom().is_some();
        Empty {
            kind: if connected {
                EmptyKind::NothingYet
            } else {
                EmptyKind::NotConnected
            },
            title: t("customers.empty.none"),
            hint: t(if connected {
                "customers.empty.sync"
            } else {
                "customers.empty.connect"
            }),
            action: if connected {
                link("customers.empty.to_sync", "/org/sync").filter(|_| may_sync)
            } else {
                link("customers.own.new", "/customers/new").filter(|_| may_edit)
            },
            other: link("customers.own.import", "/customers/import").filter(|_| may_edit),
        }
    }
}

impl Lines<'_> {
    pub(super) fn line(&self, found: &VisibleCustomer) -> Row {
        let (customer, main) = (&found.customer, found.main());
        let marked = |text: &str| highlight(text, self.text);
        let name = name_of(self.cx, customer);
        let second = [&main.remark, &main.company, &customer.corp_name];
        let second = second
            .into_iter()
            .find(|t| !t.is_empty() && **t != customer.name);
        let owner = self.sight.directory.member(main.member);
        let department = owner.and_then(|m| self.sight.directory.department_of(m));
        let mut active: Vec<_> = found
            .relations
            .iter()
            .filter(|r| r.is_active())
            .map(|r| r.member)
            .collect();
        active.dedup();
        Row {
            id: customer.id.to_string(),
            number: customer_no(customer.no),
            name: marked(&name),
            plain_name: name.into_owned(),
            kind: customer.kind,
            second: second.map(|text| marked(text)).unwrap_or_default(),
            tags: tag_names(&found.tags(), self.groups),
            owner: self.sight.name(main.member).to_owned(),
            owner_id: main.member.to_string(),
            more_owners: active.len().saturating_sub(1),
            department: department.map(|d| d.name.clone()).unwrap_or_default(),
            company: match main.company.is_empty() {
                true => customer.corp_name.clone(),
                false => main.company.clone(),
            },
            way: way_name(self.cx, main.add_way),
            state: state_of(main.is_active(), owner.is_some_and(|m| !m.is_here())),
            added: format::date(main.added_at, &self.cx.zone, self.cx.lang()),
        }
    }
}

/// A customer's name; WeCom may know none.
pub(super) fn name_of<'a>(cx: &Cx, customer: &'a Customer) -> Cow<'a, str> {
    match customer.name.as_str() {
        "" => cx.t("groups.nameless"),
        name => name.into(),
    }
}

pub(super) fn view_word(view: SavedView) -> &'static str {
    match view {
        SavedView::All => "customers.view.all",
        SavedView::New => "customers.view.new",
        SavedView::Mine => "customers.view.mine",
        SavedView::Unassigned => "customers.view.unassigned",
        SavedView::Lost => "customers.view.lost",
    }
}

/// The name of a way of adding; unknown numbers show themselves.
pub(super) fn way_name(cx: &Cx, way: AddWay) -> String {
    let key = way.word_key();
    if AddWay::NAMED.contains(&way.0) {
        return cx.t(&key).into_owned();
    }
    cx.tf(&key, ("n", way.0.to_string())).into_owned()
}

/// Word and tone of where a customer stands with the firm.
fn state_of(active: bool, owner_left: bool) -> (&'static str, &'static str) {
    match (active, owner_left) {
        (false, _) => ("customers.state.lost", "bad"),
        (true, true) => ("customers.state.unassigned", "warn"),
        (true, false) => ("customers.state.active", "ok"),
    }
}

/// Names of tags with the tone of their group, in the groups' order.
pub(super) fn tag_names(
    ids: &[tags::TagId],
    groups: &[GroupWithTags],
) -> Vec<(String, &'static str)> {
    let tones = ["warn", "", "a", ""];
    let mut names = Vec::new();
    for (group, tone) in groups.iter().zip(tones.into_iter().cycle()) {
        let chosen = group.tags.iter().filter(|tag| ids.contains(&tag.id));
        names.extend(chosen.map(|tag| (tag.name.clone(), tone)));
    }
    names
}

/// A chip for each chosen value of each filter.
pub(super) fn chips(cx: &Cx, query: &ListQuery, filters: &[Filter]) -> Vec<Chip> {
    let mut chips = Vec::new();
    if let Some(text) = query.get("q").filter(|q| !q.trim().is_empty()) {
        chips.push(Chip {
            label: cx.t("customers.filter.text").into_owned(),
            value: text.to_owned(),
            remove: query.without("q").to_string(),
        });
    }
    for filter in filters {
        chips.extend(
            filter
                .choices
                .iter()
                .filter(|c| c.is_on)
                .map(|choice| Chip {
                    label: filter.label.clone(),
                    value: choice.label.trim_start_matches('　').to_owned(),
                    remove: query.without_value(filter.name, &choice.value).to_string(),
                }),
        );
    }
    chips
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
