//! Rooms: which conversations are rooms, for searches among them alone, and what rooms of the
//! firm's own are called, which only WeCom can tell.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
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
    ingest, link,
    model::{Chat, Place, Pull},
    queries::ArchiveSight,
    robots,
};

/// A name is asked for again after so long, ms: rooms are renamed.
const FRESH_MS: i64 = 7 * 86_400_000;
/// Rooms that are asked about in one round.
const ASKED_MAX: usize = 50;
/// Time between two rounds when nothing new was heard of.
const PAUSE: Duration = Duration::from_secs(60);

/// The rooms among the conversations, as far as the pulls have been followed.
#[derive(Default)]
pub(super) struct Rooms(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The last conversation that was looked at, and the last pull.
    last: u32,
    pull: u64,
    set: Arc<ChatSet>,
    rooms: HashMap<u32, Room>,
    /// Number by the time of the newest message, that first.
    newest: BTreeSet<(Reverse<Timestamp>, u32)>,
}

/// What a pull changes of a room, and whose it is.
struct Room {
    last_at: Timestamp,
    staff: Vec<u32>,
}

impl Rooms {
    /// All rooms.
    pub(super) fn set(&self, r: &Read<'_>) -> Result<Arc<ChatSet>, StoreError> {
        self.look(r, |known| known.set.clone())
    }

    /// What is known, brought up to this state of the store: only what pulls have changed since
    /// the last look is read.
    fn look<T>(&self, r: &Read<'_>, see: impl FnOnce(&Known) -> T) -> Result<T, StoreError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.follow(r)?;
        Ok(see(&known))
    }

    /// Numbers of visible rooms, those with the newest messages first, and whether there are
    /// more than `most`.
    pub(super) fn newest(
        &self,
        r: &Read<'_>,
        sight: &ArchiveSight,
        most: usize,
    ) -> Result<(Vec<u32>, bool), StoreError> {
        let mut numbers: Vec<u32> = self.look(r, |known| {
            let numbers = known.newest.iter().map(|(_, no)| *no);
            let seen = numbers.filter(|no| known.is_seen(sight, *no));
            seen.take(most + 1).collect()
        })?;
        let has_more = numbers.len() > most;
        numbers.truncate(most);
        Ok((numbers, has_more))
    }
}

impl Known {
    fn follow(&mut self, r: &Read<'_>) -> Result<(), StoreError> {
        let pulls = ingest::cursor(r)?.pulls;
        if pulls <= self.pull {
            return Ok(());
        }
        // Those that are known and have changed, then those that are new.
        let mut changed = BTreeSet::new();
        if self.last > 0 {
            for pull in r.all::<Pull>(Some(&self.pull))? {
                changed.extend(pull?.chats.into_iter().map(|(no, _)| no));
            }
        }
        for no in changed.range(..=self.last) {
            if self.rooms.contains_key(no)
                && let Some(chat) = r.get::<Chat>(no)?
            {
                self.put(chat);
            }
        }
        let mut new = Vec::new();
        for chat in r.all::<Chat>(Some(&self.last))? {
            let chat = chat?;
            self.last = chat.no;
            if chat.is_room() {
                new.push(chat.no);
                self.put(chat);
            }
        }
        if !new.is_empty() {
            let mut set = ChatSet::clone(&self.set);
            set.extend(new);
            self.set = Arc::new(set);
        }
        self.pull = pulls;
        Ok(())
    }

    fn put(&mut self, chat: Chat) {
        let room = Room {
            last_at: chat.last_at,
            staff: chat.staff,
        };
        if let Some(before) = self.rooms.insert(chat.no, room) {
            self.newest.remove(&(Reverse(before.last_at), chat.no));
        }
        self.newest.insert((Reverse(chat.last_at), chat.no));
    }

    fn is_seen(&self, sight: &ArchiveSight, no: u32) -> bool {
        let room = self.rooms.get(&no);
        room.is_some_and(|room| sight.sees_any(room.staff.iter().copied()))
    }
}

/// Runs as long as the process: asks for the names of rooms that are no customer groups, and of
/// robots.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        let mut head = app.store.watch_feed();
        while !app.is_stopping() {
            if link::in_use(&app)?.is_some() {
                name_rooms(&app).await?;
                robots::name_robots(&app).await?;
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
    let mut numbers: Vec<u32> = app.archive.rooms.look(r, |known| {
        let numbers = known.rooms.keys();
        numbers.copied().collect()
    })?;
    numbers.sort_unstable();
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

#[cfg(test)]
mod tests {
    use super::{
        super::{
            queries,
            tests::{Archive, CUSTOMER, text},
        },
        *,
    };

    fn offered(archive: &Archive, rooms: &Rooms, sight: &ArchiveSight) -> Vec<u64> {
        archive.read(|r| {
            let (found, has_more) = rooms.newest(r, sight, 3).unwrap();
            assert!(!has_more);
            let chats = found.iter().map(|no| r.get::<Chat>(no).unwrap().unwrap());
            chats.map(|chat| chat.last_seq).collect()
        })
    }

    #[test]
    fn rooms_are_offered_newest_first_within_the_scope_whatever_comes_later() {
        let archive = Archive::new();
        let rooms = Rooms::default();
        let said = |seq, to, room| text(seq, CUSTOMER, &[to], room, "收到");
        let everybody = ArchiveSight::everything_for_test();
        assert_eq!(offered(&archive, &rooms, &everybody), [0; 0]);
        archive.pull(vec![
            said(1, "LinXiaoyu", "wr-a"),
            said(2, "LinXiaoyu", ""),
            said(3, "ChenDawei", "wr-b"),
        ]);
        assert_eq!(offered(&archive, &rooms, &everybody), [3, 1]);
        let two = archive.read(|r| rooms.newest(r, &everybody, 1).unwrap());
        assert_eq!((two.0.len(), two.1), (1, true));
        let lin = archive.read(|r| queries::chat_by_no(r, &everybody, 1).unwrap());
        let own = ArchiveSight::of_staff_for_test(lin.unwrap().staff);
        assert_eq!(offered(&archive, &rooms, &own), [1]);

        // One that is known gets a message, another is new, and somebody joins the second.
        archive.pull(vec![
            said(4, "LinXiaoyu", "wr-a"),
            said(5, "ChenDawei", "wr-c"),
        ]);
        assert_eq!(offered(&archive, &rooms, &everybody), [5, 4, 3]);
        archive.pull(vec![said(6, "LinXiaoyu", "wr-b")]);
        assert_eq!(offered(&archive, &rooms, &everybody), [6, 5, 4]);
        assert_eq!(offered(&archive, &rooms, &own), [6, 4]);
        // The same as from a first look.
        assert_eq!(offered(&archive, &Rooms::default(), &everybody), [6, 5, 4]);
        let is_room = archive.read(|r| rooms.set(r).unwrap());
        let known: Vec<u32> = (1..=4).filter(|no| is_room.has(*no)).collect();
        assert_eq!(known, [1, 3, 4]);
    }
}
