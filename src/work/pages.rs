//! `/jobs/{id}`: how far a job is, how it ended, what to do about it.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    store::Read,
    sync, view,
    web::{Cx, Form, Shown, filters, parts, words},
};

use super::{Job, JobId, JobState, jobs};

/// A job that began longer ago is asked about less often, in milliseconds.
const YOUNG_MS: i64 = 30_000;

/// Why the last attempt ended badly, in the reader's language.
pub(crate) struct Trouble {
    pub(crate) title: String,
    pub(crate) why: String,
    pub(crate) next: String,
    pub(crate) at: Timestamp,
}

/// A job as pages show it; `templates/work/parts.html` has the macros.
pub(crate) struct JobCard {
    pub(crate) file_href: Option<String>,
    pub(crate) id: JobId,
    /// What it does, in the reader's language.
    pub(crate) kind: String,
    /// Catalogue key and tone.
    pub(crate) state: (&'static str, &'static str),
    /// What is being done now; empty once it has ended.
    pub(crate) phase: String,
    pub(crate) progress: parts::Progress,
    /// What came out so far: name and number.
    pub(crate) counts: Vec<(String, u64)>,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) asked_at: Timestamp,
    pub(crate) began_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    /// When the next attempt begins, if it waits for one.
    pub(crate) again_at: Option<Timestamp>,
    pub(crate) attempts: u32,
    pub(crate) cancel_asked: bool,
    pub(crate) is_final: bool,
    /// Seconds after which a page that is still open asks again.
    pub(crate) poll_s: u32,
}

impl JobCard {
    /// The address of the job's own page.
    pub(crate) fn href(&self) -> String {
        format!("/jobs/{}", self.id)
    }

    /// The card of `job` in the language of `cx`.
    pub(crate) fn of(job: &Job, cx: &Cx) -> Self {
        let progress = &job.progress;
        let is_final = job.state.is_final();
        let began = job.started_at.unwrap_or(job.created_at);
        let counts = progress.counts.iter();
        let has_file = job.state == JobState::Done && job.kind == "customers.export";
        Self {
            file_href: has_file.then(|| format!("/customers/exports/{}", job.id)),
            id: job.id,
            kind: word_or(cx, "jobs.kind", &job.kind, "jobs.kind.other"),
            state: state(job.state),
            phase: match is_final || progress.phase.is_empty() {
                true => String::new(),
                false => word_or(cx, "jobs.phase", &progress.phase, "jobs.phase.other"),
            },
            progress: parts::Progress {
                done: progress.done,
                total: (progress.total > 0).then_some(progress.total),
                left_ms: None,
                failed: 0,
                failed_href: None,
            },
            counts: counts.filter_map(|(name, n)| count(cx, name, *n)).collect(),
            trouble: job
                .failure
                .as_ref()
                .filter(|_| job.state != JobState::Done)
                .map(|failure| {
                    let words = |part: &str| error_words(cx, &failure.code, part);
                    Trouble {
                        title: words("title"),
                        why: words("why"),
                        next: words("next"),
                        at: failure.at,
                    }
                }),
            asked_at: job.created_at,
            began_at: job.started_at,
            ended_at: job.finished_at,
            again_at: Some(job.run_after)
                .filter(|_| job.state == JobState::Queued && job.attempts > 0),
            attempts: job.attempts,
            cancel_asked: job.cancel_asked,
            is_final,
            poll_s: if cx.now.ms() - began.ms() < YOUNG_MS {
                1
            } else {
                3
            },
        }
    }
}

fn state(state: JobState) -> (&'static str, &'static str) {
    match state {
        JobState::Queued => ("jobs.state.queued", "muted"),
        JobState::Running => ("jobs.state.running", "info"),
        JobState::Done => ("jobs.state.done", "ok"),
        JobState::Failed => ("jobs.state.failed", "bad"),
        JobState::Cancelled => ("jobs.state.cancelled", "muted"),
    }
}

/// The word of a stored name, or the word for all that have none.
fn word_or(cx: &Cx, table: &str, name: &str, other: &str) -> String {
    let key = format!("{table}.{name}");
    let key = if words::known(&key) { &key } else { other };
    cx.t(key).into_owned()
}

/// A count that has a word. Zero says nothing and is left out.
fn count(cx: &Cx, name: &str, n: u64) -> Option<(String, u64)> {
    let key = format!("jobs.count.{name}");
    (n > 0 && words::known(&key)).then(|| (cx.t(&key).into_owned(), n))
}

