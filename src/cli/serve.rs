//! `qitai serve`: the server, until SIGINT or SIGTERM.

use std::{net::TcpListener, process::ExitCode, sync::Arc};

use crate::{
    app::App,
    config::Config,
    identity::actions::{self, FirstClaim},
    serve,
    store::{Act, Folder},
};

use super::{CommandResult, serve_control};

pub(super) fn run(config: Config) -> CommandResult {
    super::log_to_stderr("info");
    Folder::at(&config.data).create(&crate::kit::Random::system())?;
    let app = App::open(config)?;
    match first_claim(&app)? {
        FirstClaim::NotNeeded => {}
        FirstClaim::Waiting => eprintln!(
            "No super admin yet. Open /claim and enter the code printed before, or make a new \
             one with `qitai account claim-code`."
        ),
        FirstClaim::Given(code) => eprintln!(
            "No super admin yet. Open /claim and enter this code: {}",
            code.text.expose()
        ),
    }
    let socket = listen(&app)?;
    let scheme = match app.config.tls {
        Some(_) => "https",
        None => "http",
    };
    eprintln!("listening on {scheme}://{}", app.config.listen);
    run_until_stopped(app, socket)
}

/// Takes the port, if there is TLS or no need of it: plain HTTP is for loopback, or behind a
/// declared proxy. A certificate that cannot be used is told here, not at the first visit.
pub(super) fn listen(app: &App) -> Result<TcpListener, Box<dyn std::error::Error>> {
    let listen = app.config.listen;
    if !listen.ip().is_loopback() && !app.config.is_secure() {
        return Err(format!(
            "{listen} is not a loopback address, and pages must not travel without TLS. Set \
             tls_cert and tls_key (`qitai init --self-signed` makes a pair), put a reverse proxy \
             with TLS in front and set behind_proxy = true, or listen on 127.0.0.1"
        )
        .into());
    }
    serve::certificates(app)?;
    TcpListener::bind(listen).map_err(|why| format!("cannot listen on {listen}: {why}").into())
}

/// Sees to it that a code for becoming the first super admin is out, while there is none.
pub(super) fn first_claim(app: &App) -> crate::error::Result<FirstClaim> {
    let act = Act::by_system("account.claim_code", "start");
    app.store.write_blocking(act, actions::ensure_first_claim)
}

/// Serves pages and commands and runs the background until told to stop.
pub(super) fn run_until_stopped(app: Arc<App>, socket: TcpListener) -> CommandResult {
    let background = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("background")
        .enable_all()
        .build()?;
    let running = background.spawn(app.clone().run());
    let control = background.spawn(serve_control(app.clone()));
    background.spawn(stop_on_signal(app.clone()));
    let served = actix_web::rt::System::new().block_on(serve::serve(app.clone(), socket));
    // However serving ended, the rest comes to its end too.
    app.stop();
    let ran = background.block_on(running)?;
    background.block_on(control)??;
    served?;
    ran?;
    Ok(ExitCode::SUCCESS)
}

async fn stop_on_signal(app: Arc<App>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        () = app.stopped() => {}
    }
    app.stop();
    Ok(())
}
