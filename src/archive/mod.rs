//! Chat archive (会话存档): everything the firm's staff and customers wrote, kept completely.
//!
//! Tables: `archive-parties-1`, `archive-chats-1`, `archive-stretches-1`, `archive-pulls-1`,
//! `archive-parked-1`, `archive-cursor-1`, `archive-tallies-1`, `archive-gaps-1`, `archive-consents-2`,
//! `archive-keys-1`, `archive-settings-1`, `archive-media-1`, `archive-openings-1`,
//! `archive-leftovers-1`, `archive-viewed-1`, `archive-seats-1`, `archive-alarms-1`; those of
//! `sensitive`, `searches`, `evidence`, `approval` and `retention` are named there.
//! Invariants: an answer of the archive and the place behind it are one transaction; nothing
//! that can't be opened is passed over, it is parked as it came; a pull commits to every
//! message it stored; a message is visible when a member in scope is among its sender and
//! receivers; whoever opens a conversation that is not their own says why; nothing of a
//! sealed case changes.

pub mod alarm;
mod alerted;
mod api;
pub mod approval;
pub mod carry;
pub mod consent;
mod counts;
pub mod evidence;
#[cfg(any(test, feature = "faults"))]
pub mod faults;
pub mod find;
mod heads;
pub mod index;
pub mod ingest;
pub mod key_ring;
pub mod link;
mod meant;
mod media;
mod model;
pub mod names;
pub mod opening;
mod pack;
mod pages;
mod parked;
mod puller;
pub mod queries;
mod recalled;
pub mod retention;
mod robots;
mod rooms;
pub mod searches;
pub mod seats;
pub mod sensitive;
mod shelf;
pub mod standing;
mod stretch;
mod tables;
mod tell;
#[cfg(test)]
mod tests;
pub mod trial;
pub mod viewed;
mod voice;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    app::App,
    identity::Permission,
    slice::{Access, NavBadge, NavGroup, NavItem, Route, SettingsTab, Slice, Worker, WorkerFuture},
    wecom::archive::{Host, Settings},
    work::JobKind,
};

pub use media::open as open_file;
pub use model::{
    Answer, ArchiveSettings, Brought, Chat, ChatId, Consent, Cursor, Gap, Heard, KeyVersion,
    Locked, Media, MediaState, Opening, Parked, Party, PartyKind, Place, Pull, Said, Seat,
    SeatSpan, Tally, Towards,
};
pub use pages::excerpt;
#[cfg(any(test, feature = "faults"))]
pub use shelf::keep_for_test;
pub use stretch::Content;
#[cfg(any(test, feature = "faults"))]
pub use tell::{tell_alarms, tell_for_test};

/// What the slice keeps in memory.
#[derive(Default)]
pub struct State {
    /// Notified when there may be something to read: an event, a setting, a key.
    pub wake: Notify,
    /// Notified when there are files to fetch.
    files: Notify,
    recalled: recalled::Recalled,
    alerted: alerted::Alerted,
    rooms: rooms::Rooms,
    robots: robots::Robots,
    host: Mutex<Option<(Settings, Host)>>,
    indexed: AtomicU64,
    /// Notified when the index has moved on.
    index_moved: Notify,
    news: searches::News,
    alerts: sensitive::queue::Waiting,
    /// Held by whoever seals packages that lie open.
    packages: Mutex<()>,
    /// Planted bugs.
    #[cfg(any(test, feature = "faults"))]
    pub faults: std::sync::Arc<faults::Faults>,
    #[cfg(any(test, feature = "faults"))]
    program: Mutex<Option<std::path::PathBuf>>,
}

impl State {
    /// The feed number up to which every message can be found.
    pub fn indexed(&self) -> u64 {
        self.indexed.load(Ordering::Acquire)
    }

    /// The process with the library for these settings: one, whoever asks.
    fn host(&self, settings: &Settings) -> Host {
        let mut known = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((of, host)) if of == settings => host.clone(),
            _ => {
                let host = self.start(settings.clone());
                *known = Some((settings.clone(), host.clone()));
                host
            }
        }
    }

    #[cfg(not(any(test, feature = "faults")))]
    fn start(&self, settings: Settings) -> Host {
        Host::start(settings)
    }

    #[cfg(any(test, feature = "faults"))]
    fn start(&self, settings: Settings) -> Host {
        let program = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        match &*program {
            Some(program) => Host::of_program(settings, program.clone()),
            None => Host::start(settings),
        }
    }

    /// Runs the library in the process of another program than this one.
    #[cfg(any(test, feature = "faults"))]
    pub fn run_library_in(&self, program: std::path::PathBuf) {
        let mut known = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(program);
    }

    /// The process with the library, if one runs: to be killed.
    #[cfg(any(test, feature = "faults"))]
    pub fn library(&self) -> Option<Host> {
        let known = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|(_, host)| host.clone())
    }

    /// Waits until something wakes the puller, at most so long.
    async fn rest(&self, app: &App, most: Duration) {
        tokio::select! {
            () = self.wake.notified() => {}
            () = tokio::time::sleep(most) => {}
            () = app.stopped() => {}
        }
    }
}

