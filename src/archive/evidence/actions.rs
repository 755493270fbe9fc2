//! What people do with cases.

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::{Id, Timestamp},
    store::{Read, StoreError, SubjectId, Write},
    work::jobs::{self, JobId, NewJob},
};

use super::{
    super::{
        approval::{self, Wanted},
        ingest::day_of,
        model::{Chat, ChatId},
        queries::{self as archive, ArchiveSight, Side},
    },
    job,
    model::{Case, CaseId, CaseState, Item, ItemId},
    queries,
};

/// Characters of a title.
const TITLE_CHARS: std::ops::RangeInclusive<usize> = 1..=60;
/// Characters of the reason.
const WHY_CHARS: std::ops::RangeInclusive<usize> = 5..=500;
/// Messages of context on either side at most.
pub(in crate::archive) const CONTEXT_MAX: u32 = 200;
/// Items of a case.
const ITEMS_MAX: usize = 2_000;
/// Messages that are looked at on either side for those of the same day.
const DAY_MAX: usize = 5_000;

/// Makes a case.
#[derive(Debug, Clone)]
pub struct CreateCase {
    /// What people call it.
    pub title: String,
    /// Why it is made.
    pub why: String,
    /// Messages of context on either side.
    pub context: u32,
}

impl Command for CreateCase {
    const PERMISSION: Option<Permission> = Some(Permission::EvidenceManage);
    const WHAT: &'static str = "evidence_case";
    fn within(&self, _: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        Ok(true)
    }
}

fn by<C>(allowed: &Allowed<C>) -> Result<SubjectId> {
    let by = allowed.by().map(Id::cast);
    by.ok_or(AppError::Forbidden {
        permission: "session",
    })
}

/// Makes it.
pub fn create(w: &mut Write<'_>, allowed: Allowed<CreateCase>) -> Result<CaseId> {
    let by = by(&allowed)?;
    let CreateCase {
        title,
        why,
        context,
    } = allowed.into_command();
    let (title, why) = judged(&title, &why, context)?;
    let id = w.new_id::<Case>()?;
    w.put(&Case {
        id,
        title,
        why,
        state: CaseState::Open,
        by,
        at: w.now(),
        context,
        chats: Vec::new(),
        revision: 0,
    })?;
    Ok(id)
}

/// Title and reason as they are kept, if they say enough.
fn judged(title: &str, why: &str, context: u32) -> Result<(String, String)> {
    let mut invalid = crate::error::Invalid::default();
    let (title, why) = (title.trim(), why.trim());
    if !TITLE_CHARS.contains(&title.chars().count()) || title.contains(char::is_control) {
        invalid = invalid.with("title", "evidence.title_length");
    }
    if !WHY_CHARS.contains(&why.chars().count()) {
        invalid = invalid.with("why", "evidence.why_length");
    }
    if context > CONTEXT_MAX {
        invalid = invalid.with("context", "evidence.context_range");
    }
    invalid.into_result()?;
    Ok((title.to_owned(), why.to_owned()))
}

macro_rules! about_case {
    ($($command:ty: $step_up:literal),+ $(,)?) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::EvidenceManage);
            const WHAT: &'static str = "evidence_case";
            const STEP_UP: bool = $step_up;
            fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
                let case = r.get::<Case>(&self.case)?;
                case.map_or(Ok(false), |case| queries::sees(r, &self.sight, &case.chats))
            }
        }
    )+};
}
about_case!(EditCase: false, AddItem: false, RemoveItem: false, SealCase: true);

/// The case, if it can still be changed: also one whose job has failed or was stopped.
fn open(w: &Write<'_>, id: CaseId) -> Result<Case> {
    let mut case = w.get::<Case>(&id)?.ok_or(AppError::NotFound {
        what: "evidence_case",
    })?;
    match &case.state {
        CaseState::Open => {}
        CaseState::Sealing(job, _) if !is_running(&w.read(), *job)? => case.state = CaseState::Open,
        CaseState::Sealing(..) | CaseState::Sealed(_) => {
            return Err(AppError::Conflict { why: "case_sealed" });
        }
    }
    Ok(case)
}

/// Changes what a case is called, why it is there, and how much context comes along.
#[derive(Debug, Clone)]
pub struct EditCase {
    /// Which.
    pub case: CaseId,
    /// What people call it.
    pub title: String,
    /// Why it is made.
    pub why: String,
    /// Messages of context on either side.
    pub context: u32,
    /// What the one who changes it sees.
    pub sight: ArchiveSight,
}

/// Changes it.
pub fn edit(w: &mut Write<'_>, allowed: Allowed<EditCase>) -> Result<()> {
    let command = allowed.into_command();
    let mut case = open(w, command.case)?;
    (case.title, case.why) = judged(&command.title, &command.why, command.context)?;
    case.revision += u32::from(case.context != command.context);
    case.context = command.context;
    Ok(w.put(&case)?)
}

/// How much of a conversation is added, seen from one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// That message.
    This,
    /// Everything between the nearest message that is in the case, and that one.
    Join,
    /// Everything of its day.
    Day,
    /// The whole conversation as it is now.
    Chat,
}

impl Span {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 4] = [Self::This, Self::Join, Self::Day, Self::Chat];

    /// The form's value.
    pub fn code(self) -> &'static str {
        match self {
            Self::This => "this",
            Self::Join => "join",
            Self::Day => "day",
            Self::Chat => "chat",
        }
    }
}

