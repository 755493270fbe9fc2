//! The parent's side of the process that holds WeCom's library.
//!
//! The library is foreign code that has been seen to abort, hang and print; so it never runs
//! in this process. One child at a time is started when it is needed, gets one question after
//! the other over a socket, and is ended when an answer does not come in time or makes no
//! sense. The next question starts another one.

mod child;
mod page;

use std::{io, path::Path, path::PathBuf, sync::Arc, time::Duration};

use aws_lc_rs::digest;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::sdk::{Answer, Ask, Begin, Sealed};
use crate::kit::Secret;
use child::Child;

pub use page::Envelope;

/// Rows one pull may ask for (WeCom documentation, 获取会话内容).
pub(super) const ROWS_MAX: u32 = 1000;
/// Shorter messages are not given to the library: below 13 bytes it aborts.
const MESSAGE_BYTES_MIN: usize = 16;
/// Messages of one question that may end a child; the rest of it is then left for another time.
pub(crate) const CRASHES_MAX: u32 = 3;

/// What the child is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where messages come from.
    pub backend: Backend,
    /// Corp ID.
    pub corpid: String,
    /// Secret of the chat archive.
    pub secret: Secret<String>,
    /// The HTTP or SOCKS5 proxy to go through, with its credentials if it wants any.
    pub proxy: Option<Secret<String>>,
    /// One answer may take this long; then the child is ended. The library itself is told to
    /// give up a little earlier.
    pub timeout: Duration,
}

/// What speaks WeCom's protocol inside of the child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// WeCom's own library (`libWeWorkFinanceSdk_C.so`), which the operator has put there.
    Library {
        /// Where it is.
        path: PathBuf,
        /// SHA-256 of the file that somebody has accepted, in hex: another one is not loaded.
        /// None where nobody was asked.
        digest: Option<String>,
    },
    /// The same calls over HTTP, from a server that offers them.
    Http {
        /// Root of the API, with a slash at its end.
        base_url: String,
    },
}

/// One stretch of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its bytes, at most 512 KiB.
    pub data: Vec<u8>,
    /// Asks for what follows; none after the last stretch. The same may be asked again.
    pub next: Option<String>,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No child can be started: no such library, one that lacks functions, no more processes.
    #[error("the process for WeCom's library does not start: {0}")]
    Start(String),
    /// The library is another one than was accepted.
    #[error("WeCom's library is not the file that was accepted")]
    Changed,
    /// The child ended in the middle.
    #[error("the process with WeCom's library has died")]
    Died,
    /// The child did not answer in time.
    #[error("the process with WeCom's library did not answer in time")]
    Hung,
    /// The child answered nonsense.
    #[error("the process with WeCom's library answered nonsense: {0}")]
    Babbled(&'static str),
    /// The library answered with a code of its own.
    #[error("WeCom's library answered {0}")]
    Code(i32),
    /// WeCom answered with an errcode.
    #[error("WeCom answered errcode {0}")]
    Refused(i64),
    /// WeCom's answer is not what it documents.
    #[error("unusable answer: {0}")]
    BadAnswer(&'static str),
}

/// What an error asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Try again after a while.
    Retry,
    /// Ask for fewer rows.
    Smaller,
    /// Add the address of this server to 可信IP of the archive.
    TrustAddress,
    /// Switch the archive on in the admin console.
    SwitchOn,
    /// The subscription is over.
    Renew,
    /// Corp ID, secret or proxy are wrong.
    Settings,
    /// A certificate is not accepted: clock, proxy, or somebody in between.
    Certificate,
    /// WeCom does not have it any more: older than five days.
    Expired,
    /// There is no such file.
    Gone,
    /// The private key does not fit.
    Key,
    /// The library itself: its place, its version, its architecture.
    Library,
    /// The library has changed: somebody must accept it.
    Accept,
}

impl HostError {
    /// What is to be done about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Start(_) => Remedy::Library,
            Self::Changed => Remedy::Accept,
            Self::Died | Self::Hung | Self::Babbled(_) | Self::BadAnswer(_) => Remedy::Retry,
            // WeCom documentation, 获取会话内容, 返回码.
            Self::Code(code) => match code {
                10000 => Remedy::Settings,
                10004 | 10007 | 10008 => Remedy::Key,
                10005 => Remedy::Gone,
                10009 => Remedy::TrustAddress,
                10010 => Remedy::Expired,
                10011 => Remedy::Certificate,
                _ => Remedy::Retry,
            },
            Self::Refused(errcode) => match errcode {
                40001 | 40013 | 40091 | 41002 | 41004 | 48001 | 48002 | 50003 => Remedy::Settings,
                60020 | 301_042 => Remedy::TrustAddress,
                301_048 => Remedy::Gone,
                301_052 => Remedy::Renew,
                301_053 => Remedy::SwitchOn,
                301_058 => Remedy::Smaller,
                _ => Remedy::Retry,
            },
        }
    }

    /// Whether it is the child that failed, and another one may do better.
    fn is_of_child(&self) -> bool {
        matches!(self, Self::Died | Self::Hung | Self::Babbled(_))
    }
}

