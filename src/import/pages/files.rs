//! Files to take away: the empty table, and the rows that cannot be taken in with the reason
//! beside each.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
    sheet::{Cell, SheetError, SheetFormat, SheetWriter},
    web::Cx,
};

use super::{
    super::{
        Importable, job,
        model::{Block, Import, Verdict},
        tables::place,
    },
    judge, kept_sentence, load, missing, sentences,
};

/// Which kind of file.
#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    format: String,
}

impl Asked {
    fn format(&self) -> SheetFormat {
        SheetFormat::of_code(&self.format).unwrap_or(SheetFormat::Xlsx)
    }
}

/// The empty table, with the headings that are recognized.
pub(crate) async fn template<K: Importable>(
    _viewer: Viewer,
    asked: Query<Asked>,
    cx: Cx,
) -> Result<HttpResponse> {
    let head: Vec<String> = K::FIELDS
        .iter()
        .map(|f| cx.t(f.word).into_owned())
        .collect();
    answer(
        asked.format(),
        format!("{}-template", K::NAME),
        head,
        Vec::new(),
    )
    .await
}

/// The rows that cannot be taken in: before the import those of the dry run, after it those
/// that were refused.
pub(crate) async fn errors<K: Importable>(
    viewer: Viewer,
    id: Path<String>,
    asked: Query<Asked>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let import = app.read(|r| load::<K>(r, &viewer, &id))?;
    let act = viewer.view("import.errors").about("import", import.id);
    let asking = viewer.clone();
    app.write(act, move |w| asking.scope(&w.read(), K::NEEDS).map(drop))
        .await?;
    let app: Arc<App> = app.into_inner();
    let wrong = match import.job {
        None => {
            let judged = judge::<K>(&app, &viewer, &import).await?;
            let lines = judged.lines.into_iter();
            let lines = lines.filter(|l| l.judged.verdict == Verdict::Wrong);
            lines
                .map(|l| (l.cells, sentences(&cx, &l.judged.problems)))
                .collect()
        }
        Some(_) => refused(&app, &cx, &import)?,
    };
    let mut head = vec![cx.t("import.reason").into_owned()];
    head.extend(import.columns.iter().cloned());
    let rows = wrong.into_iter().map(|(mut cells, why)| {
        cells.insert(0, why.join(" "));
        cells
    });
    let name = format!("{}-errors", K::NAME);
    answer(asked.format(), name, head, rows.collect()).await
}

type Wrong = Vec<(Vec<String>, Vec<String>)>;

fn refused(app: &App, cx: &Cx, import: &Import) -> Result<Wrong> {
    if import.swept {
        return Err(missing());
    }
    app.read(|r| {
        let mut wrong = Vec::new();
        for outcome in job::refused(r, import.id, usize::MAX)? {
            let Some((block, at)) = outcome.row else {
                continue;
            };
            let block = r.get::<Block>(&place(import.id, block))?;
            let row = block.and_then(|b| b.rows.into_iter().nth(at as usize));
            let why = outcome
                .problems
                .iter()
                .map(|p| kept_sentence(cx, p))
                .collect();
            wrong.push((row.map_or(Vec::new(), |row| row.cells), why));
        }
        Ok(wrong)
    })
}

async fn answer(
    format: SheetFormat,
    name: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
) -> Result<HttpResponse> {
    let written = tokio::task::spawn_blocking(move || write(format, &head, rows));
    let bytes = written.await.map_err(AppError::internal)?;
    let bytes = bytes.map_err(AppError::internal)?;
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.extension());
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header(("content-disposition", disposition))
        .body(bytes))
}

fn write(
    format: SheetFormat,
    head: &[String],
    rows: Vec<Vec<String>>,
) -> Result<Vec<u8>, SheetError> {
    let failed = |path: &std::path::Path, why: std::io::Error| SheetError::Io {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let dir = tempfile::tempdir().map_err(|e| failed(&std::env::temp_dir(), e))?;
    let path = dir.path().join("sheet");
    let mut sheet = SheetWriter::create(&path, format, head)?;
    for mut row in rows {
        // Every row of a table is as wide as its head.
        row.resize(head.len(), String::new());
        let cells: Vec<Cell> = row.into_iter().map(Cell::from).collect();
        sheet.row(&cells)?;
    }
    sheet.finish()?;
    std::fs::read(&path).map_err(|e| failed(&path, e))
}
