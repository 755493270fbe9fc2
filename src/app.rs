//! The composition root: everything that runs, wired once.

use std::{path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    archive,
    audit::{
        self,
        checkpoints::{self, Verdict},
        seen::{self, Doubt},
    },
    config::Config,
    customers::{self, documents},
    error::{AppError, Result},
    identity::{self, Allowed, Command, Passwords, Permission, Viewer},
    kit::Timestamp,
    livecodes,
    org::{self, DirectoryCache, Sight},
    outreach,
    search::{Messages, People, ScopeFilter, SearchError},
    sheet,
    slice::{Listener, Worker},
    slices,
    store::{
        Act, Folder, Read, Store, StoreError, StoreOptions, Write,
        backup::{BackupError, Manifest},
        operation,
    },
    sync, wecom,
    work::{
        JobState, Runner,
        effects::{self, Area, Courier},
        jobs,
    },
};

/// Feed entries that one commit of the index covers at most.
const INDEX_BATCH: usize = 5_000;
/// The index is committed at most this often while changes keep coming.
const INDEX_PAUSE: Duration = Duration::from_millis(500);
/// How often housekeeping and checkpoints are looked at.
const TICK: Duration = Duration::from_secs(5);
/// Time before a worker that failed is started again.
const WORKER_PAUSE: Duration = Duration::from_secs(5);
/// Ticks between two rounds of housekeeping.
const HOUSEKEEPING_TICKS: u32 = 36;

/// The running product, shared by pages, API, jobs and commands.
pub struct App {
    /// What it was started with.
    pub config: Config,
    /// The one truth.
    pub store: Arc<Store>,
    /// Search over customers, members and groups.
    pub people: People,
    /// Search over archived messages.
    pub messages: Messages,
    /// The chat archive on its way in.
    pub archive: archive::State,
    /// The living connection to WeCom.
    pub sync: sync::State,
    /// Live codes and what is counted of them.
    pub livecodes: livecodes::State,
    /// What is sent to customers.
    pub outreach: outreach::State,
    /// Hashes passwords, a few at a time.
    pub passwords: Passwords,
    /// The directory in memory.
    pub directory: DirectoryCache,
    /// Notified by whoever has queued a job.
    pub jobs: Arc<Notify>,
    /// Notified by whoever has planned an effect.
    pub effects: Arc<Notify>,
    /// What is done the moment WeCom tells of something.
    pub listeners: Arc<[Listener]>,
    /// Where effects stop, in fault tests.
    #[cfg(any(test, feature = "faults"))]
    pub effect_faults: Arc<crate::work::effects::faults::Faults>,
    verdict: ArcSwapOption<(Timestamp, Verdict)>,
    doubt: ArcSwapOption<Doubt>,
    stop: CancellationToken,
}

/// The app could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The search index could not even be begun anew.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The WeCom client could not be set up.
    #[error("the connection to WeCom cannot be used: {0}")]
    Wecom(#[from] AppError),
}

impl App {
    /// The store's options for this version: all tables of all slices.
    pub fn store_options() -> StoreOptions {
        StoreOptions::new(slices::tables(), Arc::new(audit::Log))
    }

    /// Opens the folder, which must exist, with its index. Nothing runs yet.
    pub fn open(config: Config) -> Result<Arc<Self>, OpenError> {
        let folder = Folder::at(&config.data);
        let store = Arc::new(Store::open(&folder, Self::store_options())?);
        Self::with_store(config, &folder, store)
    }

    /// The same with another clock.
    #[cfg(any(test, feature = "faults"))]
    pub fn open_at(config: Config, clock: crate::kit::Clock) -> Result<Arc<Self>, OpenError> {
        let folder = Folder::at(&config.data);
        let mut options = Self::store_options();
        options.clock = clock;
        let store = Arc::new(Store::open(&folder, options)?);
        Self::with_store(config, &folder, store)
    }

