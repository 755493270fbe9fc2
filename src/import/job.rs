//! The jobs: a block of rows is one write, together with the place behind it.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
    kit::Id,
    store::Write,
    work::{Job, JobContext, JobEnd, JobFuture},
};

use super::{
    Importable,
    model::{Applied, BLOCK_ROWS, Block, Import, ImportId, Outcome, Values, Verdict},
    tables::{next_outcome, outcomes, place},
};

/// Outcomes taken back in one write.
const UNDONE_AT_ONCE: u32 = 100;

/// What both jobs are asked: which import.
#[derive(Encode, Decode)]
pub(super) struct Input {
    #[n(0)]
    pub(super) import: ImportId,
}

/// Where a job continues.
#[derive(Debug, Clone, Copy, Default, Encode, Decode)]
struct Place {
    /// The next block of rows; for undoing, the number of outcomes still to be looked at.
    #[n(0)]
    block: u32,
}

impl Place {
    fn of(job: &Job) -> Result<Option<Self>> {
        let cursor = job.cursor.as_deref();
        let place = cursor.map(minicbor::decode).transpose();
        place.map_err(AppError::internal)
    }

    fn keep(self, job: &mut Job) -> Result<()> {
        job.cursor = Some(minicbor::to_vec(self).map_err(AppError::internal)?);
        Ok(())
    }
}

/// Whoever started it, with the rights of this moment.
fn viewer(app: &App, job: &Job) -> Result<Viewer> {
    let account = job.created_by.ok_or(AppError::Unauthenticated)?;
    let now = app.store.clock().now();
    app.read(|r| Viewer::on_behalf(r, Id::from_bits(account.bits()), "import", now))
}

fn import_of(app: &App, job: &Job) -> Result<Import> {
    let input: Input = minicbor::decode(&job.input).map_err(AppError::internal)?;
    let import = app.read(|r| r.get::<Import>(&input.import))?;
    import.ok_or(AppError::NotFound { what: "import" })
}

/// Takes the rows in.
pub(super) fn run<K: Importable>(app: Arc<App>, context: JobContext) -> JobFuture {
    Box::pin(async move {
        let job = context.job()?;
        let import = Arc::new(import_of(&app, &job)?);
        let mut place = Place::of(&job)?.unwrap_or_default();
        let mut book = prepare::<K>(&app, &job, &import, place.block).await?;
        for no in place.block..import.blocks() {
            if context.should_stop()? {
                return Ok(JobEnd::Paused);
            }
            place.block = no + 1;
            book = rows::<K>(&app, &context, &import, book, no, place).await?;
        }
        // After a cut those who are done are no longer here, and so not missing.
        let missing: Vec<String> = K::missing(&book).into_iter().map(|m| m.id).collect();
        for stretch in missing.chunks(BLOCK_ROWS) {
            if context.should_stop()? {
                return Ok(JobEnd::Paused);
            }
            book = absent::<K>(&app, &context, &import, book, stretch.to_vec()).await?;
        }
        let act = viewer(&app, &job)?
            .view("import.done")
            .about("import", import.id);
        context.step(act, |_, _| Ok(())).await?;
        Ok(JobEnd::Done)
    })
}

/// The book, as it stands behind the blocks that are done.
async fn prepare<K: Importable>(
    app: &Arc<App>,
    job: &Job,
    import: &Arc<Import>,
    done: u32,
) -> Result<K::Book> {
    let viewer = viewer(app, job)?;
    let (app, import) = (app.clone(), import.clone());
    let made = tokio::task::spawn_blocking(move || {
        let mut book = K::book(&app, &viewer, &import.options)?;
        app.read(|r| {
            for no in 0..done {
                let block = r.get::<Block>(&place(import.id, no))?;
                for row in block.iter().flat_map(|block| &block.rows) {
                    K::judge(
                        &mut book,
                        &Values::new(row.number, &import.mapping, &row.cells),
                    );
                }
            }
            Ok(book)
        })
    });
    made.await.map_err(AppError::internal)?
}

async fn rows<K: Importable>(
    app: &Arc<App>,
    context: &JobContext,
    import: &Arc<Import>,
    mut book: K::Book,
    no: u32,
    behind: Place,
) -> Result<K::Book> {
    let viewer = viewer(app, &context.job()?)?;
    let act = viewer.change("import.rows").about("import", import.id);
    let import = import.clone();
    context
        .step(act, move |w, job| {
            let block = w.get::<Block>(&place(import.id, no))?;
            let block = block.ok_or(AppError::NotFound { what: "import" })?;
            let mut next = next_outcome(&w.read(), import.id)?;
            for (at, row) in (0..).zip(&block.rows) {
                let values = Values::new(row.number, &import.mapping, &row.cells);
                let applied = K::apply(w, &viewer, &mut book, &values)?;
                note(w, job, import.id, &mut next, Some((no, at)), applied)?;
            }
            job.progress.phase = "import".to_owned();
            job.progress.done += block.rows.len() as u64;
            job.progress.total = import.rows;
            behind.keep(job)?;
            Ok(book)
        })
        .await
}

