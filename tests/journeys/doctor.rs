//! Broken conditions, each named with its cause; and the way through a proxy.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use qitai::{
    config::{Config, Overrides},
    kit::{Clock, Secret},
    rollout::doctor::{self, Finding, Kind, Level},
    wecom::{
        Client, Patience, Settings,
        quota::Governor,
        sim::{ArchiveOptions, Fault, SimHandle, SimOptions, Simulator},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::support::TestApp;

fn simulator() -> SimHandle {
    Simulator::start(SimOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        seed: 7,
        customers: 20,
        chats: ArchiveOptions::default(),
        now: Clock::system().now(),
        dir: None,
    })
    .unwrap()
}

fn settings(sim: &SimHandle) -> Settings {
    Settings {
        base_url: sim.base_url.clone(),
        corpid: sim.corpid.clone(),
        app_secret: Secret::new(sim.app_secret.clone()),
        contact_secret: None,
        sync_secret: None,
        archive_secret: None,
        proxy: None,
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// What keeps from working, and what is worth a look.
fn troubles(found: &[Finding]) -> Vec<Kind> {
    let wrong = found.iter().filter(|f| f.level() != Level::Ok);
    wrong.map(Finding::kind).collect()
}

fn examine(settings: Settings, agentid: u64) -> Vec<Kind> {
    troubles(&run(doctor::account(settings, agentid, Clock::system())))
}

#[test]
fn an_account_that_is_as_it_should_be_is_called_so() {
    let sim = simulator();
    assert_eq!(examine(settings(&sim), sim.agentid), []);
    let found = run(doctor::account(
        settings(&sim),
        sim.agentid,
        Clock::system(),
    ));
    let kinds: Vec<Kind> = found.iter().map(Finding::kind).collect();
    for fine in [
        Kind::TokenFine,
        Kind::IpTrusted,
        Kind::DirectoryFine,
        Kind::AgentFine,
        Kind::CustomersFine,
        Kind::ClockFine,
    ] {
        assert!(kinds.contains(&fine), "{fine:?}: {kinds:?}");
    }
}

/// What is wrong with an answer of WeCom, at which call, and what is found.
const ANSWERS: [(Option<&str>, Fault, Kind); 18] = [
    (
        Some("gettoken"),
        Fault::Errcode(40091),
        Kind::SecretOfOtherCorp,
    ),
    (Some("gettoken"), Fault::Errcode(45009), Kind::TooManyTries),
    (Some("gettoken"), Fault::Errcode(301007), Kind::CorpGone),
    (Some("gettoken"), Fault::Errcode(-1), Kind::Busy),
    (Some("gettoken"), Fault::Status(502), Kind::StrangeAnswer),
    (Some("gettoken"), Fault::HalfBody, Kind::LostContact),
    (
        Some("department/list"),
        Fault::Errcode(60020),
        Kind::IpNotTrusted,
    ),
    (
        Some("department/list"),
        Fault::Errcode(48002),
        Kind::SecretOfOtherApp,
    ),
    (
        Some("department/list"),
        Fault::Errcode(48009),
        Kind::SecretOfSync,
    ),
    (
        Some("department/list"),
        Fault::Errcode(50003),
        Kind::AppDisabled,
    ),
    (
        Some("department/list"),
        Fault::Errcode(60011),
        Kind::RangeEmpty,
    ),
    (Some("department/list"), Fault::Errcode(45033), Kind::Busy),
    (
        Some("department/list"),
        Fault::Errcode(99999),
        Kind::Refused,
    ),
    (
        Some("department/list"),
        Fault::Status(302),
        Kind::StrangeAnswer,
    ),
    (
        Some("department/list"),
        Fault::MissingLists,
        Kind::StrangeAnswer,
    ),
    (Some("agent/get"), Fault::Errcode(301002), Kind::AgentWrong),
    (
        Some("externalcontact/get_follow_user_list"),
        Fault::Errcode(48002),
        Kind::CustomersNotGranted,
    ),
    (
        Some("externalcontact/get_follow_user_list"),
        Fault::Errcode(84074),
        Kind::CustomersNotGranted,
    ),
];

#[test]
fn every_refusal_of_wecom_is_named_with_its_cause() {
    let sim = simulator();
    for (call, fault, kind) in ANSWERS {
        sim.inject(call, 1, fault);
        assert_eq!(
            examine(settings(&sim), sim.agentid),
            [kind],
            "{call:?} {fault:?}"
        );
        sim.clear_faults();
    }
}

#[test]
fn every_wrong_value_is_named() {
    let sim = simulator();
    let other = Secret::new("x".repeat(43));
    let of_contact = Secret::new(sim.contact_secret.clone());
    let of_sync = Secret::new(sim.sync_secret.clone());
    let right = || settings(&sim);
    let cases = [
        (
            Settings {
                corpid: "ww1".into(),
                ..right()
            },
            Kind::CorpIdShape,
        ),
        (
            Settings {
                corpid: "ww0123456789abcdef".into(),
                ..right()
            },
            Kind::CorpIdWrong,
        ),
        (
            Settings {
                app_secret: other.clone(),
                ..right()
            },
            Kind::SecretWrong,
        ),
        (
            Settings {
                app_secret: of_contact.clone(),
                ..right()
            },
            Kind::SecretOfOtherApp,
        ),
        (
            Settings {
                app_secret: of_sync.clone(),
                ..right()
            },
            Kind::SecretOfSync,
        ),
        (
            Settings {
                contact_secret: Some(other),
                ..right()
            },
            Kind::ContactSecretWrong,
        ),
        (
            Settings {
                contact_secret: Some(of_sync),
                ..right()
            },
            Kind::ContactSecretOfOtherApp,
        ),
    ];
    for (settings, kind) in cases {
        assert_eq!(examine(settings, sim.agentid), [kind]);
    }
    for (secret, kind) in [
        ("z".repeat(43), Kind::SyncSecretWrong),
        (sim.contact_secret.clone(), Kind::SyncSecretOfOtherApp),
    ] {
        let sync_secret = Some(Secret::new(secret));
        let settings = Settings {
            sync_secret,
            ..right()
        };
        assert_eq!(examine(settings, sim.agentid), [kind]);
    }
    let fine = Settings {
        contact_secret: Some(of_contact),
        ..right()
    };
    assert_eq!(examine(fine, sim.agentid), []);
    assert_eq!(examine(right(), sim.agentid + 1), [Kind::AgentWrong]);
    let ahead = Clock::manual(Clock::system().now().plus_ms(120_000));
    let found = run(doctor::account(right(), sim.agentid, ahead));
    assert_eq!(troubles(&found), [Kind::ClockOff]);
    let behind = Clock::manual(Clock::system().now().plus_ms(-3_600_000));
    let found = run(doctor::account(right(), sim.agentid, behind));
    assert_eq!(troubles(&found), [Kind::ClockWrong]);
}

#[test]
fn an_untrusted_ip_is_named_as_wecom_saw_it() {
    let sim = simulator();
    sim.inject(Some("department/list"), 1, Fault::Errcode(60020));
    let found = run(doctor::account(
        settings(&sim),
        sim.agentid,
        Clock::system(),
    ));
    let ip = found
        .iter()
        .find(|f| f.kind() == Kind::IpNotTrusted)
        .unwrap();
    assert_eq!(ip.args(), [("ip", "127.0.0.1".to_owned())]);
}

fn network(base_url: &str, proxy: Option<&str>) -> Vec<Kind> {
    let config = Config {
        wecom_base_url: base_url.to_owned(),
        proxy: proxy.map(|p| Secret::new(p.to_owned())),
        ..Config::load(&Overrides::default()).unwrap()
    };
    troubles(&run(doctor::network(&config)))
}

#[test]
fn the_way_is_named_where_it_ends() {
    let sim = simulator();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = nobody.local_addr().unwrap();
    drop(nobody);
    let by_tls = sim.base_url.replace("http://", "https://");
    for (address, proxy, kind) in [
        (format!("http://{free}/"), None, Kind::ConnectionRefused),
        ("http://nobody.invalid/".to_owned(), None, Kind::NameUnknown),
        ("not an address".to_owned(), None, Kind::AddressWrong),
        (by_tls, None, Kind::TlsFails),
        (
            "http://wecom.test/".to_owned(),
            Some(format!("http://{free}")),
            Kind::ProxyUnreachable,
        ),
        (
            "http://wecom.test/".to_owned(),
            Some("nonsense".to_owned()),
            Kind::ProxyWrong,
        ),
    ] {
        assert_eq!(network(&address, proxy.as_deref()), [kind], "{address}");
    }
    assert_eq!(network(&sim.base_url, None), []);
}

/// A proxy that brings everything to one place and wants a name and a password.
struct Proxy {
    address: String,
    passed: Arc<AtomicUsize>,
    tunnels: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

impl Proxy {
    fn to(place: String) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (passed, tunnels) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counts = (passed.clone(), tunnels.clone());
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (place, counts) = (place.clone(), counts.clone());
                tokio::spawn(async move { serve(client, &place, counts).await });
            }
        });
        Self {
            address,
            passed,
            tunnels,
            _runtime: runtime,
        }
    }
}