    fn with_store(
        config: Config,
        folder: &Folder,
        store: Arc<Store>,
    ) -> Result<Arc<Self>, OpenError> {
        let doubt = seen::examine(folder, &store)?;
        if let Some(doubt) = &doubt {
            store.hold();
            let why = doubt.why.code();
            tracing::warn!(
                why,
                "the data folder is not the one seen last: writes are held"
            );
        }
        let head = store.snapshot().feed_head();
        let people = People::open(&folder.index_dir(), &store.vault().folder_id(), head)?;
        let messages = Messages::open(&folder.index_dir(), &store.vault().folder_id(), head)?;
        let passwords = Passwords::new(store.random().clone());
        let clock = store.clock().clone();
        let app = Arc::new(Self {
            config,
            store,
            people,
            messages,
            archive: archive::State::default(),
            sync: sync::State::new(clock),
            livecodes: livecodes::State::default(),
            outreach: outreach::State::default(),
            passwords,
            directory: DirectoryCache::default(),
            jobs: Arc::default(),
            effects: Arc::default(),
            listeners: slices::listeners().into(),
            #[cfg(any(test, feature = "faults"))]
            effect_faults: Arc::default(),
            verdict: ArcSwapOption::empty(),
            doubt: ArcSwapOption::from(doubt.map(Arc::new)),
            stop: CancellationToken::new(),
        });
        if let Err(error) = sheet::clear_leftovers(&customers::export::folder(&app)) {
            tracing::error!(%error, "files that were on their way out could not be removed");
        }
        app.read(|r| sync::quota::restore(r, &app.sync.quota))?;
        sync::connection::connect(&app)?;
        Ok(app)
    }

    /// The client of the firm's WeCom account, if it is connected.
    pub fn wecom(&self) -> Option<wecom::Client> {
        self.sync.link().map(|link| link.client.clone())
    }

