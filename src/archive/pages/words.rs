//! `/sensitive/words`: the lists of words that are looked for.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::sensitive::{self, Behaviour, DeleteList, SaveList, Severity, WordList, WordListId},
    error::{AppError, Result},
    identity::{Permission, Reach, Viewer},
    kit::{Id, Timestamp},
    org::Sight,
    view,
    web::{
        Cx, Form, FormState, Shown, filters,
        parts::{Choice, Empty, EmptyKind, Link, Tab},
    },
    work::pages::Nothing,
};

/// The page's address.
const HERE: &str = "/sensitive/words";

/// One list.
struct Line {
    id: String,
    name: String,
    unit: String,
    severity: (&'static str, &'static str),
    is_on: bool,
    words: usize,
    some: String,
    behaviours: Vec<String>,
    changed_at: Timestamp,
    may_change: bool,
    /// How interception at WeCom stands: word and tone.
    rule: Option<(&'static str, &'static str)>,
}

/// The page.
#[derive(Template)]
#[template(path = "archive/words.html", blocks = ["title", "list"])]
pub(in crate::archive) struct WordsPage {
    nav: Vec<Tab>,
    lines: Vec<Line>,
    empty: Empty,
}
view!(WordsPage, "list" => as_list);

/// Word of a severity and the tone it is shown in.
pub(super) fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::High => ("sensitive.severity.high", "bad"),
        Severity::Medium => ("sensitive.severity.medium", "warn"),
        Severity::Low => ("sensitive.severity.low", ""),
    }
}

/// Catalogue key of a behaviour.
pub(super) fn behaviour(behaviour: Behaviour) -> &'static str {
    match behaviour {
        Behaviour::Card => "sensitive.behaviour.card",
        Behaviour::RedPacket => "sensitive.behaviour.red_packet",
        Behaviour::Phone => "sensitive.behaviour.phone",
        Behaviour::Recall => "sensitive.behaviour.recall",
        Behaviour::DeleteCustomer => "sensitive.behaviour.delete_customer",
    }
}

/// The tabs that the pages about sensitive words share.
pub(super) fn tabs(cx: &Cx, viewer: &Viewer, here: &str) -> Vec<Tab> {
    let tab = |href: &str, word: &str, permission| {
        viewer.may(permission).then(|| Tab {
            label: cx.t(word).into_owned(),
            href: href.to_owned(),
            count: None,
            is_current: href == here,
        })
    };
    let alerts = tab(
        "/sensitive/alerts",
        "sensitive.alerts",
        Permission::AlertHandle,
    );
    let words = tab(HERE, "sensitive.words", Permission::WordManage);
    alerts.into_iter().chain(words).collect()
}

