//! A firm with its folder, and the product's process over it.

use std::{
    cell::{Cell, RefCell},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use actix_web::{
    test::{TestRequest, call_service, init_service},
    web::{Data, ServiceConfig, get},
};
use qitai::{
    app::App,
    config::{Config, WecomConfig},
    customers::{Customer, Relation, Yardstick},
    identity::{
        NewPassword, PasswordHash, Role, Viewer,
        actions::{self, CreateAccount},
    },
    kit::{Clock, Random, Secret},
    store::Folder,
    sync,
    web::{Cx, Routes, Web},
    wecom::sim::{ArchiveOptions, SimHandle, SimOptions, Simulator},
    work::jobs,
};

use crate::{bare::Rows, rows::Row, support::Http};

const PASSWORD: &str = "a long bench password";

/// A synced firm.
pub struct Firm {
    pub customers: usize,
    pub sim: SimHandle,
    dir: tempfile::TempDir,
    rows: RefCell<Vec<Row>>,
    /// The product reads the chat archive as well.
    pub reads_chats: Cell<bool>,
}

impl Firm {
    /// Makes a firm, syncs it in this process, and says whose time that took.
    pub fn sync(customers: usize) -> Self {
        Self::with_chats(customers, ArchiveOptions::default())
    }

    /// The same with messages in its archive.
    pub fn with_chats(customers: usize, chats: ArchiveOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sim = Simulator::start(SimOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            seed: 7,
            customers: u32::try_from(customers).unwrap(),
            chats,
            now: Clock::system().now(),
            dir: None,
        })
        .unwrap();
        let firm = Self {
            customers,
            sim,
            dir,
            rows: RefCell::default(),
            reads_chats: Cell::new(false),
        };
        Folder::at(firm.data()).create(&Random::system()).unwrap();
        let app = App::open(firm.config()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let running = runtime.spawn(app.clone().run());
        let start = Instant::now();
        let id = app
            .store
            .write_blocking(Viewer::system("bench").change("sync.start"), |w| {
                Ok(sync::enqueue(w)?)
            })
            .unwrap();
        app.jobs.notify_one();
        let is_done = || {
            let job = app.read(|r| r.get::<jobs::Job>(&id)).unwrap().unwrap();
            job.state.is_final()
        };
        wait(is_done);
        let state = app
            .read(|r| r.get::<jobs::Job>(&id))
            .unwrap()
            .unwrap()
            .state;
        assert_eq!(state, jobs::JobState::Done);
        let took = start.elapsed();
        wait(|| app.is_caught_up());
        let caught_up = start.elapsed();
        let client = app.wecom().unwrap();
        let (calls, waited) = (client.metrics().calls(), client.metrics().waited());
        println!(
            "first sync of {customers}: {:.1} s in {calls} calls, {:.1} s of it waiting for WeCom: our share {:.0} %; searchable after {:.1} s",
            took.as_secs_f64(),
            waited.as_secs_f64(),
            100.0 * (1.0 - waited.as_secs_f64() / took.as_secs_f64()),
            caught_up.as_secs_f64()
        );
        make_account(&app, "admin", Role::SuperAdmin);
        make_account(&app, "compliance", Role::Compliance);
        firm.rows.replace(read_rows(&app));
        app.stop();
        runtime.block_on(running).unwrap().unwrap();
        firm
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What the product would be started with in this process; without the archive.
    pub fn config(&self) -> Config {
        let sim = &self.sim;
        Config {
            data: self.data(),
            listen: ([127, 0, 0, 1], 0).into(),
            firm: None,
            wecom: Some(WecomConfig {
                corpid: sim.corpid.clone(),
                agentid: sim.agentid,
                app_secret: Secret::new(sim.app_secret.clone()),
                contact_secret: Some(Secret::new(sim.contact_secret.clone())),
                sync_secret: Some(Secret::new(sim.sync_secret.clone())),
                archive_secret: None,
                callback_token: Some(Secret::new(sim.token.clone())),
                callback_aes_key: Some(Secret::new(sim.encoding_aes_key.clone())),
            }),
            archive: None,
            wecom_base_url: sim.base_url.clone(),
            proxy: None,
            wecom_login_url: None,
            public_url: None,
            behind_proxy: false,
            tls: None,
        }
    }

    /// What is searched for, as the rows of the search bench.
    pub fn rows(&self) -> std::cell::Ref<'_, Vec<Row>> {
        self.rows.borrow()
    }

    /// What a bare page needs: the page as whoever is signed in at `product` sees it, and all
    /// rows. Ends the product, whose folder is read here.
    pub fn bare(&self, product: Product, shown: &[u64]) -> (Yardstick, Rows) {
        let cookie = product.cookie.clone();
        product.kill();
        let app = App::open(self.config()).unwrap();
        let made: Arc<Mutex<Option<Yardstick>>> = Arc::default();
        let (web, slices) = (made.clone(), Arc::new(qitai::slices::all()));
        let make = move |config: &mut ServiceConfig| {
            config.app_data(Data::from(web.clone()));
            config.route("/customers/bare", get().to(make_yardstick));
        };
        let mut routes: Vec<Routes> = vec![Arc::new(make)];
        routes.extend(qitai::serve::routes(&app, slices.clone()));
        let web = Data::new(qitai::serve::web(&app, slices));
        actix_web::rt::System::new().block_on(async {
            let service = init_service(qitai::web::app(web, &routes)).await;
            let asking = TestRequest::get().uri("/customers/bare?limit=50");
            let asking = asking.insert_header(("cookie", cookie)).to_request();
            let answer = call_service(&service, asking).await;
            assert!(answer.status().is_success(), "{}", answer.status());
        });
        let rows = app.read(|r| Rows::copy(r, shown.to_vec()));
        app.store.close();
        (made.lock().unwrap().take().unwrap(), rows)
    }

    /// Starts the product over the folder and signs in once it answers.
    pub fn serve(&self) -> Product {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap();
        drop(port);
        let sim = &self.sim;
        let config = format!(
            "data = {:?}\nlisten = \"{address}\"\nwecom_base_url = {:?}\n[wecom]\ncorpid = {:?}\nagentid = {}\napp_secret = {:?}\ncontact_secret = {:?}\nsync_secret = {:?}\ncallback_token = {:?}\ncallback_aes_key = {:?}\n",
            self.data(),
            sim.base_url,
            sim.corpid,
            sim.agentid,
            sim.app_secret,
            sim.contact_secret,
            sim.sync_secret,
            sim.token,
            sim.encoding_aes_key
        );
        let archive = match self.reads_chats.get() {
            true => format!(
                "archive_secret = {:?}\n[archive]\nurl = {:?}\n",
                sim.archive_secret, sim.base_url
            ),
            false => String::new(),
        };
        let config = config + &archive;
        let file = self.dir.path().join("qitai.toml");
        std::fs::write(&file, config).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_qitai"))
            .args(["serve", "--config", file.to_str().unwrap()])
            .env(
                "QITAI_LOG",
                std::env::var("QITAI_LOG").unwrap_or("warn".to_owned()),
            )
            .stderr(log())
            .spawn()
            .unwrap();
        let mut product = Product {
            child,
            address,
            cookie: String::new(),
        };
        wait(|| {
            Http::connect(address, "")
                .and_then(|mut h| h.get("/login"))
                .is_ok()
        });
        product.sign_in();
        product
    }
}

/// Where the product logs to: the file that `QITAI_BENCH_LOG` names, or nowhere.
fn log() -> Stdio {
    let Some(file) = std::env::var_os("QITAI_BENCH_LOG") else {
        return Stdio::null();
    };
    let mut options = std::fs::File::options();
    let file = options.create(true).append(true).open(file);
    Stdio::from(file.unwrap())
}

async fn make_yardstick(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
    made: Data<Mutex<Option<Yardstick>>>,
) -> &'static str {
    let yardstick = Yardstick::new(&app, &web, &viewer, &cx, "/customers").unwrap();
    made.lock().unwrap().replace(yardstick);
    "made"
}

