//! The folder's format and the way from older ones.

use std::path::Path;

use super::{
    StoreError, StoreOptions, Vault, backup,
    engine::{Changes, Engine},
    row::{self, Row},
    source::Layered,
};

/// meta: name → value. Facts about the folder itself.
pub(super) const META: &str = "meta-1";

const FORMAT_KEY: &[u8] = b"format";

/// The format this version writes.
pub const FORMAT: u32 = 1;

/// One step: brings a folder of format `to - 1` to format `to`.
///
/// Runs in one transaction together with the new format number: it happens wholly or not at
/// all. It sees raw rows, since the types of old formats are gone.
#[derive(Clone, Copy)]
pub struct Migration {
    /// The format after the step.
    pub to: u32,
    /// The step: reads through the layer and returns the rows to change.
    pub step: fn(&super::Read<'_>) -> Result<Changes, StoreError>,
}

/// Runs the missing steps. A folder of a newer format is refused untouched; before the first
/// step a backup is written beside the folder.
pub(super) fn bring_up_to_date(
    folder: &Path,
    engine: &Engine,
    vault: &Vault,
    options: &StoreOptions,
) -> Result<(), StoreError> {
    let target = options
        .migrations
        .iter()
        .map(|m| m.to)
        .max()
        .unwrap_or(FORMAT)
        .max(FORMAT);
    let found = match stored_format(engine, vault)? {
        Some(found) => found,
        None => return engine.commit(&format_change(target)).map_err(Into::into),
    };
    if found > target {
        return Err(StoreError::Newer {
            what: "the data folder",
        });
    }
    if found < target && folder.file_name().is_some() {
        let name = format!("before-format-{target}.qtb");
        backup::write_engine(engine, vault, options, &folder.with_file_name(name))?;
    }
    for migration in options.migrations.iter().filter(|m| m.to > found) {
        let snapshot = engine.snapshot()?;
        let layer = Layered::over(&snapshot);
        let mut changes = (migration.step)(&super::Read::new(&layer, vault))?;
        super::source::merge_into(&mut changes, format_change(migration.to));
        engine.commit(&changes)?;
    }
    Ok(())
}

/// The format a folder has after opening with these options.
fn target_format(options: &StoreOptions) -> u32 {
    options
        .migrations
        .iter()
        .map(|m| m.to)
        .max()
        .unwrap_or(FORMAT)
        .max(FORMAT)
}

/// Refuses a folder of a newer format before the engine touches a byte of it, by the format
/// number that stands in clear beside the store file. Writes the number down otherwise; it
/// is raised before the first step, so a folder in the middle of an upgrade is refused too.
pub(super) fn mark_format(
    folder: &super::Folder,
    options: &StoreOptions,
) -> Result<(), StoreError> {
    let path = folder.path().join("format");
    let refuse = |why: std::io::Error| StoreError::Folder {
        path: path.clone(),
        why: format!("{why}. The folder must be writable by the user Qitai runs as"),
    };
    let target = target_format(options);
    let found = match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse::<u32>().ok(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(refuse(error)),
    };
    match found {
        Some(found) if found > target => Err(StoreError::Newer {
            what: "the data folder",
        }),
        Some(found) if found == target => Ok(()),
        _ => std::fs::write(&path, format!("{target}\n")).map_err(refuse),
    }
}

fn stored_format(engine: &Engine, vault: &Vault) -> Result<Option<u32>, StoreError> {
    let snapshot = engine.snapshot()?;
    let Some(value) = snapshot.get(META, FORMAT_KEY)? else {
        return Ok(None);
    };
    let damaged = || StoreError::damaged(META, FORMAT_KEY);
    let row = row::decode(&snapshot, vault, META, FORMAT_KEY, &value)?.ok_or_else(damaged)?;
    Ok(Some(u32::from_be_bytes(
        row.body.try_into().map_err(|_| damaged())?,
    )))
}

fn format_change(format: u32) -> Changes {
    let row = Row {
        schema: 1,
        version: 1,
        body: format.to_be_bytes().to_vec(),
    };
    let value = row::encode_plain(META, FORMAT_KEY, &row);
    Changes::from([(META, [(FORMAT_KEY.to_vec(), Some(value))].into())])
}
