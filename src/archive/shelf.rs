//! Where the files of messages lie: each content once, sealed with the firm's key, under the
//! name of its SHA-256. Whoever has the folder without its key file has none of them.
//!
//! What is on its way lies sealed as well, below `part`: the stretches that have come, numbered,
//! and beside them how to ask for what follows.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use md5::{Digest as _, Md5};

use crate::{
    app::App,
    store::{
        Folder, SYSTEM_SUBJECT, Store, StoreError, files,
        sealed::{self, SealedFile, Sealer},
    },
};

use super::carry::place;

/// The largest file that is taken: more than WeCom lets anybody send.
const BYTES_MAX: u64 = 4 << 30;
/// The folder of what is on its way.
const PART: &str = "part";
/// The file that says how to ask for what follows.
const NEXT: &str = "next";
/// Says that nothing lies open from before files were sealed.
const ALL_SEALED: &str = "sealed";

/// The shelf of a folder. Everything here waits for the disk.
pub(super) struct Shelf<'a> {
    root: PathBuf,
    store: &'a Store,
}

/// Content that is on the shelf.
pub(super) struct OnShelf {
    pub(super) sha256: [u8; 32],
    pub(super) md5: [u8; 16],
    pub(super) length: u64,
}

impl<'a> Shelf<'a> {
    pub(super) fn of(app: &'a App) -> Self {
        let root = Folder::at(&app.config.data).media_dir();
        Self::at(root, &app.store)
    }

    fn at(root: PathBuf, store: &'a Store) -> Self {
        Self { root, store }
    }

    /// Opens content for reading anywhere; see [`is_lost`] for what an error means. What lies
    /// open from before files were sealed is sealed first.
    pub(super) fn open(&self, sha256: &[u8; 32]) -> io::Result<SealedFile> {
        let path = place(&self.root, sha256);
        self.seal_if_open(&path)?;
        self.open_as(&path, &hex::encode(sha256))
    }

    fn open_as(&self, path: &Path, name: &str) -> io::Result<SealedFile> {
        open_sealed(self.store, File::open(path)?, name)
    }

    /// Whether the content is there and whole.
    fn has(&self, sha256: &[u8; 32], length: u64) -> io::Result<bool> {
        let examined = self.open(sha256).and_then(|file| {
            file.examine(0, file.length())?;
            Ok(file.length() == length)
        });
        match examined {
            Err(error) if is_lost(&error) => Ok(false),
            examined => examined,
        }
    }

    /// Removes content; nothing there is fine.
    pub(super) fn remove(&self, sha256: &[u8; 32]) -> io::Result<()> {
        files::remove_leftover(&place(&self.root, sha256))
    }

