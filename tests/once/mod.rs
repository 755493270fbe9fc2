//! Everything that is heard and everything that is done happens once, whatever fails and
//! whenever the process ends. Planted bugs prove that the tests can see it.

mod broadcast_ends;
mod broadcasts;
mod codes;
mod directory;
mod effects;
mod group_broadcasts;
mod groups;
mod moment_media;
mod moments;
mod rules;
mod storm;
mod tags;
mod tell;
mod welcome;

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use qitai::{
    app::{App, OpenError},
    identity::Viewer,
    kit::{Clock, Random, Timestamp},
    store::{EngineError, Folder, StoreError},
    sync,
    wecom::sim::{ArchiveOptions, SimHandle, SimOptions, Simulator},
    work::{
        JobState,
        effects::{self as outbox, Area, SaveWriteSettings, WriteMode, WriteSettings},
        jobs,
    },
};

use crate::support;

/// How long anything may take to come true before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A firm at WeCom, and the product over it, which can be killed and started again.
struct Firm {
    sim: SimHandle,
    data: PathBuf,
    clock: Clock,
    running: Option<Running>,
    _dir: tempfile::TempDir,
}

struct Running {
    app: Arc<App>,
    runtime: tokio::runtime::Runtime,
}

impl Firm {
    /// Starts both with one clock, reads the firm, and lets everything be written.
    fn start(customers: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sim = Simulator::start(SimOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            seed: 7,
            customers,
            chats: ArchiveOptions::default(),
            // Noon there: far from the pass of the night.
            now: Timestamp::from_s(1_795_579_200),
            dir: None,
        })
        .unwrap();
        let data = dir.path().join("data");
        Folder::at(&data).create(&Random::system()).unwrap();
        let mut firm = Self {
            clock: sim.clock(),
            sim,
            data,
            running: None,
            _dir: dir,
        };
        firm.open();
        firm.sync();
        let viewer = Viewer::system("test");
        let settings = WriteSettings::default()
            .with(Area::Customers, WriteMode::On)
            .with(Area::Tags, WriteMode::On)
            .with(Area::Words, WriteMode::On)
            .with(Area::Directory, WriteMode::On)
            .with(Area::Messages, WriteMode::On)
            .with(Area::Outreach, WriteMode::On);
        firm.app()
            .store
            .write_blocking(viewer.change("settings.writing"), move |w| {
                let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
                outbox::save_write_settings(w, allowed)
            })
            .unwrap();
        firm
    }

    fn app(&self) -> &Arc<App> {
        &self.running.as_ref().unwrap().app
    }

    fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.running.as_ref().unwrap().runtime
    }

    fn open(&mut self) {
        let config = support::config(&self.sim, self.data.clone(), support::Link::Account);
        // The last to let go of the folder may be a thread of the runtime that has just ended.
        let app = wait_for("the folder is free", || {
            match App::open_at(config.clone(), self.clock.clone()) {
                Err(OpenError::Store(StoreError::Engine(EngineError::InUse))) => None,
                opened => Some(opened.unwrap()),
            }
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(app.clone().run());
        self.running = Some(Running { app, runtime });
    }

    /// Ends everything in the middle of whatever it does. What is durable stays.
    fn kill(&mut self) {
        self.kill_with(|| ());
    }

    /// The same; `rest` ends what else holds the product, once that is stopping.
    fn kill_with(&mut self, rest: impl FnOnce()) {
        let Running { app, runtime } = self.running.take().unwrap();
        runtime.shutdown_background();
        app.stop();
        rest();
        let held: Weak<App> = Arc::downgrade(&app);
        drop(app);
        wait_for("nothing holds the folder", || {
            held.upgrade().is_none().then_some(())
        });
    }

    /// Runs a full sync to its end.
    fn sync(&self) -> jobs::Job {
        let act = Viewer::system("test").change("sync.start");
        let id = self
            .app()
            .store
            .write_blocking(act, |w| Ok(sync::enqueue(w)?))
            .unwrap();
        self.app().jobs.notify_one();
        let job = wait_for("the sync ends", || {
            let job = self.app().read(|r| r.get::<jobs::Job>(&id)).unwrap();
            job.filter(|job| job.state.is_final())
        });
        assert_eq!(job.state, JobState::Done, "{:?}", job.failure);
        job
    }
}

impl Drop for Firm {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.app.stop();
            running.runtime.shutdown_background();
        }
    }
}

/// Polls until it is so.
fn wait_for<T>(what: &str, mut so: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = so() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "gave up waiting: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
