//! The HTTP server.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use actix_web::{App as Web, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::{
    archive::ArchiveOptions,
    callbacks::Callbacks,
    check::{Call, Fail},
    faults::{self, Dials, Fault},
    handle::SimHandle,
    journal::{Deed, Entry, Journal},
    limits::Limits,
    media::{Blobs, File, Upload},
    receive,
    routes::{self, Handler, Route, Takes, Written},
    stage::{self, Refusal, Verb},
    state::World,
    tokens::{Identity, Tokens},
};
use crate::kit::{Clock, Timestamp};

const WORLD_FILE: &str = "world.json";
const JOURNAL_FILE: &str = "journal.jsonl";
const SETTINGS_FILE: &str = "settings.json";
const BLOBS_FOLDER: &str = "media";

/// What the simulator is started with.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Decides everything about the firm.
    pub seed: u64,
    /// How many customers.
    pub customers: u32,
    /// The firm's archived chats.
    pub chats: ArchiveOptions,
    /// The simulator's time; it stands still until [`SimHandle::clock`] is moved.
    pub now: Timestamp,
    /// Keeps seed, number and time of the first start, and what people have done since; a
    /// second start makes the same firm and goes on from there.
    pub dir: Option<PathBuf>,
}

/// The simulated WeCom server.
pub struct Simulator;

impl Simulator {
    /// Starts it on a thread of its own. It answers at once; the first calls wait until the
    /// firm is made.
    ///
    /// # Errors
    /// When the address can't be listened on, or `dir` can't be read or written.
    pub fn start(options: SimOptions) -> std::io::Result<SimHandle> {
        let started = options.now;
        let (options, journal, past) = match options.dir.clone() {
            Some(dir) => {
                let options = remembered(&dir, options)?;
                let (journal, past) = Journal::open(&dir.join(JOURNAL_FILE))?;
                (options, Some(journal), past)
            }
            None => (options, None, Vec::new()),
        };
        // Time never goes back behind what has happened.
        let last = past.last().map_or(options.now, |entry| entry.at);
        let clock = Clock::manual(started.max(last));
        let identity = Identity::of(options.seed);
        let limits = match &options.dir {
            Some(dir) => Limits::kept_in(dir.join(SETTINGS_FILE))?,
            None => Limits::default(),
        };
        let listener = std::net::TcpListener::bind(options.listen)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            callbacks: Callbacks::start(&identity, clock.clone())?,
            identity,
            blobs: Blobs::new(options.dir.as_ref().map(|dir| dir.join(BLOBS_FOLDER))),
            options,
            clock,
            limits,
            tokens: Mutex::default(),
            faults: Dials::default(),
            world: OnceLock::new(),
            past: Mutex::new(past),
            journal: Mutex::new(journal),
            serial: AtomicU64::new(0),
            answered: Mutex::default(),
            echo: AtomicBool::new(false),
        });
        let maker = Arc::clone(&shared);
        thread::Builder::new()
            .name("sim-world".to_owned())
            .spawn(move || drop(maker.world()))?;

        let data = web::Data::from(Arc::clone(&shared));
        let (tell, hear) = std::sync::mpsc::channel();
        let thread = thread::Builder::new()
            .name("sim".to_owned())
            .spawn(move || {
                actix_web::rt::System::new().block_on(async move {
                    let server = HttpServer::new(move || {
                        Web::new()
                            .app_data(data.clone())
                            .app_data(web::PayloadConfig::new(receive::BODY_MAX))
                            .configure(stage::picture_routes)
                            .configure(stage::routes)
                            .configure(stage::login_routes)
                            .default_service(web::to(answer))
                    })
                    .workers(1)
                    .disable_signals()
                    .shutdown_timeout(1)
                    .listen(listener)?
                    .run();
                    // Fails only when start() is gone, and then nobody waits.
                    let _ = tell.send(server.handle());
                    server.await
                })
            })?;
        let server = hear
            .recv()
            .map_err(|_| std::io::Error::other("the simulator's server did not start"))?;
        Ok(SimHandle::new(address, shared, server, thread))
    }
}

/// What a second start needs to make the same firm.
#[derive(serde::Serialize, serde::Deserialize)]
struct Remembered {
    seed: u64,
    customers: u32,
    now_ms: i64,
    #[serde(default)]
    messages: Option<u64>,
    #[serde(default)]
    arrivals_s: u64,
}

