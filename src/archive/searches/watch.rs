//! The watch: asks saved searches of the messages that have just been indexed.

use std::sync::Arc;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
    search::{MessageMarks, MessageQuery, MessageTotal},
    slice::WorkerFuture,
    store::{Act, Entity, Read, Write},
    web::ListQuery,
};

use super::{
    super::{
        model::Pull,
        pages,
        queries::{self, ArchiveSight},
    },
    FOUND_MAX, Found, SavedSearch,
    tables::{Place, found, place, telling},
};

/// Feed entries that are looked through at once.
const ENTRIES: usize = 2_000;
/// Pulls of one write.
const PULLS: usize = 8;

/// Runs as long as the process.
pub(in crate::archive) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        while !app.is_stopping() {
            let indexed = app.archive.index_moved.notified();
            while look(&app).await? {}
            tokio::select! {
                () = indexed => {}
                () = app.stopped() => return Ok(()),
            }
        }
        Ok(())
    })
}

/// Asks of the next messages; whether there may be more.
async fn look(app: &Arc<App>) -> Result<bool> {
    let step = app.clone();
    let found = tokio::task::spawn_blocking(move || step.read(|r| next(&step, r)));
    let Some((found, place)) = found.await.map_err(AppError::internal)?? else {
        return Ok(false);
    };
    let act = Act::by_system("archive.searches", "archive");
    app.write(act, move |w| {
        for (search, messages) in found {
            keep(w, &search, messages)?;
        }
        Ok(w.put(&place)?)
    })
    .await?;
    Ok(true)
}

/// Matches by search, and the place behind the messages that were looked at; none if there is
/// nothing new, or nobody who wants to know.
type Step = Option<(Vec<(SavedSearch, Vec<Found>)>, Place)>;

fn next(app: &App, r: &Read<'_>) -> Result<Step> {
    let searches = telling(r)?;
    let mut place = place(r)?;
    // What the index does not have yet cannot be found in it.
    let indexed = app.archive.indexed();
    if searches.is_empty() || place.feed >= indexed {
        return Ok(None);
    }
    let mut pulls = Vec::new();
    for entry in r.feed(place.feed)?.take(ENTRIES) {
        let entry = entry?;
        if entry.n > indexed || pulls.len() == PULLS {
            break;
        }
        place.feed = entry.n;
        if entry.kind == Pull::KIND
            && let Some(no) = entry.key_as::<u64>()
            && let Some(pull) = r.get::<Pull>(&no)?
        {
            pulls.push(pull);
        }
    }
    let (mut new, mut recalled) = (Vec::new(), Vec::new());
    for pull in &pulls {
        let messages = queries::messages_of_pull(r, pull)?;
        new.extend(messages.iter().map(|m| (m.seq, m.at.ms())));
        for (chat, seq) in &pull.recalls {
            let times = super::super::recalled::time_of(r, *chat, *seq)?;
            recalled.extend(times.map(|at_ms| (*seq, at_ms)));
        }
    }
    let (new, recalled) = (Arc::new(marks(new)), Arc::new(marks(recalled)));
    let mut matches = Vec::new();
    for search in searches {
        let found = ask(app, r, &search, &new, &recalled)?;
        if !found.is_empty() {
            matches.push((search, found));
        }
    }
    Ok(Some((matches, place)))
}

fn marks(messages: Vec<(u64, i64)>) -> MessageMarks {
    messages.into_iter().collect()
}

/// The matches of a search among these messages, as its owner sees them now. An account that
/// is gone, shut, or may not read the archive any more is told nothing.
fn ask(
    app: &App,
    r: &Read<'_>,
    search: &SavedSearch,
    new: &Arc<MessageMarks>,
    recalled: &Arc<MessageMarks>,
) -> Result<Vec<Found>> {
    let now = app.store.clock().now();
    let sight = Viewer::on_behalf(r, search.owner, "archive.search", now)
        .and_then(|owner| ArchiveSight::of(app, r, &owner));
    let sight = match sight {
        Ok(sight) => sight,
        Err(AppError::Unauthenticated | AppError::Forbidden { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let query = ListQuery::parse("/archive", &search.query);
    let asked = pages::asked(&query, &app.zone());
    // Alerts are raised behind this, and have a queue of their own.
    if asked.alerted {
        return Ok(Vec::new());
    }
    let only = match asked.recalled {
        true => recalled,
        false => new,
    };
    let query = MessageQuery {
        only: Some(only.clone()),
        limit: FOUND_MAX,
        total: MessageTotal::Skip,
        ..asked.query(app, r, &sight)?
    };
    let hits = app.messages.search(&query)?;
    let found = hits.items.into_iter().map(|hit| Found {
        search: search.id,
        seq: hit.seq,
        chat: hit.chat,
    });
    Ok(found.collect())
}

/// Keeps matches of a search that is still wanted, no more than the newest.
fn keep(w: &mut Write<'_>, search: &SavedSearch, messages: Vec<Found>) -> Result<()> {
    let now = w.get::<SavedSearch>(&search.id)?;
    if now.is_none_or(|now| !now.tells) {
        return Ok(());
    }
    for message in messages {
        w.put(&message)?;
    }
    for old in found(&w.read(), search.id)?.into_iter().skip(FOUND_MAX) {
        w.delete::<Found>(&(old.search.bits(), old.seq))?;
    }
    Ok(())
}
