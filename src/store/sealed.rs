//! Sealed files: what lies outside the store and is as secret as its rows.
//!
//! ```text
//! head    "QITAISF1" | subject u64 BE | nonce 12 | file key 32, wrapped by the subject's | tag 16
//! piece*  up to 64 KiB of content | tag 16; all but the last are full
//! ```
//!
//! The file key is wrapped with the file's name beside it, so that no file can stand in for
//! another. Each file has a key of its own, so a piece's nonce is its number and whether it is the last:
//! pieces can be read in any order, and none can be changed, moved, left out or cut off
//! unnoticed. Whoever erases the subject makes the file unreadable.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
};

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use zeroize::Zeroizing;

use crate::kit::Random;

use super::{
    Read, StoreError, SubjectId,
    vault::{self, aead_key},
};

const MAGIC: &[u8; 8] = b"QITAISF1";
const HEAD: usize = 8 + 8 + 12 + 32 + 16;
const TAG: usize = 16;
/// Bytes of content in a piece.
pub const PIECE: usize = 64 << 10;

/// The key of one file, and the head that leads back to it.
pub struct FileKey {
    key: LessSafeKey,
    head: Vec<u8>,
}

impl FileKey {
    /// A key that is kept nowhere: for what goes with the process.
    pub fn passing(random: &Random) -> Self {
        Self {
            key: aead_key(&Zeroizing::new(random.bytes::<32>())),
            head: Vec::new(),
        }
    }
}

/// The beginning of a head.
fn begin(subject: SubjectId) -> Vec<u8> {
    [MAGIC.as_slice(), &subject.bits().to_be_bytes()].concat()
}

/// What a file key is bound to.
fn aad(subject: SubjectId, name: &str) -> Vec<u8> {
    [&begin(subject), name.as_bytes()].concat()
}

impl Read<'_> {
    /// A key for a new file of this name that belongs to a person, or to the firm; `None` if
    /// nothing was ever sealed for that subject, or it was erased.
    pub fn new_file_key(
        &self,
        subject: SubjectId,
        name: &str,
        random: &Random,
    ) -> Result<Option<FileKey>, StoreError> {
        let Some(wrapper) = self.subject_key(subject)? else {
            return Ok(None);
        };
        let key = Zeroizing::new(random.bytes::<32>());
        let mut head = begin(subject);
        head.extend(vault::seal(&wrapper, &aad(subject, name), &*key, random)?);
        Ok(Some(FileKey {
            key: aead_key(&key),
            head,
        }))
    }

    /// Opens the sealed file of this name. An error of the kind `InvalidData` says that the file
    /// is damaged, another one or none of these, `NotFound` that its subject was erased.
    pub fn open_file(&self, file: File, name: &str) -> Result<SealedFile, StoreError> {
        let opened = self.open_head(&file, name)?;
        let opened = opened.and_then(|key| SealedFile::new(file, key.key, HEAD as u64));
        opened.map_err(|why| StoreError::File { why })
    }

    fn open_head(&self, file: &File, name: &str) -> Result<io::Result<FileKey>, StoreError> {
        let mut head = [0; HEAD];
        if let Err(error) = file.read_exact_at(&mut head, 0) {
            return Ok(Err(match error.kind() {
                io::ErrorKind::UnexpectedEof => damaged("its head is cut off"),
                _ => error,
            }));
        }
        let (first, wrapped) = head.split_at(16);
        let subject = first.strip_prefix(MAGIC).map(<[u8; 8]>::try_from);
        let Some(Ok(subject)) = subject else {
            return Ok(Err(damaged("it is no sealed file")));
        };
        let subject = SubjectId::from_bits(u64::from_be_bytes(subject));
        let Some(wrapper) = self.subject_key(subject)? else {
            return Ok(Err(io::ErrorKind::NotFound.into()));
        };
        let key = vault::open(&wrapper, &aad(subject, name), wrapped).map(Zeroizing::new);
        let key = key.as_ref().and_then(|key| key.as_slice().try_into().ok());
        Ok(match key {
            Some(key) => Ok(FileKey {
                key: aead_key(key),
                head: head.to_vec(),
            }),
            None => Err(damaged("its head was changed, or it is another file")),
        })
    }
}

