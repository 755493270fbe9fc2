//! The thread that posts callbacks.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Inner, Outcome, Queued, Target, locked};
use crate::wecom::{
    callback::{KeyError, Keys, Sealed},
    client::install_crypto_provider,
    sim::faults::CallbackFault,
};

const TRIES: u32 = 3;
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// One that waits to be overtaken goes anyway when nothing else comes for so long.
const OVERTAKEN_WITHIN: Duration = Duration::from_millis(500);

/// Why the console would not save a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// Token or EncodingAESKey cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Nobody answered.
    #[error("the URL does not answer")]
    Unanswered,
    /// Another status than 200.
    #[error("the URL answers with status {0}")]
    Status(u16),
    /// Another body than the decrypted echo.
    #[error("the URL does not answer with the decrypted echostr alone")]
    Body,
}

/// Starts the thread; it ends when `stop` is cancelled.
pub(super) fn spawn(
    inner: Arc<Inner>,
    hear: UnboundedReceiver<Queued>,
    stop: CancellationToken,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let http = http()?;
    thread::Builder::new()
        .name("sim-callbacks".to_owned())
        .spawn(move || {
            let poster = Poster { inner, http };
            runtime.block_on(async {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = poster.run(hear) => {}
                }
            });
        })
}

fn http() -> std::io::Result<reqwest::Client> {
    install_crypto_provider();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(ANSWER_WITHIN)
        .build()
        .map_err(std::io::Error::other)
}

#[derive(Clone)]
struct Poster {
    inner: Arc<Inner>,
    http: reqwest::Client,
}

impl Poster {
    async fn run(self, mut hear: UnboundedReceiver<Queued>) {
        // With how many others still go first.
        let mut held: VecDeque<(u32, Queued)> = VecDeque::new();
        loop {
            let next = if held.is_empty() {
                hear.recv().await
            } else if let Ok(next) = timeout(OVERTAKEN_WITHIN, hear.recv()).await {
                next
            } else {
                for (_, queued) in held.drain(..) {
                    self.deliver(&queued).await;
                }
                continue;
            };
            let Some(queued) = next else { return };
            if let Some(time) = queued.delay() {
                let poster = self.clone();
                tokio::spawn(async move {
                    sleep(time).await;
                    poster.deliver(&queued).await;
                });
                continue;
            }
            match queued.overtaken_by() {
                0 => self.deliver_before(&mut held, &queued).await,
                by => held.push_back((by, queued)),
            }
        }
    }

    /// Delivers one, and then those that have now been overtaken often enough.
    async fn deliver_before(&self, held: &mut VecDeque<(u32, Queued)>, queued: &Queued) {
        self.deliver(queued).await;
        for (by, _) in held.iter_mut() {
            *by -= 1;
        }
        while let Some(due) = held.iter().position(|(by, _)| *by == 0) {
            if let Some((_, queued)) = held.remove(due) {
                self.deliver(&queued).await;
            }
        }
    }

    async fn deliver(&self, queued: &Queued) {
        let target = match &queued.notice.to {
            Some(own) => self.inner.keys(own).ok().map(|keys| (own.clone(), keys)),
            None => locked(&self.inner.target).clone(),
        };
        let Some((target, keys)) = target else {
            return self.inner.ended(queued, 0, Outcome::NoReceiver);
        };
        if queued.meets(CallbackFault::Lost) {
            return self.inner.ended(queued, 0, Outcome::Lost);
        }
        let xml = queued.notice.xml(&self.inner.corpid, queued.at.ms() / 1000);
        let copies = if queued.meets(CallbackFault::Duplicated) {
            2
        } else {
            1
        };
        let mut tries = 0;
        let mut outcome = Outcome::Unanswered;
        for _ in 0..copies {
            for _ in 0..TRIES {
                tries += 1;
                let mut sealed = self.inner.seal(&keys, xml.as_bytes());
                if queued.meets(CallbackFault::WrongSignature) {
                    sealed.signature = wrong(&sealed.signature);
                }
                outcome = self.post(&target, &sealed).await;
                if outcome == Outcome::Acknowledged {
                    break;
                }
            }
        }
        self.inner.ended(queued, tries, outcome);
    }

    async fn post(&self, target: &Target, sealed: &Sealed) -> Outcome {
        self.inner.posted.fetch_add(1, Ordering::SeqCst);
        let answer = self
            .http
            .post(&target.url)
            .query(&parameters(sealed))
            .header("content-type", "text/xml")
            .body(sealed.delivery(&self.inner.corpid, None))
            .send()
            .await;
        match answer.map(|answer| answer.status().as_u16()) {
            Ok(200) => Outcome::Acknowledged,
            Ok(status) => Outcome::Refused(status),
            Err(_) => Outcome::Unanswered,
        }
    }
}

impl Inner {
    fn seal(&self, keys: &Keys, message: &[u8]) -> Sealed {
        let nonce = (self.random.u64() % 10_000_000_000).to_string();
        let now_s = self.clock.now().ms() / 1000;
        keys.seal(message, now_s, &nonce, self.random.bytes())
    }

    pub(super) async fn verify(&self, target: &Target) -> Result<(), Unverified> {
        let keys = self.keys(target)?;
        let echo = self.random.u64().to_string();
        let sealed = self.seal(&keys, echo.as_bytes());
        let request = http()
            .map_err(|_| Unverified::Unanswered)?
            .get(&target.url)
            .query(&parameters(&sealed))
            .query(&[("echostr", &sealed.encrypt)]);
        let answer = request.send().await.map_err(|_| Unverified::Unanswered)?;
        match answer.status().as_u16() {
            200 => {}
            status => return Err(Unverified::Status(status)),
        }
        let body = answer.bytes().await.map_err(|_| Unverified::Unanswered)?;
        if body == echo {
            Ok(())
        } else {
            Err(Unverified::Body)
        }
    }
}

fn parameters(sealed: &Sealed) -> [(&'static str, String); 3] {
    [
        ("msg_signature", sealed.signature.clone()),
        ("timestamp", sealed.timestamp.to_string()),
        ("nonce", sealed.nonce.clone()),
    ]
}

/// A signature of the right shape that is not this one.
fn wrong(signature: &str) -> String {
    let flipped = |c| if c == '0' { '1' } else { '0' };
    let mut chars = signature.chars();
    let first = chars.next().map_or('0', flipped);
    std::iter::once(first).chain(chars).collect()
}
