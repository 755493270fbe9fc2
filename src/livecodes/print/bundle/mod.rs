//! Many codes in one ZIP, drawn on all cores and written in their order.

use std::{
    collections::BTreeMap,
    io::{Seek, Write},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::render::{Art, Caption, Fault, Namer, Size};

/// Drawings that wait to be written, for each thread: they stand in memory.
const AHEAD: usize = 8;
/// No more threads than this draw for one ZIP; the rest of the machine answers requests.
const THREADS_MAX: usize = 4;

/// What a file of the ZIP is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// A PNG of so many pixels.
    Png(u32),
    /// An SVG of this size.
    Svg(Size),
    /// A PDF of this size.
    Pdf(Size),
}

impl Item {
    /// Pixels that are drawn and read back for one file.
    pub fn pixels(self) -> u64 {
        let side = match self {
            Self::Png(pixels) => pixels,
            Self::Svg(size) | Self::Pdf(size) => size.proof_pixels(),
        };
        u64::from(side) * u64::from(side)
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Png(_) => "png",
            Self::Svg(_) => "svg",
            Self::Pdf(_) => "pdf",
        }
    }

    fn draw(self, art: &Art, caption: Option<&Caption>) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Png(pixels) => art.png(pixels),
            Self::Svg(size) => art.svg(size, caption).map(String::into_bytes),
            Self::Pdf(size) => art.pdf(size, caption),
        }
    }

    /// What is packed already is not packed again.
    fn method(self) -> CompressionMethod {
        match self {
            Self::Svg(_) => CompressionMethod::Deflated,
            Self::Png(_) | Self::Pdf(_) => CompressionMethod::Stored,
        }
    }
}

/// Why a ZIP was not made.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A code cannot be handed out: its place from 0, and why.
    #[error("code {0} is not handed out: {1:?}")]
    Fault(usize, Fault),
    /// It was told to stop.
    #[error("stopped")]
    Stopped,
    /// The file could not be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file could not be written.
    #[error(transparent)]
    Zip(#[from] zip::result::ZipError),
}

/// Writes one file for each of `names`, drawn by `art` of its place, in their order; no further
/// one is drawn once `is_stopped` says so.
pub fn write_zip<W: Write + Seek>(
    out: W,
    item: Item,
    names: &[Caption],
    has_caption: bool,
    art: impl Fn(usize) -> Result<Art, Fault> + Sync,
    is_stopped: impl Fn() -> bool + Sync,
) -> Result<W, BundleError> {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = threads.min(THREADS_MAX).min(names.len().max(1));
    let next = AtomicUsize::new(0);
    let (send, drawn) = mpsc::sync_channel(AHEAD * threads);
    // Whoever draws ahead waits for the place that the writer waits for.
    let room = Room::new(AHEAD * threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (send, next, room) = (send.clone(), &next, &room);
            let (art, is_stopped) = (&art, &is_stopped);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(name) = names.get(at).filter(|_| room.wait_for(at)) else {
                        break;
                    };
                    let caption = has_caption.then_some(name);
                    let draw = || art(at).and_then(|art| item.draw(&art, caption));
                    let file = match is_stopped() {
                        true => Err(BundleError::Stopped),
                        false => draw().map_err(|fault| BundleError::Fault(at, fault)),
                    };
                    if send.send((at, file)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let written = write_in_order(out, item, names, &drawn, &room);
        // After an error nobody waits for room any more.
        room.close();
        drop(drawn);
        written
    })
}

fn write_in_order<W: Write + Seek>(
    out: W,
    item: Item,
    names: &[Caption],
    drawn: &mpsc::Receiver<(usize, Result<Vec<u8>, BundleError>)>,
    room: &Room,
) -> Result<W, BundleError> {
    let mut zip = ZipWriter::new(out);
    let options = SimpleFileOptions::default().compression_method(item.method());
    let mut namer = Namer::of(names.len());
    let mut waiting = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        let file = loop {
            if let Some(file) = waiting.remove(&at) {
                break file;
            }
            let (place, file) = drawn.recv().map_err(|_| BundleError::Stopped)?;
            waiting.insert(place, file);
        };
        let file: Vec<u8> = file?;
        zip.start_file(namer.next(&name.name, item.ending()), options)?;
        zip.write_all(&file)?;
        room.written(at + 1);
    }
    Ok(zip.finish()?)
}

/// How far ahead of the writer drawings may be.
struct Room {
    ahead: usize,
    written: Mutex<Option<usize>>,
    changed: std::sync::Condvar,
}

impl Room {
    fn new(ahead: usize) -> Self {
        Self {
            ahead,
            written: Mutex::new(Some(0)),
            changed: std::sync::Condvar::new(),
        }
    }

    /// Waits until a place may be drawn; `false` if none is wanted any more.
    fn wait_for(&self, at: usize) -> bool {
        let lock = |error: std::sync::PoisonError<_>| error.into_inner();
        let written = self.written.lock().unwrap_or_else(lock);
        let is_early = |written: &mut Option<usize>| written.is_some_and(|n| at >= n + self.ahead);
        let lock = |error: std::sync::PoisonError<_>| error.into_inner();
        let written = self
            .changed
            .wait_while(written, is_early)
            .unwrap_or_else(lock);
        written.is_some()
    }

    fn set(&self, to: Option<usize>) {
        let written = self.written.lock();
        *written.unwrap_or_else(std::sync::PoisonError::into_inner) = to;
        self.changed.notify_all();
    }

    fn written(&self, n: usize) {
        self.set(Some(n));
    }

    fn close(&self) {
        self.set(None);
    }
}

#[cfg(test)]
mod tests;
