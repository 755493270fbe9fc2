//! `qitai resume`: accepts a data folder that went back in time or is another one.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use crate::{app::App, config::Config, error, identity::Viewer};

use super::{CommandResult, control, control::ControlRequest};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Why this folder is the right one; goes into the audit trail
    #[arg(long)]
    reason: String,
}

/// What was decided about.
#[derive(Serialize, Deserialize)]
pub(super) struct Resumed {
    doubt: String,
}

/// Has the decision done.
pub(super) fn perform(app: &App, reason: &str) -> error::Result<Resumed> {
    let doubt = app.doubt().map(|doubt| doubt.text()).unwrap_or_default();
    app.resume(&Viewer::console(), reason)?;
    Ok(Resumed { doubt })
}

pub(super) fn run(config: &Config, args: Args) -> CommandResult {
    let request = ControlRequest::Resume {
        reason: args.reason,
    };
    let done: Resumed = serde_json::from_value(control::ask(config, &request)?)?;
    println!("{}", done.doubt);
    println!("Accepted; the folder is written to again.");
    Ok(ExitCode::SUCCESS)
}
