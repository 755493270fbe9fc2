//! `qitai demo`: the whole product on a made-up firm, behind the built-in WeCom server.
//!
//! The product itself is configured with that server's address like with any other; nothing
//! but this file knows what is at the other end.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    app::App,
    archive::{
        key_ring::{self, KeepKey},
        sensitive::{self, Behaviour, SaveList, Severity, WordList},
    },
    config::{ArchiveSource, Config, Overrides, WecomConfig},
    error::{AppError, Result},
    identity::{
        AccessSettings, NewPassword, PasswordHash, Role, SecuritySettings, Viewer,
        actions::{self, CreateAccount, SaveAccessSettings, SaveSecurity, UpdateAccount},
        queries,
    },
    kit::{Clock, Id, Random, Secret},
    org,
    store::{Folder, Write},
    sync,
    wecom::{
        archive::PrivateKey,
        sim::{SimHandle, SimOptions, Simulator, firm},
    },
    work::{
        effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
        jobs,
    },
};

use super::{CommandResult, serve, simulator::ChatArgs};

mod codes;
mod outreach;
mod pictures;
mod todos;

/// The password of all demo accounts.
const PASSWORD: &str = "qitai-demo";

#[derive(clap::Args)]
pub(super) struct Args {
    /// Decides everything about the firm
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many customers the firm has
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    customers: u32,
    #[command(flatten)]
    chats: ChatArgs,
}

pub(super) fn run(overrides: &Overrides, args: &Args) -> CommandResult {
    super::log_to_stderr("warn");
    let listen: SocketAddr = match overrides.listen {
        Some(listen) => listen,
        None => ([127, 0, 0, 1], 8080).into(),
    };
    if !listen.ip().is_loopback() {
        return Err("the demo has known passwords; it listens on a loopback address only".into());
    }
    // Kept until the end: the folder goes with it.
    let (_temporary, data) = data_folder(overrides)?;
    // Before anything is put into it: it is for this user alone.
    Folder::at(&data).create(&Random::system())?;
    let sim = start_simulator(args, &data)?;
    let app = open(&sim, listen, data)?;
    let socket = serve::listen(&app)?;
    let address = socket.local_addr()?;
    let first_start = !app.read(queries::has_super_admin)?;
    if first_start {
        make_accounts(&app)?;
        allow_writing(&app)?;
        make_archive_key(&app, &sim)?;
        make_word_lists(&app)?;
        queue_sync(&app)?;
    }
    let stage = sim.stage_url();
    sim.set_callback(&format!("http://{address}{}", sync::CALLBACK));
    sim.set_login_domain(&address.to_string());
    spawn(&app, first_start, sim)?;
    println!("ready http://{address}/");
    println!();
    println!("  admin       super admin          whole firm");
    println!("  manager     department admin     华东区");
    println!("  staff       staff                静安大悦城店");
    println!("  compliance  compliance officer   audit trail");
    println!("  password of all four: {PASSWORD}");
    println!("  play WeCom's other side (customers, members, admin console): {stage}");
    serve::run_until_stopped(app, socket)
}

/// The folder asked for, or a fresh temporary one that goes when the demo ends.
fn data_folder(overrides: &Overrides) -> std::io::Result<(Option<tempfile::TempDir>, PathBuf)> {
    match &overrides.data {
        Some(data) => Ok((None, data.clone())),
        None => {
            let dir = tempfile::tempdir()?;
            let data = dir.path().join("data");
            Ok((Some(dir), data))
        }
    }
}

fn start_simulator(args: &Args, data: &std::path::Path) -> std::io::Result<SimHandle> {
    let dir = data.join("simulator");
    std::fs::create_dir_all(&dir)?;
    Simulator::start(SimOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        seed: args.seed,
        customers: args.customers,
        chats: args.chats.options(),
        now: Clock::system().now(),
        dir: Some(dir),
    })
}

