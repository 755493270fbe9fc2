//! What people do to word lists and alerts.

use std::sync::Arc;

use crate::{
    error::{AppError, Result},
    identity::{Account, Allowed, Command, Permission, Reach, Scope, queries::AccountView},
    kit::Id,
    org::{DepartmentId, Directory},
    store::{Read, StoreError, SubjectId, Write},
    work::jobs::{self, NewJob},
};

use super::{
    super::queries::ArchiveSight,
    intercept, job,
    model::{Alert, AlertId, AlertState, Verdict, WordList, WordListId},
    queue,
};

/// Words of a list.
const WORDS_MAX: usize = 2_000;
/// Characters of a word. A single one is in nearly every message: its alerts would be the archive
/// in pieces.
const WORD_CHARS: std::ops::RangeInclusive<usize> = 2..=40;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 40;
/// Characters of a note.
const NOTE_CHARS_MAX: usize = 500;

/// Keeps a list, new or changed.
#[derive(Debug, Clone)]
pub struct SaveList {
    /// The list as it is to be; its time is set when it is kept.
    pub list: WordList,
    /// Whether what is there already is looked through.
    pub looks_back: bool,
    /// The directory that says which departments are in scope.
    pub directory: Arc<Directory>,
}

/// Whether somebody whose right reaches so far decides about a department's list.
pub fn reaches(scope: &Scope, directory: &Directory, unit: Option<DepartmentId>) -> bool {
    match (scope.reach(), unit) {
        (Reach::Everything, _) => true,
        (Reach::Units(units), Some(unit)) => {
            let Some(unit) = directory.tree.find(unit) else {
                return false;
            };
            let path = directory.tree.path(unit.wecom_id);
            units
                .iter()
                .any(|own| path.iter().any(|above| above.id == own.cast()))
        }
        _ => false,
    }
}

impl Command for SaveList {
    const PERMISSION: Option<Permission> = Some(Permission::WordManage);
    const WHAT: &'static str = "word_list";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let known = r.get::<WordList>(&self.list.id)?;
        let is_known_in_reach = known.is_none_or(|k| reaches(scope, &self.directory, k.unit));
        Ok(is_known_in_reach && reaches(scope, &self.directory, self.list.unit))
    }
}

/// Keeps it, and queues the look back.
pub fn save_list(w: &mut Write<'_>, allowed: Allowed<SaveList>) -> Result<WordListId> {
    let by = allowed.by().map(Id::cast);
    let SaveList {
        mut list,
        looks_back,
        ..
    } = allowed.into_command();
    list.name = list.name.trim().to_owned();
    if list.name.is_empty() || list.name.chars().count() > NAME_CHARS_MAX {
        return Err(AppError::field("name", "sensitive.name_length"));
    }
    let is_odd = |word: &String| !WORD_CHARS.contains(&word.trim().chars().count());
    if list.words.len() > WORDS_MAX || list.words.iter().any(is_odd) {
        return Err(AppError::field("words", "sensitive.words_length"));
    }
    if list.words.is_empty() && list.behaviours.is_empty() {
        return Err(AppError::field("words", "sensitive.nothing_to_look_for"));
    }
    if list.id.bits() == 0 {
        list.id = w.new_id::<WordList>()?;
    }
    list.changed_at = w.now();
    w.put(&list)?;
    intercept::follow(w, &list, by)?;
    if looks_back && list.is_on {
        jobs::enqueue(
            w,
            NewJob {
                kind: job::KIND,
                input: job::input(list.id)?,
                created_by: by,
            },
        )?;
    }
    Ok(list.id)
}

/// Takes a list away, and its interception at WeCom. Its alerts stay.
#[derive(Debug, Clone)]
pub struct DeleteList {
    /// Which.
    pub list: WordListId,
    /// The directory that says which departments are in scope.
    pub directory: Arc<Directory>,
}

impl Command for DeleteList {
    const PERMISSION: Option<Permission> = Some(Permission::WordManage);
    const WHAT: &'static str = "word_list";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let known = r.get::<WordList>(&self.list)?;
        Ok(known.is_some_and(|known| reaches(scope, &self.directory, known.unit)))
    }
}

