//! The follower: reads the feed once, from where the first sync has ended, and now and then
//! looks for conversations that have become quiet.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    archive::{Chat, Pull, queries as archive},
    customers::{GroupMember, Relation},
    error::{AppError, Result},
    identity::Viewer,
    kit::Timestamp,
    org::DirectoryCache,
    slice::WorkerFuture,
    store::{Entity, FeedEntry, Read, StoreError, Write},
    sync,
    work::{JobState, jobs},
};

use super::{
    fire::{Around, fire},
    matching::{Hit, Matcher, Time},
    tables::{FIRM, Place, rules},
};

/// Feed entries that are looked through at once.
const ENTRIES: usize = 500;
/// Answers of the archive that are looked through at once.
const PULLS: usize = 8;
/// How often it is asked whether a look for quiet is due.
const TICK: Duration = Duration::from_secs(60);
/// How often conversations are looked through.
const QUIET_MS: i64 = 3_600_000;

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        let mut head = app.store.watch_feed();
        while !app.is_stopping() {
            while look(&app).await? {}
            tokio::select! {
                changed = head.changed() => changed.map_err(AppError::internal)?,
                () = tokio::time::sleep(TICK) => {}
                () = app.stopped() => return Ok(()),
            }
        }
        Ok(())
    })
}

/// What is to be carried out, and the place behind it.
pub(super) struct Step {
    pub hits: Vec<Hit>,
    pub place: Place,
    pub more: bool,
}

/// Reads the next stretch, and carries out what it sets off; whether there is more.
pub(super) async fn look(app: &Arc<App>) -> Result<bool> {
    let step = app.clone();
    let found = tokio::task::spawn_blocking(move || {
        let now = step.store.clock().now();
        step.read(|r| next(&step.directory, r, now))
    });
    let Some(step) = found.await.map_err(AppError::internal)?? else {
        return Ok(false);
    };
    let more = step.more;
    let viewer = Viewer::system("rules");
    let around = app.read(|r| Around::of(app, r))?;
    app.write(viewer.change("rule.fire"), move |w| {
        step.carry_out(w, &viewer, &around)
    })
    .await?;
    app.effects.notify_one();
    Ok(more)
}

impl Step {
    /// Fires what is due and moves the place, in one write.
    pub(super) fn carry_out(
        &self,
        w: &mut Write<'_>,
        viewer: &Viewer,
        around: &Around,
    ) -> Result<()> {
        for hit in &self.hits {
            fire(w, viewer, around, hit)?;
        }
        Ok(w.put(&self.place)?)
    }
}

/// What comes next; none if there is nothing to do.
pub(super) fn next(
    directory: &DirectoryCache,
    r: &Read<'_>,
    now: Timestamp,
) -> Result<Option<Step>> {
    let Some(mut place) = r.get::<Place>(&FIRM.to_owned())? else {
        let first = beginning(r, now)?;
        return Ok(first.map(|place| Step {
            hits: Vec::new(),
            place,
            more: true,
        }));
    };
    let from = place.feed;
    let (mut entries, mut pulls, mut more) = (Vec::new(), 0, false);
    for (seen, entry) in r.feed(from)?.enumerate() {
        if seen == ENTRIES || pulls == PULLS {
            more = true;
            break;
        }
        let entry = entry?;
        place.feed = entry.n;
        pulls += usize::from(entry.kind == Pull::KIND);
        if [Relation::KIND, GroupMember::KIND, Pull::KIND].contains(&entry.kind.as_str()) {
            entries.push(entry);
        }
    }
    let is_quiet_due = now.since_ms(place.quiet) >= QUIET_MS;
    if entries.is_empty() && !more && !is_quiet_due {
        return Ok(None);
    }
    let directory = directory.get(r)?;
    let mut in_force = rules(r)?;
    in_force.retain(|rule| rule.is_on);
    let matcher = Matcher::of(r, &directory, in_force, Time::Live(now))?;
    let mut hits = Vec::new();
    for entry in &entries {
        hits.extend(of_entry(r, &matcher, entry)?);
    }
    if is_quiet_due {
        place.quiet = now;
        hits.extend(quiet(r, &matcher)?);
    }
    Ok(Some(Step { hits, place, more }))
}

/// The place behind everything that the first sync brought; none as long as it has not ended.
fn beginning(r: &Read<'_>, now: Timestamp) -> Result<Option<Place>, StoreError> {
    let Some(job) = jobs::latest_in(r, sync::KIND, JobState::Done)? else {
        return Ok(None);
    };
    let ended = job.finished_at.unwrap_or(now);
    let mut feed = 0;
    for entry in r.feed(0)? {
        let entry = entry?;
        if entry.at > ended {
            break;
        }
        feed = entry.n;
    }
    Ok(Some(Place { feed, quiet: now }))
}

fn of_entry(r: &Read<'_>, matcher: &Matcher, entry: &FeedEntry) -> Result<Vec<Hit>, StoreError> {
    if entry.kind == Relation::KIND {
        let relation = match entry.key_as() {
            Some(id) => r.get::<Relation>(&id)?,
            None => None,
        };
        let relation = relation.filter(Relation::is_active);
        return Ok(relation.map_or(Vec::new(), |relation| matcher.came(&relation)));
    }
    if entry.kind == GroupMember::KIND {
        let person = match entry.key_as() {
            Some(id) => r.get::<GroupMember>(&id)?,
            None => None,
        };
        return match person {
            Some(person) => matcher.joined(r, &person),
            None => Ok(Vec::new()),
        };
    }
    let pull = match entry.key_as::<u64>() {
        Some(no) if matcher.listens() => r.get::<Pull>(&no)?,
        _ => None,
    };
    let mut hits = Vec::new();
    if let Some(pull) = pull {
        for message in archive::messages_of_pull(r, &pull)? {
            hits.extend(matcher.wrote(r, &message)?);
        }
    }
    Ok(hits)
}

fn quiet(r: &Read<'_>, matcher: &Matcher) -> Result<Vec<Hit>, StoreError> {
    let mut hits = Vec::new();
    if matcher.quiet_days().is_empty() {
        return Ok(hits);
    }
    for chat in r.all::<Chat>(None)? {
        hits.extend(matcher.quiet(r, &chat?)?);
    }
    Ok(hits)
}
