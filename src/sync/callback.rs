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
    web::{Bytes, Data},
};

use crate::{
    app::App,
    error::Result,
    kit::Timestamp,
    store::Act,
    web::encode,
    wecom::{
        callback::{Keys, Query, Refused},
        event::Received,
    },
};

use super::{
    connection::{self, CallbackKeys},
    inbox, target,
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
    let Some((text, used)) = echoed else {
        return refuse(&app);
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
pub(super) async fn receive(app: Data<App>, req: HttpRequest, body: Bytes) -> Result<HttpResponse> {
    let opened = with_keys(&app, &req, |keys, query| keys.open(query, &body));
    let Some((body, _)) = opened else {
        return Ok(refuse(&app));
    };
    let (name, target) = match Received::parse(&body) {
        Ok(received) => (
            target::code(&received.event),
            target::of(&received.event, received.at),
        ),
        // Signed, so it comes from WeCom: kept to be looked at.
        Err(_) => ("unreadable".to_owned(), None),
    };
    // A repetition costs no write.
    let is_known = app.read(|r| inbox::is_known(r, &body))?;
    let act = Act::by_system("wecom.event", "callback");
    let is_new = !is_known
        && app
            .write(act, move |w| Ok(inbox::receive(w, body, name, target)?))
            .await?;
    if is_new {
        count(&app.sync.heard.stored);
        app.sync.arrived.notify_one();
    } else {
        count(&app.sync.heard.repeated);
    }
    Ok(HttpResponse::Ok()
        .content_type("text/plain")
        .body("success"))
}

/// Opens a call with the keys in use, or with those to come; gives the keys that did it.
fn with_keys<T>(
    app: &App,
    req: &HttpRequest,
    open: impl Fn(&Keys, &Query) -> Result<T, Refused>,
) -> Option<(T, CallbackKeys)> {
    let link = app.sync.link()?;
    let query = match Query::parse(req.query_string()) {
        Ok(query) => query,
        Err(why) => return note_refusal(app, why),
    };
    let mut refused = None;
    for (callback, keys) in &link.keys {
        match open(keys, &query) {
            Ok(opened) => return Some((opened, callback.clone())),
            // Signed with these, but wrong inside: that is the one to name.
            Err(why) if refused.is_none() || why != Refused::Signature => refused = Some(why),
            Err(_) => {}
        }
    }
    refused.and_then(|why| note_refusal(app, why))
}

fn note_refusal<T>(app: &App, why: Refused) -> Option<T> {
    tracing::warn!(%why, "callback refused");
    *locked(&app.sync.heard.last_refusal) = Some((app.store.clock().now(), why));
    None
}

fn refuse(app: &App) -> HttpResponse {
    count(&app.sync.heard.refused);
    HttpResponse::Forbidden().finish()
}
