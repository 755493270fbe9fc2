//! The whole product over a made-up firm, on free ports, in a folder that goes with the test.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::header::HeaderMap;

use qitai::{
    app::{App, OpenError},
    config::{ArchiveSource, Config, WecomConfig},
    identity::{
        AccessSettings, NewPassword, PasswordHash, Role, Unit, Viewer,
        actions::{self, CreateAccount, SaveAccessSettings},
    },
    kit::{Clock, Id, Random, Secret},
    org, serve,
    store::{EngineError, Folder, StoreError, SubjectId},
    sync,
    wecom::sim::{ArchiveOptions, SimHandle, SimOptions, Simulator, Target, firm},
    work::{JobState, jobs},
};

/// The password of everybody in tests.
pub const PASSWORD: &str = "a long test password";
/// How long anything may take to come true before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running product.
pub struct TestApp {
    pub app: Arc<App>,
    pub sim: Option<SimHandle>,
    pub address: String,
    background: tokio::runtime::Runtime,
    running: Option<tokio::task::JoinHandle<qitai::error::Result<()>>>,
    server: Option<std::thread::JoinHandle<()>>,
    link: Link,
    dir: Option<tempfile::TempDir>,
}

/// A product at rest: its folder and the firm it belongs to.
pub struct Stopped {
    pub dir: tempfile::TempDir,
    sim: SimHandle,
    link: Link,
}

/// How a product stands to the firm's WeCom account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It knows of none.
    None,
    /// It is connected.
    Account,
    /// It is connected and reads the archived chats.
    Chats,
}

impl Stopped {
    /// Where the data folder is.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts everything again, over the same firm and the folder as it is now.
    pub fn start(self) -> TestApp {
        TestApp::over(self)
    }
}

impl TestApp {
    /// Starts everything, syncs the firm, and makes four accounts with their places.
    pub fn start() -> Self {
        Self::with_customers(150)
    }

    pub fn with_customers(customers: u32) -> Self {
        let test = Self::run(customers, Link::Account, 0);
        test.sync();
        test.make_accounts();
        test.settle();
        test
    }

    /// A folder that knows of no account at WeCom, with a super admin alone.
    pub fn unconnected(customers: u32) -> Self {
        let test = Self::run(customers, Link::None, 0);
        test.make_account("admin", Role::SuperAdmin, None, None);
        test
    }

    /// The same as [`Self::with_customers`], on a firm with so many archived messages. They
    /// are read from the moment on in which the firm has a key.
    pub fn with_chats(customers: u32, messages: u64) -> Self {
        let test = Self::run(customers, Link::Chats, messages);
        test.sync();
        test.make_accounts();
        test.settle();
        test
    }

