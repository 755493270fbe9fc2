//! P14: every effect kind × every fault × an end at every step.

use qitai::{
    customers::{
        self, Relation, RelationId,
        actions::{self, SetRemark, SetTags},
    },
    identity::Viewer,
    org, slices, tags,
    wecom::sim::{Answered, Fault, firm},
    work::effects::{
        Effect, EffectId, EffectKind, EffectState,
        faults::{Bug, Step},
    },
};

use super::{
    Firm, broadcasts, codes, directory, group_broadcasts, groups, moments, rules, tags as library,
    tell, wait_for, welcome,
};

const KINDS: [&str; 2] = ["customers.mark_tag", "customers.remark"];

/// What can go wrong with a call, and what becomes of the effect. What only slows an answer
/// down, and what only lists and pages meet, is no fault of a call that writes.
const FAULTS: [(Option<Fault>, EffectState); 15] = [
    (None, EffectState::Done),
    (Some(Fault::Status(502)), EffectState::Done),
    (Some(Fault::StatusAfter(502)), EffectState::Done),
    (Some(Fault::HalfBody), EffectState::Done),
    (Some(Fault::ErrcodeAfter(-1)), EffectState::Done),
    (Some(Fault::WrongTypes), EffectState::Done),
    (Some(Fault::NumbersAsText), EffectState::Done),
    (Some(Fault::UnknownFields), EffectState::Done),
    (Some(Fault::ExpiredToken), EffectState::Done),
    (Some(Fault::Errcode(40014)), EffectState::Done),
    (Some(Fault::Errcode(-1)), EffectState::Done),
    (Some(Fault::Errcode(45009)), EffectState::Done),
    (Some(Fault::Errcode(45033)), EffectState::Done),
    (Some(Fault::Errcode(60020)), EffectState::Done),
    (Some(Fault::Errcode(84061)), EffectState::Failed),
];

/// One round: what is done, what goes wrong, where it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) kind: &'static str,
    fault: Option<Fault>,
    stop: Option<Step>,
    bug: Option<Bug>,
    ends: EffectState,
    /// It may be left to a person too: the end of the round before may be what is stopped at,
    /// and then this one is cut off wherever it is.
    or_unknown: bool,
}

/// The kind of effect with this name.
fn kind_of(name: &str) -> EffectKind<qitai::app::App> {
    let mut kinds = slices::effects().into_iter();
    kinds.find(|kind| kind.spec.name == name).unwrap()
}

/// What a cell wants, here and at WeCom.
#[derive(Debug)]
pub(super) enum Wish {
    /// The tag is on the relation, or off.
    Tagged(RelationId, bool),
    /// The relation has this remark.
    Noted(RelationId, String),
    /// Something in the directory.
    InDirectory(directory::Wish),
    /// Something in the library of tags.
    InLibrary(library::Wish),
    /// A rule about words.
    OfRule(rules::Wish),
    /// A way of a live code.
    OfCode(codes::Wish),
    /// A broadcast.
    OfBroadcast(broadcasts::Wish),
    /// A moment.
    OfMoment(moments::Wish),
    /// A template that groups greet with.
    OfGroupWelcome(groups::Wish),
    /// A message to a member.
    Told(tell::Wish),
}

/// The relations of one member, one after the other, and what the directory's cells need.
pub(super) struct Bench {
    pub(super) firm: Firm,
    relations: Vec<RelationId>,
    pub(super) next: usize,
    tag: tags::TagId,
    tag_id: String,
    /// The number of the department that the directory's cells rename.
    pub(super) changing: u64,
    /// Broadcasts go to customer groups.
    pub(super) to_groups: bool,
}

