//! Folders that are newer, older, half made, restored: refused with a reason, or whole.

use std::path::Path;

use super::*;
use crate::store::{
    backup::BackupError,
    engine::{Changes, Engine},
};

fn folder_of(dir: &tempfile::TempDir) -> Folder {
    Folder::at(dir.path().join("data"))
}

/// Every file below a path with its content.
fn files_below(path: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            match entry.is_dir() {
                true => open.push(entry),
                false => found.push((entry.clone(), std::fs::read(&entry).unwrap())),
            }
        }
    }
    found.sort();
    found
}

fn owners(store: &Store) -> Vec<u64> {
    let mut owners: Vec<u64> = store.read(|r| {
        r.all::<Note>(None)
            .unwrap()
            .map(|n| n.unwrap().owner)
            .collect()
    });
    owners.sort_unstable();
    owners
}

/// A step that needs what the step before it did.
fn add_marker(to: u8) -> Result<Changes, StoreError> {
    let value = row::encode_index(COUNT, &[to], &[to]);
    Ok(Changes::from([(COUNT, [(vec![to], Some(value))].into())]))
}

fn steps(last: fn(&Read<'_>) -> Result<Changes, StoreError>) -> StoreOptions {
    let first = Migration {
        to: FORMAT + 1,
        old_tables: &[],
        step: |_| add_marker(1),
    };
    let second = Migration {
        to: FORMAT + 2,
        old_tables: &[],
        step: last,
    };
    StoreOptions {
        migrations: vec![first, second],
        ..options()
    }
}

#[test]
fn an_upgrade_of_many_steps_is_one_and_a_failing_one_is_none() {
    let dir = tempfile::tempdir().unwrap();
    add(&open(&dir), 7, "甲", true).unwrap();
    let folder = folder_of(&dir);
    let fails = steps(|_| Err(StoreError::Internal("a step fails".into())));
    assert!(Store::open(&folder, fails).is_err());
    assert_eq!(owners(&Store::open(&folder, options()).unwrap()), [7]);

    let goes = steps(|r| {
        assert_eq!(
            r.raw(COUNT, &[1])?,
            Some(vec![1]),
            "the step before is seen"
        );
        add_marker(2)
    });
    let store = Store::open(&folder, goes).unwrap();
    assert_eq!(store.read(|r| r.raw(COUNT, &[2]).unwrap()), Some(vec![2]));
    drop(store);
    // The version before the upgrade is kept away, and gets its own back from the backup.
    let refused = Store::open(&folder, options());
    assert!(matches!(refused, Err(StoreError::Newer { .. })));
    let backup = dir
        .path()
        .join(format!("data.before-format-{}.qtb", FORMAT + 2));
    let back = Folder::at(dir.path().join("back"));
    backup::restore(&backup, &dir.path().join("data.key"), &back, &options()).unwrap();
    assert_eq!(owners(&Store::open(&back, options()).unwrap()), [7]);
}

#[test]
fn an_upgrade_that_cannot_be_backed_up_does_not_begin() {
    let dir = tempfile::tempdir().unwrap();
    add(&open(&dir), 7, "甲", true).unwrap();
    let folder = folder_of(&dir);
    let backup = dir
        .path()
        .join(format!("data.before-format-{}.qtb", FORMAT + 2));
    // The place of the backup is taken by something that cannot be replaced.
    std::fs::create_dir_all(backup.join("x")).unwrap();
    let refused = Store::open(&folder, steps(|_| add_marker(2)));
    assert!(matches!(refused, Err(StoreError::Folder { .. })));
    assert_eq!(owners(&Store::open(&folder, options()).unwrap()), [7]);
}

#[test]
fn an_upgrade_that_forgets_a_table_does_not_begin() {
    let dir = tempfile::tempdir().unwrap();
    let folder = folder_of(&dir);
    drop(open(&dir));
    let engine = Engine::open(&folder.store_file(), 1 << 20).unwrap();
    drop(engine.with_tables(vec!["old-1"]).unwrap());
    let refused = Store::open(&folder, steps(|_| add_marker(2)));
    assert!(matches!(refused, Err(StoreError::Internal(why)) if why.contains("old-1")));
    drop(Store::open(&folder, options()).unwrap());
}

#[test]
fn a_newer_store_without_its_mark_is_refused_before_tables_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let folder = folder_of(&dir);
    folder.create(&Random::system()).unwrap();
    drop(Store::open(&folder, steps(|_| add_marker(2))).unwrap());
    std::fs::remove_file(folder.path().join("format")).unwrap();
    for _ in 0..2 {
        let refused = Store::open(&folder, options());
        assert!(matches!(refused, Err(StoreError::Newer { .. })));
    }
    assert!(!folder.path().join("format").exists());
}

#[test]
fn a_damaged_mark_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    let folder = folder_of(&dir);
    for text in ["", "new", "-1", "99999999999999"] {
        std::fs::write(folder.path().join("format"), text).unwrap();
        let before = files_below(dir.path());
        let refused = Store::open(&folder, options());
        assert!(matches!(refused, Err(StoreError::Folder { .. })), "{text}");
        assert!(
            files_below(dir.path()) == before,
            "{text}: bytes were touched"
        );
    }
}

#[test]
fn a_store_that_has_lost_its_format_is_not_taken_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    add(&open(&dir), 7, "甲", true).unwrap();
    let lost = [(b"format".to_vec(), None)];
    faults::spoil(&folder_of(&dir), &options(), migrate::META, lost).unwrap();
    let refused = Store::open(&folder_of(&dir), options());
    assert!(matches!(refused, Err(StoreError::Damaged { .. })));
}

