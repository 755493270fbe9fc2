//! `/wecom/callback`: WeCom tells that something has happened.
//!
//! WeCom waits one second for the echo and five for an event, and asks three times in all; an
//! event that is not heard then is lost. So: check, decrypt, store, answer; everything else
//! comes later. Whatever is wrong with a call, the answer is the same: nothing is told to a
//! stranger, and the page of events counts why.
//!
//! Source: WeCom documentation, 接收消息与事件.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use futures_util::StreamExt;

use crate::{
    app::App,
    error::Result,
    kit::Timestamp,
    store::Act,
    web::encode,
    wecom::{
        callback::{BODY_BYTES_MAX, Keys, Query, Refused},
        event::Event,
        event::Received,
    },
};

use super::{
    connection::{self, CallbackKeys},
    inbox,
    refusals::Reason,
    target,
};

/// The address that is entered in WeCom's admin console.
pub const CALLBACK: &str = "/wecom/callback";

/// What has been heard since the start.
#[derive(Debug, Default)]
pub struct Heard {
    /// Events stored.
    pub(super) stored: AtomicU64,
    /// Events that had come before.
    pub(super) repeated: AtomicU64,
    /// Calls refused.
    pub(super) refused: AtomicU64,
    /// Why the last call was refused, and when.
    last_refusal: Mutex<Option<(Timestamp, Refused)>>,
    /// The text with which Qitai asks itself, see [`ask_self`].
    own_echo: Mutex<Option<String>>,
}

