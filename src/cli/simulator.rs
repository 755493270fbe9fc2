//! `qitai simulator`: a made-up firm behind WeCom's API, for trials without a corp.

use std::{io::Write, process::ExitCode, time::Duration};

use crate::{
    config::Overrides,
    kit::Clock,
    wecom::sim::{ArchiveOptions, SimHandle, SimOptions, Simulator},
};

use super::CommandResult;

/// A WeCom server that runs here, with a made-up firm.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Decides everything about the firm
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many customers the firm has
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    customers: u32,
    #[command(flatten)]
    chats: ChatArgs,
    /// Sends signed callbacks to this address for what happens in the firm
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
}

/// The firm's archived chats.
#[derive(Debug, clap::Args)]
pub(super) struct ChatArgs {
    /// How many archived messages the firm has
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(..=100_000_000))]
    messages: u64,
    /// A new message comes about every so many seconds; 0 for none
    #[arg(long, default_value_t = 8, value_name = "SECONDS")]
    arrivals: u64,
    /// Archived messages are gone after five days, as at WeCom
    #[arg(long)]
    five_days: bool,
}

impl ChatArgs {
    /// As options of the simulator.
    pub(super) fn options(&self) -> ArchiveOptions {
        ArchiveOptions {
            messages: self.messages,
            arrivals_s: self.arrivals,
            five_days: self.five_days,
            words_only: false,
        }
    }
}

/// Prints one JSON line that says how to reach it, then runs until SIGINT. With `--data` the
/// firm goes on where it was.
pub(super) fn run(overrides: &Overrides, args: &Args) -> CommandResult {
    super::log_to_stderr("warn");
    let system = Clock::system();
    let sim = Simulator::start(SimOptions {
        listen: overrides.listen.unwrap_or(([127, 0, 0, 1], 0).into()),
        seed: args.seed,
        customers: args.customers,
        chats: args.chats.options(),
        now: system.now(),
        dir: overrides.data.clone(),
    })?;
    if let Some(url) = &args.callback {
        sim.set_callback(url);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", greeting(&sim))?;
    out.flush()?;
    drop(out);
    eprintln!("stage: {}", sim.stage_url());
    run_until_stopped(&sim, &system)?;
    sim.stop();
    Ok(ExitCode::SUCCESS)
}

/// Keeps the simulator's clock with the machine's, and lets happen what becomes due.
fn run_until_stopped(sim: &SimHandle, system: &Clock) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                stopped = tokio::signal::ctrl_c() => return stopped,
                _ = tick.tick() => {
                    let clock = sim.clock();
                    clock.advance_ms(system.now().since_ms(clock.now()));
                    sim.pass_time();
                }
            }
        }
    })
}

fn greeting(sim: &SimHandle) -> serde_json::Value {
    serde_json::json!({
        "base_url": sim.base_url,
        "corpid": sim.corpid,
        "agentid": sim.agentid,
        "secrets": {
            "contact": sim.sync_secret, "customer": sim.contact_secret, "app": sim.app_secret,
            "archive": sim.archive_secret, "service": sim.service_secret,
        },
        "token": sim.token,
        "encoding_aes_key": sim.encoding_aes_key,
    })
}
