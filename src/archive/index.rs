//! Keeps the index of messages in step with the feed: what a pull has brought can be found
//! about a second later, what a purge has deleted can't.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
    vec,
};

use crate::{
    app::App,
    error::{AppError, Result},
    search::MessageDoc,
    slice::WorkerFuture,
    store::{Entity, Read, Store, StoreError, Vault},
};

use super::{
    ingest,
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
/// Messages that a new index takes from one state of the store.
const STEP_MESSAGES: usize = 20_000;
/// Time for which one state of the store is read, while much is coming: pages that are freed
/// meanwhile are not used again, and a new state has to look everybody's key up anew.
const HELD: Duration = Duration::from_secs(5);
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
    let published = app.store.snapshot().feed_head();
    if messages.applied() == 0 && published > 0 {
        reindex(app)?;
    }
    let (mut waiting, mut since) = (0, Instant::now());
    let (mut state, mut taken) = (app.store.snapshot(), Instant::now());
    let mut expunges = false;
    while messages.applied() < published {
        if taken.elapsed() >= HELD {
            (state, taken) = (app.store.snapshot(), Instant::now());
        }
        let from = messages.applied();
        let found = after(&state.read(app.store.vault()), from)?;
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
                let docs = messages
                    .iter()
                    .filter_map(|message| doc(r.vault(), message));
                found.docs.extend(docs);
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
    let begin = app.store.snapshot();
    let feed = begin.feed_head();
    let last = ingest::cursor(&begin.read(app.store.vault()))?.seq;
    drop(begin);
    app.messages
        .rebuild(Steps::new(&app.store, last, STEP_MESSAGES), feed)
}

/// Everything that is archived, a step at a time, each from the store as it then is: one state
/// held for minutes would keep all pages that are freed meanwhile from being used again.
///
/// What changes behind its back is applied from the feed afterwards.
struct Steps<'a> {
    store: &'a Store,
    /// The greatest number that was received when it began.
    last: u64,
    /// The conversation and the number in it up to which messages were given out; none at the
    /// end.
    after: Option<(u32, u64)>,
    /// Messages of a step; it ends with a stretch.
    size: usize,
    step: vec::IntoIter<MessageDoc>,
}

impl<'a> Steps<'a> {
    fn new(store: &'a Store, last: u64, size: usize) -> Self {
        Self {
            store,
            last,
            after: Some((0, 0)),
            size,
            step: Vec::new().into_iter(),
        }
    }

    /// The next messages; none at the end.
    fn next_step(&mut self, after: (u32, u64)) -> Result<Vec<MessageDoc>, StoreError> {
        let state = self.store.snapshot();
        let read = state.read(self.store.vault());
        let mut docs = Vec::new();
        self.after = None;
        for messages in queries::all_messages(&read, after)? {
            let messages = messages?;
            // One that came later is left to the feed: given out twice, it would be deleted
            // once, and deleted documents end the index's quick totals.
            let known = messages.iter().filter(|message| message.seq <= self.last);
            docs.extend(known.filter_map(|message| doc(read.vault(), message)));
            if docs.len() >= self.size {
                self.after = messages.last().map(|message| (message.chat, message.seq));
                break;
            }
        }
        Ok(docs)
    }
}

impl Iterator for Steps<'_> {
    type Item = Result<MessageDoc>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(doc) = self.step.next() {
                return Some(Ok(doc));
            }
            let after = self.after?;
            match self.next_step(after) {
                Ok(docs) => self.step = docs.into_iter(),
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

/// The characters of marks begin here: nobody types them (supplementary private use area A).
const MARKS: u32 = 0xF_0000;
/// Characters of a mark.
const MARK_CHARS: usize = 6;

/// How somebody's card stands in the text that is searched: found by whoever knows the id, which
/// cannot be read from it. What the person is called is looked up when it is searched: names
/// change, and not everybody may know whose card it is.
pub(super) fn card_mark(vault: &Vault, wecom_id: &str) -> String {
    let blind = vault.blind("archive.cards", wecom_id.as_bytes());
    let chars = blind.into_iter().take(MARK_CHARS);
    chars
        .filter_map(|byte| char::from_u32(MARKS + u32::from(byte)))
        .collect()
}

/// What of a message is searched: its words, and marks for the cards in it.
fn text_of(vault: &Vault, message: &Message) -> String {
    let mut text = message.text_to_index();
    if !matches!(message.content, Content::Rest(_)) {
        return text;
    }
    let Some(body) = message.body() else {
        return text;
    };
    for id in body.cards() {
        text.push('\n');
        text.push_str(&card_mark(vault, id));
    }
    text
}

/// A message as it is searched; none if it was deleted.
fn doc(vault: &Vault, message: &Message) -> Option<MessageDoc> {
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
        text: text_of(vault, message),
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            model::Brought,
            stretch,
            tests::{Archive, CUSTOMER, OTHER, opened, text},
        },
        Steps, ingest,
    };

    #[test]
    fn steps_give_each_message_once_whatever_comes_between_them() {
        let archive = Archive::new();
        let of = |person| move |seq| text(seq, person, &["LinXiaoyu"], "", "收到");
        // Two conversations of some stretches, in turn; one message waits for its key.
        let last = stretch::FULL as u64 * 6;
        let waiting = stretch::FULL as u64 * 2 + 1;
        let both = |seq: u64| match seq % 2 {
            0 => of(CUSTOMER)(seq),
            _ => of(OTHER)(seq),
        };
        archive.pull((1..=last).filter(|seq| *seq != waiting).map(both).collect());
        let known = archive.read(|r| ingest::cursor(r).unwrap().seq);
        assert_eq!(known, last);

        let steps = Steps::new(&archive.store, known, 1);
        let (mut seqs, mut next) = (Vec::new(), last);
        for doc in steps {
            seqs.push(doc.unwrap().seq);
            if seqs.len() % stretch::FULL == 0 {
                next += 2;
                archive.pull(vec![both(next - 1), both(next)]);
            }
            if seqs.len() == stretch::FULL * 2 {
                archive.store(Brought::Unlocked, vec![opened(both(waiting))], Vec::new());
            }
        }
        assert!(next > last + 4, "something came between the steps");
        seqs.retain(|seq| *seq != waiting);
        seqs.sort_unstable();
        let all = (1..=last).filter(|seq| *seq != waiting);
        assert_eq!(seqs, all.collect::<Vec<_>>());
    }
}
