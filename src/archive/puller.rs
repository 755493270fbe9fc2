//! Keeps the archive complete: asks for what is new, opens it, stores it, and opens what was
//! parked as soon as its key is here. All it knows lies in the store.

mod later;
mod rest;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use zeroize::Zeroizing;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    slice::WorkerFuture,
    store::Act,
    wecom::archive::{Envelope, Host, HostError, Message, OpenError, Remedy, SealError, Settings},
};

#[cfg(any(test, feature = "faults"))]
use super::faults::Bug;
use super::{
    ingest::{self, Arrival, Opened, Stored},
    key_ring::{self, KeyRing},
    link,
    model::{Brought, Cursor, Locked, Parked},
};
use later::{Later, Waiting};
use rest::Pause;

/// Messages of one answer (WeCom documentation, 获取会话内容: at most 1,000).
const PAGE: u32 = 1_000;
/// Time before another attempt after an error, doubled with each one.
const RETRY: Duration = Duration::from_secs(2);
/// The longest of these.
const RETRY_MAX: Duration = Duration::from_secs(300);

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        while !app.is_stopping() {
            match link::in_use(&app)? {
                Some(settings) => Puller::new(app.clone(), settings)?.pull().await?,
                None => app.archive.rest(&app, Duration::MAX).await,
            }
        }
        Ok(())
    })
}

/// Reads one archive until its settings change.
struct Puller {
    app: Arc<App>,
    settings: Settings,
    host: Host,
    keys: Arc<KeyRing>,
    later: Later,
    limit: u32,
    failures: u32,
}

/// Why a turn did not go through.
enum Trouble {
    /// The library or WeCom: it is told, and tried again after a while.
    Host(HostError),
    /// Our own.
    Own(AppError),
}

impl From<HostError> for Trouble {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<AppError> for Trouble {
    fn from(error: AppError) -> Self {
        Self::Own(error)
    }
}

impl Puller {
    fn new(app: Arc<App>, settings: Settings) -> Result<Self> {
        let keys = Arc::new(app.read(key_ring::load)?);
        Ok(Self {
            host: app.archive.host(&settings),
            app,
            settings,
            keys,
            later: Later::default(),
            limit: PAGE,
            failures: 0,
        })
    }

    async fn pull(mut self) -> Result<()> {
        while !self.app.is_stopping() {
            if link::in_use(&self.app)?.as_ref() != Some(&self.settings) {
                return Ok(());
            }
            let pause = self.turn().await?;
            self.rest(pause).await?;
        }
        Ok(())
    }

    /// Asks once, then opens some of what was parked: what is new goes first, since WeCom
    /// forgets it.
    async fn turn(&mut self) -> Result<Pause> {
        let pause = match self.ask().await {
            Ok(pause) => pause,
            Err(Trouble::Own(error)) => return Err(error),
            Err(Trouble::Host(error)) => {
                let pause = self.fail(&error).await?;
                // What is here opens with a key that is here, whatever WeCom says.
                return match self.unlock().await {
                    Err(Trouble::Own(error)) => Err(error),
                    Ok(_) | Err(Trouble::Host(_)) => Ok(pause),
                };
            }
        };
        match self.open_parked(pause).await {
            Ok(true) => Ok(Pause::Pace),
            Ok(false) => Ok(pause),
            Err(Trouble::Own(error)) => Err(error),
            Err(Trouble::Host(error)) => self.fail(&error).await,
        }
    }

    /// Asks for what is new, and stores it.
    async fn ask(&mut self) -> Result<Pause, Trouble> {
        let cursor = self.app.read(ingest::cursor).map_err(AppError::from)?;
        if cursor.asked_at.is_none() {
            self.begin().await?;
        }
        let page = self.host.pull(cursor.seq, self.limit).await?;
        if page.is_empty() {
            self.note(|cursor, now| cursor.caught_up_at = Some(now))
                .await?;
            return Ok(Pause::Idle);
        }
        self.take(page).await?;
        self.limit = PAGE;
        Ok(Pause::Pace)
    }

