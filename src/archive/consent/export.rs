//! The ledger of consent as a file: who stands how, towards whom, since when, and how it stood
//! before. The file's hash is in the audit trail before it leaves.

use crate::{
    app::App,
    customers::{self, Customer},
    error::{AppError, Result},
    identity::Viewer,
    sheet::{Cell, SheetError, SheetFormat, SheetWriter, Whole, whole},
    store::Read,
    web::Cx,
};

use super::{
    super::{
        model::{Answer, Chat, Consent, Towards},
        names::Names,
        queries::ArchiveSight,
    },
    each,
};

const COLUMNS: [&str; 8] = [
    "consents.column.no",
    "consents.person",
    "consents.column.place",
    "consents.towards",
    "consents.answer",
    "consents.since",
    "consents.column.heard",
    "consents.earlier",
];

/// Writes what the viewer sees of the ledger, those who have not agreed first. Waits for the
/// disk.
pub(in crate::archive) fn make(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    format: SheetFormat,
) -> Result<Whole> {
    let head = COLUMNS.map(|column| cx.t(column).into_owned());
    let number = app.store.random().u64();
    let folder = customers::export::folder(app);
    let made = whole(&folder, number, format, &head, |sheet| {
        app.read(|r| {
            let sight = ArchiveSight::of(app, r, viewer)?;
            fill(r, cx, &sight, sheet)
        })
    });
    made.map_err(|no| no.or(unwritten))
}

fn unwritten(error: SheetError) -> AppError {
    match error {
        SheetError::TooManyRows => AppError::Conflict {
            why: "too_many_consents",
        },
        error @ SheetError::Io { .. } => AppError::internal(error),
    }
}

fn fill(r: &Read<'_>, cx: &Cx, sight: &ArchiveSight, sheet: &mut SheetWriter) -> Result<()> {
    let names = Names::new(r, &sight.sight, cx);
    for answer in Answer::ALL {
        each(r, sight, answer, |consent| {
            let cells = cells(r, cx, &names, &consent)?;
            sheet.row(&cells).map_err(unwritten)?;
            Ok::<_, AppError>(true)
        })?;
    }
    Ok(())
}

fn word(cx: &Cx, answer: Answer) -> String {
    cx.t(super::answer_word(answer)).into_owned()
}

fn cells(r: &Read<'_>, cx: &Cx, names: &Names<'_>, consent: &Consent) -> Result<Vec<Cell>> {
    let who = names.who(consent.party)?;
    let customer = match who.customer {
        Some(id) => r.get::<Customer>(&id)?,
        None => None,
    };
    let (place, towards) = match consent.towards {
        Towards::Member(no) => ("consents.place.member", names.who(no)?.name.clone()),
        Towards::Room(no) => {
            let chat = r.get::<Chat>(&no)?;
            let title = chat.map(|chat| names.title(&chat)).transpose()?;
            ("consents.place.room", title.unwrap_or_default())
        }
    };
    let heard = super::heard_word(consent.heard);
    let earlier = consent.earlier.iter();
    let earlier: Vec<String> = earlier
        .map(|said| format!("{} {}", said.at.to_rfc3339(), word(cx, said.answer)))
        .collect();
    Ok(vec![
        customer
            .map_or_else(String::new, |c| customers::customer_no(c.no))
            .into(),
        who.name.as_str().into(),
        cx.t(place).into_owned().into(),
        towards.into(),
        word(cx, consent.answer).into(),
        consent.at.to_rfc3339().into(),
        cx.t(heard).into_owned().into(),
        earlier.join("; ").into(),
    ])
}
