//! `/archive/searches`: saving the search on the screen, the searches one has, and what they
//! have found since one last looked.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        find::Asked,
        names::Names,
        queries::{self, ArchiveSight},
        searches::{self, DeleteSearch, MarkSeen, SaveSearch, SavedSearch, SavedSearchId},
    },
    error::{AppError, Result},
    identity::{self, Permission, Viewer},
    store::Read,
    view,
    web::{
        Cx, Form, FormState, ListQuery, Shown, filters,
        parts::{Chip, Empty, EmptyKind, Link},
    },
    work::pages::Nothing,
};

use super::{
    asked::{self, ALERTED, CONDITIONS, UNDECRYPTED},
    customer,
    hits::{Hit, Lines},
    room,
    search::act_of,
};

/// The address of the page.
pub(super) const SEARCHES: &str = "/archive/searches";
/// Where searches are made.
const LIST: &str = "/archive";
/// New matches that are shown.
const SHOWN_MAX: usize = 100;

/// A search as a line, here and above the list of messages.
pub(in crate::archive) struct Line {
    pub(super) id: String,
    pub(super) name: String,
    /// The search itself.
    pub(super) href: String,
    /// New matches.
    pub(super) new: usize,
    /// Whether there are more than were counted.
    pub(super) is_more: bool,
    says: Vec<Chip>,
    is_shared: bool,
    tells: bool,
    /// Whoever saved it, if somebody else.
    by: Option<String>,
}

impl Line {
    /// The number of new matches, as a badge shows it.
    pub(super) fn badge(&self) -> String {
        let plus = if self.is_more { "+" } else { "" };
        format!("{}{plus}", self.new)
    }
}

/// The page.
#[derive(Template)]
#[template(path = "archive/searches.html", blocks = ["title"])]
pub(in crate::archive) struct SearchesPage {
    form: FormState,
    /// The search that is being changed; none saves a new one.
    editing: Option<String>,
    /// The address to be saved; empty if there is none.
    from: String,
    says: Vec<Chip>,
    own: Vec<Line>,
    shared: Vec<Line>,
}
view!(SearchesPage);

/// What a search has found.
#[derive(Template)]
#[template(path = "archive/found.html", blocks = ["title"])]
pub(in crate::archive) struct FoundPage {
    id: String,
    name: String,
    href: String,
    hits: Vec<Hit>,
    /// The greatest number among those that are shown.
    up_to: u64,
    empty: Empty,
}
view!(FoundPage);

/// The conditions of an address, in an order of their own.
fn conditions(list: &ListQuery) -> String {
    let address = list.only(&CONDITIONS).identity();
    address
        .split_once('?')
        .map_or(String::new(), |(_, query)| query.to_owned())
}

/// The conditions of the list that an address names, if they can be saved.
fn of_list(address: &str) -> Option<ListQuery> {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    (path == LIST)
        .then(|| ListQuery::parse(path, query))
        .and_then(|list| savable(&list))
}

/// The conditions of a search that narrow it, if it can be saved.
fn savable(query: &ListQuery) -> Option<ListQuery> {
    let kept = query.only(&CONDITIONS);
    let is_narrowed = CONDITIONS.iter().any(|name| kept.get(name).is_some());
    // What there are alerts about is not for everybody to whom a search may be shown, and what
    // nobody can read yet is no match of any.
    let is_for_all = ![ALERTED, UNDECRYPTED]
        .iter()
        .any(|flag| kept.has("flag", flag));
    // One with a condition that narrows nothing would tell of everything.
    (is_narrowed && is_for_all && asked::unread(&kept).is_empty()).then_some(kept)
}

/// Where the search on the screen is saved; none if it cannot be.
pub(super) fn save_href(query: &ListQuery) -> Option<String> {
    let kept = savable(query)?.to_string();
    Some(ListQuery::new(SEARCHES).with("from", kept).to_string())
}

