//! The client of the server API: tokens, one way to call, retries, limits.
//!
//! Source of all protocol facts: WeCom documentation (服务端API), conventions section.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use reqwest::header::HeaderMap;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use crate::kit::{Clock, Secret, Timestamp};

use super::{
    error::{Class, Error},
    quota::{Governor, Urgency},
};

/// Root of WeCom's own server API.
pub const BASE_URL: &str = "https://qyapi.weixin.qq.com/cgi-bin/";
/// An answer larger than this is not read to its end.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// A file larger than this comes in stretches.
const FILE_BYTES_MAX: usize = 32 << 20;
/// A token is renewed this long before WeCom would refuse it.
const TOKEN_MARGIN_MS: i64 = 300_000;
/// Pages of one listing; more means that the cursor leads in a circle.
pub(super) const PAGES_MAX: usize = 100_000;

/// Which secret a call is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The self-built app: directory.
    App,
    /// Customer Contact.
    Contact,
    /// The sync assistant (通讯录同步): writing to the directory.
    Sync,
    /// The chat archive (会话内容存档).
    Archive,
}

/// How to reach one firm's account.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Root of the server API, with a slash at its end.
    pub base_url: String,
    /// Corp ID.
    pub corpid: String,
    /// Secret of the self-built app.
    pub app_secret: Secret<String>,
    /// Secret of Customer Contact, where the firm still has it; else the app's is used.
    pub contact_secret: Option<Secret<String>>,
    /// Secret of the sync assistant (通讯录同步); without it the directory can't be written.
    pub sync_secret: Option<Secret<String>>,
    /// Secret of the chat archive (会话内容存档); without it its calls are refused.
    pub archive_secret: Option<Secret<String>>,
    /// The HTTP proxy to go through, with its credentials if it wants any. Without it the
    /// environment decides (`HTTPS_PROXY`, `NO_PROXY`).
    pub proxy: Option<Secret<String>>,
}

/// How often and after what time a call that may pass is repeated.
#[derive(Debug, Clone)]
pub struct Patience {
    /// Waits before the second, third … attempt.
    pub waits: Vec<Duration>,
    /// Time for one attempt.
    pub timeout: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let waits = [1, 3, 9].map(Duration::from_secs).to_vec();
        Self {
            waits,
            timeout: Duration::from_secs(30),
        }
    }
}

/// What calls have cost so far.
#[derive(Debug)]
pub struct Metrics {
    calls: AtomicU64,
    failures: AtomicU64,
    waited_us: AtomicU64,
    /// [`UNKNOWN_SKEW`] until an answer has told the time.
    skew_ms: AtomicI64,
}

/// No answer has told its time yet.
const UNKNOWN_SKEW: i64 = i64::MIN;

impl Metrics {
    /// Attempts made.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
    /// Attempts that failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
    /// Time spent waiting for answers.
    pub fn waited(&self) -> Duration {
        Duration::from_micros(self.waited_us.load(Ordering::Relaxed))
    }
    /// By how many milliseconds our clock is ahead of the other end's, as of its last answer;
    /// good to a second and the time that the answer took.
    pub fn skew_ms(&self) -> Option<i64> {
        let skew = self.skew_ms.load(Ordering::Relaxed);
        (skew != UNKNOWN_SKEW).then_some(skew)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            calls: AtomicU64::default(),
            failures: AtomicU64::default(),
            waited_us: AtomicU64::default(),
            skew_ms: AtomicI64::new(UNKNOWN_SKEW),
        }
    }
}

/// The client. Cheap to clone; clones share tokens and limits.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    urgency: Urgency,
}

struct Inner {
    http: reqwest::Client,
    settings: Settings,
    patience: Patience,
    clock: Clock,
    tokens: Mutex<HashMap<Purpose, Token>>,
    quota: Governor,
    metrics: Metrics,
}

struct Token {
    value: Secret<String>,
    good_until: Timestamp,
}

/// Installs the one crypto library for TLS. Called first thing by every process; calling it
/// again is harmless.
pub fn install_crypto_provider() {
    // An error says that it is installed already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

#[derive(serde::Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "super::lenient::int")]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

#[derive(serde::Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default, deserialize_with = "super::lenient::int")]
    expires_in: i64,
}

