//! Whether keys and library work, tried when somebody asks: nothing is kept of it, and nothing
//! of a message is shown.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    app::App,
    error::{AppError, Result},
    store::{Key, Read, StoreError, Walk},
    wecom::archive::{Envelope, Host, HostError, Message, PrivateKey, PublicKey, Settings},
};

use super::{
    ingest, link,
    model::{KeyVersion, Parked},
    tables::PARKED_BY_VERSION,
};

/// Somebody waits for the answer: it comes before the page's own deadline.
const PATIENCE: Duration = Duration::from_secs(8);

/// What came of trying a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It opens a message of WeCom's.
    Opens(u64),
    /// It opens the message's random key; the library was not there to open the rest.
    OpensKey(u64),
    /// It opens the message's random key, and the library can't make anything of the rest.
    Unreadable(u64),
    /// It does not fit the message.
    Unfit(u64),
    /// There is no message of this version: it opens what was closed with its public half.
    Pair,
    /// It does not even open that.
    NoPair,
}

/// Tries the key of a version on the newest message that there is: one that waits for it, or
/// else the newest one at WeCom; where there is none, on a random key of our own.
pub async fn key(app: &App, version: u32) -> Result<Tried> {
    let (row, parked) = app.read(|r| {
        let row = r.get::<KeyVersion>(&version)?;
        Ok::<_, StoreError>((row, newest_parked(r, version)?))
    })?;
    let until = Instant::now() + PATIENCE;
    let row = row.ok_or(AppError::NotFound { what: "settings" })?;
    let private = PrivateKey::from_pem(row.private.expose()).map_err(AppError::internal)?;
    let host = link::set_so(app)?.map(|settings| host(app, settings));
    let closed = match (parked, &host) {
        (Some(parked), _) => Some((parked.seq, parked.key, parked.message)),
        (None, Some(host)) => newest(app, host, version, until).await?,
        (None, None) => None,
    };
    match closed {
        Some((seq, key, message)) => {
            let tried = open(&private, host, seq, &key, message);
            // Whatever the library does, the key itself was tried at once.
            Ok(timeout_at(until, tried)
                .await
                .unwrap_or(Tried::OpensKey(seq)))
        }
        None => pair(app, &private, &row),
    }
}

/// Loads the library in a process of its own; none while nothing is set up.
pub async fn library(app: &App) -> Result<Option<Result<(), HostError>>> {
    let Some(settings) = link::set_so(app)? else {
        return Ok(None);
    };
    let host = host(app, settings);
    let tried = timeout(PATIENCE, host.probe()).await;
    Ok(Some(tried.unwrap_or(Err(HostError::Hung))))
}

/// A process of its own: the puller is not kept waiting.
fn host(app: &App, settings: Settings) -> Host {
    app.archive.start(Settings {
        timeout: PATIENCE,
        ..settings
    })
}

fn newest_parked(r: &Read<'_>, version: u32) -> Result<Option<Parked>, StoreError> {
    let walk = Walk {
        backwards: true,
        ..Walk::prefix(Key::new().with(version))
    };
    r.list(&PARKED_BY_VERSION, &walk)?.next().transpose()
}

/// The newest message at WeCom, if it is of this version and WeCom still has it.
async fn newest(
    app: &App,
    host: &Host,
    version: u32,
    until: Instant,
) -> Result<Option<(u64, String, String)>> {
    let seq = app.read(ingest::cursor)?.seq;
    let Some(before) = seq.checked_sub(1) else {
        return Ok(None);
    };
    let asked = timeout_at(until, host.pull(before, 1)).await;
    let page: Vec<Envelope> = asked.ok().and_then(Result::ok).unwrap_or_default();
    let mut of_version = page.into_iter().filter(|e| e.key_version == version);
    Ok(of_version.next().map(|e| (e.seq, e.key, e.message)))
}

async fn open(
    private: &PrivateKey,
    host: Option<Host>,
    seq: u64,
    key: &str,
    message: String,
) -> Tried {
    let Ok(random) = private.open(key) else {
        return Tried::Unfit(seq);
    };
    let Some(host) = host else {
        return Tried::OpensKey(seq);
    };
    let Ok(results) = host.open(vec![(random, message)]).await else {
        return Tried::OpensKey(seq);
    };
    match results.into_iter().next() {
        Some(Ok(bytes)) if Message::parse(&bytes).is_ok() => Tried::Opens(seq),
        Some(Err(error)) if error.is_wrong_key() => Tried::Unfit(seq),
        _ => Tried::Unreadable(seq),
    }
}

fn pair(app: &App, private: &PrivateKey, row: &KeyVersion) -> Result<Tried> {
    let random = hex::encode(app.store.random().bytes::<16>());
    let public = PublicKey::from_pem(&row.public).map_err(AppError::internal)?;
    let closed = public.seal(random.as_bytes()).map_err(AppError::internal)?;
    let opened = private.open(&closed);
    Ok(
        match opened.is_ok_and(|opened| *opened == random.as_bytes()) {
            true => Tried::Pair,
            false => Tried::NoPair,
        },
    )
}