/// Shows searches of one viewer.
pub(super) struct Maker<'a> {
    pub(super) r: &'a Read<'a>,
    pub(super) cx: &'a Cx,
    pub(super) viewer: &'a Viewer,
    pub(super) sight: &'a ArchiveSight,
    pub(super) names: &'a Names<'a>,
}

impl Maker<'_> {
    /// Those of the viewer, and those that are shared with them.
    pub(super) fn lines(&self) -> Result<(Vec<Line>, Vec<Line>)> {
        let Some(account) = self.viewer.account_id() else {
            return Ok((Vec::new(), Vec::new()));
        };
        let own = searches::own(self.r, account)?;
        let shared = searches::shared(self.r, self.viewer.role(), account)?;
        let own = own.iter().map(|search| self.line(search, None));
        let shared = shared.iter().map(|search| {
            let by = identity::queries::account_name(self.r, search.owner)?;
            self.line(search, Some(by.unwrap_or_default()))
        });
        Ok((own.collect::<Result<_>>()?, shared.collect::<Result<_>>()?))
    }

    fn line(&self, search: &SavedSearch, by: Option<String>) -> Result<Line> {
        let list = ListQuery::parse(LIST, &search.query);
        let (new, is_more) = match by.is_none() && search.tells {
            true => searches::count(self.r, self.sight, search)?,
            false => (0, false),
        };
        Ok(Line {
            id: search.id.to_string(),
            name: search.name.clone(),
            href: list.to_string(),
            new,
            is_more,
            says: self.says(&list)?,
            is_shared: search.is_shared,
            tells: search.tells,
            by,
        })
    }

    /// What a search selects, in words.
    fn says(&self, list: &ListQuery) -> Result<Vec<Chip>> {
        let filters = asked::filters(self.cx, list, self.sight);
        let customer = customer::chosen(self.names, self.cx, list)?;
        let room = room::chosen(self.r, self.sight, self.names, (self.cx, list))?;
        Ok(asked::chips(self.cx, list, &filters, &[&customer, &room]))
    }
}

/// The search of this id, if it is the viewer's own.
fn owned(r: &Read<'_>, viewer: &Viewer, id: SavedSearchId) -> Result<SavedSearch> {
    let search = r.get::<SavedSearch>(&id)?;
    let search = search.filter(|search| Some(search.owner) == viewer.account_id());
    search.ok_or(AppError::NotFound {
        what: "archive_search",
    })
}

fn parse(id: &str) -> Result<SavedSearchId> {
    id.parse().map_err(|_| AppError::NotFound {
        what: "archive_search",
    })
}

fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    form: Option<FormState>,
    editing: Option<SavedSearchId>,
    from: &str,
) -> Result<SearchesPage> {
    app.read(|r| {
        let sight = ArchiveSight::of(app, r, viewer)?;
        let maker = Maker {
            r,
            cx,
            viewer,
            sight: &sight,
            names: &Names::new(r, &sight.sight, cx),
        };
        let (own, shared) = maker.lines()?;
        let form = match (form, editing) {
            (Some(form), _) => form,
            (None, Some(id)) => filled(&owned(r, viewer, id)?),
            (None, None) => FormState::with_values([("tells", "on".to_owned())]),
        };
        let saving = of_list(from).filter(|_| editing.is_none());
        Ok(SearchesPage {
            says: match &saving {
                Some(list) => maker.says(list)?,
                None => Vec::new(),
            },
            from: saving.map_or(String::new(), |list| list.to_string()),
            editing: editing.map(|id| id.to_string()),
            form,
            own,
            shared,
        })
    })
}

fn filled(search: &SavedSearch) -> FormState {
    let mut values = vec![("name", search.name.clone())];
    if search.is_shared {
        values.push(("share", "on".to_owned()));
    }
    if search.tells {
        values.push(("tells", "on".to_owned()));
    }
    FormState::with_values(values)
}

