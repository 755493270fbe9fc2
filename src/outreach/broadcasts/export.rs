//! The account of a broadcast as a file: who received it, when, from whom, and why not. The
//! file's hash is in the audit trail before it leaves.

use crate::{
    app::App,
    customers::{customer_no, export::folder},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{PageRequest, limits},
    outreach::touches::queries::outcome_word,
    sheet::{Cell, SheetFormat, SheetWriter, Whole, whole},
    web::{Lang, words},
};

use super::{
    model::BroadcastId,
    queries::{self, Recipient},
};

const COLUMNS: [&str; 6] = [
    "broadcasts.column.no",
    "broadcasts.column.customer",
    "broadcasts.column.sender",
    "broadcasts.column.outcome",
    "broadcasts.column.why",
    "broadcasts.column.at",
];

/// Writes the file. Waits for the disk.
pub(super) fn make(
    app: &App,
    viewer: &Viewer,
    id: BroadcastId,
    format: SheetFormat,
    lang: Lang,
) -> Result<Whole> {
    let head = COLUMNS.map(|column| words::text(lang, column).into_owned());
    let number = app.store.random().u64();
    let made = whole(&folder(app), number, format, &head, |sheet| {
        fill(app, viewer, id, lang, sheet)
    });
    made.map_err(|no| no.or(AppError::internal))
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
    let customer = row.customer.as_ref();
    let (outcome, _) = outcome_word(&row.touch);
    vec![
        customer.map_or(String::new(), |c| customer_no(c.no)).into(),
        customer.map_or("", |c| c.name.as_str()).into(),
        member.into(),
        word(outcome).into(),
        row.touch
            .why
            .map_or(String::new(), |why| word(why.word()))
            .into(),
        row.touch.at.to_rfc3339().into(),
    ]
}
