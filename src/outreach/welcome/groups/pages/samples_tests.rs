//! The pages of group welcome templates with nothing, one, many and hostile words.

use super::{
    super::queries::{At, Standing},
    HERE, Shown,
    edit::{EditPage, PreviewPage},
    list::{GroupWelcomesPage, Line},
    preview_of,
};
use crate::{
    error::Invalid,
    kit::Timestamp,
    outreach::welcome::pages::{Writing, tabs},
    web::{
        FormState, Lang,
        parts::{Choice, Empty, EmptyKind},
        tests::{HOSTILE, check_page, cx},
    },
    work::Failure,
};

const ALL: [At; 8] = [
    At::InForce,
    At::Writing,
    At::NotWritten,
    At::Failed,
    At::Unknown,
    At::Gone,
    At::Going,
    At::NotGoing,
];

fn shown(at: At) -> Shown {
    let failure = Failure {
        code: "wecom.refused".to_owned(),
        at: Timestamp::from_ms(0),
        cause: String::new(),
        errcode: Some(41055),
    };
    Shown::of(
        &cx(Lang::Zh),
        &Standing {
            at,
            failure: (at != At::InForce).then_some(failure),
            has_earlier: at == At::Failed,
        },
    )
}

fn writing(n: usize) -> Option<Writing> {
    (n == 1).then_some(Writing {
        word: "welcome.rehearsing",
        href: Some("/settings/wecom/writing"),
    })
}

#[test]
fn templates_render_with_none_one_and_every_state() {
    for n in [0, 1, ALL.len()] {
        let line = |at: &At| Line {
            id: "a".to_owned(),
            title: HOSTILE.to_owned(),
            asset: (n > 1).then(|| (HOSTILE.to_owned(), "image")),
            shown: shown(*at),
            written_at: (n > 1).then(|| Timestamp::from_ms(0)),
            changed_at: Timestamp::from_ms(0),
            is_wanted: !matches!(at, At::Going | At::NotGoing),
        };
        let page = check_page(&GroupWelcomesPage {
            tabs: tabs(&cx(Lang::Zh), HERE),
            lines: ALL.iter().take(n).map(line).collect(),
            max: 100,
            is_full: n == 1,
            may_change: n != 1,
            outbox: (n > 1).then_some("/settings/wecom/effects"),
            empty: Empty {
                kind: EmptyKind::NothingYet,
                title: HOSTILE.to_owned(),
                hint: HOSTILE.to_owned(),
                action: None,
                other: None,
            },
            writing: writing(n),
        });
        let retries = page.matches("/retry\"").count();
        assert_eq!(retries, if n > 1 { 4 } else { 0 });
    }
}

#[test]
fn the_form_renders_empty_refused_and_in_every_state() {
    for (n, at) in ALL.into_iter().enumerate() {
        let form = FormState::with_values([
            ("text", HOSTILE.to_owned()),
            ("asset", "a1".to_owned()),
            ("notify", "on".to_owned()),
        ]);
        let form = match n {
            0 => FormState::empty(),
            1 => form.refused(
                Invalid::default()
                    .with("text", "groupwelcome.empty")
                    .with("asset", "groupwelcome.asset_missing")
                    .with("", "groupwelcome.full"),
            ),
            _ => form,
        };
        check_page(&EditPage {
            id: (n > 0).then(|| "a".to_owned()),
            assets: vec![Choice {
                value: "a1".to_owned(),
                label: HOSTILE.to_owned(),
                count: None,
                is_on: false,
            }],
            nickname: "%NICKNAME%",
            max: 3_000,
            preview: preview_of(&cx(Lang::Zh), form.value("text"), None),
            form,
            shown: (n > 0).then(|| shown(at)),
            outbox: (n > 2).then_some("/settings/wecom/effects"),
            writing: writing(n),
        });
    }
}

#[test]
fn a_preview_greets_somebody_by_name() {
    let preview = preview_of(&cx(Lang::Zh), "%NICKNAME%，欢迎进群\r\n", None);
    assert_eq!(preview.text, "王芳，欢迎进群");
    assert_eq!(preview.bytes, "%NICKNAME%，欢迎进群".len());
    check_page(&PreviewPage { preview });
}