impl Client {
    /// A client for one account, whose calls `quota` counts and holds back. Fails only if TLS
    /// cannot be set up.
    pub fn new(
        settings: Settings,
        patience: Patience,
        clock: Clock,
        quota: Governor,
    ) -> Result<Self, Error> {
        let proxy = settings.proxy.as_ref();
        let http = http_client(patience.timeout, proxy).map_err(|e| Error::Transport {
            call: "",
            why: describe(e),
        })?;
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                settings,
                patience,
                clock,
                tokens: Mutex::default(),
                quota,
                metrics: Metrics::default(),
            }),
            urgency: Urgency::Awaited,
        })
    }

    /// The same client for calls of this urgency.
    pub fn at(&self, urgency: Urgency) -> Self {
        Self {
            urgency,
            ..self.clone()
        }
    }

    /// What counts its calls.
    pub fn quota(&self) -> &Governor {
        &self.inner.quota
    }

    /// What calls have cost so far.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// A GET call.
    pub(super) async fn get<A: DeserializeOwned>(
        &self,
        purpose: Purpose,
        call: &'static str,
        query: &[(&str, &str)],
    ) -> Result<A, Error> {
        self.call::<(), A>(purpose, call, query, None).await
    }

    /// A POST call with a JSON body.
    pub(super) async fn post<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        purpose: Purpose,
        call: &'static str,
        body: &B,
    ) -> Result<A, Error> {
        self.call(purpose, call, &[], Some(body)).await
    }

    async fn call<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        purpose: Purpose,
        call: &'static str,
        query: &[(&str, &str)],
        body: Option<&B>,
    ) -> Result<A, Error> {
        let mut renewed = false;
        let mut attempt = 0;
        loop {
            let failed = match self.once(purpose, call, query, body).await {
                Ok(answer) => return parse(call, &answer),
                Err(failed) => failed,
            };
            if failed.class() == Some(Class::TokenInvalid) && !renewed {
                renewed = true;
                self.inner.tokens.lock().await.remove(&purpose);
                continue;
            }
            // What is held has waited already, and a refusal for calling too often has just
            // begun a penalty.
            let is_held = matches!(
                failed,
                Error::Held { .. } | Error::Refused { errcode: 45009, .. }
            );
            match self.inner.patience.waits.get(attempt) {
                Some(wait) if failed.may_pass() && !is_held => self.wait(*wait).await,
                _ => return Err(failed),
            }
            attempt += 1;
        }
    }

    /// Waits, a little more or less each time, so that clients do not knock in step.
    async fn wait(&self, wait: Duration) {
        let jitter = u32::try_from(self.inner.clock.now().ms().rem_euclid(50)).unwrap_or(0);
        tokio::time::sleep(wait + wait * jitter / 100).await;
    }

    /// The next call for this purpose fetches a new token.
    pub(super) async fn forget_token(&self, purpose: Purpose) {
        self.inner.tokens.lock().await.remove(&purpose);
    }

    /// One attempt with a token; gives the body of an answer with errcode 0.
    pub(super) async fn once<B: Serialize + Sync>(
        &self,
        purpose: Purpose,
        call: &'static str,
        query: &[(&str, &str)],
        body: Option<&B>,
    ) -> Result<BytesMut, Error> {
        let request = match body {
            Some(body) => self.post_to(call).json(body),
            None => self.get_from(call),
        };
        let request = self.signed(purpose, query, request).await?;
        self.send(call, request).await
    }

    /// A POST to this call, as yet without token and body.
    pub(super) fn post_to(&self, call: &'static str) -> reqwest::RequestBuilder {
        let address = format!("{}{call}", self.inner.settings.base_url);
        self.inner.http.post(address)
    }

    /// A GET of this call, as yet without token.
    pub(super) fn get_from(&self, call: &'static str) -> reqwest::RequestBuilder {
        let address = format!("{}{call}", self.inner.settings.base_url);
        self.inner.http.get(address)
    }

    /// The request with token and query.
    pub(super) async fn signed(
        &self,
        purpose: Purpose,
        query: &[(&str, &str)],
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::RequestBuilder, Error> {
        let token = self.token(purpose).await?;
        let token = [("access_token", token.expose().as_str())];
        Ok(request.query(&token).query(query))
    }

    /// The token, fetched once for all who wait for it.
    async fn token(&self, purpose: Purpose) -> Result<Secret<String>, Error> {
        const CALL: &str = "gettoken";
        let mut tokens = self.inner.tokens.lock().await;
        let now = self.inner.clock.now();
        if let Some(token) = tokens.get(&purpose).filter(|token| token.good_until > now) {
            return Ok(token.value.clone());
        }
        let settings = &self.inner.settings;
        let secret = match (purpose, &settings.contact_secret) {
            (Purpose::Contact, Some(secret)) => secret,
            _ => &settings.app_secret,
        };
        let secret = match (purpose, &settings.sync_secret, &settings.archive_secret) {
            (Purpose::Sync, Some(sync), _) => sync,
            (Purpose::Archive, _, Some(archive)) => archive,
            _ => secret,
        };
        let credentials = [
            ("corpid", settings.corpid.as_str()),
            ("corpsecret", secret.expose().as_str()),
        ];
        let address = format!("{}{CALL}", settings.base_url);
        let answer = self
            .send(CALL, self.inner.http.get(address).query(&credentials))
            .await?;
        let answer: TokenAnswer = parse(CALL, &answer)?;
        // Read, not assumed; the margin is at most half of it.
        let life_ms = answer.expires_in.max(0).saturating_mul(1000);
        let good_until = now.plus_ms(life_ms - TOKEN_MARGIN_MS.min(life_ms / 2));
        let value = Secret::new(answer.access_token);
        tokens.insert(
            purpose,
            Token {
                value: value.clone(),
                good_until,
            },
        );
        Ok(value)
    }

    pub(super) async fn send(
        &self,
        call: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<BytesMut, Error> {
        let answer = read(call, request, |told| self.note_time(told));
        self.counted(call, answer).await
    }

    /// Sends a request that is answered with a file.
    pub(super) async fn send_for_file(
        &self,
        call: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<(HeaderMap, Bytes), Error> {
        let answer = read_file(call, request, |told| self.note_time(told));
        self.counted(call, answer).await
    }

    /// Fetches what an address in one of WeCom's answers leads to, without any token, and
    /// bounded. Only over TLS, or from the very server that the calls go to.
    pub(super) async fn fetch_from(
        &self,
        call: &'static str,
        address: &str,
        bytes_max: usize,
    ) -> Result<(HeaderMap, Bytes), Error> {
        let bad = || Error::BadAnswer {
            call,
            what: "an address that is not followed".to_owned(),
        };
        let asked = reqwest::Url::parse(address).map_err(|_| bad())?;
        let base = reqwest::Url::parse(&self.inner.settings.base_url).map_err(|_| bad())?;
        if asked.scheme() != "https" && asked.origin() != base.origin() {
            return Err(bad());
        }
        let request = self.inner.http.get(asked);
        let answer = async {
            let received = receive(call, request, bytes_max, |told| self.note_time(told)).await?;
            let (status, headers, body) = received;
            match status {
                200 => Ok((headers, body.freeze())),
                status => Err(Error::Status { call, status }),
            }
        };
        self.counted(call, answer).await
    }

    fn note_time(&self, told: Timestamp) {
        let skew = self.inner.clock.now().since_ms(told);
        self.inner.metrics.skew_ms.store(skew, Ordering::Relaxed);
    }

    async fn counted<T>(
        &self,
        call: &'static str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let quota = &self.inner.quota;
        let now = || self.inner.clock.now();
        let pass = quota.enter(call, self.urgency).await;
        let _pass = pass.map_err(|held| Error::held(call, held, now()))?;
        let started = Instant::now();
        let metrics = &self.inner.metrics;
        let answered = answer.await;
        match &answered {
            Ok(_) => quota.answered(call, 0),
            Err(Error::Refused { errcode, .. }) => quota.answered(call, *errcode),
            Err(_) => {}
        }
        let waited = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        metrics.waited_us.fetch_add(waited, Ordering::Relaxed);
        metrics.calls.fetch_add(1, Ordering::Relaxed);
        if answered.is_err() {
            metrics.failures.fetch_add(1, Ordering::Relaxed);
        }
        answered
    }
}

/// An HTTP client as [`http_builder`] makes it.
pub(super) fn http_client(
    timeout: Duration,
    proxy: Option<&Secret<String>>,
) -> reqwest::Result<reqwest::Client> {
    http_builder(timeout, proxy)?.build()
}

/// What makes an HTTP client that trusts the well-known roots, follows nothing, and goes through
/// `proxy` or whatever the environment names. An address that cannot be a proxy is an error.
pub(super) fn http_builder(
    timeout: Duration,
    proxy: Option<&Secret<String>>,
) -> reqwest::Result<reqwest::ClientBuilder> {
    install_crypto_provider();
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots);
    let mut http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.with_no_client_auth())
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(timeout.min(Duration::from_secs(10)))
        .timeout(timeout);
    if let Some(proxy) = proxy {
        let proxy = reqwest::Proxy::all(proxy.expose().as_str())?;
        http = http.proxy(proxy.no_proxy(reqwest::NoProxy::from_env()));
    }
    Ok(http)
}

