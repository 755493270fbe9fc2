//! Moments are made once and stopped, and each customer reached has one touch of it, whatever
//! fails and wherever the process ends.

use std::collections::BTreeSet;

use qitai::{
    customers::{self, CustomerId},
    identity::Viewer,
    org::{self, MemberId},
    outreach::{
        Content,
        materials::MaterialId,
        moments::{
            Moment, MomentId, MomentState, Range,
            actions::{self, SaveDraft, Send, StopMoment},
        },
        touches::{Touch, TouchKind},
    },
    store::Write,
    wecom::{
        MomentQuery,
        sim::{ContactVerb, firm},
    },
    work::effects::EffectId,
};

use super::{
    Firm,
    effects::{Bench, CELLS, everything},
    wait_for,
};

pub(super) const KINDS: [&str; 2] = ["outreach.moment", "outreach.moment_cancel"];

/// What a cell wants of a moment.
#[derive(Debug)]
pub(super) enum Wish {
    /// One moment at WeCom with these words.
    Made(MomentId, String),
    /// Nobody can publish it any more.
    Stopped(MomentId),
}

fn write<T: std::marker::Send + 'static>(
    firm: &Firm,
    verb: impl FnOnce(&mut Write<'_>, &Viewer) -> qitai::error::Result<T> + std::marker::Send + 'static,
) -> qitai::error::Result<T> {
    let viewer = Viewer::system("test");
    let act = viewer.change("test.moments");
    firm.app()
        .store
        .write_blocking(act, move |w| verb(w, &viewer))
}

/// Makes a moment of these members and sends it.
fn begin(firm: &Firm, members: Vec<MemberId>, text: &str) -> MomentId {
    begin_with(firm, members, text, Vec::new())
}

/// The same with what comes along.
pub(super) fn begin_with(
    firm: &Firm,
    members: Vec<MemberId>,
    text: &str,
    attachments: Vec<MaterialId>,
) -> MomentId {
    let command = SaveDraft {
        id: None,
        name: text.to_owned(),
        content: Content {
            text: text.to_owned(),
            attachments,
        },
        range: Range {
            members,
            ..Range::default()
        },
        directory: firm.app().read(|r| firm.app().directory.get(r)).unwrap(),
    };
    let id = write(firm, move |w, viewer| {
        let allowed = viewer.allow(w, command)?;
        let id = actions::save_draft(w, allowed)?;
        let allowed = viewer.allow(w, Send { id, at: None })?;
        actions::send(w, allowed)?;
        Ok(id)
    });
    firm.app().outreach.moments.wake.notify_one();
    id.unwrap()
}

fn stop(firm: &Firm, id: MomentId) {
    let directory = firm.app().read(|r| firm.app().directory.get(r)).unwrap();
    write(firm, move |w, viewer| {
        let allowed = viewer.allow(w, StopMoment { id, directory })?;
        actions::stop(w, allowed)
    })
    .unwrap();
}

pub(super) fn moment(firm: &Firm, id: MomentId) -> Moment {
    firm.app().read(|r| r.get::<Moment>(&id)).unwrap().unwrap()
}

/// Lets time pass and everything work until it is so.
pub(super) fn until<T>(firm: &Firm, what: &str, mut so: impl FnMut() -> Option<T>) -> T {
    wait_for(what, || {
        firm.app().effects.notify_one();
        firm.app().outreach.moments.wake.notify_one();
        firm.clock.advance_ms(1_000);
        firm.sim.pass_time();
        so()
    })
}

/// The member whom the cells work with.
pub(super) fn one(firm: &Firm) -> MemberId {
    wait_for("everything can be found", || {
        firm.app().is_caught_up().then_some(())
    });
    let userid = firm::cast().store_staff;
    let member = firm
        .app()
        .read(|r| org::queries::member_id_by_userid(r, userid));
    member.unwrap().unwrap()
}

/// Moments that can be stopped, made before any cell.
fn prepare(bench: &Bench) {
    let member = one(&bench.firm);
    // WeCom makes ten a minute: few at a time, so that no wait is long.
    let all: Vec<usize> = (0..CELLS).collect();
    for few in all.chunks(10) {
        let ids: Vec<MomentId> = few
            .iter()
            .map(|n| begin(&bench.firm, vec![member], &format!("撤{n}")))
            .collect();
        until(&bench.firm, "these moments are with the members", || {
            let is_running = |id: &MomentId| moment(&bench.firm, *id).state == MomentState::Running;
            ids.iter().all(is_running).then_some(())
        });
    }
}

fn named(bench: &Bench, name: &str) -> MomentId {
    let app = bench.firm.app();
    app.read(|r| {
        let mut all = r.all::<Moment>(None).unwrap().map(Result::unwrap);
        all.find(|m| m.name == name).unwrap().id
    })
}

