//! `qitai restore FILE --data NEW_DIR --key KEY_FILE [--media DIR]`: into a new folder only.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    app::App,
    archive::carry::{self, Carried},
    config::Config,
    outreach::materials,
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
    /// The folder with the files of archived messages and of the asset library and the evidence
    /// packages
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
        println!("{} files", carried.files);
        super::backup::name_bad(&carried);
    }
    Ok(ExitCode::from(if carried.is_whole() { 0 } else { 1 }))
}

/// Copies the files that the restored messages, assets and cases name.
fn bring_files(building: &Folder, from: &Path) -> Result<Carried, BackupError> {
    let store = Store::open(building, App::store_options())?;
    let messages = store.read(carry::named)?;
    let assets = store.read(materials::named)?;
    let packages = store.read(carry::packages)?;
    let brought = || {
        let messages = carry::carry_sealed(&store, &messages, from, &building.media_dir())?;
        let assets = carry::carry(&assets, from, &building.assets_dir())?;
        let packages = carry::bring_packages(&packages, from, &building.evidence_dir())?;
        Ok(messages.and(assets).and(packages))
    };
    brought().map_err(|why| BackupError::Io {
        path: from.to_owned(),
        why,
    })
}
