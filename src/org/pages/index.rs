//! `/org?dept=`: the tree of departments and the members of one of them.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Page,
    org::{
        Department, Directory, Member, Sight,
        queries::{self, MemberFilter},
    },
    view,
    web::{
        Cx, Lang, ListQuery, Shown, Web, filters,
        parts::{Empty, EmptyKind, Link, Pager},
    },
};

/// Up to so many departments the tree is shown unfolded.
const UNFOLDED_MAX: usize = 40;

/// A line of the tree. Lists nest, so each line says what it closes behind itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) people: usize,
    pub(super) is_current: bool,
    /// Whether the next line is below this one.
    pub(super) opens: bool,
    /// Lists that end behind this line.
    pub(super) closes: usize,
}

/// A member of the chosen department.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) alias: String,
    pub(super) position: String,
    pub(super) department: String,
    pub(super) is_leader: bool,
    pub(super) serves_customers: bool,
    pub(super) state: (&'static str, &'static str),
}

/// The page.
#[derive(Template)]
#[template(path = "org/index.html", blocks = ["title", "list"])]
pub(in crate::org) struct OrgPage {
    pub(super) heading: String,
    pub(super) path: Vec<Link>,
    pub(super) tree: Vec<Node>,
    pub(super) below: Vec<Node>,
    pub(super) rows: Vec<Row>,
    pub(super) people: usize,
    pub(super) pager: Pager,
    pub(super) empty: Empty,
    pub(super) may_sync: bool,
    pub(super) may_edit: bool,
    pub(super) may_edit_department: bool,
    /// Id and number of the chosen department.
    pub(super) department: Option<(String, String)>,
}
view!(OrgPage, "list" => as_list);

/// Shows the directory. Its entry, which names everybody who was shown, joins the next batch.
pub(in crate::org) async fn index(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<OrgPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let sight = app.read(|r| app.sight(r, &viewer, Permission::OrgRead))?;
    let tree = Tree::of(&sight, cx.lang() == Lang::En);
    let chosen = tree.chosen(query.get("dept"))?;
    let members = chosen.map_or(Vec::new(), |d| {
        let filter = MemberFilter {
            department: Some(d.wecom_id),
            ..MemberFilter::default()
        };
        queries::members(&sight, &filter)
    });
    let request = web.cursors.page_request(&viewer.name_for_binding(), &query);
    let page = Page::of_whole(members, &request);
    let ids: Vec<String> = page.items.iter().map(|m| m.id.to_string()).collect();
    let act = viewer.view("org.list").system_detail("ids", ids.join(" "));
    let pager = Pager::of(&page, &query, &viewer.name_for_binding(), &web.cursors);
    let rows = page.map(|member| row(&sight, &tree, chosen, member));
    let shown = OrgPage {
        heading: chosen.map_or(String::new(), |d| tree.name(d)),
        path: chosen.map_or(Vec::new(), |d| tree.path(d)),
        below: chosen.map_or(Vec::new(), |d| tree.below(d)),
        people: chosen.map_or(0, |d| tree.people(d)),
        tree: tree.nodes(chosen),
        rows: rows.items,
        pager,
        empty: empty(
            &cx,
            app.wecom().is_some(),
            viewer.may(Permission::SyncRun),
            chosen,
        ),
        may_sync: viewer.may(Permission::SyncRun),
        may_edit: viewer.may(Permission::OrgEdit),
        may_edit_department: viewer.may(Permission::OrgEdit)
            && chosen.is_some_and(|d| app.org_standing().may_change_department(d.wecom_id)),
        department: chosen.map(|d| (d.id.to_string(), d.wecom_id.to_string())),
    };
    app.note(act).await?;
    Ok(Shown::of(shown))
}

fn row(sight: &Sight, tree: &Tree<'_>, chosen: Option<&Department>, member: &Member) -> Row {
    let post = member
        .posts
        .iter()
        .find(|post| chosen.is_some_and(|d| d.wecom_id == post.department));
    let department = sight.directory.department_of(member);
    Row {
        id: member.id.to_string(),
        name: member.name.clone(),
        alias: member.alias.clone(),
        position: member.position.clone(),
        department: department.map_or(String::new(), |d| tree.name(d)),
        is_leader: post.is_some_and(|post| post.is_leader),
        serves_customers: member.serves_customers,
        state: super::state(member.state),
    }
}