/// Shows the lists.
pub(in crate::archive) async fn index(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<WordsPage>> {
    let lines = app.read(|r| {
        let scope = viewer.scope(r, Permission::WordManage)?;
        let sight = app.sight(r, &viewer, Permission::WordManage)?;
        let lists = sensitive::lists(r)?;
        let lines = lists.into_iter().map(|list| {
            let may_change = sensitive::reaches(&scope, &sight.directory, list.unit);
            let rule = sensitive::rule(r, &list)?;
            let rule = rule.map(|(rule, state)| super::intercept::state_words(&rule, &state));
            Ok(line(&cx, &sight, list, may_change, rule))
        });
        lines.collect::<Result<Vec<Line>>>()
    })?;
    Ok(Shown::of(WordsPage {
        nav: tabs(&cx, &viewer, HERE),
        lines,
        empty: Empty {
            kind: EmptyKind::NothingYet,
            title: cx.t("sensitive.no_lists").into_owned(),
            hint: cx.t("sensitive.no_lists_hint").into_owned(),
            action: Some(Link {
                label: cx.t("sensitive.new_list").into_owned(),
                href: format!("{HERE}/new"),
            }),
            other: None,
        },
    }))
}

fn line(
    cx: &Cx,
    sight: &Sight,
    list: WordList,
    may_change: bool,
    rule: Option<(&'static str, &'static str)>,
) -> Line {
    /// Words that stand in the line.
    const SOME: usize = 6;
    let unit = list.unit.and_then(|unit| sight.directory.tree.find(unit));
    let some: Vec<&str> = list.words.iter().take(SOME).map(String::as_str).collect();
    let behaviours = list.behaviours.iter();
    Line {
        id: list.id.to_string(),
        unit: match unit {
            Some(unit) => unit.name.clone(),
            None => cx.t("sensitive.whole_firm").into_owned(),
        },
        severity: severity(list.severity),
        is_on: list.is_on,
        words: list.words.len(),
        some: some.join("、"),
        behaviours: behaviours
            .map(|b| cx.t(behaviour(*b)).into_owned())
            .collect(),
        changed_at: list.changed_at,
        may_change,
        rule,
        name: list.name,
    }
}

/// The form of a list.
#[derive(Template)]
#[template(path = "archive/words_edit.html", blocks = ["title"])]
pub(in crate::archive) struct EditPage {
    /// None for a new one.
    id: Option<String>,
    form: FormState,
    units: Vec<Choice>,
    severities: Vec<Choice>,
    behaviours: Vec<Choice>,
}
view!(EditPage);

fn edit_page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: Option<WordListId>,
    form: FormState,
) -> Result<EditPage> {
    let (reach, sight) = app.read(|r| {
        let scope = viewer.scope(r, Permission::WordManage)?;
        let sight = app.sight(r, viewer, Permission::WordManage)?;
        Ok::<_, AppError>((scope.reach().clone(), sight))
    })?;
    let mut units = units(&reach, &sight);
    if reach == Reach::Everything {
        let whole_firm = cx.t("sensitive.whole_firm").into_owned();
        units.insert(0, choice(String::new(), whole_firm));
    }
    let severities = Severity::ALL.map(|s| {
        let (word, _) = severity(s);
        choice(s.code().to_owned(), cx.t(word).into_owned())
    });
    let behaviours =
        Behaviour::ALL.map(|b| choice(b.code().to_owned(), cx.t(behaviour(b)).into_owned()));
    Ok(EditPage {
        id: id.map(|id| id.to_string()),
        form,
        units,
        severities: severities.into(),
        behaviours: behaviours.into(),
    })
}

pub(super) fn choice(value: String, label: String) -> Choice {
    Choice {
        is_on: false,
        value,
        label,
        count: None,
    }
}

/// The departments that somebody decides about, as a tree.
pub(super) fn units(reach: &Reach, sight: &Sight) -> Vec<Choice> {
    let tree = &sight.directory.tree;
    let is_reached = |number: u64| match reach {
        Reach::Units(own) => {
            let path = tree.path(number);
            own.iter()
                .any(|own| path.iter().any(|above| above.id == own.cast()))
        }
        _ => true,
    };
    let all = tree.flat().into_iter();
    all.filter(|(_, unit)| is_reached(unit.wecom_id))
        .map(|(depth, unit)| {
            let indent = "\u{3000}".repeat(depth);
            choice(unit.id.to_string(), format!("{indent}{}", unit.name))
        })
        .collect()
}

/// The empty form.
pub(in crate::archive) async fn new(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let form = FormState::with_values([
        ("severity", "medium".to_owned()),
        ("is_on", "on".to_owned()),
        ("looks_back", "on".to_owned()),
    ]);
    Ok(Shown::of(edit_page(&app, &viewer, &cx, None, form)?))
}

/// The form of a list that is there.
pub(in crate::archive) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let id = parse(&id)?;
    let list = app.read(|r| {
        let scope = viewer.scope(r, Permission::WordManage)?;
        let directory = app.directory.get(r)?;
        let list = r.get::<WordList>(&id)?;
        Ok::<_, AppError>(list.filter(|l| sensitive::reaches(&scope, &directory, l.unit)))
    })?;
    let list = list.ok_or(AppError::NotFound { what: "word_list" })?;
    Ok(Shown::of(edit_page(
        &app,
        &viewer,
        &cx,
        Some(id),
        filled(&list),
    )?))
}

