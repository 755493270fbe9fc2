//! Spreadsheets on their way in: upload, columns, dry run, durable job, undo.
//!
//! What a row is, is said by an [`Importable`]; everything else is the same for all of them.
//! Tables: `imports-1`, `import-blocks-1`, `import-outcomes-1`, `import-mappings-1`. Invariants:
//! the file itself is never kept, its rows lie sealed in the store; a stretch of rows and the
//! place behind it are one write, so a row is taken once however often the job is cut; for
//! every row that changed something it is kept for a day what it was before.

mod guess;
mod job;
mod model;
mod pages;
mod sweep;
mod tables;

pub use model::{
    Applied, Diff, Field, Import, ImportId, Judged, Missing, Options, Paths, Setting, SettingKind,
    UNDO_MS, Values, Verdict,
};

use crate::{
    app::App,
    error::Result,
    identity::{Permission, Viewer},
    slice::{Access, Route, Slice, Worker},
    store::Write,
    work::JobKind,
};

/// What the rows of a spreadsheet can become.
pub trait Importable: Send + Sync + 'static {
    /// Stable name, e.g. `members`; the end of catalogue keys.
    const NAME: &'static str;
    /// The right it takes.
    const NEEDS: Permission;
    /// The addresses of its pages.
    const PATHS: Paths;
    /// Kind of the job that takes rows in.
    const JOB: &'static str;
    /// Kind of the job that takes them back.
    const UNDO_JOB: &'static str;
    /// What a column can be.
    const FIELDS: &'static [Field];
    /// What can be decided besides.
    const SETTINGS: &'static [Setting];
    /// What rows are judged against, and what earlier rows of the file said.
    type Book: Send + 'static;

    /// The settings to begin with, given the fields that were recognized.
    fn defaults(fields: &[&str]) -> Options;
    /// Reads what rows are judged against, within the viewer's reach.
    fn book(app: &App, viewer: &Viewer, options: &Options) -> Result<Self::Book>;
    /// What would become of a row.
    fn judge(book: &mut Self::Book, row: &Values<'_>) -> Judged;
    /// Who is here but was in no row, if the options ask for that.
    fn missing(book: &Self::Book) -> Vec<Missing>;
    /// Takes a row in. What is wrong with it is no error but part of the answer.
    fn apply(
        w: &mut Write<'_>,
        viewer: &Viewer,
        book: &mut Self::Book,
        row: &Values<'_>,
    ) -> Result<Applied>;
    /// Does what is to be done with somebody who was in no row.
    fn apply_missing(
        w: &mut Write<'_>,
        viewer: &Viewer,
        book: &mut Self::Book,
        id: &str,
    ) -> Result<Applied>;
    /// Takes back one of [`Applied::undo`]; `false` if it has changed since and stays.
    fn undo(
        w: &mut Write<'_>,
        viewer: &Viewer,
        book: &mut Self::Book,
        before: &[u8],
    ) -> Result<bool>;
}

/// What the module says about itself. The pages belong to the slices whose rows they take.
pub fn slice() -> Slice {
    Slice {
        name: "import",
        tables: tables::TABLES.to_vec(),
        workers: vec![Worker {
            name: "import.sweep",
            run: sweep::run,
        }],
        ..Slice::default()
    }
}

/// The pages of one kind of import.
pub fn routes<K: Importable>() -> Vec<Route> {
    use actix_web::web::{get, post};
    let needs = Access::Needs(K::NEEDS);
    let paths = K::PATHS;
    vec![
        Route::get(paths.start, needs, || get().to(pages::start::show::<K>)),
        Route::upload(paths.start, needs, || post().to(pages::start::upload::<K>)),
        Route::get(paths.template, needs, || {
            get().to(pages::files::template::<K>)
        }),
        Route::get(paths.one, needs, || get().to(pages::result::show::<K>)),
        Route::get(paths.columns, needs, || get().to(pages::columns::show::<K>)),
        Route::post(paths.columns, needs, || {
            post().to(pages::columns::save::<K>)
        }),
        Route::get(paths.check, needs, || get().to(pages::check::show::<K>)),
        Route::get(paths.errors, needs, || get().to(pages::files::errors::<K>)),
        Route::post(paths.run, needs, || post().to(pages::check::run::<K>)),
        Route::post(paths.undo, needs, || post().to(pages::result::undo::<K>)),
    ]
}

/// The jobs of one kind of import.
pub fn jobs<K: Importable>() -> Vec<JobKind<App>> {
    vec![
        JobKind {
            name: K::JOB,
            run: job::run::<K>,
        },
        JobKind {
            name: K::UNDO_JOB,
            run: job::undo::<K>,
        },
    ]
}
