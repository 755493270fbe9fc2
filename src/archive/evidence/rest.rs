//! Packages at rest: each a file sealed with the firm's key, on its way in as well. Whoever
//! has the folder without its key file has none of them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use aws_lc_rs::digest;

use crate::{
    app::App,
    audit::evidence::verify,
    error::{AppError, Result},
    slice::WorkerFuture,
    store::{
        Act, Read, SYSTEM_SUBJECT, StoreError, files,
        sealed::{FileKey, PIECE, SealedFile, Sealer},
    },
};

use super::{
    job::{disk, folder},
    model::{AtRest, Case, CaseId, CaseState, Seal},
};

/// A package on its way to the disk: hashed as whoever gets it has it, sealed, and hashed as it
/// lies.
pub(super) type Sealing = Hashed<Sealer<Hashed<File>>>;

/// What is written to something, with the SHA-256 of it.
pub(super) struct Hashed<W> {
    out: W,
    sha256: digest::Context,
}

impl<W> Hashed<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            sha256: digest::Context::new(&digest::SHA256),
        }
    }

    fn end(self) -> (W, [u8; 32]) {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.sha256.finish().as_ref());
        (self.out, sha256)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A package that is in its place.
pub(super) struct Written {
    /// Its size.
    pub(super) bytes: u64,
    /// SHA-256 of it, hex.
    pub(super) sha256: String,
    /// How it lies.
    pub(super) at_rest: AtRest,
}

/// The name of a package that is not whole yet.
pub(super) fn part(path: &Path) -> PathBuf {
    path.with_extension("part")
}

/// The name of a package below the folder of packages.
pub(super) fn name_of(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default().to_owned()
}

/// Begins the file of a package, beside its place.
pub(super) fn begin(app: &App, path: &Path) -> Result<Sealing> {
    let key = app.read(|r| r.new_file_key(SYSTEM_SUBJECT, &name_of(path), app.store.random()))?;
    let key = key.ok_or_else(|| AppError::internal("the firm has no key"))?;
    let opened = || {
        files::make_private(&folder(app))?;
        let part = part(path);
        files::remove_leftover(&part)?;
        let file = Hashed::new(files::open_private(&part, 0o600)?);
        Ok(Hashed::new(Sealer::new(file, key)?))
    };
    opened().map_err(disk)
}

/// Ends it and puts it into its place, durably.
pub(super) fn end(sealing: Sealing, path: &Path) -> io::Result<Written> {
    let (sealer, sha256) = sealing.end();
    let bytes = sealer.written();
    let (file, at_rest) = sealer.finish()?.end();
    file.sync_all()?;
    fs::rename(part(path), path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(Written {
        bytes,
        sha256: hex::encode(sha256),
        at_rest: AtRest { sha256: at_rest },
    })
}

/// Lines that wait for their place in the package: in a file without a name, under a key that
/// goes with the process.
pub(super) struct Spool(Option<Sealer<File>>);

impl Spool {
    pub(super) fn new(app: &App) -> io::Result<Self> {
        let file = tempfile::tempfile_in(folder(app))?;
        let key = FileKey::passing(app.store.random());
        Ok(Self(Some(Sealer::new(file, key)?)))
    }

    fn open(&mut self) -> io::Result<&mut Sealer<File>> {
        self.0.as_mut().ok_or(io::ErrorKind::BrokenPipe.into())
    }

    /// Ends it; gives what was written.
    pub(super) fn end(&mut self) -> io::Result<SealedFile> {
        let sealer = self.0.take().ok_or(io::ErrorKind::BrokenPipe)?;
        sealer.into_content()
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?.flush()
    }
}

/// The file of a sealed case, open for reading.
pub enum Package {
    /// As packages lie.
    Sealed(SealedFile),
    /// From before they were sealed, until the next start.
    Open(File, u64),
}

impl Package {
    /// Opens it. What is missing or damaged is named in the log, and not served.
    pub fn open(app: &App, seal: &Seal) -> Result<Self> {
        let path = folder(app).join(&seal.file);
        let opened = File::open(&path).map_err(|why| StoreError::File { why });
        let opened = opened.and_then(|file| match seal.at_rest {
            Some(_) => app
                .read(|r| r.open_file(file, &seal.file))
                .map(Self::Sealed),
            None => {
                let length = file.metadata().map(|meta| meta.len());
                let length = length.map_err(|why| StoreError::File { why })?;
                Ok(Self::Open(file, length))
            }
        });
        let package = match opened {
            Err(StoreError::File { why }) => return Err(unreadable(seal, &why)),
            opened => opened?,
        };
        if package.length() != seal.bytes {
            let why = io::Error::new(io::ErrorKind::InvalidData, "it has another length");
            return Err(unreadable(seal, &why));
        }
        Ok(package)
    }

    /// Bytes of the package.
    pub fn length(&self) -> u64 {
        match self {
            Self::Sealed(file) => file.length(),
            Self::Open(_, length) => *length,
        }
    }

    /// Looks at the part that is about to be sent. Waits for the disk.
    pub fn examine(&self, seal: &Seal, from: u64, to: u64) -> Result<()> {
        match self {
            Self::Sealed(file) => file.examine(from, to).map_err(|why| unreadable(seal, &why)),
            Self::Open(..) => Ok(()),
        }
    }

    /// Fills `out` with the package's bytes from one on.
    pub fn read_exact_at(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        match self {
            Self::Sealed(file) => file.read_exact_at(out, at),
            Self::Open(file, _) => std::os::unix::fs::FileExt::read_exact_at(file, out, at),
        }
    }
}

fn unreadable(seal: &Seal, why: &io::Error) -> AppError {
    let file = &seal.file;
    tracing::error!(%why, file, "the file of an evidence package is missing or damaged");
    AppError::Unavailable {
        why: "evidence_file",
    }
}

/// Evidence packages by file, with the SHA-256 of the file; none for one that lies open.
pub type Packages = Vec<(String, Option<[u8; 32]>)>;

/// The files of all packages.
pub fn packages(r: &Read<'_>) -> Result<Packages, StoreError> {
    let mut packages = Vec::new();
    for case in r.all::<Case>(None)? {
        if let Some(seal) = case?.sealed() {
            packages.push((seal.file.clone(), seal.at_rest.map(|rest| rest.sha256)));
        }
    }
    Ok(packages)
}

/// Seals what lies open, once, when the program starts.
pub fn run_at_start(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        let sealing = app.clone();
        let sealed = tokio::task::spawn_blocking(move || seal_open_ones(&sealing));
        sealed.await.map_err(AppError::internal)??;
        app.stopped().await;
        Ok(())
    })
}

