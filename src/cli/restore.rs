//! `qitai restore FILE --data NEW_DIR --key KEY_FILE [--media DIR]`: into a new folder only.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    app::App,
    archive::carry::{self, Carried},
    config::Config,
    store::{
        Folder, Store,
        backup::{self, BackupError},
    },
};

use super::CommandResult;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The backup
    file: PathBuf,
    /// The key file of the folder the backup was taken of
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The folder with the files of archived messages
    #[arg(long, value_name = "DIR")]
    media: Option<PathBuf>,
}

pub(super) fn run(config: &Config, args: &Args) -> CommandResult {
    let folder = Folder::at(&config.data);
    let options = App::store_options();
    let mut carried = Carried::default();
    let bring = |building: &Folder| {
        if let Some(from) = &args.media {
            carried = bring_files(building, from)?;
        }
        Ok(())
    };
    let manifest = backup::restore_with(&args.file, &args.key, &folder, &options, bring)?;
    println!(
        "{}: restored as of {}. Search is rebuilt at the first start: qitai serve --data {}",
        config.data.display(),
        manifest.taken_at.to_rfc3339(),
        config.data.display()
    );
    if args.media.is_some() {
        let Carried {
            files,
            missing,
            damaged,
            ..
        } = &carried;
        println!("{files} files of messages; {missing} are missing and {damaged} damaged");
    }
    Ok(ExitCode::from(if carried.is_whole() { 0 } else { 1 }))
}

/// Copies the files that the restored messages name.
fn bring_files(building: &Folder, from: &Path) -> Result<Carried, BackupError> {
    let store = Store::open(building, App::store_options())?;
    let named = store.read(carry::named)?;
    drop(store);
    carry::carry(&named, from, &building.media_dir()).map_err(|why| BackupError::Io {
        path: from.to_owned(),
        why,
    })
}
