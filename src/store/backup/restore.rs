//! The way back: verify, build beside, move into place.

use std::path::Path;

use super::{BackupError, Manifest, read::read_file, verify};
use crate::store::{
    Folder, StoreOptions, Vault,
    engine::{Changes, Engine},
    files, migrate,
};

/// Rows a restore puts into one transaction.
const RESTORE_BATCH_ROWS: usize = 20_000;

/// Restores a backup into a new folder. `key_file` is the key file of the folder it was
/// taken of; the copy gets a new folder id. The folder appears only when it is whole: it is
/// built beside its place, then its key file is moved there, then the folder itself.
pub fn restore(
    backup: &Path,
    key_file: &Path,
    folder: &Folder,
    options: &StoreOptions,
) -> Result<Manifest, BackupError> {
    restore_with(backup, key_file, folder, options, |_| Ok(()))
}

/// The same, with `more` that the folder is to hold: it is given the folder as it is built,
/// with the store in it and its key file beside it.
pub fn restore_with(
    backup: &Path,
    key_file: &Path,
    folder: &Folder,
    options: &StoreOptions,
    more: impl FnOnce(&Folder) -> Result<(), BackupError>,
) -> Result<Manifest, BackupError> {
    let building = Folder::at(files::beside(folder.path(), ".restoring"));
    clear_leftovers(&building, folder, key_file)?;
    let key_path = Vault::path_for(folder.path());
    for taken in [folder.path(), &key_path] {
        if taken.exists() {
            return Err(BackupError::Taken(taken.to_owned()));
        }
    }
    fits(&verify(backup)?, &Vault::load(key_file)?, options)?;
    let building_key = Vault::path_for(building.path());
    let io = |why| BackupError::Io {
        path: building.path().to_owned(),
        why,
    };
    Vault::copy_for_restore(key_file, &building_key, &options.random)?;
    building.create(&options.random)?;
    let manifest = fill(backup, &building, options)?;
    migrate::mark_format(&building, manifest.format)?;
    more(&building)?;
    std::fs::rename(&building_key, &key_path).map_err(io)?;
    files::sync_entry(&key_path).map_err(io)?;
    std::fs::rename(building.path(), folder.path()).map_err(io)?;
    files::sync_entry(folder.path()).map_err(io)?;
    Ok(manifest)
}

/// Removes what a restore that was cut off has left. If it ended just before its last step, a
/// copy of the key file stands in its place already, and goes as well.
fn clear_leftovers(building: &Folder, folder: &Folder, key_file: &Path) -> Result<(), BackupError> {
    let building_key = Vault::path_for(building.path());
    let io = |why| BackupError::Io {
        path: building.path().to_owned(),
        why,
    };
    if !building.path().exists() {
        return files::remove_leftover(&building_key).map_err(io);
    }
    let key_path = Vault::path_for(folder.path());
    if !folder.path().exists() && Vault::is_copy(&key_path, key_file) {
        files::remove_leftover(&key_path).map_err(io)?;
    }
    std::fs::remove_dir_all(building.path()).map_err(io)?;
    files::remove_leftover(&building_key).map_err(io)
}

fn fill(backup: &Path, building: &Folder, options: &StoreOptions) -> Result<Manifest, BackupError> {
    let names = options.table_names();
    let engine = Engine::open(&building.store_file(), options.cache_bytes)?;
    let engine = engine.with_tables(names.clone())?;
    let mut changes = Changes::new();
    let mut waiting = 0usize;
    let manifest = read_file(backup, |table, rows| {
        let Some(name) = names.iter().find(|name| **name == table) else {
            return Err(BackupError::Damaged("a table nobody knows"));
        };
        waiting += rows.len();
        let target = changes.entry(*name).or_default();
        target.extend(rows.into_iter().map(|(key, value)| (key, Some(value))));
        if waiting >= RESTORE_BATCH_ROWS {
            engine.commit(&std::mem::take(&mut changes))?;
            waiting = 0;
        }
        Ok(())
    })?;
    engine.commit(&changes)?;
    files::sync_entry(&building.store_file()).map_err(|why| BackupError::Io {
        path: building.path().to_owned(),
        why,
    })?;
    Ok(manifest)
}

/// Whether this version and this key file can do something with the backup.
fn fits(manifest: &Manifest, vault: &Vault, options: &StoreOptions) -> Result<(), BackupError> {
    let names = options.table_names();
    let mut filled = manifest.tables.iter().filter(|(_, sum)| sum.rows > 0);
    let is_known = filled.all(|(table, _)| names.iter().any(|name| name == table));
    if !is_known || manifest.format > migrate::target_format(options) {
        return Err(BackupError::Newer(manifest.program.clone()));
    }
    if manifest.log_id != vault.log_id() {
        return Err(BackupError::ForeignKey);
    }
    Ok(())
}
