//! The first step: which file.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Problem, Result},
    identity::Viewer,
    kit::Timestamp,
    sheet::{ReadError, ReadLimits, SheetRow, read_sheet},
    store::{Key, Read, StoreError, Walk, Write},
    view,
    web::{Cx, FormState, Shown, Upload, UploadedFile, filters, parts::Step},
    work::{Job, JobState},
};

use super::{
    super::{
        Importable, guess,
        model::{BLOCK_ROWS, Block, Import, ROWS_MAX, RawRow, Remembered},
        tables::IMPORT_BY_CREATOR,
    },
    address, own, steps,
};

/// Imports that are shown below the form.
const RECENT: usize = 5;
/// How much of a file is read. Titles above the headings count as rows.
const LIMITS: ReadLimits = ReadLimits {
    rows: ROWS_MAX + 50,
    columns: 200,
    text_bytes: 32 << 20,
};

/// A field as the page explains it.
pub(super) struct FieldLine {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) example: &'static str,
}

/// An earlier import.
pub(super) struct Earlier {
    pub(super) href: String,
    pub(super) file: String,
    pub(super) rows: u64,
    pub(super) at: Timestamp,
    /// Catalogue key and tone.
    pub(super) state: (&'static str, &'static str),
}

/// The page.
#[derive(Template)]
#[template(path = "import/start.html", blocks = ["title"])]
pub(crate) struct StartPage {
    /// Catalogue key of what is imported.
    pub(super) title: String,
    pub(super) start: &'static str,
    pub(super) template: &'static str,
    pub(super) list: &'static str,
    pub(super) steps: Vec<Step>,
    pub(super) form: FormState,
    pub(super) fields: Vec<FieldLine>,
    pub(super) earlier: Vec<Earlier>,
    pub(super) rows_max: usize,
}
view!(StartPage);