fn open(
    sim: &SimHandle,
    listen: SocketAddr,
    data: PathBuf,
) -> std::result::Result<Arc<App>, Box<dyn std::error::Error>> {
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
    Folder::at(&data).create(&Random::system())?;
    let config = Config {
        data,
        listen,
        firm: None,
        wecom: Some(wecom),
        archive: Some(ArchiveSource::Url(sim.base_url.clone())),
        wecom_base_url: sim.base_url.clone(),
        proxy: None,
        wecom_login_url: Some(sim.login_url()),
        public_url: None,
        behind_proxy: false,
        tls: None,
    };
    Ok(App::open(config)?)
}

/// The four accounts: login, name, role.
const ACCOUNTS: [(&str, &str, Role); 4] = [
    ("admin", "沈佳怡", Role::SuperAdmin),
    ("manager", "陈国梁", Role::DepartmentAdmin),
    ("staff", "周敏", Role::Staff),
    ("compliance", "高文静", Role::Compliance),
];

fn make_accounts(app: &App) -> Result<()> {
    let password = NewPassword::given(Secret::new(PASSWORD.to_owned()), "password")?;
    let hash = PasswordHash::make(&password, app.store.random())?;
    for (login, name, role) in ACCOUNTS {
        let viewer = Viewer::system("demo");
        let command = CreateAccount {
            login: login.to_owned(),
            name: name.to_owned(),
            role,
            member: None,
            units: Vec::new(),
            password: Some(hash.clone()),
        };
        app.store
            .write_blocking(viewer.change("account.create"), move |w| {
                let allowed = viewer.allow(w, command)?;
                actions::create_account(w, allowed).map(drop)
            })?;
    }
    let viewer = Viewer::system("demo");
    let settings = AccessSettings {
        staff_sees_department: true,
        admins_read_chats: true,
        ..AccessSettings::default()
    };
    app.store
        .write_blocking(viewer.change("settings.access"), move |w| {
            let allowed = viewer.allow(w, SaveAccessSettings { settings })?;
            actions::save_access_settings(w, allowed)
        })?;
    // Everybody in the made-up firm may come in by WeCom.
    let viewer = Viewer::system("demo");
    let settings = SecuritySettings {
        default_role: Some(Role::Staff),
        ..SecuritySettings::default()
    };
    app.store
        .write_blocking(viewer.change("settings.security"), move |w| {
            let allowed = viewer.allow(w, SaveSecurity { settings })?;
            actions::save_security(w, allowed)
        })
}

/// The made-up firm lets Qitai write everything.
fn allow_writing(app: &App) -> Result<()> {
    let viewer = Viewer::system("demo");
    let on = |settings: WriteSettings, area| settings.with(area, WriteMode::On);
    let settings = Area::ALL.into_iter().fold(WriteSettings::default(), on);
    app.store
        .write_blocking(viewer.change("settings.writing"), move |w| {
            let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
            effects::save_write_settings(w, allowed)
        })
}

/// A key pair for the archive; the public half goes where WeCom's console would take it.
fn make_archive_key(app: &App, sim: &SimHandle) -> Result<()> {
    let key = PrivateKey::generate().map_err(AppError::internal)?;
    let version = sim
        .upload_archive_key(&key.public_pem())
        .map_err(|_| AppError::internal("the console takes no key"))?;
    let private = key.to_pem().map_err(AppError::internal)?;
    let private = Secret::new((*private).clone());
    let viewer = Viewer::system("demo");
    app.store
        .write_blocking(viewer.change("archive.key"), move |w| {
            let allowed = viewer.allow(w, KeepKey { version, private })?;
            key_ring::keep(w, allowed)
        })
}

/// Word lists as a retailer would have them.
fn make_word_lists(app: &App) -> Result<()> {
    let lists: [(&str, Severity, &[&str], &[Behaviour]); 2] = [
        (
            "飞单与私下交易",
            Severity::High,
            &["私下转账", "飞单", "回扣", "转我微信", "私人账户"],
            &[Behaviour::RedPacket],
        ),
        (
            "辱骂与投诉",
            Severity::Medium,
            &["垃圾", "骗子", "投诉你", "曝光"],
            &[],
        ),
    ];
    for (name, severity, words, behaviours) in lists {
        let viewer = Viewer::system("demo");
        let list = WordList {
            id: Id::from_bits(0),
            name: name.to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            unit: None,
            severity,
            is_on: true,
            behaviours: behaviours.to_vec(),
            changed_at: app.store.clock().now(),
        };
        let directory = app.read(|r| app.directory.get(r))?;
        let command = SaveList {
            list,
            looks_back: false,
            directory,
        };
        app.store
            .write_blocking(viewer.change("word_list.save"), move |w| {
                let allowed = viewer.allow(w, command)?;
                sensitive::save_list(w, allowed).map(drop)
            })?;
    }
    Ok(())
}