impl Heard {
    /// Why the last call was refused, and when; since the start.
    pub fn last_refusal(&self) -> Option<(Timestamp, Refused)> {
        locked(&self.last_refusal).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Answers the echo with which WeCom checks the address when it is entered.
pub(super) async fn verify(app: Data<App>, req: HttpRequest) -> HttpResponse {
    let echoed = with_keys(&app, &req, |keys, query| keys.echo(query));
    let (text, used) = match echoed {
        Ok(echoed) => echoed,
        Err(reason) => return refuse(&app, reason),
    };
    let is_own = locked(&app.sync.heard.own_echo)
        .as_deref()
        .map(str::as_bytes)
        == Some(text.as_ref());
    if !is_own && let Err(error) = note_check(&app, used).await {
        // The answer must not wait for our own books: WeCom gives it one second.
        tracing::error!(%error, "a check of the callback address was not noted");
    }
    // Nothing but the text itself: no quotes, no line end.
    HttpResponse::Ok().content_type("text/plain").body(text)
}

async fn note_check(app: &App, used: CallbackKeys) -> Result<()> {
    let from_file = app.config.wecom.is_some();
    let act = Act::by_system("wecom.callback_checked", "callback");
    let promoted = app
        .write(act, move |w| connection::note_check(w, &used, from_file))
        .await?;
    if promoted {
        connection::connect(app)?;
    }
    Ok(())
}

/// What WeCom would ask to check `address`: a query that only a server with our keys can
/// answer, and the answer. The check leaves no trace here.
pub fn ask_self(app: &App) -> Option<(String, String)> {
    let link = app.sync.link()?;
    let (_, keys) = link.keys.first()?;
    let random = app.store.random();
    let echo = hex::encode(random.bytes::<16>());
    let at_s = app.store.clock().now().ms() / 1000;
    let nonce = hex::encode(random.bytes::<8>());
    let sealed = keys.seal(echo.as_bytes(), at_s, &nonce, random.bytes());
    *locked(&app.sync.heard.own_echo) = Some(echo.clone());
    let query = format!(
        "msg_signature={}&timestamp={}&nonce={}&echostr={}",
        sealed.signature,
        sealed.timestamp,
        sealed.nonce,
        encode(&sealed.encrypt)
    );
    Some((query, echo))
}

/// Stores an event and answers once it is durable.
pub(super) async fn receive(
    app: Data<App>,
    req: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse> {
    let Some(body) = read(payload).await else {
        return Ok(refuse(&app, Reason::TooLarge));
    };
    let opened = with_keys(&app, &req, |keys, query| keys.open(query, &body));
    let (body, _) = match opened {
        Ok(opened) => opened,
        Err(reason) => return Ok(refuse(&app, reason)),
    };
    let received = Received::parse(&body).ok();
    let (name, target, tells_of_chats) = match &received {
        Some(received) => (
            target::code(&received.event),
            target::of(&received.event, received.at),
            received.event == Event::ArchiveNotify,
        ),
        // Signed, so it comes from WeCom: kept to be looked at.
        None => ("unreadable".to_owned(), None, false),
    };
    #[cfg(any(test, feature = "faults"))]
    let body = match planted::spoil(&app, body, &name, &target).await {
        Some(body) => body,
        None => return Ok(HttpResponse::Ok().body("success")),
    };
    // A repetition costs no write.
    let is_known = app.read(|r| inbox::is_known(r, &body))?;
    let act = Act::by_system("wecom.event", "callback");
    let listeners = app.listeners.clone();
    let is_new = !is_known
        && app
            .write(act, move |w| {
                if !inbox::receive(w, body, name, target)? {
                    return Ok(false);
                }
                // What cannot be read is told to nobody.
                if let Some(received) = &received {
                    listeners.iter().try_for_each(|hear| hear(w, received))?;
                }
                Ok(true)
            })
            .await?;
    if is_new {
        count(&app.sync.heard.stored);
        app.sync.arrived.notify_one();
        app.effects.notify_one();
        if tells_of_chats {
            app.archive.wake.notify_one();
        }
    } else {
        count(&app.sync.heard.repeated);
    }
    Ok(HttpResponse::Ok()
        .content_type("text/plain")
        .body("success"))
}

/// The body, unless it is larger than any callback; the rest is then left unread.
async fn read(mut payload: Payload) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.ok()?;
        if body.len() + piece.len() > BODY_BYTES_MAX {
            return None;
        }
        body.extend_from_slice(&piece);
    }
    Some(body)
}

/// Opens a call with the keys in use, or with those to come; gives the keys that did it.
fn with_keys<T>(
    app: &App,
    req: &HttpRequest,
    open: impl Fn(&Keys, &Query) -> Result<T, Refused>,
) -> Result<(T, CallbackKeys), Reason> {
    let link = app.sync.link().ok_or(Reason::NotSetUp)?;
    let query = Query::parse(req.query_string()).map_err(|why| note_refusal(app, why))?;
    let mut refused = None;
    for (callback, keys) in &link.keys {
        match open(keys, &query) {
            Ok(opened) => return Ok((opened, callback.clone())),
            // Signed with these, but wrong inside: that is the one to name.
            Err(why) if refused.is_none() || why != Refused::Signature => refused = Some(why),
            Err(_) => {}
        }
    }
    Err(refused.map_or(Reason::NotSetUp, |why| note_refusal(app, why)))
}

fn note_refusal(app: &App, why: Refused) -> Reason {
    tracing::warn!(%why, "callback refused");
    let reason = Reason::of(&why);
    *locked(&app.sync.heard.last_refusal) = Some((app.store.clock().now(), why));
    reason
}

/// The same answer whatever was wrong; counted by what it was.
fn refuse(app: &App, reason: Reason) -> HttpResponse {
    count(&app.sync.heard.refused);
    app.sync.refusals.count(app.store.clock().now(), reason);
    HttpResponse::Forbidden().finish()
}

/// Bugs that the fault tests have to see.
#[cfg(any(test, feature = "faults"))]
mod planted {
    use std::time::Duration;

    use super::{Act, App, Data, inbox};
    use crate::sync::{Planted, Target};

    /// The body as a wrong inbox takes it; none if it answers already.
    pub(super) async fn spoil(
        app: &Data<App>,
        body: Vec<u8>,
        name: &str,
        target: &Option<Target>,
    ) -> Option<Vec<u8>> {
        match app.sync.planted() {
            None => Some(body),
            Some(Planted::ForgetDedupe) => {
                Some([body, app.store.random().bytes::<8>().to_vec()].concat())
            }
            Some(Planted::MergeBySender) => {
                let text = String::from_utf8_lossy(&body);
                let part = |name: &str| text.split(name).nth(1).unwrap_or("").to_owned();
                Some((part("FromUserName") + &part("CreateTime")).into_bytes())
            }
            Some(Planted::AnswerBeforeStored) => {
                let (app, name, target) = (app.clone(), name.to_owned(), target.clone());
                actix_web::rt::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    let act = Act::by_system("wecom.event", "callback");
                    let stored =
                        app.write(act, move |w| Ok(inbox::receive(w, body, name, target)?));
                    drop(stored.await);
                    app.sync.arrived.notify_one();
                });
                None
            }
        }
    }
}
