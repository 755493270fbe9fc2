//! Numbers against what a plain count of the same people and scans gives.

use std::collections::{BTreeMap, HashSet};

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{
    arrivals::{self, Arrival},
    figures::{Figures, Sums, of_channels, of_code},
    fold,
    range::Range,
    tally::{self, Hour, Visitor},
};
use crate::{
    app::App,
    customers::{CustomerId, Relation, RelationId, RelationState},
    kit::{Clock, Random, Timestamp},
    livecodes::{
        Channel, ChannelId, CodeKind, CodeState, Given, LiveCode, LiveCodeId, Scan, state_of,
    },
    org::{MemberId, Sight},
    store::{Act, Folder, Store},
};

/// 2026-11-20 10:32 in Shanghai.
const NOW: Timestamp = Timestamp::from_ms(1_795_141_920_000);
const DAY_MS: i64 = 86_400_000;

fn store() -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::at(dir.path().join("data"));
    folder.create(&Random::seeded(1)).unwrap();
    let mut options = App::store_options();
    options.clock = Clock::manual(NOW);
    (Store::open(&folder, options).unwrap(), dir)
}

fn zone() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

fn code(n: u64, channel: Option<u64>) -> LiveCode {
    LiveCode {
        id: LiveCodeId::from_bits(n),
        kind: CodeKind::Staff,
        name: format!("活码{n}"),
        state: CodeState::Active,
        unit: None,
        channel: channel.map(ChannelId::from_bits),
        tags: Vec::new(),
        remark_prefix: String::new(),
        welcome: None,
        expires_at: None,
        created_at: NOW,
        created_by: None,
        seats: Vec::new(),
        skip_verify: true,
        schedule: Vec::new(),
        rooms: Vec::new(),
        auto_room: None,
    }
}

fn scan(code: u64, no: u64, at: Timestamp, visitor: u8, is_bot: bool) -> Scan {
    Scan {
        key: (LiveCodeId::from_bits(code), no),
        at,
        code: LiveCodeId::from_bits(code),
        // As the landing page does: another visitor on another day.
        visitor: [
            visitor,
            u8::try_from(at.ms() / DAY_MS % 256).unwrap(),
            0,
            0,
            0,
            0,
            0,
            1,
        ],
        given: (!is_bot).then(|| Given::Member(MemberId::from_bits(u64::from(visitor % 3)))),
        is_bot,
    }
}

fn relation(n: u64, code: u64, member: u64, at: Timestamp, lost: Option<Timestamp>) -> Relation {
    Relation {
        id: RelationId::from_bits(n),
        customer: CustomerId::from_bits(n),
        member: MemberId::from_bits(member),
        remark: String::new(),
        description: String::new(),
        company: String::new(),
        phones: Vec::new(),
        tags: Vec::new(),
        personal_tags: Vec::new(),
        add_way: crate::customers::AddWay(1),
        channel: match code {
            0 => "mp-menu".to_owned(),
            code => state_of(LiveCodeId::from_bits(code)),
        },
        added_at: at,
        state: match lost {
            Some(at) => RelationState::Ended { at },
            None => RelationState::Active,
        },
        last_word: None,
    }
}

