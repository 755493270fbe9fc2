//! Files of messages: fetched stretch by stretch, kept once however often they were sent. A file
//! is whole on disk before any row says that it is here.

use std::{collections::BTreeSet, io, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::sync::Mutex;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    slice::WorkerFuture,
    store::{Act, Read, StoreError, Walk, Write, sealed::SealedFile},
    wecom::archive::{Host, HostError, Remedy},
};
#[cfg(any(test, feature = "faults"))]
use crate::{store::files, wecom::archive::Chunk};

#[cfg(any(test, feature = "faults"))]
use super::faults::Bug;
use super::{
    ingest::{add_tally, day_of},
    link,
    model::{Leftover, Media, MediaState, Tally},
    shelf::{self, OnShelf, Shelf},
    tables::MEDIA_DUE,
};

/// Files whose rows are read at once.
const BATCH: usize = 50;
/// Files that are on their way at once: while one waits for the disk, another is asked for.
const AT_ONCE: usize = 4;
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

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        let removed = on_shelf(&app, |shelf| shelf.remove_cut_off()).await;
        removed.map_err(AppError::internal)?;
        let sealing = app.clone();
        let sealed = tokio::task::spawn_blocking(move || {
            let shelf = Shelf::of(&sealing);
            if let Err(error) = shelf.seal_open_ones(|| sealing.is_stopping()) {
                tracing::error!(%error, "the files of messages could not be sealed");
            }
        });
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
        sealed.await.map_err(AppError::internal)
    })
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
    let shelf = Shelf::of(app);
    for sha256 in &unnamed {
        shelf.remove(sha256).map_err(AppError::internal)?;
    }
    Ok(left)
}

/// Removes what has come of files that nobody waits for any more.
fn remove_parts(app: &App) -> Result<()> {
    let removed = Shelf::of(app).remove_parts(|key| {
        let media = app.read(|r| r.get::<Media>(&key));
        let media = media.map_err(io::Error::other)?;
        Ok(media.is_some_and(|media| media.state == MediaState::Waiting))
    });
    removed.map_err(AppError::internal)
}

