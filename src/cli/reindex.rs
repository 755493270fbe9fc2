//! `qitai reindex`: the search index is derived; this derives it again.

use std::process::ExitCode;

use crate::config::Config;

use super::{CommandResult, control, control::ControlRequest};

pub(super) fn run(config: &Config) -> CommandResult {
    let done = control::ask(config, &ControlRequest::Reindex)?;
    println!("search index rebuilt: {done} objects");
    Ok(ExitCode::SUCCESS)
}
