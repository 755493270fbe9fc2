//! The pages with hostile names, with and without what they may have, in both languages.

use super::{many::ManyPage, poster::PosterPage, print::PrintPage};
use crate::{
    error::Invalid,
    web::{
        FormState,
        parts::Choice,
        tests::{HOSTILE, check_page},
    },
};

fn choices() -> Vec<Choice> {
    let choice = |is_on| Choice {
        value: "firm".into(),
        label: HOSTILE.into(),
        count: None,
        is_on,
    };
    vec![choice(true), choice(false)]
}

#[test]
fn the_page_of_a_code_renders() {
    let wrong = Invalid::default()
        .with("ink", "print.problem.inverted")
        .with("file", "print.problem.kind");
    for (is_whole, form) in [
        (true, FormState::with_values([("ink", HOSTILE.to_owned())])),
        (false, FormState::empty().refused(wrong)),
    ] {
        check_page(&PrintPage {
            id: "c1".into(),
            name: HOSTILE.into(),
            address: HOSTILE.into(),
            is_public: false,
            may_settle: is_whole,
            form,
            logos: choices(),
            shares: choices(),
            sizes: choices(),
            captions: choices(),
            has_own: is_whole,
            may_change: true,
            fields: vec![("ink", HOSTILE.into())],
            is_kept: false,
            drawing: is_whole.then(|| "<svg></svg>".to_owned()),
            contrast: "4.5".into(),
            is_contrasty: is_whole,
            svg: "/a?b=c&d=e".into(),
            pdf: "/a".into(),
            pngs: vec![(512, "/a".into())],
            is_name_left_out: is_whole,
        });
    }
}

#[test]
fn the_poster_renders() {
    let wrong = Invalid::default().with("headline", "print.problem.colour");
    for (is_whole, form) in [
        (
            true,
            FormState::with_values([("headline", HOSTILE.to_owned())]),
        ),
        (false, FormState::empty().refused(wrong)),
    ] {
        check_page(&PosterPage {
            id: "c1".into(),
            name: HOSTILE.into(),
            form,
            designs: choices(),
            places: choices(),
            extents: choices(),
            papers: choices(),
            may_change: is_whole,
            has_picture: is_whole,
            fields: vec![("headline", HOSTILE.into())],
            is_kept: false,
            drawing: is_whole.then(|| "<svg></svg>".to_owned()),
            svg: "/a".into(),
            sheet: "/a".into(),
        });
    }
}

#[test]
fn many_render_with_none_some_and_too_many() {
    for count in [0, 1, 300, 1_001] {
        check_page(&ManyPage {
            form: FormState::with_values([("q", HOSTILE.to_owned())]),
            kinds: choices(),
            channels: choices(),
            states: choices(),
            since: choices(),
            formats: choices(),
            sizes: choices(),
            captions: choices(),
            count,
            max: 1_000,
            zip: "/live-codes/qr.zip".into(),
            may_make: count == 0,
            is_public: count > 1,
            may_settle: count > 0,
        });
    }
}
