//! The second step: which column is what.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Invalid, Problem, Result},
    identity::Viewer,
    view,
    web::{
        Cx, Form, FormState, Shown, filters,
        parts::{Choice, Step},
    },
};

use super::{
    super::{
        Importable, guess,
        model::{Block, Import, Options, RawRow, Remembered, SettingKind},
        tables::place,
    },
    address, load, missing, steps,
};

/// Rows of the preview.
const PREVIEW_ROWS: usize = 20;

/// A column with what it may be.
pub(super) struct Column {
    pub(super) heading: String,
    pub(super) choices: Vec<Choice>,
}

/// A setting with its answers.
pub(super) struct Decide {
    pub(super) code: &'static str,
    pub(super) label: String,
    pub(super) hint: String,
    /// None for a box to tick.
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) is_on: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "import/columns.html", blocks = ["title"])]
pub(crate) struct ColumnsPage {
    pub(super) title: String,
    pub(super) start: &'static str,
    pub(super) here: String,
    pub(super) file: String,
    pub(super) rows: u64,
    pub(super) steps: Vec<Step>,
    pub(super) form: FormState,
    pub(super) columns: Vec<Column>,
    pub(super) preview: Vec<RawRow>,
    pub(super) settings: Vec<Decide>,
}
view!(ColumnsPage);

/// What the form sends: a field for each column, and the settings that are chosen as
/// `code=answer`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnsForm {
    #[serde(default)]
    field: Vec<String>,
    #[serde(default)]
    setting: Vec<String>,
}

/// Shows what was guessed.
pub(crate) async fn show<K: Importable>(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ColumnsPage>> {
    let import = app.read(|r| load::<K>(r, &viewer, &id))?;
    if import.job.is_some() {
        return Ok(Shown::go_to(address::<K>(import.id, "")));
    }
    page::<K>(&app, &cx, &import, FormState::empty()).map(Shown::of)
}

fn page<K: Importable>(
    app: &App,
    cx: &Cx,
    import: &Import,
    form: FormState,
) -> Result<ColumnsPage> {
    let block = app.read(|r| r.get::<Block>(&place(import.id, 0)))?;
    let mut preview = block.ok_or_else(missing)?.rows;
    preview.truncate(PREVIEW_ROWS);
    for row in &mut preview {
        row.cells.resize(import.columns.len(), String::new());
    }
    let choices = |mapped: &str| {
        let none = Choice {
            value: String::new(),
            label: cx.t("import.no_field").into_owned(),
            count: None,
            is_on: mapped.is_empty(),
        };
        let fields = K::FIELDS.iter().map(|field| Choice {
            value: field.code.to_owned(),
            label: cx.t(field.word).into_owned(),
            count: None,
            is_on: field.code == mapped,
        });
        std::iter::once(none).chain(fields).collect()
    };
    let column = |(heading, mapped): (&String, &String)| Column {
        heading: heading.clone(),
        choices: choices(mapped),
    };
    Ok(ColumnsPage {
        title: format!("import.title.{}", K::NAME),
        start: K::PATHS.start,
        here: address::<K>(import.id, "/columns"),
        file: import.file_name.clone(),
        rows: import.rows,
        steps: steps::<K>(cx, 1, Some(import)),
        columns: import
            .columns
            .iter()
            .zip(&import.mapping)
            .map(column)
            .collect(),
        settings: settings::<K>(cx, &import.options),
        preview,
        form,
    })
}

fn settings<K: Importable>(cx: &Cx, options: &Options) -> Vec<Decide> {
    let settings = K::SETTINGS.iter();
    settings
        .map(|setting| Decide {
            code: setting.code,
            label: cx.t(setting.word).into_owned(),
            hint: cx.t(&format!("{}_hint", setting.word)).into_owned(),
            is_on: options.is_on(setting.code),
            choices: match setting.kind {
                SettingKind::Tick => None,
                SettingKind::Choice(answers) => Some(
                    answers
                        .iter()
                        .map(|(answer, word)| Choice {
                            value: format!("{}={answer}", setting.code),
                            label: cx.t(word).into_owned(),
                            count: None,
                            is_on: options.get(setting.code) == *answer,
                        })
                        .collect(),
                ),
            },
        })
        .collect()
}

/// Keeps what was decided, also for the next file with these headings.
pub(crate) async fn save<K: Importable>(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<ColumnsForm>,
) -> Result<Shown<ColumnsPage>> {
    let mut import = app.read(|r| load::<K>(r, &viewer, &id))?;
    if import.job.is_some() {
        return Ok(Shown::go_to(address::<K>(import.id, "")));
    }
    let mut mapping = form.values.field.clone();
    mapping.resize(import.columns.len(), String::new());
    let options = chosen::<K>(&form.values.setting);
    let wrong = check::<K>(&cx, &mapping, &options);
    (import.mapping, import.options) = (mapping, options);
    if let Err(error) = wrong {
        let Err(state) = form.state.catch::<()>(Err(error))? else {
            return Err(missing());
        };
        return Ok(Shown::of(page::<K>(&app, &cx, &import, state)?).invalid());
    }
    let act = viewer.view("import.columns").about("import", import.id);
    let next = address::<K>(import.id, "/check");
    app.write(act, move |w| {
        viewer.scope(&w.read(), K::NEEDS)?;
        let stored = load::<K>(&w.read(), &viewer, &import.id.to_string())?;
        if stored.job.is_some() {
            return Err(AppError::Conflict {
                why: "import_started",
            });
        }
        w.put(&Remembered {
            signature: guess::signature(K::NAME, &import.columns),
            mapping: import.mapping.clone(),
            options: import.options.clone(),
        })?;
        Ok(w.put(&import)?)
    })
    .await?;
    Ok(Shown::go_to(next))
}

/// The answers that there are.
fn chosen<K: Importable>(sent: &[String]) -> Options {
    let pairs = sent.iter().filter_map(|pair| pair.split_once('='));
    let known = pairs.filter(|(code, answer)| {
        K::SETTINGS.iter().any(|setting| {
            setting.code == *code
                && match setting.kind {
                    SettingKind::Tick => *answer == "1",
                    SettingKind::Choice(answers) => answers.iter().any(|(a, _)| a == answer),
                }
        })
    });
    Options(known.map(|(c, a)| (c.to_owned(), a.to_owned())).collect())
}

fn check<K: Importable>(cx: &Cx, mapping: &[String], options: &Options) -> Result<()> {
    let mut wrong = Invalid::default();
    for field in K::FIELDS {
        let columns = mapping.iter().filter(|m| *m == field.code).count();
        let name = cx.t(field.word).into_owned();
        // Records are recognized by this field, if they are by any.
        let is_needed = field.required || options.get("match") == field.code;
        let code = match columns {
            0 if is_needed => "import.problem.needed",
            0 | 1 => continue,
            _ => "import.problem.twice",
        };
        wrong.problems.push(Problem {
            field: "field",
            code,
            args: vec![("name", name)],
        });
    }
    let known = |m: &String| m.is_empty() || K::FIELDS.iter().any(|f| f.code == m);
    if !mapping.iter().all(known) {
        return Err(AppError::BadRequest { why: "field_type" });
    }
    wrong.into_result()
}
