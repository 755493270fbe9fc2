//! `/customers/views`: saving the view on the screen, and the views one has.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    customers::{
        list,
        views::{self, DeleteView, MoveView, NamedView, NamedViewId, SaveView, SetDefaultView},
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::Sight,
    store::Read,
    tags::queries::GroupWithTags,
    view, visit,
    web::{
        Cx, Form, FormState, Lang, ListQuery, Shown, Web, filters,
        parts::{Chip, Choice},
    },
};

use super::{
    asked::{self, LIST},
    list::{Builder, chips, view_word},
};

/// The address of the page.
const VIEWS: &str = "/customers/views";
/// The parts of an address that make a view.
const CONDITIONS: [&str; 9] = [
    "view", "q", "dept", "tag", "owner", "via", "kind", "added", "sort",
];

/// The conditions of a list's address as a view keeps them: in an order of their own.
pub(super) fn conditions(list: &ListQuery) -> String {
    let kept = list.only(&CONDITIONS);
    let kept = match kept.get("view") {
        Some("all") => kept.without("view"),
        _ => kept,
    };
    let address = kept.identity();
    address
        .split_once('?')
        .map_or(String::new(), |(_, query)| query.to_owned())
}

/// The list that a view's conditions select.
pub(super) fn address(query: &str) -> ListQuery {
    match query {
        "" => ListQuery::new(LIST).with("view", "all"),
        query => ListQuery::parse(LIST, query),
    }
}

/// A view as a line of the page.
struct Line {
    id: String,
    name: String,
    href: String,
    count: u64,
    /// What it selects, in words.
    says: Vec<Chip>,
    /// The department it is shared with.
    shared: Option<String>,
    /// Whoever saved it, if somebody else.
    by: Option<String>,
    is_first: bool,
    is_last: bool,
}

/// What a role begins with.
struct Beginning {
    role: &'static str,
    word: &'static str,
    choices: Vec<Choice>,
}

/// The page.
#[derive(Template)]
#[template(path = "customers/views.html", blocks = ["title"])]
pub(in crate::customers) struct ViewsPage {
    form: FormState,
    /// The view that is being changed; none saves a new one.
    editing: Option<String>,
    /// The address to be saved; empty if there is none.
    from: String,
    says: Vec<Chip>,
    departments: Vec<Choice>,
    own: Vec<Line>,
    shared: Vec<Line>,
    beginnings: Vec<Beginning>,
}
view!(ViewsPage);

/// Shows the page: with `from` a form to save that list, with `edit` one to change a view.
pub(in crate::customers) async fn views(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<ViewsPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let editing = query.get("edit").and_then(|id| id.parse().ok());
    let maker = Maker::of(&app, &web, &viewer, &cx)?;
    let form = match editing {
        Some(id) => maker.read(|r| maker.form_of(r, id))?,
        None => FormState::empty(),
    };
    let from = query.get("from").unwrap_or("");
    maker.page(form, editing, from).map(Shown::of)
}

#[derive(Deserialize)]
pub(in crate::customers) struct ViewForm {
    name: String,
    #[serde(default)]
    share: String,
    #[serde(default)]
    from: String,
}

