//! `qitai init`: the data folder, the key file, and the code for the first super admin.

use std::process::ExitCode;

use crate::{
    app::App,
    config::Config,
    identity::actions::FirstClaim,
    kit::Random,
    store::{Folder, Vault},
};

use super::{CommandResult, serve};

pub(super) fn run(config: &Config) -> CommandResult {
    let folder = Folder::at(&config.data);
    let was_there = folder.exists();
    folder.create(&Random::system())?;
    let app = App::open(config.clone())?;
    let claim = serve::first_claim(&app)?;
    app.store.close();
    let key = Vault::path_for(folder.path());
    if was_there {
        println!("{}: was there already", config.data.display());
    } else {
        println!("{}: made", config.data.display());
        println!(
            "{}: made. Keep a copy of it in another safe place.",
            key.display()
        );
    }
    match claim {
        FirstClaim::Given(code) => {
            println!(
                "Claim code of the first super admin: {}",
                code.text.expose()
            );
        }
        FirstClaim::Waiting => println!(
            "The claim code printed before still opens; `qitai account claim-code` makes a new one."
        ),
        FirstClaim::NotNeeded => println!("There is a super admin; no claim code is needed."),
    }
    Ok(ExitCode::SUCCESS)
}