    /// Notes since when it is asked: if no answer comes, somebody is told.
    async fn begin(&self) -> Result<()> {
        let act = Act::by_system("archive.pull", "archive");
        let noted = self.app.write(act, move |w| {
            let mut cursor = ingest::cursor(&w.read())?;
            cursor.asked_at = Some(w.now());
            Ok(w.put(&cursor)?)
        });
        noted.await
    }

    /// Opens and stores one answer.
    async fn take(&mut self, page: Vec<Envelope>) -> Result<(), Trouble> {
        let keys = self.keys.clone();
        if page.iter().any(|e| !keys.contains_key(&e.key_version)) {
            self.load_keys()?;
        }
        #[cfg(any(test, feature = "faults"))]
        self.put_cursor_first(&page).await?;
        let now = self.app.store.clock().now();
        let came = page.into_iter().map(|envelope| Came { envelope, at: now });
        self.store(came.collect(), Brought::Pulled).await?;
        self.failures = 0;
        Ok(())
    }

    /// A planted bug: the process ends between the place and what it stands behind.
    #[cfg(any(test, feature = "faults"))]
    async fn put_cursor_first(&mut self, page: &[Envelope]) -> Result<()> {
        let faults = self.app.archive.faults.clone();
        let last = page.iter().map(|e| e.seq).max().unwrap_or(0);
        if last < 2 || !faults.is_waiting(Bug::CursorFirst) {
            return Ok(());
        }
        self.note(move |cursor, _| cursor.seq = last).await?;
        faults.strike();
        std::future::pending().await
    }

    async fn store(&mut self, page: Vec<Came>, why: Brought) -> Result<Stored, Trouble> {
        let (opened, parked) = self.open(page).await?;
        #[cfg(any(test, feature = "faults"))]
        let parked = self.pass_over(parked);
        let closed: Vec<Waiting> = parked.iter().map(Waiting::of).collect();
        let numbers: Vec<u64> = opened.iter().map(|opened| opened.seq).collect();
        let arrival = Arrival {
            why,
            parked,
            #[cfg(any(test, feature = "faults"))]
            faults: Some(self.app.archive.faults.clone()),
            ..Arrival::of(opened, self.app.zone())
        };
        let act = Act::by_system("archive.pull", "archive");
        let stored = self
            .app
            .store
            .write_step(act, |w| Ok(ingest::store(w, arrival)?))
            .await?;
        self.later.forget(numbers);
        self.later.extend(closed);
        if stored.files > 0 {
            self.app.archive.files.notify_one();
        }
        Ok(stored)
    }

    /// A planted bug: what is closed is nobody's.
    #[cfg(any(test, feature = "faults"))]
    fn pass_over(&self, parked: Vec<Parked>) -> Vec<Parked> {
        let faults = &self.app.archive.faults;
        if parked.is_empty() || !faults.is_waiting(Bug::ParkedNowhere) {
            return parked;
        }
        faults.strike();
        // The last one stays, so that the place moves on.
        parked.into_iter().next_back().into_iter().collect()
    }

    /// Opens what can be opened: the random keys on all cores, the messages by the library.
    async fn open(&self, page: Vec<Came>) -> Result<(Vec<Opened>, Vec<Parked>), Trouble> {
        let now = self.app.store.clock().now();
        let unsealed = unseal(self.keys.clone(), page).await?;
        let (mut opened, mut parked) = (Vec::new(), Vec::new());
        let (mut ready, mut closed) = (Vec::new(), Vec::new());
        for (came, key) in unsealed {
            match key {
                Ok(key) => {
                    closed.push((key, came.envelope.message.clone()));
                    ready.push(came);
                }
                Err(why) => parked.push(park(came, why, now)),
            }
        }
        let results = self.host.open(closed).await?;
        for (came, result) in ready.into_iter().zip(results) {
            let why = match result {
                Ok(bytes) => match Message::parse(&bytes) {
                    Ok(message) => {
                        let seq = came.envelope.seq;
                        opened.push(Opened { seq, message });
                        continue;
                    }
                    Err(_) => Locked::Damaged,
                },
                Err(OpenError::Untried) => Locked::Untried,
                Err(error) if error.is_wrong_key() => Locked::WrongKey,
                Err(_) => Locked::Damaged,
            };
            parked.push(park(came, why, now));
        }
        Ok((opened, parked))
    }