/// The departments in which the viewer sees somebody.
pub(super) struct Tree<'a> {
    directory: &'a Directory,
    /// Depth, department, people here at or below it that the viewer sees.
    lines: Vec<(usize, &'a Department, usize)>,
    english: bool,
}

impl<'a> Tree<'a> {
    pub(super) fn of(sight: &'a Sight, english: bool) -> Self {
        Self {
            lines: queries::departments(sight),
            directory: &sight.directory,
            english,
        }
    }

    /// The department that is asked for by WeCom's number, else the first. One that the
    /// viewer does not see is not there.
    pub(super) fn chosen(&self, asked: Option<&str>) -> Result<Option<&'a Department>> {
        let Some(asked) = asked else {
            return Ok(self.lines.first().map(|line| line.1));
        };
        let number: Option<u64> = asked.parse().ok();
        let line = self
            .lines
            .iter()
            .find(|line| Some(line.1.wecom_id) == number);
        let missing = AppError::NotFound { what: "department" };
        line.map(|line| Some(line.1)).ok_or(missing)
    }

    fn name(&self, department: &Department) -> String {
        department.name_in(self.english).to_owned()
    }

    fn people(&self, department: &Department) -> usize {
        let line = self.lines.iter().find(|line| line.1.id == department.id);
        line.map_or(0, |line| line.2)
    }

    fn is_seen(&self, department: &Department) -> bool {
        self.lines.iter().any(|line| line.1.id == department.id)
    }

    /// From the top down to the department itself.
    fn path(&self, department: &Department) -> Vec<Link> {
        let path = self.directory.tree.path(department.wecom_id);
        path.into_iter()
            .filter(|d| self.is_seen(d))
            .map(|d| Link {
                label: self.name(d),
                href: address(d),
            })
            .collect()
    }

    /// The departments directly below.
    fn below(&self, department: &Department) -> Vec<Node> {
        let lines = self.lines.iter();
        lines
            .filter(|line| line.1.parent_wecom_id == department.wecom_id)
            .filter(|line| line.1.id != department.id)
            .map(|line| self.node(line, None))
            .collect()
    }

    fn node(
        &self,
        (_, department, people): &(usize, &Department, usize),
        chosen: Option<&Department>,
    ) -> Node {
        Node {
            name: self.name(department),
            href: address(department),
            people: *people,
            is_current: chosen.is_some_and(|d| d.id == department.id),
            opens: false,
            closes: 0,
        }
    }

    /// The lines to show: all of a small firm; of a large one what hangs on the way down to
    /// the chosen department.
    pub(super) fn nodes(&self, chosen: Option<&Department>) -> Vec<Node> {
        let path = chosen.map_or(Vec::new(), |d| self.directory.tree.path(d.wecom_id));
        let on_path = |number: u64| path.iter().any(|d| d.wecom_id == number);
        let all = self.lines.len() <= UNFOLDED_MAX;
        let shown: Vec<_> = self
            .lines
            .iter()
            .filter(|(depth, d, _)| all || *depth == 0 || on_path(d.parent_wecom_id))
            .collect();
        let depths: Vec<usize> = shown.iter().map(|line| line.0).collect();
        let nodes = shown.into_iter().enumerate().map(|(i, line)| {
            let next = depths.get(i + 1).copied().unwrap_or(0);
            Node {
                opens: next > line.0,
                closes: line.0.saturating_sub(next),
                ..self.node(line, chosen)
            }
        });
        nodes.collect()
    }
}

fn address(department: &Department) -> String {
    ListQuery::new("/org")
        .with("dept", department.wecom_id)
        .to_string()
}

fn empty(cx: &Cx, connected: bool, may_sync: bool, chosen: Option<&Department>) -> Empty {
    let (kind, word) = match (chosen, connected) {
        (Some(_), _) => (EmptyKind::NothingYet, "org.empty.department"),
        (None, true) => (EmptyKind::NothingYet, "org.empty.none"),
        (None, false) => (EmptyKind::NotConnected, "org.empty.connect"),
    };
    let sync = Link {
        label: cx.t("org.to_sync").into_owned(),
        href: "/org/sync".to_owned(),
    };
    Empty {
        kind,
        title: cx.t(&format!("{word}.title")).into_owned(),
        hint: cx.t(&format!("{word}.hint")).into_owned(),
        action: (may_sync && chosen.is_none()).then_some(sync),
        other: None,
    }
}