    fn run(customers: u32, link: Link, messages: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sim = Simulator::start(SimOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            seed: 7,
            customers,
            chats: ArchiveOptions {
                messages,
                ..ArchiveOptions::default()
            },
            now: Clock::system().now(),
            dir: None,
        })
        .unwrap();
        Self::over(Stopped { dir, sim, link })
    }

    /// Serves what is in the folder.
    fn over(stopped: Stopped) -> Self {
        let app = open(&stopped.sim, stopped.data(), stopped.link);
        let Stopped { dir, sim, link } = stopped;
        let background = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let running = background.spawn(app.clone().run());
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", socket.local_addr().unwrap());
        let domain = address.trim_start_matches("http://");
        sim.set_login_domain(domain);
        let serving = app.clone();
        let server = std::thread::spawn(move || {
            actix_web::rt::System::new()
                .block_on(serve::serve(serving, socket))
                .unwrap();
        });
        Self {
            app,
            sim: Some(sim),
            address,
            background,
            running: Some(running),
            server: Some(server),
            link,
            dir: Some(dir),
        }
    }

    /// Brings everything to rest, as a signal does.
    pub fn stop(mut self) -> Stopped {
        self.app.stop();
        self.server.take().unwrap().join().unwrap();
        let running = self.running.take().unwrap();
        self.background.block_on(running).unwrap().unwrap();
        Stopped {
            dir: self.dir.take().unwrap(),
            sim: self.sim.take().unwrap(),
            link: self.link,
        }
    }

    /// Ends everything in the middle of whatever it does. What is durable stays.
    pub fn kill(mut self) -> Stopped {
        let spare = tokio::runtime::Builder::new_current_thread();
        let spare = { spare }.enable_all().build().unwrap();
        std::mem::replace(&mut self.background, spare).shutdown_background();
        self.running = None;
        self.app.stop();
        self.server.take().unwrap().join().unwrap();
        Stopped {
            dir: self.dir.take().unwrap(),
            sim: self.sim.take().unwrap(),
            link: self.link,
        }
    }

    /// Waits for something of the product's, such as a call of its client.
    pub fn wait_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.background.block_on(work)
    }

    /// Waits until the newest full sync has ended well.
    pub fn end_latest_sync(&self) -> jobs::Job {
        let job = self.app.read(|r| jobs::latest(r, sync::KIND)).unwrap();
        self.end_sync(job.expect("a sync was asked for").id)
    }

    /// What WeCom's console does before it saves an address: asks it to decrypt an echo.
    pub fn verify_callback(
        &self,
        url: &str,
        token: &str,
        encoding_aes_key: &str,
    ) -> Result<(), String> {
        let target = Target {
            url: url.to_owned(),
            token: token.to_owned(),
            encoding_aes_key: encoding_aes_key.to_owned(),
        };
        let sim = self.sim.as_ref().unwrap();
        self.background
            .block_on(sim.verify_target(&target))
            .map_err(|why| why.to_string())
    }

    /// Runs a full sync until search has what it brought; gives the job.
    pub fn sync(&self) -> jobs::Job {
        let job = self.end_sync(self.begin_sync());
        self.settle();
        job
    }

    /// Begins a full sync.
    pub fn begin_sync(&self) -> jobs::JobId {
        let act = Viewer::system("test").change("sync.start");
        let id = self
            .app
            .store
            .write_blocking(act, |w| Ok(sync::enqueue(w)?))
            .unwrap();
        self.app.jobs.notify_one();
        id
    }

    /// Waits until a full sync has ended.
    pub fn end_sync(&self, id: jobs::JobId) -> jobs::Job {
        let job = self.wait_for("the sync ends", || {
            let job = self.app.read(|r| r.get::<jobs::Job>(&id)).unwrap().unwrap();
            job.state.is_final().then_some(job)
        });
        assert_eq!(job.state, JobState::Done, "{:?}", job.failure);
        job
    }

    /// From now on the firm tells what happens in it.
    pub fn hear_events(&self) {
        let sim = self.sim.as_ref().unwrap();
        sim.set_callback(&format!("{}{}", self.address, sync::CALLBACK));
    }

    /// Waits until all events on their way have come and been dealt with.
    pub fn settle_events(&self) {
        let sim = self.sim.as_ref().unwrap();
        self.background.block_on(sim.callbacks_settled());
        let admin = self.sign_in("admin");
        self.wait_for("all events are dealt with", || {
            let page = admin.get("/settings/wecom/events?state=waiting").body;
            page.contains("没有这样的事件").then_some(())
        });
    }

    /// Waits until search has everything that is stored.
    pub fn settle(&self) {
        self.wait_for("the index catches up", || {
            self.app.is_caught_up().then_some(())
        });
    }

    /// Runs a future to its end.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.background.block_on(future)
    }

    /// Polls until it is so.
    pub fn wait_for<T>(&self, what: &str, so: impl FnMut() -> Option<T>) -> T {
        self.wait_at_most(PATIENCE, what, so)
    }

    /// The same where a call may have been on its way when the product was killed: it is left
    /// alone for a minute.
    pub fn wait_after_crash<T>(&self, what: &str, so: impl FnMut() -> Option<T>) -> T {
        self.wait_at_most(3 * PATIENCE, what, so)
    }

    fn wait_at_most<T>(
        &self,
        patience: Duration,
        what: &str,
        mut so: impl FnMut() -> Option<T>,
    ) -> T {
        let start = Instant::now();
        loop {
            if let Some(value) = so() {
                return value;
            }
            assert!(start.elapsed() < patience, "gave up waiting: {what}");
            let pause = async { tokio::time::sleep(Duration::from_millis(20)).await };
            self.background.block_on(pause);
        }
    }

    fn make_accounts(&self) {
        let cast = firm::cast();
        let people = [
            ("admin", cast.super_admin, Role::SuperAdmin, None),
            (
                "manager",
                cast.region_manager,
                Role::DepartmentAdmin,
                Some(cast.region),
            ),
            ("staff", cast.store_staff, Role::Staff, None),
            ("compliance", cast.compliance, Role::Compliance, None),
        ];
        for (login, userid, role, department) in people {
            let (member, unit) = self.app.read(|r| {
                let tree = org::queries::DepartmentTree::load(r).unwrap();
                let unit = department.map(|id| tree.get(id).unwrap().id.cast());
                (
                    org::queries::member_id_by_userid(r, userid)
                        .unwrap()
                        .unwrap(),
                    unit,
                )
            });
            self.make_account(login, role, Some(member.cast()), unit);
        }
        self.save_access(AccessSettings {
            staff_sees_department: true,
            ..Default::default()
        });
    }

    /// Admins read archived conversations from now on, within their reach.
    pub fn let_admins_read_chats(&self) {
        self.save_access(AccessSettings {
            staff_sees_department: true,
            admins_read_chats: true,
            ..Default::default()
        });
    }

    fn save_access(&self, settings: AccessSettings) {
        let viewer = Viewer::system("test");
        self.app
            .store
            .write_blocking(viewer.change("settings.access"), move |w| {
                let allowed = viewer.allow(w, SaveAccessSettings { settings })?;
                actions::save_access_settings(w, allowed)
            })
            .unwrap();
    }

    pub fn make_account(
        &self,
        login: &str,
        role: Role,
        member: Option<SubjectId>,
        unit: Option<Id<Unit>>,
    ) {
        let password = NewPassword::given(Secret::new(PASSWORD.to_owned()), "password").unwrap();
        let hash = PasswordHash::make(&password, self.app.store.random()).unwrap();
        let viewer = Viewer::system("test");
        let command = CreateAccount {
            login: login.to_owned(),
            name: login.to_owned(),
            role,
            member,
            units: unit.into_iter().collect(),
            password: Some(hash),
        };
        self.app
            .store
            .write_blocking(viewer.change("account.create"), move |w| {
                let allowed = viewer.allow(w, command)?;
                actions::create_account(w, allowed).map(drop)
            })
            .unwrap();
    }

    /// Somebody without a session.
    pub fn stranger(&self) -> Visitor<'_> {
        Visitor {
            test: self,
            cookies: std::cell::RefCell::default(),
        }
    }

    /// Somebody signed in, through the sign-in page.
    pub fn sign_in(&self, login: &str) -> Visitor<'_> {
        let visitor = self.stranger();
        let answer = visitor.post("/login", &[("login", login), ("password", PASSWORD)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        visitor
    }

    fn send(&self, request: reqwest::RequestBuilder) -> (u16, HeaderMap, Vec<u8>) {
        self.background.block_on(async {
            let answer = request.send().await.unwrap();
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            (status, headers, answer.bytes().await.unwrap().to_vec())
        })
    }

    /// Gets a page of somebody else's, without following where it leads.
    pub fn fetch(&self, address: &str) -> Answer {
        let (status, headers, bytes) = self.send(plain_client().get(address));
        Answer::of(status, headers, bytes)
    }

    /// Posts the same form of somebody at the same time, each over a connection of its own;
    /// gives status and where it led.
    pub fn post_at_once(
        &self,
        visitor: &Visitor<'_>,
        path: &str,
        fields: &[(&str, &str)],
        times: usize,
    ) -> Vec<(u16, String)> {
        let sent = (0..times).map(|_| {
            plain_client()
                .post(format!("{}{path}", self.address))
                .header("cookie", visitor.cookie_header())
                .header("sec-fetch-site", "same-origin")
                .form(fields)
                .send()
        });
        let answers = self
            .background
            .block_on(futures_util::future::join_all(sent));
        let told = |answer: reqwest::Response| {
            let led_to = answer.headers().get("location");
            let led_to = led_to.map_or("", |v| v.to_str().unwrap()).to_owned();
            (answer.status().as_u16(), led_to)
        };
        answers.into_iter().map(|a| told(a.unwrap())).collect()
    }

    /// Posts a body as it is, without cookies; gives the status.
    pub fn post_raw(&self, path: &str, body: &[u8]) -> u16 {
        let http = reqwest::Client::builder().build().unwrap();
        let request = http
            .post(format!("{}{path}", self.address))
            .body(body.to_vec());
        self.background
            .block_on(async { request.send().await.unwrap().status().as_u16() })
    }

    /// Number of entries in the audit trail, the waiting ones included.
    pub fn audit_size(&self) -> u64 {
        // A write goes through the same queue, so whatever was queued before is counted.
        let act = Viewer::system("test").change("test.flush");
        self.app.store.write_blocking(act, |_| Ok(())).unwrap();
        self.app.read(qitai::audit::log::size).unwrap()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.app.stop();
        if let Some(server) = self.server.take() {
            drop(server.join());
        }
        if let Some(sim) = self.sim.take() {
            sim.stop();
        }
    }
}

