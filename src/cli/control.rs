//! How commands reach a running server: `DIR/control.sock` (0600), one JSON line each way.
//!
//! A command first tries the socket. If nobody answers there, it opens the folder itself;
//! the store's lock makes sure that the two never work at the same time.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    net::UnixListener,
};

use crate::{app::App, archive, config::Config};

use super::{
    account::{self, AccountRequest},
    audit::{self, AuditRequest},
    backup, doctor, resume,
};

/// A request is small; more is not read.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;

/// What a command asks of a server.
#[derive(Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(super) enum ControlRequest {
    /// A backup to this absolute path.
    Backup {
        /// Where to.
        path: PathBuf,
        /// The folder for files of messages, absolute too.
        #[serde(default)]
        media: Option<PathBuf>,
    },
    /// A full check.
    Check,
    /// A folder in doubt accepted.
    Resume {
        /// Why.
        reason: String,
    },
    /// A new search index.
    Reindex,
    /// An examination of everything around.
    Doctor {
        /// The language of the answer.
        lang: String,
    },
    /// Something about accounts.
    Account {
        /// What.
        request: AccountRequest,
    },
    /// Something about the audit log.
    Audit {
        /// What.
        request: AuditRequest,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Done(serde_json::Value),
    Failed(String),
}

fn socket_path(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

/// Has the request done: by the server that has the folder open, else right here.
pub(super) fn ask(
    config: &Config,
    request: &ControlRequest,
) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    match UnixStream::connect(socket_path(&config.data)) {
        Ok(stream) => ask_server(stream, request),
        Err(_) => {
            let app = App::open(config.clone())?;
            let request = serde_json::from_value(serde_json::to_value(request)?)?;
            let done = perform(&app, request, false);
            app.store.close();
            done
        }
    }
}

fn ask_server(
    mut stream: UnixStream,
    request: &ControlRequest,
) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    serde_json::to_writer(&stream, request)?;
    stream.write_all(b"\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    match serde_json::from_str(&line)? {
        Reply::Done(value) => Ok(value),
        Reply::Failed(why) => Err(why.into()),
    }
}

/// `is_serving` says that pages are answered beside.
fn perform(
    app: &App,
    request: ControlRequest,
    is_serving: bool,
) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    Ok(match request {
        ControlRequest::Backup { path, media } => backup::perform(app, &path, media.as_deref())?,
        ControlRequest::Check => serde_json::to_value(app.store.check()?)?,
        ControlRequest::Doctor { lang } => doctor::perform(app, &lang, is_serving)?,
        ControlRequest::Resume { reason } => serde_json::to_value(resume::perform(app, &reason)?)?,
        ControlRequest::Reindex => {
            serde_json::to_value(app.reindex()? + archive::index::reindex(app)?)?
        }
        ControlRequest::Account { request } => {
            serde_json::to_value(account::perform(&app.store, request)?)?
        }
        ControlRequest::Audit { request } => serde_json::to_value(audit::perform(app, request)?)?,
    })
}

/// Answers commands until the app stops.
pub(super) async fn serve_control(app: Arc<App>) -> std::io::Result<()> {
    let path = socket_path(&app.config.data);
    // Left over from a process that was killed; the store's lock says that none is alive.
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = app.stopped() => break,
        };
        let app = app.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(app, stream).await {
                tracing::warn!(%error, "a command went away");
            }
        });
    }
    std::fs::remove_file(&path)
}

async fn answer(app: Arc<App>, stream: tokio::net::UnixStream) -> std::io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut line = String::new();
    tokio::io::BufReader::new(input.take(REQUEST_BYTES_MAX))
        .read_line(&mut line)
        .await?;
    let work = move || {
        let done = serde_json::from_str::<ControlRequest>(&line)
            .map_err(Into::into)
            .and_then(|request| perform(&app, request, true));
        match done {
            Ok(value) => Reply::Done(value),
            Err(error) => Reply::Failed(super::told(&*error)),
        }
    };
    let reply = tokio::task::spawn_blocking(work).await?;
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    output.write_all(&text).await
}
