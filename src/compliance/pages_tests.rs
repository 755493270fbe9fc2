//! The pages of the trail: empty, one, many, damaged, and with hostile words.

use super::*;
use crate::web::tests::{HOSTILE, check_page};

fn entry_line(seq: u64) -> Line {
    Line {
        at: Timestamp::from_ms(0),
        actor: HOSTILE.into(),
        role: HOSTILE.into(),
        act: HOSTILE.into(),
        code: HOSTILE.into(),
        objects: vec![HOSTILE.into(); usize::try_from(seq % 4).unwrap()],
        denied: seq.is_multiple_of(2),
        ip: HOSTILE.into(),
        ..Line::damaged(seq)
    }
}

fn audit_page(n: u64, broken: Option<Broken>) -> AuditPage {
    let line = |seq: u64| Line {
        is_damaged: seq == 3,
        ..entry_line(seq)
    };
    AuditPage {
        lines: (0..n).map(line).collect(),
        total: n,
        total_exact: n != 1,
        size: n,
        older: (n > 1).then(|| "/compliance/audit?before=3".to_owned()),
        newest: None,
        dropdowns: Vec::new(),
        object: HOSTILE.into(),
        ip: HOSTILE.into(),
        from: HOSTILE.into(),
        to: HOSTILE.into(),
        text: TextBox {
            text: HOSTILE.into(),
            problems: vec![HOSTILE.into(); usize::try_from(n % 3).unwrap()],
            is_aside: false,
        },
        verdict: broken.as_ref().map(|_| (Timestamp::from_ms(0), false)),
        broken,
        checkpoint: (n > 0).then(|| (n, Timestamp::from_ms(0))),
        may_verify: n > 0,
        may_export: n > 0,
        empty: Empty {
            kind: EmptyKind::NothingMatches,
            title: HOSTILE.into(),
            hint: HOSTILE.into(),
            action: None,
            other: None,
        },
    }
}

#[test]
fn the_trail_renders_empty_with_one_many_damaged_and_hostile_words() {
    for n in [0, 1, 12] {
        check_page(&audit_page(n, None));
    }
    let broken = |seq| Broken { seq, problems: 2 };
    let named = check_page(&audit_page(12, Some(broken(Some(5)))));
    assert!(named.contains("第 #5 条与写入时不一致") && named.contains("<b>#3</b>"));
    assert_eq!(named.matches(">与写入时不一致</span>").count(), 1);
    let unnamed = check_page(&audit_page(0, Some(broken(None))));
    assert!(unnamed.contains("2 处问题"));
}

#[test]
fn an_entry_renders_with_and_without_proof_and_with_hostile_words() {
    for n in [0usize, 1, 12] {
        let opening = |i: usize| Detail {
            name: HOSTILE.into(),
            value: HOSTILE.into(),
            changes: vec![(HOSTILE.into(), HOSTILE.into(), String::new()); i % 3],
        };
        check_page(&EntryPage {
            line: entry_line(n as u64),
            text: HOSTILE.into(),
            openings: (0..n).map(opening).collect(),
            closed: n,
            request: HOSTILE.into(),
            hash: HOSTILE.into(),
            proof: vec![HOSTILE.into(); n],
            checkpoint: (n > 0).then(|| HOSTILE.to_owned()),
            size: n as u64,
        });
    }
}

#[test]
fn a_difference_is_read_field_by_field_and_other_text_is_left_alone() {
    let text = r#"{"name":["王","王海燕"],"tags":[[],["a"]],"units":[[],[]],"n":[null,3]}"#;
    let row = |name: &str, before: &str, after: &str| {
        (name.to_owned(), before.to_owned(), after.to_owned())
    };
    let expected = [
        row("n", "", "3"),
        row("name", "王", "王海燕"),
        row("tags", "", r#"["a"]"#),
    ];
    assert_eq!(changes(text), expected);
    assert!(changes("127.0.0.1").is_empty() && changes("{}").is_empty());
}
