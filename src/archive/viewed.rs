//! Who opened whose conversations: where the firm wants it so, the members who took part can
//! see it. Off unless a super admin has switched it on.

use minicbor::{Decode, Encode};

use crate::{
    error::{AppError, Result},
    identity::{self, Account, Allowed, Command, Permission, Scope, Viewer},
    kit::{Id, Timestamp},
    store::{Class, Entity, Read, StoreError, SubjectId, Write},
};

use super::{
    link,
    model::{Chat, Opening},
    queries,
};

/// Members of one conversation who are told at most.
const MEMBERS_MAX: usize = 500;
/// Openings that a member is shown; of older ones nothing waits to be seen.
pub(super) const SHOWN_MAX: usize = 100;

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
    /// When the member said to have seen it.
    #[n(6)]
    pub seen_at: Option<Timestamp>,
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
    let own = party(&w.read(), opening.account.cast())?;
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
            seen_at: None,
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

/// The party that an account's member is, if the archive knows one.
pub(super) fn party(r: &Read<'_>, account: Id<Account>) -> Result<Option<u32>, StoreError> {
    match identity::queries::account_member(r, account)? {
        Some(member) => queries::party_of(r, member),
        None => Ok(None),
    }
}

/// How many openings of the viewer's conversations have not been seen; none where the firm does
/// not tell.
pub fn unseen(r: &Read<'_>, viewer: &Viewer) -> Result<u64, StoreError> {
    if !is_on(r)? {
        return Ok(0);
    }
    let own = match viewer.account_id() {
        Some(account) => party(r, account)?,
        None => None,
    };
    let Some(own) = own else {
        return Ok(0);
    };
    let told = of_member(r, own, SHOWN_MAX)?.into_iter();
    Ok(told.filter(|viewed| viewed.seen_at.is_none()).count() as u64)
}

/// Notes that a member has seen who opened their conversations, up to one of these openings.
#[derive(Debug, Clone, Copy)]
pub struct MarkSeen {
    /// Its number.
    pub up_to: u64,
}

impl Command for MarkSeen {
    const PERMISSION: Option<Permission> = None;
    const WHAT: &'static str = "account";
    /// It is about one's own alone.
    fn within(&self, _: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        Ok(true)
    }
}

/// Notes it.
pub fn mark_seen(w: &mut Write<'_>, allowed: Allowed<MarkSeen>) -> Result<()> {
    let by = allowed.by().ok_or(AppError::Unauthenticated)?;
    let up_to = allowed.into_command().up_to;
    let Some(own) = party(&w.read(), by)? else {
        return Ok(());
    };
    let told = of_member(&w.read(), own, SHOWN_MAX)?.into_iter();
    for viewed in told.filter(|viewed| viewed.no <= up_to && viewed.seen_at.is_none()) {
        let seen_at = Some(w.now());
        w.put(&Viewed { seen_at, ..viewed })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As openings were stored before anybody said to have seen one.
    #[derive(Encode)]
    struct Before {
        #[n(0)]
        staff: u32,
        #[n(1)]
        no: u64,
        #[n(2)]
        at: Timestamp,
        #[n(3)]
        chat: u32,
        #[n(4)]
        account: SubjectId,
        #[n(5)]
        reason: String,
    }

    #[test]
    fn an_opening_of_before_is_read_and_not_seen() {
        let stored = minicbor::to_vec(Before {
            staff: 1,
            no: 2,
            at: Timestamp::from_ms(2),
            chat: 3,
            account: Id::from_bits(4),
            reason: "核对投诉".to_owned(),
        });
        let viewed: Viewed = minicbor::decode(&stored.unwrap()).unwrap();
        assert_eq!((viewed.chat, viewed.seen_at), (3, None));
    }
}
