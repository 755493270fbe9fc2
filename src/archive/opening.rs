//! Conversations of others are opened for a reason, which holds for a while.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    error::{AppError, Invalid, NO_REASON, Problem, Result},
    identity::{Allowed, Command, Permission, Scope, Viewer},
    kit::Timestamp,
    org::{Directory, Sight},
    store::{Read, StoreError, SubjectId, Write},
};

use super::{
    approval,
    model::{Chat, ChatId, Opening},
    queries::{self, ArchiveSight},
};

/// How long a reason holds.
const VALID_MS: i64 = 60 * 60 * 1000;
/// Characters of a reason.
const REASON_CHARS: std::ops::RangeInclusive<usize> = 5..=200;

/// Opens a conversation that is not one's own.
#[derive(Debug, Clone)]
pub struct OpenChat {
    /// The conversation.
    pub chat: ChatId,
    /// Why.
    pub reason: String,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

impl Command for OpenChat {
    const PERMISSION: Option<Permission> = Some(Permission::ArchiveRead);
    const WHAT: &'static str = "chat";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let sight = ArchiveSight::from(r, Sight::new(self.directory.clone(), scope))?;
        Ok(queries::chat(r, &sight, self.chat).is_ok())
    }
}

/// What came of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// The conversation is open.
    Now,
    /// A second person is asked first.
    Waits,
}

/// Keeps the reason; the conversation is open to the account until it has run out. Where the
/// firm wants a second person, that one is asked.
pub fn open(w: &mut Write<'_>, allowed: Allowed<OpenChat>) -> Result<Opened> {
    let by = allowed.by().ok_or(AppError::Forbidden {
        permission: "session",
    })?;
    let OpenChat { chat, reason, .. } = allowed.into_command();
    let reason = judged(&reason)?;
    let missing = AppError::NotFound { what: "chat" };
    let chat = queries::chat_by_id(&w.read(), chat)?.ok_or(missing)?;
    if approval::four_eyes(&w.read())?.read {
        approval::ask_read(w, by.cast(), &chat, reason)?;
        return Ok(Opened::Waits);
    }
    let opening = Opening {
        account: by.cast(),
        chat: chat.no,
        reason,
        until: w.now().plus_ms(VALID_MS),
    };
    super::viewed::note(w, &chat, &opening)?;
    w.put(&opening)?;
    Ok(Opened::Now)
}

/// A reason as it is kept, if it says enough.
fn judged(reason: &str) -> Result<String> {
    let reason = reason.trim();
    if REASON_CHARS.contains(&reason.chars().count()) {
        return Ok(reason.to_owned());
    }
    Err(AppError::Invalid(Invalid {
        problems: vec![Problem {
            field: "reason",
            code: "archive.open.reason_length",
            args: vec![("n", reason.chars().count().to_string())],
        }],
    }))
}

/// Under what a conversation may be shown to a viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// The viewer took part.
    Own,
    /// A reason was given and still holds.
    Opened(Opening),
}

/// Why the viewer may read the conversation now; `None` if a reason is to be given first.
pub fn right(
    r: &Read<'_>,
    viewer: &Viewer,
    sight: &ArchiveSight,
    chat: &Chat,
    now: Timestamp,
) -> Result<Option<Right>, StoreError> {
    if sight.is_own(chat) {
        return Ok(Some(Right::Own));
    }
    let Some(account) = viewer.account_id() else {
        return Ok(None);
    };
    let account: SubjectId = account.cast();
    let opening = r.get::<Opening>(&(account.bits(), chat.no))?;
    Ok(opening
        .filter(|opening| opening.until > now)
        .map(Right::Opened))
}

/// Whose conversations are given out whole as data: a person's own, and those that the person
/// has opened with a reason. The reason of a program is the grant of its API token.
pub(super) struct Whole(Option<BTreeSet<u32>>);

impl Whole {
    /// What `viewer` is given whole now.
    pub(super) fn of(r: &Read<'_>, viewer: &Viewer, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self(match viewer.session() {
            Some(_) => Some(opened(r, viewer, now)?),
            None => None,
        }))
    }

    /// Whether a conversation is.
    pub(super) fn has(&self, sight: &ArchiveSight, chat: &Chat) -> bool {
        let Self(opened) = self;
        opened
            .as_ref()
            .is_none_or(|opened| opened.contains(&chat.no) || sight.is_own(chat))
    }

    /// The same as a failure that says what to do.
    pub(super) fn must_have(&self, sight: &ArchiveSight, chat: &Chat) -> Result<()> {
        match self.has(sight, chat) {
            true => Ok(()),
            false => Err(AppError::Forbidden {
                permission: NO_REASON,
            }),
        }
    }
}

/// The conversations of others that the viewer has open now.
pub(super) fn opened(
    r: &Read<'_>,
    viewer: &Viewer,
    now: Timestamp,
) -> Result<BTreeSet<u32>, StoreError> {
    let mut chats = BTreeSet::new();
    let Some(account) = viewer.account_id() else {
        return Ok(chats);
    };
    let account: SubjectId = account.cast();
    for opening in r.all::<Opening>(Some(&(account.bits(), 0)))? {
        let opening = opening?;
        if opening.account != account {
            break;
        }
        if opening.until > now {
            chats.insert(opening.chat);
        }
    }
    Ok(chats)
}