/// Fetches what is due; gives the number of files tried.
pub(super) async fn fetch_due(app: &Arc<App>, host: &Host) -> Result<usize> {
    let now = app.store.clock().now();
    let due = app.read(|r| due(r, now))?;
    // The library answers one question at a time, and the pulls ask it too.
    let asking = Mutex::new(());
    for files in due.chunks(AT_ONCE) {
        if app.is_stopping() {
            break;
        }
        let fetched = files.iter().map(|file| async {
            let result = fetch(app, host, &asking, file).await;
            note(app, file.clone(), result).await
        });
        // All of them end: a question that nobody waits for would end the library's process.
        for noted in join_all(fetched).await {
            noted?;
        }
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

/// Why a file was not fetched.
enum Failed {
    Host(HostError),
    Disk(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

async fn fetch(
    app: &Arc<App>,
    host: &Host,
    asking: &Mutex<()>,
    file: &Media,
) -> Result<OnShelf, Failed> {
    let key = (file.seq, file.place);
    let mut index = on_shelf(app, move |shelf| Ok(shelf.part(key)?.index().to_owned())).await?;
    loop {
        let asked = {
            let _one_at_a_time = asking.lock().await;
            host.media(&file.fileid, &index).await
        };
        let stretch = asked.map_err(Failed::Host)?;
        #[cfg(any(test, feature = "faults"))]
        if let Some(kept) = said_to_be_here(app, &index, &stretch) {
            return Ok(kept);
        }
        let Some(next) = stretch.next else {
            let finish = move |shelf: &Shelf<'_>| shelf.part(key)?.finish(&stretch.data);
            return Ok(on_shelf(app, finish).await?);
        };
        index.clone_from(&next);
        let append = move |shelf: &Shelf<'_>| shelf.part(key)?.append(&stretch.data, next);
        on_shelf(app, append).await?;
    }
}

/// A planted bug: a file that is said to be here before it is on disk, and the process ends before
/// it is.
#[cfg(any(test, feature = "faults"))]
fn said_to_be_here(app: &App, index: &str, stretch: &Chunk) -> Option<OnShelf> {
    use md5::Digest as _;
    let is_whole = index.is_empty() && stretch.next.is_none();
    if !is_whole || !app.archive.faults.is_waiting(Bug::FileNotedFirst) {
        return None;
    }
    Some(OnShelf {
        sha256: files::sha256_of(&stretch.data[..]).expect("bytes in memory are read"),
        md5: md5::Md5::digest(&stretch.data).into(),
        length: stretch.data.len() as u64,
    })
}

/// Does what waits for the disk.
async fn on_shelf<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&Shelf<'_>) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let app = app.clone();
    let done = tokio::task::spawn_blocking(move || work(&Shelf::of(&app))).await;
    done.map_err(io::Error::other)?
}

/// Whether the file is another one than the message says.
fn differs(kept: &OnShelf, media: &Media) -> bool {
    let is_other_size = media.size != 0 && media.size != kept.length;
    let is_other_md5 =
        !media.md5.is_empty() && !media.md5.eq_ignore_ascii_case(&hex::encode(kept.md5));
    is_other_size || is_other_md5
}

/// Notes what came of an attempt.
async fn note(app: &App, file: Media, result: Result<OnShelf, Failed>) -> Result<()> {
    let zone = app.zone();
    let act = Act::by_system("archive.files", "archive");
    let noted = app.write(act, move |w| {
        let now = w.now();
        let Some(mut media) = w.get::<Media>(&(file.seq, file.place))? else {
            // Deleted meanwhile, or the person was erased.
            return leave(w, result.ok());
        };
        let mut tally = Tally::of(day_of(media.sent_at, &zone), media.staff);
        match result {
            Ok(kept) if differs(&kept, &media) && media.attempts == 0 => {
                // Once more from the beginning; announcements are wrong now and then.
                media.attempts = 1;
                leave(w, Some(kept))?;
            }
            Ok(kept) => {
                media.differs = differs(&kept, &media);
                media.state = MediaState::Here;
                media.sha256 = Some(kept.sha256);
                media.length = kept.length;
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

/// Content that no message may name: the sweep looks whether one does.
fn leave(w: &mut Write<'_>, kept: Option<OnShelf>) -> Result<()> {
    if let Some(OnShelf { sha256, .. }) = kept {
        let since = w.now();
        w.put(&Leftover { sha256, since })?;
    }
    Ok(())
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

/// Opens a file that is here. Waits for the disk.
pub fn open(app: &App, media: &Media) -> Result<SealedFile> {
    let missing = AppError::NotFound { what: "file" };
    let sha256 = media.sha256.as_ref().ok_or(missing)?;
    let opened = Shelf::of(app).open(sha256);
    opened.map_err(|error| unreadable(media, error))
}

/// What is said of a file that could not be read: what is missing or damaged is named in the
/// log.
pub(super) fn unreadable(media: &Media, error: io::Error) -> AppError {
    if !shelf::is_lost(&error) {
        return AppError::internal(error);
    }
    let name = media.sha256.map(hex::encode).unwrap_or_default();
    tracing::error!(%error, name, "a file of a message is missing or damaged");
    AppError::Unavailable {
        why: "archive_file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        archive::shelf::keep_for_test,
        config::{Config, Overrides},
        kit::Random,
        store::Folder,
    };

    fn app(dir: &std::path::Path) -> Arc<App> {
        let data = dir.join("data");
        Folder::at(&data).create(&Random::seeded(1)).unwrap();
        let overrides = Overrides {
            data: Some(data),
            ..Overrides::default()
        };
        let app = App::open(Config::load(&overrides).unwrap()).unwrap();
        // Openings of an entry about the firm are sealed for it.
        let act = Act::by_system("test.look", "test").recorded();
        let act = act.system_detail("q", "x");
        app.store.write_blocking(act, |_| Ok(())).unwrap();
        app
    }

    fn waiting(seq: u64) -> Media {
        Media {
            seq,
            place: 0,
            chat: 1,
            subject: crate::store::SYSTEM_SUBJECT,
            fileid: "f".to_owned(),
            size: 0,
            md5: String::new(),
            state: MediaState::Waiting,
            sha256: None,
            length: 0,
            attempts: 0,
            next_at: Timestamp::default(),
            sent_at: Timestamp::default(),
            staff: 1,
            differs: false,
        }
    }

    /// Puts content on the shelf; what a fetch of it gives.
    fn fetched(app: &App, content: &[u8]) -> OnShelf {
        OnShelf {
            sha256: keep_for_test(app, content),
            md5: [0; 16],
            length: content.len() as u64,
        }
    }

    #[test]
    fn what_no_message_names_when_it_has_come_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let app = app(dir.path());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        // The second is named; the message of the first was deleted while it came; the third is
        // another file than was announced, and is fetched once more.
        let kept: Vec<OnShelf> = [&b"one"[..], b"two", b"three"]
            .map(|content| fetched(&app, content))
            .into();
        let names: Vec<[u8; 32]> = kept.iter().map(|kept| kept.sha256).collect();
        let files = [
            waiting(1),
            waiting(2),
            Media {
                size: 99,
                ..waiting(3)
            },
        ];
        let known = files[1..].to_vec();
        let act = Act::by_system("archive.pull", "archive");
        let put = app.store.write_blocking(act, move |w| {
            known.iter().try_for_each(|media| w.put(media))?;
            Ok(())
        });
        put.unwrap();
        for (file, kept) in files.into_iter().zip(kept) {
            runtime.block_on(note(&app, file, Ok(kept))).unwrap();
        }
        runtime.block_on(sweep(&app)).unwrap();
        let is_there = |n: usize| Shelf::of(&app).open(&names[n]).is_ok();
        assert_eq!([0, 1, 2].map(is_there), [false, true, false]);
        let third = app.read(|r| r.get::<Media>(&(3, 0))).unwrap().unwrap();
        assert_eq!((third.state, third.attempts), (MediaState::Waiting, 1));
        assert!(
            app.read(|r| r.all::<Leftover>(None).map(Iterator::count))
                .unwrap()
                == 0
        );
    }
}
