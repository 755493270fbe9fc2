//! Files of messages: fetched piece by piece, kept once however often they were sent, under
//! the name of their SHA-256. A file is whole on disk before any row says that it is here.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::digest;
use md5::{Digest, Md5};

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    slice::WorkerFuture,
    store::{Act, Folder, Read, StoreError, Walk},
    wecom::archive::{Host, HostError, Remedy},
};

use super::{
    carry::place,
    ingest::{add_tally, day_of},
    link,
    model::{Leftover, Media, MediaState, Tally},
    tables::MEDIA_DUE,
};

/// Files whose rows are read at once.
const BATCH: usize = 50;
/// Leftovers that are looked at in one go.
const LEFTOVERS: usize = 50_000;
/// Time between two looks when nothing is due and nobody woke the fetcher.
const IDLE: Duration = Duration::from_secs(30);
/// Time before another attempt, doubled with each one, ms.
const RETRY_MS: i64 = 60_000;
/// The longest of these, ms.
const RETRY_MAX_MS: i64 = 3_600_000;
/// After so long WeCom has forgotten the file (WeCom documentation, 获取会话内容: 5 days).
const WINDOW_MS: i64 = 5 * 24 * 3_600_000;
/// The largest file that is taken: more than WeCom lets anybody send.
const BYTES_MAX: u64 = 4 << 30;

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        while !app.is_stopping() {
            sweep(&app).await?;
            let fetched = match link::in_use(&app)? {
                Some(settings) => fetch_due(&app, &app.archive.host(&settings)).await?,
                None => 0,
            };
            if fetched == 0 {
                tokio::select! {
                    () = app.archive.files.notified() => {}
                    () = tokio::time::sleep(IDLE) => {}
                    () = app.stopped() => {}
                }
            }
        }
        Ok(())
    })
}

/// Where the files of a folder lie.
fn shelf(app: &App) -> PathBuf {
    Folder::at(&app.config.data).media_dir()
}

/// The place of a file's content.
pub(super) fn path_of(app: &App, sha256: &[u8; 32]) -> PathBuf {
    place(&shelf(app), sha256)
}

/// Removes from the shelf what no message names any more. The same worker puts files there, so
/// that nothing is removed that is just arriving; it may be cut off anywhere and begins anew.
pub(super) async fn sweep(app: &Arc<App>) -> Result<()> {
    let reading = app.clone();
    let swept = tokio::task::spawn_blocking(move || {
        remove_parts(&reading)?;
        reading.read(|r| remove_leftovers(&reading, r))
    });
    let swept = swept.await.map_err(AppError::internal)??;
    if swept.is_empty() {
        return Ok(());
    }
    let act = Act::by_system("archive.files", "archive");
    let noted = app.write(act, move |w| {
        for sha256 in &swept {
            w.delete::<Leftover>(sha256)?;
        }
        Ok(())
    });
    noted.await
}

/// Removes the files among the leftovers that nothing names; gives all leftovers.
fn remove_leftovers(app: &App, r: &Read<'_>) -> Result<BTreeSet<[u8; 32]>> {
    let mut left = BTreeSet::new();
    for leftover in r.all::<Leftover>(None)?.take(LEFTOVERS) {
        left.insert(leftover?.sha256);
    }
    if left.is_empty() {
        return Ok(left);
    }
    let mut unnamed = left.clone();
    for media in r.all::<Media>(None)? {
        if let Some(sha256) = media?.sha256 {
            unnamed.remove(&sha256);
        }
    }
    for sha256 in &unnamed {
        remove(&path_of(app, sha256))?;
    }
    Ok(left)
}

