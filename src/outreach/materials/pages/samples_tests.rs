//! The pages of the library with nothing, one, many and hostile words.

use super::{
    super::{Body, Bubble, Kind, Material, Stored},
    edit::EditPage,
    folders::{self, FoldersPage},
    list::{AssetsPage, Card},
    preview::PreviewPage,
    show::{AssetPage, AtWecom, Line},
};
use crate::{
    error::Invalid,
    kit::{Id, Timestamp},
    outreach::{content::Variables, form::ContentPart},
    web::{
        FormState, Lang,
        parts::{Choice, Empty, EmptyKind, Link, Pager, Tab},
        tests::{HOSTILE, check_page, cx},
    },
};

fn stored() -> Stored {
    Stored {
        sha256: [7; 32],
        bytes: 1_234_567,
        name: HOSTILE.to_owned(),
        media_type: "image/png".to_owned(),
        measure: None,
    }
}

fn body(kind: Kind) -> Body {
    match kind {
        Kind::Text => Body::Text(HOSTILE.to_owned()),
        Kind::Image => Body::Image(stored()),
        Kind::Video => Body::Video(stored()),
        Kind::File => Body::File(stored()),
        Kind::Link => Body::Link {
            url: "https://scrm.example.cn/a".to_owned(),
            desc: HOSTILE.to_owned(),
            cover: None,
        },
        Kind::MiniProgram => Body::MiniProgram {
            appid: "wx0123456789abcdef".to_owned(),
            page: "pages/index".to_owned(),
            cover: stored(),
        },
    }
}

fn bubble(kind: Kind) -> Bubble {
    Bubble::of(Id::from_bits(1), 2, HOSTILE, &body(kind))
}

fn choice() -> Choice {
    Choice {
        value: "a".to_owned(),
        label: HOSTILE.to_owned(),
        count: None,
        is_on: true,
    }
}

fn link() -> Link {
    Link {
        label: HOSTILE.to_owned(),
        href: "/assets/new?kind=text".to_owned(),
    }
}

#[test]
fn the_library_renders_with_none_one_and_many() {
    for n in [0, 1, 6] {
        let card = |kind: Kind| Card {
            id: "a".to_owned(),
            title: HOSTILE.to_owned(),
            icon: kind.icon(),
            kind: kind.word(),
            bubble: bubble(kind),
            uses: n,
            folder: HOSTILE.to_owned(),
            changed_at: Timestamp::from_ms(0),
            is_archived: n == 1,
        };
        check_page(&AssetsPage {
            text: HOSTILE.to_owned(),
            kinds: vec![Tab {
                label: HOSTILE.to_owned(),
                href: "/assets".to_owned(),
                count: None,
                is_current: true,
            }],
            filters: Vec::new(),
            chips: Vec::new(),
            cards: Kind::ALL.into_iter().take(n).map(card).collect(),
            pager: Pager {
                from: Some(1),
                to: Some(1),
                total: 1,
                total_exact: true,
                rows: 1,
                prev: None,
                next: None,
            },
            empty: Empty {
                kind: EmptyKind::NothingYet,
                title: HOSTILE.to_owned(),
                hint: HOSTILE.to_owned(),
                action: None,
                other: None,
            },
            makes: (0..n).map(|_| link()).collect(),
        });
    }
}

#[test]
fn an_asset_renders_in_every_kind_and_state() {
    for (n, kind) in Kind::ALL.into_iter().enumerate() {
        let is_even = n % 2 == 0;
        check_page(&AssetPage {
            id: "a".to_owned(),
            title: HOSTILE.to_owned(),
            kind: kind.word(),
            folder: HOSTILE.to_owned(),
            unit: HOSTILE.to_owned(),
            bubble: bubble(kind),
            file_name: is_even.then(|| HOSTILE.to_owned()),
            version: 2,
            versions: vec![Line {
                version: 2,
                title: HOSTILE.to_owned(),
                made_at: Timestamp::from_ms(0),
                by: HOSTILE.to_owned(),
                is_shown: is_even,
            }],
            uses: (0..n).map(|_| link()).collect(),
            at_wecom: is_even.then(|| AtWecom {
                state: ("assets.wecom.failed", "bad"),
                until: Some(Timestamp::from_ms(0)),
                failure: Some((HOSTILE.to_owned(), HOSTILE.to_owned())),
                failed_at: Some(Timestamp::from_ms(0)),
            }),
            is_archived: is_even,
            may_change: n < 4,
        });
    }
}

#[test]
fn forms_render_empty_filled_and_refused() {
    for kind in Kind::ALL {
        for id in [None, Some("a".to_owned())] {
            let values = ["title", "text", "url", "desc", "page", "seen"];
            let form = FormState::with_values(values.map(|name| (name, HOSTILE.to_owned())));
            let form = match id {
                Some(_) => form.refused(Invalid::default().with("file", "assets.not_mp4")),
                None => form,
            };
            check_page(&EditPage {
                now: id.as_ref().map(|_| bubble(kind)),
                id,
                kind: kind.code(),
                kind_word: kind.word(),
                form,
                folders: vec![choice()],
                accept: "image/png",
                file_hint: "assets.image_hint",
            });
        }
    }
    for n in [0, 1, 3] {
        let line = |depth: usize| folders::Line {
            id: "a".to_owned(),
            name: HOSTILE.to_owned(),
            depth,
            unit: HOSTILE.to_owned(),
            unit_id: "a".to_owned(),
            assets: depth,
            may_change: depth != 1,
        };
        check_page(&FoldersPage {
            lines: (0..n).map(line).collect(),
            form: FormState::empty(),
            parents: vec![choice()],
            units: vec![choice()],
        });
    }
}

#[test]
fn a_message_that_is_written_renders_with_what_comes_along() {
    let material = |(n, kind): (usize, Kind)| Material {
        id: Id::from_bits(n as u64),
        folder: None,
        title: HOSTILE.to_owned(),
        body: body(kind),
        version: 1,
        changed_at: Timestamp::from_ms(0),
        archived_at: None,
    };
    for n in [0, 6] {
        let offered = Kind::ALL.into_iter().take(n).enumerate().map(material);
        let form = FormState::with_values([
            ("text", format!("{HOSTILE}{{客户}}{{不存在}}")),
            ("attachment", Id::<Material>::from_bits(1).to_string()),
        ]);
        let part = ContentPart::of(offered.collect(), &cx(Lang::Zh), &form, Variables::All);
        let page = check_page(&PreviewPage { part });
        assert!(page.contains("王芳") && page.contains("{不存在} 不是这里可用的变量"));
        assert_eq!(page.contains("<img class=\"wx__i\""), n == 6);
    }
}
