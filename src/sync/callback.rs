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
    web::{Bytes, Data},
};

use crate::{
    app::App,
    error::Result,
    store::Act,
    wecom::{
        callback::{Keys, Query, Refused},
        event::Received,
    },
};

use super::{inbox, target};

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
        Some(text) => HttpResponse::Ok().content_type("text/plain").body(text),
        None => refuse(&app),
    }
}

/// Stores an event and answers once it is durable.
pub(super) async fn receive(app: Data<App>, req: HttpRequest, body: Bytes) -> Result<HttpResponse> {
    let opened = with_keys(&app, &req, |keys, query| keys.open(query, &body));
    let Some(body) = opened else {
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

fn with_keys<T>(
    app: &App,
    req: &HttpRequest,
    open: impl FnOnce(&Keys, &Query) -> Result<T, Refused>,
) -> Option<T> {
    let link = app.sync.link()?;
    let keys = link.keys.as_ref()?;
    let opened = Query::parse(req.query_string()).and_then(|query| open(keys, &query));
    opened
        .inspect_err(|why| tracing::warn!(%why, "callback refused"))
        .ok()
}

fn refuse(app: &App) -> HttpResponse {
    count(&app.sync.heard.refused);
    HttpResponse::Forbidden().finish()
}
