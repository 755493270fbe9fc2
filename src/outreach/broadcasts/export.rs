//! The account of a broadcast or moment as a file: who received it, when, from whom, and why
//! not. The file's hash is in the audit trail before it leaves.

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
    audience::Target,
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
) -> Result<Whole> {
    let head = columns(target).map(|column| words::text(lang, column).into_owned());
    let number = app.store.random().u64();
    let made = whole(&folder(app), number, format, &head, |sheet| {
        fill(app, viewer, (of, target), lang, sheet)
    });
    made.map_err(|no| no.or(AppError::internal))
}

fn fill(
    app: &App,
    viewer: &Viewer,
    (of, target): (&(String, String), Target),
    lang: Lang,
    sheet: &mut SheetWriter,
) -> Result<()> {
    app.read(|r| {
        let sight = app.sight(r, viewer, Permission::CustomerExport)?;
        let eyes = queries::eyes(app, r, viewer, target)?;
        let mut request = PageRequest {
            limit: Some(limits::PAGE_ROWS_MAX),
            ..PageRequest::default()
        };
        loop {
            let page = queries::reached(r, eyes.as_ref(), of, None, &request)?;
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
