//! The folder's format and the way from older ones.

use super::{
    Folder, StoreError, StoreOptions, Vault, backup,
    engine::{Changes, Engine},
    feed, files, row,
    source::{Layered, merge_into},
};

/// meta: name → value with its check. Facts about the folder itself.
pub(super) const META: &str = "meta-1";

const FORMAT_KEY: &[u8] = b"format";

/// The format this version writes.
pub const FORMAT: u32 = 1;

/// One step: brings a folder of format `to - 1` to format `to`.
///
/// All steps and the new format number are one transaction: an upgrade happens wholly or not
/// at all. A step sees raw rows, since the types of old formats are gone.
#[derive(Clone, Copy)]
pub struct Migration {
    /// The format after the step.
    pub to: u32,
    /// Tables of the old format that this version has no more: the step reads them, and the
    /// backup before it must hold them.
    pub old_tables: &'static [&'static str],
    /// The step: reads through the layer and returns the rows to change.
    pub step: fn(&super::Read<'_>) -> Result<Changes, StoreError>,
}

/// Refuses a folder of a newer format before the engine touches a byte of it, by the format
/// number that stands in clear beside the store file. Writes it down for a new folder.
pub(super) fn refuse_newer(folder: &Folder, options: &StoreOptions) -> Result<(), StoreError> {
    let target = target_format(options);
    match marked_format(folder)? {
        Some(found) if found > target => Err(newer()),
        None if !folder.exists() => mark_format(folder, target),
        _ => Ok(()),
    }
}

/// Makes the tables and runs the missing steps; a newer store is refused. Before the steps a
/// backup is written beside the folder, and the number in clear is raised: an older version
/// keeps away from then on. Without a folder (a simulated disk) there is neither.
pub(super) fn bring_up_to_date(
    folder: Option<&Folder>,
    engine: Engine,
    vault: &Vault,
    options: &StoreOptions,
) -> Result<Engine, StoreError> {
    let target = target_format(options);
    let found = stored_format(&engine)?;
    if found.is_some_and(|found| found > target) {
        return Err(newer());
    }
    let engine = engine.with_tables(options.table_names())?;
    let changes = match found {
        Some(found) if found < target => {
            let changes = run_steps(found, &engine, vault, options)?;
            if let Some(folder) = folder {
                let path = files::beside(folder.path(), &format!(".before-format-{target}.qtb"));
                backup::write_engine(&engine, vault, options, found, &path)?;
            }
            changes
        }
        Some(_) => Changes::new(),
        None if feed::head_of(&engine.snapshot()?)? == 0 => Changes::new(),
        None => return Err(StoreError::damaged(META, FORMAT_KEY)),
    };
    if let Some(folder) = folder.filter(|_| found != Some(target)) {
        mark_format(folder, target)?;
    }
    if found != Some(target) {
        let mut changes = changes;
        merge_into(&mut changes, format_change(target));
        engine.commit(&changes)?;
    }
    Ok(engine)
}

/// What all steps behind `found` change. Nothing is written yet: a step that fails leaves the
/// folder to the version that made it.
fn run_steps(
    found: u32,
    engine: &Engine,
    vault: &Vault,
    options: &StoreOptions,
) -> Result<Changes, StoreError> {
    let snapshot = engine.snapshot()?;
    let mut layer = Layered::over(&snapshot);
    for migration in options.migrations.iter().filter(|m| m.to > found) {
        let changes = (migration.step)(&super::Read::new(&layer, vault))?;
        merge_into(&mut layer.changes, changes);
    }
    Ok(layer.changes)
}

/// The format a folder has after opening with these options.
pub(super) fn target_format(options: &StoreOptions) -> u32 {
    let steps = options.migrations.iter().map(|m| m.to);
    steps.max().unwrap_or(FORMAT).max(FORMAT)
}

fn newer() -> StoreError {
    StoreError::Newer {
        what: "the data folder",
    }
}

fn marked_format(folder: &Folder) -> Result<Option<u32>, StoreError> {
    let path = folder.format_file();
    match std::fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse() {
            Ok(format) => Ok(Some(format)),
            Err(_) => Err(folder.refuse(format_args!(
                "the file {} is damaged. If this version has opened the folder before, write \
                 {FORMAT} into it",
                path.display()
            ))),
        },
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(folder.refuse(why)),
    }
}

pub(super) fn mark_format(folder: &Folder, format: u32) -> Result<(), StoreError> {
    files::replace(
        &folder.format_file(),
        0o600,
        format!("{format}\n").as_bytes(),
    )
    .map_err(|why| {
        folder.refuse(format_args!(
            "{why}. The folder must be writable by the user Qitai runs as"
        ))
    })
}

fn stored_format(engine: &Engine) -> Result<Option<u32>, StoreError> {
    let Some(value) = engine.peek(META, FORMAT_KEY)? else {
        return Ok(None);
    };
    let format = row::decode_index(META, FORMAT_KEY, &value)?.try_into();
    let format = format.map_err(|_| StoreError::damaged(META, FORMAT_KEY))?;
    Ok(Some(u32::from_be_bytes(format)))
}

fn format_change(format: u32) -> Changes {
    let value = row::encode_index(META, FORMAT_KEY, &format.to_be_bytes());
    Changes::from([(META, [(FORMAT_KEY.to_vec(), Some(value))].into())])
}