    /// A file on its way; goes on where an earlier attempt ended. The key is the message's number
    /// and the file's place in it.
    pub(super) fn part(&'a self, key: (u64, u8)) -> io::Result<Part<'a>> {
        let name = format!("{}-{}", key.0, key.1);
        let folder = self.root.join(PART).join(&name);
        let next = match fs::read_to_string(folder.join(NEXT)) {
            Ok(text) => parse(&text).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Next::default(),
            Err(error) => return Err(error),
        };
        Ok(Part {
            shelf: self,
            name,
            folder,
            next,
        })
    }

    /// Removes what has come of files that nobody waits for any more.
    pub(super) fn remove_parts(
        &self,
        is_waited_for: impl Fn((u64, u8)) -> io::Result<bool>,
    ) -> io::Result<()> {
        for path in files::list(&self.root.join(PART))? {
            // Another file is content that is just getting its place.
            if !path.is_dir() {
                continue;
            }
            let name = path.file_name().and_then(|name| name.to_str());
            let key = name.and_then(|name| name.split_once('-'));
            let key = key.and_then(|(seq, place)| Some((seq.parse().ok()?, place.parse().ok()?)));
            if !key.map_or(Ok(false), &is_waited_for)? {
                fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }

    /// Removes what was about to get its place when the process ended.
    pub(super) fn remove_cut_off(&self) -> io::Result<()> {
        for path in files::list(&self.root.join(PART))? {
            if !path.is_dir() {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Puts content on the shelf, durably, unless it is there already. `pour` gives the content
    /// from its beginning, as often as it is called.
    fn keep(&self, pour: impl Fn(Take<'_>) -> io::Result<()>) -> io::Result<OnShelf> {
        let mut sha256 = digest::Context::new(&digest::SHA256);
        let (mut md5, mut length) = (Md5::new(), 0);
        pour(&mut |piece| {
            sha256.update(piece);
            md5.update(piece);
            length += piece.len() as u64;
            Ok(())
        })?;
        let mut kept = OnShelf {
            sha256: [0; 32],
            md5: md5.finalize().into(),
            length,
        };
        kept.sha256.copy_from_slice(sha256.finish().as_ref());
        let target = place(&self.root, &kept.sha256);
        if !self.has(&kept.sha256, kept.length)? {
            self.put(&target, &hex::encode(kept.sha256), pour)?;
        }
        // Even if somebody else has just put it there: its place may not be durable yet.
        files::sync_entry(&target)?;
        files::sync_entry(target.parent().unwrap_or(&self.root))?;
        Ok(kept)
    }

    fn put(
        &self,
        target: &Path,
        name: &str,
        pour: impl Fn(Take<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        files::make_private(&self.root.join(PART))?;
        files::make_private(target.parent().unwrap_or(&self.root))?;
        // A name of its own: two may bring the same content at once.
        let part = tempfile::Builder::new().tempfile_in(self.root.join(PART))?;
        self.seal(part.as_file(), name, pour)?;
        part.persist(target).map_err(|refused| refused.error)?;
        Ok(())
    }

    /// Seals what is poured into a file, and waits until it is durable.
    fn seal(
        &self,
        file: &File,
        name: &str,
        pour: impl Fn(Take<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let random = self.store.random();
        let key = self
            .store
            .read(|r| r.new_file_key(SYSTEM_SUBJECT, name, random));
        let key = key.map_err(io::Error::other)?;
        let key = key.ok_or_else(|| io::Error::other("the firm has no key"))?;
        let mut out = Sealer::new(file, key)?;
        pour(&mut |piece| out.write_all(piece))?;
        out.finish()?.sync_all()
    }

    /// Seals what was put here before files were sealed, unless told to stop. What cannot be
    /// sealed is named in the log, and tried again at the next start.
    pub(super) fn seal_open_ones(&self, should_stop: impl Fn() -> bool) -> io::Result<()> {
        let done = self.root.join(ALL_SEALED);
        if done.exists() || !self.root.exists() {
            return Ok(());
        }
        let mut is_all = true;
        for folder in files::list(&self.root)? {
            if !folder.is_dir() || folder.ends_with(PART) {
                continue;
            }
            for path in files::list(&folder)? {
                if should_stop() {
                    return Ok(());
                }
                if let Err(error) = self.seal_if_open(&path) {
                    tracing::error!(%error, ?path, "a file of a message could not be sealed");
                    is_all = false;
                }
            }
        }
        if is_all {
            fs::write(done, "")?;
        }
        Ok(())
    }

    fn seal_if_open(&self, path: &Path) -> io::Result<()> {
        match sealed::is_sealed(&File::open(path)?)? {
            true => Ok(()),
            false => self.seal_open(path),
        }
    }

    /// Seals a file that lies open, if it is what it is named by.
    fn seal_open(&self, path: &Path) -> io::Result<()> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default();
        if hex::encode(files::sha256_of(File::open(path)?)?) != name {
            let why = "it is not what it is named by";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.put(path, name, |take| {
            let mut file = File::open(path)?;
            let mut piece = vec![0; sealed::PIECE];
            loop {
                match file.read(&mut piece)? {
                    0 => return Ok(()),
                    read => take(&piece[..read])?,
                }
            }
        })
    }
}

/// Takes a piece of content.
type Take<'t> = &'t mut dyn FnMut(&[u8]) -> io::Result<()>;

/// What has come of a file, and how to ask for what follows.
#[derive(Default)]
struct Next {
    stretches: u32,
    length: u64,
    index: String,
}

fn parse(text: &str) -> Option<Next> {
    let (stretches, rest) = text.split_once('\n')?;
    let (length, index) = rest.split_once('\n')?;
    Some(Next {
        stretches: stretches.parse().ok()?,
        length: length.parse().ok()?,
        index: index.to_owned(),
    })
}

/// See [`Shelf::part`].
pub(super) struct Part<'a> {
    shelf: &'a Shelf<'a>,
    name: String,
    folder: PathBuf,
    next: Next,
}

impl Part<'_> {
    /// How to ask for what follows.
    pub(super) fn index(&self) -> &str {
        &self.next.index
    }

    fn stretch(&self, number: u32) -> (PathBuf, String) {
        let path = self.folder.join(number.to_string());
        (path, format!("{}.{number}", self.name))
    }

    fn grow(&mut self, data: &[u8]) -> io::Result<()> {
        self.next.length += data.len() as u64;
        match self.next.length > BYTES_MAX {
            true => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "a file without end",
            )),
            false => Ok(()),
        }
    }

    /// Keeps a stretch behind which others follow.
    pub(super) fn append(&mut self, data: &[u8], index: String) -> io::Result<()> {
        self.grow(data)?;
        files::make_private(&self.folder)?;
        let (path, name) = self.stretch(self.next.stretches);
        files::remove_leftover(&path)?;
        let file = files::open_private(&path, 0o600)?;
        // First the bytes, then the word that they are there.
        self.shelf.seal(&file, &name, |take| take(data))?;
        self.next.stretches += 1;
        self.next.index = index;
        let Next {
            stretches,
            length,
            index,
        } = &self.next;
        fs::write(
            self.folder.join(NEXT),
            format!("{stretches}\n{length}\n{index}"),
        )
    }

    /// Puts the file on the shelf with its last stretch. Where one of the others cannot be read,
    /// all are forgotten: the next attempt begins anew.
    pub(super) fn finish(mut self, last: &[u8]) -> io::Result<OnShelf> {
        self.grow(last)?;
        let kept = self.shelf.keep(|take| self.pour(last, take));
        let is_done = match &kept {
            Ok(_) => true,
            Err(error) => is_lost(error),
        };
        if is_done && self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        kept
    }

    fn pour(&self, last: &[u8], take: Take<'_>) -> io::Result<()> {
        for number in 0..self.next.stretches {
            let (path, name) = self.stretch(number);
            let mut stretch = Vec::new();
            let sealed = self.shelf.open_as(&path, &name)?;
            sealed.content().read_to_end(&mut stretch)?;
            take(&stretch)?;
        }
        take(last)
    }
}

/// Opens the sealed file of this name; see [`is_lost`] for what an error means.
pub(super) fn open_sealed(store: &Store, file: File, name: &str) -> io::Result<SealedFile> {
    let opened = store.read(|r| r.open_file(file, name));
    opened.map_err(|error| match error {
        StoreError::File { why } => why,
        error => io::Error::other(error),
    })
}

/// Whether content is missing or damaged, rather than the disk out of order.
pub(super) fn is_lost(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::NotFound
    )
}

/// Puts content on the shelf, as if it had been fetched.
#[cfg(any(test, feature = "faults"))]
pub fn keep_for_test(app: &App, content: &[u8]) -> [u8; 32] {
    let kept = Shelf::of(app).keep(|take| take(content));
    kept.expect("the disk takes it").sha256
}

#[cfg(test)]
mod tests {
    use super::{
        super::{carry::carry_sealed, tests::Archive},
        *,
    };

    const LONG: usize = 3 * sealed::PIECE + 5;

    fn content(length: usize) -> Vec<u8> {
        b"MARKER".iter().cycle().take(length).copied().collect()
    }

    fn read(shelf: &Shelf<'_>, sha256: &[u8; 32]) -> Vec<u8> {
        let mut content = Vec::new();
        let open = shelf.open(sha256).unwrap();
        open.content().read_to_end(&mut content).unwrap();
        content
    }

    /// Every file below a folder.
    fn all(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for path in files::list(folder).unwrap() {
            match path.is_dir() {
                true => found.extend(all(&path)),
                false => found.push(path),
            }
        }
        found
    }

    fn none_lies_open(shelf: &Shelf<'_>) {
        for path in all(&shelf.root) {
            let raw = fs::read(&path).unwrap();
            assert!(!raw.windows(6).any(|w| w == b"MARKER"), "{path:?}");
        }
    }

    #[test]
    fn a_file_comes_in_stretches_goes_on_after_a_stop_and_never_lies_open() {
        let archive = Archive::sealing();
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(dir.path().join("media"), &archive.store);
        let whole = content(LONG);
        let (first, rest) = whole.split_at(100_000);
        let (second, last) = rest.split_at(60_000);

        let mut part = shelf.part((7, 0)).unwrap();
        assert_eq!(part.index(), "");
        part.append(first, "a\nb".to_owned()).unwrap();
        // Somebody stops, and the word of the second stretch is lost: it comes once more.
        let word = fs::read(part.folder.join(NEXT)).unwrap();
        part.append(second, "c".to_owned()).unwrap();
        fs::write(part.folder.join(NEXT), word).unwrap();
        let mut part = shelf.part((7, 0)).unwrap();
        assert_eq!(part.index(), "a\nb");
        part.append(second, "c".to_owned()).unwrap();
        none_lies_open(&shelf);
        let kept = part.finish(last).unwrap();
        assert_eq!(kept.length, LONG as u64);
        assert_eq!(read(&shelf, &kept.sha256), whole);
        none_lies_open(&shelf);

        // The same content again is the same file.
        let once = all(&shelf.root);
        let again = shelf.part((8, 1)).unwrap().finish(&whole).unwrap();
        assert_eq!((again.sha256, again.md5), (kept.sha256, kept.md5));
        assert_eq!(all(&shelf.root), once);
        assert_eq!(once.len(), 1);
        shelf.remove(&kept.sha256).unwrap();
        assert!(all(&shelf.root).is_empty());
    }

    #[test]
    fn a_stretch_that_was_damaged_has_the_file_begin_anew() {
        let archive = Archive::sealing();
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(dir.path().join("media"), &archive.store);
        let mut part = shelf.part((7, 0)).unwrap();
        part.append(b"one", "a".to_owned()).unwrap();
        let (path, _) = part.stretch(0);
        fs::write(&path, fs::read(&path).unwrap().split_last().unwrap().1).unwrap();
        let Err(error) = part.finish(b"two") else {
            panic!("it is damaged");
        };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let part = shelf.part((7, 0)).unwrap();
        assert_eq!(part.index(), "");
        let kept = part.finish(b"onetwo").unwrap();
        assert_eq!(read(&shelf, &kept.sha256), b"onetwo");
    }

    #[test]
    fn what_nobody_waits_for_is_removed() {
        let archive = Archive::sealing();
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(dir.path().join("media"), &archive.store);
        for key in [(1, 0), (2, 0)] {
            let mut part = shelf.part(key).unwrap();
            part.append(b"one", "a".to_owned()).unwrap();
        }
        fs::write(shelf.root.join(PART).join("cut-off"), "half").unwrap();
        fs::create_dir(shelf.root.join(PART).join("nobody's")).unwrap();
        shelf.remove_parts(|key| Ok(key == (2, 0))).unwrap();
        shelf.remove_cut_off().unwrap();
        let left = files::list(&shelf.root.join(PART)).unwrap();
        assert_eq!(left, [shelf.root.join(PART).join("2-0")]);
    }

    #[test]
    fn a_copy_is_as_sealed_and_has_nothing_that_was_damaged() {
        let archive = Archive::sealing();
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(dir.path().join("media"), &archive.store);
        let kept = |key, content: &[u8]| shelf.part(key).unwrap().finish(content).unwrap().sha256;
        let good = kept((1, 0), &content(LONG));
        let (bad, swapped, open) = (kept((2, 0), b"two"), kept((3, 0), b"three"), [9; 32]);
        let path = |sha256| place(&shelf.root, sha256);
        fs::copy(path(&bad), path(&swapped)).unwrap();
        let cut = fs::read(path(&bad)).unwrap();
        fs::write(path(&bad), &cut[..cut.len() - 1]).unwrap();
        fs::create_dir_all(path(&open).parent().unwrap()).unwrap();
        fs::write(path(&open), content(100)).unwrap();

        let to = dir.path().join("backup");
        // One from before files were sealed, in a backup from before as well.
        let old = files::sha256_of(&b"old"[..]).unwrap();
        for root in [&shelf.root, &to] {
            fs::create_dir_all(place(root, &old).parent().unwrap()).unwrap();
        }
        fs::write(path(&old), "old").unwrap();
        let named = [good, bad, swapped, open, old].into();
        let carried = carry_sealed(&archive.store, &named, &shelf.root, &to).unwrap();
        assert_eq!((carried.files, carried.copied, carried.damaged), (5, 2, 3));
        let back = Shelf::at(to, &archive.store);
        assert_eq!(read(&back, &good), content(LONG));
        assert_eq!(read(&back, &old), b"old");
        none_lies_open(&back);
    }

    #[test]
    fn files_from_before_are_sealed_and_only_what_they_were() {
        let archive = Archive::sealing();
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(dir.path().join("media"), &archive.store);
        let (good, bad) = (content(LONG), content(100));
        let sha256 = files::sha256_of(&good[..]).unwrap();
        for (hash, content) in [(sha256, &good), ([9; 32], &bad)] {
            let path = place(&shelf.root, &hash);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let kept = shelf.part((1, 0)).unwrap().finish(b"sealed").unwrap();
        // One that is wanted before its turn.
        let wanted = files::sha256_of(&b"wanted"[..]).unwrap();
        let path = place(&shelf.root, &wanted);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "wanted").unwrap();
        assert_eq!(read(&shelf, &wanted), b"wanted");
        assert_ne!(fs::read(&path).unwrap(), b"wanted");
        shelf.seal_open_ones(|| true).unwrap();
        assert_eq!(fs::read(place(&shelf.root, &sha256)).unwrap(), good);
        shelf.seal_open_ones(|| false).unwrap();
        for (sha256, content) in [(sha256, &good[..]), (kept.sha256, b"sealed")] {
            assert_eq!(read(&shelf, &sha256), content);
            assert_ne!(fs::read(place(&shelf.root, &sha256)).unwrap(), content);
        }
        assert_eq!(fs::read(place(&shelf.root, &[9; 32])).unwrap(), bad);
        let Err(error) = shelf.open(&[9; 32]) else {
            panic!("nobody knows what it is");
        };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(!shelf.root.join(ALL_SEALED).exists());
        fs::remove_file(place(&shelf.root, &[9; 32])).unwrap();
        shelf.seal_open_ones(|| false).unwrap();
        assert!(shelf.root.join(ALL_SEALED).exists());
    }

    #[test]
    fn what_was_damaged_is_mended_by_the_same_content_coming_again() {
        let archive = Archive::sealing();
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(dir.path().join("media"), &archive.store);
        let whole = content(LONG);
        let kept = shelf.part((1, 0)).unwrap().finish(&whole).unwrap();
        let path = place(&shelf.root, &kept.sha256);
        let mut raw = fs::read(&path).unwrap();
        *raw.last_mut().unwrap() ^= 1;
        fs::write(&path, raw).unwrap();
        shelf.part((2, 0)).unwrap().finish(&whole).unwrap();
        assert_eq!(read(&shelf, &kept.sha256), whole);
    }
}