/// Plans the effect of a cell.
pub(super) fn plan(bench: &mut Bench, kind: &'static str) -> (EffectId, Wish) {
    if kind == KINDS[0] {
        let text = format!("第{}条朋友圈", bench.next);
        let id = begin(&bench.firm, vec![one(&bench.firm)], &text);
        let effect = until(&bench.firm, "WeCom is to be told", || {
            moment(&bench.firm, id).effect
        });
        return (effect, Wish::Made(id, text));
    }
    let id = named(bench, &format!("撤{}", bench.next % CELLS));
    stop(&bench.firm, id);
    let effect = moment(&bench.firm, id).cancel.expect("it was made");
    (effect, Wish::Stopped(id))
}

/// Moments of the firm at WeCom with these words.
pub(super) fn there(firm: &Firm, text: &str) -> Vec<String> {
    let client = firm.app().wecom().unwrap();
    let now = firm.clock.now().ms() / 1_000;
    let query = MomentQuery {
        start_time: now - 25 * 86_400,
        end_time: now + 3_600,
        ..MomentQuery::default()
    };
    let found = firm
        .runtime()
        .block_on(client.moments(&query).all())
        .unwrap();
    let words = |m: &qitai::wecom::Moment| m.text.as_ref().map_or("", |t| &t.content).to_owned();
    let alike = found.iter().filter(|m| words(m) == text);
    alike.map(|m| m.moment_id.clone()).collect()
}

/// Here and at WeCom it is what was wanted.
pub(super) fn same_everywhere(bench: &Bench, wish: &Wish) -> Result<(), String> {
    let firm = &bench.firm;
    let is_right = match wish {
        Wish::Made(id, text) => {
            until(firm, "the job is done", || {
                (moment(firm, *id).state == MomentState::Running).then_some(())
            });
            there(firm, text) == [moment(firm, *id).moment_id]
        }
        Wish::Stopped(id) => {
            until(firm, "everything about it is known", || {
                (moment(firm, *id).state == MomentState::Stopped).then_some(())
            });
            let verb = ContactVerb::PublishMoment {
                moment_id: moment(firm, *id).moment_id,
                userid: firm::cast().store_staff.to_owned(),
            };
            firm.sim.act(verb).is_err()
        }
    };
    match is_right {
        true => Ok(()),
        false => Err(format!("another here or there: {wish:?}")),
    }
}

#[test]
fn moments_are_made_and_stopped_once_whatever_fails() {
    let mut bench = Bench::start();
    prepare(&bench);
    everything(&mut bench, &KINDS);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}

/// Who was reached by the record of WeCom, with the member through whom.
fn reached(firm: &Firm, id: MomentId) -> BTreeSet<(CustomerId, MemberId)> {
    let client = firm.app().wecom().unwrap();
    let moment = moment(firm, id);
    let mut all = BTreeSet::new();
    for member in moment.senders {
        let userid = firm.app().read(|r| r.get::<org::Member>(&member));
        let userid = userid.unwrap().unwrap().userid;
        let results = client.moment_results(&moment.moment_id, &userid).all();
        // Who was not admitted has none.
        let results = firm.runtime().block_on(results).unwrap_or_default();
        for result in results {
            let customer = firm
                .app()
                .read(|r| customers::sync::by_external_userid(r, &result.external_userid));
            all.insert((customer.unwrap().unwrap().id, member));
        }
    }
    all
}

#[test]
fn each_customer_reached_has_one_touch_wherever_it_ends() {
    let mut firm = Firm::start(60);
    wait_for("everything can be found", || {
        firm.app().is_caught_up().then_some(())
    });
    let habit = ContactVerb::SetHabit {
        of: "moments".to_owned(),
        habit: "later:20".to_owned(),
    };
    firm.sim.act(habit).unwrap();
    let id = begin(&firm, Vec::new(), "全店上新");
    // Ends again and again while members are asked about one after the other.
    for n in 0..12 {
        for _ in 0..n {
            firm.clock.advance_ms(3_000);
            firm.sim.pass_time();
            firm.app().effects.notify_one();
            firm.app().outreach.moments.wake.notify_one();
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
        firm.kill();
        firm.open();
    }
    until(&firm, "everybody has published", || {
        (moment(&firm, id).state == MomentState::Done).then_some(())
    });
    assert!(moment(&firm, id).senders.len() > 3);
    let wanted = reached(&firm, id);
    let noted = until(&firm, "all touches are noted", || {
        let touches: Vec<Touch> = firm.app().read(|r| {
            let all = r.all::<Touch>(None).unwrap().map(Result::unwrap);
            all.filter(|t| t.kind == TouchKind::Moment).collect()
        });
        (touches.len() >= wanted.len()).then_some(touches)
    });
    let pairs: BTreeSet<_> = noted
        .iter()
        .map(|t| (t.customer, t.member.unwrap()))
        .collect();
    assert_eq!(noted.len(), pairs.len(), "nobody has two");
    assert_eq!(pairs, wanted);
    assert_eq!(firm.app().store.check().unwrap().found, []);
}