/// Options with the world that `dir` remembers, or `dir` made to remember these.
fn remembered(dir: &Path, mut options: SimOptions) -> std::io::Result<SimOptions> {
    let file = dir.join(WORLD_FILE);
    if file.exists() {
        let known: Remembered = serde_json::from_slice(&std::fs::read(&file)?)?;
        options.seed = known.seed;
        options.customers = known.customers;
        options.now = Timestamp::from_ms(known.now_ms);
        // A world from before there were chats takes those asked for from now on.
        if let Some(messages) = known.messages {
            options.chats.messages = messages;
            options.chats.arrivals_s = known.arrivals_s;
            return Ok(options);
        }
        return remember(dir, options);
    }
    std::fs::create_dir_all(dir)?;
    remember(dir, options)
}

fn remember(dir: &Path, options: SimOptions) -> std::io::Result<SimOptions> {
    let known = Remembered {
        seed: options.seed,
        customers: options.customers,
        now_ms: options.now.ms(),
        messages: Some(options.chats.messages),
        arrivals_s: options.chats.arrivals_s,
    };
    // Whole or not at all, should the process be killed here.
    let half = dir.join("world.json.new");
    std::fs::write(&half, serde_json::to_vec_pretty(&known)?)?;
    std::fs::rename(half, dir.join(WORLD_FILE))?;
    Ok(options)
}

/// Calls that are remembered.
const ANSWERED_MAX: usize = 20_000;

/// A call that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// When.
    pub at: Timestamp,
    /// Its path.
    pub path: String,
    /// The errcode, 0 if it was carried out; none where the answer was no JSON.
    pub errcode: Option<i64>,
}

/// What the server and its handle share.
pub struct Shared {
    pub(super) options: SimOptions,
    pub(super) identity: Identity,
    pub(super) clock: Clock,
    pub(super) faults: Dials<Fault>,
    pub(super) callbacks: Callbacks,
    pub(super) blobs: Blobs,
    pub(super) limits: Limits,
    tokens: Mutex<Tokens>,
    world: OnceLock<Mutex<World>>,
    /// Deeds of earlier runs, until the firm is made.
    past: Mutex<Vec<Entry>>,
    journal: Mutex<Option<Journal>>,
    serial: AtomicU64,
    /// The calls answered lately, the oldest first.
    answered: Mutex<VecDeque<Answered>>,
    /// Somebody else listens too, who is told what calls do to the directory.
    pub(super) echo: AtomicBool,
}

