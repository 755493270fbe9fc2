//! The steps with hostile names, with and without trouble, in both languages.

use super::{check::*, columns::*, result::*, start::*};
use crate::{
    error::Invalid,
    import::model::RawRow,
    kit::Timestamp,
    web::{
        FormState,
        parts::{Choice, Pager, Step, StepState, Tab},
        tests::{HOSTILE, check_page},
    },
    work::{JobState, pages::tests::card},
};

fn steps() -> Vec<Step> {
    vec![Step {
        label: HOSTILE.into(),
        state: StepState::Done,
        href: Some("/org/import".into()),
    }]
}

fn refused(field: &'static str, code: &'static str) -> FormState {
    FormState::empty().refused(Invalid::default().with(field, code))
}

#[test]
fn the_upload_renders() {
    for form in [
        FormState::empty(),
        refused("file", "import.problem.unknown"),
    ] {
        check_page(&StartPage {
            title: "import.title.members".into(),
            start: "/org/import",
            template: "/org/import/template",
            list: "/org",
            steps: steps(),
            form,
            fields: vec![FieldLine {
                name: HOSTILE.into(),
                required: true,
                example: "x",
            }],
            earlier: vec![Earlier {
                href: "/org/import/1".into(),
                file: HOSTILE.into(),
                rows: 1,
                at: Timestamp::from_ms(0),
                state: ("import.state.draft", "warn"),
            }],
            rows_max: 20_000,
        });
    }
}

#[test]
fn the_columns_render() {
    let choice = Choice {
        value: "name".into(),
        label: HOSTILE.into(),
        count: None,
        is_on: true,
    };
    let decide = |choices| Decide {
        code: "match",
        label: HOSTILE.into(),
        hint: HOSTILE.into(),
        choices,
        is_on: true,
    };
    let column = |heading: &str| Column {
        heading: heading.into(),
        choices: vec![choice.clone()],
    };
    check_page(&ColumnsPage {
        title: "import.title.members".into(),
        start: "/org/import",
        here: "/org/import/1/columns".into(),
        file: HOSTILE.into(),
        rows: 3,
        steps: steps(),
        form: refused("field", "import.problem.needed"),
        columns: vec![column(HOSTILE), column("")],
        preview: vec![RawRow {
            number: 2,
            cells: vec![HOSTILE.into(), String::new()],
        }],
        settings: vec![decide(None), decide(Some(vec![choice.clone()]))],
    });
}

#[test]
fn the_check_renders_with_and_without_rows() {
    let row = |number| RowLine {
        number,
        title: HOSTILE.into(),
        detail: HOSTILE.into(),
        state: ("import.verdict.wrong".into(), "bad"),
        diffs: vec![DiffLine {
            label: HOSTILE.into(),
            from: HOSTILE.into(),
            to: String::new(),
        }],
        problems: vec![HOSTILE.into()],
        notes: vec![HOSTILE.into()],
    };
    for n in [0, 2] {
        check_page(&CheckPage {
            title: "import.title.members".into(),
            start: "/org/import",
            file: HOSTILE.into(),
            steps: steps(),
            form: refused("confirm", "import.problem.confirm"),
            tabs: vec![Tab {
                label: HOSTILE.into(),
                href: "/org/import/1/check".into(),
                count: Some(1),
                is_current: true,
            }],
            rows: (0..n).map(row).collect(),
            pager: Pager {
                from: Some(1),
                to: Some(2),
                total: 2,
                total_exact: true,
                rows: 2,
                prev: None,
                next: None,
            },
            good: 2,
            wrong: n as usize,
            missing: n as usize,
            back: "/org/import/1/columns".into(),
            errors: "/org/import/1/errors".into(),
            run: "/org/import/1/run".into(),
        });
    }
}

#[test]
fn the_result_renders_in_every_state() {
    for state in [JobState::Running, JobState::Done, JobState::Failed] {
        let body = check_page(&ResultPage {
            title: "import.title.members".into(),
            start: "/org/import",
            list: "/org",
            here: "/org/import/1".into(),
            file: HOSTILE.into(),
            steps: steps(),
            job: card(state, HOSTILE),
            undoing: Some(card(state, HOSTILE)),
            undo_until: state.is_final().then(|| Timestamp::from_ms(0)),
            refused: vec![RefusedLine {
                number: 7,
                cells: HOSTILE.into(),
                why: vec![HOSTILE.into()],
            }],
            failed: 1,
        });
        assert_eq!(body.contains("delay:1s"), !state.is_final());
    }
}