    /// The zone in which the firm's days begin and end.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        crate::serve::zone()
    }

    /// Runs a read on the published state.
    pub fn read<T>(&self, f: impl FnOnce(&Read<'_>) -> T) -> T {
        self.store.read(f)
    }

    /// Runs a verb and answers when it is durable.
    pub async fn write<T, F>(&self, act: Act, verb: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        self.store.write(act, verb).await
    }

    /// Has an action carried out for a viewer, as the change of this name: allowed, written and
    /// audited in one transaction.
    pub async fn carry_out<C, T>(
        &self,
        viewer: &Viewer,
        change: &'static str,
        command: C,
        action: fn(&mut Write<'_>, Allowed<C>) -> Result<T>,
    ) -> Result<T>
    where
        C: Command + Send + 'static,
        T: Send + 'static,
    {
        self.write(viewer.change(change), viewer.verb(command, action))
            .await
    }

    /// Leaves the entry of a look that shows nothing unmasked: it joins the next batch, and is
    /// waited for only while many others are in line.
    pub async fn note(&self, act: Act) -> Result<()> {
        if self.store.is_crowded() {
            return self.write(act, |_| Ok(())).await;
        }
        self.store.write_later(act, |_| Ok(()))
    }

    /// What the viewer sees under a permission.
    pub fn sight(&self, r: &Read<'_>, viewer: &Viewer, permission: Permission) -> Result<Sight> {
        let scope = viewer.scope(r, permission)?;
        Ok(Sight::new(self.directory.get(r)?, &scope))
    }

    /// How the directory here stands to WeCom's.
    pub fn org_standing(&self) -> org::Standing {
        org::Standing {
            is_connected: self.wecom().is_some(),
            // A folder that cannot be read decides nothing, and writes nothing.
            mode: self
                .read(|r| effects::mode(r, Area::Directory))
                .unwrap_or_default(),
        }
    }

    /// Runs everything in the background until [`App::stop`]; then brings it to rest. While
    /// writes are held, only what readers need.
    pub async fn run(self: Arc<Self>) -> Result<()> {
        let follow = Worker {
            name: "search.follow",
            run: |app| Box::pin(app.follow_feed()),
        };
        let tasks = [
            self.spawn(self.clone().keep_running(follow)),
            self.spawn(self.clone().tick()),
            self.spawn(self.clone().work()),
        ];
        for task in tasks {
            task.await.map_err(AppError::internal)??;
        }
        let app = self.clone();
        tokio::task::spawn_blocking(move || {
            let signed = app.sign_and_note();
            app.store.close();
            signed
        })
        .await
        .map_err(AppError::internal)?
    }

    /// Runs one of the tasks without which the process is of no use: when it fails, the rest is
    /// stopped too, and the service manager starts everything again.
    fn spawn(
        self: &Arc<Self>,
        task: impl Future<Output = Result<()>> + Send + 'static,
    ) -> JoinHandle<Result<()>> {
        let app = self.clone();
        tokio::spawn(async move {
            let ended = tokio::spawn(task).await.map_err(AppError::internal);
            let ended = ended.flatten();
            if let Err(error) = &ended {
                tracing::error!(%error, "stopping");
                app.stop();
            }
            ended
        })
    }

    /// Does what changes something by itself: jobs, effects, workers.
    async fn work(self: Arc<Self>) -> Result<()> {
        tokio::select! {
            () = self.store.released() => {}
            () = self.stop.cancelled() => return Ok(()),
        }
        let runner = Runner::new(
            self.store.clone(),
            slices::jobs(),
            self.jobs.clone(),
            self.stop.clone(),
        );
        let jobs = self.spawn(runner.run(self.clone()));
        let courier = Courier::new(
            self.store.clone(),
            slices::effects(),
            self.effects.clone(),
            self.stop.clone(),
        );
        #[cfg(any(test, feature = "faults"))]
        let courier = courier.with_faults(self.effect_faults.clone());
        let effects = self.spawn(courier.run(self.clone()));
        let workers = slices::workers()
            .into_iter()
            .map(|worker| self.spawn(self.clone().keep_running(worker)))
            .collect::<Vec<_>>();
        for task in [jobs, effects].into_iter().chain(workers) {
            task.await.map_err(AppError::internal)??;
        }
        Ok(())
    }

    /// Signs a checkpoint over everything and notes that it was seen, unless the folder is in
    /// doubt: then neither would be true of the one that was seen.
    fn sign_and_note(&self) -> Result<()> {
        if self.store.is_held() {
            return Ok(());
        }
        checkpoints::sign_head(&self.store)?;
        if let Err(error) = seen::note(&Folder::at(&self.config.data), &self.store) {
            // The store itself is sound: going on without this guard is better than not at all.
            tracing::error!(%error, "going back in time could not be noticed");
        }
        Ok(())
    }

    /// Why nothing is written to the folder, if so.
    pub fn doubt(&self) -> Option<Arc<Doubt>> {
        self.doubt.load_full()
    }

    /// Accepts the folder as it is, for a reason that goes into the audit trail, and lets it be
    /// written to again. Waits for the disk.
    pub fn resume(&self, viewer: &Viewer, reason: &str) -> Result<()> {
        let doubt = self.doubt().ok_or(AppError::Conflict { why: "not_held" })?;
        let act = viewer
            .view("store.resume")
            .detail("reason", reason)
            .system_detail("doubt", doubt.text());
        let asking = viewer.clone();
        self.store.write_blocking(act, move |w| {
            asking
                .scope(&w.read(), Permission::SettingsManage)
                .map(drop)
        })?;
        seen::note(&Folder::at(&self.config.data), &self.store)?;
        self.doubt.store(None);
        self.store.release();
        Ok(())
    }

    /// Runs a worker until the app stops; after an error it is started again.
    async fn keep_running(self: Arc<Self>, worker: Worker) -> Result<()> {
        while !self.is_stopping() {
            // A task of its own, so that a panic in it is an error here and no more.
            let ended = tokio::spawn((worker.run)(self.clone())).await;
            match ended.map_err(AppError::internal).flatten() {
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(worker = worker.name, %error, "worker failed");
                    tokio::select! {
                        () = tokio::time::sleep(WORKER_PAUSE) => {}
                        () = self.stop.cancelled() => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether everything is to come to its end.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Ends everything that [`App::run`] runs.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Resolves when the app is stopping.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Whether pages are reached over TLS: always, but for plain HTTP on loopback.
    pub fn is_secure(&self) -> bool {
        self.config.is_secure()
    }

    /// When the audit trail was last examined, and whether it was intact.
    pub fn last_verdict(&self) -> Option<(Timestamp, bool)> {
        let found = self.verdict.load();
        found.as_deref().map(|(at, found)| (*at, found.is_intact()))
    }

    /// When the audit trail was last examined, and what was found.
    pub fn last_examination(&self) -> Option<Arc<(Timestamp, Verdict)>> {
        self.verdict.load_full()
    }

    /// Examines the whole audit trail.
    pub fn verify_audit(&self) -> Result<Verdict> {
        let verdict = self.read(checkpoints::verify)?;
        let at = self.store.clock().now();
        self.verdict.store(Some(Arc::new((at, verdict.clone()))));
        Ok(verdict)
    }

    /// Whether everything stored can be found, and the first sync, if one is due, is done.
    pub fn is_ready(&self) -> bool {
        let synced = self.wecom().is_none()
            || self
                .read(|r| jobs::latest_in(r, sync::KIND, JobState::Done))
                .is_ok_and(|job| job.is_some());
        synced && self.is_caught_up()
    }

    /// Whether the index has everything the published state has.
    pub fn is_caught_up(&self) -> bool {
        let head = self.store.snapshot().feed_head();
        self.people.cursor() >= head && self.archive.indexed() >= head
    }

    /// Waits until the index of customers has everything that is published now; whether it has
    /// before this is over.
    pub async fn catches_up(&self, patience: Duration) -> bool {
        let head = self.store.snapshot().feed_head();
        let reached = async {
            while self.people.cursor() < head {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(patience, reached).await.is_ok()
    }

    /// Keeps the index in step with the feed.
    async fn follow_feed(self: Arc<Self>) -> Result<()> {
        let mut head = self.store.watch_feed();
        loop {
            let app = self.clone();
            let step = tokio::task::spawn_blocking(move || app.index_once());
            let caught_up = step.await.map_err(AppError::internal)??;
            if caught_up {
                tokio::select! {
                    changed = head.changed() => changed.map_err(AppError::internal)?,
                    () = self.stop.cancelled() => return Ok(()),
                }
            }
            tokio::select! {
                () = tokio::time::sleep(INDEX_PAUSE), if caught_up => {}
                () = self.stop.cancelled() => return Ok(()),
                () = std::future::ready(()), if !caught_up => {}
            }
        }
    }

    /// Indexes a stretch of the feed; whether it has reached the end.
    fn index_once(&self) -> Result<bool> {
        let published = self.store.snapshot();
        let read = published.read(self.store.vault());
        let cursor = self.people.cursor();
        if cursor == 0 && published.feed_head() > 0 {
            self.reindex()?;
            return Ok(false);
        }
        let mut last = cursor;
        let mut docs = Vec::new();
        for entry in read.feed(cursor)?.take(INDEX_BATCH) {
            let entry = entry?;
            last = entry.n;
            docs.extend(documents::of_entry(&read, &entry)?);
        }
        if last > cursor {
            // Several entries about one object: the last word is enough.
            let mut seen = std::collections::HashSet::new();
            docs.reverse();
            docs.retain(|d| seen.insert(d.object));
            if !self.people.apply(&docs, cursor, last)? {
                return Ok(false);
            }
        }
        Ok(last >= published.feed_head())
    }

    /// Builds the index anew from the store; gives the number of objects.
    pub fn reindex(&self) -> Result<u64> {
        let published = self.store.snapshot();
        let read = published.read(self.store.vault());
        let docs = documents::of_all(&read)?.map(|d| d.map_err(AppError::from));
        let objects = self.people.rebuild(docs, published.feed_head())?;
        // What changed while it was built is in the feed alone.
        while !self.index_once()? {}
        Ok(objects)
    }

    /// Writes a backup, with a checkpoint over everything in it.
    pub fn backup(&self, path: &Path) -> Result<Manifest, BackupError> {
        self.sign_and_note()
            .map_err(|error| StoreError::Internal(error.to_string()))?;
        self.store.backup(path)
    }

    /// Checkpoints and housekeeping, at their times.
    async fn tick(self: Arc<Self>) -> Result<()> {
        let mut ticks = 0u32;
        loop {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = self.stop.cancelled() => return Ok(()),
            }
            if self.store.has_failed() {
                // The service manager starts the process again.
                return Err(AppError::Unavailable { why: "storage" });
            }
            ticks = ticks.wrapping_add(1);
            if let Err(error) = self.clone().look_after(ticks).await {
                tracing::error!(%error, "housekeeping failed; it is tried again");
            }
        }
    }

    async fn look_after(self: Arc<Self>, ticks: u32) -> Result<()> {
        if self.store.is_held() {
            return Ok(());
        }
        if ticks.is_multiple_of(HOUSEKEEPING_TICKS) {
            identity::actions::housekeeping(&self.store).await?;
            operation::housekeeping(&self.store).await?;
        }
        let signing = tokio::task::spawn_blocking(move || {
            let now = self.store.clock().now();
            if self.store.read(|r| checkpoints::is_due(r, now))? {
                self.sign_and_note()?;
            }
            Ok::<(), AppError>(())
        });
        signing.await.map_err(AppError::internal)?
    }

    /// Queues a sync of one part or of everything on behalf of `viewer`, unless it is under
    /// way; gives the job.
    pub async fn start_sync(
        &self,
        viewer: &Viewer,
        part: Option<sync::Part>,
    ) -> Result<jobs::JobId> {
        if self.wecom().is_none() {
            return Err(AppError::Unavailable {
                why: "wecom_missing",
            });
        }
        let viewer = viewer.clone();
        let act = viewer.view("sync.start");
        let id = self
            .write(act, move |w| {
                viewer.scope(&w.read(), Permission::SyncRun)?;
                let id = sync::enqueue_part(w, part)?;
                w.act_mut().objects.push(crate::store::ObjectRef {
                    kind: "job",
                    id: id.to_string(),
                });
                Ok(id)
            })
            .await?;
        self.jobs.notify_one();
        Ok(id)
    }
}

/// A sight as the search engine takes it.
pub fn scope_filter(sight: &Sight) -> ScopeFilter {
    match sight.members() {
        None => ScopeFilter::Everything,
        Some(members) => ScopeFilter::Members(members.iter().map(|m| m.bits()).collect()),
    }
}
