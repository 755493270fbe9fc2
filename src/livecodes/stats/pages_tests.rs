use super::*;
use crate::{
    livecodes::stats::figures::Day,
    web::{
        self,
        tests::{HOSTILE, check_page},
    },
};

fn figures(days: usize, n: u64) -> Figures {
    let sums = Sums {
        scans: n * 3,
        visitors: n * 2,
        adds: n,
        joins: 0,
        losses: n / 4,
        due: n,
        stayed: n / 2,
    };
    let first: jiff::civil::Date = "2026-10-22".parse().unwrap();
    let days = first.series(jiff::Span::new().days(1)).take(days);
    Figures {
        sums,
        is_whole: n != 1,
        days: days.map(|date| Day { date, sums }).collect(),
        scans_by_hour: [[0; 24]; 7],
        came_by_hour: [[n; 24]; 7],
        members: (0..n.min(9))
            .map(|at| (crate::org::MemberId::from_bits(at + 1), sums))
            .collect(),
    }
}

#[test]
fn statistics_render_with_none_one_many_and_long_stretches() {
    for (days, n) in [(7, 0), (7, 1), (30, 60), (90, 12_345), (365, 7)] {
        for (kind, is_group) in [(CodeKind::Staff, false), (CodeKind::Group, true)] {
            let (now, before) = (figures(days, n), figures(days, n / 2));
            let people = ListQuery::new("/live-codes/a/people");
            let sight = Sight::everything_for_test();
            let cx = web::tests::cx(web::Lang::Zh);
            check_page(&StatisticsPage {
                code: "a".into(),
                name: HOSTILE.into(),
                s: Panel {
                    is_group,
                    is_whole: now.is_whole,
                    ranges: vec![Tab {
                        label: HOSTILE.into(),
                        href: "/live-codes/a?range=7d".into(),
                        count: None,
                        is_current: true,
                    }],
                    first: "2026-10-22".into(),
                    last: "2026-11-20".into(),
                    tiles: tiles(&now, &before, kind, &people),
                    chart: Chart::of(&cx, &now.days),
                    heat: Heat::of(&cx, &now),
                    members: lines(&sight, &now, &people),
                    is_empty: n == 0,
                    export: "/live-codes/a/statistics".into(),
                },
            });
        }
    }
}

#[test]
fn people_render_with_none_one_many_and_hostile_names() {
    for n in [0, 1, 9] {
        let person = |at: usize| Person {
            name: HOSTILE.into(),
            number: "KH-000001".into(),
            href: at.is_multiple_of(2).then(|| "/customers/a".into()),
            owner: HOSTILE.into(),
            group: at
                .is_multiple_of(3)
                .then(|| ("/groups/a".to_owned(), HOSTILE.to_owned())),
            at: Timestamp::from_ms(1_795_141_920_000),
            lost_at: (at == 2).then(|| Timestamp::from_ms(1_795_141_920_000)),
        };
        check_page(&PeoplePage {
            code: "a".into(),
            name: HOSTILE.into(),
            first: "2026-10-22".into(),
            last: "2026-11-20".into(),
            tabs: Vec::new(),
            total: n * 2,
            people: (0..n).map(person).collect(),
            back: "/live-codes/a".into(),
            empty: Empty {
                kind: EmptyKind::NothingMatches,
                title: "x".into(),
                hint: "x".into(),
                action: None,
                other: None,
            },
        });
    }
}

#[test]
fn a_share_is_missing_where_more_came_than_scanned() {
    let sums = |scans, adds| Sums {
        scans,
        adds,
        ..Sums::default()
    };
    assert_eq!(share(rate(&sums(0, 3))), "—");
    assert_eq!(share(rate(&sums(2, 3))), "—");
    assert_eq!(share(rate(&sums(4, 3))), "75.0%");
    assert!(moved(3, 0, true).is_none());
    assert_eq!(moved(1, 2, false).unwrap().tone, "good");
    assert_eq!(
        moved_points(Some((1, 2)), Some((1, 4))).unwrap().text,
        "25.0"
    );
}
