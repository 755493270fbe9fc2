//! Keeps the index of messages in step with the feed: what a pull has brought can be found
//! about a second later, what a purge has deleted can't.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crate::{
    app::App,
    error::{AppError, Result},
    search::MessageDoc,
    slice::WorkerFuture,
    store::{Entity, Read, StoreError},
};

use super::{
    model::Pull,
    queries::{self, Message},
    retention::{Purge, PurgeRun},
    stretch::Content,
};

/// Feed entries that are looked through at once.
const ENTRIES: usize = 2_000;
/// Feed entries that are looked through once more after a start, at most.
const ENTRIES_AGAIN: u64 = 50_000;
/// Messages from which on what was applied is committed while more is coming.
const COMMIT_MESSAGES: usize = 10_000;
/// Time after which it is committed however few there are, while more is coming.
const COMMIT_AFTER: Duration = Duration::from_secs(5);
/// The index is committed at most this often while little is coming.
const PAUSE: Duration = Duration::from_millis(500);

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        let mut head = app.store.watch_feed();
        while !app.is_stopping() {
            let step = app.clone();
            let step = tokio::task::spawn_blocking(move || follow(&step));
            step.await.map_err(AppError::internal)??;
            tokio::select! {
                changed = head.changed() => changed.map_err(AppError::internal)?,
                () = app.stopped() => return Ok(()),
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = app.stopped() => return Ok(()),
            }
        }
        Ok(())
    })
}

/// Applies the feed up to its published end, and commits.
pub fn follow(app: &App) -> Result<()> {
    let messages = &app.messages;
    let published = app.store.snapshot();
    let read = published.read(app.store.vault());
    if messages.applied() == 0 && published.feed_head() > 0 {
        reindex(app)?;
    }
    let (mut waiting, mut since) = (0, Instant::now());
    let mut expunges = false;
    while messages.applied() < published.feed_head() {
        let from = messages.applied();
        let found = after(&read, from)?;
        #[cfg(any(test, feature = "faults"))]
        let found = overlooked(app, found);
        if !messages.apply(&found.gone, &found.docs, from, found.to)? {
            continue;
        }
        waiting += found.docs.len() + found.gone.len();
        expunges |= found.ends_purge;
        if waiting >= COMMIT_MESSAGES || since.elapsed() >= COMMIT_AFTER {
            messages.commit()?;
            (waiting, since) = (0, Instant::now());
        }
    }
    // Without messages the place moves in memory alone: the feed is looked through again
    // after a start.
    if waiting > 0 || expunges || messages.applied() - messages.place() > ENTRIES_AGAIN {
        messages.commit()?;
    }
    app.archive
        .indexed
        .store(messages.applied(), Ordering::Release);
    if expunges {
        let written = messages.expunge()?;
        tracing::info!(written, "deleted messages left the files of the index");
    }
    app.archive.index_moved.notify_waiters();
    Ok(())
}

/// A planted bug: the place moves on, and what lies before it is not there.
#[cfg(any(test, feature = "faults"))]
fn overlooked(app: &App, mut found: Found) -> Found {
    let faults = &app.archive.faults;
    if !found.docs.is_empty() && faults.is_waiting(super::faults::Bug::IndexAhead) {
        faults.strike();
        found.docs.pop();
    }
    found
}

/// What a stretch of the feed changes.
struct Found {
    docs: Vec<MessageDoc>,
    /// Messages that were deleted.
    gone: Vec<u64>,
    /// A run over what has had its time has ended: its words leave the files too.
    ends_purge: bool,
    /// These are all changes up to this number.
    to: u64,
}

/// What follows a feed number.
fn after(r: &Read<'_>, from: u64) -> Result<Found, StoreError> {
    let mut found = Found {
        docs: Vec::new(),
        gone: Vec::new(),
        ends_purge: false,
        to: from,
    };
    for entry in r.feed(from)?.take(ENTRIES) {
        let entry = entry?;
        found.to = entry.n;
        found.ends_purge |= entry.kind == PurgeRun::KIND;
        if entry.kind == Purge::KIND {
            let purge = entry.key_as::<u64>().map(|no| r.get::<Purge>(&no));
            if let Some(purge) = purge.transpose()?.flatten() {
                found
                    .gone
                    .extend(purge.chats.into_iter().flat_map(|(_, seqs)| seqs));
            }
        } else if entry.kind == Pull::KIND {
            let pull = entry.key_as::<u64>().map(|no| r.get::<Pull>(&no));
            if let Some(pull) = pull.transpose()?.flatten() {
                let messages = queries::messages_of_pull(r, &pull)?;
                found.docs.extend(messages.iter().filter_map(doc));
            }
        }
        if found.docs.len() + found.gone.len() >= COMMIT_MESSAGES {
            break;
        }
    }
    Ok(found)
}

/// Builds the index anew from the store; gives the number of messages.
pub fn reindex(app: &App) -> Result<u64> {
    let published = app.store.snapshot();
    let read = published.read(app.store.vault());
    let stretches = queries::all_messages(&read)?;
    let docs = stretches.flat_map(|stretch| match stretch {
        Ok(messages) => messages.iter().filter_map(doc).map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(AppError::from(error))],
    });
    app.messages.rebuild(docs, published.feed_head())
}

/// A message as it is searched; none if it was deleted.
fn doc(message: &Message) -> Option<MessageDoc> {
    if message.content == Content::Deleted {
        return None;
    }
    let mut parties = message.to.clone();
    parties.push(message.from);
    parties.sort_unstable();
    parties.dedup();
    Some(MessageDoc {
        seq: message.seq,
        at_ms: message.at.ms(),
        chat: message.chat,
        from: message.from,
        parties,
        kind: message.kind.number(),
        text: message.text_to_index(),
    })
}