async fn serve(
    client: TcpStream,
    place: &str,
    (passed, tunnels): (Arc<AtomicUsize>, Arc<AtomicUsize>),
) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    // «user:secret»
    if !head
        .to_ascii_lowercase()
        .contains("proxy-authorization: basic dxnlcjpzzwnyzxq=")
    {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nconnection: close\r\n\
                       proxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n";
        return client.write_all(refusal.as_bytes()).await;
    }
    let mut server = TcpStream::connect(place).await?;
    if head.starts_with("CONNECT ") {
        tunnels.fetch_add(1, Ordering::SeqCst);
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    } else {
        passed.fetch_add(1, Ordering::SeqCst);
        // `GET http://wecom.test/path HTTP/1.1` as the origin wants it, one request each.
        let (first, rest) = head.split_once("\r\n").unwrap();
        let path = first.splitn(4, '/').nth(3).unwrap_or(" HTTP/1.1");
        let method = first.split(' ').next().unwrap();
        let head = format!("{method} /{path}\r\nconnection: close\r\n{rest}");
        server.write_all(head.as_bytes()).await?;
    }
    tokio::io::copy_bidirectional(&mut client, &mut server)
        .await
        .map(drop)
}

#[test]
fn calls_go_through_the_proxy_with_its_credentials() {
    let sim = simulator();
    let place = sim.base_url.replace("http://", "").replace("/cgi-bin/", "");
    let proxy = Proxy::to(place);
    let with_password = format!("http://user:secret@{}", proxy.address);
    let through = |proxy: &str| Settings {
        base_url: "http://wecom.test/cgi-bin/".to_owned(),
        proxy: Some(Secret::new(proxy.to_owned())),
        ..settings(&sim)
    };
    let quota = Governor::new(Clock::system());
    let client = Client::new(
        through(&with_password),
        Patience::default(),
        Clock::system(),
        quota,
    );
    let departments = run(async { client.unwrap().departments().await }).unwrap();
    assert!(!departments.is_empty());
    assert_eq!(
        proxy.passed.load(Ordering::SeqCst),
        2,
        "a token, then the call"
    );
    assert_eq!(
        network("http://wecom.test/cgi-bin/", Some(&with_password)),
        []
    );

    // By TLS it is a tunnel; behind it nobody speaks TLS here, so it ends there.
    let found = network("https://wecom.test/cgi-bin/", Some(&with_password));
    assert_eq!(proxy.tunnels.load(Ordering::SeqCst), 1);
    assert_eq!(found.len(), 1);

    let bare = format!("http://{}", proxy.address);
    for address in ["http://wecom.test/cgi-bin/", "https://wecom.test/cgi-bin/"] {
        assert_eq!(
            network(address, Some(&bare)),
            [Kind::ProxyCredentials],
            "{address}"
        );
    }
    let shown = format!("{:?}", through(&with_password));
    assert!(!shown.contains("secret@"), "{shown}");
}

#[test]
fn the_page_examines_everything_and_finds_its_own_address() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let page = admin.get("/settings/doctor").body;
    assert!(page.contains("没有填写本系统的访问地址"), "{page}");
    assert!(page.contains("还没有验证过回调地址"), "{page}");
    let named = [("name", "云岭茶业"), ("address", test.address.as_str())];
    assert_eq!(admin.post("/settings/company", &named).status, 303);
    let page = admin.get("/settings/doctor").body;
    assert!(page.contains("通向这里"), "{page}");
    assert!(page.contains("是内网地址"), "{page}");
    assert!(
        page.contains("还没有验证过回调地址"),
        "asking oneself is no check: {page}"
    );
    let elsewhere = test.sim.as_ref().unwrap().base_url.replace("/cgi-bin/", "");
    let named = [("name", "云岭茶业"), ("address", elsewhere.as_str())];
    assert_eq!(admin.post("/settings/company", &named).status, 303);
    assert!(
        admin
            .get("/settings/doctor")
            .body
            .contains("但不是这个系统")
    );
}
