//! Arrivals: who was added or joined by a code, and when they went. Follows the feed.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    customers::{CustomerId, Group, GroupId, GroupMember, Relation, RelationState},
    error::{AppError, Result},
    kit::Timestamp,
    livecodes::{LiveCode, LiveCodeId, of_state},
    org::MemberId,
    slice::WorkerFuture,
    store::{Act, Class, Entity, FeedEntry, Index, Key, Read, StoreError, Walk, Write},
};

/// Feed entries that are looked through at once.
const ENTRIES: usize = 500;
/// The place's key.
const FIRM: &str = "firm";

/// Somebody who came by a code.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Arrival {
    /// 64 bits of the relation or of the row of the group's member.
    #[n(0)]
    pub of: u64,
    /// When added or joined.
    #[n(1)]
    pub at: Timestamp,
    /// The code.
    #[n(2)]
    pub code: LiveCodeId,
    /// Whether into a group.
    #[n(3)]
    pub is_join: bool,
    /// Whose customer it is; the group's owner.
    #[n(4)]
    pub member: Option<MemberId>,
    /// Who; none if not known as a customer.
    #[n(5)]
    pub customer: Option<CustomerId>,
    /// The group.
    #[n(6)]
    pub group: Option<GroupId>,
    /// When the customer deleted the member, the relation ended, or the group was left.
    #[n(7)]
    pub lost_at: Option<Timestamp>,
}

/// Arrivals of a code, in order of time.
const BY_CODE: Index<Arrival> = Index::new("live-code-arrivals-1.by_code", |a, _| {
    vec![Key::new().with(a.code).with(a.at)]
});

/// Those who went, in order of when.
const BY_LOSS: Index<Arrival> = Index::new("live-code-arrivals-1.by_loss", |a, _| {
    let key = a.lost_at.map(|at| Key::new().with(a.code).with(at));
    key.into_iter().collect()
});

impl Entity for Arrival {
    const KIND: &'static str = "live_code_arrival";
    const TABLE: &'static str = "live-code-arrivals-1";
    const CLASS: Class = Class::Machinery;
    type Key = (u64, u64);

    fn key(&self) -> (u64, u64) {
        (self.of, u64::try_from(self.at.ms()).unwrap_or(0))
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_CODE, BY_LOSS]
    }
}

/// Up to which number of the feed arrivals were looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Place {
    #[n(0)]
    feed: u64,
}

impl Entity for Place {
    const KIND: &'static str = "live_code_place";
    const TABLE: &'static str = "live-code-arrivals-place-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
}

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        let mut head = app.store.watch_feed();
        while !app.is_stopping() {
            while look(&app).await? {}
            tokio::select! {
                changed = head.changed() => changed.map_err(AppError::internal)?,
                () = app.stopped() => return Ok(()),
            }
        }
        Ok(())
    })
}

/// Reads the next stretch of the feed; whether there is more.
pub(super) async fn look(app: &Arc<App>) -> Result<bool> {
    let step = app.clone();
    let found = tokio::task::spawn_blocking(move || step.read(next));
    let Some((news, place, more)) = found.await.map_err(AppError::internal)?? else {
        return Ok(false);
    };
    let act = Act::by_system("live_code.count", "livecodes");
    app.write(act, move |w| {
        for news in news {
            apply(w, news)?;
        }
        Ok(w.put(&place)?)
    })
    .await?;
    Ok(more)
}

/// What an entry of the feed says.
enum News {
    Came(Arrival),
    /// A relation or group member is gone.
    Gone(u64, Timestamp),
}

/// What the next entries say, the place behind them, and whether there are more; none if they
/// say nothing.
fn next(r: &Read<'_>) -> Result<Option<(Vec<News>, Place, bool)>> {
    let mut place = r.get::<Place>(&FIRM.to_owned())?.unwrap_or_default();
    // Nobody came by a code as long as there is none.
    if r.all::<LiveCode>(None)?.next().is_none() {
        let head = r.feed_head()?;
        let is_far = head > place.feed + ENTRIES as u64;
        return Ok(is_far.then_some((Vec::new(), Place { feed: head }, false)));
    }
    let (mut news, mut seen, mut more) = (Vec::new(), 0, false);
    for entry in r.feed(place.feed)? {
        if seen == ENTRIES {
            more = true;
            break;
        }
        let entry = entry?;
        (place.feed, seen) = (entry.n, seen + 1);
        news.extend(of_entry(r, &entry)?);
    }
    Ok((more || !news.is_empty()).then_some((news, place, more)))
}

