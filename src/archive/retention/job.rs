//! The runs over all messages: one counts what would go, the other deletes it. Both are jobs
//! of bounded steps that may be stopped anywhere and go on where they were.

use std::{collections::BTreeMap, sync::Arc};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    org::{DepartmentId, Directory},
    store::{Act, Read, StoreError, Write},
    work::{Job, JobContext, JobEnd, JobFuture},
};

use super::{
    super::{ingest, stretch::Stretch},
    counted,
    holds::{Held, Holds},
    model::{HoldId, PurgeRun, RunRule, Sort},
    policy::Policy,
    purge::{self, Judge, StretchKey, Verdict},
};

/// The kind of the job that deletes.
pub const PURGE: &str = "archive.purge";
/// The kind of the job that counts.
pub const PREVIEW: &str = "archive.preview";
/// Stretches of which one write deletes: it takes some milliseconds.
const STRETCHES: usize = 12;
/// Stretches that are looked at in one step.
const SEEN: usize = 4_000;

/// How far a purge is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Progress {
    /// The last stretch that was looked at.
    #[n(0)]
    pub(super) last: Option<StretchKey>,
    /// Messages that were looked at.
    #[n(1)]
    pub(super) seen: u64,
    /// Messages deleted.
    #[n(2)]
    pub(super) messages: u64,
    /// Files that belonged to them.
    #[n(3)]
    pub(super) files: u64,
    /// Messages that a hold kept.
    #[n(4)]
    pub(super) held: u64,
    /// The first and the last purge.
    #[n(5)]
    pub(super) purges: Option<(u64, u64)>,
    /// The rules under which something went.
    #[cbor(n(6), default)]
    pub(super) rules: Vec<RunRule>,
}

impl Progress {
    fn add(&mut self, deleted: purge::Deleted) {
        self.messages += deleted.messages;
        self.files += deleted.files;
        for (no, under, messages) in deleted.purges {
            let (first, last) = self.purges.unwrap_or((no, no));
            self.purges = Some((first.min(no), last.max(no)));
            let messages = u64::from(messages);
            match self.rules.iter_mut().find(|rule| rule.under == under) {
                Some(rule) => rule.messages += messages,
                None => self.rules.push(RunRule { under, messages }),
            }
        }
    }
}

/// Runs the job that deletes.
pub(in crate::archive) fn run_purge(app: Arc<App>, context: JobContext) -> JobFuture {
    Box::pin(async move {
        loop {
            if context.should_stop()? {
                return Ok(JobEnd::Paused);
            }
            let (reading, work) = (app.clone(), context.clone());
            let looked = tokio::task::spawn_blocking(move || {
                let progress = progress_of(&work.job()?)?;
                let now = reading.store.clock().now();
                reading.read(|r| {
                    let directory = reading.directory.get(r)?;
                    let found = look(r, directory, now, progress.last)?;
                    Ok::<_, AppError>((progress, found, ingest::cursor(r)?.messages))
                })
            });
            let (progress, found, total) = looked.await.map_err(AppError::internal)??;
            let writing = app.clone();
            let act = Act::by_system("archive.purge", "archive").about("job", context.id());
            let is_last = context
                .step(act, move |w, job| {
                    let directory = writing.directory.get(&w.read())?;
                    let zone = writing.zone();
                    let is_overtaken = counted::is_overtaken(&w.read(), job.created_at)?;
                    let progress = match is_overtaken {
                        true => progress,
                        false => delete(w, directory, &zone, progress, &found)?,
                    };
                    note(job, &progress, total)?;
                    let is_last = is_overtaken || found.last.is_none();
                    if is_last {
                        end(w, &progress, Some(job))?;
                    }
                    Ok(is_last)
                })
                .await?;
            if is_last {
                app.archive.files.notify_one();
                return Ok(JobEnd::Done);
            }
        }
    })
}

fn progress_of(job: &Job) -> Result<Progress> {
    match &job.cursor {
        Some(cursor) => minicbor::decode(cursor).map_err(AppError::internal),
        None => Ok(Progress::default()),
    }
}

