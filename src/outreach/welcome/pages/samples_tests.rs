//! The pages of welcome messages with nothing, one, many and hostile words.

use super::{
    super::queries::{Counts, Standing},
    HERE,
    edit::{EditPage, Row},
    list::{self, WelcomesPage, Writing},
    show::{self, WelcomePage},
    tabs,
};
use crate::{
    error::Invalid,
    kit::Timestamp,
    outreach::{
        content::Variables,
        form::{ContentPart, Preview},
    },
    web::{
        FormState, Lang,
        parts::{Empty, EmptyKind},
        tests::{HOSTILE, check_page, cx},
    },
};

fn writing(n: usize) -> Option<Writing> {
    (n > 0).then_some(Writing {
        word: "welcome.rehearsing",
        href: (n > 1).then_some("/settings/wecom/writing"),
    })
}

#[test]
fn messages_render_with_none_one_and_many() {
    for n in [0, 1, 5] {
        let line = |i: usize| list::Line {
            id: "a".to_owned(),
            name: HOSTILE.to_owned(),
            text: if i == 1 {
                String::new()
            } else {
                HOSTILE.to_owned()
            },
            assets: i,
            whose: HOSTILE.to_owned(),
            when: HOSTILE.to_owned(),
            is_paused: i % 2 == 1,
            sent: i,
            missed: i,
        };
        check_page(&WelcomesPage {
            tabs: tabs(&cx(Lang::Zh), HERE),
            lines: (0..n).map(line).collect(),
            empty: Empty {
                kind: EmptyKind::NothingYet,
                title: HOSTILE.to_owned(),
                hint: HOSTILE.to_owned(),
                action: None,
                other: None,
            },
            writing: writing(n),
        });
    }
}

#[test]
fn a_message_renders_with_every_end_of_a_greeting() {
    let all = [
        Standing::Waiting,
        Standing::Sent,
        Standing::Already,
        Standing::Late,
        Standing::Failed,
        Standing::Unknown,
        Standing::Rehearsed,
    ];
    for n in [0, 1, all.len()] {
        let line = |standing: &Standing| show::Line {
            at: Timestamp::from_ms(0),
            member: HOSTILE.to_owned(),
            standing: standing.shown(),
            took: (n > 1).then_some(1_500),
            left_out: if n > 1 {
                HOSTILE.to_owned()
            } else {
                String::new()
            },
        };
        check_page(&WelcomePage {
            id: "a".to_owned(),
            name: HOSTILE.to_owned(),
            whose: HOSTILE.to_owned(),
            when: HOSTILE.to_owned(),
            is_paused: n == 1,
            preview: Preview::of(&cx(Lang::Zh), HOSTILE, &[], Variables::All),
            counts: Counts::default(),
            lines: all.iter().take(n).map(line).collect(),
            may_change: n > 0,
            changed_at: Timestamp::from_ms(0),
            writing: writing(n),
        });
    }
}

#[test]
fn the_form_renders_empty_and_refused() {
    for id in [None, Some("a".to_owned())] {
        let form = FormState::with_values([
            ("name", HOSTILE.to_owned()),
            ("text", HOSTILE.to_owned()),
            ("day1", "0".to_owned()),
        ]);
        let form = match id {
            Some(_) => form.refused(
                Invalid::default()
                    .with("text", "content.empty")
                    .with("window", "welcome.window_shape"),
            ),
            None => form,
        };
        let page = check_page(&EditPage {
            id,
            part: ContentPart::of(Vec::new(), &cx(Lang::Zh), &form, Variables::All),
            form,
            units: Vec::new(),
            members: Vec::new(),
            rows: vec![Row {
                days: "day1",
                from: "from1",
                until: "until1",
                names: vec!["周一".to_owned(), "周二".to_owned()],
            }],
        });
        assert_eq!(page.matches("name=\"day1\" value=\"0\" checked").count(), 1);
    }
}
