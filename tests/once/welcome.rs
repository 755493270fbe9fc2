//! P14 for greetings: planned with the event, sent in time, once, whatever fails and wherever
//! the process ends.

use qitai::{
    identity::Viewer,
    outreach::{
        Content,
        welcome::{self, Greeting, Outcome, Source, WelcomeId, Whose, actions::SaveWelcome},
    },
    wecom::sim::{CallbackFault, Fault, Greeted, firm},
    work::effects::{
        Area, Effect, EffectState, SaveWriteSettings, WriteMode, WriteSettings, faults::Step,
        save_write_settings,
    },
};

use super::{
    Firm,
    storm::{Server, serve_on},
    wait_for,
};

pub(super) const KINDS: [&str; 1] = ["outreach.welcome"];

const CALL: &str = "externalcontact/send_welcome_msg";

/// What can go wrong with the call, and how the greeting ends. What holds the API back for
/// longer than the code lives ends it.
const FAULTS: [(Option<Fault>, EffectState); 13] = [
    (None, EffectState::Done),
    (Some(Fault::Status(502)), EffectState::Done),
    (Some(Fault::StatusAfter(502)), EffectState::Done),
    (Some(Fault::HalfBody), EffectState::Done),
    (Some(Fault::ErrcodeAfter(-1)), EffectState::Done),
    (Some(Fault::NumbersAsText), EffectState::Done),
    (Some(Fault::UnknownFields), EffectState::Done),
    (Some(Fault::ExpiredToken), EffectState::Done),
    (Some(Fault::Errcode(40014)), EffectState::Done),
    (Some(Fault::Errcode(-1)), EffectState::Done),
    (Some(Fault::Errcode(45009)), EffectState::Failed),
    (Some(Fault::Errcode(60020)), EffectState::Failed),
    (Some(Fault::Errcode(41053)), EffectState::Failed),
];

/// A firm that greets, with its server.
struct Host {
    firm: Firm,
    server: Option<Server>,
    welcome: WelcomeId,
}

impl Host {
    fn start() -> Self {
        let firm = Firm::start(20);
        let viewer = Viewer::system("test");
        let app = firm.app().clone();
        let directory = app.read(|r| app.directory.get(r)).unwrap();
        let welcome = app
            .store
            .write_blocking(viewer.change("test.welcome"), move |w| {
                let settings = WriteSettings::load(&w.read())?;
                let settings = settings.with(Area::Outreach, WriteMode::On);
                let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
                save_write_settings(w, allowed)?;
                let command = SaveWelcome {
                    id: None,
                    name: "全企业".to_owned(),
                    whose: Whose::Firm,
                    windows: Vec::new(),
                    content: Content {
                        text: "{客户}您好，我是{员工}".to_owned(),
                        attachments: Vec::new(),
                    },
                    directory,
                };
                let allowed = viewer.allow(w, command)?;
                welcome::actions::save(w, allowed)
            })
            .unwrap();
        let mut host = Self {
            firm,
            server: None,
            welcome,
        };
        host.serve();
        host
    }

    fn serve(&mut self) {
        let server = serve_on(&self.firm);
        let address = format!("{}{}", server.address, qitai::sync::CALLBACK);
        self.firm.sim.set_callback(&address);
        self.server = Some(server);
    }

    /// Ends everything in the middle and starts it again.
    fn restart(&mut self) {
        let server = self.server.take().unwrap();
        self.firm.kill_with(|| server.thread.join().unwrap());
        self.firm.open();
        self.serve();
    }

    /// Somebody adds a member, and WeCom tells of it.
    fn customer_comes(&self) -> String {
        let name = "新客";
        let external = self.firm.sim.add_customer(firm::cast().store_staff, name);
        let told = self.firm.sim.callbacks_settled();
        self.firm.runtime().block_on(told);
        external
    }

    fn greetings(&self) -> Vec<Greeting> {
        let source = Source::Welcome(self.welcome);
        let app = self.firm.app();
        app.read(|r| welcome::queries::latest(r, source, 1_000))
            .unwrap()
    }

    fn effect(&self, greeting: &Greeting) -> Effect {
        let found = self.firm.app().read(|r| r.get::<Effect>(&greeting.effect));
        found.unwrap().unwrap()
    }

    fn greeted(&self, external: &str) -> Vec<Greeted> {
        let mut greeted = self.firm.sim.greeted();
        greeted.retain(|g| g.external_userid == external);
        greeted
    }

    fn calls(&self) -> usize {
        let answered = self.firm.sim.answered();
        answered.iter().filter(|a| a.path == CALL).count()
    }

    /// Time passes only while the greeting waits for it.
    fn pass_time(&self, effect: &Effect) {
        let now = self.firm.clock.now();
        let wait = effect.run_after.since_ms(now);
        if effect.state == EffectState::Queued && wait > 0 {
            self.firm.clock.advance_ms(wait);
        }
        self.firm.app().effects.notify_one();
    }