fn note(job: &mut Job, progress: &Progress, total: u64) -> Result<()> {
    "messages".clone_into(&mut job.progress.phase);
    job.progress.done = progress.seen.min(total);
    job.progress.total = total;
    job.progress.counts = vec![
        ("purged".to_owned(), progress.messages),
        ("purged_files".to_owned(), progress.files),
        ("held".to_owned(), progress.held),
    ];
    job.cursor = Some(minicbor::to_vec(progress).map_err(AppError::internal)?);
    Ok(())
}

/// Looks for what goes behind a stretch.
pub(super) fn look(
    r: &Read<'_>,
    directory: Arc<Directory>,
    now: Timestamp,
    after: Option<StretchKey>,
) -> Result<purge::Found, StoreError> {
    let policy = Policy::load(r, directory)?;
    let judge = Judge {
        policy: &policy,
        holds: &Holds::load(r)?,
        now,
    };
    if !policy.ends_anything() {
        return Ok(purge::Found::default());
    }
    purge::look(r, &judge, after, STRETCHES, SEEN)
}

/// Deletes what was found, as far as it still goes by the rules and holds of this moment.
pub(super) fn delete(
    w: &mut Write<'_>,
    directory: Arc<Directory>,
    zone: &jiff::tz::TimeZone,
    mut progress: Progress,
    found: &purge::Found,
) -> Result<Progress, StoreError> {
    let policy = Policy::load(&w.read(), directory)?;
    let holds = Holds::load(&w.read())?;
    let judge = Judge {
        policy: &policy,
        holds: &holds,
        now: w.now(),
    };
    let deleted = purge::delete(w, &judge, &found.stretches, zone)?;
    progress.last = found.last.or(progress.last);
    progress.seen += found.seen;
    progress.held += found.held;
    progress.add(deleted);
    Ok(progress)
}

/// Writes down that the run of a job has ended.
pub(super) fn end(
    w: &mut Write<'_>,
    progress: &Progress,
    job: Option<&Job>,
) -> Result<(), StoreError> {
    let last = super::runs(&w.read(), 1)?;
    w.put(&PurgeRun {
        no: last.first().map_or(0, |run| run.no) + 1,
        at: w.now(),
        messages: progress.messages,
        files: progress.files,
        held: progress.held,
        seen: progress.seen,
        job: job.map(|job| job.id),
        by: job.and_then(|job| job.created_by),
        rules: progress.rules.clone(),
        purges: progress.purges,
    })
}

/// What would go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Preview {
    /// As of when.
    #[n(0)]
    pub at: Option<Timestamp>,
    /// By department, sort and month.
    #[n(1)]
    pub rows: Vec<PreviewRow>,
    /// What holds keep: the hold, where it is one, and how many messages.
    #[n(2)]
    pub held: Vec<(Option<HoldId>, u64)>,
    /// Messages that were looked at.
    #[n(3)]
    pub seen: u64,
    #[n(4)]
    last: Option<StretchKey>,
    /// What it rests on: rules, holds and cases, as [`counted::basis`] tells them.
    #[n(5)]
    pub(super) basis: Option<String>,
}

impl Preview {
    /// Messages that would go.
    pub fn messages(&self) -> u64 {
        self.rows.iter().map(|row| row.messages).sum()
    }

    /// Messages that holds keep.
    pub fn held(&self) -> u64 {
        self.held.iter().map(|(_, n)| n).sum()
    }
}

/// What would go of one department, sort and month.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PreviewRow {
    /// Department of the first member who took part.
    #[n(0)]
    pub unit: Option<DepartmentId>,
    /// The sort.
    #[n(1)]
    pub sort: Sort,
    /// The month, as yyyymm.
    #[n(2)]
    pub month: u32,
    /// How many.
    #[n(3)]
    pub messages: u64,
}

