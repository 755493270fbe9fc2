//! Reads of cases, by what the viewer sees: a case is there for whoever sees all of its
//! conversations, and each of them whole.

use std::collections::HashMap;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    store::{Key, Read, StoreError, Walk},
};

use super::{
    super::{model::Chat, queries::ArchiveSight},
    model::{Case, CaseId, Chosen, Item},
    tables::{CASE_BY_TIME, ITEM_BY_CASE},
};

/// What somebody who gathers evidence sees of the archive: both rights are needed.
pub fn sight(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<ArchiveSight> {
    viewer.scope(r, Permission::EvidenceManage)?;
    ArchiveSight::of(app, r, viewer)
}

/// Whether all conversations of a case are seen whole.
pub fn sees(r: &Read<'_>, sight: &ArchiveSight, chats: &[u32]) -> Result<bool, StoreError> {
    for no in chats {
        let chat = r.get::<Chat>(no)?;
        if !chat.is_some_and(|chat| sight.sees(&chat) && sight.sees_all_of(&chat)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One case.
pub fn case(r: &Read<'_>, sight: &ArchiveSight, id: CaseId) -> Result<Case> {
    let missing = || AppError::NotFound {
        what: "evidence_case",
    };
    let case = r.get::<Case>(&id)?.ok_or_else(missing)?;
    match sees(r, sight, &case.chats)? {
        true => Ok(case),
        false => Err(missing()),
    }
}

/// Cases in sight, newest first.
pub fn cases<'a>(
    r: &Read<'a>,
    sight: &'a ArchiveSight,
) -> Result<impl Iterator<Item = Result<Case, StoreError>> + use<'a>, StoreError> {
    let read = *r;
    let all = r.list(&CASE_BY_TIME, &Walk::default())?;
    Ok(all.filter_map(move |case| match case {
        Ok(case) => match sees(&read, sight, &case.chats) {
            Ok(true) => Some(Ok(case)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        },
        Err(error) => Some(Err(error)),
    }))
}

/// What is in a case, by conversation and number.
pub fn items(r: &Read<'_>, case: CaseId) -> Result<Vec<Item>, StoreError> {
    r.list(&ITEM_BY_CASE, &Walk::prefix(Key::new().with(case)))?
        .collect()
}

/// Messages that a case has: conversation, first and last number, and how many on either side
/// sealing it would add; none once it is sealed.
pub type Kept = (u32, u64, u64, u32);

/// The messages that cases have, for keeping them from deletion.
pub fn gathered(r: &Read<'_>) -> Result<Vec<Kept>, StoreError> {
    let mut contexts: HashMap<CaseId, u32> = HashMap::new();
    for case in r.all::<Case>(None)? {
        let case = case?;
        if case.sealed().is_none() {
            contexts.insert(case.id, case.context);
        }
    }
    let items = r.all::<Item>(None)?;
    items
        .map(|item| {
            let item = item?;
            let context = contexts.get(&item.case).copied().unwrap_or(0);
            Ok((item.chat, item.first, item.last, context))
        })
        .collect()
}

/// What was chosen of each conversation.
pub(super) fn chosen(items: &[Item]) -> Vec<(u32, Chosen)> {
    let mut chats: Vec<u32> = items.iter().map(|item| item.chat).collect();
    chats.dedup();
    chats
        .into_iter()
        .map(|chat| {
            let own = items.iter().filter(|item| item.chat == chat);
            let ranges = own.map(|item| (item.first, item.last)).collect();
            (chat, Chosen::of(ranges))
        })
        .collect()
}
