//! The machine: folder, key file, disk, zone. Needs no open store.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use crate::{
    config::{Config, TlsFiles},
    store::Vault,
    web::{Certificates, format},
};

use super::{Finding, Kind};

/// Below this much free space a warning is due: the greater of the two.
const LOW_BYTES: u64 = 1 << 30;
const LOW_PERCENT: u64 = 10;
/// Below this much writing is about to fail: the greater of the two.
const FULL_BYTES: u64 = 256 << 20;
const FULL_PERCENT: u64 = 2;
/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Looks at everything on this machine.
pub fn examine(config: &Config) -> Vec<Finding> {
    let mut found = vec![Finding::of(Kind::Version).with("version", env!("CARGO_PKG_VERSION"))];
    found.push(folder(&config.data));
    found.push(key_file(&Vault::path_for(&config.data)));
    found.extend(disk(&config.data));
    found.push(Finding::of(Kind::Zone).with("zone", zone()));
    if !config.listen.ip().is_loopback() && !config.is_secure() {
        found.push(Finding::of(Kind::ListensPlain).with("address", config.listen));
    }
    found.extend(config.tls.as_ref().map(door));
    found
}

/// Certificate and key of our own door, as a start would read them.
fn door(files: &TlsFiles) -> Finding {
    match Certificates::load(&files.cert, &files.key) {
        Ok(_) => Finding::of(Kind::DoorFine).with("path", files.cert.display()),
        Err(why) => Finding::of(Kind::DoorBroken).with("why", why),
    }
}

fn folder(path: &Path) -> Finding {
    let named = |kind| Finding::of(kind).with("path", path.display());
    let Ok(meta) = fs::metadata(path) else {
        return named(Kind::FolderMissing);
    };
    let mode = meta.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return named(Kind::FolderOpen).with("mode", format!("{mode:03o}"));
    }
    match tempfile::tempfile_in(path) {
        Ok(_) => named(Kind::FolderFine),
        Err(_) => named(Kind::FolderReadOnly),
    }
}

fn key_file(path: &Path) -> Finding {
    let named = |kind| Finding::of(kind).with("path", path.display());
    let Ok(meta) = fs::metadata(path) else {
        return named(Kind::KeyMissing);
    };
    let mode = meta.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return named(Kind::KeyOpen).with("mode", format!("{mode:03o}"));
    }
    match meta.uid() == rustix::process::geteuid().as_raw() {
        true => named(Kind::KeyFine),
        false => named(Kind::KeyForeign),
    }
}

fn disk(path: &Path) -> Option<Finding> {
    let room = rustix::fs::statvfs(path).ok()?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let whole = room.f_blocks.saturating_mul(room.f_frsize);
    Some(Finding::of(room_kind(free, whole)).with("free", format::bytes(free)))
}

fn room_kind(free: u64, whole: u64) -> Kind {
    let below = |bytes: u64, percent: u64| free < bytes.max(whole / 100 * percent);
    if below(FULL_BYTES, FULL_PERCENT) {
        Kind::DiskFull
    } else if below(LOW_BYTES, LOW_PERCENT) {
        Kind::DiskLow
    } else {
        Kind::DiskFine
    }
}

fn zone() -> String {
    let zone = jiff::tz::TimeZone::system();
    zone.iana_name().unwrap_or("UTC").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn config(data: &Path) -> Config {
        Config {
            data: data.to_owned(),
            ..Config::load(&Overrides::default()).unwrap()
        }
    }

    fn kinds(config: &Config) -> Vec<Kind> {
        examine(config).iter().map(Finding::kind).collect()
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn folder_and_key_file_that_others_can_open_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let config = config(&data);
        assert!(kinds(&config).contains(&Kind::FolderMissing));
        assert!(kinds(&config).contains(&Kind::KeyMissing));
        fs::create_dir(&data).unwrap();
        chmod(&data, 0o700);
        let key = Vault::path_for(&data);
        fs::write(&key, "").unwrap();
        chmod(&key, 0o400);
        let fine = kinds(&config);
        assert!(
            fine.contains(&Kind::FolderFine) && fine.contains(&Kind::KeyFine),
            "{fine:?}"
        );
        chmod(&data, 0o755);
        chmod(&key, 0o440);
        let open = kinds(&config);
        assert!(
            open.contains(&Kind::FolderOpen) && open.contains(&Kind::KeyOpen),
            "{open:?}"
        );
    }

    #[test]
    fn pages_without_tls_for_everybody_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let open = Config {
            listen: "0.0.0.0:8080".parse().unwrap(),
            ..config(dir.path())
        };
        assert!(kinds(&open).contains(&Kind::ListensPlain));
        let behind = Config {
            behind_proxy: true,
            ..open
        };
        assert!(!kinds(&behind).contains(&Kind::ListensPlain));
    }

    #[test]
    fn a_door_without_key_or_with_another_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            cert: dir.path().join("cert.pem"),
            key: dir.path().join("key.pem"),
        };
        let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (pair, other) = (made(), made());
        fs::write(&files.cert, pair.cert.pem()).unwrap();
        let kind = || {
            let config = Config {
                tls: Some(TlsFiles {
                    cert: files.cert.clone(),
                    key: files.key.clone(),
                }),
                ..config(dir.path())
            };
            let found = kinds(&config);
            found
                .into_iter()
                .find(|kind| kind.code().starts_with("door"))
        };
        assert_eq!(kind(), Some(Kind::DoorBroken), "there is no key");
        fs::write(&files.key, other.signing_key.serialize_pem()).unwrap();
        assert_eq!(kind(), Some(Kind::DoorBroken), "another key");
        fs::write(&files.key, pair.signing_key.serialize_pem()).unwrap();
        assert_eq!(kind(), Some(Kind::DoorFine));
        fs::write(&files.cert, "").unwrap();
        assert_eq!(kind(), Some(Kind::DoorBroken), "no certificate");
    }

    #[test]
    fn a_disk_is_judged_by_bytes_and_by_percent() {
        const GIB: u64 = 1 << 30;
        assert_eq!(room_kind(50 * GIB, 100 * GIB), Kind::DiskFine);
        assert_eq!(room_kind(5 * GIB, 100 * GIB), Kind::DiskLow);
        assert_eq!(room_kind(GIB, 100 * GIB), Kind::DiskFull);
        assert_eq!(room_kind(GIB / 2, 2 * GIB), Kind::DiskLow);
        assert_eq!(room_kind(GIB / 8, 2 * GIB), Kind::DiskFull);
    }
}