impl Bench {
    pub(super) fn start() -> Self {
        let firm = Firm::start(60);
        let tag_id = firm.sim.add_tag("一次", "只打一次");
        firm.sync();
        let userid = firm::cast().store_staff;
        let customers = firm.sim.customers_of(userid);
        let (relations, tag) = firm.app().read(|r| {
            let member = org::queries::member_id_by_userid(r, userid)
                .unwrap()
                .unwrap();
            let relation = |external: &String| {
                let customer = customers::sync::by_external_userid(r, external).unwrap()?;
                let found = customers::sync::relation_of(r, member, customer.id).unwrap();
                found.filter(Relation::is_active).map(|found| found.id)
            };
            let tag = tags::sync::tag_by_wecom_id(r, &tag_id).unwrap().unwrap();
            (customers.iter().filter_map(relation).collect(), tag)
        });
        Self {
            firm,
            relations,
            next: 0,
            tag,
            tag_id,
            changing: 0,
            to_groups: false,
        }
    }

    /// Plans the effect of a cell.
    fn plan(&mut self, cell: &Cell) -> (EffectId, Wish) {
        self.next += 1;
        if library::KINDS.contains(&cell.kind) {
            let (id, wish) = library::plan(self, cell.kind);
            return (id, Wish::InLibrary(wish));
        }
        if codes::KINDS.contains(&cell.kind) {
            let (id, wish) = codes::plan(self, cell.kind);
            return (id, Wish::OfCode(wish));
        }
        if rules::KINDS.contains(&cell.kind) {
            let (id, wish) = rules::plan(self, cell.kind);
            return (id, Wish::OfRule(wish));
        }
        if broadcasts::KINDS.contains(&cell.kind) {
            let (id, wish) = match self.to_groups {
                true => group_broadcasts::plan(self),
                false => broadcasts::plan(self, cell.kind),
            };
            return (id, Wish::OfBroadcast(wish));
        }
        if moments::KINDS.contains(&cell.kind) {
            let (id, wish) = moments::plan(self, cell.kind);
            return (id, Wish::OfMoment(wish));
        }
        if groups::KINDS.contains(&cell.kind) {
            let (id, wish) = groups::plan(self, cell.kind);
            return (id, Wish::OfGroupWelcome(wish));
        }
        if tell::KINDS.contains(&cell.kind) {
            let (id, wish) = tell::plan(self, cell.kind);
            return (id, Wish::Told(wish));
        }
        if !KINDS.contains(&cell.kind) {
            let (id, wish) = directory::plan(self, cell.kind);
            return (id, Wish::InDirectory(wish));
        }
        let relation = self.next_relation();
        let now = self.relation(relation);
        let (tag, remark) = (self.tag, format!("第{}次", self.next));
        let is_on = !now.tags.contains(&tag);
        let mut wanted = now.tags;
        wanted.retain(|known| *known != tag);
        wanted.extend(is_on.then_some(tag));
        let (viewer, app) = (Viewer::system("test"), self.firm.app().clone());
        let (marks, noted) = (cell.kind == KINDS[0], remark.clone());
        let wish = app
            .clone()
            .store
            .write_blocking(viewer.change("customer.edit"), move |w| {
                let directory = app.directory.get(&w.read())?;
                if marks {
                    let command = SetTags {
                        relation,
                        tags: wanted,
                        directory,
                    };
                    let allowed = viewer.allow(w, command)?;
                    customers::actions::set_tags(w, allowed)
                } else {
                    let command = SetRemark {
                        relation,
                        remark: Some(noted),
                        description: None,
                        company: None,
                        drop_phones: Vec::new(),
                        add_phone: None,
                        directory,
                    };
                    let allowed = viewer.allow(w, command)?;
                    customers::actions::set_remark(w, allowed)
                }
            })
            .unwrap();
        let actions::Wish::Planned(id) = wish else {
            panic!("something differs: {wish:?}");
        };
        match cell.kind == KINDS[0] {
            true => (id, Wish::Tagged(relation, is_on)),
            false => (id, Wish::Noted(relation, remark)),
        }
    }

    /// The relation that it is the turn of.
    pub(super) fn next_relation(&self) -> RelationId {
        self.relations[(self.next - 1) % self.relations.len()]
    }

