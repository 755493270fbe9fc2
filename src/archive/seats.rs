//! Whose chats WeCom archives (开启会话存档的成员), day by day: what is asked for every night
//! with the consents. Only so can be told of whom nothing came.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    store::{Act, Read, StoreError, Write},
};

use super::{
    ingest,
    model::{Seat, SeatSpan},
    queries::ArchiveSight,
    tables::{PARTY_BY_WECOM_ID, wecom_key},
};

/// Members that one write notes.
const WRITTEN: usize = 200;

/// Notes whom WeCom names as of now.
pub(super) async fn note(app: &Arc<App>, userids: &BTreeSet<String>) -> Result<()> {
    let (reading, named) = (app.clone(), userids.clone());
    let changes = tokio::task::spawn_blocking(move || reading.read(|r| Changes::of(r, &named)));
    let Changes { new, gone } = changes.await.map_err(AppError::internal)??;
    let (now, zone) = (app.store.clock().now(), app.zone());
    let today = ingest::day_of(now, &zone);
    let before = ingest::day_of(day_before(now), &zone);
    for some in new.chunks(WRITTEN).map(<[String]>::to_vec) {
        app.write(act(), move |w| {
            for userid in some {
                let party = ingest::party_of_userid(w, &userid)?;
                begin(w, party.no, today)?;
            }
            Ok(())
        })
        .await?;
    }
    for some in gone.chunks(WRITTEN).map(<[u32]>::to_vec) {
        app.write(act(), move |w| {
            for no in some {
                end(w, no, before)?;
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

fn act() -> Act {
    Act::by_system("archive.seats", "archive")
}

fn day_before(now: Timestamp) -> Timestamp {
    now.plus_ms(-86_400_000)
}

/// Those who were not among the archived, and those who are not any more.
struct Changes {
    new: Vec<String>,
    gone: Vec<u32>,
}

impl Changes {
    fn of(r: &Read<'_>, userids: &BTreeSet<String>) -> Result<Self, StoreError> {
        let mut held = BTreeSet::new();
        for seat in r.all::<Seat>(None)? {
            let seat = seat?;
            if seat.is_held() {
                held.insert(seat.party);
            }
        }
        let mut new = Vec::new();
        for userid in userids {
            // As `party_of_userid` has it.
            let known = crate::org::queries::member_by_userid(r, userid)?;
            let known = known.as_ref().map_or(userid, |member| &member.userid);
            let no = r.find_key(&PARTY_BY_WECOM_ID, &wecom_key(r.vault(), known))?;
            if !no.is_some_and(|no| held.remove(&no)) {
                new.push(userid.clone());
            }
        }
        Ok(Self {
            new,
            gone: held.into_iter().collect(),
        })
    }
}

/// From this day on a member's chats are archived.
pub(super) fn begin(w: &mut Write<'_>, party: u32, day: u32) -> Result<(), StoreError> {
    let none = Seat {
        party,
        spans: Vec::new(),
    };
    let mut seat = w.get::<Seat>(&party)?.unwrap_or(none);
    if !seat.is_held() {
        seat.spans.push(SeatSpan {
            from: day,
            to: None,
        });
    }
    w.put(&seat)
}

/// This was the last day on which they were. One that only just began never was.
pub(super) fn end(w: &mut Write<'_>, party: u32, last: u32) -> Result<(), StoreError> {
    let Some(mut seat) = w.get::<Seat>(&party)? else {
        return Ok(());
    };
    match seat.spans.last_mut().filter(|span| span.to.is_none()) {
        Some(span) if span.from > last => drop(seat.spans.pop()),
        Some(span) => span.to = Some(last),
        None => return Ok(()),
    }
    w.put(&seat)
}

/// The members in scope whose chats were archived on a day, by number as a party.
pub fn covered(r: &Read<'_>, sight: &ArchiveSight, day: u32) -> Result<Vec<u32>, StoreError> {
    let mut covered = Vec::new();
    for seat in r.all::<Seat>(None)? {
        let seat = seat?;
        if seat.covers(day) && sight.sees_any(std::iter::once(seat.party)) {
            covered.push(seat.party);
        }
    }
    Ok(covered)
}

/// The first day of which it is known whose chats were archived; none before WeCom was asked.
pub fn known_since(r: &Read<'_>) -> Result<Option<u32>, StoreError> {
    let mut since: Option<u32> = None;
    for seat in r.all::<Seat>(None)? {
        let from = seat?.spans.first().map(|span| span.from);
        since = match (since, from) {
            (Some(since), Some(from)) => Some(since.min(from)),
            (since, from) => since.or(from),
        };
    }
    Ok(since)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{standing, tests::Archive},
        *,
    };
    use crate::archive::Tally;

    fn change(archive: &Archive, put: impl FnOnce(&mut Write<'_>) + Send + 'static) {
        let put = move |w: &mut Write<'_>| {
            put(w);
            Ok::<_, AppError>(())
        };
        archive.store.write_blocking(act(), put).unwrap();
    }

    #[test]
    fn a_seat_holds_from_its_first_day_to_its_last_and_may_come_back() {
        let archive = Archive::new();
        let sight = ArchiveSight::everything_for_test();
        let covered = |day| archive.read(|r| covered(r, &sight, day).unwrap());
        assert_eq!(archive.read(|r| known_since(r).unwrap()), None);
        change(&archive, |w| {
            begin(w, 1, 20_261_101).unwrap();
            begin(w, 2, 20_261_103).unwrap();
            // Told again, and of nobody: nothing changes.
            begin(w, 1, 20_261_104).unwrap();
            end(w, 9, 20_261_104).unwrap();
        });
        assert_eq!(covered(20_261_031), [0_u32; 0]);
        assert_eq!(covered(20_261_102), [1]);
        assert_eq!(covered(20_261_103), [1, 2]);
        change(&archive, |w| {
            end(w, 1, 20_261_105).unwrap();
            // It never was.
            end(w, 2, 20_261_102).unwrap();
            begin(w, 1, 20_261_120).unwrap();
        });
        assert_eq!(covered(20_261_105), [1]);
        assert_eq!(covered(20_261_106), [0_u32; 0]);
        assert_eq!(covered(20_261_121), [1]);
        assert_eq!(archive.read(|r| known_since(r).unwrap()), Some(20_261_101));
        let own = ArchiveSight::of_staff_for_test([2]);
        let none = archive.read(|r| super::covered(r, &own, 20_261_121).unwrap());
        assert_eq!(none, [0_u32; 0]);
        archive.check();
    }

    #[test]
    fn days_are_found_before_and_after_one_within_the_scope() {
        let archive = Archive::new();
        change(&archive, |w| {
            for (day, staff) in [
                (20_260_930, 1),
                (20_261_101, 2),
                (20_261_103, 1),
                (20_261_103, 0),
            ] {
                let tally = Tally {
                    opened: u32::from(staff > 0),
                    parked: u32::from(staff == 0),
                    ..Tally::of(day, staff)
                };
                w.put(&tally).unwrap();
            }
        });
        let all = ArchiveSight::everything_for_test();
        let own = ArchiveSight::of_staff_for_test([1]);
        archive.read(|r| {
            let days = |sight, span| {
                let days = standing::days(r, sight, span).unwrap();
                days.iter().map(|day| day.day).collect::<Vec<_>>()
            };
            assert_eq!(
                days(&all, (20_261_101, 20_261_103)),
                [20_261_103, 20_261_101]
            );
            assert_eq!(days(&own, (20_260_101, 20_261_102)), [20_260_930]);
            let up_to = |sight, day| standing::day_up_to(r, sight, day).unwrap();
            assert_eq!(up_to(&all, u32::MAX), Some(20_261_103));
            assert_eq!(up_to(&own, 20_261_102), Some(20_260_930));
            assert_eq!(up_to(&own, 20_260_929), None);
            let after = |sight, day| standing::day_after(r, sight, day).unwrap();
            assert_eq!(after(&all, 20_260_930), Some(20_261_101));
            assert_eq!(after(&own, 20_260_930), Some(20_261_103));
            assert_eq!(after(&all, 20_261_103), None);
            // What nobody can open stands last, and is for those who see everybody.
            let staff = |sight| {
                let of_day = standing::members(r, sight, 20_261_103).unwrap();
                of_day.iter().map(|tally| tally.staff).collect::<Vec<_>>()
            };
            assert_eq!(staff(&all), [1, Tally::UNKNOWN]);
            assert_eq!(staff(&own), [1]);
        });
    }
}
