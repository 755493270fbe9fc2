//! The account of a broadcast as a file: who received it, when, from whom, and why not. The
//! file's hash is in the audit trail before it leaves.

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
    model::BroadcastId,
    queries::{self, Recipient},
};

/// The file of a broadcast, and its hash.
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) rows: u64,
    pub(super) sha256: String,
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

/// Writes the file. Waits for the disk.
pub(super) fn make(
    app: &App,
    viewer: &Viewer,
    (id, target): (BroadcastId, Target),
    format: SheetFormat,
    lang: Lang,
) -> Result<Made> {
    let dir = folder(app);
    std::fs::create_dir_all(&dir).map_err(AppError::internal)?;
    let random = app.store.random().u64();
    let path = dir.join(format!("broadcast-{random:016x}.{}", format.extension()));
    let head = columns(target).map(|column| words::text(lang, column).into_owned());
    let mut sheet = SheetWriter::create(&path, format, &head).map_err(AppError::internal)?;
    let written = fill(app, viewer, id, lang, &mut sheet);
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
    id: BroadcastId,
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
            let page = queries::recipients(r, id, None, &request)?;
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
        (Some(group), _) => {
            let name = match group.name.as_str() {
                "" => word("groups.unnamed"),
                name => name.to_owned(),
            };
            (name.into(), group.external_count.to_string().into())
        }
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