#[test]
fn a_folder_without_its_key_file_is_refused_and_gets_no_new_one() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    std::fs::rename(dir.path().join("data.key"), dir.path().join("kept")).unwrap();
    let folder = folder_of(&dir);
    assert!(matches!(
        folder.create(&Random::system()),
        Err(StoreError::KeyFile { .. })
    ));
    assert!(matches!(
        Store::open(&folder, options()),
        Err(StoreError::KeyFile { .. })
    ));
    assert!(!dir.path().join("data.key").exists());
}

/// A firm with three notes, backed up.
fn backed_up() -> (tempfile::TempDir, std::path::PathBuf, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for owner in 1..=3 {
        add(&store, owner, &format!("名{owner}"), true).unwrap();
    }
    let file = dir.path().join("a.qtb");
    store.backup(&file).unwrap();
    let key = dir.path().join("data.key");
    (dir, file, key)
}

#[test]
fn a_backup_is_private_and_a_failed_one_leaves_nothing() {
    let (dir, file, _) = backed_up();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let taken = dir.path().join("taken");
    std::fs::create_dir_all(taken.join("x")).unwrap();
    let before = files_below(dir.path());
    assert!(matches!(
        open(&dir).backup(&taken),
        Err(BackupError::Io { .. })
    ));
    let names = |files: Vec<(std::path::PathBuf, _)>| -> Vec<_> {
        files.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(files_below(dir.path())), names(before));
}

#[test]
fn a_restore_cut_anywhere_leaves_the_target_absent_and_can_be_repeated() {
    let (dir, file, key) = backed_up();
    let place = |name: &str| dir.path().join(name);
    let copy_key = |to: &str| {
        Vault::copy_for_restore(&key, &place(to), &Random::system()).unwrap();
    };
    let half_built = || {
        let building = Folder::at(place("copy.restoring"));
        building.create(&Random::system()).unwrap();
        let engine = Engine::open(&building.store_file(), 1 << 20).unwrap();
        drop(engine.with_tables(vec!["notes-1"]).unwrap());
    };
    let cuts: [&dyn Fn(); 4] = [
        &|| copy_key("copy.restoring.key"),
        &|| {
            copy_key("copy.restoring.key");
            half_built();
        },
        // The key file is in its place, the folder is not.
        &|| {
            half_built();
            std::fs::remove_file(place("copy.restoring.key")).unwrap();
            copy_key("copy.key");
        },
        // The leftovers were being removed.
        &half_built,
    ];
    for (n, cut) in cuts.iter().enumerate() {
        cut();
        let target = Folder::at(place("copy"));
        assert!(!target.path().exists(), "cut {n}");
        backup::restore(&file, &key, &target, &options()).unwrap();
        let store = Store::open(&target, options()).unwrap();
        assert_eq!(owners(&store), [1, 2, 3], "cut {n}");
        assert_eq!(store.check().unwrap().found, [], "cut {n}");
        drop(store);
        assert!(!place("copy.restoring").exists() && !place("copy.restoring.key").exists());
        std::fs::remove_dir_all(target.path()).unwrap();
        std::fs::remove_file(place("copy.key")).unwrap();
    }
}

#[test]
fn a_restore_never_removes_a_key_file_that_is_no_copy() {
    let (dir, file, key) = backed_up();
    let target = Folder::at(dir.path().join("copy"));
    std::fs::create_dir(dir.path().join("copy.restoring")).unwrap();
    Vault::create(&dir.path().join("copy.key"), &Random::system()).unwrap();
    let before = std::fs::read(dir.path().join("copy.key")).unwrap();
    let refused = backup::restore(&file, &key, &target, &options());
    assert!(matches!(refused, Err(BackupError::Taken(_))));
    // Nor the very key file it is given.
    let own = Folder::at(dir.path().join("data"));
    std::fs::remove_dir_all(own.path()).unwrap();
    std::fs::create_dir(dir.path().join("data.restoring")).unwrap();
    let refused = backup::restore(&file, &key, &own, &options());
    assert!(matches!(refused, Err(BackupError::Taken(_))));
    assert_eq!(std::fs::read(dir.path().join("copy.key")).unwrap(), before);
    assert!(key.exists());
}

#[test]
fn a_backup_that_does_not_fit_is_refused_with_the_right_reason() {
    let (dir, file, key) = backed_up();
    let target = Folder::at(dir.path().join("copy"));
    let refused = |file: &Path, key: &Path, options: StoreOptions| {
        let error = backup::restore(file, key, &target, &options).unwrap_err();
        assert!(!target.path().exists());
        assert!(!Vault::path_for(target.path()).exists());
        error
    };
    let foreign = dir.path().join("foreign.key");
    Vault::create(&foreign, &Random::system()).unwrap();
    assert!(matches!(
        refused(&file, &foreign, options()),
        BackupError::ForeignKey
    ));
    let missing = dir.path().join("missing");
    let error = refused(&file, &missing, options());
    assert!(matches!(
        error,
        BackupError::Store(StoreError::KeyFile { .. })
    ));
    assert!(matches!(
        refused(&missing, &key, options()),
        BackupError::Io { .. }
    ));
    let fewer_tables = StoreOptions {
        tables: Vec::new(),
        ..options()
    };
    assert!(matches!(
        refused(&file, &key, fewer_tables),
        BackupError::Newer(_)
    ));
    // A folder of a later format, backed up, does not go back under this version.
    let folder = folder_of(&dir);
    let later = Store::open(&folder, steps(|_| add_marker(2))).unwrap();
    let newer = dir.path().join("newer.qtb");
    later.backup(&newer).unwrap();
    assert!(matches!(
        refused(&newer, &key, options()),
        BackupError::Newer(_)
    ));
}