    fn relation(&self, id: RelationId) -> Relation {
        let found = self.firm.app().read(|r| r.get::<Relation>(&id));
        found.unwrap().unwrap()
    }

    fn effect(&self, id: EffectId) -> Effect {
        let found = self.firm.app().read(|r| r.get::<Effect>(&id));
        found.unwrap().unwrap()
    }

    /// The calls of this kind since then.
    fn calls(&self, call: &str, since: usize) -> Vec<Answered> {
        let mut answered = self.firm.sim.answered();
        answered.drain(..since);
        answered.retain(|a| a.path == call);
        answered
    }

    /// Runs a cell to its end; what is wrong with that end.
    pub(super) fn run(&mut self, cell: &Cell) -> Result<(), String> {
        let kind = kind_of(cell.kind);
        let call = kind.spec.call;
        let since = self.firm.sim.answered().len();
        let faults = self.firm.app().effect_faults.clone();
        faults.clear();
        if let Some(bug) = cell.bug {
            faults.plant(bug);
        }
        if let Some(step) = cell.stop {
            faults.stop_at(step);
        }
        if let Some(fault) = cell.fault {
            self.firm.sim.inject(Some(call), 1, fault);
        }
        let (id, wish) = self.plan(cell);
        let mut stopped = cell.stop.is_none();
        let effect = wait_for("the effect ends", || {
            self.firm.app().effects.notify_one();
            if !stopped && self.firm.app().effect_faults.has_stopped() {
                self.firm.kill();
                self.firm.open();
                stopped = true;
            }
            let is_passing = cell.ends != EffectState::Failed;
            if is_passing && !self.calls(call, since).is_empty() {
                self.firm.sim.clear_faults();
            }
            self.firm.clock.advance_ms(500);
            let effect = self.effect(id);
            let waits = matches!(effect.state, EffectState::Queued | EffectState::Sending);
            (stopped && !waits).then_some(effect)
        });
        self.firm.sim.clear_faults();
        let ends = match effect.state {
            EffectState::Unknown if cell.or_unknown => EffectState::Unknown,
            _ => cell.ends,
        };
        if effect.state != ends {
            return Err(format!("ended as {:?}: {:?}", effect.state, effect.failure));
        }
        let calls = self.calls(call, since);
        let carried_out = calls.iter().filter(|a| a.errcode == Some(0)).count();
        // Of some twice is the same as once, and deleting again is refused. What members are told
        // WeCom takes again and drops.
        let is_dropped = tell::KINDS.contains(&cell.kind);
        let is_once = (kind.look.is_some() && !is_dropped) || cell.kind.ends_with("_delete");
        let is_right = match ends {
            EffectState::Done if is_once => carried_out == 1,
            // Each end without an answer brings one more: of the call, and of the process.
            EffectState::Done => {
                let unclear = usize::from(cell.fault.is_some()) + usize::from(cell.stop.is_some());
                (1..=1 + unclear.max(1)).contains(&carried_out)
            }
            // Whether it happened nobody can tell, but never twice.
            EffectState::Unknown => carried_out <= 1,
            _ => carried_out == 0,
        };
        if !is_right {
            return Err(format!("carried out {carried_out} times: {calls:?}"));
        }
        within_penalty(&calls)?;
        if ends == EffectState::Done {
            self.same_everywhere(&wish)?;
        }
        Ok(())
    }