/// The product's process; killed when dropped.
pub struct Product {
    child: Child,
    pub address: SocketAddr,
    pub cookie: String,
}

impl Product {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn http(&self) -> Http {
        Http::connect(self.address, &self.cookie).unwrap()
    }

    fn sign_in(&mut self) {
        self.sign_in_as("admin");
    }

    /// Who asks from now on.
    pub fn sign_in_as(&mut self, login: &str) {
        let page = Http::connect(self.address, "")
            .unwrap()
            .get("/login")
            .unwrap();
        let cookie = cookie(&page.head, "qitai-form");
        let form = format!(
            "csrf={}&login={login}&password={}",
            token(&page.text()),
            qitai::web::encode(PASSWORD)
        );
        let mut http = Http::connect(self.address, &cookie).unwrap();
        let answer = http.post_form("/login", &form).unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text());
        self.cookie = self::cookie(&answer.head, "qitai");
    }

    /// Posts a form as its page would.
    pub fn post(&self, path: &str) {
        self.post_with(path, "");
    }

    /// The same with fields.
    pub fn post_with(&self, path: &str, fields: &str) {
        let mut http = self.http();
        let csrf = token(&http.get("/me").unwrap().text());
        let answer = http
            .post_form(path, &format!("csrf={csrf}{fields}"))
            .unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text());
    }

    /// SIGKILL; gives the moment after it.
    pub fn kill(mut self) -> Instant {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Instant::now()
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn cookie(head: &str, name: &str) -> String {
    let start = format!("{name}=");
    let lines = head.lines().filter_map(|l| l.split_once(": "));
    let mut cookies = lines.filter(|(n, _)| n.eq_ignore_ascii_case("set-cookie"));
    let (_, value) = cookies.find(|(_, v)| v.starts_with(&start)).unwrap();
    value.split(';').next().unwrap().to_owned()
}

fn token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"csrf\" content=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Polls until it is so.
pub fn wait(mut so: impl FnMut() -> bool) {
    while !so() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn make_account(app: &Arc<App>, login: &str, role: Role) {
    let password = NewPassword::given(Secret::new(PASSWORD.to_owned()), "password").unwrap();
    let hash = PasswordHash::make(&password, app.store.random()).unwrap();
    let viewer = Viewer::system("bench");
    let command = CreateAccount {
        login: login.to_owned(),
        name: login.to_owned(),
        role,
        member: None,
        units: Vec::new(),
        password: Some(hash),
    };
    app.store
        .write_blocking(viewer.change("account.create"), move |w| {
            let allowed = viewer.allow(w, command)?;
            actions::create_account(w, allowed).map(drop)
        })
        .unwrap();
}

/// Some thousand customers with one relation each.
fn read_rows(app: &App) -> Vec<Row> {
    app.read(|r| {
        let relations = r.all::<Relation>(None).unwrap().take(5000);
        relations
            .filter_map(|relation| {
                let relation = relation.unwrap();
                let customer = r.get::<Customer>(&relation.customer).unwrap()?;
                relation.phones.first().filter(|phone| phone.len() >= 11)?;
                let folded = [&customer.name, &relation.remark, &relation.company];
                Some(Row {
                    object: customer.id.bits(),
                    folded: folded.map(|text| qitai::search::fold(text)),
                    name: customer.name,
                    remark: relation.remark,
                    company: relation.company,
                    phone: relation.phones.first().cloned().unwrap_or_default(),
                    owner: relation.member.bits(),
                    added_ms: relation.added_at.ms(),
                    tags: Vec::new(),
                })
            })
            .collect()
    })
}