/// Runs the job that counts.
pub(in crate::archive) fn run_preview(app: Arc<App>, context: JobContext) -> JobFuture {
    Box::pin(async move {
        loop {
            if context.should_stop()? {
                return Ok(JobEnd::Paused);
            }
            let (reading, work) = (app.clone(), context.clone());
            let counted = tokio::task::spawn_blocking(move || {
                let preview: Preview = match &work.job()?.result {
                    Some(result) => minicbor::decode(result).map_err(AppError::internal)?,
                    None => Preview::default(),
                };
                let now = reading.store.clock().now();
                reading.read(|r| {
                    let directory = reading.directory.get(r)?;
                    let counted = count(r, directory, now, &reading.zone(), preview)?;
                    Ok::<_, AppError>((counted, ingest::cursor(r)?.messages))
                })
            });
            let ((preview, is_last), total) = counted.await.map_err(AppError::internal)??;
            let act = Act::by_system("job.progress", "jobs");
            context
                .step(act, move |_, job| {
                    "messages".clone_into(&mut job.progress.phase);
                    job.progress.done = preview.seen.min(total);
                    job.progress.total = total;
                    job.progress.counts = vec![
                        ("would_go".to_owned(), preview.messages()),
                        ("held".to_owned(), preview.held()),
                    ];
                    job.result = Some(minicbor::to_vec(&preview).map_err(AppError::internal)?);
                    Ok(())
                })
                .await?;
            if is_last {
                return Ok(JobEnd::Done);
            }
        }
    })
}

/// Counts on through some stretches; whether these were the last. Where rules, holds or cases
/// are others than at the beginning, it begins again.
pub(super) fn count(
    r: &Read<'_>,
    directory: Arc<Directory>,
    now: Timestamp,
    zone: &jiff::tz::TimeZone,
    mut preview: Preview,
) -> Result<(Preview, bool), StoreError> {
    let policy = Policy::load(r, directory)?;
    let holds = Holds::load(r)?;
    let judge = Judge {
        policy: &policy,
        holds: &holds,
        now,
    };
    let basis = Some(counted::basis(r)?);
    if preview.basis != basis {
        preview = Preview {
            basis,
            ..Preview::default()
        };
    }
    preview.at = Some(now);
    if !policy.ends_anything() {
        return Ok((preview, true));
    }
    let mut rows: BTreeMap<(u64, Sort, u32), PreviewRow> = BTreeMap::new();
    for row in std::mem::take(&mut preview.rows) {
        rows.insert(
            (row.unit.map_or(0, |unit| unit.bits()), row.sort, row.month),
            row,
        );
    }
    let mut is_last = true;
    let after = preview.last;
    for (n, stretch) in r.all::<Stretch>(after.as_ref())?.enumerate() {
        if n == SEEN {
            is_last = false;
            break;
        }
        let stretch = stretch?;
        preview.last = Some((stretch.chat, stretch.first()));
        preview.seen += stretch.heads.len() as u64;
        for head in &stretch.heads {
            match judge.judge(r, &stretch, head)? {
                Verdict::Stays => {}
                Verdict::Held(held) => add_held(&mut preview.held, held),
                Verdict::Goes(_) => {
                    let unit = policy.unit_of(r, purge::people(&stretch, head))?;
                    let sort = Sort::of(head.kind());
                    let month = ingest::day_of(head.at, zone) / 100;
                    let key = (unit.map_or(0, |unit| unit.bits()), sort, month);
                    let row = rows.entry(key).or_insert(PreviewRow {
                        unit,
                        sort,
                        month,
                        messages: 0,
                    });
                    row.messages += 1;
                }
            }
        }
    }
    preview.rows = rows.into_values().collect();
    Ok((preview, is_last))
}

fn add_held(all: &mut Vec<(Option<HoldId>, u64)>, held: Held<'_>) {
    let id = match held {
        Held::By(hold) => Some(hold.id),
        Held::AsMessage => None,
    };
    match all.iter_mut().find(|(known, _)| *known == id) {
        Some((_, n)) => *n += 1,
        None => all.push((id, 1)),
    }
}