    /// Notes that the archive has answered.
    async fn note(
        &mut self,
        more: impl FnOnce(&mut Cursor, Timestamp) + Send + 'static,
    ) -> Result<()> {
        self.failures = 0;
        let act = Act::by_system("archive.pull", "archive");
        let noted = self.app.write(act, move |w| {
            let mut cursor = ingest::cursor(&w.read())?;
            let now = w.now();
            cursor.answered_at = Some(now);
            cursor.failure = None;
            more(&mut cursor, now);
            Ok(w.put(&cursor)?)
        });
        noted.await
    }

    /// Notes an error; gives the time until the next attempt.
    async fn fail(&mut self, error: &HostError) -> Result<Pause> {
        if error.remedy() == Remedy::Smaller && self.limit > 1 {
            self.limit /= 2;
            return Ok(Pause::Pace);
        }
        tracing::warn!(%error, "the archive could not be read");
        self.failures += 1;
        let failure = Some((remedy_code(error.remedy()).to_owned(), number_of(error)));
        let act = Act::by_system("archive.pull", "archive");
        let noted = self.app.write(act, move |w| {
            let mut cursor = ingest::cursor(&w.read())?;
            cursor.failure = failure;
            Ok(w.put(&cursor)?)
        });
        noted.await?;
        let time = RETRY * 2u32.saturating_pow(self.failures - 1);
        Ok(Pause::BackOff(time.min(RETRY_MAX)))
    }
}

/// Catalogue key's end of what is to be done.
pub(super) fn remedy_code(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Retry | Remedy::Smaller => "retry",
        Remedy::TrustAddress => "trust_address",
        Remedy::SwitchOn => "switch_on",
        Remedy::Renew => "renew",
        Remedy::Settings => "settings",
        Remedy::Certificate => "certificate",
        Remedy::Expired => "expired",
        Remedy::Gone => "gone",
        Remedy::Key => "key",
        Remedy::Library => "library",
        Remedy::Accept => "accept",
    }
}

fn number_of(error: &HostError) -> i64 {
    match error {
        HostError::Code(code) => i64::from(*code),
        HostError::Refused(errcode) => *errcode,
        _ => 0,
    }
}

/// A closed message, and when it first came.
struct Came {
    envelope: Envelope,
    at: Timestamp,
}

type Unsealed = (Came, Result<Zeroizing<Vec<u8>>, Locked>);

/// Opens the random keys, on as many threads as there are cores.
async fn unseal(keys: Arc<KeyRing>, page: Vec<Came>) -> Result<Vec<Unsealed>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = page.len().div_ceil(cores).max(1);
    let mut rest = page.into_iter();
    let mut tasks = Vec::new();
    loop {
        let part: Vec<Came> = rest.by_ref().take(share).collect();
        if part.is_empty() {
            break;
        }
        let keys = keys.clone();
        tasks.push(tokio::task::spawn_blocking(move || {
            let opened = part.into_iter().map(|came| {
                let key = unseal_one(&keys, &came.envelope);
                (came, key)
            });
            opened.collect::<Vec<_>>()
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.map_err(AppError::internal)?);
    }
    Ok(all)
}

fn unseal_one(keys: &KeyRing, envelope: &Envelope) -> Result<Zeroizing<Vec<u8>>, Locked> {
    let key = keys.get(&envelope.key_version).ok_or(Locked::NoKey)?;
    key.open(&envelope.key).map_err(|error| match error {
        SealError::WrongKey => Locked::WrongKey,
        _ => Locked::Damaged,
    })
}

fn park(Came { envelope, at }: Came, why: Locked, now: Timestamp) -> Parked {
    Parked {
        seq: envelope.seq,
        msgid: envelope.msgid,
        key_version: envelope.key_version,
        key: envelope.key,
        message: envelope.message,
        why,
        at,
        tried_at: now,
    }
}