/// Adds a message, or neighbouring ones, to a case. Whoever adds them may read them now.
#[derive(Debug, Clone)]
pub struct AddItem {
    /// The case.
    pub case: CaseId,
    /// The conversation.
    pub chat: ChatId,
    /// The message.
    pub seq: u64,
    /// How much around it.
    pub span: Span,
    /// The zone in which days begin.
    pub zone: jiff::tz::TimeZone,
    /// What the one who adds it sees.
    pub sight: ArchiveSight,
}

/// Adds them; gives how many items there are now.
pub fn add(w: &mut Write<'_>, allowed: Allowed<AddItem>) -> Result<usize> {
    let by = by(&allowed)?;
    let command = allowed.into_command();
    let mut case = open(w, command.case)?;
    let chat = archive::chat(&w.read(), &command.sight, command.chat)?;
    if !command.sight.sees_all_of(&chat) {
        return Err(AppError::Conflict {
            why: "chat_in_part",
        });
    }
    let items = queries::items(&w.read(), case.id)?;
    if items.len() >= ITEMS_MAX {
        return Err(AppError::Conflict { why: "case_full" });
    }
    let (first, last) = range(&w.read(), &command, &chat, &items)?;
    let is_in = |item: &&Item| item.chat == chat.no && item.first <= first && last <= item.last;
    if items.iter().any(|item| is_in(&item)) {
        return Ok(items.len());
    }
    let within = items
        .iter()
        .filter(|item| item.chat == chat.no && first <= item.first && item.last <= last);
    let mut left = items.len() + 1;
    for item in within {
        w.delete::<Item>(&item.id)?;
        left -= 1;
    }
    let id = w.new_id::<Item>()?;
    w.put(&Item {
        id,
        case: case.id,
        chat: chat.no,
        first,
        last,
        by,
        at: w.now(),
    })?;
    if let Err(place) = case.chats.binary_search(&chat.no) {
        case.chats.insert(place, chat.no);
    }
    case.revision += 1;
    w.put(&case)?;
    Ok(left)
}

/// First and last number of what is to be added.
fn range(r: &Read<'_>, command: &AddItem, chat: &Chat, items: &[Item]) -> Result<(u64, u64)> {
    let (sight, seq) = (&command.sight, command.seq);
    let missing = AppError::NotFound { what: "message" };
    let message = archive::message(r, sight, chat.no, seq)?.ok_or(missing)?;
    Ok(match command.span {
        Span::This => (seq, seq),
        Span::Chat => {
            let (oldest, _) = archive::messages(r, sight, chat, Side::After(0), 1)?;
            (oldest.first().map_or(seq, |m| m.seq), chat.last_seq)
        }
        Span::Join => {
            let own = items.iter().filter(|item| item.chat == chat.no);
            let ends = own.flat_map(|item| [item.first, item.last]);
            let nearest = ends.min_by_key(|end| end.abs_diff(seq)).unwrap_or(seq);
            (nearest.min(seq), nearest.max(seq))
        }
        Span::Day => {
            let same =
                |at: Timestamp| day_of(at, &command.zone) == day_of(message.at, &command.zone);
            let (before, _) = archive::messages(r, sight, chat, Side::Before(seq), DAY_MAX)?;
            let (after, _) = archive::messages(r, sight, chat, Side::After(seq), DAY_MAX)?;
            let first = before.iter().rev().take_while(|m| same(m.at)).last();
            let last = after.iter().take_while(|m| same(m.at)).last();
            (first.map_or(seq, |m| m.seq), last.map_or(seq, |m| m.seq))
        }
    })
}

/// Takes something out of a case.
#[derive(Debug, Clone)]
pub struct RemoveItem {
    /// The case.
    pub case: CaseId,
    /// What.
    pub item: ItemId,
    /// What the one who takes it out sees.
    pub sight: ArchiveSight,
}

/// Takes it out.
pub fn remove(w: &mut Write<'_>, allowed: Allowed<RemoveItem>) -> Result<()> {
    let RemoveItem { case, item, .. } = allowed.into_command();
    let mut case = open(w, case)?;
    let items = queries::items(&w.read(), case.id)?;
    let missing = AppError::NotFound {
        what: "evidence_item",
    };
    let gone = items.iter().find(|known| known.id == item).ok_or(missing)?;
    w.delete::<Item>(&gone.id)?;
    let is_left = |no: u32| items.iter().any(|i| i.chat == no && i.id != item);
    case.chats.retain(|no| is_left(*no));
    case.revision += 1;
    Ok(w.put(&case)?)
}

/// Seals a case: from now on nothing of it changes, and a job writes the package.
#[derive(Debug, Clone)]
pub struct SealCase {
    /// Which.
    pub case: CaseId,
    /// What the one who seals it sees.
    pub sight: ArchiveSight,
}

/// Queues the job. A case whose job has failed or was stopped is sealed anew.
pub fn seal(w: &mut Write<'_>, allowed: Allowed<SealCase>) -> Result<JobId> {
    let by = by(&allowed)?;
    let id = allowed.into_command().case;
    let mut case = open(w, id)?;
    if case.chats.is_empty() {
        return Err(AppError::Conflict { why: "case_empty" });
    }
    approval::must_hold(&w.read(), by, &Wanted::Evidence(id, case.revision), w.now())?;
    let job = jobs::enqueue(
        w,
        NewJob {
            kind: job::KIND,
            input: job::input(id)?,
            created_by: Some(by),
        },
    )?;
    case.state = CaseState::Sealing(job, by);
    w.put(&case)?;
    Ok(job)
}

/// Whether a job may still come to an end.
pub(in crate::archive) fn is_running(r: &Read<'_>, job: JobId) -> Result<bool, StoreError> {
    let job = r.get::<crate::work::Job>(&job)?;
    Ok(job.is_some_and(|job| !job.state.is_final()))
}