/// Shows the page: with `from` a form to save that search, with `edit` one to change one.
pub(super) async fn index(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<SearchesPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let editing = query.get("edit").and_then(|id| id.parse().ok());
    let from = query.get("from").unwrap_or("").to_owned();
    let page = page(&app, &viewer, &cx, None, editing, &from)?;
    Ok(Shown::of(page))
}

#[derive(Deserialize)]
pub(super) struct SearchForm {
    name: String,
    #[serde(default)]
    share: bool,
    #[serde(default)]
    tells: bool,
    #[serde(default)]
    from: String,
}

/// Saves the search that `from` names under a name.
pub(super) async fn save(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<SearchForm>,
) -> Result<Shown<SearchesPage>> {
    keep(&viewer, None, &app, &cx, form).await
}

/// Changes a search's name and what becomes of it.
pub(super) async fn change(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<SearchForm>,
) -> Result<Shown<SearchesPage>> {
    keep(&viewer, Some(parse(&id)?), &app, &cx, form).await
}

async fn keep(
    viewer: &Viewer,
    search: Option<SavedSearchId>,
    app: &App,
    cx: &Cx,
    form: Form<SearchForm>,
) -> Result<Shown<SearchesPage>> {
    let from = form.values.from.clone();
    let command = SaveSearch {
        search,
        name: form.values.name,
        query: of_list(&from).map_or(String::new(), |list| conditions(&list)),
        is_shared: form.values.share,
        tells: form.values.tells,
    };
    let saved = app
        .carry_out(viewer, "archive.search_save", command, searches::save)
        .await;
    Ok(match form.state.catch(saved)? {
        Ok(saved) if search.is_none() => {
            let list = ListQuery::parse(LIST, &saved.query);
            Shown::go_to(list).toast("searches.saved", ("name", saved.name))
        }
        Ok(saved) => Shown::go_to(SEARCHES).toast("searches.changed", ("name", saved.name)),
        Err(form) => Shown::of(page(app, viewer, cx, Some(form), search, &from)?).invalid(),
    })
}

