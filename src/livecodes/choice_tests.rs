use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::livecodes::LiveCodeId;

fn member(n: u64) -> MemberId {
    MemberId::from_bits(n)
}

fn seat(n: u64, weight: u8, daily_cap: Option<u32>, is_spare: bool) -> Seat {
    Seat {
        member: member(n),
        weight,
        daily_cap,
        is_spare,
    }
}

/// Thursday 10:00 in Shanghai.
fn moment() -> Moment {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    Moment::of(Timestamp::from_s(1_795_658_400), &zone)
}

fn later(moment: Moment, minutes: i64) -> Moment {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    Moment::of(moment.at.plus_ms(minutes * 60_000), &zone)
}

fn turn() -> Turn {
    Turn::new(LiveCodeId::from_bits(1))
}

fn seats() -> impl Strategy<Value = Vec<Seat>> {
    let one = (1u8..=9, prop::option::of(0u32..6), any::<bool>());
    prop::collection::vec(one, 0..8).prop_map(|seats| {
        let seats = seats.into_iter().enumerate();
        seats
            .map(|(n, (weight, cap, spare))| seat(n as u64 + 1, weight, cap, spare))
            .collect()
    })
}

proptest! {
    #[test]
    fn nobody_gets_more_than_the_cap_or_while_away(
        seats in seats(),
        away in prop::collection::btree_set(1u64..8, 0..4),
        scans in 0usize..60,
    ) {
        let (mut turn, at) = (turn(), moment());
        let can = |m: MemberId| !away.contains(&m.bits());
        let mut given: BTreeMap<MemberId, u32> = BTreeMap::new();
        for _ in 0..scans {
            if let Some(member) = turn.give(&seats, &[], &at, can) {
                *given.entry(member).or_default() += 1;
                let seat = seats.iter().find(|seat| seat.member == member).unwrap();
                prop_assert!(can(member));
                // A spare comes only when nobody else has room.
                let regular = |other: &&Seat| !other.is_spare && can(other.member);
                let has_room = |other: &Seat| {
                    let used = given.get(&other.member).copied().unwrap_or(0);
                    other.daily_cap.is_none_or(|cap| used < cap)
                };
                if seat.is_spare {
                    prop_assert!(!seats.iter().filter(regular).any(has_room));
                }
            }
        }
        for seat in &seats {
            let used = given.get(&seat.member).copied().unwrap_or(0);
            prop_assert!(seat.daily_cap.is_none_or(|cap| used <= cap));
        }
    }

    #[test]
    fn weights_are_kept_within_one_turn(
        weights in prop::collection::vec(1u8..=9, 1..6),
        before in 0usize..40,
        restarts in any::<bool>(),
    ) {
        let seats: Vec<Seat> = weights
            .iter()
            .enumerate()
            .map(|(n, weight)| seat(n as u64 + 1, *weight, None, false))
            .collect();
        let all: usize = weights.iter().map(|w| usize::from(*w)).sum();
        let (mut turn, at) = (turn(), moment());
        for _ in 0..before / all * all {
            turn.give(&seats, &[], &at, |_| true);
        }
        if restarts {
            turn = minicbor::decode(&minicbor::to_vec(&turn).unwrap()).unwrap();
        }
        let mut given: BTreeMap<MemberId, usize> = BTreeMap::new();
        for _ in 0..all {
            *given.entry(turn.give(&seats, &[], &at, |_| true).unwrap()).or_default() += 1;
        }
        for seat in &seats {
            prop_assert_eq!(given[&seat.member], usize::from(seat.weight));
        }
    }

    #[test]
    fn the_schedule_is_respected(
        from in 0u16..1440, until in 1u16..=1440, days in 0u8..128, minutes in 0i64..20_000,
    ) {
        let window = Window { days, from, until, members: vec![member(1)] };
        let at = later(moment(), minutes);
        let mut turn = turn();
        let seats = [seat(1, 1, None, false), seat(2, 1, None, true)];
        let chosen = turn.give(&seats, std::slice::from_ref(&window), &at, |_| true);
        let expected = if window.is_open(&at) { member(1) } else { member(2) };
        prop_assert_eq!(chosen, Some(expected));
        // Said again in words: the day is on, or the night that began the day before.
        let on = |weekday: u8| days & (1 << weekday) != 0;
        let open = match from < until {
            true => on(at.weekday) && at.minute >= from && at.minute < until,
            false => {
                on(at.weekday) && at.minute >= from
                    || on((at.weekday + 6) % 7) && at.minute < until
            }
        };
        prop_assert_eq!(window.is_open(&at), open);
    }
}

#[test]
fn a_moment_is_of_the_firms_zone() {
    let at = moment();
    assert_eq!((at.weekday, at.minute), (3, 10 * 60));
    assert_eq!(later(at, 14 * 60 - 1).day, at.day);
    assert_eq!(later(at, 14 * 60).day, at.day + 1);
}

#[test]
fn a_scan_that_leads_to_nobody_frees_the_place_again() {
    let seats = [seat(1, 1, Some(2), false)];
    let (mut turn, at) = (turn(), moment());
    turn.note_added(member(1), &at);
    assert_eq!(turn.give(&seats, &[], &at, |_| true), Some(member(1)));
    assert_eq!(turn.give(&seats, &[], &at, |_| true), None);
    let at = later(at, 16);
    assert_eq!(turn.give(&seats, &[], &at, |_| true), Some(member(1)));
    turn.note_added(member(1), &at);
    assert_eq!(turn.give(&seats, &[], &later(at, 20), |_| true), None);
    let tomorrow = later(at, 24 * 60);
    assert_eq!(turn.give(&seats, &[], &tomorrow, |_| true), Some(member(1)));
}

#[test]
fn what_comes_late_from_yesterday_forgets_nothing_of_today() {
    let seats = [seat(1, 1, Some(1), false)];
    let (mut turn, today) = (turn(), moment());
    assert_eq!(turn.give(&seats, &[], &today, |_| true), Some(member(1)));
    let yesterday = later(today, -24 * 60);
    assert_eq!(turn.give(&seats, &[], &yesterday, |_| true), None);
    assert_eq!(turn.day, today.day);
    assert_eq!(turn.give(&seats, &[], &today, |_| true), None);
}

#[test]
fn a_burst_fills_the_cap_and_keeps_few_numbers() {
    let seats = [seat(1, 1, Some(5_000), false)];
    let (mut turn, at) = (turn(), moment());
    turn.note_added(member(1), &at);
    for n in 0..4_999 {
        let at = later(at, n / 300);
        assert_eq!(
            turn.give(&seats, &[], &at, |_| true),
            Some(member(1)),
            "{n}"
        );
    }
    let last = later(at, 16);
    // The first minute's customers do not come any more.
    assert_eq!(turn.used(member(1), &last), 5_000 - 300);
    assert!(turn.shares[0].expected.len() <= 17);
    // Who comes takes the place that was kept, and no second one.
    turn.note_added(member(1), &last);
    assert_eq!(turn.used(member(1), &last), 5_000 - 300);
    assert_eq!(turn.used(member(1), &later(last, 16)), 2);
}