fn put(store: &Store, verb: impl FnOnce(&mut crate::store::Write<'_>) + Send + 'static) {
    let act = Act::by_system("test.put", "test");
    store
        .write_blocking(act, move |w| {
            verb(w);
            Ok(())
        })
        .unwrap();
}

/// A scan or somebody who came: code, days ago, and what tells them apart.
type Scanned = (u64, i64, u8, bool);
type Came = (u64, u64, i64, Option<i64>);

fn ago(hours: i64) -> Timestamp {
    NOW.plus_ms(-hours * 3_600_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn numbers_are_what_a_plain_count_gives(
        scanned in prop::collection::vec((1..3u64, 0..(24 * 40i64), any::<u8>(), any::<bool>()), 0..80),
        came in prop::collection::vec((0..3u64, 0..3u64, 0..(24 * 40i64), prop::option::of(0..(24 * 20i64))), 0..60),
    ) {
        let (store, _dir) = store();
        let (mut scans, people): (Vec<Scanned>, Vec<Came>) = (scanned, came);
        scans.sort_by_key(|scan| std::cmp::Reverse(scan.1));
        let kept = scans.clone();
        put(&store, move |w| {
            w.put(&code(1, None)).unwrap();
            w.put(&code(2, None)).unwrap();
            for (no, (code, hours, visitor, bot)) in kept.into_iter().enumerate() {
                let scan = scan(code, no as u64, ago(hours), visitor % 16, bot);
                w.put(&scan).unwrap();
                tally::count(w, &scan).unwrap();
            }
        });
        let lost = |hours: i64, went: &Option<i64>| went.filter(|w| *w <= hours).map(|w| ago(hours - w));
        let kept: Vec<Relation> = people
            .iter()
            .enumerate()
            .map(|(n, (code, member, hours, went))| {
                relation(n as u64 + 1, *code, *member, ago(*hours), lost(*hours, went))
            })
            .collect();
        put(&store, move |w| kept.iter().for_each(|relation| w.put(relation).unwrap()));
        arrivals::count_for_test(&store);
        let range = Range::parse("30d", NOW, &zone());
        let (from, until) = (range.from(), range.until());
        let within = |at: Timestamp| from <= at && at < until;
        let sight = Sight::everything_for_test();
        for id in 1..3 {
            let figures = store.read(|r| of_code(r, &sight, &code(id, None), &range, NOW)).unwrap();
            let own: Vec<Scan> = scans
                .iter()
                .filter(|(code, ..)| *code == id)
                .map(|(code, hours, visitor, bot)| scan(*code, 0, ago(*hours), visitor % 16, *bot))
                .filter(|scan| !scan.is_bot && within(scan.at))
                .collect();
            let mut wanted = Sums {
                scans: own.len() as u64,
                ..Sums::default()
            };
            for (code, _, hours, went) in &people {
                if *code != id {
                    continue;
                }
                let (at, gone) = (ago(*hours), lost(*hours, went));
                wanted.losses += u64::from(gone.is_some_and(within));
                if within(at) {
                    wanted.adds += 1;
                    let is_due = *hours >= 7 * 24;
                    wanted.due += u64::from(is_due);
                    let stays = gone.is_none_or(|gone| gone.since_ms(at) >= 7 * DAY_MS);
                    wanted.stayed += u64::from(is_due && stays);
                }
            }
            // A stretch that begins within a visitor's day may hold only the second scan.
            let visitors = figures.sums.visitors;
            prop_assert_eq!(figures.sums, Sums { visitors, ..wanted });
            let quarter = Range::parse("90d", NOW, &zone());
            let all = store.read(|r| of_code(r, &sight, &code(id, None), &quarter, NOW)).unwrap();
            let different: HashSet<[u8; 8]> = scans
                .iter()
                .filter(|(code, _, _, is_bot)| *code == id && !is_bot)
                .map(|(code, hours, visitor, _)| {
                    scan(*code, 0, ago(*hours), visitor % 16, false).visitor
                })
                .collect();
            prop_assert_eq!(all.sums.visitors, different.len() as u64);
            let days: u64 = figures.days.iter().map(|day| day.sums.came()).sum();
            prop_assert_eq!(days, figures.sums.came());
            let hours: u64 = figures.came_by_hour.iter().flatten().sum();
            prop_assert_eq!(hours, figures.sums.came());
            let members: u64 = figures.members.iter().map(|(_, sums)| sums.came()).sum();
            prop_assert_eq!(members, figures.sums.came());
        }
        prop_assert_eq!(store.check().unwrap().found, []);
    }
}

#[test]
fn a_visitor_counts_once_a_day_and_old_ones_are_swept_away() {
    let (store, _dir) = store();
    put(&store, |w| {
        for day in 0..4 {
            for no in 0..6u64 {
                let at = NOW.plus_ms(day * DAY_MS);
                let scan = scan(
                    1,
                    u64::try_from(day).unwrap() * 10 + no,
                    at,
                    (no % 2) as u8,
                    false,
                );
                tally::count(w, &scan).unwrap();
            }
        }
    });
    let hours: Vec<Hour> =
        store.read(|r| r.all::<Hour>(None).unwrap().map(Result::unwrap).collect());
    assert_eq!(hours.len(), 4);
    assert!(
        hours
            .iter()
            .all(|hour| (hour.scans, hour.visitors) == (6, 2))
    );
    assert_eq!(hours[0].given, [(0, 3), (1, 3)]);
    let seen = store.read(|r| r.all::<Visitor>(None).unwrap().count());
    assert!(seen <= 4, "{seen}");
}

#[test]
fn arrivals_may_be_counted_again_and_a_group_that_was_left_is_a_loss() {
    use crate::customers::{GroupId, GroupMember, JoinScene};
    let (store, _dir) = store();
    put(&store, |w| w.put(&code(1, None)).unwrap());
    let person = GroupMember {
        id: crate::kit::Id::from_bits(9),
        group: GroupId::from_bits(1),
        userid: "wm1".into(),
        member: None,
        customer: None,
        is_external: true,
        name: String::new(),
        nickname: String::new(),
        joined_at: NOW,
        scene: JoinScene::Code,
        channel: state_of(LiveCodeId::from_bits(1)),
    };
    let id = person.id;
    put(&store, move |w| w.put(&person).unwrap());
    arrivals::count_for_test(&store);
    let all = |store: &Store| -> Vec<Arrival> {
        store.read(|r| {
            r.all::<Arrival>(None)
                .unwrap()
                .map(Result::unwrap)
                .collect()
        })
    };
    assert!(matches!(&all(&store)[..], [one] if one.is_join && one.lost_at.is_none()));
    put(&store, move |w| {
        w.delete::<GroupMember>(&id).unwrap();
    });
    arrivals::count_for_test(&store);
    let known = all(&store);
    assert!(matches!(&known[..], [one] if one.lost_at == Some(NOW)));
    arrivals::forget_place_for_test(&store);
    arrivals::count_for_test(&store);
    assert_eq!(all(&store), known);
}

#[test]
fn a_channel_has_the_sums_of_all_below_it() {
    let (store, _dir) = store();
    put(&store, |w| {
        for (id, parent) in [(1, None), (2, Some(1)), (3, Some(2)), (4, None)] {
            let channel = Channel {
                id: ChannelId::from_bits(id),
                name: format!("渠道{id}"),
                parent: parent.map(ChannelId::from_bits),
            };
            w.put(&channel).unwrap();
        }
        for (id, channel) in [(1, Some(1)), (2, Some(3)), (3, Some(3)), (4, None)] {
            w.put(&code(id, channel)).unwrap();
            w.put(&relation(id, id, 1, NOW, None)).unwrap();
        }
    });
    arrivals::count_for_test(&store);
    let range = Range::parse("7d", NOW, &zone());
    let sight = Sight::everything_for_test();
    let sums = store.read(|r| of_channels(r, &sight, &range, NOW)).unwrap();
    let adds: BTreeMap<Option<u64>, u64> = sums
        .iter()
        .map(|(channel, sums)| (channel.map(ChannelId::bits), sums.adds))
        .collect();
    let wanted = [(None, 1), (Some(1), 3), (Some(2), 2), (Some(3), 2)];
    assert_eq!(adds, BTreeMap::from(wanted));
}

#[test]
fn whoever_is_out_of_scope_has_no_line_even_where_the_whole_code_is_in_it() {
    let (store, _dir) = store();
    let mut code = code(1, None);
    code.seats = vec![crate::livecodes::tests::seat(1)];
    let kept = code.clone();
    put(&store, move |w| {
        w.put(&kept).unwrap();
        for member in [1, 2] {
            tally::count(w, &scan(1, u64::from(member), NOW, member, false)).unwrap();
            let came = relation(u64::from(member), 1, u64::from(member), NOW, None);
            w.put(&came).unwrap();
        }
    });
    arrivals::count_for_test(&store);
    let range = Range::parse("7d", NOW, &zone());
    let sight = Sight::of_members_for_test([MemberId::from_bits(1)]);
    let figures = store
        .read(|r| of_code(r, &sight, &code, &range, NOW))
        .unwrap();
    assert!(figures.is_whole);
    assert_eq!((figures.sums.scans, figures.sums.adds), (2, 2));
    let members: Vec<u64> = figures.members.iter().map(|(m, _)| m.bits()).collect();
    assert_eq!(members, [1]);
}

/// All that statistics say of a code within a stretch of days.
fn told(store: &Store, id: u64, range: &str) -> (Sums, Vec<Sums>, [[u64; 24]; 7], Vec<u64>) {
    let range = Range::parse(range, NOW, &zone());
    let sight = Sight::everything_for_test();
    let figures = store.read(|r| of_code(r, &sight, &code(id, None), &range, NOW));
    let Figures {
        sums,
        days,
        scans_by_hour,
        members,
        ..
    } = figures.unwrap();
    let days = days.into_iter().map(|day| day.sums).collect();
    let members = members.into_iter().map(|(_, sums)| sums.scans).collect();
    (sums, days, scans_by_hour, members)
}

#[test]
fn old_scans_are_folded_and_no_number_changes() {
    let (store, _dir) = store();
    put(&store, |w| {
        for id in 1..4 {
            w.put(&code(id, None)).unwrap();
        }
        let mut no = 0;
        // Three codes, every five hours from 430 days ago to 380 days ago, and today.
        for hours in (380 * 24..430 * 24).step_by(5).chain([1]) {
            for id in 1..4u64 {
                for visitor in 0..2u8 {
                    no += 1;
                    let at = ago(hours);
                    let mut scan = scan(id, 0, at, visitor, visitor == 1 && hours % 3 == 0);
                    scan.key.1 = crate::livecodes::scan::place(at) + no;
                    w.put(&scan).unwrap();
                    tally::count(w, &scan).unwrap();
                }
            }
        }
    });
    // Around the edge, before it, behind it, and all of it.
    let ranges = [
        "2025-10-10..2025-10-25",
        "2025-09-15..2025-09-20",
        "2025-11-01..2025-11-05",
        "2025-09-01..2025-11-20",
        "7d",
    ];
    let all = |store: &Store| -> Vec<_> {
        let each = (1..4).flat_map(|id| ranges.map(|range| told(store, id, range)));
        each.collect()
    };
    let (before, scans) = (all(&store), |store: &Store| -> Vec<Scan> {
        store.read(|r| r.all(None).unwrap().map(Result::unwrap).collect())
    });
    assert!(before.iter().all(|(sums, ..)| sums.scans > 0));
    let young = |scan: &Scan| scan.at.ms() / DAY_MS >= NOW.ms() / DAY_MS - 399;
    let wanted: Vec<Scan> = scans(&store).into_iter().filter(young).collect();
    assert!(!wanted.is_empty() && wanted.len() < scans(&store).len());

    // More than one write, each of which is a state that tells the same.
    assert!(fold::fold_for_test(&store, NOW) > 1);
    assert_eq!(all(&store), before);
    assert_eq!(scans(&store), wanted);
    let oldest = scans(&store).iter().map(|scan| scan.at).min().unwrap();
    assert!(NOW.since_ms(oldest) <= 400 * DAY_MS);
    let hours: Vec<Hour> =
        store.read(|r| r.all::<Hour>(None).unwrap().map(Result::unwrap).collect());
    assert!(
        hours
            .iter()
            .all(|hour| hour.at().ms() / DAY_MS >= NOW.ms() / DAY_MS - 399)
    );
    let seen = store.read(|r| r.all::<Visitor>(None).unwrap().count());
    assert_eq!(seen, 6, "today's alone");

    // Nothing is folded twice, and a day that was folded in part is folded on.
    assert_eq!(fold::fold_for_test(&store, NOW), 0);
    let later = NOW.plus_ms(DAY_MS / 2);
    fold::fold_for_test(&store, later);
    fold::fold_for_test(&store, later.plus_ms(30 * DAY_MS));
    let told_later = all(&store);
    assert_eq!(told_later, before);
    assert_eq!(store.check().unwrap().found, []);
}
