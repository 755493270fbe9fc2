//! A form that is posted twice is carried out once, and both get the same answer.
//!
//! Every rendering of a form carries an operation id. The frame lets one request after the
//! other through with the same id of the same browser, keeps what the first was answered, and
//! gives that to the others; no handler knows of it. What lies behind ([`OperationBook`]) makes
//! sure that the change itself happens once even if this process is not the one any more
//! that gave the answer: then the answer is the address the first one led to.
//!
//! A form that was refused or failed has changed nothing, so the next try with it is a first.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
};
use aws_lc_rs::digest;
use bytes::Bytes;
use tokio::sync::Mutex as AsyncMutex;

use super::{
    Cx,
    cx::Toast,
    forms::{self, FormBody, OPERATION_FIELD},
    frame::{self, Done},
    query,
    shown::go_to,
};
use crate::{
    error::{AppError, Result},
    kit::{Id, OperationId},
};

/// How long an answer stays in memory.
const KEPT: Duration = Duration::from_secs(120);
/// Answers in memory at most.
const ANSWERS_MAX: usize = 256;
/// A longer body is not kept: its form leads to the page it came from.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What remembers operations longer than this process lives.
pub trait OperationBook: Send + Sync {
    /// Lets everything that the request changes be carried out under this id, and only once.
    fn carry(&self, req: &HttpRequest, operation: OperationId);
    /// Whether whoever sends the request has had this carried out.
    fn find(&self, req: &HttpRequest, operation: OperationId) -> Result<Option<CarriedOut>>;
    /// Notes where the answer led.
    fn led_to(&self, req: &HttpRequest, operation: OperationId, address: &str);
}

/// An operation that was carried out.
pub struct CarriedOut {
    /// Where its answer led, if it led anywhere and that was noted.
    pub address: Option<String>,
}

/// Left with an answer that is none yet: the same form is to come once more, with something
/// added.
pub struct NotDone;

/// The operations under way and those just answered.
pub struct Operations {
    book: Box<dyn OperationBook>,
    slots: Mutex<HashMap<Key, Slot>>,
}

/// Of one browser's session: a digest of its secret, and the operation.
type Key = ([u8; 32], OperationId);

struct Slot {
    since: Instant,
    answer: Arc<AsyncMutex<Option<Answer>>>,
}

/// An answer as it was given.
struct Answer {
    status: StatusCode,
    headers: Vec<(header::HeaderName, header::HeaderValue)>,
    body: Bytes,
}

impl Operations {
    /// Remembers nothing yet.
    pub fn new(book: Box<dyn OperationBook>) -> Self {
        Self {
            book,
            slots: Mutex::default(),
        }
    }

    /// The same for a form with a file, which the frame has not read: a second one is refused
    /// when it comes to change something.
    pub(super) fn carry(&self, req: &HttpRequest, pairs: &[(String, String)]) {
        let field = pairs.iter().find(|(name, _)| name == OPERATION_FIELD);
        if let Some(operation) = field.and_then(|(_, value)| value.parse().ok()) {
            self.book.carry(req, operation);
        }
    }

    fn slot(&self, cx: &Cx, operation: OperationId) -> Arc<AsyncMutex<Option<Answer>>> {
        let mut whose = [0; 32];
        whose.copy_from_slice(digest::digest(&digest::SHA256, cx.form_secret.bytes()).as_ref());
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = |slot: &Slot| Arc::strong_count(&slot.answer) > 1;
        slots.retain(|_, slot| slot.since.elapsed() < KEPT || in_use(slot));
        if slots.len() >= ANSWERS_MAX {
            slots.retain(|_, slot| in_use(slot));
        }
        let slot = slots.entry((whose, operation)).or_insert_with(|| Slot {
            since: Instant::now(),
            answer: Arc::default(),
        });
        slot.answer.clone()
    }
}