    /// Here and at WeCom it is what was wanted.
    fn same_everywhere(&self, wish: &Wish) -> Result<(), String> {
        let relation = match wish {
            Wish::Tagged(relation, _) | Wish::Noted(relation, _) => *relation,
            Wish::InDirectory(wish) => return directory::same_everywhere(self, wish),
            Wish::InLibrary(wish) => return library::same_everywhere(self, wish),
            Wish::OfRule(wish) => return rules::same_everywhere(self, wish),
            Wish::OfCode(wish) => return codes::same_everywhere(self, wish),
            Wish::OfBroadcast(wish) => return broadcasts::same_everywhere(self, wish),
            Wish::OfMoment(wish) => return moments::same_everywhere(self, wish),
            Wish::OfGroupWelcome(wish) => return groups::same_everywhere(self, wish),
            Wish::Told(wish) => return tell::same_everywhere(self, wish),
        };
        let here = self.relation(relation);
        let external = self.firm.app().read(|r| {
            let customer = r.get::<customers::Customer>(&here.customer);
            customer.unwrap().unwrap().external_userid
        });
        let client = self.firm.app().wecom().unwrap();
        let there = self.firm.runtime().block_on(client.customer(&external));
        let there = there.unwrap().unwrap();
        let userid = firm::cast().store_staff;
        let there = there.follow_user.into_iter().find(|f| f.userid == userid);
        let there = there.unwrap();
        let tags = there.tags.unwrap_or_default();
        let tag_there = tags.iter().any(|tag| tag.tag_id == self.tag_id);
        let is_right = match wish {
            Wish::Tagged(_, is_on) => {
                here.tags.contains(&self.tag) == *is_on && tag_there == *is_on
            }
            Wish::Noted(_, remark) => here.remark == *remark && there.remark == *remark,
            Wish::InDirectory(_)
            | Wish::InLibrary(_)
            | Wish::OfRule(_)
            | Wish::OfCode(_)
            | Wish::OfBroadcast(_)
            | Wish::OfMoment(_)
            | Wish::OfGroupWelcome(_)
            | Wish::Told(_) => false,
        };
        match is_right {
            true => Ok(()),
            false => Err(format!("another here or there: {wish:?}")),
        }
    }
}

/// No call within the time after a refusal for calling too often.
fn within_penalty(calls: &[Answered]) -> Result<(), String> {
    for (n, refused) in calls.iter().enumerate() {
        let ms = match refused.errcode {
            Some(45009) => 60_000,
            Some(45033) => 5_000,
            _ => continue,
        };
        if let Some(next) = calls.get(n + 1)
            && next.at.since_ms(refused.at) < ms
        {
            return Err(format!("a call within the penalty: {calls:?}"));
        }
    }
    Ok(())
}

