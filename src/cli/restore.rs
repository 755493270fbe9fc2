//! `qitai restore FILE --data NEW_DIR --key KEY_FILE`: into a new folder only.

use std::{path::PathBuf, process::ExitCode};

use crate::{
    app::App,
    config::Config,
    store::{Folder, backup},
};

use super::CommandResult;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The backup
    file: PathBuf,
    /// The key file of the folder the backup was taken of
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

pub(super) fn run(config: &Config, args: &Args) -> CommandResult {
    let folder = Folder::at(&config.data);
    let manifest = backup::restore(&args.file, &args.key, &folder, &App::store_options())?;
    println!(
        "{}: restored as of {}. Search is rebuilt at the first start: qitai serve --data {}",
        config.data.display(),
        manifest.taken_at.to_rfc3339(),
        config.data.display()
    );
    Ok(ExitCode::SUCCESS)
}
