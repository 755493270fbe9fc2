//! The condition of the search that names a room: one of the newest in scope, or found by its
//! name or pinyin.

use crate::{
    app::App,
    archive::{
        model::Chat,
        names::Names,
        queries::{self, ArchiveSight},
    },
    error::Result,
    search,
    store::Read,
    web::{Cx, ListQuery},
};

use super::picker::{OFFERED_MAX, Offered, Picker, Sort};

/// Rooms that are looked through for a name, those with the newest messages first.
const LOOKED_AT: usize = 5_000;

/// The condition.
pub(super) const ROOM: Sort = Sort {
    name: "room",
    part: "group",
    label: "archive.filter.room",
    find: "archive.room.find",
    hint: "archive.room.hint",
    none: "archive.room.none",
    action: "archive.rooms",
    detail: "rooms",
};

/// The condition with the one alone that is chosen.
pub(super) fn chosen(
    r: &Read<'_>,
    sight: &ArchiveSight,
    names: &Names<'_>,
    (cx, query): (&Cx, &ListQuery),
) -> Result<Picker> {
    Picker::chosen_of(&ROOM, query, |id| name_of(r, sight, names, cx, id))
}

/// The condition as the address has it.
pub(super) fn picker(
    app: &App,
    r: &Read<'_>,
    sight: &ArchiveSight,
    names: &Names<'_>,
    (cx, query): (&Cx, &ListQuery),
) -> Result<Picker> {
    let mut picker = chosen(r, sight, names, (cx, query))?;
    if picker.is_outside(cx) {
        return Ok(picker.closed());
    }
    let most = match picker.text.is_empty() {
        true => OFFERED_MAX,
        false => LOOKED_AT,
    };
    let (newest, has_more) = app.archive.rooms.newest(r, sight, most)?;
    for no in newest {
        if !picker.has_room() {
            return Ok(picker);
        }
        let Some(chat) = queries::chat_by_no(r, sight, no)? else {
            continue;
        };
        let name = names.title(&chat)?;
        let id = chat.id.to_string();
        let is_meant = picker.text.is_empty() || search::fits(&name, &picker.text);
        if is_meant && !picker.has(&id) {
            picker.offered.push(Offered {
                id,
                name,
                second: second(cx, &chat),
                is_on: false,
            });
        }
    }
    picker.cut = (has_more && !picker.text.is_empty()).then_some(LOOKED_AT);
    Ok(picker)
}

/// How many take part: two rooms may have one name.
fn second(cx: &Cx, chat: &Chat) -> String {
    let people = chat.staff.len() + chat.others.len();
    cx.tf("archive.room.people", ("n", people)).into_owned()
}

/// What the room of an address is called.
fn name_of(
    r: &Read<'_>,
    sight: &ArchiveSight,
    names: &Names<'_>,
    cx: &Cx,
    id: &str,
) -> Result<String> {
    let chat = match id.parse() {
        Ok(id) => queries::chat(r, sight, id).ok(),
        Err(_) => None,
    };
    match chat {
        Some(chat) => Ok(names.title(&chat)?),
        None => Ok(cx.t("archive.room.unseen").into_owned()),
    }
}
