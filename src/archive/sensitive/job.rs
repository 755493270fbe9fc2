//! Looking through what is there already with one list: a job that can be stopped anywhere
//! and goes on where it was.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    store::{Act, Read, StoreError},
    work::{Job, JobContext, JobEnd, JobFuture},
};

use super::{
    super::{queries::Message, stretch::Stretch},
    model::{Alert, WordList, WordListId},
    watch::{Sieve, raise},
};

/// The job's kind.
pub const KIND: &str = "sensitive.rescan";
/// Stretches of one write.
const STRETCHES: usize = 200;

#[derive(Encode, Decode)]
struct Input {
    #[n(0)]
    list: WordListId,
}

/// How far it is: the last stretch that was looked at.
#[derive(Clone, Default, Encode, Decode)]
struct Place {
    #[n(0)]
    chat: u32,
    #[n(1)]
    first: u64,
}

pub(super) fn input(list: WordListId) -> Result<Vec<u8>> {
    minicbor::to_vec(Input { list }).map_err(AppError::internal)
}

/// Runs the job.
pub fn run(app: Arc<App>, context: JobContext) -> JobFuture {
    Box::pin(async move {
        loop {
            if context.should_stop()? {
                return Ok(JobEnd::Paused);
            }
            let (reading, work) = (app.clone(), context.clone());
            let step = tokio::task::spawn_blocking(move || {
                let job = work.job()?;
                reading.read(|r| step(&reading, r, &job))
            });
            let step = step.await.map_err(AppError::internal)??;
            let is_last = step.place.is_none();
            let act = Act::by_system("alert.raise", "archive").about("job", context.id());
            context.step(act, move |w, job| step.keep(w, job)).await?;
            if is_last {
                return Ok(JobEnd::Done);
            }
        }
    })
}

/// What a few stretches give rise to.
struct Step {
    alerts: Vec<Alert>,
    messages: u64,
    total: u64,
    /// The last stretch; none if there are no more.
    place: Option<Place>,
}

impl Step {
    fn keep(self, w: &mut crate::store::Write<'_>, job: &mut Job) -> Result<()> {
        "messages".clone_into(&mut job.progress.phase);
        job.progress.done += self.messages;
        job.progress.total = self.total;
        for alert in self.alerts {
            if raise(w, alert)? {
                job.progress.count("alerts", 1);
            }
        }
        if let Some(place) = self.place {
            job.cursor = Some(minicbor::to_vec(&place).map_err(AppError::internal)?);
        }
        Ok(())
    }
}

fn step(app: &App, r: &Read<'_>, job: &Job) -> Result<Step> {
    let input: Input = minicbor::decode(&job.input).map_err(AppError::internal)?;
    let place: Place = match &job.cursor {
        Some(cursor) => minicbor::decode(cursor).map_err(AppError::internal)?,
        None => Place::default(),
    };
    // A list that was deleted or switched off meanwhile finds nothing more.
    let list = r.get::<WordList>(&input.list)?;
    let directory = app.directory.get(r)?;
    let sieve = Sieve::of(&directory, list.into_iter().collect())?;
    let mut step = Step {
        alerts: Vec::new(),
        messages: 0,
        total: super::super::ingest::cursor(r)?.messages,
        place: None,
    };
    for stretch in r
        .all::<Stretch>(Some(&(place.chat, place.first)))?
        .take(STRETCHES)
    {
        let stretch = stretch?;
        step.place = Some(Place {
            chat: stretch.chat,
            first: stretch.first(),
        });
        for message in messages(r, stretch)? {
            step.messages += 1;
            step.alerts.extend(sieve.alerts(r, &message)?);
        }
    }
    Ok(step)
}

fn messages(r: &Read<'_>, stretch: Stretch) -> Result<Vec<Message>, StoreError> {
    let open = stretch.open(r)?;
    Ok(super::super::queries::messages_in(&open))
}
