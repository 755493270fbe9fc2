//! The pages with nothing, one, many, too long and hostile words; a bubble of every kind.

use super::{
    bubble::{Bubble, Card, Item, Kept, Part, RecordLine, What},
    customer,
    facts::{Agreed, Facts, Person},
    flags::{Counted, Flag},
    hits::{Hit, HitGroup},
    locked::{Line, Locked},
    news::{News, Watch},
    open::{OpenPage, Second},
    picker::{Offered, Picker, Sort},
    room,
    search::SearchPage,
    view::{ChatPage, Place},
};
use crate::{
    archive::{
        model::{Locked as Why, Parked},
        parked::FilesLeft,
    },
    kit::Timestamp,
    search::Piece,
    web::{
        FormState,
        parts::{Chip, Choice, Empty, EmptyKind, Filter, Pager, Tab},
        tests::{HOSTILE, check_page},
    },
};

fn at() -> Timestamp {
    Timestamp::from_ms(1_795_000_000_000)
}

fn pieces(text: &str) -> Vec<Piece> {
    let piece = |text: &str, marked| Piece {
        text: text.to_owned(),
        marked,
    };
    vec![piece(text, false), piece(text, true)]
}

fn hit(i: usize, text: &str) -> Hit {
    Hit {
        href: "/archive/a?q=x&at=1#m-1".into(),
        by: text.into(),
        key: format!("p{i}"),
        at: at(),
        tag: (i == 1).then(|| text.to_owned()),
        text: pieces(text),
        is_recalled: i == 2,
        is_current: i == 0,
        towards: (i > 0).then(|| (text.to_owned(), "group")),
        keep: (i > 0).then(|| "/compliance/evidence/add?chat=a&seq=1".to_owned()),
    }
}

fn group(n: usize, text: &str) -> HitGroup {
    HitGroup {
        title: text.into(),
        icon: "user",
        count: 1_086,
        hits: (0..n).map(|i| hit(i, text)).collect(),
        more: (n > 1).then(|| ("/archive/a?q=x".to_owned(), 3)),
    }
}

fn kept(is_here: bool, is_playable: bool) -> Kept {
    Kept {
        href: is_here.then(|| "/archive/files/1/0".to_owned()),
        missing: if is_here { "" } else { "archive.file.waiting" },
        size: 1_258_291,
        sha256: if is_here {
            format!("3f9c{}a17e", "0".repeat(56))
        } else {
            String::new()
        },
        differs: is_here,
        shown: is_playable.then(|| "/archive/files/1/0/play".to_owned()),
    }
}

fn every_part(text: &str) -> Vec<Part> {
    let mut parts = vec![
        What::Text(pieces(text)),
        What::Quote {
            name: text.into(),
            text: pieces(text),
        },
        What::Card(Card {
            icon: "link",
            tag: text.into(),
            title: pieces(text),
            lines: vec![pieces(text); 2],
            foot: Some((text.into(), Some("https://example.com/?a=1&b=2".into()))),
        }),
        What::Card(Card {
            icon: "info",
            tag: text.into(),
            title: Vec::new(),
            lines: Vec::new(),
            foot: Some((text.into(), None)),
        }),
        What::Gone("archive.gone.erased"),
        What::Deleted(text.into()),
    ];
    for (is_here, is_playable) in [(false, false), (true, false), (true, true)] {
        let file = || kept(is_here, is_playable);
        parts.extend([
            What::Image {
                file: file(),
                is_emotion: is_playable,
            },
            What::Voice {
                seconds: Some(14),
                file: file(),
            },
            What::Video {
                seconds: is_here.then_some(3),
                file: file(),
            },
            What::File {
                name: pieces(text),
                extension: if is_here { "PDF".into() } else { String::new() },
                file: file(),
            },
        ]);
    }
    let inner = [What::Text(pieces(text)), What::Gone("archive.gone.deleted")];
    parts.push(What::Record {
        title: pieces(text),
        lines: vec![RecordLine {
            at: Some(at()),
            parts: inner.into_iter().map(|what| Part { what }).collect(),
        }],
    });
    parts.into_iter().map(|what| Part { what }).collect()
}

fn bubble(i: usize, text: &str, parts: Vec<Part>) -> Item {
    Item::Bubble(Box::new(Bubble {
        seq: i as u64,
        by: text.into(),
        key: format!("p{i}"),
        at: at(),
        is_out: i % 2 == 1,
        is_cont: i == 1,
        is_hit: i == 2,
        is_now: i == 2,
        recalled: (i == 3).then(|| text.to_owned()),
        parts,
        flags: flags(i, text),
    }))
}

