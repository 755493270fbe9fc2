//! `/wecom/callback`: WeCom tells that something has happened.
//!
//! WeCom waits one second for the echo and five for an event, and asks three times in all; an
//! event that is not heard then is lost. So: check, decrypt, store, answer; everything else
//! comes later. Whatever is wrong with a call, the answer is the same: nothing is told to a
//! stranger, and the page of events counts why.
//!
//! Source: WeCom documentation, 接收消息与事件.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use futures_util::StreamExt;

use crate::{
    app::App,
    error::Result,
    store::Act,
    wecom::{
        callback::{BODY_BYTES_MAX, Keys, Query, Refused},
        event::Received,
    },
};

use super::{inbox, refusals::Reason, target};

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
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Answers the echo with which WeCom checks the address when it is entered.
pub(super) async fn verify(app: Data<App>, req: HttpRequest) -> HttpResponse {
    let echoed = with_keys(&app, &req, |keys, query| keys.echo(query));
    match echoed {
        // Nothing but the text itself: no quotes, no line end.
        Ok(text) => HttpResponse::Ok().content_type("text/plain").body(text),
        Err(reason) => refuse(&app, reason),
    }
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
    let body = match opened {
        Ok(body) => body,
        Err(reason) => return Ok(refuse(&app, reason)),
    };
    let (name, target) = match Received::parse(&body) {
        Ok(received) => (
            target::code(&received.event),
            target::of(&received.event, received.at),
        ),
        // Signed, so it comes from WeCom: kept to be looked at.
        Err(_) => ("unreadable".to_owned(), None),
    };
    #[cfg(any(test, feature = "faults"))]
    let body = match planted::spoil(&app, body, &name, &target).await {
        Some(body) => body,
        None => return Ok(HttpResponse::Ok().body("success")),
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

fn with_keys<T>(
    app: &App,
    req: &HttpRequest,
    open: impl FnOnce(&Keys, &Query) -> Result<T, Refused>,
) -> Result<T, Reason> {
    let link = app.sync.link().ok_or(Reason::NotSetUp)?;
    let keys = link.keys.as_ref().ok_or(Reason::NotSetUp)?;
    let opened = Query::parse(req.query_string()).and_then(|query| open(keys, &query));
    opened.map_err(|why| {
        tracing::warn!(%why, "callback refused");
        Reason::of(&why)
    })
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
