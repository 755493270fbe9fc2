//! `qitai init`: the data folder, the key file, and the code for the first super admin.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    app::App,
    config::Config,
    identity::actions::FirstClaim,
    kit::{Clock, Random, Timestamp},
    store::{Folder, Vault},
};

use super::{CommandResult, serve};

/// How long a certificate of our own is good, in days: browsers refuse those for longer.
const CERTIFICATE_DAYS: i64 = 820;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Also make a certificate for the office network, which browsers ask about once
    #[arg(long)]
    self_signed: bool,
    /// A name or address under which the server is reached; may be given several times
    #[arg(long, value_name = "HOST", requires = "self_signed")]
    host: Vec<String>,
}

pub(super) fn run(config: &Config, args: &Args) -> CommandResult {
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
    if args.self_signed {
        self_signed(config, &args.host)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a certificate and its key beside the folder, unless they are there.
fn self_signed(config: &Config, hosts: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let folder = Folder::at(&config.data);
    let beside = |ending: &str| PathBuf::from(format!("{}.{ending}", folder.path().display()));
    let (cert, key) = (beside("tls-cert.pem"), beside("tls-key.pem"));
    if cert.exists() || key.exists() {
        println!("{}: was there already", cert.display());
    } else {
        let mut names: Vec<String> = hosts.to_vec();
        names.extend(["localhost".to_owned(), "127.0.0.1".to_owned()]);
        let made = certificate(names)?;
        write_new(&key, made.1.as_bytes(), 0o600)?;
        write_new(&cert, made.0.as_bytes(), 0o644)?;
        println!("{}: made", cert.display());
    }
    println!("Put these lines into the configuration file:");
    println!("  listen = \"0.0.0.0:8443\"");
    println!("  tls_cert = \"{}\"", cert.display());
    println!("  tls_key = \"{}\"", key.display());
    println!(
        "Browsers ask once about a certificate that nobody vouches for. Another pair put in \
         its place is taken up without a restart."
    );
    Ok(())
}

/// Certificate and key, PEM.
fn certificate(names: Vec<String>) -> Result<(String, String), Box<dyn std::error::Error>> {
    let mut params = rcgen::CertificateParams::new(names)?;
    let day_ms = 86_400_000;
    let now = Clock::system().now();
    let date = |at: Timestamp| {
        let day = at.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
        let small = |n: i8| u8::try_from(n).unwrap_or(1);
        rcgen::date_time_ymd(day.year().into(), small(day.month()), small(day.day()))
    };
    params.not_before = date(now.plus_ms(-day_ms));
    params.not_after = date(now.plus_ms(CERTIFICATE_DAYS * day_ms));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Qitai");
    let key = rcgen::KeyPair::generate()?;
    let cert = params.self_signed(&key)?;
    Ok((cert.pem(), key.serialize_pem()))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::Certificates;

    #[test]
    fn a_certificate_of_our_own_can_be_used_and_its_key_is_ours_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("qitai.toml");
        std::fs::write(&file, "data = 'd'").unwrap();
        let overrides = crate::config::Overrides {
            data: Some(dir.path().join("data")),
            config: Some(file),
            ..Default::default()
        };
        let config = Config::load(&overrides).unwrap();
        self_signed(&config, &["qitai.lan".to_owned(), "10.0.0.8".to_owned()]).unwrap();
        let (cert, key) = (
            dir.path().join("data.tls-cert.pem"),
            dir.path().join("data.tls-key.pem"),
        );
        let certificates = Certificates::load(&cert, &key).unwrap();
        certificates.server_config().unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(&key).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
        // Another pair is noticed; one half of it is refused and the old pair stays.
        let before = std::fs::read(&cert).unwrap();
        let (other, _) = certificate(vec!["other.lan".to_owned()]).unwrap();
        std::fs::write(&cert, other).unwrap();
        assert!(certificates.reload().is_err());
        std::fs::write(&cert, before).unwrap();
        certificates.reload().unwrap();
        self_signed(&config, &[]).unwrap();
    }
}
