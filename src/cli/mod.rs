//! The command line: one file per command.
//!
//! Exit codes: 0 done, 1 done but something is wrong (damage found, package altered),
//! 2 not done. Messages say what, because of what, and what to try.

mod account;
mod audit;
mod backup;
mod check;
mod control;
mod demo;
mod doctor;
mod evidence;
mod init;
mod reindex;
mod restore;
mod resume;
mod sdk_host;
mod serve;
mod simulator;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    config::{Config, Overrides},
    error::AppError,
    web::{self, Lang},
};

use control::{ControlRequest, serve_control};

/// Exit code of a command that could not do its work.
const NOT_DONE: u8 = 2;

#[derive(Parser)]
#[command(name = "qitai", version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    overrides: Overrides,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the whole product on made-up data, with a built-in WeCom server
    Demo(demo::Args),
    /// Starts the server
    Serve,
    /// A WeCom server with a made-up firm, alone
    Simulator(simulator::Args),
    /// Makes the data folder and prints the claim code of the first super admin
    Init(init::Args),
    /// Examines every row against its indexes, the change feed and the audit log
    Check(check::Args),
    /// Examines network, secrets, rights, callback and this machine, and says what mends it
    Doctor(doctor::Args),
    /// Writes a verified backup, also while the server runs
    Backup(backup::Args),
    /// Restores a backup into a new folder
    Restore(restore::Args),
    /// Accepts a data folder that went back in time, or is another one, and writes to it again
    Resume(resume::Args),
    /// Accounts and API tokens, from the console
    Account(account::Args),
    /// The audit trail: verify an exported package, export one
    Audit(audit::Args),
    /// Throws the search index away and builds it anew
    Reindex,
    /// The process that holds WeCom's library; started by the server itself
    #[command(hide = true)]
    SdkHost,
}

/// What a command answers.
type CommandResult = Result<ExitCode, Box<dyn std::error::Error>>;

/// Runs the command named on the command line.
pub fn main() -> ExitCode {
    let mut cli = Cli::parse();
    cli.overrides = cli.overrides.with_environment();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("qitai: {}", told(&*error));
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::from(NOT_DONE)
        }
    }
}

fn run(cli: Cli) -> CommandResult {
    match &cli.command {
        Command::Demo(args) => return demo::run(&cli.overrides, args),
        Command::Simulator(args) => return simulator::run(&cli.overrides, args),
        Command::SdkHost => return sdk_host::run(),
        Command::Audit(args) => {
            if let Some(code) = args.run_offline() {
                return Ok(code);
            }
        }
        _ => {}
    }
    let config = Config::load(&cli.overrides)?;
    match cli.command {
        Command::Demo(_) | Command::Simulator(_) | Command::SdkHost => {
            unreachable!("answered above: these need no configuration")
        }
        Command::Serve => serve::run(config),
        Command::Init(args) => init::run(&config, &args),
        Command::Check(args) => check::run(&config, &args),
        Command::Doctor(args) => doctor::run(&config, &args),
        Command::Backup(args) => backup::run(&config, &args),
        Command::Restore(args) => restore::run(&config, &args),
        Command::Resume(args) => resume::run(&config, args),
        Command::Account(args) => account_command(&config, &args),
        Command::Audit(args) => audit::run(&config, &args),
        Command::Reindex => reindex::run(&config),
    }
}

/// An error in words: those of pages where it has some.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    match error.downcast_ref::<AppError>() {
        Some(known) if known.status() < 500 || known.may_pass() => web::told(known, Lang::En),
        _ => error.to_string(),
    }
}

fn account_command(config: &Config, args: &account::Args) -> CommandResult {
    let answer = control::ask(
        config,
        &ControlRequest::Account {
            request: args.request()?,
        },
    )?;
    args.report(&serde_json::from_value(answer)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Logs to standard error, one line each; `QITAI_LOG` overrides what is logged.
fn log_to_stderr(default: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("QITAI_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .finish();
    // A second call, as in tests, keeps the first.
    drop(tracing::subscriber::set_global_default(subscriber));
}