impl Shared {
    /// The firm; waits until it is made.
    pub fn world(&self) -> MutexGuard<'_, World> {
        let SimOptions {
            seed,
            customers,
            now,
            chats,
            ..
        } = self.options;
        let make = || {
            let mut world = World::new(seed, customers, now.ms() / 1000, chats);
            for entry in std::mem::take(&mut *locked(&self.past)) {
                self.again(&mut world, &entry);
            }
            Mutex::new(world)
        };
        locked(self.world.get_or_init(make))
    }

    /// Does what people do, keeps it and tells of it. Answers the id of what was made.
    ///
    /// # Errors
    /// When it is impossible; then nothing has changed.
    pub fn act(&self, deed: &Verb) -> Result<Option<String>, Refusal> {
        let at = self.clock.now();
        // Held to the end, so that callbacks and journal have the order of the changes.
        let mut world = self.world();
        self.callbacks.tell(world.pass_time(at.ms() / 1000), at);
        let done = world.act(deed, self.identity.agentid, at.ms() / 1000)?;
        self.keep(at, || Deed::Stage(deed.clone()));
        self.callbacks.tell(done.notices, at);
        Ok(done.id)
    }

    /// Lets happen what has become due by now.
    pub fn pass_time(&self) {
        let at = self.clock.now();
        let mut world = self.world();
        self.callbacks.tell(world.pass_time(at.ms() / 1000), at);
    }

    /// Does again what the journal says.
    fn again(&self, world: &mut World, entry: &Entry) {
        let (agentid, now_s) = (self.identity.agentid, entry.at.ms() / 1000);
        // What became due before was told at the time.
        drop(world.pass_time(now_s));
        match &entry.deed {
            Deed::Stage(verb) => {
                if let Err(refusal) = world.act(verb, agentid, now_s) {
                    tracing::error!(%refusal, "the journal has a deed that was impossible");
                }
            }
            Deed::Call(written) => {
                if let Err(fail) = world.write_again(written, &self.blobs, agentid, now_s) {
                    tracing::error!(
                        call = written.call,
                        errcode = fail.code,
                        "the journal has a call that was refused"
                    );
                }
            }
        }
    }

    fn keep(&self, at: Timestamp, deed: impl FnOnce() -> Deed) {
        if let Some(journal) = locked(&self.journal).as_mut()
            && let Err(error) = journal.append(&Entry { at, deed: deed() })
        {
            tracing::error!(%error, "the simulator's journal cannot be written");
        }
    }

    /// The tokens.
    pub fn tokens(&self) -> MutexGuard<'_, Tokens> {
        locked(&self.tokens)
    }

    /// How many calls of the API there have been.
    pub fn calls(&self) -> u64 {
        self.serial.load(Ordering::SeqCst)
    }

    /// The calls answered lately, the oldest first.
    pub fn answered(&self) -> Vec<Answered> {
        locked(&self.answered).iter().cloned().collect()
    }

    fn note(&self, path: &str, errcode: Option<i64>) {
        let mut answered = locked(&self.answered);
        if answered.len() == ANSWERED_MAX {
            answered.pop_front();
        }
        answered.push_back(Answered {
            at: self.clock.now(),
            path: path.to_owned(),
            errcode,
        });
    }

    /// The answer to a call, by the documented order of checks. `None`: no such path.
    fn call(
        &self,
        path: &str,
        query: &HashMap<String, String>,
        came: &Came,
        met: &[Fault],
    ) -> Option<Reply> {
        let serial = self.serial.fetch_add(1, Ordering::SeqCst);
        let (empty, result) = if path == "gettoken" {
            let answer = injected(met).and_then(|()| self.gettoken(query));
            (&[][..], answer.map(Reply::Json))
        } else {
            let route = routes::find(path)?;
            (route.empty, self.routed(route, query, came, met))
        };
        // What is carried out and denied all the same was carried out.
        let refused = result.as_ref().err().map_or(0, |fail| fail.code);
        let is_denied = met.contains(&Fault::ErrcodeAfter(refused));
        self.note(path, Some(if is_denied { 0 } else { refused }));
        Some(match result {
            Ok(Reply::Json(mut value)) => {
                value["errcode"] = json!(0);
                if value.get("errmsg").is_none() {
                    value["errmsg"] = json!("ok");
                }
                Reply::Json(value)
            }
            Ok(file @ Reply::File(..)) => file,
            Err(fail) => Reply::Json(fail.envelope(empty, self.clock.now(), serial, came.from)),
        })
    }

    fn gettoken(&self, query: &HashMap<String, String>) -> Result<Value, Fail> {
        let now = self.clock.now();
        let corpid = query.get("corpid").map(String::as_str);
        let secret = query.get("corpsecret").map(String::as_str);
        let mut tokens = self.tokens();
        let token = tokens.get(&self.identity, corpid, secret, now)?;
        let app = tokens.check(Some(&token), now)?;
        let refused = |_| Fail::new(40001, "invalid credential");
        self.limits.enabled(app).map_err(refused)?;
        let expires_in = tokens.seconds_left(&token, now);
        Ok(json!({ "access_token": token, "expires_in": expires_in }))
    }

    fn routed(
        &self,
        route: &Route,
        query: &HashMap<String, String>,
        came: &Came,
        met: &[Fault],
    ) -> Result<Reply, Fail> {
        let token = query.get("access_token").map(String::as_str);
        if met.contains(&Fault::ExpiredToken) {
            self.tokens().expire_all(self.clock.now());
        }
        let app = self.tokens().check(token, self.clock.now())?;
        injected(met)?;
        let now = self.clock.now();
        self.limits.check(route.path, app, came.from, now)?;
        self.limits.enabled(app)?;
        route.allow(app)?;
        self.world().lists(app, route.path)?;
        let came = came.body.as_ref().map_err(Clone::clone)?;
        let mut body = route.body(&came.bytes)?;
        let empty_page = faults::cursor_in(&mut body, met);
        let at = self.clock.now();
        let call = Call {
            app,
            agentid: self.identity.agentid,
            now_s: at.ms() / 1000,
            query,
            body,
            upload: came.upload.as_ref(),
            has_callback: self.callbacks.target().is_some(),
            blobs: &self.blobs,
            shift_pages: met.contains(&Fault::ShiftingPages),
        };
        let mut value = match route.handler {
            Handler::Read(read) => {
                let mut world = self.world();
                self.callbacks.tell(world.pass_time(call.now_s), at);
                let looked = read(&world, &call);
                if looked.as_ref().is_err_and(|fail| fail.code == 46004) {
                    self.limits.missed(route.path, at);
                }
                looked?
            }
            Handler::Raw(look) => {
                let file = look(&self.world(), &call)?;
                let bytes = self.blobs.get(&file.blob).unwrap_or_default();
                return Ok(Reply::File(file, bytes));
            }
            Handler::Write(write) => {
                // Held to the end, so that callbacks and journal have the order of the changes.
                let mut world = self.world();
                self.callbacks.tell(world.pass_time(call.now_s), at);
                let wrote = world.change(write, &call)?;
                self.keep_upload(&call)?;
                self.limits.made(route.path, app, at);
                self.keep(at, || Deed::Call(written(route, &call)));
                self.callbacks.tell(wrote.notices, at);
                if self.echo.load(Ordering::Relaxed) {
                    self.callbacks.tell(wrote.echoes, at);
                }
                wrote.value
            }
        };
        for fault in met {
            if let Fault::ErrcodeAfter(code) = fault {
                return Err(faults::fail(*code));
            }
        }
        faults::cursor_out(&mut value, route, met, empty_page);
        Ok(Reply::Json(value))
    }

    fn keep_upload(&self, call: &Call<'_>) -> Result<(), Fail> {
        let Some(upload) = call.upload else {
            return Ok(());
        };
        let kept = self.blobs.keep(&upload.blob, &upload.bytes);
        kept.map_err(|error| {
            tracing::error!(%error, "the simulator's files cannot be written");
            Fail::new(-1, "system error")
        })
    }
}