    fn round(
        &mut self,
        fault: Option<Fault>,
        stop: Option<Step>,
        ends: EffectState,
    ) -> Result<(), String> {
        let known = self.greetings().len();
        let calls = self.calls();
        // A penalty of the round before is over.
        self.firm.clock.advance_ms(120_000);
        let faults = self.firm.app().effect_faults.clone();
        faults.clear();
        if let Some(step) = stop {
            faults.stop_at(step);
        }
        if let Some(fault) = fault {
            self.firm.sim.inject(Some(CALL), 1, fault);
        }
        let external = self.customer_comes();
        let planned = self.greetings();
        if planned.len() != known + 1 {
            return Err(format!("planned {} greetings", planned.len() - known));
        }
        let mut stopped = stop.is_none();
        let effect = wait_for("the greeting ends", || {
            if !stopped && self.firm.app().effect_faults.has_stopped() {
                self.restart();
                stopped = true;
            }
            if ends == EffectState::Done && self.calls() > calls {
                self.firm.sim.clear_faults();
            }
            let effect = self.effect(&planned[0]);
            self.pass_time(&effect);
            let waits = matches!(effect.state, EffectState::Queued | EffectState::Sending);
            (stopped && !waits).then_some(effect)
        });
        self.firm.sim.clear_faults();
        if effect.state != ends {
            return Err(format!("ended as {:?}: {:?}", effect.state, effect.failure));
        }
        let greeted = self.greeted(&external).len();
        let expected = usize::from(ends == EffectState::Done);
        if greeted != expected {
            return Err(format!("greeted {greeted} times"));
        }
        let outcome = self.greetings()[0].outcome;
        if outcome != (ends == EffectState::Done).then_some(Outcome::Sent) {
            return Err(format!("says {outcome:?}"));
        }
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.firm.app().stop();
            drop(server.thread.join());
        }
    }
}

#[test]
fn a_customer_is_greeted_once_whatever_fails_and_wherever_it_ends() {
    let mut host = Host::start();
    let stops = std::iter::once(None).chain(Step::ALL.into_iter().map(Some));
    let stops: Vec<Option<Step>> = stops.collect();
    let mut wrong = Vec::new();
    for (fault, ends) in FAULTS {
        for stop in &stops {
            if let Err(what) = host.round(fault, *stop, ends) {
                wrong.push(format!("{fault:?} {stop:?}: {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(host.firm.app().store.check().unwrap().found, []);
}

#[test]
fn an_event_that_comes_twice_greets_once() {
    let host = Host::start();
    let sim = &host.firm.sim;
    sim.inject_callback(None, 1, CallbackFault::Duplicated);
    let external = host.customer_comes();
    wait_for("the customer is greeted", || {
        host.firm.app().effects.notify_one();
        (host.greeted(&external).len() == 1).then_some(())
    });
    assert_eq!(host.greetings().len(), 1);
    let greeted = host.greeted(&external).remove(0);
    assert!(
        greeted.text.starts_with("新客您好，我是"),
        "{}",
        greeted.text
    );
}

#[test]
fn a_code_whose_time_is_over_is_never_used() {
    let mut host = Host::start();
    host.firm.app().effect_faults.stop_at(Step::BeforeSending);
    let external = host.customer_comes();
    wait_for("the greeting is about to leave", || {
        host.firm.app().effects.notify_one();
        let faults = &host.firm.app().effect_faults;
        faults.has_stopped().then_some(())
    });
    let planned = host.greetings();
    assert_eq!(planned.len(), 1, "it was planned with the event");
    host.firm.clock.advance_ms(20_001);
    host.restart();
    let effect = wait_for("it is given up", || {
        host.firm.app().effects.notify_one();
        let effect = host.effect(&planned[0]);
        (effect.state == EffectState::Failed).then_some(effect)
    });
    assert_eq!(effect.failure.unwrap().code, "conflict.expired");
    assert_eq!((host.calls(), host.greeted(&external).len()), (0, 0));
}

#[test]
fn nobody_says_that_a_greeting_did_not_happen_if_nobody_can_know() {
    let mut host = Host::start();
    host.firm.app().effect_faults.stop_at(Step::AfterCall);
    let external = host.customer_comes();
    wait_for("the answer is lost", || {
        host.firm.app().effects.notify_one();
        let faults = &host.firm.app().effect_faults;
        faults.has_stopped().then_some(())
    });
    host.firm.clock.advance_ms(25_000);
    host.restart();
    let planned = host.greetings();
    wait_for("a person has to look", || {
        host.firm.app().effects.notify_one();
        let effect = host.effect(&planned[0]);
        (effect.state == EffectState::Unknown).then_some(())
    });
    assert_eq!(host.greeted(&external).len(), 1);
}
