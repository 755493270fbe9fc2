//! `qitai simulator`: a made-up firm behind WeCom's API, for trials without a corp.

use std::{error::Error, io::Write, net::SocketAddr, process::ExitCode, time::Duration};

use crate::{
    kit::Clock,
    wecom::sim::{SimHandle, SimOptions, Simulator, firm},
};

/// A WeCom server that runs here, with a made-up firm.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Decides everything about the firm.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many customers the firm has.
    #[arg(long, default_value_t = 5000)]
    customers: u32,
}

/// Prints one JSON line that says how to reach it, then runs until SIGINT.
pub(super) fn run(listen: Option<SocketAddr>, args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let system = Clock::system();
    let sim = Simulator::start(SimOptions {
        listen: listen.unwrap_or(([127, 0, 0, 1], 0).into()),
        seed: args.seed,
        customers: args.customers,
        now: system.now(),
        dir: None,
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", greeting(&sim))?;
    out.flush()?;
    drop(out);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let mut tick = tokio::time::interval(Duration::from_secs(1));
            loop {
                tokio::select! {
                    stopped = tokio::signal::ctrl_c() => return stopped,
                    _ = tick.tick() => follow(&sim.clock(), &system),
                }
            }
        })?;
    sim.stop();
    Ok(ExitCode::SUCCESS)
}

/// Sets the simulator's clock to the machine's.
fn follow(clock: &Clock, system: &Clock) {
    clock.advance_ms(system.now().since_ms(clock.now()));
}

fn greeting(sim: &SimHandle) -> serde_json::Value {
    let cast = firm::cast();
    serde_json::json!({
        "base_url": sim.base_url,
        "corpid": sim.corpid,
        "agentid": sim.agentid,
        "secrets": {
            "app": sim.app_secret, "contact": sim.contact_secret, "sync": sim.sync_secret,
        },
        "seed": sim.seed(),
        "customers": sim.customers(),
        "cast": {
            "super_admin": cast.super_admin, "region_manager": cast.region_manager,
            "store_staff": cast.store_staff, "compliance": cast.compliance,
        },
    })
}
