//! Who opened whose conversations: where the firm wants it so, the members who took part can
//! see it. Off unless a super admin has switched it on.

use minicbor::{Decode, Encode};

use crate::{
    identity,
    kit::Timestamp,
    store::{Class, Entity, Read, StoreError, SubjectId, Write},
};

use super::{
    link,
    model::{Chat, Opening},
    queries,
};

/// Members of one conversation who are told at most.
const MEMBERS_MAX: usize = 500;

/// That somebody opened a conversation of a member for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Viewed {
    /// The member, by number as a party.
    #[n(0)]
    pub staff: u32,
    /// Grows with every one of the member's: milliseconds since 1970, or a little more.
    #[n(1)]
    pub no: u64,
    /// When.
    #[n(2)]
    pub at: Timestamp,
    /// The conversation, by number.
    #[n(3)]
    pub chat: u32,
    /// Whose account opened it.
    #[n(4)]
    pub account: SubjectId,
    /// The reason given.
    #[n(5)]
    pub reason: String,
}

impl Entity for Viewed {
    const KIND: &'static str = "archive_viewed";
    const TABLE: &'static str = "archive-viewed-1";
    const CLASS: Class = Class::Machinery;
    type Key = (u32, u64);

    fn key(&self) -> (u32, u64) {
        (self.staff, self.no)
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.account)
    }
}

/// Whether members are told.
pub fn is_on(r: &Read<'_>) -> Result<bool, StoreError> {
    Ok(link::stored(r)?.is_some_and(|settings| settings.tells))
}

/// Notes for everybody who took part that their conversation was opened, if the firm wants it
/// so; not for the one who opens.
pub(super) fn note(w: &mut Write<'_>, chat: &Chat, opening: &Opening) -> Result<(), StoreError> {
    if !is_on(&w.read())? {
        return Ok(());
    }
    let member = identity::queries::account_member(&w.read(), opening.account.cast())?;
    let own = match member {
        Some(member) => queries::party_of(&w.read(), member)?,
        None => None,
    };
    let others = chat.staff.iter().filter(|no| Some(**no) != own);
    for staff in others.take(MEMBERS_MAX) {
        let mut no = u64::try_from(w.now().ms()).unwrap_or(0);
        while w.read().exists::<Viewed>(&(*staff, no))? {
            no += 1;
        }
        w.put(&Viewed {
            staff: *staff,
            no,
            at: w.now(),
            chat: chat.no,
            account: opening.account,
            reason: opening.reason.clone(),
        })?;
    }
    Ok(())
}

/// What a member is told, the newest first.
pub fn of_member(r: &Read<'_>, staff: u32, most: usize) -> Result<Vec<Viewed>, StoreError> {
    let mut found = Vec::new();
    for viewed in r.all_backwards::<Viewed>(Some(&(staff, u64::MAX)))? {
        let viewed = viewed?;
        if viewed.staff != staff || found.len() == most {
            break;
        }
        found.push(viewed);
    }
    Ok(found)
}
