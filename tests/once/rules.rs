//! P14 for rules about words: made, changed and deleted at WeCom.

use qitai::{
    archive::sensitive::{
        self, DeleteRule, Intercept, SaveList, SaveRule, Severity, WordList, WordListId,
    },
    identity::Viewer,
    kit::{Id, Timestamp},
    org::queries::DepartmentTree,
    store::Write,
    wecom::sim::CodeVerb,
    work::effects::{self as outbox, EffectId, EffectState},
};

use super::{
    effects::{Bench, CELLS, everything},
    wait_for,
};

pub(super) const KINDS: [&str; 3] = [
    "archive.rule_create",
    "archive.rule_update",
    "archive.rule_delete",
];

/// What a cell wants of a rule.
#[derive(Debug)]
pub(super) enum Wish {
    /// One rule of this name with these words.
    Made(WordListId, String, Vec<String>),
    /// No rule of this name.
    Gone(WordListId, String),
}

fn write<T: Send + 'static>(
    bench: &Bench,
    verb: impl FnOnce(&mut Write<'_>, &Viewer) -> qitai::error::Result<T> + Send + 'static,
) -> T {
    let viewer = Viewer::system("test");
    let app = bench.firm.app();
    app.store
        .write_blocking(viewer.change("test.rules"), move |w| verb(w, &viewer))
        .unwrap()
}

/// Keeps a list of these words; its id.
fn keep(bench: &Bench, id: WordListId, name: &str, words: &[String]) -> WordListId {
    let list = WordList {
        id,
        name: name.to_owned(),
        words: words.to_vec(),
        unit: None,
        severity: Severity::High,
        is_on: true,
        behaviours: Vec::new(),
        changed_at: Timestamp::from_s(0),
    };
    let app = bench.firm.app();
    let command = SaveList {
        list,
        looks_back: false,
        directory: app.read(|r| app.directory.get(r)).unwrap(),
    };
    write(bench, move |w, viewer| {
        let allowed = viewer.allow(w, command)?;
        sensitive::save_list(w, allowed)
    })
}

/// Makes a list and has it intercepted.
fn make(bench: &Bench, name: &str, words: &[String]) -> WordListId {
    let list = keep(bench, Id::from_bits(0), name, words);
    let app = bench.firm.app();
    let root = app.read(DepartmentTree::load).unwrap().flat()[0].1.id;
    let command = SaveRule {
        list,
        blocks: true,
        departments: vec![root],
        members: Vec::new(),
        directory: app.read(|r| app.directory.get(r)).unwrap(),
    };
    write(bench, move |w, viewer| {
        let allowed = viewer.allow(w, command)?;
        sensitive::save_rule(w, allowed)
    });
    list
}

fn named(bench: &Bench, name: &str) -> WordListId {
    let lists = bench.firm.app().read(sensitive::lists).unwrap();
    lists.iter().find(|list| list.name == name).unwrap().id
}

/// The effect planned last for a list.
fn newest(bench: &Bench, list: WordListId) -> EffectId {
    let app = bench.firm.app();
    let pending = app.read(|r| outbox::pending_about(r, "word_list_rule", &list.to_string()));
    pending.unwrap().pop().expect("something is planned").id
}

/// Plans the effect of a cell.
pub(super) fn plan(bench: &mut Bench, kind: &'static str) -> (EffectId, Wish) {
    let words = vec![format!("词{}", bench.next)];
    let (list, wish) = match kind {
        "archive.rule_create" => {
            let name = format!("新规则{}", bench.next);
            let list = make(bench, &name, &words);
            (list, Wish::Made(list, name, words))
        }
        "archive.rule_update" => {
            let list = named(bench, "常变");
            keep(bench, list, "常变", &words);
            (list, Wish::Made(list, "常变".to_owned(), words))
        }
        _ => {
            let name = format!("撤规则{}", bench.next % CELLS);
            let list = named(bench, &name);
            let app = bench.firm.app();
            let command = DeleteRule {
                list,
                directory: app.read(|r| app.directory.get(r)).unwrap(),
            };
            write(bench, move |w, viewer| {
                let allowed = viewer.allow(w, command)?;
                sensitive::delete_rule(w, allowed)
            });
            (list, Wish::Gone(list, name))
        }
    };
    (newest(bench, list), wish)
}

/// Here and at WeCom it is what was wanted.
pub(super) fn same_everywhere(bench: &Bench, wish: &Wish) -> Result<(), String> {
    let client = bench.firm.app().wecom().unwrap();
    let runtime = bench.firm.runtime();
    let rules = runtime.block_on(client.intercept_rules()).unwrap();
    let rule = |list: &WordListId| {
        let found = bench.firm.app().read(|r| r.get::<Intercept>(list));
        found.unwrap().and_then(|rule| rule.rule_id)
    };
    let is_right = match wish {
        Wish::Made(list, name, words) => {
            let there: Vec<_> = rules.iter().filter(|r| r.rule_name == *name).collect();
            there.len() == 1 && rule(list).as_ref() == Some(&there[0].rule_id) && {
                let found = runtime.block_on(client.intercept_rule(&there[0].rule_id));
                found.unwrap().word_list == *words
            }
        }
        Wish::Gone(list, name) => {
            rule(list).is_none() && rules.iter().all(|r| r.rule_name != *name)
        }
    };
    match is_right {
        true => Ok(()),
        false => Err(format!("another here or there: {wish:?}")),
    }
}

#[test]
fn rules_are_told_once_whatever_fails_and_wherever_it_ends() {
    let mut bench = Bench::start();
    let limit = CodeVerb::SetLimit {
        name: "intercept_rules".to_owned(),
        max: 1_000,
    };
    bench.firm.sim.act(limit).unwrap();
    make(&bench, "常变", &["词组".to_owned()]);
    for n in 0..CELLS {
        make(&bench, &format!("撤规则{n}"), &["词组".to_owned()]);
    }
    wait_for("all rules are at WeCom", || {
        let app = bench.firm.app();
        app.effects.notify_one();
        bench.firm.clock.advance_ms(500);
        let tally = app.read(|r| outbox::tally(r, Some(KINDS[0]))).unwrap();
        (tally.of(EffectState::Done) > CELLS as u64).then_some(())
    });
    everything(&mut bench, &KINDS);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}
