//! The steps: file, columns, dry run, result. Each has an address and can be left and come
//! back to for a day.

pub(super) mod check;
pub(super) mod columns;
pub(super) mod files;
pub(super) mod result;
pub(super) mod start;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::{
    app::App,
    error::{AppError, Problem, Result},
    identity::Viewer,
    store::{Read, SubjectId},
    web::{
        Cx,
        parts::{Step, StepState},
        words::{Arg, Args, ToArg},
    },
};

use super::{
    Importable,
    model::{Block, Import, ImportId, Judged, Missing, Values, Verdict},
    tables::place,
};

fn missing() -> AppError {
    AppError::NotFound { what: "import" }
}

fn own(viewer: &Viewer) -> Option<SubjectId> {
    viewer.account().map(|account| account.subject_id())
}

/// The viewer's own import of this kind.
fn load<K: Importable>(r: &Read<'_>, viewer: &Viewer, id: &str) -> Result<Import> {
    let id: ImportId = id.parse().map_err(|_| missing())?;
    let found = r.get::<Import>(&id)?;
    let found = found.filter(|i| i.kind == K::NAME && i.created_by == own(viewer));
    found.ok_or_else(missing)
}

fn address<K: Importable>(id: ImportId, end: &str) -> String {
    format!("{}/{id}{end}", K::PATHS.start)
}

/// The names of the steps; those behind are links.
fn steps<K: Importable>(cx: &Cx, at: usize, import: Option<&Import>) -> Vec<Step> {
    let words = [
        "import.step.file",
        "import.step.columns",
        "import.step.check",
        "import.step.result",
    ];
    let is_open = import.is_none_or(|i| i.job.is_none() && !i.swept);
    let step = |(n, word): (usize, &str)| Step {
        label: cx.t(word).into_owned(),
        state: match n.cmp(&at) {
            std::cmp::Ordering::Less => StepState::Done,
            std::cmp::Ordering::Equal => StepState::Current,
            std::cmp::Ordering::Greater => StepState::Ahead,
        },
        href: import.filter(|_| n < at && is_open).map(|import| match n {
            0 => K::PATHS.start.to_owned(),
            1 => address::<K>(import.id, "/columns"),
            _ => address::<K>(import.id, "/check"),
        }),
    };
    words.into_iter().enumerate().map(step).collect()
}

/// A row as the dry run sees it.
struct Line {
    number: u32,
    cells: Vec<String>,
    judged: Judged,
}

/// All rows judged, and who is in none of them.
struct Judgement {
    lines: Vec<Line>,
    missing: Vec<Missing>,
}

impl Judgement {
    fn count(&self, verdict: Verdict) -> usize {
        match verdict {
            Verdict::Missing => self.missing.len(),
            verdict => {
                let lines = self.lines.iter();
                lines.filter(|l| l.judged.verdict == verdict).count()
            }
        }
    }
}

/// Judges all rows against the state of this moment. Nothing is kept of it.
async fn judge<K: Importable>(
    app: &Arc<App>,
    viewer: &Viewer,
    import: &Import,
) -> Result<Judgement> {
    let (app, viewer, import) = (app.clone(), viewer.clone(), import.clone());
    let judged = tokio::task::spawn_blocking(move || {
        let mut book = K::book(&app, &viewer, &import.options)?;
        let mut lines = Vec::new();
        app.read(|r| {
            for no in 0..import.blocks() {
                let block = r.get::<Block>(&place(import.id, no))?;
                for row in block.ok_or_else(missing)?.rows {
                    let values = Values::new(row.number, &import.mapping, &row.cells);
                    let judged = K::judge(&mut book, &values);
                    lines.push(Line {
                        number: row.number,
                        cells: row.cells,
                        judged,
                    });
                }
            }
            Ok::<_, AppError>(())
        })?;
        let missing = K::missing(&book);
        Ok(Judgement { lines, missing })
    });
    judged.await.map_err(AppError::internal)?
}

/// The sentences of problems in the reader's language.
fn sentences(cx: &Cx, problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|p| cx.problem(p)).collect()
}

/// The sentence of a kept problem.
fn kept_sentence(cx: &Cx, (code, args): &(String, Vec<(String, String)>)) -> String {
    const NAMES: [&str; 6] = ["text", "name", "max", "now", "n", "row"];
    let named = |(name, value): &(String, String)| -> Option<(&'static str, Arg)> {
        let name = NAMES.into_iter().find(|known| known == name)?;
        Some((name, value.to_arg()))
    };
    let args: Args = args.iter().filter_map(named).collect();
    cx.tf(code, args).into_owned()
}
