use super::*;
use crate::{
    kit::Timestamp,
    livecodes::{CodeState, LiveCodeId, Seat},
    org::MemberId,
    web::tests::{HOSTILE, check_page},
};

fn code(kind: CodeKind, state: CodeState) -> LiveCode {
    LiveCode {
        id: LiveCodeId::from_bits(7),
        kind,
        name: HOSTILE.to_owned(),
        state,
        unit: None,
        channel: None,
        tags: Vec::new(),
        remark_prefix: HOSTILE.to_owned(),
        welcome: Some(crate::outreach::Content {
            text: HOSTILE.to_owned(),
            attachments: Vec::new(),
        }),
        expires_at: Some(Timestamp::from_s(1_795_579_200)),
        created_at: Timestamp::from_s(1_795_579_200),
        created_by: None,
        seats: vec![Seat {
            member: MemberId::from_bits(1),
            weight: 2,
            daily_cap: Some(3),
            is_spare: true,
        }],
        skip_verify: true,
        schedule: Vec::new(),
        rooms: Vec::new(),
        auto_room: None,
    }
}

#[test]
fn a_code_renders_in_every_state_and_with_hostile_names() {
    let at = Timestamp::from_s(1_795_579_200);
    let states = [
        CodeState::Active,
        CodeState::Paused,
        CodeState::Archived { at },
    ];
    for (at, state) in states.into_iter().enumerate() {
        for kind in CodeKind::ALL {
            let trouble = || {
                vec![Trouble {
                    what: HOSTILE.to_owned(),
                    remedy: HOSTILE.to_owned(),
                }]
            };
            let code = code(kind, state);
            let n = at * 2;
            check_page(&CodePage {
                kind: kind.code(),
                kind_key: "livecodes.kind.staff",
                state: standing(state.code()),
                landing: "https://qitai.example.com/c/0000000000007".to_owned(),
                unit: HOSTILE.to_owned(),
                channel: HOSTILE.to_owned(),
                tags: vec![HOSTILE.to_owned(); n],
                windows: vec![HOSTILE.to_owned(); n],
                scans: 12_345,
                seats: (0..n)
                    .map(|at| SeatLine {
                        name: HOSTILE.to_owned(),
                        id: "0000000000001".to_owned(),
                        weight: 1,
                        cap: Some(5),
                        is_spare: false,
                        today: (at > 0).then_some((3, 2)),
                        state: ("livecodes.seat.on", "ok"),
                        trouble: trouble(),
                    })
                    .collect(),
                rooms: (0..n)
                    .map(|_| RoomLine {
                        name: HOSTILE.to_owned(),
                        href: "/groups/0000000000001".to_owned(),
                        people: 188,
                        threshold: 190,
                        state: ("livecodes.room.now", "ok"),
                        trouble: trouble(),
                    })
                    .collect(),
                is_last_room: at == 1,
                is_full: at == 2,
                direct: (at > 0).then(|| "/live-codes/0000000000007/direct".to_owned()),
                direct_trouble: trouble(),
                may_mend: at == 1,
                is_off: at == 2,
                may_change: at < 2,
                may_see_history: at == 0,
                code,
            });
        }
    }
}

#[test]
fn the_numbers_of_a_member_out_of_scope_are_not_shown() {
    let mut code = code(CodeKind::Staff, CodeState::Active);
    code.seats = [1, 2].map(crate::livecodes::tests::seat).into();
    let cx = crate::web::tests::cx(crate::web::Lang::Zh);
    let ways = Ways {
        cx: &cx,
        ways: Vec::new(),
        is_wanting: false,
    };
    let moment = Moment::of(Timestamp::from_s(1_795_579_200), &jiff::tz::TimeZone::UTC);
    let sight = Sight::of_members_for_test([MemberId::from_bits(2)]);
    let lines = seats(&sight, &code, &ways, &Turn::new(code.id), &moment);
    let today: Vec<_> = lines.iter().map(|line| line.today).collect();
    assert_eq!(today, [None, Some((0, 0))]);
}