/// Saves the list that `from` names under a name.
pub(in crate::customers) async fn save(
    viewer: Viewer,
    form: Form<ViewForm>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<ViewsPage>> {
    keep(&viewer, None, form, &app, &web, &cx).await
}

/// Changes a view's name and with whom it is shared.
pub(in crate::customers) async fn change(
    viewer: Viewer,
    id: Path<String>,
    form: Form<ViewForm>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<ViewsPage>> {
    keep(&viewer, Some(view_id(&id)?), form, &app, &web, &cx).await
}

async fn keep(
    viewer: &Viewer,
    view: Option<NamedViewId>,
    form: Form<ViewForm>,
    app: &App,
    web: &Web,
    cx: &Cx,
) -> Result<Shown<ViewsPage>> {
    let from = form.values.from;
    let command = SaveView {
        view,
        name: form.values.name,
        query: of_list(&from).map_or(String::new(), |list| conditions(&list)),
        shared_with: form.values.share.parse().ok(),
    };
    let (act, asking) = (viewer.change("customer.views.save"), viewer.clone());
    let saved = app
        .write(act, move |w| {
            let allowed = asking.allow(w, command)?;
            views::save_view(w, allowed)
        })
        .await;
    Ok(match form.state.catch(saved)? {
        Ok(saved) if view.is_none() => {
            Shown::go_to(address(&saved.query)).toast("views.saved", ("name", saved.name))
        }
        Ok(saved) => Shown::go_to(VIEWS).toast("views.changed", ("name", saved.name)),
        Err(form) => {
            let maker = Maker::of(app, web, viewer, cx)?;
            Shown::of(maker.page(form, view, &from)?).invalid()
        }
    })
}

fn view_id(text: &str) -> Result<NamedViewId> {
    text.parse()
        .map_err(|_| AppError::NotFound { what: "view" })
}

/// The list that an address names.
fn of_list(address: &str) -> Option<ListQuery> {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    (path == LIST).then(|| ListQuery::parse(path, query))
}

#[derive(Deserialize)]
pub(in crate::customers) struct MoveForm {
    #[serde(default)]
    up: bool,
}

/// Moves a view up or down.
pub(in crate::customers) async fn move_one(
    viewer: Viewer,
    id: Path<String>,
    form: Form<MoveForm>,
    app: Data<App>,
) -> Result<Shown<ViewsPage>> {
    let command = MoveView {
        view: view_id(&id)?,
        up: form.values.up,
    };
    app.carry_out(&viewer, "customer.views.move", command, views::move_view)
        .await?;
    Ok(Shown::go_to(VIEWS))
}

#[derive(Deserialize)]
pub(in crate::customers) struct NoFields {}

/// Removes a view.
pub(in crate::customers) async fn delete(
    viewer: Viewer,
    id: Path<String>,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<ViewsPage>> {
    let command = DeleteView {
        view: view_id(&id)?,
    };
    let removed = app
        .carry_out(
            &viewer,
            "customer.views.delete",
            command,
            views::delete_view,
        )
        .await?;
    Ok(Shown::go_to(VIEWS).toast("views.deleted", ("name", removed.name)))
}

#[derive(Deserialize)]
pub(in crate::customers) struct BeginningForm {
    role: String,
    #[serde(default)]
    query: String,
}

/// Decides what a role begins with.
pub(in crate::customers) async fn begin_with(
    viewer: Viewer,
    form: Form<BeginningForm>,
    app: Data<App>,
) -> Result<Shown<ViewsPage>> {
    let query = ListQuery::parse(LIST, &form.values.query);
    let command = SetDefaultView {
        role: form.values.role,
        query: conditions(&query),
    };
    app.carry_out(
        &viewer,
        "settings.default_view",
        command,
        views::set_default_view,
    )
    .await?;
    Ok(Shown::go_to(VIEWS).toast("views.begin_saved", ()))
}

/// Puts the page together.
struct Maker<'a> {
    app: &'a App,
    web: &'a Web,
    viewer: &'a Viewer,
    cx: &'a Cx,
    sight: Sight,
    groups: Vec<GroupWithTags>,
}

impl<'a> Maker<'a> {
    fn of(app: &'a App, web: &'a Web, viewer: &'a Viewer, cx: &'a Cx) -> Result<Self> {
        let (sight, groups) = app.read(|r| {
            let sight = app.sight(r, viewer, Permission::CustomerRead)?;
            Ok::<_, AppError>((sight, crate::tags::queries::groups(r)?))
        })?;
        Ok(Self {
            app,
            web,
            viewer,
            cx,
            sight,
            groups,
        })
    }

    fn read<T>(&self, query: impl FnOnce(&Read<'_>) -> Result<T>) -> Result<T> {
        self.app.read(query)
    }

    /// A view of the viewer's own, as its form begins.
    fn form_of(&self, r: &Read<'_>, id: NamedViewId) -> Result<FormState> {
        let view = r.get::<NamedView>(&id)?;
        let view = view.filter(|view| Some(view.owner) == self.viewer.account_id());
        let view = view.ok_or(AppError::NotFound { what: "view" })?;
        let share = view.shared_with.map_or(String::new(), |n| n.to_string());
        Ok(FormState::with_values([
            ("name", view.name),
            ("share", share),
        ]))
    }

    fn page(&self, form: FormState, editing: Option<NamedViewId>, from: &str) -> Result<ViewsPage> {
        let account = self.viewer.account_id().ok_or(AppError::Unauthenticated)?;
        let (own, shared) = self.read(|r| {
            let shared = views::shared(r, &self.sight, account)?;
            let by = shared
                .iter()
                .map(|view| crate::identity::queries::account_name(r, view.owner))
                .collect::<Result<Vec<_>, _>>()?;
            Ok((
                views::own(r, account)?,
                shared.into_iter().zip(by).collect::<Vec<_>>(),
            ))
        })?;
        let saving = of_list(from).map(|list| list.only(&CONDITIONS));
        let says = match &saving {
            Some(list) => self.says(list)?,
            None => Vec::new(),
        };
        let last = own.len().saturating_sub(1);
        let lines = own.iter().enumerate().map(|(i, view)| {
            let line = self.line(view, None)?;
            Ok(Line {
                is_first: i == 0,
                is_last: i == last,
                ..line
            })
        });
        Ok(ViewsPage {
            from: match saving {
                Some(list) if editing.is_none() => list.to_string(),
                _ => String::new(),
            },
            says,
            departments: self.departments(),
            own: lines.collect::<Result<_>>()?,
            shared: shared
                .iter()
                .map(|(view, by)| self.line(view, Some(by.clone().unwrap_or_default())))
                .collect::<Result<_>>()?,
            beginnings: self.beginnings()?,
            editing: editing.map(|id| id.to_string()),
            form,
        })
    }

    fn line(&self, view: &NamedView, by: Option<String>) -> Result<Line> {
        let list = address(&view.query);
        let asked = asked::asked(&list, self.viewer, self.cx);
        let tree = &self.sight.directory.tree;
        let english = self.cx.lang() == Lang::En;
        let shared = view.shared_with.and_then(|number| tree.get(number));
        Ok(Line {
            id: view.id.to_string(),
            name: view.name.clone(),
            href: list.to_string(),
            count: list::count(&self.app.people, &self.sight, &asked, self.cx.now)?,
            says: self.says(&list)?,
            shared: shared.map(|d| d.name_in(english).to_owned()),
            by,
            is_first: false,
            is_last: false,
        })
    }

    /// What a list selects, in words: its ready-made view, then its conditions.
    fn says(&self, list: &ListQuery) -> Result<Vec<Chip>> {
        let builder = Builder {
            app: self.app,
            web: self.web,
            viewer: self.viewer,
            cx: self.cx,
            sight: &self.sight,
        };
        let view = list::SavedView::of_code(list.get("view").unwrap_or(""));
        let mut says = vec![Chip {
            label: self.cx.t("customers.views").into_owned(),
            value: self.cx.t(view_word(view)).into_owned(),
            remove: String::new(),
        }];
        says.extend(chips(self.cx, list, &builder.filters(list, &self.groups)?));
        Ok(says)
    }

    /// The departments a view may be shared with, after nobody.
    fn departments(&self) -> Vec<Choice> {
        let choice = |value: String, label: String| Choice {
            value,
            label,
            count: None,
            is_on: false,
        };
        let english = self.cx.lang() == Lang::En;
        let mut choices = vec![choice(
            String::new(),
            self.cx.t("views.private").into_owned(),
        )];
        let seen = list::departments_in_scope(&self.sight).into_iter();
        choices.extend(
            seen.filter(|(_, d)| views::may_share_with(&self.sight, d.wecom_id))
                .map(|(depth, d)| {
                    let label = format!("{}{}", "　".repeat(depth), d.name_in(english));
                    choice(d.wecom_id.to_string(), label)
                }),
        );
        choices
    }

    /// What each role begins with; only for those who may decide it.
    fn beginnings(&self) -> Result<Vec<Beginning>> {
        if !self.viewer.may(Permission::SettingsManage) {
            return Ok(Vec::new());
        }
        let beginning = |role: &'static str| {
            let current = self.read(|r| Ok(views::default_of(r, role)?))?;
            let choices = list::SavedView::ALL.map(|view| {
                let query = conditions(&ListQuery::new(LIST).with("view", view.code()));
                Choice {
                    is_on: query == current,
                    value: query,
                    label: self.cx.t(view_word(view)).into_owned(),
                    count: None,
                }
            });
            Ok(Beginning {
                role,
                word: visit::role_key(role),
                choices: choices.into(),
            })
        };
        views::ROLES.into_iter().map(beginning).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn the_same_conditions_make_the_same_view_in_whatever_order_they_stand() {
        let view = |query: &str| conditions(&ListQuery::parse(LIST, query));
        assert_eq!(
            view("tag=b&tag=a&view=new&after=x"),
            view("view=new&tag=a&tag=b")
        );
        assert_eq!(view("view=all"), "");
        assert_eq!(view("surprise=1&q="), "");
        assert_eq!(conditions(&address("q=wang&view=new")), "q=wang&view=new");
    }

    #[test]
    fn the_page_renders_with_no_view_one_many_and_hostile_names() {
        let chip = || Chip {
            label: HOSTILE.into(),
            value: HOSTILE.into(),
            remove: String::new(),
        };
        let choice = |value: &str| Choice {
            value: value.into(),
            label: HOSTILE.into(),
            count: None,
            is_on: value.is_empty(),
        };
        for n in [0, 1, views::VIEWS_MAX] {
            let line = |i: usize| Line {
                id: format!("v{i}"),
                name: HOSTILE.into(),
                href: "/customers?view=new".into(),
                count: 3,
                says: vec![chip()],
                shared: i.is_multiple_of(2).then(|| HOSTILE.to_owned()),
                by: i.is_multiple_of(3).then(|| HOSTILE.to_owned()),
                is_first: i == 0,
                is_last: i + 1 == n,
            };
            let form = FormState::with_values([("name", HOSTILE.to_owned())]);
            let Err(AppError::Invalid(wrong)) =
                Err::<(), _>(AppError::field("name", "views.taken"))
            else {
                unreachable!("a field error is one of form")
            };
            check_page(&ViewsPage {
                form: if n == 1 { form.refused(wrong) } else { form },
                editing: (n == 1).then(|| "v0".to_owned()),
                from: if n == 0 {
                    String::new()
                } else {
                    HOSTILE.into()
                },
                says: vec![chip()],
                departments: vec![choice(""), choice("1")],
                own: (0..n).map(line).collect(),
                shared: (0..n).map(line).collect(),
                beginnings: (0..n.min(3))
                    .map(|_| Beginning {
                        role: "staff",
                        word: "role.staff",
                        choices: vec![choice(""), choice("view=new")],
                    })
                    .collect(),
            });
        }
    }
}
