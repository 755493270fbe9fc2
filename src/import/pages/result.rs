//! The last step: how far it is, what came out, and the way back.

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
    kit::Timestamp,
    store::Read,
    view,
    web::{Cx, Form, Shown, filters, parts::Step},
    work::{
        Job,
        jobs::{self, NewJob},
        pages::{JobCard, Nothing},
    },
};

use super::{
    super::{
        Importable,
        job::{self, Input},
        model::{Block, Import, UNDO_MS},
        tables::place,
    },
    address, kept_sentence, load, own, steps,
};

/// Rows that were not taken in, on the page; the file has all.
const REFUSED_SHOWN: usize = 20;

/// A row that was not taken in.
pub(super) struct RefusedLine {
    pub(super) number: u32,
    pub(super) cells: String,
    pub(super) why: Vec<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "import/result.html", blocks = ["title", "job"])]
pub(crate) struct ResultPage {
    pub(super) title: String,
    pub(super) start: &'static str,
    pub(super) list: &'static str,
    pub(super) here: String,
    pub(super) file: String,
    pub(super) steps: Vec<Step>,
    pub(super) job: JobCard,
    pub(super) undoing: Option<JobCard>,
    /// Until when it can be undone.
    pub(super) undo_until: Option<Timestamp>,
    pub(super) refused: Vec<RefusedLine>,
    pub(super) failed: u64,
}
view!(ResultPage, "job" => as_job);

/// Shows it; a draft leads to its dry run.
pub(crate) async fn show<K: Importable>(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ResultPage>> {
    app.read(|r| {
        let import = load::<K>(r, &viewer, &id)?;
        match &import.job {
            Some(job) => {
                let job = r.get::<Job>(job)?.ok_or_else(super::missing)?;
                page::<K>(r, &cx, &import, &job).map(Shown::of)
            }
            None => Ok(Shown::go_to(address::<K>(import.id, "/columns"))),
        }
    })
}

fn page<K: Importable>(r: &Read<'_>, cx: &Cx, import: &Import, job: &Job) -> Result<ResultPage> {
    let undoing = match &import.undo {
        Some(undo) => r.get::<Job>(undo)?,
        None => None,
    };
    let until = undo_until(import, job).filter(|until| cx.now < *until);
    Ok(ResultPage {
        title: format!("import.title.{}", K::NAME),
        start: K::PATHS.start,
        list: K::PATHS.list,
        here: address::<K>(import.id, ""),
        file: import.file_name.clone(),
        steps: steps::<K>(cx, 3, Some(import)),
        undoing: undoing.map(|job| JobCard::of(&job, cx)),
        undo_until: until,
        refused: match job.state.is_final() && !import.swept {
            true => refused(r, cx, import)?,
            false => Vec::new(),
        },
        failed: job.progress.counted("rows_failed"),
        job: JobCard::of(job, cx),
    })
}

/// Until when an import can be undone; none while it runs, or if it is undone already.
fn undo_until(import: &Import, job: &Job) -> Option<Timestamp> {
    let has_changed = ["rows_created", "rows_changed", "rows_left"]
        .iter()
        .any(|name| job.progress.counted(name) > 0);
    let is_open = import.undo.is_none() && !import.swept && job.state.is_final();
    let ended = job.finished_at.filter(|_| is_open && has_changed)?;
    Some(ended.plus_ms(UNDO_MS))
}

fn refused(r: &Read<'_>, cx: &Cx, import: &Import) -> Result<Vec<RefusedLine>> {
    let mut lines = Vec::new();
    for outcome in job::refused(r, import.id, REFUSED_SHOWN)? {
        let row = match outcome.row {
            Some((block, at)) => {
                let block = r.get::<Block>(&place(import.id, block))?;
                block.and_then(|b| b.rows.into_iter().nth(at as usize))
            }
            None => None,
        };
        let (number, cells) = row.map_or((0, Vec::new()), |row| (row.number, row.cells));
        let cells: Vec<String> = cells
            .into_iter()
            .filter(|c| !c.is_empty())
            .take(4)
            .collect();
        lines.push(RefusedLine {
            number,
            cells: cells.join(" · "),
            why: outcome
                .problems
                .iter()
                .map(|p| kept_sentence(cx, p))
                .collect(),
        });
    }
    Ok(lines)
}

/// Starts the job that takes everything back.
pub(crate) async fn undo<K: Importable>(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<ResultPage>> {
    let import = app.read(|r| load::<K>(r, &viewer, &id))?;
    let here = address::<K>(import.id, "");
    let input = Input { import: import.id };
    let input = minicbor::to_vec(&input).map_err(AppError::internal)?;
    let act = viewer.view("import.undo").about("import", import.id);
    app.write(act, move |w| {
        viewer.scope(&w.read(), K::NEEDS)?;
        let mut import = load::<K>(&w.read(), &viewer, &import.id.to_string())?;
        let job = match &import.job {
            Some(job) => w.get::<Job>(job)?,
            None => None,
        };
        let until = job.and_then(|job| undo_until(&import, &job));
        if until.is_none_or(|until| w.now() >= until) {
            return Err(AppError::Conflict { why: "import_undo" });
        }
        let new = NewJob {
            kind: K::UNDO_JOB,
            input,
            created_by: own(&viewer),
        };
        import.undo = Some(jobs::enqueue(w, new)?);
        Ok(w.put(&import)?)
    })
    .await?;
    app.jobs.notify_one();
    Ok(Shown::go_to(here))
}