/// Why a message stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short to be a message: the library would abort.
    #[error("too short to be a message")]
    TooShort,
    /// The library says no: 10008 for a random key that is not this message's.
    #[error("WeCom's library answered {0}")]
    Code(i32),
    /// The library died of it, twice.
    #[error("WeCom's library dies of this message")]
    Crashed,
    /// The library died of so many before it that this one was left for another time.
    #[error("not tried: WeCom's library has died of others")]
    Untried,
}

impl OpenError {
    /// Whether another private key may help.
    pub fn is_wrong_key(self) -> bool {
        matches!(self, Self::Code(10004 | 10006..=10008))
    }
}

/// The library, as the rest of the product sees it. Clones share one child; what must not wait
/// for each other gets a host of its own.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    settings: Settings,
    program: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    child: Option<Child>,
    /// Children that died one after the other without an answer in between.
    deaths: u32,
}

impl Host {
    /// A host that starts its child with the first question.
    pub fn start(settings: Settings) -> Self {
        Self::of(settings, None)
    }

    /// The same with another program than this one.
    pub fn of_program(settings: Settings, program: PathBuf) -> Self {
        Self::of(settings, Some(program))
    }

    fn of(settings: Settings, program: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            settings,
            program,
            state: Mutex::default(),
        }))
    }

    /// Messages that follow number `seq`, ascending; none at the end, and only then. The child
    /// keeps nothing: the same may be asked again.
    ///
    /// # Errors
    /// See [`HostError::remedy`].
    pub async fn pull(&self, seq: u64, limit: u32) -> Result<Vec<Envelope>, HostError> {
        let limit = limit.clamp(1, ROWS_MAX);
        match self.ask(Ask::Pull { seq, limit }).await? {
            Answer::Page(json) => page::read(&json, seq),
            Answer::Code(code) => Err(HostError::Code(code)),
            _ => self.end(HostError::Babbled("not a page")).await,
        }
    }

    /// Opens messages, each with its own random key; gives the JSON of each in the same order.
    /// A message of which the library dies does no harm to the others. Where there are many,
    /// those behind are not tried: this ends, whatever the messages are.
    ///
    /// # Errors
    /// When no child can be started.
    pub async fn open(
        &self,
        messages: Vec<(Zeroizing<Vec<u8>>, String)>,
    ) -> Result<Vec<Result<Vec<u8>, OpenError>>, HostError> {
        let mut opened = Vec::with_capacity(messages.len());
        let (mut struck, mut crashes) = (None, 0);
        while let Some((key, message)) = messages.get(opened.len()) {
            if message.len() < MESSAGE_BYTES_MIN || key.is_empty() || key.contains(&0) {
                opened.push(Err(OpenError::TooShort));
                continue;
            }
            let rest = messages.iter().skip(opened.len());
            let these = rest.take_while(|(key, message)| {
                message.len() >= MESSAGE_BYTES_MIN && !key.is_empty() && !key.contains(&0)
            });
            let sealed = these
                .map(|(key, message)| Sealed::of(key, message))
                .collect();
            match self.open_run(sealed, &mut opened).await {
                Ok(()) => {}
                Err(error) if error.is_of_child() => {
                    // Once may be chance: somebody ended the child.
                    if struck.replace(opened.len()) == Some(opened.len()) {
                        crashes += 1;
                        opened.push(Err(OpenError::Crashed));
                    }
                }
                Err(error) => return Err(error),
            }
            if crashes == CRASHES_MAX {
                opened.resize(messages.len(), Err(OpenError::Untried));
            }
        }
        Ok(opened)
    }

    /// Opens a run of messages; what came before a failure has been pushed.
    async fn open_run(
        &self,
        sealed: Vec<Sealed>,
        opened: &mut Vec<Result<Vec<u8>, OpenError>>,
    ) -> Result<(), HostError> {
        let count = sealed.len();
        let mut state = self.0.state.lock().await;
        let mut child = self.child(&mut state).await?;
        let timeout = self.0.settings.timeout;
        let asked = child.send(Ask::Open { sealed }, timeout).await;
        asked.inspect_err(|_| state.deaths += 1)?;
        for _ in 0..count {
            let answer = child.receive(timeout).await;
            match answer.inspect_err(|_| state.deaths += 1)? {
                Answer::Opened(json) => opened.push(Ok(json)),
                Answer::Code(code) => opened.push(Err(OpenError::Code(code))),
                _ => {
                    state.deaths += 1;
                    return Err(HostError::Babbled("not a message"));
                }
            }
            state.deaths = 0;
        }
        state.child = Some(child);
        Ok(())
    }

    /// A stretch of a file: the first one for the empty `index`, the others for the `next` of
    /// the one before.
    ///
    /// # Errors
    /// See [`HostError::remedy`].
    pub async fn media(&self, fileid: &str, index: &str) -> Result<Chunk, HostError> {
        // A C text ends at the first zero.
        if fileid.is_empty() || fileid.contains('\0') || index.contains('\0') {
            return Err(HostError::Code(10005));
        }
        let ask = Ask::Media {
            fileid: fileid.to_owned(),
            index: index.to_owned(),
        };
        match self.ask(ask).await? {
            Answer::Stretch { data, next } => Ok(Chunk { data, next }),
            Answer::Code(code) => Err(HostError::Code(code)),
            Answer::Refused(errcode) => Err(HostError::Refused(errcode)),
            _ => self.end(HostError::Babbled("not a stretch")).await,
        }
    }

    /// Starts the child and lets it load the library, without a question.
    ///
    /// # Errors
    /// When that does not work.
    pub async fn probe(&self) -> Result<(), HostError> {
        let mut state = self.0.state.lock().await;
        let child = self.child(&mut state).await?;
        state.child = Some(child);
        Ok(())
    }

    /// The child's process id, while there is one.
    pub async fn process_id(&self) -> Option<u32> {
        let state = self.0.state.lock().await;
        state.child.as_ref().and_then(Child::process_id)
    }

    /// Ends the child. A later question starts another one.
    pub async fn stop(&self) {
        self.0.state.lock().await.child = None;
    }

    /// One question, one answer. The child is put back only after a whole answer: dropped in
    /// the middle, it is ended, and no answer is ever taken for that of another question.
    async fn ask(&self, ask: Ask) -> Result<Answer, HostError> {
        let mut state = self.0.state.lock().await;
        let mut child = self.child(&mut state).await?;
        let timeout = self.0.settings.timeout;
        let sent = child.send(ask, timeout).await;
        sent.inspect_err(|_| state.deaths += 1)?;
        let answer = child.receive(timeout).await;
        let answer = answer.inspect_err(|_| state.deaths += 1)?;
        state.deaths = 0;
        state.child = Some(child);
        Ok(answer)
    }

    /// The child, taken out; started if there is none.
    async fn child(&self, state: &mut State) -> Result<Child, HostError> {
        if let Some(child) = state.child.take() {
            return Ok(child);
        }
        let wait = rest(state.deaths);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let Inner {
            settings, program, ..
        } = &*self.0;
        check_digest(&settings.backend).await?;
        let begin = Begin::of(settings);
        let started = Child::start(program.as_deref(), begin, settings.timeout).await;
        started.inspect_err(|_| state.deaths += 1)
    }

    async fn end<T>(&self, error: HostError) -> Result<T, HostError> {
        let mut state = self.0.state.lock().await;
        state.child = None;
        state.deaths += 1;
        Err(error)
    }
}

/// Looks at the library before it is loaded. One that cannot be read is the child's to tell.
async fn check_digest(backend: &Backend) -> Result<(), HostError> {
    let Backend::Library {
        path,
        digest: Some(accepted),
    } = backend
    else {
        return Ok(());
    };
    let path = path.clone();
    let found = tokio::task::spawn_blocking(move || library_digest(&path)).await;
    match found {
        Ok(Ok(found)) if found != *accepted => Err(HostError::Changed),
        _ => Ok(()),
    }
}

/// How long to wait before another child is started: not at all the first time, then longer
/// and longer, up to 4 s.
fn rest(deaths: u32) -> Duration {
    match deaths {
        0 | 1 => Duration::ZERO,
        more => Duration::from_millis(250 << (more - 2).min(4)),
    }
}

/// SHA-256 of a library, in hex, so that an operator can see which one it is.
///
/// # Errors
/// When the file can't be read.
pub fn library_digest(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = io::Read::read(&mut file, &mut piece)?;
        if read == 0 {
            return Ok(hex::encode(context.finish()));
        }
        context.update(&piece[..read]);
    }
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chunk({} bytes, {:?})", self.data.len(), self.next)
    }
}
