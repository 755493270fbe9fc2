//! Runs queued jobs, a few at a time, and brings unfinished ones back after a crash.

use std::{collections::HashSet, pin::Pin, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    error::{AppError, Result},
    store::{Act, Store, Write},
};

use super::jobs::{self, Failure, Job, JobId, JobState, Progress};

/// Attempts after which a job that keeps failing for a passing reason is given up.
const ATTEMPTS_MAX: u32 = 8;
/// How often the queue is looked at without being woken.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Jobs at work at once; one of a kind.
const RUNNING_MAX: usize = 3;

/// How an attempt that met no error ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// Everything is done.
    Done,
    /// It stopped half-way because [`JobContext::should_stop`] said so.
    Paused,
}

/// What the future of a running job is.
pub type JobFuture = Pin<Box<dyn Future<Output = Result<JobEnd>> + Send>>;

/// A kind of job: its stable name and what it does. `C` is what jobs work on.
pub struct JobKind<C> {
    /// Stable name, `<slice>.<what>`.
    pub name: &'static str,
    /// Does the work. Running it again from the stored cursor must be harmless.
    pub run: fn(Arc<C>, JobContext) -> JobFuture,
}

impl<C> Clone for JobKind<C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for JobKind<C> {}

/// What a running job is given.
#[derive(Clone)]
pub struct JobContext {
    store: Arc<Store>,
    id: JobId,
    stop: CancellationToken,
}

impl JobContext {
    /// The job's id.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// The job's row as it is now.
    pub fn job(&self) -> Result<Job> {
        let job = self.store.read(|r| r.get::<Job>(&self.id))?;
        job.ok_or(AppError::NotFound { what: "job" })
    }

    /// Whether to stop at the next good place: the process is ending, or a person asked. What
    /// was not done stays in the cursor.
    pub fn should_stop(&self) -> Result<bool> {
        Ok(self.stop.is_cancelled() || self.job()?.cancel_asked)
    }

    /// Resolves when the process is ending.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// One step: what it changes and how far the job then is, in one transaction.
    pub async fn step<T, F>(&self, act: Act, verb: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>, &mut Job) -> Result<T> + Send + 'static,
    {
        let id = self.id;
        self.store
            .write_step(act, move |w| {
                let mut job = w
                    .get::<Job>(&id)?
                    .ok_or(AppError::NotFound { what: "job" })?;
                let value = verb(w, &mut job)?;
                w.put(&job)?;
                Ok(value)
            })
            .await
    }

    /// Notes progress from a thread without a runtime.
    pub fn progress_blocking(
        &self,
        change: impl FnOnce(&mut Progress) + Send + 'static,
    ) -> Result<()> {
        let id = self.id;
        self.store
            .write_blocking(Act::by_system("job.progress", "jobs"), move |w| {
                let mut job = w
                    .get::<Job>(&id)?
                    .ok_or(AppError::NotFound { what: "job" })?;
                change(&mut job.progress);
                Ok(w.put(&job)?)
            })
    }

    /// Notes progress without changing anything else.
    pub async fn progress(
        &self,
        change: impl FnOnce(&mut Progress) + Send + 'static,
    ) -> Result<()> {
        self.step(Act::by_system("job.progress", "jobs"), move |_, job| {
            change(&mut job.progress);
            Ok(())
        })
        .await
    }
}

/// Takes due jobs from the queue until told to stop.
pub struct Runner<C> {
    store: Arc<Store>,
    kinds: Vec<JobKind<C>>,
    wake: Arc<Notify>,
    stop: CancellationToken,
}