/// Removes what has come of files whose message is gone.
fn remove_parts(app: &App) -> Result<()> {
    let entries = match fs::read_dir(shelf(app).join("part")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(AppError::internal)?,
    };
    for entry in entries {
        let path = entry.map_err(AppError::internal)?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        let key = name.and_then(|name| name.split_once('-'));
        let key = key.and_then(|(seq, place)| Some((seq.parse().ok()?, place.parse().ok()?)));
        if let Some(key) = key
            && !app.read(|r| r.exists::<Media>(&key))?
        {
            remove(&path)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(AppError::internal(error)),
        _ => Ok(()),
    }
}

/// Fetches what is due; gives the number of files tried.
pub(super) async fn fetch_due(app: &Arc<App>, host: &Host) -> Result<usize> {
    let now = app.store.clock().now();
    let due = app.read(|r| due(r, now))?;
    for file in &due {
        if app.is_stopping() {
            break;
        }
        let result = fetch(app, host, file).await;
        note(app, file.clone(), result).await?;
    }
    Ok(due.len())
}

fn due(r: &Read<'_>, now: Timestamp) -> Result<Vec<Media>, StoreError> {
    let mut files = Vec::new();
    for file in r.list(&MEDIA_DUE, &Walk::default())?.take(BATCH) {
        let file = file?;
        if file.next_at > now {
            break;
        }
        files.push(file);
    }
    Ok(files)
}

/// What came of an attempt.
struct Fetched {
    sha256: [u8; 32],
    length: u64,
    differs: bool,
}

enum Failed {
    Host(HostError),
    Disk(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

async fn fetch(app: &App, host: &Host, file: &Media) -> Result<Fetched, Failed> {
    let shelf = shelf(app);
    let mut part = Part::open(&shelf, file)?;
    while !part.is_whole {
        let chunk = host
            .media(&file.fileid, &part.index)
            .await
            .map_err(Failed::Host)?;
        part.append(&chunk.data, chunk.next)?;
    }
    Ok(part.finish(&shelf, file)?)
}

/// A file on its way: what has come, and how to ask for what follows.
struct Part {
    path: PathBuf,
    file: File,
    length: u64,
    index: String,
    is_whole: bool,
}

impl Part {
    /// Goes on where an earlier attempt ended, if what it left behind fits together.
    fn open(shelf: &Path, media: &Media) -> io::Result<Self> {
        let folder = shelf.join("part");
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{}", media.seq, media.place));
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)?;
        let (length, index) = match fs::read_to_string(path.with_extension("next")) {
            Ok(text) => parse(&text).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Default::default(),
            Err(error) => return Err(error),
        };
        let (length, index) = match file.metadata()?.len() >= length {
            true => (length, index),
            false => (0, String::new()),
        };
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        Ok(Self {
            path,
            file,
            length,
            index,
            is_whole: false,
        })
    }

    fn append(&mut self, data: &[u8], next: Option<String>) -> io::Result<()> {
        self.file.write_all(data)?;
        self.length += data.len() as u64;
        if self.length > BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "a file without end",
            ));
        }
        match next {
            None => self.is_whole = true,
            Some(next) => {
                // First the bytes, then the word that they are there.
                self.file.sync_data()?;
                fs::write(
                    self.path.with_extension("next"),
                    format!("{}\n{next}", self.length),
                )?;
                self.index = next;
            }
        }
        Ok(())
    }

    /// Puts the file on the shelf, durably, unless the same content is there already.
    fn finish(mut self, shelf: &Path, media: &Media) -> io::Result<Fetched> {
        self.file.sync_all()?;
        self.file.rewind()?;
        let mut sha256 = digest::Context::new(&digest::SHA256);
        let mut md5 = Md5::new();
        let mut piece = vec![0; 64 << 10];
        loop {
            let read = self.file.read(&mut piece)?;
            if read == 0 {
                break;
            }
            sha256.update(&piece[..read]);
            md5.update(&piece[..read]);
        }
        let mut name = [0; 32];
        name.copy_from_slice(sha256.finish().as_ref());
        let text = hex::encode(name);
        let folder = shelf.join(&text[..2]);
        fs::create_dir_all(&folder)?;
        fs::rename(&self.path, folder.join(&text))?;
        File::open(&folder)?.sync_all()?;
        File::open(shelf)?.sync_all()?;
        match fs::remove_file(self.path.with_extension("next")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let is_other_size = media.size != 0 && media.size != self.length;
        let is_other_md5 =
            !media.md5.is_empty() && !media.md5.eq_ignore_ascii_case(&hex::encode(md5.finalize()));
        Ok(Fetched {
            sha256: name,
            length: self.length,
            differs: is_other_size || is_other_md5,
        })
    }
}

/// The length and the question of a side note.
fn parse(text: &str) -> Option<(u64, String)> {
    let (length, index) = text.split_once('\n')?;
    Some((length.parse().ok()?, index.to_owned()))
}

/// Notes what came of an attempt.
async fn note(app: &App, file: Media, result: Result<Fetched, Failed>) -> Result<()> {
    let zone = app.zone();
    let act = Act::by_system("archive.files", "archive");
    let noted = app.write(act, move |w| {
        let Some(mut media) = w.get::<Media>(&(file.seq, file.place))? else {
            // Deleted meanwhile, or the person was erased.
            return Ok(());
        };
        let now = w.now();
        let mut tally = Tally::of(day_of(media.sent_at, &zone), media.staff);
        match result {
            Ok(fetched) if fetched.differs && media.attempts == 0 => {
                // Once more from the beginning; announcements are wrong now and then.
                media.attempts = 1;
            }
            Ok(fetched) => {
                media.state = MediaState::Here;
                media.sha256 = Some(fetched.sha256);
                media.length = fetched.length;
                media.differs = fetched.differs;
                tally.media_here = 1;
            }
            Err(failed) if is_final(&failed, &media, now) => {
                media.state = MediaState::Lost;
                tally.media_lost = 1;
            }
            Err(failed) => {
                warn(&failed);
                media.attempts = media.attempts.saturating_add(1);
                let doublings = media.attempts.min(10) - 1;
                media.next_at = now.plus_ms((RETRY_MS << doublings).min(RETRY_MAX_MS));
            }
        }
        add_tally(w, (tally.day, tally.staff), &tally)?;
        Ok(w.put(&media)?)
    });
    noted.await
}

fn warn(failed: &Failed) {
    match failed {
        Failed::Host(error) => tracing::info!(%error, "a file of a message is tried again"),
        Failed::Disk(error) => tracing::warn!(%error, "a file of a message could not be kept"),
    }
}

/// Whether nobody will ever get the file.
fn is_final(failed: &Failed, media: &Media, now: Timestamp) -> bool {
    match failed {
        Failed::Disk(_) => false,
        Failed::Host(error) => match error.remedy() {
            Remedy::Gone | Remedy::Expired => true,
            Remedy::Retry | Remedy::Key => {
                media.attempts > 3 && now.ms() - media.sent_at.ms() > WINDOW_MS
            }
            _ => false,
        },
    }
}

/// Opens a file that is here.
pub fn open(app: &App, media: &Media) -> Result<File> {
    let missing = AppError::NotFound { what: "file" };
    let sha256 = media.sha256.as_ref().ok_or(missing)?;
    File::open(path_of(app, sha256)).map_err(AppError::internal)
}
