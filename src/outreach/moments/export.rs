//! The account of a moment by members as a file.

use crate::{
    app::App,
    customers::export::folder,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    sheet::{Cell, SheetFormat, Whole, whole},
    web::{Lang, words},
};

use super::{model::MomentId, queries};

const COLUMNS: [&str; 7] = [
    "moments.column.member",
    "moments.column.state",
    "moments.column.published",
    "moments.column.visible",
    "moments.column.reached",
    "moments.column.likes",
    "moments.column.comments",
];

/// Writes the file. Waits for the disk.
pub(super) fn members(
    app: &App,
    viewer: &Viewer,
    id: MomentId,
    format: SheetFormat,
    lang: Lang,
) -> Result<Whole> {
    let head = COLUMNS.map(|column| words::text(lang, column).into_owned());
    let number = app.store.random().u64();
    let made = whole(&folder(app), number, format, &head, |sheet| {
        app.read(|r| {
            let sight = app.sight(r, viewer, Permission::CustomerExport)?;
            let account = queries::account(r, id)?;
            for part in queries::parts(r, id)? {
                let reached = account.by_member.get(&part.member).copied().unwrap_or(0);
                let published = part.published_at;
                let visible = part.visible.map_or(String::new(), |n| n.to_string());
                let cells: Vec<Cell> = vec![
                    sight.name(part.member).into(),
                    words::text(lang, part.state.word().0).into_owned().into(),
                    published.map_or(String::new(), |at| at.to_rfc3339()).into(),
                    visible.into(),
                    reached.to_string().into(),
                    part.likes.to_string().into(),
                    part.comments.to_string().into(),
                ];
                sheet.row(&cells).map_err(AppError::internal)?;
            }
            Ok(())
        })
    });
    made.map_err(|no| no.or(AppError::internal))
}