/// The call as the journal keeps it.
fn written(route: &Route, call: &Call<'_>) -> Written {
    let query = call
        .query
        .iter()
        .filter(|(name, _)| *name != "access_token");
    let query = query.map(|(name, value)| (name.clone(), json!(value)));
    Written {
        call: route.path.to_owned(),
        app: call.app,
        query: query.collect(),
        body: match route.takes {
            Takes::Json => call.body.clone(),
            Takes::Nothing | Takes::File => Value::Null,
        },
        upload: call.upload.cloned(),
    }
}

/// What came with a call.
#[derive(Debug, Default)]
pub struct Body {
    /// A JSON body, unread.
    pub bytes: web::Bytes,
    /// A file.
    pub upload: Option<Upload>,
}

/// What came with a call, and from where.
struct Came {
    body: Result<Body, Fail>,
    from: IpAddr,
}

/// What goes back.
enum Reply {
    /// Almost always.
    Json(Value),
    /// A file with its content.
    File(File, web::Bytes),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn injected(met: &[Fault]) -> Result<(), Fail> {
    for fault in met {
        if let Fault::Errcode(code) = fault {
            return Err(faults::fail(*code));
        }
    }
    Ok(())
}

async fn answer(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let Some(path) = request.path().strip_prefix("/cgi-bin/") else {
        return HttpResponse::NotFound().finish();
    };
    let _under_way = shared.limits.begin(path);
    let met = shared.faults.on(path);
    for fault in &met {
        match fault {
            Fault::Latency(time) => actix_web::rt::time::sleep(*time).await,
            Fault::Status(code) => {
                shared.note(path, None);
                return gateway(*code);
            }
            _ => {}
        }
    }
    let query = web::Query::<HashMap<String, String>>::from_query(request.query_string())
        .map(web::Query::into_inner)
        .unwrap_or_default();
    let takes = routes::find(path).map_or(Takes::Nothing, |route| route.takes);
    let came = Came {
        body: receive::body(takes, &request, payload).await,
        from: request
            .peer_addr()
            .map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.ip()),
    };
    let replied = shared.call(path, &query, &came, &met);
    for fault in &met {
        match fault {
            Fault::LatencyAfter(time) => actix_web::rt::time::sleep(*time).await,
            Fault::StatusAfter(code) => return gateway(*code),
            _ => {}
        }
    }
    let mut value = match replied {
        None => return HttpResponse::NotFound().finish(),
        Some(Reply::File(file, bytes)) => return receive::file(&request, &file, bytes),
        Some(Reply::Json(value)) => value,
    };
    faults::spoil(&mut value, &met);
    let text = stage::here(&request, value.to_string());
    let mut response = HttpResponse::Ok();
    response.content_type("application/json; charset=UTF-8");
    if met.contains(&Fault::HalfBody) {
        return response.body(half(text));
    }
    response.body(text)
}

/// What a gateway answers that has no answer.
fn gateway(code: u16) -> HttpResponse {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    HttpResponse::build(status)
        .content_type("text/html")
        .body("<html>")
}

/// A body that says how long it is and breaks off half way.
fn half(text: String) -> impl actix_web::body::MessageBody {
    let length = text.len() as u64;
    let bytes = web::Bytes::from(text).slice(..usize::try_from(length / 2).unwrap_or(0));
    let first = stream::once(async move { Ok(bytes) });
    let second = stream::once(async {
        // Gives the first half time to leave before the connection closes.
        tokio::task::yield_now().await;
        Err(std::io::Error::other("broken off"))
    });
    actix_web::body::SizedStream::new(length, Box::pin(first.chain(second)))
}