fn watch(n: usize) -> Watch {
    let news = || News {
        n: 99,
        more: n > 1,
        href: "/archive/a?at=1&after=9".into(),
    };
    Watch {
        ask: "/archive/a/news?end=9&last=9&known=0".into(),
        news: (n > 0).then(news),
    }
}

fn flags(n: usize, text: &str) -> Vec<Flag> {
    let flag = |i: usize| Flag {
        text: text.into(),
        tone: if i == 0 { "bad" } else { "" },
        href: "/sensitive/alerts?chat=a&message=1#a-1".into(),
    };
    (0..n).map(flag).collect()
}

fn picker(sort: &'static Sort, n: usize, text: &str) -> Picker {
    let one = |i: usize| Offered {
        id: format!("c{i}"),
        name: text.to_owned(),
        second: if i == 0 {
            String::new()
        } else {
            text.to_owned()
        },
        is_on: i == 1,
    };
    Picker {
        sort,
        text: if n == 0 {
            String::new()
        } else {
            text.to_owned()
        },
        offered: (0..n).map(one).collect(),
        cut: (n > 1).then_some(n),
    }
}

fn facts(n: usize, text: &str) -> Facts {
    let person = |i: usize| Person {
        name: text.into(),
        second: text.into(),
        href: (i > 0).then(|| "/customers/a".to_owned()),
    };
    Facts {
        staff: (0..n).map(person).collect(),
        others: (0..n).map(person).collect(),
        more: n,
        sort: "archive.sort.external_group",
        messages: 1_086,
        first_at: (n > 0).then(at),
        last_at: (n > 0).then(at),
        counted: (0..n)
            .map(|_| {
                (
                    "image",
                    text.to_owned(),
                    84,
                    "/archive/a?type=image".to_owned(),
                )
            })
            .collect(),
        agreed_more: (0..n)
            .map(|i| (("archive.consent.none", "muted"), i))
            .collect(),
        recalled: (n > 0).then(|| (5, "/archive/a?flag=recalled".to_owned())),
        flags: (0..n)
            .map(|i| Counted {
                word: "sensitive.beside_to_do",
                n: 3,
                more: i == 1,
                is_to_do: i == 0,
                href: "/sensitive/alerts?chat=a".into(),
            })
            .collect(),
        agreed: (0..n)
            .map(|i| Agreed {
                who: text.into(),
                towards: if i == 0 { String::new() } else { text.into() },
                answer: ("archive.consent.none", "muted"),
                at: (i == 0).then(at),
            })
            .collect(),
        stored: n as u64,
        waiting: n.checked_sub(1).map(|n| n as u64),
        parked: n as u64,
        caught_up_at: (n > 0).then(at),
        reason: (n > 0).then(|| (text.to_owned(), at())),
        deleted: n as u64,
        holds: (0..n).map(|_| text.to_owned()).collect(),
        hold_href: (n > 0).then(|| "/compliance/retention/holds/new?on=chat:a".to_owned()),
    }
}

fn words() -> [String; 4] {
    [
        String::new(),
        "发票".into(),
        HOSTILE.into(),
        "很长的话".repeat(60),
    ]
}

#[test]
fn a_conversation_shows_every_kind_of_message() {
    for n in [0, 1, 4] {
        for text in words() {
            let mut items = vec![
                Item::Day {
                    name: "2026-11-18 周三".into(),
                    day: "2026-11-18".into(),
                },
                Item::Note {
                    seq: 9,
                    at: at(),
                    icon: "undo",
                    text: text.clone(),
                    is_now: n == 1,
                    flags: flags(n, &text),
                },
            ];
            items.extend((0..n).map(|i| bubble(i, &text, every_part(&text))));
            let picture = What::Image {
                file: kept(true, true),
                is_emotion: false,
            };
            items.push(bubble(7, &text, vec![Part { what: picture }]));
            let shown = check_page(&ChatPage {
                title: text.clone(),
                text: text.clone(),
                kept: vec![("type".into(), text.clone())],
                all: "/archive?q=x".into(),
                is_search: n > 0,
                summary: text.clone(),
                groups: (0..n).map(|_| group(n, &text)).collect(),
                place: (n > 0).then(|| Place {
                    number: (n > 1).then_some(3),
                    total: 17,
                    prev: (n > 1).then(|| "/archive/a?at=1".to_owned()),
                    next: (n > 1).then(|| "/archive/a?at=2".to_owned()),
                }),
                earlier: (n > 0).then(|| "/archive/a?before=1".to_owned()),
                later: (n > 1).then(|| "/archive/a?after=9".to_owned()),
                watch: (n < 2).then(|| watch(n)),
                items,
                keep: (n > 0).then(|| "/compliance/evidence/add?chat=a&seq=".to_owned()),
                facts: (n != 1).then(|| facts(n, &text)),
            });
            assert!(
                shown.contains("msg__b--media"),
                "a picture alone fills its bubble"
            );
            // Every kind of file says what it is by its hash, and that it is another one.
            let files = 1 + 8 * n;
            assert_eq!(shown.matches("3f9c…a17e").count(), files);
            assert_eq!(shown.matches(&kept(true, true).sha256).count(), files);
            assert_eq!(shown.matches("内容与企业微信登记的不一致").count(), files);
        }
    }
}