fn damaged(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Whether a file begins as a sealed one does.
pub fn is_sealed(file: &File) -> io::Result<bool> {
    let mut magic = [0; MAGIC.len()];
    match file.read_exact_at(&mut magic, 0) {
        Ok(()) => Ok(magic == *MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// A piece's number, and whether it is the last.
fn nonce(piece: u32, is_last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[7..11].copy_from_slice(&piece.to_be_bytes());
    nonce[11] = u8::from(is_last);
    Nonce::assume_unique_for_key(nonce)
}

/// Writes a sealed file from its beginning. Without [`Sealer::finish`] it cannot be read.
pub struct Sealer<W: Write> {
    out: W,
    key: LessSafeKey,
    /// Bytes before the first piece.
    begin: u64,
    piece: Vec<u8>,
    pieces: u32,
    written: u64,
    /// A piece was not written whole: what follows would be no sealed file.
    is_broken: bool,
}

impl<W: Write> Sealer<W> {
    /// Begins one.
    pub fn new(mut out: W, key: FileKey) -> io::Result<Self> {
        out.write_all(&key.head)?;
        Ok(Self {
            out,
            key: key.key,
            begin: key.head.len() as u64,
            piece: Vec::with_capacity(PIECE + TAG),
            pieces: 0,
            written: 0,
            is_broken: false,
        })
    }

    /// Bytes of content so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        if std::mem::replace(&mut self.is_broken, true) {
            return Err(io::Error::other("an earlier piece was not written"));
        }
        let sealed = self.key.seal_in_place_append_tag(
            nonce(self.pieces, is_last),
            Aad::empty(),
            &mut self.piece,
        );
        sealed.map_err(|_| io::Error::other("sealing failed"))?;
        self.out.write_all(&self.piece)?;
        self.piece.clear();
        let next = self.pieces.checked_add(1);
        self.pieces = next.ok_or(io::ErrorKind::FileTooLarge)?;
        self.is_broken = false;
        Ok(())
    }

    /// Ends it; gives what it was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl Sealer<File> {
    /// Ends it; gives what was written for reading.
    pub fn into_content(mut self) -> io::Result<SealedFile> {
        self.seal(true)?;
        SealedFile::new(self.out, self.key, self.begin)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits for what follows: only then it is not the last.
        if self.piece.len() >= PIECE && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(PIECE.saturating_sub(self.piece.len()));
        self.piece.extend_from_slice(&bytes[..taken]);
        self.written += taken as u64;
        Ok(taken)
    }

    /// What is not a whole piece yet stays here until it is one, or the last.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A sealed file, open for reading anywhere. What comes out is what was written, or an error
/// of the kind `InvalidData`.
pub struct SealedFile {
    file: File,
    key: LessSafeKey,
    begin: u64,
    pieces: u32,
    length: u64,
}

impl SealedFile {
    fn new(file: File, key: LessSafeKey, begin: u64) -> io::Result<Self> {
        let sealed = file.metadata()?.len().checked_sub(begin);
        let sealed = sealed.ok_or_else(|| damaged("it is cut off"))?;
        let whole = (PIECE + TAG) as u64;
        let pieces =
            u32::try_from(sealed.div_ceil(whole)).map_err(|_| damaged("it is too long"))?;
        let length = sealed.checked_sub(u64::from(pieces) * TAG as u64);
        match length {
            Some(length) if pieces > 0 && sealed - u64::from(pieces - 1) * whole >= TAG as u64 => {
                Ok(Self {
                    file,
                    key,
                    begin,
                    pieces,
                    length,
                })
            }
            _ => Err(damaged("it is cut off")),
        }
    }

    /// Bytes of content.
    pub fn length(&self) -> u64 {
        self.length
    }

    fn piece(&self, number: u32) -> io::Result<Vec<u8>> {
        let whole = PIECE as u64;
        let from = u64::from(number) * whole;
        let content = usize::try_from(self.length.saturating_sub(from).min(whole));
        let mut piece = vec![0; content.unwrap_or(PIECE) + TAG];
        let at = self.begin + u64::from(number) * (whole + TAG as u64);
        self.file.read_exact_at(&mut piece, at)?;
        let nonce = nonce(number, number + 1 == self.pieces);
        let opened = self.key.open_in_place(nonce, Aad::empty(), &mut piece);
        let length = opened
            .map_err(|_| damaged("its content was changed"))?
            .len();
        piece.truncate(length);
        Ok(piece)
    }

    /// Fills `out` with the content from a byte on.
    pub fn read_exact_at(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        let (mut at, mut rest) = (at, out);
        while !rest.is_empty() {
            if at >= self.length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let whole = PIECE as u64;
            let number = u32::try_from(at / whole).map_err(io::Error::other)?;
            let skip = usize::try_from(at % whole).map_err(io::Error::other)?;
            let piece = self.piece(number)?;
            let here = piece.get(skip..).unwrap_or_default();
            let taken = here.len().min(rest.len());
            rest[..taken].copy_from_slice(&here[..taken]);
            rest = &mut rest[taken..];
            at += taken as u64;
        }
        Ok(())
    }

    /// Whether the content from a byte on and before another is what was written.
    pub fn examine(&self, from: u64, to: u64) -> io::Result<()> {
        let whole = PIECE as u64;
        let last = to.max(1).min(self.length.max(1)).div_ceil(whole);
        for number in from / whole..last {
            self.piece(u32::try_from(number).map_err(io::Error::other)?)?;
        }
        Ok(())
    }

    /// The content from its beginning.
    pub fn content(&self) -> Content<'_> {
        Content {
            file: self,
            at: 0,
            piece: io::Cursor::default(),
        }
    }
}

/// See [`SealedFile::content`].
pub struct Content<'a> {
    file: &'a SealedFile,
    at: u32,
    piece: io::Cursor<Vec<u8>>,
}

impl io::Read for Content<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(out)?;
            if read > 0 || out.is_empty() || self.at == self.file.pieces {
                return Ok(read);
            }
            self.piece = io::Cursor::new(self.file.piece(self.at)?);
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::store::{Act, Folder, SYSTEM_SUBJECT, Store};

    /// A store in which a subject has a key.
    fn store(dir: &std::path::Path) -> Store {
        let folder = Folder::at(dir.join("data"));
        folder.create(&Random::seeded(1)).unwrap();
        let store = Store::open(&folder, crate::app::App::store_options()).unwrap();
        // Openings of an entry about the firm are sealed for it.
        let act = Act::by_system("test.look", "test").recorded();
        let act = act.system_detail("q", "x");
        store.write_blocking(act, |_| Ok(())).unwrap();
        store
    }

    fn name(path: &std::path::Path) -> &str {
        path.file_name().unwrap().to_str().unwrap()
    }

    fn seal(store: &Store, path: &std::path::Path, content: &[u8]) {
        let random = Random::seeded(content.len() as u64);
        let key = store.read(|r| r.new_file_key(SYSTEM_SUBJECT, name(path), &random));
        let key = key.unwrap();
        let mut out = Sealer::new(File::create(path).unwrap(), key.unwrap()).unwrap();
        for part in content.chunks(7_001) {
            out.write_all(part).unwrap();
        }
        assert_eq!(out.written(), content.len() as u64);
        out.finish().unwrap();
    }

    fn open(store: &Store, path: &std::path::Path) -> io::Result<SealedFile> {
        let opened = store.read(|r| r.open_file(File::open(path).unwrap(), name(path)));
        opened.map_err(|error| match error {
            StoreError::File { why } => why,
            other => panic!("{other}"),
        })
    }

    /// All of it, piece after piece.
    fn read(store: &Store, path: &std::path::Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        open(store, path)?.content().read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn what_was_sealed_comes_back_from_anywhere_and_nothing_of_it_lies_open() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let path = dir.path().join("one");
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 200_000] {
            let content: Vec<u8> = b"MARKER".iter().cycle().take(length).copied().collect();
            seal(&store, &path, &content);
            let raw = std::fs::read(&path).unwrap();
            assert!(!raw.windows(6).any(|w| w == b"MARKER"));
            let file = open(&store, &path).unwrap();
            assert_eq!(file.length(), length as u64);
            file.examine(0, file.length()).unwrap();
            assert_eq!(read(&store, &path).unwrap(), content);
            for (from, to) in [(0, length), (length / 2, length), (length / 3, length / 2)] {
                let mut part = vec![0; to - from];
                file.read_exact_at(&mut part, from as u64).unwrap();
                assert_eq!(part, content[from..to]);
            }
            let behind = file.read_exact_at(&mut [0], length as u64).unwrap_err();
            assert_eq!(behind.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn whatever_is_changed_or_cut_off_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let path = dir.path().join("one");
        seal(&store, &path, &vec![7; 2 * PIECE + 100]);
        let good = std::fs::read(&path).unwrap();
        let whole = PIECE + TAG;
        let mut bad: Vec<Vec<u8>> = Vec::new();
        for at in [0, 9, 20, 50, HEAD, HEAD + whole + 5, good.len() - 1] {
            let mut changed = good.clone();
            changed[at] ^= 1;
            bad.push(changed);
        }
        // Cut off within the head, within a piece, and between two.
        for length in [0, HEAD - 1, HEAD, HEAD + 3, HEAD + whole, good.len() - 1] {
            bad.push(good[..length].to_vec());
        }
        let mut swapped = good.clone();
        swapped[HEAD..].rotate_left(whole);
        bad.push(swapped);
        let mut longer = good.clone();
        longer.push(0);
        bad.push(longer);
        for (n, bytes) in bad.into_iter().enumerate() {
            std::fs::write(&path, bytes).unwrap();
            let error = read(&store, &path).expect_err(&format!("{n}"));
            // A head that names somebody else names somebody whom nobody knows.
            let expected = match n {
                1 => io::ErrorKind::NotFound,
                _ => io::ErrorKind::InvalidData,
            };
            assert_eq!(error.kind(), expected, "{n}");
        }
    }

    #[test]
    fn no_file_stands_in_for_another() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        seal(&store, &one, b"of one");
        seal(&store, &other, b"of another");
        std::fs::rename(&other, &one).unwrap();
        let refused = read(&store, &one).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        std::fs::rename(&one, &other).unwrap();
        assert_eq!(read(&store, &other).unwrap(), b"of another");
    }

    /// A disk with so much room.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            match taken {
                0 => Err(io::ErrorKind::StorageFull.into()),
                _ => Ok(taken),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_not_written_whole_is_never_gone_on_with() {
        let key = FileKey::passing(&Random::seeded(5));
        let mut out = Sealer::new(Full(PIECE), key).unwrap();
        out.write_all(&vec![1; PIECE]).unwrap();
        let failed = out.write(&[1]).unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
        out.out = Full(9 * PIECE);
        for _ in 0..2 {
            assert!(out.write(&[1]).is_err());
        }
        assert_eq!(out.write(&[]).unwrap(), 0);
        assert!(out.finish().is_err());
    }

    #[test]
    fn what_goes_with_the_process_needs_no_store() {
        let key = FileKey::passing(&Random::seeded(3));
        let mut out = Sealer::new(tempfile::tempfile().unwrap(), key).unwrap();
        let content = vec![9; PIECE + 5];
        out.write_all(&content).unwrap();
        let mut back = Vec::new();
        let file = out.into_content().unwrap();
        file.content().read_to_end(&mut back).unwrap();
        assert_eq!(back, content);
    }
}