/// What the slice says about itself.
pub fn slice() -> Slice {
    Slice {
        name: "archive",
        tables: [
            &tables::TABLES[..],
            &sensitive::tables::TABLES[..],
            &searches::TABLES[..],
            &evidence::tables::TABLES[..],
            &approval::tables::TABLES[..],
            &retention::tables::TABLES[..],
        ]
        .concat(),
        routes: routes(),
        nav: nav(),
        badges: vec![
            NavBadge {
                href: "/archive",
                count: searches::unseen,
            },
            NavBadge {
                href: "/sensitive/alerts",
                count: sensitive::queue::waiting,
            },
        ],
        settings: vec![SettingsTab {
            order: 25,
            word: "archive_setup.nav",
            href: "/settings/archive",
            access: Access::Needs(Permission::SettingsManage),
        }],
        workers: workers(),
        effects: sensitive::effects()
            .into_iter()
            .chain(tell::effects())
            .collect(),
        jobs: jobs(),
        listeners: vec![sensitive::hear, consent::hear],
    }
}

fn routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    use pages::{alerts, intercept, ledger, settings, trial, words};
    let read = Access::Needs(Permission::ArchiveRead);
    let manage = Access::Needs(Permission::SettingsManage);
    let judge = Access::Needs(Permission::AlertHandle);
    let lists = Access::Needs(Permission::WordManage);
    let mut routes = vec![
        Route::get("/archive/ledger", read, || get().to(ledger::show)),
        Route::get("/settings/archive", manage, || get().to(settings::show)),
        Route::post("/settings/archive", manage, || post().to(settings::save)),
        Route::post("/settings/archive/approval", manage, || {
            post().to(settings::save_four_eyes)
        }),
        Route::post("/settings/archive/keys", manage, || {
            post().to(settings::add_key)
        }),
        Route::post("/settings/archive/keys/renumber", manage, || {
            post().to(settings::renumber_key)
        }),
        Route::post("/settings/archive/keys/test", manage, || {
            post().to(trial::key)
        }),
        Route::post("/settings/archive/probe", manage, || {
            post().to(trial::library)
        }),
        Route::get("/sensitive/alerts", judge, || get().to(alerts::index)),
        Route::post("/sensitive/alerts/{id}/take", judge, || {
            post().to(alerts::take)
        }),
        Route::post("/sensitive/alerts/{id}/assign", judge, || {
            post().to(alerts::assign)
        }),
        Route::post("/sensitive/alerts/{id}/close", judge, || {
            post().to(alerts::close)
        }),
        Route::post("/sensitive/alerts/{id}/reopen", judge, || {
            post().to(alerts::reopen)
        }),
        Route::get("/sensitive/words", lists, || get().to(words::index)),
        Route::get("/sensitive/words/new", lists, || get().to(words::new)),
        Route::post("/sensitive/words/new", lists, || post().to(words::create)),
        Route::get("/sensitive/words/{id}", lists, || get().to(words::edit)),
        Route::post("/sensitive/words/{id}", lists, || post().to(words::save)),
        Route::post("/sensitive/words/{id}/delete", lists, || {
            post().to(words::delete)
        }),
        Route::get("/sensitive/words/{id}/rule", lists, || {
            get().to(intercept::show)
        }),
        Route::post("/sensitive/words/{id}/rule", lists, || {
            post().to(intercept::save)
        }),
        Route::post("/sensitive/words/{id}/rule/delete", lists, || {
            post().to(intercept::delete)
        }),
    ];
    routes.extend(pages::evidence::routes());
    routes.extend(pages::approvals::routes());
    routes.extend(pages::compliance_routes());
    routes.extend(pages::routes());
    routes.extend(api::routes());
    routes
}

fn nav() -> Vec<NavItem> {
    use NavGroup::{Admin, Chats};
    use Permission::{AccessApprove, AlertHandle, ArchiveRead, EvidenceManage, HoldManage};
    let item = |group, order, word, href, icon, permission| NavItem {
        group,
        order,
        word,
        href,
        icon,
        access: Access::Needs(permission),
        in_tab_bar: href == "/archive",
    };
    vec![
        item(Chats, 10, "archive.nav", "/archive", "archive", ArchiveRead),
        item(
            Chats,
            20,
            "sensitive.nav",
            "/sensitive/alerts",
            "warn",
            AlertHandle,
        ),
        item(
            Admin,
            11,
            "evidence.nav",
            "/compliance/evidence",
            "stamp",
            EvidenceManage,
        ),
        item(
            Chats,
            30,
            "approval.nav",
            "/archive/approvals",
            "eye",
            AccessApprove,
        ),
        item(
            Chats,
            40,
            "consents.nav",
            "/compliance/consents",
            "check",
            ArchiveRead,
        ),
        item(
            Admin,
            12,
            "retention.nav",
            "/compliance/retention",
            "clock",
            HoldManage,
        ),
    ]
}

fn workers() -> Vec<Worker> {
    fn worker(name: &'static str, run: fn(Arc<App>) -> WorkerFuture) -> Worker {
        Worker { name, run }
    }
    vec![
        worker("archive.pull", puller::run),
        worker("archive.files", media::run),
        worker("archive.watch", sensitive::run),
        worker("archive.index", index::run),
        worker("archive.searches", searches::run),
        worker("archive.rooms", rooms::run),
        worker("archive.night", retention::run_nightly),
        worker("archive.packages", evidence::run_at_start),
        worker("archive.alarms", tell::run),
    ]
}

fn jobs() -> Vec<JobKind<App>> {
    vec![
        JobKind {
            name: sensitive::KIND,
            run: sensitive::rescan,
        },
        JobKind {
            name: evidence::KIND,
            run: evidence::run,
        },
        JobKind {
            name: consent::KIND,
            run: consent::run,
        },
        JobKind {
            name: retention::PREVIEW,
            run: retention::run_preview,
        },
        JobKind {
            name: retention::PURGE,
            run: retention::run_purge,
        },
    ]
}