/// The time an answer says it was sent at (RFC 9110, `Date`).
fn told_time(headers: &reqwest::header::HeaderMap) -> Option<Timestamp> {
    let text = headers.get(reqwest::header::DATE)?.to_str().ok()?;
    let at = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    Some(Timestamp::from_ms(at.as_millisecond()))
}

/// Sends, bounds and judges an answer.
async fn read(
    call: &'static str,
    request: reqwest::RequestBuilder,
    on_time: impl FnOnce(Timestamp),
) -> Result<BytesMut, Error> {
    let (status, _, body) = receive(call, request, ANSWER_BYTES_MAX, on_time).await?;
    if status != 200 {
        return Err(Error::Status { call, status });
    }
    judge(call, &body)?;
    Ok(body)
}

/// The same for a file: only what is JSON with an errcode is no file.
async fn read_file(
    call: &'static str,
    request: reqwest::RequestBuilder,
    on_time: impl FnOnce(Timestamp),
) -> Result<(HeaderMap, Bytes), Error> {
    let (status, headers, body) = receive(call, request, FILE_BYTES_MAX, on_time).await?;
    if status != 200 && status != 206 {
        return Err(Error::Status { call, status });
    }
    let kind = headers.get(reqwest::header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let names_errcode = || serde_json::from_slice::<ErrcodeOnly>(&body).is_ok();
    if kind.contains("json") && names_errcode() {
        judge(call, &body)?;
    }
    Ok((headers, body.freeze()))
}

/// An object that has an errcode at all.
#[derive(serde::Deserialize)]
struct ErrcodeOnly {
    #[serde(rename = "errcode", deserialize_with = "super::lenient::int")]
    _errcode: i64,
}

/// Sends and bounds an answer; `on_time` hears when it was sent.
async fn receive(
    call: &'static str,
    request: reqwest::RequestBuilder,
    bytes_max: usize,
    on_time: impl FnOnce(Timestamp),
) -> Result<(u16, HeaderMap, BytesMut), Error> {
    let transport = |e: reqwest::Error| Error::Transport {
        call,
        why: describe(e),
    };
    let unsent = |e: reqwest::Error| match e.is_connect() {
        true => Error::NotSent {
            call,
            why: describe(e),
        },
        false => transport(e),
    };
    let response = request.send().await.map_err(unsent)?;
    if let Some(at) = told_time(response.headers()) {
        on_time(at);
    }
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = BytesMut::new();
    let mut stream = response.bytes_stream();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(transport)?;
        if body.len() + piece.len() > bytes_max {
            let what = format!("more than {bytes_max} bytes");
            return Err(Error::BadAnswer { call, what });
        }
        body.extend_from_slice(&piece);
    }
    Ok((status, headers, body))
}

