//! `qitai check`: every row, index row, feed entry and audit entry.

use std::process::ExitCode;

use crate::{config::Config, store::Findings};

use super::{CommandResult, control, control::ControlRequest};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Config, args: &Args) -> CommandResult {
    let done = control::ask(config, &ControlRequest::Check)?;
    let findings: Findings = serde_json::from_value(done.clone())?;
    if args.json {
        println!("{done}");
    } else {
        report(&findings);
    }
    Ok(if findings.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn report(findings: &Findings) {
    for finding in &findings.found {
        println!("{} {}: {}", finding.table, finding.key, finding.what);
    }
    if findings.is_clean() {
        println!("{} rows examined, nothing wrong", findings.rows);
    } else {
        let more = if findings.truncated { " or more" } else { "" };
        println!(
            "{} rows examined, {}{more} wrong. Stop the server, keep a copy of the folder, and \
             restore the newest good backup with: qitai restore FILE --data NEW_DIR",
            findings.rows,
            findings.found.len()
        );
    }
}