fn open(sim: &SimHandle, data: PathBuf, link: Link) -> Arc<App> {
    Folder::at(&data).create(&Random::system()).unwrap();
    let app = open_when_free(sim, &data, link);
    // The library's process is the product itself, which tests are not.
    app.archive
        .run_library_in(env!("CARGO_BIN_EXE_qitai").into());
    app
}

/// After a kill the last to let go of the folder may be a thread that is just ending.
fn open_when_free(sim: &SimHandle, data: &Path, link: Link) -> Arc<App> {
    let start = Instant::now();
    loop {
        match App::open(config(sim, data.to_owned(), link)) {
            Err(OpenError::Store(StoreError::Engine(EngineError::InUse)))
                if start.elapsed() < PATIENCE =>
            {
                std::thread::park_timeout(Duration::from_millis(2));
            }
            opened => return opened.unwrap(),
        }
    }
}

/// How the product is told where WeCom is.
pub fn config(sim: &SimHandle, data: PathBuf, link: Link) -> Config {
    let wecom = WecomConfig {
        corpid: sim.corpid.clone(),
        agentid: sim.agentid,
        app_secret: Secret::new(sim.app_secret.clone()),
        contact_secret: Some(Secret::new(sim.contact_secret.clone())),
        sync_secret: Some(Secret::new(sim.sync_secret.clone())),
        archive_secret: Some(Secret::new(sim.archive_secret.clone())),
        callback_token: Some(Secret::new(sim.token.clone())),
        callback_aes_key: Some(Secret::new(sim.encoding_aes_key.clone())),
    };
    let listen = ([127, 0, 0, 1], 0).into();
    Config {
        data,
        listen,
        firm: None,
        wecom: (link != Link::None).then_some(wecom),
        archive: (link == Link::Chats).then(|| ArchiveSource::Url(sim.base_url.clone())),
        wecom_base_url: sim.base_url.clone(),
        proxy: None,
        wecom_login_url: Some(sim.login_url()),
        public_url: None,
        behind_proxy: false,
        tls: None,
    }
}

