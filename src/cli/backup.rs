//! `qitai backup FILE [--media DIR]`: a verified copy of the store and of the files of archived
//! messages, of the asset library and of evidence packages, also while the server runs.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    archive::{
        carry::{self, Carried},
        evidence,
    },
    config::Config,
    outreach::materials,
    store::{Folder, backup::Manifest},
};

use super::{CommandResult, control, control::ControlRequest};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The file to write; it appears only when it is whole and verified
    file: PathBuf,
    /// Copy the files of archived messages and of the asset library and the evidence packages
    /// into this folder too, each once: the same folder serves all backups
    #[arg(long, value_name = "DIR")]
    media: Option<PathBuf>,
    /// Print the manifest as JSON
    #[arg(long)]
    json: bool,
}

/// What was written.
#[derive(Serialize, Deserialize)]
struct Done {
    #[serde(flatten)]
    manifest: Manifest,
    /// The files of messages, assets and cases, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media: Option<Carried>,
}

pub(super) fn run(config: &Config, args: &Args) -> CommandResult {
    let path = std::path::absolute(&args.file)?;
    let media = args.media.as_ref().map(std::path::absolute).transpose()?;
    let request = ControlRequest::Backup {
        path: path.clone(),
        media: media.clone(),
    };
    let answer = control::ask(config, &request)?;
    let done: Done = serde_json::from_value(answer.clone())?;
    let is_whole = done.media.as_ref().is_none_or(Carried::is_whole);
    let code = if is_whole { 0 } else { 1 };
    if args.json {
        println!("{answer}");
        return Ok(ExitCode::from(code));
    }
    let rows: u64 = done.manifest.tables.values().map(|table| table.rows).sum();
    println!("{}: {rows} rows, written and verified", path.display());
    match (media, done.media) {
        (Some(dir), Some(carried)) => report(&dir, &carried),
        _ => println!(
            "Files of archived messages and of the asset library and evidence packages are not in \
             it; add --media DIR for these."
        ),
    }
    println!(
        "The keys are not in it: keep {}.key in another safe place.",
        config.data.display()
    );
    Ok(ExitCode::from(code))
}

fn report(dir: &Path, carried: &Carried) {
    let Carried { files, copied, .. } = carried;
    println!("{}: {files} files, {copied} of them new", dir.display());
    if !carried.is_whole() {
        name_bad(carried);
    }
}

/// Says what was not copied, and why.
pub(super) fn name_bad(carried: &Carried) {
    let Carried {
        missing,
        damaged,
        open,
        ..
    } = carried;
    println!("{missing} files are missing and {damaged} damaged");
    if *open > 0 {
        println!("{open} evidence packages are not sealed yet, left out");
    }
    for path in &carried.bad {
        println!("  {}", path.display());
    }
}

/// Carries the backup out: the store first, so that every file it names is there to be copied.
pub(super) fn perform(
    app: &App,
    path: &Path,
    media: Option<&Path>,
) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let folder = Folder::at(&app.config.data);
    let own = std::path::absolute(folder.path())?;
    if media.is_some_and(|dir| dir.starts_with(&own)) {
        return Err("the folder for files must lie outside the data folder".into());
    }
    if media.is_some() && !app.store.is_held() {
        // Packages travel sealed.
        evidence::seal_open_ones(app)?;
    }
    let manifest = app.backup(path)?;
    let media = match media {
        Some(dir) => {
            let named = app.read(carry::named)?;
            let messages = carry::carry_sealed(&app.store, &named, &folder.media_dir(), dir)?;
            let named = app.read(materials::named)?;
            let assets = carry::carry(&named, &folder.assets_dir(), dir)?;
            let packages = app.read(carry::packages)?;
            let packages = carry::carry_packages(&packages, &folder.evidence_dir(), dir)?;
            Some(messages.and(assets).and(packages))
        }
        None => None,
    };
    Ok(serde_json::to_value(Done { manifest, media })?)
}