/// What the catalogue of errors says; a longer code borrows the words of the shorter one.
pub(crate) fn error_words(cx: &Cx, code: &str, part: &str) -> String {
    let known = |code: &str| words::known(&format!("error.{code}.{part}"));
    let mut code = code;
    while !known(code) {
        code = code.rsplit_once('.').map_or("internal", |(short, _)| short);
    }
    // A job keeps the code of its failure, not the numbers that came with it.
    let text = cx.t(&format!("error.{code}.{part}"));
    match text.contains('{') {
        true => cx.t(&format!("jobs.trouble.{part}")).into_owned(),
        false => text.into_owned(),
    }
}

/// The page.
#[derive(Template)]
#[template(path = "work/job.html", blocks = ["title", "job"])]
pub(super) struct JobPage {
    job: JobCard,
    may_cancel: bool,
    /// Whether it is a sync, which has a page of its own.
    is_sync: bool,
}
view!(JobPage, "job" => as_job);

/// Shows a job to whoever asked for it and to those who may see all jobs.
pub(super) async fn show(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<JobPage>> {
    let id = parse(&id)?;
    let job = app.read(|r| visible(r, &viewer, id))?;
    Ok(Shown::of(JobPage {
        may_cancel: !job.state.is_final() && !job.cancel_asked,
        is_sync: sync::is_sync(&job.kind),
        job: JobCard::of(&job, &cx),
    }))
}

/// A form without fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Asks a job to stop.
pub(super) async fn cancel(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<JobPage>> {
    let id = parse(&id)?;
    let act = viewer.view("job.cancel").about("job", id);
    let asked = app
        .write(act, move |w| {
            visible(&w.read(), &viewer, id)?;
            Ok(jobs::ask_to_cancel(w, id)?)
        })
        .await?;
    app.jobs.notify_one();
    let word = if asked {
        "jobs.cancel_asked"
    } else {
        "jobs.ended_already"
    };
    Ok(Shown::go_to(format_args!("/jobs/{id}")).toast(word, ()))
}

fn parse(id: &str) -> Result<JobId> {
    id.parse().map_err(|_| AppError::NotFound { what: "job" })
}

/// The job, if it is the viewer's own, or one of those the viewer may see. Judged by the
/// rights of the moment.
fn visible(r: &Read<'_>, viewer: &Viewer, id: JobId) -> Result<Job> {
    let missing = AppError::NotFound { what: "job" };
    let Some(job) = r.get::<Job>(&id)? else {
        return Err(missing);
    };
    let own = viewer.account().map(|account| account.subject_id());
    if own.is_some() && job.created_by == own {
        return Ok(job);
    }
    let may = |permission| match viewer.scope(r, permission) {
        Ok(_) => Ok(true),
        Err(AppError::Forbidden { .. }) => Ok(false),
        Err(error) => Err(error),
    };
    let is_sync = sync::is_sync(&job.kind);
    if may(Permission::JobRead)? || (is_sync && may(Permission::SyncRun)?) {
        return Ok(job);
    }
    Err(missing)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        kit::Id,
        web::tests::{HOSTILE, check_page},
    };

    /// A job's card with everything on it, or next to nothing.
    pub(crate) fn card(state_of: JobState, name: &str) -> JobCard {
        let at = Timestamp::from_ms(0);
        let is_final = state_of.is_final();
        JobCard {
            file_href: None,
            id: Id::from_bits(3),
            kind: name.into(),
            state: state(state_of),
            phase: name.into(),
            progress: parts::Progress {
                done: 3,
                total: is_final.then_some(9),
                left_ms: None,
                failed: 0,
                failed_href: None,
            },
            counts: vec![(name.into(), 5)],
            trouble: (state_of != JobState::Done).then(|| Trouble {
                title: name.into(),
                why: name.into(),
                next: name.into(),
                at,
            }),
            asked_at: at,
            began_at: Some(at),
            ended_at: is_final.then_some(at),
            again_at: (!is_final).then_some(at),
            attempts: 2,
            cancel_asked: !is_final,
            is_final,
            poll_s: 1,
        }
    }

    #[test]
    fn a_job_renders_in_every_state_and_asks_again_only_until_it_has_ended() {
        for state in [
            JobState::Queued,
            JobState::Running,
            JobState::Done,
            JobState::Failed,
            JobState::Cancelled,
        ] {
            let body = check_page(&JobPage {
                job: card(state, HOSTILE),
                may_cancel: !state.is_final(),
                is_sync: true,
            });
            assert_eq!(body.contains("delay:1s"), !state.is_final());
        }
    }
}
