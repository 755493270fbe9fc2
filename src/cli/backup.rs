//! `qitai backup FILE`: a verified copy of the store, also while the server runs.

use std::{path::PathBuf, process::ExitCode};

use crate::{config::Config, store::backup::Manifest};

use super::{CommandResult, control, control::ControlRequest};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The file to write; it appears only when it is whole and verified
    file: PathBuf,
    /// Print the manifest as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Config, args: &Args) -> CommandResult {
    let path = std::path::absolute(&args.file)?;
    let done = control::ask(config, &ControlRequest::Backup { path: path.clone() })?;
    if args.json {
        println!("{done}");
        return Ok(ExitCode::SUCCESS);
    }
    let manifest: Manifest = serde_json::from_value(done)?;
    let rows: u64 = manifest.tables.values().map(|table| table.rows).sum();
    println!("{}: {rows} rows, written and verified", path.display());
    println!(
        "The keys are not in it: keep {}.key in another safe place.",
        config.data.display()
    );
    Ok(ExitCode::SUCCESS)
}
