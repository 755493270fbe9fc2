//! One child process and the socket to it.

use std::{os::fd::OwnedFd, path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::Command,
    time::timeout,
};

use super::HostError;
use crate::wecom::archive::sdk::{Answer, Ask, Begin, COMMAND, FRAME_BYTES_MAX, Frame};

/// A child may take this long to load the library.
const LOADING: Duration = Duration::from_secs(60);

/// This program as it runs, also when the file it came from has been replaced since.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// A running child; ended when dropped.
pub(super) struct Child {
    process: tokio::process::Child,
    socket: UnixStream,
    /// Number of the question that is being answered.
    asked: u32,
}

impl Child {
    /// Starts a child and lets it begin.
    pub async fn start(
        program: Option<&Path>,
        begin: Begin,
        patience: Duration,
    ) -> Result<Self, HostError> {
        let failed = |error: std::io::Error| HostError::Start(error.to_string());
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let mut command = Command::new(program.unwrap_or(Path::new(THIS_PROGRAM)));
        command.args(COMMAND);
        // Our own settings and secrets are none of the library's business.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("QITAI_") {
                command.env_remove(name);
            }
        }
        // The library prints: the socket is where it would read from, which it never does.
        let process = command
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        // It holds the child's end: with it open, nobody would notice that the child is gone.
        drop(command);
        let mut child = Self {
            process,
            socket: UnixStream::from_std(ours).map_err(failed)?,
            asked: 0,
        };
        // Loading takes as long as it takes.
        let patience = patience.max(LOADING);
        child.send(Ask::Begin(begin), patience).await?;
        match child.receive(patience).await {
            Ok(Answer::Ready) => Ok(child),
            Ok(Answer::CannotBegin(why)) => Err(HostError::Start(why)),
            Ok(Answer::Code(code)) => Err(HostError::Code(code)),
            Ok(_) => Err(HostError::Babbled("not ready")),
            Err(error) => Err(HostError::Start(error.to_string())),
        }
    }

    pub fn process_id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Sends a question.
    pub async fn send(&mut self, ask: Ask, patience: Duration) -> Result<(), HostError> {
        self.asked = self.asked.wrapping_add(1);
        let frame = Frame {
            number: self.asked,
            what: ask,
        };
        let bytes = frame.encode();
        let written = timeout(patience, self.socket.write_all(&bytes)).await;
        written
            .map_err(|_| HostError::Hung)?
            .map_err(|_| HostError::Died)
    }

    /// Waits for one answer to the last question.
    pub async fn receive(&mut self, patience: Duration) -> Result<Answer, HostError> {
        let frame: Frame<Answer> = timeout(patience, self.frame())
            .await
            .map_err(|_| HostError::Hung)??;
        match frame.number == self.asked {
            true => Ok(frame.what),
            false => Err(HostError::Babbled("an answer to another question")),
        }
    }

    async fn frame(&mut self) -> Result<Frame<Answer>, HostError> {
        let died = |_| HostError::Died;
        let length = self.socket.read_u32_le().await.map_err(died)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(HostError::Babbled("an answer without end"));
        }
        let mut bytes = Vec::new();
        // Grows as bytes come, not as they are promised.
        let mut rest = (&mut self.socket).take(length as u64);
        let read = rest.read_to_end(&mut bytes).await.map_err(died)?;
        if read < length {
            return Err(HostError::Died);
        }
        minicbor::decode(&bytes).map_err(|_| HostError::Babbled("not a frame"))
    }
}
