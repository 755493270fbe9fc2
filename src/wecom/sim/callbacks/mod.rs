//! What happens in the firm is told to a callback URL: signed, encrypted, in order, three
//! tries, then lost. The queue is in memory; a real outage loses events too.
//!
//! Source: WeCom documentation, 接收消息与事件.

mod notice;
mod post;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    faults::{CallbackFault, Dials},
    tokens::Identity,
};
use crate::{
    kit::{Clock, Random, Timestamp},
    wecom::callback::{KeyError, Keys},
};

pub use notice::Notice;
pub use post::Unverified;

/// Deliveries that are remembered.
const LOG_MAX: usize = 200;

/// Where callbacks go, as set up in the admin console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `http://…/wecom/callback`
    pub url: String,
    /// Token.
    pub token: String,
    /// EncodingAESKey.
    pub encoding_aes_key: String,
}

/// How a callback ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered 200.
    Acknowledged,
    /// The receiver answered something else, the last time with this status.
    Refused(u16),
    /// Nobody answered within five seconds.
    Unanswered,
    /// The fault dial swallowed it.
    Lost,
    /// No callback URL is set.
    NoReceiver,
}

/// A callback that came to an end.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// When it happened.
    pub at: Timestamp,
    /// Event, or MsgType of a message.
    pub event: &'static str,
    /// ChangeType.
    pub change: &'static str,
    /// Whom it is about.
    pub about: String,
    /// How often it was posted.
    pub tries: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// A callback in the queue.
struct Queued {
    notice: Notice,
    at: Timestamp,
    faults: Vec<CallbackFault>,
}

/// Queue, receiver and log of callbacks.
pub struct Callbacks {
    inner: Arc<Inner>,
    stop: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    corpid: String,
    clock: Clock,
    random: Random,
    target: Mutex<Option<(Target, Keys)>>,
    faults: Dials<CallbackFault>,
    log: Mutex<VecDeque<Delivery>>,
    queue: mpsc::UnboundedSender<Queued>,
    /// Callbacks that have not come to an end.
    left: watch::Sender<u64>,
    posted: AtomicU64,
}

impl Callbacks {
    /// Starts the thread that posts them.
    pub fn start(identity: &Identity, clock: Clock) -> std::io::Result<Self> {
        let (queue, hear) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner {
            corpid: identity.corpid.clone(),
            clock,
            random: Random::system(),
            target: Mutex::default(),
            faults: Dials::default(),
            log: Mutex::default(),
            queue,
            left: watch::Sender::new(0),
            posted: AtomicU64::new(0),
        });
        let stop = CancellationToken::new();
        let thread = post::spawn(Arc::clone(&inner), hear, stop.clone())?;
        Ok(Self {
            inner,
            stop,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Sends callbacks to `target` from now on, or to nobody.
    ///
    /// # Errors
    /// When Token or EncodingAESKey cannot be used.
    pub fn set_target(&self, target: Option<Target>) -> Result<(), KeyError> {
        let checked = target.map(|target| Ok((target.clone(), self.inner.keys(&target)?)));
        *locked(&self.inner.target) = checked.transpose()?;
        Ok(())
    }

    /// Where callbacks go.
    pub fn target(&self) -> Option<Target> {
        locked(&self.inner.target)
            .as_ref()
            .map(|(target, _)| target.clone())
    }

    /// What the admin console does before it saves a URL: asks it to decrypt an echo.
    pub async fn verify(&self, target: &Target) -> Result<(), Unverified> {
        self.inner.verify(target).await
    }

    /// Puts the notices of one change into the queue, in order.
    pub fn tell(&self, notices: Vec<Notice>, at: Timestamp) {
        for notice in notices {
            let faults = self.inner.faults.on(notice.event);
            self.inner.left.send_modify(|left| *left += 1);
            let queued = Queued { notice, at, faults };
            if self.inner.queue.send(queued).is_err() {
                // The simulator is stopping.
                self.inner.left.send_modify(|left| *left -= 1);
            }
        }
    }

    /// The dials for callbacks; the place is the name of an event.
    pub fn faults(&self) -> &Dials<CallbackFault> {
        &self.inner.faults
    }

    /// The last ones that came to an end, the newest first.
    pub fn recent(&self) -> Vec<Delivery> {
        locked(&self.inner.log).iter().rev().cloned().collect()
    }

    /// How many are on their way.
    pub fn waiting(&self) -> u64 {
        *self.inner.left.borrow()
    }

    /// How often anything was posted.
    pub fn posted(&self) -> u64 {
        self.inner.posted.load(Ordering::SeqCst)
    }

    /// Waits until all that are on their way have come to an end.
    pub fn settled(&self) -> impl Future<Output = ()> + use<> {
        let mut left = self.inner.left.subscribe();
        async move {
            // The sender lives as long as anybody could wait.
            drop(left.wait_for(|left| *left == 0).await);
        }
    }

    /// Stops; what is on its way is lost.
    pub fn stop(&self) {
        self.stop.cancel();
        if let Some(thread) = locked(&self.thread).take() {
            let _ = thread.join();
        }
    }
}

impl Inner {
    fn keys(&self, target: &Target) -> Result<Keys, KeyError> {
        Keys::new(&target.token, &target.encoding_aes_key, &self.corpid)
    }

    fn ended(&self, queued: &Queued, tries: u32, outcome: Outcome) {
        let mut log = locked(&self.log);
        if log.len() == LOG_MAX {
            log.pop_front();
        }
        log.push_back(Delivery {
            at: queued.at,
            event: queued.notice.event,
            change: queued.notice.change,
            about: queued.notice.about.join(" · "),
            tries,
            outcome,
        });
        drop(log);
        self.left.send_modify(|left| *left -= 1);
    }
}

impl Queued {
    fn delay(&self) -> Option<Duration> {
        self.faults.iter().find_map(|fault| match fault {
            CallbackFault::Delayed(time) => Some(*time),
            _ => None,
        })
    }

    /// How many later ones go first.
    fn overtaken_by(&self) -> u32 {
        let by = self.faults.iter().find_map(|fault| match fault {
            CallbackFault::Overtaken(by) => Some(*by),
            _ => None,
        });
        by.unwrap_or(0)
    }

    fn meets(&self, fault: CallbackFault) -> bool {
        self.faults.contains(&fault)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