/// One for each reason, seen by somebody who keeps the keys, and by somebody who does not.
fn locked(text: &str) -> Locked {
    let why = [Why::NoKey, Why::WrongKey, Why::Damaged, Why::Untried];
    let line = |why| {
        Line::of(&Parked {
            seq: 7,
            msgid: text.to_owned(),
            key_version: 3,
            key: String::new(),
            message: String::new(),
            why,
            at: at(),
            tried_at: at(),
        })
    };
    Locked {
        files_left: Some(FilesLeft {
            hours: Some(7),
            near: Some((2, at())),
            lost: 1,
        }),
        lines: why.map(line).into(),
        aside: Some(text.to_owned()),
        may_set_up: text.len().is_multiple_of(2),
    }
}

#[test]
fn the_search_shows_what_was_found_or_why_nothing_was() {
    for n in [0, 1, 3] {
        for text in words() {
            let choice = Choice {
                value: text.clone(),
                label: text.clone(),
                count: None,
                is_on: n == 1,
            };
            let tab = Tab {
                label: text.clone(),
                href: "/archive?by=chat".into(),
                count: None,
                is_current: n == 1,
            };
            check_page(&SearchPage {
                text: text.clone(),
                filters: vec![Filter {
                    name: "type",
                    label: text.clone(),
                    choices: vec![choice],
                    many: true,
                }],
                customer: picker(&customer::CUSTOMER, n, &text),
                room: picker(&room::ROOM, n, &text),
                from: if n == 1 {
                    "2026-11-01".into()
                } else {
                    String::new()
                },
                to: text.clone(),
                kept: vec![("by".into(), text.clone())],
                chips: (0..n)
                    .map(|_| Chip {
                        label: text.clone(),
                        value: text.clone(),
                        remove: "/archive".into(),
                    })
                    .collect(),
                saved: Vec::new(),
                save_href: (n == 1).then(|| "/archive/searches?from=a".into()),
                tabs: vec![tab],
                hits: (0..n).map(|i| hit(i, &text)).collect(),
                groups: (0..n).map(|_| group(n, &text)).collect(),
                summary: text.clone(),
                pager: Pager {
                    from: None,
                    to: None,
                    total: 1_000,
                    total_exact: false,
                    rows: n as u64,
                    prev: None,
                    next: (n > 1).then(|| "/archive?after=x".to_owned()),
                },
                empty: (n == 0).then(|| Empty {
                    kind: EmptyKind::NotConnected,
                    title: text.clone(),
                    hint: text.clone(),
                    action: None,
                    other: None,
                }),
                locked: (n == 3).then(|| locked(&text)),
                parked: n as u64,
                caught_up_at: (n > 0).then(at),
                asides: (0..n).map(|_| text.to_owned()).collect(),
            });
        }
    }
}

#[test]
fn the_form_that_asks_for_a_reason_is_whole() {
    for text in words() {
        let form = FormState::with_values([("reason", text.clone()), ("next", text.clone())]);
        for second in [
            Second::NotAsked,
            Second::Needed(text.clone(), None),
            Second::Needed(text.clone(), Some(text.clone())),
            Second::Waits(text.clone(), at()),
            Second::Needed(String::new(), None),
            Second::Waits(String::new(), at()),
        ] {
            check_page(&OpenPage {
                title: text.clone(),
                sort: "archive.sort.one_to_one",
                action: "/archive/a/open".into(),
                back: "/archive".into(),
                second,
                form: form.clone(),
            });
        }
    }
}