/// An error unless the errcode is 0.
fn judge(call: &'static str, body: &[u8]) -> Result<(), Error> {
    let envelope: Envelope = parse(call, body)?;
    if envelope.errcode != 0 {
        return Err(Error::Refused {
            call,
            errcode: envelope.errcode,
            hint: hint(&envelope.errmsg),
            seen_ip: seen_ip(&envelope.errmsg),
        });
    }
    Ok(())
}

pub(super) fn parse<A: DeserializeOwned>(call: &'static str, body: &[u8]) -> Result<A, Error> {
    serde_json::from_slice(body).map_err(|error| {
        // The parser's own words may quote values; the place and kind are enough.
        let what = format!("{:?} error at column {}", error.classify(), error.column());
        let field = error.to_string();
        let missing = field
            .strip_prefix("missing field ")
            .and_then(|f| f.split(' ').next());
        let what = missing.map_or(what, |field| format!("no field {field}"));
        Error::BadAnswer { call, what }
    })
}

/// The part of an errmsg that WeCom's support asks for: `hint: [time_n_hex]`.
fn hint(errmsg: &str) -> String {
    let hint = errmsg
        .split_once("hint: [")
        .and_then(|(_, rest)| rest.split(']').next());
    hint.unwrap_or("")
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(80)
        .collect()
}

/// The address from which the call came, as WeCom saw it: `from ip: 203.0.113.7`.
fn seen_ip(errmsg: &str) -> Option<IpAddr> {
    let (_, rest) = errmsg.split_once("from ip: ")?;
    rest.split([',', ' ']).next()?.parse().ok()
}

/// An error of the HTTP library without its address: that carries the token.
pub(super) fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
