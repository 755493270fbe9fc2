//! The command line: one file per command.

mod account;

use std::process::ExitCode;

/// Runs the command named on the command line.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