/// A browser as the server sees it: cookies, forms with their tokens.
pub struct Visitor<'t> {
    test: &'t TestApp,
    cookies: std::cell::RefCell<BTreeMap<String, String>>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    pub body: String,
}

/// A client that goes nowhere by itself.
fn plain_client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

impl Answer {
    fn of(status: u16, headers: HeaderMap, bytes: Vec<u8>) -> Self {
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Self {
            status,
            headers,
            bytes,
            body,
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }
}

impl Visitor<'_> {
    /// The cookies this browser has.
    pub fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.borrow().clone()
    }

    /// A browser that has these cookies.
    pub fn with_cookies(self, cookies: BTreeMap<String, String>) -> Self {
        self.cookies.replace(cookies);
        self
    }

    fn cookie_header(&self) -> String {
        let cookies = self.cookies.borrow();
        let pairs = cookies.iter().map(|(n, v)| format!("{n}={v}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request(reqwest::Method::GET, path, &[], None)
    }

    /// Gets the part of a page with this id, as the page's script does.
    pub fn part(&self, path: &str, id: &str) -> Answer {
        let headers = [("hx-request", "true"), ("hx-target", id)];
        self.request(reqwest::Method::GET, path, &headers, None)
    }

    /// Begins to get something; what it brings is for the caller to take.
    pub fn begin(&self, path: &str) -> reqwest::Response {
        let request = plain_client().get(format!("{}{path}", self.test.address));
        let request = request.header("cookie", self.cookie_header());
        self.test.block_on(request.send()).unwrap()
    }

    /// Gets a part of a file.
    pub fn get_range(&self, path: &str, range: &str) -> Answer {
        self.request(reqwest::Method::GET, path, &[("range", range)], None)
    }

    /// Gets what stands in an element of a page, as the page's script does.
    pub fn get_part(&self, path: &str, element: &str) -> Answer {
        let headers = [("hx-request", "true"), ("hx-target", element)];
        self.request(reqwest::Method::GET, path, &headers, None)
    }

    /// As a browser that names itself so.
    pub fn get_as(&self, path: &str, agent: &str) -> Answer {
        let headers = [("user-agent", agent)];
        self.request(reqwest::Method::GET, path, &headers, None)
    }

    /// The value of a cookie; empty if there is none.
    pub fn cookie(&self, name: &str) -> String {
        self.cookies.borrow().get(name).cloned().unwrap_or_default()
    }

    /// Sets a cookie that the server has taken back.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.cookies.borrow_mut().insert(name, value);
    }

    /// As a program with an API token.
    pub fn get_with(&self, path: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        self.request(reqwest::Method::GET, path, &headers, None)
    }

    /// Posts a form with the token of the sign-in or account page.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let page = if self.cookies.borrow().contains_key("qitai") {
            "/me"
        } else {
            "/login"
        };
        let body = self.get(page).body;
        let token = body
            .split("name=\"csrf\" content=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("every page has a token");
        let mut fields = fields.to_vec();
        fields.push(("csrf", token));
        self.post_as_is(path, &fields)
    }

    /// Posts a form whose last field is a file.
    pub fn upload(&self, path: &str, file: &str, content: &[u8]) -> Answer {
        self.upload_with(path, &[], file, content)
    }

    /// Posts a form with these fields and a file at its end.
    pub fn upload_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        file: &str,
        content: &[u8],
    ) -> Answer {
        let page = self.get("/me").body;
        let token = page.split("name=\"csrf\" content=\"").nth(1);
        let token = token.and_then(|rest| rest.split('"').next()).unwrap();
        // Each page that is filled in has an operation id of its own.
        static UPLOADS: AtomicU64 = AtomicU64::new(1);
        let operation = format!("{:013}", UPLOADS.fetch_add(1, Ordering::Relaxed));
        let mut body = Vec::new();
        let own = [("csrf", token), ("op", operation.as_str())];
        for (name, value) in own.iter().chain(fields) {
            let part = format!(
                "--sep\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend(part.bytes());
        }
        let part = format!(
            "--sep\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{file}\"\r\n\r\n"
        );
        body.extend(part.bytes());
        body.extend(content);
        body.extend(b"\r\n--sep--\r\n");
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("content-type", "multipart/form-data; boundary=sep"),
        ];
        self.send(reqwest::Method::POST, path, &headers, |request| {
            request.body(body)
        })
    }

    /// Posts exactly these fields.
    pub fn post_as_is(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<(String, String)> = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let headers = [("sec-fetch-site", "same-origin")];
        self.request(reqwest::Method::POST, path, &headers, Some(fields))
    }

    fn request(
        &self,
        method: reqwest::Method,
        path: &str,
        headers: &[(&str, &str)],
        form: Option<Vec<(String, String)>>,
    ) -> Answer {
        self.send(method, path, headers, |request| match &form {
            Some(form) => request.form(form),
            None => request,
        })
    }

    /// Sends a JSON body with these headers, as a program does.
    pub fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/scim+json"));
        self.send(method, path, &headers, |request| match body {
            Some(body) => request.body(body),
            None => request,
        })
    }

    /// Sends an empty form with this method and a token.
    pub fn send_as(&self, method: &str, path: &str) -> Answer {
        let body = self.get("/me").body;
        let token = body.split("name=\"csrf\" content=\"").nth(1);
        let token = token.and_then(|rest| rest.split('"').next()).unwrap();
        let headers = [("sec-fetch-site", "same-origin"), ("x-csrf-token", token)];
        let method = method.parse().unwrap();
        self.send(method, path, &headers, |request| request)
    }

    fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        headers: &[(&str, &str)],
        fill: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Answer {
        let mut request = plain_client().request(method, format!("{}{path}", self.test.address));
        request = request.header("cookie", self.cookie_header());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (status, headers, bytes) = self.test.send(fill(request));
        for cookie in headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies
                .borrow_mut()
                .insert(name.to_owned(), value.to_owned());
        }
        Answer::of(status, headers, bytes)
    }
}