fn filled(list: &WordList) -> FormState {
    let unit = list.unit.map(|unit| unit.to_string()).unwrap_or_default();
    let mut values = vec![
        ("name", list.name.clone()),
        ("words", list.words.join("\n")),
        ("unit", unit),
        ("severity", list.severity.code().to_owned()),
        // What is added would be looked for in new messages alone.
        ("looks_back", "on".to_owned()),
    ];
    if list.is_on {
        values.push(("is_on", "on".to_owned()));
    }
    let behaviours = list.behaviours.iter();
    values.extend(behaviours.map(|b| ("behaviour", b.code().to_owned())));
    FormState::with_values(values)
}

pub(super) fn parse(id: &str) -> Result<WordListId> {
    id.parse()
        .map_err(|_| AppError::NotFound { what: "word_list" })
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Fields {
    name: String,
    #[serde(default)]
    words: String,
    #[serde(default)]
    unit: String,
    severity: String,
    #[serde(default)]
    is_on: bool,
    #[serde(default)]
    behaviour: Vec<String>,
    #[serde(default)]
    looks_back: bool,
}

impl Fields {
    fn list(&self, id: WordListId, now: Timestamp) -> Result<WordList> {
        let unit = match self.unit.as_str() {
            "" => None,
            unit => Some(
                unit.parse()
                    .map_err(|_| AppError::field("unit", "sensitive.unknown_unit"))?,
            ),
        };
        let severity = Severity::ALL
            .into_iter()
            .find(|s| s.code() == self.severity);
        let mut words: Vec<String> = Vec::new();
        // One word a line; commas and ideographic commas part words too.
        for word in self.words.split(['\n', ',', '，', '、']) {
            let word = word.trim();
            if !word.is_empty() && !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        let behaviours = Behaviour::ALL.into_iter();
        Ok(WordList {
            id,
            name: self.name.clone(),
            words,
            unit,
            severity: severity.ok_or(AppError::BadRequest { why: "field_type" })?,
            is_on: self.is_on,
            behaviours: behaviours
                .filter(|b| self.behaviour.iter().any(|code| code == b.code()))
                .collect(),
            changed_at: now,
        })
    }
}

async fn keep(
    app: &App,
    viewer: &Viewer,
    id: WordListId,
    fields: &Fields,
    now: Timestamp,
) -> Result<()> {
    let list = fields.list(id, now)?;
    let command = SaveList {
        list,
        looks_back: fields.looks_back,
        directory: app.read(|r| app.directory.get(r))?,
    };
    let by = viewer.clone();
    app.write(viewer.change("word_list.save"), move |w| {
        let allowed = by.allow(w, command)?;
        sensitive::save_list(w, allowed).map(drop)
    })
    .await?;
    app.jobs.notify_one();
    Ok(())
}

/// Keeps a new list.
pub(in crate::archive) async fn create(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<EditPage>> {
    let saved = keep(&app, &viewer, Id::from_bits(0), &form.values, cx.now).await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(HERE).toast("sensitive.list_saved", ()),
        Err(form) => Shown::of(edit_page(&app, &viewer, &cx, None, form)?).invalid(),
    })
}

/// Keeps a changed list.
pub(in crate::archive) async fn save(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<EditPage>> {
    let id = parse(&id)?;
    let saved = keep(&app, &viewer, id, &form.values, cx.now).await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(HERE).toast("sensitive.list_saved", ()),
        Err(form) => Shown::of(edit_page(&app, &viewer, &cx, Some(id), form)?).invalid(),
    })
}

/// Takes a list away.
pub(in crate::archive) async fn delete(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<WordsPage>> {
    let command = DeleteList {
        list: parse(&id)?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "word_list.delete", command, sensitive::delete_list)
        .await?;
    Ok(Shown::go_to(HERE).toast("sensitive.list_deleted", ()))
}