impl<C: Send + Sync + 'static> Runner<C> {
    /// A runner for these kinds. `wake` is notified by whoever has queued a job.
    pub fn new(
        store: Arc<Store>,
        kinds: Vec<JobKind<C>>,
        wake: Arc<Notify>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            store,
            kinds,
            wake,
            stop,
        }
    }

    /// Runs until stopped; then waits for running jobs to reach a good place.
    pub async fn run(self, on: Arc<C>) -> Result<()> {
        self.bring_back().await?;
        let tracker = TaskTracker::new();
        let running = Arc::new(std::sync::Mutex::new(HashSet::<&'static str>::new()));
        while !self.stop.is_cancelled() {
            for job in self
                .store
                .read(|r| jobs::due(r, self.store.clock().now()))?
            {
                self.start(&on, job, &tracker, &running).await?;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.stop.cancelled() => {}
            }
        }
        tracker.close();
        tracker.wait().await;
        Ok(())
    }

    /// Jobs that were running when the process ended go on from their cursor.
    async fn bring_back(&self) -> Result<()> {
        let act = Act::by_system("job.resume", "start");
        let resume = |w: &mut Write<'_>| {
            let unfinished: Vec<Job> =
                jobs::in_state(&w.read(), JobState::Running)?.collect::<Result<_, _>>()?;
            for mut job in unfinished {
                job.state = JobState::Queued;
                w.put(&job)?;
            }
            Ok(())
        };
        self.store.write(act, resume).await
    }

    async fn start(
        &self,
        on: &Arc<C>,
        job: Job,
        tracker: &TaskTracker,
        running: &Arc<std::sync::Mutex<HashSet<&'static str>>>,
    ) -> Result<()> {
        let Some(kind) = self
            .kinds
            .iter()
            .find(|kind| kind.name == job.kind)
            .copied()
        else {
            let unknown = AppError::internal(format!("no job kind {}", job.kind));
            return finish(&self.store, job.id, Err(unknown)).await;
        };
        {
            let mut running = lock(running);
            if running.len() >= RUNNING_MAX || !running.insert(kind.name) {
                return Ok(());
            }
        }
        let context = JobContext {
            store: self.store.clone(),
            id: job.id,
            stop: self.stop.clone(),
        };
        context
            .step(Act::by_system("job.start", "jobs"), |w, job| {
                job.state = JobState::Running;
                job.attempts += 1;
                job.started_at = job.started_at.or(Some(w.now()));
                Ok(())
            })
            .await?;
        let (store, wake) = (self.store.clone(), self.wake.clone());
        let (on, running) = (on.clone(), running.clone());
        tracker.spawn(async move {
            // A task of its own, so that a panic in it is an error here and no more.
            let ended = tokio::spawn((kind.run)(on, context)).await;
            let ended = ended.unwrap_or_else(|panic| Err(AppError::internal(panic)));
            if let Err(error) = finish(&store, job.id, ended).await {
                tracing::error!(job = %job.id, kind = kind.name, %error, "job not closed");
            }
            lock(&running).remove(kind.name);
            wake.notify_one();
        });
        Ok(())
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Writes down how an attempt ended.
async fn finish(store: &Store, id: JobId, ended: Result<JobEnd>) -> Result<()> {
    if let Err(error) = &ended {
        tracing::warn!(job = %id, code = %error.code(), %error, "job attempt failed");
    }
    let verb = move |w: &mut Write<'_>| {
        let Some(mut job) = w.get::<Job>(&id)? else {
            return Ok(());
        };
        let now = w.now();
        match ended {
            Ok(JobEnd::Paused) if job.cancel_asked => job.state = JobState::Cancelled,
            // Stopped by the end of the process: its turn comes again.
            Ok(JobEnd::Paused) => job.state = JobState::Queued,
            Ok(JobEnd::Done) => {
                job.state = JobState::Done;
                job.failure = None;
            }
            Err(error) => {
                let retry = error.may_pass() && job.attempts < ATTEMPTS_MAX && !job.cancel_asked;
                job.state = if retry {
                    JobState::Queued
                } else {
                    JobState::Failed
                };
                job.run_after = now.plus_ms(retry_after_ms(job.attempts));
                if let AppError::Later { retry_after_s, .. } = error
                    && !job.cancel_asked
                {
                    // Waiting for its turn is no failed attempt.
                    job.state = JobState::Queued;
                    job.attempts = job.attempts.saturating_sub(1);
                    let ms = i64::try_from(retry_after_s).unwrap_or(i64::MAX / 1_000) * 1_000;
                    job.run_after = now.plus_ms(ms);
                }
                job.failure = Some(Failure::of(&error, now));
            }
        }
        if job.state.is_final() {
            job.finished_at = Some(now);
        }
        w.put(&job)?;
        Ok(())
    };
    store
        .write(Act::by_system("job.finish", "jobs"), verb)
        .await
}

/// 2 s, 4 s, 8 s … up to 5 minutes.
fn retry_after_ms(attempts: u32) -> i64 {
    (1000i64 << attempts.min(9)).min(300_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kit::Random,
        store::{Findings, Folder, Read, Seal, Sealing, StoreError, StoreOptions},
        work::jobs::NewJob,
    };

    struct NoLog;

    impl Seal for NoLog {
        fn seal(&self, _: &mut Sealing<'_, '_>) -> Result<u64, StoreError> {
            Ok(0)
        }
        fn tables(&self) -> Vec<&'static str> {
            Vec::new()
        }
        fn check(&self, _: &Read<'_>, _: &mut Findings) -> Result<(), StoreError> {
            Ok(())
        }
    }

    /// Counts to its input in steps of one, failing once half-way if told to.
    struct Bench {
        fail_at: Option<u64>,
    }

    fn count(bench: Arc<Bench>, context: JobContext) -> JobFuture {
        Box::pin(async move {
            loop {
                let job = context.job()?;
                if job.progress.done == job.progress.total.max(5) {
                    return Ok(JobEnd::Done);
                }
                if context.should_stop()? {
                    return Ok(JobEnd::Paused);
                }
                if bench.fail_at == Some(job.progress.done) && job.attempts == 1 {
                    return Err(AppError::internal("planned"));
                }
                context.progress(|p| p.done += 1).await?;
            }
        })
    }

    fn store(dir: &tempfile::TempDir) -> Arc<Store> {
        let folder = Folder::at(dir.path().join("data"));
        folder.create(&Random::system()).unwrap();
        let options = StoreOptions::new(jobs::TABLES.to_vec(), Arc::new(NoLog));
        Arc::new(Store::open(&folder, options).unwrap())
    }

    fn queue(store: &Store) -> JobId {
        let new = NewJob {
            kind: "test.count",
            input: Vec::new(),
            created_by: None,
        };
        store
            .write_blocking(Act::by_system("job.queue", "test"), |w| {
                Ok(jobs::enqueue(w, new)?)
            })
            .unwrap()
    }

    /// Runs until the job has ended.
    fn run(store: &Arc<Store>, bench: Bench, id: JobId) -> Job {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let stop = CancellationToken::new();
            let kinds = vec![JobKind {
                name: "test.count",
                run: count,
            }];
            let wake = Arc::new(Notify::new());
            let runner = Runner::new(store.clone(), kinds, wake.clone(), stop.clone());
            let task = tokio::spawn(runner.run(Arc::new(bench)));
            let job = loop {
                let job = store.read(|r| r.get::<Job>(&id)).unwrap().unwrap();
                if job.state.is_final() {
                    break job;
                }
                tokio::task::yield_now().await;
            };
            stop.cancel();
            task.await.unwrap().unwrap();
            job
        })
    }

    #[test]
    fn a_job_runs_to_its_end_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let id = queue(&store);
        let job = run(&store, Bench { fail_at: None }, id);
        assert_eq!(
            (job.state, job.progress.done, job.attempts),
            (JobState::Done, 5, 1)
        );
    }

    #[test]
    fn a_fault_of_ours_ends_the_job_with_its_reason() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let id = queue(&store);
        let job = run(&store, Bench { fail_at: Some(3) }, id);
        assert_eq!((job.state, job.progress.done), (JobState::Failed, 3));
        assert_eq!(job.failure.unwrap().code, "internal");
    }

    #[test]
    fn a_job_cut_off_by_a_kill_goes_on_from_its_progress() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let id = queue(&store);
        store
            .write_blocking(Act::by_system("job.start", "test"), move |w| {
                let mut job = w.get::<Job>(&id)?.unwrap();
                job.state = JobState::Running;
                job.attempts = 1;
                job.progress.done = 4;
                Ok(w.put(&job)?)
            })
            .unwrap();
        let job = run(&store, Bench { fail_at: None }, id);
        assert_eq!(
            (job.state, job.progress.done, job.attempts),
            (JobState::Done, 5, 2)
        );
    }

    #[test]
    fn a_waiting_job_can_be_cancelled() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let id = queue(&store);
        let act = Act::by_system("job.cancel", "test");
        assert!(
            store
                .write_blocking(act.clone(), move |w| Ok(jobs::ask_to_cancel(w, id)?))
                .unwrap()
        );
        assert!(
            !store
                .write_blocking(act, move |w| Ok(jobs::ask_to_cancel(w, id)?))
                .unwrap()
        );
        let job = store.read(|r| r.get::<Job>(&id)).unwrap().unwrap();
        assert_eq!(job.state, JobState::Cancelled);
    }
}