async fn absent<K: Importable>(
    app: &Arc<App>,
    context: &JobContext,
    import: &Arc<Import>,
    mut book: K::Book,
    ids: Vec<String>,
) -> Result<K::Book> {
    let viewer = viewer(app, &context.job()?)?;
    let act = viewer.change("import.missing").about("import", import.id);
    let id = import.id;
    context
        .step(act, move |w, job| {
            let mut next = next_outcome(&w.read(), id)?;
            for missing in &ids {
                let applied = K::apply_missing(w, &viewer, &mut book, missing)?;
                note(w, job, id, &mut next, None, applied)?;
            }
            Ok(book)
        })
        .await
}

/// Counts what became of a row, and keeps what undoing it takes or why it was refused.
fn note(
    w: &mut Write<'_>,
    job: &mut Job,
    import: ImportId,
    next: &mut u32,
    row: Option<(u32, u32)>,
    applied: Applied,
) -> Result<()> {
    let name = match applied.verdict {
        Verdict::Create => "rows_created",
        Verdict::Change => "rows_changed",
        Verdict::Same => "rows_same",
        Verdict::Wrong => "rows_failed",
        Verdict::Missing => "rows_left",
    };
    job.progress.count(name, 1);
    for (name, n) in &applied.counts {
        job.progress.count(name, *n);
    }
    if applied.undo.is_empty() && applied.problems.is_empty() {
        return Ok(());
    }
    let problem = |p: &crate::error::Problem| {
        let args = p
            .args
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        (p.code.to_owned(), args.collect())
    };
    w.put(&Outcome {
        import,
        no: *next,
        row,
        verdict: applied.verdict,
        undo: applied.undo.into_iter().map(Into::into).collect(),
        problems: applied.problems.iter().map(problem).collect(),
        undone: false,
    })?;
    *next += 1;
    Ok(())
}

/// Takes everything back, the last first.
pub(super) fn undo<K: Importable>(app: Arc<App>, context: JobContext) -> JobFuture {
    Box::pin(async move {
        let job = context.job()?;
        let import = import_of(&app, &job)?;
        let all = app.read(|r| next_outcome(r, import.id))?;
        let mut left = Place::of(&job)?.map_or(all, |place| place.block);
        let mut book = {
            let (app, viewer) = (app.clone(), viewer(&app, &job)?);
            let options = import.options.clone();
            let made = tokio::task::spawn_blocking(move || K::book(&app, &viewer, &options));
            made.await.map_err(AppError::internal)??
        };
        while left > 0 {
            if context.should_stop()? {
                return Ok(JobEnd::Paused);
            }
            let from = left.saturating_sub(UNDONE_AT_ONCE);
            book = stretch_back::<K>(&app, &context, import.id, book, (from, left), all).await?;
            left = from;
        }
        let act = viewer(&app, &job)?
            .view("import.undone")
            .about("import", import.id);
        context.step(act, |_, _| Ok(())).await?;
        Ok(JobEnd::Done)
    })
}

async fn stretch_back<K: Importable>(
    app: &Arc<App>,
    context: &JobContext,
    id: ImportId,
    mut book: K::Book,
    (from, to): (u32, u32),
    all: u32,
) -> Result<K::Book> {
    let viewer = viewer(app, &context.job()?)?;
    let act = viewer.change("import.undo_rows").about("import", id);
    context
        .step(act, move |w, job| {
            for no in (from..to).rev() {
                let Some(mut outcome) = w.get::<Outcome>(&place(id, no))? else {
                    continue;
                };
                let mut is_whole = true;
                for before in outcome.undo.iter().rev() {
                    is_whole &= K::undo(w, &viewer, &mut book, before)?;
                }
                if outcome.undo.is_empty() {
                    continue;
                }
                job.progress
                    .count(if is_whole { "rows_undone" } else { "rows_kept" }, 1);
                outcome.undone = is_whole;
                w.put(&outcome)?;
            }
            job.progress.phase = "import_undo".to_owned();
            job.progress.done = u64::from(all - from);
            job.progress.total = u64::from(all);
            Place { block: from }.keep(job)?;
            Ok(book)
        })
        .await
}

/// The outcomes that are problems.
pub(super) fn refused(
    r: &crate::store::Read<'_>,
    import: ImportId,
    limit: usize,
) -> Result<Vec<Outcome>> {
    let mut found = Vec::new();
    for outcome in outcomes(r, import)? {
        let outcome = outcome?;
        if !outcome.problems.is_empty() {
            found.push(outcome);
            if found.len() >= limit {
                break;
            }
        }
    }
    Ok(found)
}