/// Takes it away.
pub fn delete_list(w: &mut Write<'_>, allowed: Allowed<DeleteList>) -> Result<()> {
    let by = allowed.by().map(Id::cast);
    let list = allowed.into_command().list;
    intercept::end(w, list, by)?;
    w.delete::<WordList>(&list)?;
    Ok(())
}

macro_rules! about_alert {
    ($($command:ty),+) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::AlertHandle);
            const WHAT: &'static str = "alert";
            fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
                let alert = r.get::<Alert>(&self.alert)?;
                Ok(alert.is_some_and(|alert| queue::sees(&self.sight, &alert)))
            }
        }
    )+};
}
about_alert!(AssignAlert, CloseAlert, ReopenAlert);

/// Gives an alert to somebody, or back to all.
#[derive(Debug, Clone)]
pub struct AssignAlert {
    /// Which.
    pub alert: AlertId,
    /// To whom; none for whoever takes it.
    pub to: Option<Id<Account>>,
    /// What the one who assigns sees, asked for within the write.
    pub sight: ArchiveSight,
}

fn found(w: &Write<'_>, alert: AlertId) -> Result<Alert> {
    let alert = w.get::<Alert>(&alert)?;
    alert.ok_or(AppError::NotFound { what: "alert" })
}

/// Gives it. Whoever gets it must be able to deal with it.
pub fn assign(w: &mut Write<'_>, allowed: Allowed<AssignAlert>) -> Result<()> {
    let AssignAlert { alert, to, sight } = allowed.into_command();
    let mut alert = found(w, alert)?;
    if matches!(alert.state, AlertState::Closed(..)) {
        return Err(AppError::Conflict {
            why: "alert_closed",
        });
    }
    alert.state = match to {
        Some(to) => {
            let handlers = queue::handlers(&w.read(), &sight)?;
            let can = |(account, own): &(AccountView, ArchiveSight)| {
                account.id == to && queue::sees(own, &alert)
            };
            if !handlers.iter().any(can) {
                return Err(AppError::field("to", "sensitive.not_a_handler"));
            }
            AlertState::Assigned(to.cast())
        }
        None => AlertState::Open,
    };
    Ok(w.put(&alert)?)
}

/// Judges an alert and closes it.
#[derive(Debug, Clone)]
pub struct CloseAlert {
    /// Which.
    pub alert: AlertId,
    /// What came of it.
    pub verdict: Verdict,
    /// A note.
    pub note: String,
    /// What the one who judges sees, asked for within the write.
    pub sight: ArchiveSight,
}

/// Closes it.
pub fn close(w: &mut Write<'_>, allowed: Allowed<CloseAlert>) -> Result<()> {
    let by: Option<SubjectId> = allowed.by().map(Id::cast);
    let CloseAlert {
        alert,
        verdict,
        note,
        ..
    } = allowed.into_command();
    let note = note.trim().to_owned();
    if note.is_empty() || note.chars().count() > NOTE_CHARS_MAX {
        return Err(AppError::field("note", "sensitive.note_length"));
    }
    let mut alert = found(w, alert)?;
    if matches!(alert.state, AlertState::Closed(..)) {
        return Err(AppError::Conflict {
            why: "alert_closed",
        });
    }
    alert.state = AlertState::Closed(verdict, note, by, w.now());
    Ok(w.put(&alert)?)
}

/// Opens a closed alert again.
#[derive(Debug, Clone)]
pub struct ReopenAlert {
    /// Which.
    pub alert: AlertId,
    /// What the one who opens sees, asked for within the write.
    pub sight: ArchiveSight,
}

/// Opens it again.
pub fn reopen(w: &mut Write<'_>, allowed: Allowed<ReopenAlert>) -> Result<()> {
    let mut alert = found(w, allowed.into_command().alert)?;
    if !matches!(alert.state, AlertState::Closed(..)) {
        return Err(AppError::Conflict { why: "alert_open" });
    }
    alert.state = AlertState::Open;
    Ok(w.put(&alert)?)
}