fn queue_sync(app: &App) -> Result<jobs::JobId> {
    let act = Viewer::system("demo").change("sync.start");
    app.store.write_blocking(act, |w| Ok(sync::enqueue(w)?))
}

/// Keeps the simulator's clock with the machine's, gives the accounts their places once the
/// directory is there, and makes the firm's codes and what it has sent once it is read.
fn spawn(app: &Arc<App>, first_start: bool, sim: SimHandle) -> std::io::Result<()> {
    let app = app.clone();
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let system = Clock::system();
            let mut placed = !first_start;
            let (mut step, mut sent) = match first_start {
                true => (codes::Step::Reading, outreach::Step::Reading),
                false => (codes::Step::Over, outreach::Step::Over),
            };
            loop {
                tokio::select! {
                    () = app.stopped() => break,
                    () = tokio::time::sleep(Duration::from_millis(250)) => {}
                }
                sim.clock()
                    .advance_ms(system.now().since_ms(sim.clock().now()));
                sim.pass_time();
                if !placed {
                    placed = place_accounts(&app).await.unwrap_or_else(|error| {
                        tracing::error!(%error, "the demo accounts have no places");
                        true
                    });
                }
                step = codes::go_on(&app, &sim, step)
                    .await
                    .unwrap_or_else(|error| {
                        tracing::error!(%error, "the demo has no live codes");
                        codes::Step::Over
                    });
                sent = outreach::go_on(&app, &sim, sent)
                    .await
                    .unwrap_or_else(|error| {
                        tracing::error!(%error, "the demo has sent nothing");
                        outreach::Step::Over
                    });
            }
        });
        sim.stop();
    };
    std::thread::Builder::new()
        .name("demo".to_owned())
        .spawn(run)
        .map(drop)
}

/// Whether the accounts have their places now.
async fn place_accounts(app: &App) -> Result<bool> {
    let cast = firm::cast();
    let places = [
        ("admin", cast.super_admin, None),
        ("manager", cast.region_manager, Some(cast.region)),
        ("staff", cast.store_staff, None),
        ("compliance", cast.compliance, None),
    ];
    let viewer = Viewer::system("demo");
    app.write(viewer.change("account.update"), move |w| {
        for (login, userid, department) in places {
            if !place(w, &viewer, login, userid, department)? {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await
}

fn place(
    w: &mut Write<'_>,
    viewer: &Viewer,
    login: &str,
    userid: &str,
    department: Option<u64>,
) -> Result<bool> {
    let member = org::queries::member_id_by_userid(&w.read(), userid)?;
    let tree = org::queries::DepartmentTree::load(&w.read())?;
    let unit = department.map(|id| tree.get(id).map(|d| d.id));
    let (Some(member), None | Some(Some(_))) = (member, unit) else {
        return Ok(false);
    };
    let scope = viewer.scope(&w.read(), crate::identity::Permission::AccountManage)?;
    let account = queries::account_by_login(&w.read(), &scope, login)?;
    let role = ACCOUNTS.iter().find(|(known, ..)| *known == login);
    let (_, name, role) = role.ok_or(AppError::NotFound { what: "account" })?;
    let command = UpdateAccount {
        account: account.id,
        name: (*name).to_owned(),
        role: *role,
        member: Some(member.cast()),
        units: unit.flatten().map(|unit| unit.cast()).into_iter().collect(),
    };
    let allowed = viewer.allow(w, command)?;
    actions::update_account(w, allowed)?;
    Ok(true)
}
