//! `qitai sdk-host`: the process that holds WeCom's library for the chat archive. The server
//! starts it; nobody else has a reason to.

use std::process::ExitCode;

use super::CommandResult;
use crate::wecom::archive;

/// Answers the server's questions until it hangs up.
pub(super) fn run() -> CommandResult {
    archive::run_child()?;
    Ok(ExitCode::SUCCESS)
}
