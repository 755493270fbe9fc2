//! Members are told of a customer or an alarm once, whatever fails and wherever the process ends: WeCom drops
//! what it has sent already.

use qitai::{
    archive,
    customers::Relation,
    identity::Viewer,
    kit::Id,
    livecodes::{CodeKind, CodeState, LiveCode, LiveCodeId, state_of},
    outreach::rules::{Rule, RuleId, SaveRule, Trigger, save_rule},
    store::Write,
    wecom::sim::firm,
    work::effects::{Effect, EffectId},
};

use super::{
    effects::{Bench, everything},
    wait_for,
};

pub(super) const KINDS: [&str; 2] = ["outreach.tell", "archive.tell"];

const CODE: LiveCodeId = LiveCodeId::from_bits(0x7e11);

/// What a cell wants: the member has exactly one message with these words.
#[derive(Debug)]
pub(super) struct Wish(String);

fn write<T: Send + 'static>(
    bench: &Bench,
    verb: impl FnOnce(&mut Write<'_>, &Viewer) -> qitai::error::Result<T> + Send + 'static,
) -> T {
    let viewer = Viewer::system("test");
    let app = bench.firm.app();
    app.store
        .write_blocking(viewer.change("test.tell"), move |w| verb(w, &viewer))
        .unwrap()
}

/// A code, and a rule about it that tells.
fn keep(bench: &Bench, text: &str) {
    let app = bench.firm.app();
    let known: Option<RuleId> = app.read(|r| {
        let mut all = r.all::<Rule>(None).unwrap();
        all.next().map(|rule| rule.unwrap().id)
    });
    let rule = Rule {
        id: known.unwrap_or(Id::from_bits(0)),
        name: "来客".to_owned(),
        is_on: true,
        unit: None,
        trigger: Trigger::Code(CODE),
        tags: Vec::new(),
        remark_prefix: String::new(),
        since: bench.firm.clock.now(),
        todo: None,
        message: Some(text.to_owned()),
        assignee: None,
    };
    let directory = app.read(|r| app.directory.get(r)).unwrap();
    let now = bench.firm.clock.now();
    write(bench, move |w, viewer| {
        if w.get::<LiveCode>(&CODE)?.is_none() {
            w.put(&LiveCode {
                id: CODE,
                kind: CodeKind::Staff,
                name: "收银台".to_owned(),
                state: CodeState::Active,
                unit: None,
                channel: None,
                tags: Vec::new(),
                remark_prefix: String::new(),
                welcome: None,
                expires_at: None,
                created_at: now,
                created_by: None,
                seats: Vec::new(),
                skip_verify: true,
                schedule: Vec::new(),
                rooms: Vec::new(),
                auto_room: None,
            })?;
        }
        let allowed = viewer.allow(w, SaveRule { rule, directory })?;
        save_rule(w, allowed).map(drop)
    });
}

/// Plans the effect of a cell.
pub(super) fn plan(bench: &mut Bench, kind: &'static str) -> (EffectId, Wish) {
    // A member sees thirty messages of an app within a minute.
    bench.firm.clock.advance_ms(2_500);
    let text = format!("第{}次来访", bench.next);
    let id = match kind == KINDS[0] {
        true => plan_of_customer(bench, text.clone()),
        false => {
            bench.next += 1;
            let told = text.clone();
            write(bench, move |w, _| {
                archive::tell_for_test(w, firm::cast().store_staff, &told)
            })
        }
    };
    (id, Wish(text))
}

/// Somebody comes by the code, and the rule fires.
fn plan_of_customer(bench: &mut Bench, text: String) -> EffectId {
    keep(bench, &text);
    let relation = bench.next_relation();
    let now = bench.firm.clock.now();
    write(bench, move |w, _| {
        let relation = w.get::<Relation>(&relation)?.expect("it is there");
        Ok(w.put(&Relation {
            channel: state_of(CODE),
            added_at: now,
            ..relation
        })?)
    });
    wait_for("the rule has fired", || {
        let app = bench.firm.app();
        let all: Vec<Effect> = app.read(|r| {
            let all = r.all::<Effect>(None).unwrap();
            all.map(Result::unwrap).collect()
        });
        let says = |effect: &Effect| {
            let input = String::from_utf8_lossy(&effect.input);
            effect.kind == KINDS[0] && input.contains(&text)
        };
        all.into_iter().find(says).map(|effect| effect.id)
    })
}

/// The member has it once.
pub(super) fn same_everywhere(bench: &Bench, wish: &Wish) -> Result<(), String> {
    let all = bench.firm.sim.messages_of(firm::cast().store_staff);
    let says = |content: &serde_json::Value| {
        let content = content["content"].as_str().unwrap_or_default();
        content.lines().any(|line| line == wish.0)
    };
    match all.iter().filter(|sent| says(&sent.content)).count() {
        1 => Ok(()),
        n => Err(format!("{n} messages of {wish:?}: {all:?}")),
    }
}

#[test]
fn members_are_told_once_whatever_fails_and_wherever_it_ends() {
    let mut bench = Bench::start();
    everything(&mut bench, &KINDS);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}
