//! The firm's key pairs for the archive: every version that was ever used, for as long as
//! anything may have to be opened with it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Secret,
    store::{Read, StoreError, Write},
    wecom::archive::PrivateKey,
};

use super::model::KeyVersion;

/// The private halves, by version.
pub type KeyRing = BTreeMap<u32, Arc<PrivateKey>>;

/// The greatest version that a key may get. WeCom counts from 1, one for every key that is
/// uploaded.
pub const VERSION_MAX: u32 = 1_000_000;

/// All versions, ready for use.
pub fn load(r: &Read<'_>) -> Result<KeyRing> {
    let mut ring = KeyRing::new();
    for row in r.all::<KeyVersion>(None)? {
        let row = row?;
        let key = PrivateKey::from_pem(row.private.expose()).map_err(AppError::internal)?;
        ring.insert(row.version, Arc::new(key));
    }
    Ok(ring)
}

/// All versions as they are kept, newest first.
pub fn versions(r: &Read<'_>) -> Result<Vec<KeyVersion>, StoreError> {
    r.all_backwards::<KeyVersion>(None)?.collect()
}

/// Keeps a key pair under the version that WeCom's console shows.
#[derive(Debug, Clone)]
pub struct KeepKey {
    /// The version.
    pub version: u32,
    /// The private half, PEM.
    pub private: Secret<String>,
}

/// Gives a key another version, because WeCom's console counts otherwise.
#[derive(Debug, Clone, Copy)]
pub struct RenumberKey {
    /// The version so far.
    pub from: u32,
    /// The version to be.
    pub to: u32,
}

macro_rules! for_super_admins {
    ($($command:ty),+) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
            const WHAT: &'static str = "settings";
            const STEP_UP: bool = true;
            fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                Ok(scope.is_everything())
            }
        }
    )+};
}
for_super_admins!(KeepKey, RenumberKey);

/// Refuses what WeCom does not count up to.
pub fn must_be_version(version: u32) -> Result<()> {
    match (1..=VERSION_MAX).contains(&version) {
        true => Ok(()),
        false => Err(AppError::field("version", "archive_setup.key_version")),
    }
}

/// Keeps it. A version is never given another key: what was closed with the first could not
/// be opened any more.
pub fn keep(w: &mut Write<'_>, allowed: Allowed<KeepKey>) -> Result<()> {
    let KeepKey { version, private } = allowed.into_command();
    must_be_version(version)?;
    let key = PrivateKey::from_pem(private.expose())
        .map_err(|_| AppError::field("private", "archive_setup.key_unfit"))?;
    let known = w.get::<KeyVersion>(&version)?;
    let fingerprint = key.fingerprint();
    if known.is_some_and(|known| known.fingerprint != fingerprint) {
        return Err(AppError::field("version", "archive_setup.key_taken"));
    }
    Ok(w.put(&KeyVersion {
        version,
        private,
        public: key.public_pem(),
        fingerprint,
        made_at: w.now(),
    })?)
}

/// Keeps a key as the settings do, for tests.
///
/// # Panics
/// If it can't be kept.
#[cfg(any(test, feature = "faults"))]
pub fn keep_for_test(app: &crate::app::App, version: u32, key: &PrivateKey) {
    let viewer = crate::identity::Viewer::system("test");
    let pem = key.to_pem().expect("a key that was made");
    let private = Secret::new((*pem).clone());
    let kept = app
        .store
        .write_blocking(viewer.change("archive.key"), move |w| {
            let allowed = viewer.allow(w, KeepKey { version, private })?;
            keep(w, allowed)
        });
    kept.expect("the version has no other key");
    app.archive.wake.notify_one();
}

/// Moves a key to another version that has none.
pub fn renumber(w: &mut Write<'_>, allowed: Allowed<RenumberKey>) -> Result<()> {
    let RenumberKey { from, to } = allowed.into_command();
    let key = w.get::<KeyVersion>(&from)?;
    let mut key = key.ok_or(AppError::NotFound { what: "settings" })?;
    if from == to {
        return Ok(());
    }
    must_be_version(to)?;
    if w.read().exists::<KeyVersion>(&to)? {
        return Err(AppError::field("version", "archive_setup.key_taken"));
    }
    w.delete::<KeyVersion>(&from)?;
    key.version = to;
    Ok(w.put(&key)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        archive::{standing::next_version, tests::Archive},
        identity::Viewer,
    };

    /// Whether a key is kept under a version, and what is wrong where it is not.
    fn kept(archive: &Archive, version: u32) -> Result<()> {
        let pem = PrivateKey::generate().unwrap().to_pem().unwrap();
        let private = Secret::new((*pem).clone());
        let viewer = Viewer::system("test");
        let act = viewer.change("archive.key");
        archive.store.write_blocking(act, move |w| {
            let allowed = viewer.allow(w, KeepKey { version, private })?;
            keep(w, allowed)
        })
    }

    fn next(archive: &Archive) -> u32 {
        archive.read(|r| next_version(&versions(r).unwrap()))
    }

    #[test]
    fn a_version_that_wecom_never_counts_to_is_refused_and_none_is_proposed_twice() {
        let archive = Archive::new();
        assert_eq!(next(&archive), 1);
        kept(&archive, 3).unwrap();
        for version in [0, VERSION_MAX + 1, u32::MAX] {
            let refused = kept(&archive, version).unwrap_err();
            let told = format!("{refused:?}");
            assert!(told.contains("archive_setup.key_version"), "{told}");
            let viewer = Viewer::system("test");
            let act = viewer.change("archive.key");
            let moved = archive.store.write_blocking(act, move |w| {
                let to = RenumberKey {
                    from: 3,
                    to: version,
                };
                let allowed = viewer.allow(w, to)?;
                renumber(w, allowed)
            });
            assert!(moved.is_err(), "{version}");
        }
        assert_eq!(next(&archive), 4);
        // One that was kept while everything was.
        let act = crate::store::Act::by_system("archive.key", "test");
        let before = archive.store.write_blocking(act, |w| {
            let known = w.get::<KeyVersion>(&3)?;
            let known = known.ok_or(AppError::NotFound { what: "settings" })?;
            Ok(w.put(&KeyVersion {
                version: u32::MAX,
                ..known
            })?)
        });
        before.unwrap();
        assert_eq!(next(&archive), 4);
        kept(&archive, VERSION_MAX).unwrap();
        assert_eq!(next(&archive), VERSION_MAX);
    }
}