/// Runs the handler, or gives the answer that the same form has had already.
pub(super) async fn once(
    web: &actix_web::web::Data<super::Web>,
    cx: &Cx,
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Done {
    let Some(operation) = operation(&req) else {
        return frame::run(req, next).await;
    };
    let slot = web.operations.slot(cx, operation);
    let first = tokio::time::timeout(frame::HANDLER_DEADLINE, slot.lock_owned()).await;
    let Ok(mut kept) = first else {
        return Err(AppError::Unavailable { why: "slow" }.into());
    };
    if let Some(answer) = &*kept {
        return Ok(req.into_response(answer.again()));
    }
    if let Some(done) = web.operations.book.find(req.request(), operation)? {
        let again = lead_on(cx, req.request(), done)?;
        return Ok(req.into_response(again));
    }
    web.operations.book.carry(req.request(), operation);
    // A second click ends the connection of the first. Its handler runs to its end all the
    // same, so that there is an answer for the second.
    let web = web.clone();
    let running = actix_web::rt::spawn(async move {
        let done = frame::run(req, next).await?;
        let (done, answer) = Answer::of(done);
        let Some(answer) = answer else {
            return Ok(done);
        };
        let book = &web.operations.book;
        if let Some(address) = answer.leads_to() {
            book.led_to(done.request(), operation, address);
            *kept = Some(answer);
        } else if book.find(done.request(), operation)?.is_some() {
            *kept = Some(answer);
        }
        // Otherwise it was a question, like the test of values as they are typed: it may be
        // asked again, with other values.
        Ok(done)
    });
    running.await.map_err(AppError::internal)?
}

fn operation(req: &ServiceRequest) -> Option<OperationId> {
    let extensions = req.extensions();
    let FormBody(body) = extensions.get::<FormBody>()?;
    forms::operation_field(body)?.parse::<Id<_>>().ok()
}

/// The answer to a form whose first answer is not in memory any more.
fn lead_on(cx: &Cx, req: &HttpRequest, done: CarriedOut) -> Result<HttpResponse> {
    let address = done.address.or_else(|| came_from(req));
    let said = Toast::done(cx, "form.done_before", ());
    go_to(cx, address.as_deref().unwrap_or("/"), &[said])
}

/// The page of ours on which the form stood.
fn came_from(req: &HttpRequest) -> Option<String> {
    let referer = req.headers().get(header::REFERER)?.to_str().ok()?;
    let address = referer.parse::<actix_web::http::Uri>().ok()?;
    query::local(address.path_and_query()?.as_str()).map(str::to_owned)
}

impl Answer {
    /// The answer, and what to keep of it: of a success with a body that is all there.
    fn of(done: ServiceResponse<BoxBody>) -> (ServiceResponse<BoxBody>, Option<Self>) {
        let status = done.status();
        let is_good = status.is_success() || status.is_redirection();
        let is_asked_back = done.response().extensions().contains::<NotDone>();
        if !is_good || is_asked_back || done.response().error().is_some() {
            return (done, None);
        }
        let (req, answer) = done.into_parts();
        let (head, body) = answer.into_parts();
        let (body, bytes) = match body.try_into_bytes() {
            Ok(bytes) => (BoxBody::new(bytes.clone()), Some(bytes)),
            Err(body) => (body, None),
        };
        let kept = bytes
            .filter(|b| b.len() <= BODY_BYTES_MAX)
            .map(|body| Self {
                status,
                headers: head
                    .headers()
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
                body,
            });
        (ServiceResponse::new(req, head.set_body(body)), kept)
    }

    fn again(&self) -> HttpResponse {
        let mut answer = HttpResponse::with_body(self.status, BoxBody::new(self.body.clone()));
        for (name, value) in &self.headers {
            answer.headers_mut().append(name.clone(), value.clone());
        }
        answer
    }

    fn leads_to(&self) -> Option<&str> {
        let led = |name: &str| {
            let mut headers = self.headers.iter();
            let (_, value) = headers.find(|(n, _)| n.as_str() == name)?;
            value.to_str().ok()
        };
        led("location").or_else(|| led("hx-redirect"))
    }
}