/// Removes a search.
pub(super) async fn delete(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<SearchesPage>> {
    let command = DeleteSearch {
        search: parse(&id)?,
    };
    let removed = app
        .carry_out(&viewer, "archive.search_delete", command, searches::delete)
        .await?;
    Ok(Shown::go_to(SEARCHES).toast("searches.deleted", ("name", removed.name)))
}

/// Shows what a search has found since its owner last looked. The entry of it is durable
/// before anything is shown.
pub(super) async fn found(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<FoundPage>> {
    let id = parse(&id)?;
    let (page, act) = app.read(|r| {
        let search = owned(r, &viewer, id)?;
        let sight = ArchiveSight::of(&app, r, &viewer)?;
        let names = Names::new(r, &sight.sight, &cx);
        let list = ListQuery::parse(LIST, &search.query);
        let asked: Asked = asked::asked(&list, &cx.zone);
        let lines = Lines {
            cx: &cx,
            names: &names,
            text: &asked.text,
            query: &list,
        };
        let found = searches::found(r, id)?;
        let up_to = found.first().map_or(0, |found| found.seq);
        let (mut hits, mut shown) = (Vec::new(), Vec::new());
        for found in found.into_iter().take(SHOWN_MAX) {
            let message = queries::message(r, &sight, found.chat, found.seq)?;
            let chat = queries::chat_by_no(r, &sight, found.chat)?;
            if let (Some(message), Some(chat)) = (message, chat) {
                hits.push(lines.hit(&chat, &message, true)?);
                shown.push(message);
            }
        }
        let act = act_of(&viewer, &asked, &list, &shown);
        Ok::<_, AppError>((
            FoundPage {
                id: id.to_string(),
                name: search.name,
                href: list.to_string(),
                hits,
                up_to,
                empty: Empty {
                    kind: EmptyKind::NothingYet,
                    title: cx.t("searches.none_new").into_owned(),
                    hint: cx.t("searches.none_new_hint").into_owned(),
                    action: Some(Link {
                        label: cx.t("searches.open").into_owned(),
                        href: list.to_string(),
                    }),
                    other: None,
                },
            },
            act,
        ))
    })?;
    let asking = viewer.clone();
    app.write(act, move |w| {
        asking.scope(&w.read(), Permission::ArchiveRead).map(drop)
    })
    .await?;
    Ok(Shown::of(page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeenForm {
    #[serde(default)]
    up_to: u64,
}

/// Notes that what was shown has been seen.
pub(super) async fn seen(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<SeenForm>,
) -> Result<Shown<SearchesPage>> {
    let command = MarkSeen {
        search: parse(&id)?,
        up_to: form.values.up_to,
    };
    let account = viewer.account_id();
    // The matches are machinery; that they were seen is kept all the same.
    app.write(viewer.change("archive.search_seen").recorded(), move |w| {
        let allowed = viewer.allow(w, command)?;
        searches::mark_seen(w, allowed)
    })
    .await?;
    if let Some(account) = account {
        app.archive.news.forget(account);
    }
    Ok(Shown::go_to(SEARCHES).toast("searches.seen", ()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn the_same_conditions_are_kept_in_whatever_order_they_stand() {
        let kept = |query: &str| conditions(&ListQuery::parse(LIST, query));
        assert_eq!(kept("type=text&q=a&by=chat&after=x"), kept("q=a&type=text"));
        assert_eq!(kept("by=chat"), "");
        assert_eq!(save_href(&ListQuery::new(LIST)), None);
        for flag in [ALERTED, UNDECRYPTED] {
            let marked = ListQuery::new(LIST).with("flag", flag);
            assert_eq!(save_href(&marked), None);
            assert_eq!(of_list(&marked.to_string()), None, "nor by the form");
        }
        let odd = ListQuery::new(LIST).with("q", "a").with("from", "abc");
        assert_eq!((save_href(&odd), of_list(&odd.to_string())), (None, None));
        assert_eq!(of_list("/customers?q=a"), None);
    }

    fn line(n: usize) -> Line {
        Line {
            id: format!("s{n}"),
            name: HOSTILE.into(),
            href: "/archive?q=a".into(),
            new: n,
            is_more: n.is_multiple_of(2),
            says: vec![Chip {
                label: HOSTILE.into(),
                value: HOSTILE.into(),
                remove: String::new(),
            }],
            is_shared: n.is_multiple_of(2),
            tells: n.is_multiple_of(3),
            by: n.is_multiple_of(5).then(|| HOSTILE.to_owned()),
        }
    }

    #[test]
    fn the_pages_render_with_no_search_one_many_and_hostile_names() {
        for n in [0, 1, searches::SEARCHES_MAX] {
            let form = FormState::with_values([("name", HOSTILE.to_owned())]);
            let Err(AppError::Invalid(wrong)) =
                Err::<(), _>(AppError::field("name", "searches.taken"))
            else {
                unreachable!("a field error is one of form")
            };
            check_page(&SearchesPage {
                form: if n == 1 { form.refused(wrong) } else { form },
                editing: (n == 1).then(|| "s0".to_owned()),
                from: if n == 0 {
                    String::new()
                } else {
                    HOSTILE.into()
                },
                says: line(1).says,
                own: (0..n).map(line).collect(),
                shared: (0..n).map(line).collect(),
            });
            check_page(&FoundPage {
                id: "s0".into(),
                name: HOSTILE.into(),
                href: "/archive?q=a".into(),
                hits: Vec::new(),
                up_to: 7,
                empty: Empty {
                    kind: EmptyKind::NothingYet,
                    title: "x".into(),
                    hint: "x".into(),
                    action: None,
                    other: None,
                },
            });
        }
    }
}
