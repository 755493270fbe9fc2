//! A file that leaves while it is still being written.
//!
//! What writes it goes at the speed of the disk, so that it does not keep a snapshot of the
//! store for as long as a slow client takes; what sends it follows behind. The last bytes wait
//! for [`SpoolWriter::finish`]: whoever has the whole file knows that all was done.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::watch;

use crate::error::{AppError, Result};

/// Bytes that leave at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes that wait for the end; the directory of a ZIP file ends in fewer.
const TAIL_BYTES: u64 = 1024;

/// How far the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    /// Bytes that may leave.
    free: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Growing,
    Whole,
    Failed,
}

/// The writing end.
pub(super) struct SpoolWriter {
    file: Arc<File>,
    written: u64,
    progress: watch::Sender<Progress>,
}

/// The sending end.
pub(super) struct Spool {
    file: Arc<File>,
    progress: watch::Receiver<Progress>,
}

/// A file without a name in `dir`, which goes with its last user.
pub(super) fn spool(dir: &Path) -> io::Result<(SpoolWriter, Spool)> {
    let file = Arc::new(tempfile::tempfile_in(dir)?);
    let (sender, receiver) = watch::channel(Progress {
        free: 0,
        state: State::Growing,
    });
    let writer = SpoolWriter {
        file: file.clone(),
        written: 0,
        progress: sender,
    };
    let spool = Spool {
        file,
        progress: receiver,
    };
    Ok((writer, spool))
}

impl SpoolWriter {
    /// Lets everything leave; without it the sending end fails.
    pub(super) fn finish(self) {
        self.progress.send_replace(Progress {
            free: self.written,
            state: State::Whole,
        });
    }
}

impl Write for SpoolWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.progress.is_closed() {
            // Nobody wants the rest.
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.file.write_all_at(bytes, self.written)?;
        self.written += bytes.len() as u64;
        let free = self.written.saturating_sub(TAIL_BYTES);
        self.progress.send_modify(|progress| progress.free = free);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        self.progress.send_if_modified(|progress| {
            let cut_off = progress.state == State::Growing;
            if cut_off {
                progress.state = State::Failed;
            }
            cut_off
        });
    }
}

impl Spool {
    /// Resolves when something may leave; whether anything ever will.
    pub(super) async fn has_begun(&mut self) -> bool {
        let begun = |p: &Progress| p.free > 0 || p.state != State::Growing;
        match self.progress.wait_for(begun).await {
            Ok(progress) => progress.free > 0,
            Err(_) => false,
        }
    }

    /// The bytes in order. An error means that the file will not become whole.
    pub(super) fn stream(self) -> impl Stream<Item = io::Result<Bytes>> {
        stream::try_unfold((self, 0), |(mut spool, at)| async move {
            let chunk = spool.next(at).await.map_err(io::Error::other)?;
            Ok(chunk.map(|chunk| {
                let next = at + chunk.len() as u64;
                (chunk, (spool, next))
            }))
        })
    }

    async fn next(&mut self, at: u64) -> Result<Option<Bytes>> {
        let news = |p: &Progress| p.free > at || p.state != State::Growing;
        let known = self.progress.wait_for(news).await;
        let progress = *known.map_err(AppError::internal)?;
        if progress.state == State::Failed {
            return Err(AppError::internal("the file did not become whole"));
        }
        if progress.free == at {
            return Ok(None);
        }
        let left = usize::try_from(progress.free - at).unwrap_or(CHUNK_BYTES);
        let file = self.file.clone();
        let read = move || {
            let mut chunk = vec![0; left.min(CHUNK_BYTES)];
            file.read_exact_at(&mut chunk, at).map(|()| chunk)
        };
        let chunk = tokio::task::spawn_blocking(read).await;
        let chunk = chunk.map_err(AppError::internal)?;
        Ok(Some(chunk.map_err(AppError::internal)?.into()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[actix_web::test]
    async fn bytes_leave_before_the_end_but_the_last_ones_wait_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, mut spool) = spool(dir.path()).unwrap();
        writer.write_all(&[7; 3000]).unwrap();
        assert!(spool.has_begun().await);
        let mut stream = Box::pin(spool.stream());
        let first = stream.try_next().await.unwrap().unwrap();
        assert_eq!(first, vec![7; 3000 - 1024]);
        writer.write_all(&[8; 10]).unwrap();
        writer.finish();
        let rest: Vec<Bytes> = stream.try_collect().await.unwrap();
        assert_eq!(rest.concat(), [vec![7; 1024], vec![8; 10]].concat());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[actix_web::test]
    async fn what_is_cut_off_is_an_error_and_what_nobody_wants_stops() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, mut cut) = spool(dir.path()).unwrap();
        writer.write_all(&[7; 3000]).unwrap();
        assert!(cut.has_begun().await);
        drop(writer);
        assert!(cut.stream().try_collect::<Vec<_>>().await.is_err());

        let (writer, mut never) = spool(dir.path()).unwrap();
        drop(writer);
        assert!(!never.has_begun().await);

        let (mut writer, unwanted) = spool(dir.path()).unwrap();
        drop(unwanted);
        assert!(writer.write_all(&[7]).is_err());
    }
}
