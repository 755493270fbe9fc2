//! Staff codes from a spreadsheet: a row makes a code. Nothing that is there is changed.

mod fields;
mod rows;

use std::collections::HashSet;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Problem, Result},
    identity::{Permission, Reach, Viewer},
    import::{
        Applied, Field, Importable, Judged, Missing, Options, Paths, Setting, Values, Verdict,
    },
    search::fold,
    store::Write,
    tags,
};

use super::super::{
    Channel, LiveCode, LiveCodeId,
    actions::{self, CodeDeed, SetState},
    board,
    reach::Eyes,
};
use rows::{Book, mark, members, problem};

/// Spreadsheets of staff codes.
pub(super) struct Codes;

/// What undoing takes.
#[derive(Encode, Decode)]
struct Back {
    #[n(0)]
    code: LiveCodeId,
}

impl Importable for Codes {
    const NAME: &'static str = "live_codes";
    const NEEDS: Permission = Permission::LiveCodeManage;
    const PATHS: Paths = Paths {
        start: "/live-codes/batch",
        template: "/live-codes/batch/template",
        one: "/live-codes/batch/{id}",
        columns: "/live-codes/batch/{id}/columns",
        check: "/live-codes/batch/{id}/check",
        errors: "/live-codes/batch/{id}/errors",
        run: "/live-codes/batch/{id}/run",
        undo: "/live-codes/batch/{id}/undo",
        list: "/live-codes/print?since=today",
    };
    const JOB: &'static str = "live_codes.import";
    const UNDO_JOB: &'static str = "live_codes.import_undo";
    const FIELDS: &'static [Field] = fields::FIELDS;
    const SETTINGS: &'static [Setting] = fields::SETTINGS;
    type Book = Book;

    fn defaults(_fields: &[&str]) -> Options {
        Options(vec![("channels".to_owned(), "1".to_owned())])
    }

    fn book(app: &App, viewer: &Viewer, options: &Options) -> Result<Book> {
        app.read(|r| {
            let scope = viewer.scope(r, Permission::LiveCodeManage)?;
            let sight = app.sight(r, viewer, Permission::LiveCodeManage)?;
            let eyes = Eyes::new(sight.directory.clone(), &scope);
            let tree = board::channel_tree(r)?;
            let path = |channel: &Channel| fold(&board::channel_path(&tree, Some(channel.id)));
            let channels = tree.iter().map(|(_, channel)| (path(channel), channel.id));
            let channels = channels.collect();
            let mut there = HashSet::new();
            for code in r.all::<LiveCode>(None)? {
                let code = code?;
                if !code.is_archived() && eyes.sees(&code) {
                    there.insert(mark(&code.name, members(&code.seats)));
                }
            }
            let unit = match scope.reach() {
                Reach::Everything => None,
                Reach::Units(units) => units.first().map(|unit| unit.cast()),
                Reach::OwnUnits | Reach::Own => {
                    let own = sight.own().and_then(|own| sight.directory.member(own));
                    let post = own.and_then(|own| own.posts.first());
                    let unit = post.and_then(|p| sight.directory.tree.get(p.department));
                    unit.map(|unit| unit.id)
                }
            };
            Ok(Book {
                options: options.clone(),
                groups: tags::queries::groups(r)?,
                unit,
                channels,
                there,
                made: 0,
                sight,
            })
        })
    }

    fn judge(book: &mut Book, row: &Values<'_>) -> Judged {
        let plan = book.plan(row);
        book.note(&plan);
        plan.judged
    }

    /// A list of codes to be made is never the whole of them.
    fn missing(_book: &Book) -> Vec<Missing> {
        Vec::new()
    }

    fn apply(
        w: &mut Write<'_>,
        viewer: &Viewer,
        book: &mut Book,
        row: &Values<'_>,
    ) -> Result<Applied> {
        let plan = book.plan(row);
        book.note(&plan);
        match plan.judged.verdict {
            Verdict::Create => {}
            Verdict::Wrong => return Ok(Applied::refused(plan.judged.problems)),
            verdict => return Ok(done(verdict, Vec::new())),
        }
        match book.make(w, viewer, plan, row.number) {
            Ok(code) => {
                let back = minicbor::to_vec(Back { code: code.id });
                let back = back.map_err(AppError::internal)?;
                Ok(done(Verdict::Create, vec![back]))
            }
            Err(error) => Ok(Applied::refused(told(error)?)),
        }
    }

    fn apply_missing(
        _w: &mut Write<'_>,
        _viewer: &Viewer,
        _book: &mut Book,
        _id: &str,
    ) -> Result<Applied> {
        Err(AppError::NotFound { what: "live_code" })
    }

    /// A code that may have been printed is not deleted: it is archived, and says so to whoever
    /// scans it.
    fn undo(w: &mut Write<'_>, viewer: &Viewer, book: &mut Book, before: &[u8]) -> Result<bool> {
        let back: Back = minicbor::decode(before).map_err(AppError::internal)?;
        let command = SetState {
            code: back.code,
            deed: CodeDeed::Archive,
            directory: book.sight.directory.clone(),
        };
        let undone = viewer
            .allow(w, command)
            .and_then(|allowed| actions::set_state(w, allowed));
        match undone {
            Ok(_) => Ok(true),
            Err(AppError::NotFound { .. } | AppError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn done(verdict: Verdict, undo: Vec<Vec<u8>>) -> Applied {
    Applied {
        verdict,
        undo,
        problems: Vec::new(),
        counts: Vec::new(),
    }
}

/// What a row is refused for; other errors end the job.
fn told(error: AppError) -> Result<Vec<Problem>> {
    match error {
        AppError::Invalid(invalid) => Ok(invalid.problems),
        AppError::NotFound { .. } => Ok(vec![problem("staff", "print.batch.problem.reach")]),
        other => Err(other),
    }
}
