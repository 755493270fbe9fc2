//! Rooms: which conversations are rooms, for searches among them alone, and what rooms of the
//! firm's own are called, which only WeCom can tell.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    app::App,
    customers,
    error::{AppError, Result},
    kit::Timestamp,
    search::ChatSet,
    slice::WorkerFuture,
    store::{Act, Read, StoreError},
};

use super::{
    link,
    model::{Chat, Place},
};

/// Rooms that are offered by name.
const OFFERED_MAX: usize = 200;
/// A name is asked for again after so long, ms: rooms are renamed.
const FRESH_MS: i64 = 7 * 86_400_000;
/// Rooms that are asked about in one round.
const ASKED_MAX: usize = 50;
/// Time between two rounds when nothing new was heard of.
const PAUSE: Duration = Duration::from_secs(60);

/// The rooms among the conversations, as far as these have been looked through.
#[derive(Default)]
pub(super) struct Rooms(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The last conversation that was looked at.
    last: u32,
    set: Arc<ChatSet>,
    numbers: Vec<u32>,
}

impl Rooms {
    /// All rooms.
    pub(super) fn set(&self, r: &Read<'_>) -> Result<Arc<ChatSet>, StoreError> {
        self.look(r).map(|known| known.0)
    }

    fn look(&self, r: &Read<'_>) -> Result<(Arc<ChatSet>, Vec<u32>), StoreError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = Vec::new();
        for chat in r.all::<Chat>(Some(&known.last))? {
            let chat = chat?;
            if chat.is_room() {
                new.push(chat.no);
            }
            known.last = chat.no;
        }
        if !new.is_empty() {
            let mut set = ChatSet::clone(&known.set);
            set.extend(new.iter().copied());
            known.set = Arc::new(set);
            known.numbers.extend(new);
        }
        Ok((known.set.clone(), known.numbers.clone()))
    }

    /// Visible rooms, those with the newest messages first, as many as can be chosen from.
    pub(super) fn newest(
        &self,
        r: &Read<'_>,
        sight: &super::queries::ArchiveSight,
    ) -> Result<Vec<Chat>, StoreError> {
        let (_, numbers) = self.look(r)?;
        let mut rooms = Vec::new();
        for no in numbers {
            rooms.extend(super::queries::chat_by_no(r, sight, no)?);
        }
        rooms.sort_by_key(|room| std::cmp::Reverse(room.last_at));
        rooms.truncate(OFFERED_MAX);
        Ok(rooms)
    }
}

/// Runs as long as the process: asks for the names of rooms that are no customer groups.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        let mut head = app.store.watch_feed();
        while !app.is_stopping() {
            if link::in_use(&app)?.is_some() {
                name_rooms(&app).await?;
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = app.stopped() => return Ok(()),
            }
            tokio::select! {
                changed = head.changed() => changed.map_err(AppError::internal)?,
                () = app.stopped() => return Ok(()),
            }
        }
        Ok(())
    })
}

/// Asks about rooms whose name is not known, or was asked for long ago.
pub(super) async fn name_rooms(app: &Arc<App>) -> Result<()> {
    let step = app.clone();
    let nameless = tokio::task::spawn_blocking(move || step.read(|r| nameless(&step, r)));
    let nameless = nameless.await.map_err(AppError::internal)??;
    let Some(client) = app.wecom() else {
        return Ok(());
    };
    for (no, roomid) in nameless {
        if app.is_stopping() {
            return Ok(());
        }
        let name = match client.internal_room(&roomid).await {
            Ok(room) => room.map(|room| room.name),
            Err(error) => {
                // The archive's secret may lack the right; the next round asks again.
                tracing::info!(%error, "a room's name could not be asked for");
                return Ok(());
            }
        };
        let act = Act::by_system("archive.room", "archive");
        app.write(act, move |w| {
            if let Some(mut chat) = w.get::<Chat>(&no)? {
                chat.asked_at = Some(w.now());
                if let Some(name) = name.filter(|name| !name.is_empty()) {
                    chat.name = name;
                }
                w.put(&chat)?;
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Rooms to be asked about: number and WeCom's roomid.
fn nameless(app: &App, r: &Read<'_>) -> Result<Vec<(u32, String)>> {
    let (_, numbers) = app.archive.rooms.look(r)?;
    let now = app.store.clock().now();
    let mut found = Vec::new();
    for no in numbers {
        let Some(chat) = r.get::<Chat>(&no)? else {
            continue;
        };
        let is_old = |at: Timestamp| now.since_ms(at) > FRESH_MS && chat.last_at > at;
        let Place::Room(id) = &chat.place else {
            continue;
        };
        if !chat.asked_at.is_none_or(is_old) || customers::sync::group_by_chat_id(r, id)?.is_some()
        {
            continue;
        }
        found.push((no, id.clone()));
        if found.len() == ASKED_MAX {
            break;
        }
    }
    Ok(found)
}