/// Asks for the file.
pub(crate) async fn show<K: Importable>(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<StartPage>> {
    page::<K>(&viewer, &app, &cx, FormState::empty()).map(Shown::of)
}

fn page<K: Importable>(viewer: &Viewer, app: &App, cx: &Cx, form: FormState) -> Result<StartPage> {
    let field = |f: &super::super::Field| FieldLine {
        name: cx.t(f.word).into_owned(),
        required: f.required,
        example: f.example,
    };
    Ok(StartPage {
        title: format!("import.title.{}", K::NAME),
        start: K::PATHS.start,
        template: K::PATHS.template,
        list: K::PATHS.list,
        steps: steps::<K>(cx, 0, None),
        form,
        fields: K::FIELDS.iter().map(field).collect(),
        earlier: app.read(|r| earlier::<K>(r, viewer))?,
        rows_max: ROWS_MAX,
    })
}

fn earlier<K: Importable>(r: &Read<'_>, viewer: &Viewer) -> Result<Vec<Earlier>, StoreError> {
    let creator = own(viewer).unwrap_or(crate::store::SYSTEM_SUBJECT);
    let walk = Walk::prefix(Key::new().with(creator));
    let mut found = Vec::new();
    for import in r.list(&IMPORT_BY_CREATOR, &walk)? {
        let import = import?;
        if import.kind != K::NAME || (import.job.is_none() && import.swept) {
            continue;
        }
        found.push(Earlier {
            href: address::<K>(import.id, ""),
            state: state(r, &import)?,
            file: import.file_name,
            rows: import.rows,
            at: import.created_at,
        });
        if found.len() == RECENT {
            break;
        }
    }
    Ok(found)
}

fn state(r: &Read<'_>, import: &Import) -> Result<(&'static str, &'static str), StoreError> {
    let job = match import.undo.or(import.job) {
        Some(job) => r.get::<Job>(&job)?,
        None => None,
    };
    let is_undo = import.undo.is_some();
    Ok(match job.map(|job| job.state) {
        None => ("import.state.draft", "warn"),
        Some(JobState::Done) if is_undo => ("import.state.undone", "muted"),
        Some(JobState::Done) => ("import.state.done", "ok"),
        Some(JobState::Failed) => ("import.state.failed", "bad"),
        Some(JobState::Cancelled) => ("import.state.cancelled", "muted"),
        Some(JobState::Queued | JobState::Running) => ("import.state.running", "info"),
    })
}

/// Nothing but the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fields {}

/// Takes the file, and leads to its columns.
pub(crate) async fn upload<K: Importable>(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Upload<Fields>,
) -> Result<Shown<StartPage>> {
    let read = match form.file {
        Some(file) => read(file).await,
        None => Err(AppError::field("file", "import.problem.none")),
    };
    let made = match read {
        Ok((file, rows)) => keep::<K>(&viewer, &app, &file, rows).await,
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(made)? {
        Ok(import) => Shown::go_to(address::<K>(import.id, "/columns")),
        Err(form) => Shown::of(page::<K>(&viewer, &app, &cx, form)?).invalid(),
    })
}

async fn read(file: UploadedFile) -> Result<(UploadedFile, Vec<SheetRow>)> {
    let read = tokio::task::spawn_blocking(move || {
        // A fault of the reader is a file that cannot be read, and no more.
        let rows = read_sheet(file.path(), &LIMITS);
        rows.map(|rows| (file, rows))
    });
    match read.await {
        Ok(read) => read.map_err(refused),
        Err(error) => {
            tracing::error!(%error, "spreadsheet reader failed");
            Err(AppError::field("file", "import.problem.damaged"))
        }
    }
}

fn refused(error: ReadError) -> AppError {
    let (code, args): (_, Vec<(&'static str, String)>) = match error {
        ReadError::Empty => ("import.problem.empty", Vec::new()),
        ReadError::Unknown => ("import.problem.unknown", Vec::new()),
        ReadError::OldOrEncrypted => ("import.problem.old", Vec::new()),
        ReadError::TooManyRows { .. } => {
            ("import.problem.rows", vec![("max", ROWS_MAX.to_string())])
        }
        ReadError::TooWide { row, max } => (
            "import.problem.wide",
            vec![("row", row.to_string()), ("max", max.to_string())],
        ),
        ReadError::TooMuch => ("import.problem.much", Vec::new()),
        ReadError::Endless { row } => ("import.problem.endless", vec![("row", row.to_string())]),
        ReadError::Damaged(why) => {
            tracing::info!(%why, "spreadsheet not readable");
            ("import.problem.damaged", Vec::new())
        }
        ReadError::Io(error) => return AppError::internal(error),
    };
    problem(code, args)
}

fn problem(code: &'static str, args: Vec<(&'static str, String)>) -> AppError {
    AppError::Invalid(crate::error::Invalid {
        problems: vec![Problem {
            field: "file",
            code,
            args,
        }],
    })
}

/// Keeps the rows. The file itself goes with its value.
async fn keep<K: Importable>(
    viewer: &Viewer,
    app: &App,
    file: &UploadedFile,
    rows: Vec<SheetRow>,
) -> Result<Import> {
    let head = guess::head_row(&rows, K::FIELDS);
    let head = head.ok_or_else(|| problem("import.problem.head", Vec::new()))?;
    let mut rows = rows.into_iter().skip(head);
    let mut columns = rows.next().map_or(Vec::new(), |row| row.cells);
    let rows: Vec<RawRow> = rows
        .map(|row| RawRow {
            number: row.number,
            cells: row.cells,
        })
        .collect();
    if rows.is_empty() {
        return Err(problem("import.problem.only_head", Vec::new()));
    }
    if rows.len() > ROWS_MAX {
        return Err(problem(
            "import.problem.rows",
            vec![("max", ROWS_MAX.to_string())],
        ));
    }
    let width = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    if columns.len() < width {
        columns.resize(width, String::new());
    }
    let (name, sha256) = (file.name.clone(), file.sha256.clone());
    let created_by = own(viewer);
    let act = viewer
        .view("import.upload")
        .system_detail("sha256", sha256.clone())
        .system_detail("rows", rows.len().to_string());
    let asking = viewer.clone();
    app.write(act, move |w| {
        asking.scope(&w.read(), K::NEEDS)?;
        let (mapping, options) = decided::<K>(&w.read(), &columns)?;
        let import = Import {
            id: w.new_id::<Import>()?,
            kind: K::NAME.to_owned(),
            created_by,
            created_at: w.now(),
            file_name: name,
            sha256,
            mapping,
            options,
            columns,
            rows: rows.len() as u64,
            job: None,
            undo: None,
            swept: false,
        };
        store(w, &import, rows)?;
        let about = crate::store::ObjectRef {
            kind: "import",
            id: import.id.to_string(),
        };
        w.act_mut().objects.push(about);
        Ok(import)
    })
    .await
}

fn store(w: &mut Write<'_>, import: &Import, rows: Vec<RawRow>) -> Result<()> {
    w.put(import)?;
    for (no, rows) in (0..).zip(rows.chunks(BLOCK_ROWS)) {
        w.put(&Block {
            import: import.id,
            no,
            rows: rows.to_vec(),
        })?;
    }
    Ok(())
}

/// What was decided for these headings before, or what they seem to say.
fn decided<K: Importable>(
    r: &Read<'_>,
    columns: &[String],
) -> Result<(Vec<String>, super::super::Options)> {
    let signature = guess::signature(K::NAME, columns);
    if let Some(known) = r.get::<Remembered>(&signature)? {
        return Ok((known.mapping, known.options));
    }
    let mapping = guess::map(columns, K::FIELDS);
    let known: Vec<&str> = mapping.iter().map(String::as_str).collect();
    let options = K::defaults(&known);
    Ok((mapping, options))
}
