//! The account of a broadcast or moment as a file: who received it, when, from whom, and why
//! not. The file's hash is in the audit trail before it leaves.

use aws_lc_rs::digest;

use crate::{
    app::App,
    customers::{customer_no, export::folder},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{PageRequest, limits},
    outreach::touches::queries::outcome_word,
    sheet::{Cell, SheetFormat, SheetWriter},
    web::{Lang, words},
};

use super::{
    audience::Target,
    queries::{self, Recipient},
};

/// A file, and its hash.
pub(in crate::outreach) struct Made {
    pub(in crate::outreach) bytes: Vec<u8>,
    pub(in crate::outreach) rows: u64,
    pub(in crate::outreach) sha256: String,
}

const COLUMNS: [&str; 6] = [
    "broadcasts.column.no",
    "broadcasts.column.customer",
    "broadcasts.column.sender",
    "broadcasts.column.outcome",
    "broadcasts.column.why",
    "broadcasts.column.at",
];

const GROUP_COLUMNS: [&str; 6] = [
    "broadcasts.column.group",
    "groups.column.people",
    "groups.owner",
    "broadcasts.column.outcome",
    "broadcasts.column.why",
    "broadcasts.column.at",
];

/// What stands at the head of the columns.
fn columns(target: Target) -> [&'static str; 6] {
    match target {
        Target::Customers => COLUMNS,
        Target::Groups => GROUP_COLUMNS,
    }
}

/// Writes the file of everybody, or every group, with touches of one cause. Waits for the disk.
pub(in crate::outreach) fn make(
    app: &App,
    viewer: &Viewer,
    (of, target): (&(String, String), Target),
    format: SheetFormat,
    lang: Lang,
) -> Result<Made> {
    sheet(app, &columns(target), format, lang, |sheet| {
        fill(app, viewer, of, lang, sheet)
    })
}

/// Writes a file of these columns, whose rows `fill` brings. Waits for the disk.
pub(in crate::outreach) fn sheet(
    app: &App,
    columns: &[&str],
    format: SheetFormat,
    lang: Lang,
    fill: impl FnOnce(&mut SheetWriter) -> Result<()>,
) -> Result<Made> {
    let dir = folder(app);
    std::fs::create_dir_all(&dir).map_err(AppError::internal)?;
    let random = app.store.random().u64();
    let path = dir.join(format!("outreach-{random:016x}.{}", format.extension()));
    let head: Vec<String> = columns
        .iter()
        .map(|column| words::text(lang, column).into_owned())
        .collect();
    let mut sheet = SheetWriter::create(&path, format, &head).map_err(AppError::internal)?;
    let written = fill(&mut sheet);
    let ended = sheet.finish().map_err(AppError::internal);
    let bytes = std::fs::read(&path).map_err(AppError::internal);
    // The file is only on its way to whoever asked.
    let _ = std::fs::remove_file(&path);
    written?;
    let (rows, bytes) = (ended?, bytes?);
    Ok(Made {
        sha256: hex::encode(digest::digest(&digest::SHA256, &bytes)),
        bytes,
        rows,
    })
}

fn fill(
    app: &App,
    viewer: &Viewer,
    of: &(String, String),
    lang: Lang,
    sheet: &mut SheetWriter,
) -> Result<()> {
    app.read(|r| {
        let sight = app.sight(r, viewer, Permission::CustomerExport)?;
        let mut request = PageRequest {
            limit: Some(limits::PAGE_ROWS_MAX),
            ..PageRequest::default()
        };
        loop {
            let page = queries::reached(r, of, None, &request)?;
            for row in &page.items {
                let name = row.touch.member.map_or("", |member| sight.name(member));
                sheet
                    .row(&cells(row, name, lang))
                    .map_err(AppError::internal)?;
            }
            match page.next {
                Some(next) => request.after = Some(next),
                None => return Ok(()),
            }
        }
    })
}

fn cells(row: &Recipient, member: &str, lang: Lang) -> Vec<Cell> {
    let word = |key: &str| words::text(lang, key).into_owned();
    let (outcome, _) = outcome_word(&row.touch);
    let (first, second): (Cell, Cell) = match (&row.group, &row.customer) {
        (Some(group), _) => (
            group.name.as_str().into(),
            group.external_count.to_string().into(),
        ),
        (None, Some(customer)) => (
            customer_no(customer.no).into(),
            customer.name.as_str().into(),
        ),
        (None, None) => ("".into(), "".into()),
    };
    vec![
        first,
        second,
        member.into(),
        word(outcome).into(),
        row.touch
            .why
            .map_or(String::new(), |why| word(why.word()))
            .into(),
        row.touch.at.to_rfc3339().into(),
    ]
}