/// Every fault × an end at every step, and none, for these kinds.
pub(super) fn everything(bench: &mut Bench, kinds: &[&'static str]) {
    everything_ending(bench, kinds, |_, _, ends| (ends, false));
}

/// The same for kinds of which WeCom cannot tell whether they happened: what was on its way when
/// the process ended, or had no clear answer, is left to a person.
pub(super) fn everything_untold(bench: &mut Bench, kinds: &[&'static str]) {
    everything_ending(bench, kinds, |fault, stop, ends| {
        let has_no_clear_answer = matches!(
            fault,
            Some(
                Fault::Status(_)
                    | Fault::StatusAfter(_)
                    | Fault::HalfBody
                    | Fault::ErrcodeAfter(_)
                    | Fault::WrongTypes
                    | Fault::Errcode(-1)
            )
        );
        let is_cut_off = matches!(
            stop,
            Some(Step::Sending | Step::AfterCall | Step::BeforeEnd)
        );
        match has_no_clear_answer || is_cut_off {
            true => (EffectState::Unknown, false),
            false => (ends, stop == Some(Step::AfterEnd)),
        }
    });
}

fn everything_ending(
    bench: &mut Bench,
    kinds: &[&'static str],
    ending: fn(Option<Fault>, Option<Step>, EffectState) -> (EffectState, bool),
) {
    let stops = std::iter::once(None).chain(Step::ALL.into_iter().map(Some));
    let stops: Vec<Option<Step>> = stops.collect();
    let mut wrong = Vec::new();
    for kind in kinds {
        for (fault, ends) in FAULTS {
            for stop in &stops {
                let (ends, or_unknown) = ending(fault, *stop, ends);
                let cell = Cell {
                    kind,
                    fault,
                    stop: *stop,
                    bug: None,
                    ends,
                    or_unknown,
                };
                if let Err(what) = bench.run(&cell) {
                    wrong.push(format!("{cell:?}: {what}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    wait_for("everything is read again", || {
        let waiting = bench.firm.app().read(sync_waiting);
        (waiting == 0).then_some(())
    });
}

/// Cells of one kind: what is made for them beforehand is made so often.
pub(super) const CELLS: usize = FAULTS.len() * (Step::ALL.len() + 1);

#[test]
fn whatever_fails_and_wherever_it_ends_everything_is_done_once() {
    let mut bench = Bench::start();
    everything(&mut bench, &KINDS);
    // A full pass finds nothing that differs.
    let head = bench.firm.app().store.snapshot().feed_head();
    bench.firm.sync();
    assert_eq!(bench.firm.app().store.snapshot().feed_head(), head);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}

/// A kind of effect that is in no matrix has never been tried.
#[test]
fn every_kind_of_effect_is_in_a_matrix() {
    let mut known: Vec<&str> = [
        &KINDS[..],
        &directory::KINDS[..],
        &library::KINDS[..],
        &rules::KINDS[..],
        &codes::KINDS[..],
        &broadcasts::KINDS[..],
        &moments::KINDS[..],
        &groups::KINDS[..],
        &welcome::KINDS[..],
        &tell::KINDS[..],
    ]
    .concat();
    let mut all: Vec<&str> = slices::effects()
        .iter()
        .map(|kind| kind.spec.name)
        .collect();
    known.sort_unstable();
    all.sort_unstable();
    assert_eq!(known, all);
}

fn sync_waiting(r: &qitai::store::Read<'_>) -> u64 {
    qitai::sync::waiting(r).unwrap()
}

/// The same rounds see software that is wrong.
#[test]
fn planted_bugs_are_caught() {
    let cases = [
        (Bug::ResendWithoutLooking, Some(Fault::HalfBody), None),
        (Bug::SendBeforeMarked, None, Some(Step::AfterCall)),
        (Bug::DoneBeforeSent, None, Some(Step::Sending)),
    ];
    for (bug, fault, stop) in cases {
        let mut bench = Bench::start();
        let cell = Cell {
            kind: KINDS[0],
            fault,
            stop,
            bug: Some(bug),
            ends: EffectState::Done,
            or_unknown: false,
        };
        assert!(bench.run(&cell).is_err(), "{bug:?} was not seen");
        let sound = Cell { bug: None, ..cell };
        assert_eq!(bench.run(&sound), Ok(()), "{bug:?}: sound software is");
    }
}

/// A penalty that is known outlives the process.
#[test]
fn a_restart_does_not_forget_a_penalty() {
    let mut bench = Bench::start();
    let since = bench.firm.sim.answered().len();
    let call = kind_of(KINDS[1]).spec.call;
    bench.firm.sim.inject(Some(call), 1, Fault::Errcode(45009));
    let cell = Cell {
        kind: KINDS[1],
        fault: None,
        stop: None,
        bug: None,
        ends: EffectState::Done,
        or_unknown: false,
    };
    let (id, _) = bench.plan(&cell);
    bench.firm.app().effects.notify_one();
    wait_for("it is refused and back in line", || {
        let effect = bench.effect(id);
        (effect.state == EffectState::Queued && effect.failure.is_some()).then_some(())
    });
    bench.firm.sim.clear_faults();
    bench.firm.kill();
    bench.firm.open();
    let (other, _) = bench.plan(&cell);
    for _ in 0..59 {
        bench.firm.clock.advance_ms(1_000);
        bench.firm.app().effects.notify_one();
        std::thread::park_timeout(std::time::Duration::from_millis(2));
    }
    assert_eq!(bench.calls(call, since).len(), 1, "not a single call");
    for id in [id, other] {
        wait_for("it is done", || {
            bench.firm.clock.advance_ms(1_000);
            bench.firm.app().effects.notify_one();
            (bench.effect(id).state == EffectState::Done).then_some(())
        });
    }
}