fn of_entry(r: &Read<'_>, entry: &FeedEntry) -> Result<Option<News>, StoreError> {
    if entry.kind == Relation::KIND
        && let Some(id) = entry.key_as()
    {
        return Ok(Some(match r.get::<Relation>(&id)? {
            Some(relation) => match of_relation(&relation) {
                Some(arrival) => News::Came(arrival),
                None => return Ok(None),
            },
            None => News::Gone(id.bits(), entry.at),
        }));
    }
    if entry.kind == GroupMember::KIND
        && let Some(id) = entry.key_as()
    {
        return Ok(Some(match r.get::<GroupMember>(&id)? {
            Some(person) => match of_person(r, &person)? {
                Some(arrival) => News::Came(arrival),
                None => return Ok(None),
            },
            None => News::Gone(id.bits(), entry.at),
        }));
    }
    Ok(None)
}

/// The arrival that a relation stands for, if it came by a code.
pub(super) fn of_relation(relation: &Relation) -> Option<Arrival> {
    let lost_at = match relation.state {
        RelationState::Ended { at } => Some(at),
        RelationState::Active => {
            let word = relation.last_word.filter(|word| word.is_deleted);
            word.map(|word| word.at)
        }
    };
    Some(Arrival {
        of: relation.id.bits(),
        at: relation.added_at,
        code: of_state(&relation.channel)?,
        is_join: false,
        member: Some(relation.member),
        customer: Some(relation.customer),
        group: None,
        lost_at,
    })
}

fn of_person(r: &Read<'_>, person: &GroupMember) -> Result<Option<Arrival>, StoreError> {
    let Some(code) = of_state(&person.channel) else {
        return Ok(None);
    };
    let owner = r.get::<Group>(&person.group)?.and_then(|group| group.owner);
    Ok(Some(Arrival {
        of: person.id.bits(),
        at: person.joined_at,
        code,
        is_join: true,
        member: owner,
        customer: person.customer,
        group: Some(person.group),
        lost_at: None,
    }))
}

fn apply(w: &mut Write<'_>, news: News) -> Result<(), StoreError> {
    let (of, at) = match news {
        News::Came(arrival) => return w.put(&arrival),
        News::Gone(of, at) => (of, at),
    };
    let known: Vec<Arrival> = {
        let all = w.read();
        let of_same = |a: &Result<Arrival, StoreError>| a.as_ref().map_or(true, |a| a.of == of);
        let found = all.all::<Arrival>(Some(&(of, 0)))?;
        found.take_while(of_same).collect::<Result<_, _>>()?
    };
    for mut arrival in known {
        arrival.lost_at.get_or_insert(at);
        w.put(&arrival)?;
    }
    Ok(())
}

/// Who came by a code from a time on and before another, in order.
pub fn came_between(
    r: &Read<'_>,
    code: LiveCodeId,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Arrival>, StoreError> {
    between(r, &BY_CODE, code, from, |arrival| arrival.at < until)
}

/// Who went away from a code from a time on and before another, in order.
pub(super) fn lost_between(
    r: &Read<'_>,
    code: LiveCodeId,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Arrival>, StoreError> {
    let is_before = |arrival: &Arrival| arrival.lost_at.is_some_and(|at| at < until);
    between(r, &BY_LOSS, code, from, is_before)
}

fn between(
    r: &Read<'_>,
    index: &'static Index<Arrival>,
    code: LiveCodeId,
    from: Timestamp,
    is_before: impl Fn(&Arrival) -> bool,
) -> Result<Vec<Arrival>, StoreError> {
    let walk = Walk {
        prefix: Key::new().with(code),
        // A shorter key lies before all that begin with it.
        after: Some(Key::new().with(code).with(from).into_bytes()),
        backwards: false,
    };
    let mut found = Vec::new();
    for arrival in r.list(index, &walk)? {
        let arrival = arrival?;
        if !is_before(&arrival) {
            break;
        }
        found.push(arrival);
    }
    Ok(found)
}

/// Counts everything that is there.
#[cfg(test)]
pub(crate) fn count_for_test(store: &crate::store::Store) {
    while let Some((news, place, more)) = store.read(next).unwrap() {
        let act = Act::by_system("live_code.count", "livecodes");
        store
            .write_blocking(act, move |w| {
                for news in news {
                    apply(w, news)?;
                }
                Ok(w.put(&place)?)
            })
            .unwrap();
        if !more {
            break;
        }
    }
}

/// The next count begins at the beginning.
#[cfg(test)]
pub(super) fn forget_place_for_test(store: &crate::store::Store) {
    let act = Act::by_system("live_code.count", "livecodes");
    store
        .write_blocking(act, |w| Ok(w.delete::<Place>(&FIRM.to_owned())?))
        .unwrap();
}