/// Seals packages that were written before packages were sealed. May be cut off anywhere and
/// begins anew. Waits for the disk.
pub fn seal_open_ones(app: &App) -> Result<()> {
    // The start and every backup ask for it: two at once would write the same file.
    let lock = app.archive.packages.lock();
    let _one_at_a_time = lock.unwrap_or_else(PoisonError::into_inner);
    let cases: Vec<Case> = app.read(|r| r.all::<Case>(None)?.collect::<Result<_, _>>())?;
    for case in &cases {
        let Some(seal) = case.sealed() else {
            continue;
        };
        let open = folder(app).join(&seal.file).with_extension("zip");
        if !open.exists() {
            continue;
        }
        if let Err(error) = seal_one(app, case.id, seal, &open) {
            let file = &seal.file;
            tracing::error!(%error, file, "an evidence package could not be sealed");
            continue;
        }
        // Its row names the sealed one by now.
        fs::remove_file(&open).map_err(disk)?;
    }
    remove_leftovers(app, &cases).map_err(disk)
}

/// Removes what lies open and nobody names: packages whose case was sealed by another run, and
/// those that were cut off. Earlier versions called them by their job alone.
fn remove_leftovers(app: &App, cases: &[Case]) -> io::Result<()> {
    let named = cases.iter().filter_map(Case::sealed);
    let named: BTreeSet<PathBuf> = named
        .map(|seal| Path::new(&seal.file).with_extension("zip"))
        .collect();
    for path in files::list(&folder(app))? {
        let file = name_of(&path);
        let is_left = match file.rsplit_once('.') {
            Some((_, "zip")) => !named.contains(Path::new(&file)),
            Some((job, "part")) => !job.contains('-'),
            _ => false,
        };
        if is_left {
            fs::remove_file(&path)?;
            tracing::warn!(file, "a package that lay open and nobody names was removed");
        }
    }
    Ok(())
}

/// Sees to it that the sealed package is there, whole, and named by its row.
fn seal_one(app: &App, id: CaseId, seal: &Seal, open: &Path) -> Result<()> {
    if seal.at_rest.is_some() {
        return compare(app, seal, open);
    }
    let length = fs::metadata(open).map_err(disk)?.len();
    let manifest = verify::manifest_sha256(open);
    if length != seal.bytes || manifest.as_ref() != Some(&seal.manifest) {
        return Err(AppError::internal("it is not the package that was sealed"));
    }
    let path = open.with_extension("sealed");
    let mut out = begin(app, &path)?;
    let mut from = File::open(open).map_err(disk)?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece).map_err(disk)?;
        if read == 0 {
            break;
        }
        out.write_all(&piece[..read]).map_err(disk)?;
    }
    let written = end(out, &path).map_err(disk)?;
    let sealed = Seal {
        at_rest: Some(written.at_rest),
        sha256: Some(written.sha256),
        file: name_of(&path),
        ..seal.clone()
    };
    compare(app, &sealed, open)?;
    let act = Act::by_system("evidence.keep", "evidence");
    app.store.write_blocking(act, move |w| {
        if let Some(mut case) = w.get::<Case>(&id)?
            && case.sealed().is_some_and(|seal| seal.at_rest.is_none())
        {
            case.state = CaseState::Sealed(sealed);
            w.put(&case)?;
        }
        Ok(())
    })
}

/// Reads the sealed package back; an error unless the open one comes out of it.
fn compare(app: &App, seal: &Seal, open: &Path) -> Result<()> {
    let unlike = || AppError::internal("what was sealed is not the package");
    let Package::Sealed(sealed) = Package::open(app, seal)? else {
        return Err(unlike());
    };
    let expected = File::open(open).and_then(files::sha256_of).map_err(disk)?;
    let found = files::sha256_of(sealed.content()).map_err(|why| unreadable(seal, &why))?;
    match found == expected {
        true => Ok(()),
        false => Err(unlike()),
    }
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
