//! A firm in this process: the product and its simulator.

use std::{path::PathBuf, sync::Arc, time::Duration};

use qitai::{
    app::App,
    config::{Config, WecomConfig},
    identity::Viewer,
    kit::{Clock, Random, Secret},
    store::Folder,
    sync,
    wecom::sim::{ArchiveOptions, SimHandle, SimOptions, Simulator},
    work::{
        JobState,
        effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
        jobs::Job,
    },
};

/// A firm at a simulator.
pub fn simulator(customers: u32) -> SimHandle {
    Simulator::start(SimOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        seed: 7,
        customers,
        chats: ArchiveOptions::default(),
        now: Clock::system().now(),
        dir: None,
    })
    .unwrap()
}

/// The product beside it, in this process.
pub fn open(sim: &SimHandle, data: PathBuf) -> Arc<App> {
    Folder::at(&data).create(&Random::system()).unwrap();
    let wecom = WecomConfig {
        corpid: sim.corpid.clone(),
        agentid: sim.agentid,
        app_secret: Secret::new(sim.app_secret.clone()),
        contact_secret: Some(Secret::new(sim.contact_secret.clone())),
        sync_secret: None,
        archive_secret: None,
        callback_token: None,
        callback_aes_key: None,
    };
    App::open(Config {
        data,
        listen: ([127, 0, 0, 1], 0).into(),
        firm: None,
        wecom: Some(wecom),
        archive: None,
        wecom_base_url: sim.base_url.clone(),
        proxy: None,
        wecom_login_url: None,
        public_url: None,
        behind_proxy: false,
        tls: None,
    })
    .unwrap()
}

/// Waits until it is so.
pub fn wait<T>(mut so: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(value) = so() {
            return value;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Lets it write, and reads the firm.
pub fn sync_firm(app: &Arc<App>) {
    let viewer = Viewer::system("bench");
    let on = |settings: WriteSettings, area| settings.with(area, WriteMode::On);
    let settings = Area::ALL.into_iter().fold(WriteSettings::default(), on);
    let allowing = viewer.clone();
    app.store
        .write_blocking(viewer.change("settings.writing"), move |w| {
            let allowed = allowing.allow(w, SaveWriteSettings { settings })?;
            effects::save_write_settings(w, allowed)
        })
        .unwrap();
    let act = viewer.change("sync.start");
    let id = app
        .store
        .write_blocking(act, |w| Ok(sync::enqueue(w)?))
        .unwrap();
    app.jobs.notify_one();
    wait(|| {
        let job = app.read(|r| r.get::<Job>(&id)).unwrap().unwrap();
        (job.state == JobState::Done).then_some(())
    });
}
