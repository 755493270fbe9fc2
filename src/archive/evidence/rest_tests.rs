//! Packages that lie open are sealed once, and go only when the sealed one is whole.

use std::io::Cursor;

use zip::write::SimpleFileOptions;

use super::*;
use crate::{
    audit::evidence::name,
    config::{Config, Overrides},
    kit::{Id, Random, Timestamp},
    store::Folder,
};

fn app(dir: &Path) -> Arc<App> {
    let data = dir.join("data");
    Folder::at(&data).create(&Random::seeded(1)).unwrap();
    let overrides = Overrides {
        data: Some(data),
        ..Overrides::default()
    };
    App::open(Config::load(&overrides).unwrap()).unwrap()
}

/// A package of nothing but a manifest that says this.
fn package(manifest: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file(name::MANIFEST, stored).unwrap();
    zip.write_all(manifest).unwrap();
    zip.finish().unwrap().into_inner()
}

/// A case whose package lies open, as an earlier version left it; gives the package.
fn lay_open(app: &App, no: u64, file: &str) -> Vec<u8> {
    let manifest = vec![b'm'; 3 * PIECE + usize::try_from(no).unwrap()];
    let package = package(&manifest);
    fs::create_dir_all(folder(app)).unwrap();
    fs::write(folder(app).join(file), &package).unwrap();
    let seal = Seal {
        file: file.to_owned(),
        bytes: package.len() as u64,
        manifest: hex::encode(digest::digest(&digest::SHA256, &manifest)),
        ..Seal::for_test()
    };
    let case = Case {
        id: Id::from_bits(no),
        title: "TS-1182".to_owned(),
        why: "核对退款投诉".to_owned(),
        state: CaseState::Sealed(seal),
        by: Id::from_bits(1),
        at: Timestamp::from_ms(0),
        context: 0,
        chats: Vec::new(),
        revision: 0,
    };
    let act = Act::by_system("evidence.sealed", "test").system_detail("q", "x");
    let put = app.store.write_blocking(act, move |w| Ok(w.put(&case)?));
    put.unwrap();
    package
}

fn seal_of(app: &App, no: u64) -> Seal {
    let case = app.read(|r| r.get::<Case>(&Id::from_bits(no))).unwrap();
    case.unwrap().sealed().unwrap().clone()
}

/// The files that lie there, by name.
fn files(app: &App) -> Vec<String> {
    let entries = fs::read_dir(folder(app)).unwrap();
    let names = entries.map(|entry| name_of(&entry.unwrap().path()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn content(app: &App, no: u64) -> Vec<u8> {
    let package = Package::open(app, &seal_of(app, no)).unwrap();
    let mut content = vec![0; usize::try_from(package.length()).unwrap()];
    package.read_exact_at(&mut content, 0).unwrap();
    content
}

#[test]
fn whoever_asks_at_once_finds_every_package_whole() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let packages = [1, 2, 3].map(|no| lay_open(&app, no, &format!("j{no}.zip")));
    // One that was cut off.
    fs::write(folder(&app).join("j2.part"), "half").unwrap();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| seal_open_ones(&app).unwrap());
        }
    });
    assert_eq!(files(&app), ["j1.sealed", "j2.sealed", "j3.sealed"]);
    for (no, package) in (1..).zip(packages) {
        let sha256 = hex::encode(digest::digest(&digest::SHA256, &package));
        assert_eq!(seal_of(&app, no).sha256, Some(sha256));
        assert_eq!(content(&app, no), package);
    }
}

#[test]
fn what_is_not_the_package_is_neither_sealed_nor_removed() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let whole = lay_open(&app, 1, "j1.zip");
    let open = folder(&app).join("j1.zip");
    let other = package(&vec![b'n'; 3 * PIECE + 1]);
    assert_eq!(other.len(), whole.len());
    for bad in [&whole[1..], &other[..]] {
        fs::write(&open, bad).unwrap();
        seal_open_ones(&app).unwrap();
        assert_eq!(files(&app), ["j1.zip"]);
        assert_eq!(seal_of(&app, 1).at_rest, None);
    }
    fs::write(&open, &whole).unwrap();
    seal_open_ones(&app).unwrap();
    assert_eq!(content(&app, 1), whole);

    // Cut off before the open one was gone, and the sealed one is damaged.
    let path = folder(&app).join("j1.sealed");
    let sealed = fs::read(&path).unwrap();
    fs::write(&open, &whole).unwrap();
    fs::write(&path, &sealed[..sealed.len() - 1]).unwrap();
    seal_open_ones(&app).unwrap();
    assert_eq!(files(&app), ["j1.sealed", "j1.zip"]);
    fs::write(&path, &sealed).unwrap();
    seal_open_ones(&app).unwrap();
    assert_eq!(files(&app), ["j1.sealed"]);
}

#[test]
fn what_earlier_versions_left_open_goes_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    lay_open(&app, 1, "j1.zip");
    lay_open(&app, 2, "j2.zip");
    let damaged = folder(&app).join("j2.zip");
    fs::write(&damaged, "PK").unwrap();
    // A run whose case was not sealed by it, one that was cut off, one that is under way.
    for left in ["j7.zip", "j8.part", "c9-j9.part"] {
        fs::write(folder(&app).join(left), "PK").unwrap();
    }
    seal_open_ones(&app).unwrap();
    assert_eq!(files(&app), ["c9-j9.part", "j1.sealed", "j2.zip"]);
}
