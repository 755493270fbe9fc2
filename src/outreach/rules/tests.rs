//! Rules on a real store: each fires once for what it is about, and for nothing else.

use std::sync::Arc;

use super::{
    actions::{SaveRule, save_rule},
    fire::{Around, fire},
    follow::{Step, next},
    matching::{Hit, Matcher, Time},
    model::*,
    tables::{FIRM, Place},
    trial::{Trial, trial},
};
use crate::{
    app::App,
    customers::{
        AddWay, Customer, CustomerId, CustomerKind, Group, GroupId, GroupMember, GroupState,
        JoinScene, Relation, RelationId, RelationState,
    },
    error::{AppError, Result},
    identity::Viewer,
    kit::{Clock, Id, Random, Timestamp},
    livecodes::{Channel, ChannelId, CodeKind, CodeState, LiveCode, LiveCodeId, state_of, stats},
    org::{Directory, DirectoryCache, Gender, Member, MemberId, MemberState, Origin, Sight},
    store::{Act, Folder, Store, Write},
    tags::{Tag, TagGroup, TagGroupId, TagId},
    todos::{self, Source, Todo},
    work::effects::{self, Area, Effect, SaveWriteSettings, WriteMode, WriteSettings},
};

/// 2026-11-20 10:32 in Shanghai.
const NOW: Timestamp = Timestamp::from_ms(1_795_141_920_000);
const HOUR_MS: i64 = 3_600_000;

struct Bench {
    store: Store,
    directory: DirectoryCache,
    clock: Clock,
    _dir: tempfile::TempDir,
}

impl Bench {
    /// A firm with a member, a tag and a code, that lets customers be written, and whose first
    /// sync is over.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path().join("data"));
        folder.create(&Random::seeded(1)).unwrap();
        let clock = Clock::manual(NOW);
        let mut options = App::store_options();
        options.clock = clock.clone();
        let bench = Self {
            store: Store::open(&folder, options).unwrap(),
            directory: DirectoryCache::default(),
            clock,
            _dir: dir,
        };
        bench.allow(WriteMode::On);
        bench.put(|w| {
            w.put(&member())?;
            w.put(&TagGroup {
                id: TagGroupId::from_bits(1),
                wecom_id: "g1".into(),
                name: "来源".into(),
                order: 1,
                deleted: false,
            })?;
            for n in 1..=3 {
                w.put(&tag(n))?;
            }
            w.put(&Channel {
                id: ChannelId::from_bits(1),
                name: "线下".into(),
                parent: None,
            })?;
            w.put(&Channel {
                id: ChannelId::from_bits(2),
                name: "门店".into(),
                parent: Some(ChannelId::from_bits(1)),
            })?;
            Ok(w.put(&code(1))?)
        });
        bench.begin();
        bench
    }

    /// The follower begins here.
    fn begin(&self) {
        self.put(|w| {
            let feed = w.read().feed_head()?;
            Ok(w.put(&Place {
                feed,
                quiet: w.now(),
            })?)
        });
    }

    fn put<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    ) -> T {
        let act = Act::by_system("test.put", "test");
        self.store.write_blocking(act, verb).unwrap()
    }

    fn allow(&self, mode: WriteMode) {
        let viewer = Viewer::system("test");
        let settings = WriteSettings::default()
            .with(Area::Customers, mode)
            .with(Area::Messages, mode);
        let act = viewer.change("settings.writing");
        self.store
            .write_blocking(act, move |w| {
                let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
                effects::save_write_settings(w, allowed)
            })
            .unwrap();
    }

    fn rule(&self, trigger: Trigger) -> Rule {
        let rule = Rule {
            id: Id::from_bits(0),
            name: "规则".into(),
            is_on: true,
            unit: None,
            trigger,
            tags: vec![TagId::from_bits(2)],
            remark_prefix: String::new(),
            since: NOW,
            todo: None,
            message: None,
            assignee: None,
        };
        let viewer = Viewer::system("test");
        let directory = self.store.read(|r| self.directory.get(r)).unwrap();
        let id = self
            .store
            .write_blocking(viewer.change("rule.save"), move |w| {
                let allowed = viewer.allow(w, SaveRule { rule, directory })?;
                save_rule(w, allowed)
            })
            .unwrap();
        self.store.read(|r| r.get::<Rule>(&id)).unwrap().unwrap()
    }

    /// A rule about the code that only follows up.
    fn follow_up(&self, todo: Option<&str>, message: Option<&str>) -> Rule {
        let rule = self.rule(Trigger::Code(LiveCodeId::from_bits(1)));
        let rule = Rule {
            tags: Vec::new(),
            todo: todo.map(|words| RuleTodo {
                words: words.to_owned(),
                due_days: Some(2),
            }),
            message: message.map(str::to_owned),
            ..rule
        };
        let kept = rule.clone();
        self.put(move |w| Ok(w.put(&kept)?));
        rule
    }

    fn of_rule(&self, rule: &Rule) -> Vec<Firing> {
        let mut firings = self.firings();
        firings.retain(|firing| firing.cause == Cause::Rule(rule.id));
        firings
    }

    /// The next step, not carried out.
    fn next(&self) -> Option<Step> {
        let now = self.clock.now();
        self.store.read(|r| next(&self.directory, r, now)).unwrap()
    }

    fn around(&self) -> Around {
        Around {
            // Members are put without a word to the directory: it is read anew.
            directory: Arc::new(self.store.read(Directory::load).unwrap()),
            firm: "云岭茶业".into(),
            home: Some("https://qitai.example".into()),
            zone: jiff::tz::TimeZone::UTC,
        }
    }

    fn carry_out(&self, step: Step, fails: bool) -> Result<()> {
        let viewer = Viewer::system("rules");
        let around = self.around();
        self.store
            .write_blocking(viewer.change("rule.fire"), move |w| {
                step.carry_out(w, &viewer, &around)?;
                match fails {
                    true => Err(AppError::internal("killed")),
                    false => Ok(()),
                }
            })
    }

    fn run(&self) {
        while let Some(step) = self.next() {
            let more = step.more;
            self.carry_out(step, false).unwrap();
            if !more {
                break;
            }
        }
    }

    fn all<E: crate::store::Entity>(&self) -> Vec<E> {
        self.store.read(|r| {
            r.all::<E>(None)
                .unwrap()
                .map(std::result::Result::unwrap)
                .collect()
        })
    }

    fn firings(&self) -> Vec<Firing> {
        self.all()
    }

    fn effects(&self) -> usize {
        self.all::<Effect>().len()
    }

    /// A customer of the member who comes by a channel.
    fn comes(&self, n: u64, channel: &str, added_at: Timestamp) {
        let channel = channel.to_owned();
        self.put(move |w| {
            w.put(&customer(n))?;
            Ok(w.put(&relation(n, &channel, added_at))?)
        });
    }
}

fn member() -> Member {
    Member {
        id: MemberId::from_bits(1),
        userid: "zhoumin".into(),
        name: "周敏".into(),
        alias: String::new(),
        position: String::new(),
        posts: Vec::new(),
        main_department: 0,
        gender: Gender::Unknown,
        mobile: String::new(),
        email: String::new(),
        state: MemberState::Active,
        left_at: None,
        serves_customers: true,
        no: 1,
        origin: Origin::default(),
        job_number: String::new(),
        direct_leader: String::new(),
        external_id: String::new(),
        told_at: None,
    }
}

fn tag(n: u64) -> Tag {
    Tag {
        id: TagId::from_bits(n),
        wecom_id: format!("t{n}"),
        group: TagGroupId::from_bits(1),
        name: format!("标签{n}"),
        order: n,
        deleted: false,
        made_at: None,
    }
}

fn code(n: u64) -> LiveCode {
    LiveCode {
        id: LiveCodeId::from_bits(n),
        kind: CodeKind::Staff,
        name: format!("活码{n}"),
        state: CodeState::Active,
        unit: None,
        channel: Some(ChannelId::from_bits(2)),
        tags: vec![TagId::from_bits(1)],
        remark_prefix: "门店-".into(),
        welcome: None,
        expires_at: None,
        created_at: NOW,
        created_by: None,
        seats: Vec::new(),
        skip_verify: true,
        schedule: Vec::new(),
        rooms: Vec::new(),
        auto_room: None,
    }
}

fn customer(n: u64) -> Customer {
    Customer {
        id: CustomerId::from_bits(n),
        no: u32::try_from(n).unwrap(),
        external_userid: format!("wm{n}"),
        kind: CustomerKind::Wechat,
        name: format!("客户{n}"),
        gender: Gender::Unknown,
        avatar: String::new(),
        unionid: String::new(),
        position: String::new(),
        corp_name: String::new(),
        corp_full_name: String::new(),
        known_since: NOW,
    }
}

fn relation(n: u64, channel: &str, added_at: Timestamp) -> Relation {
    Relation {
        id: RelationId::from_bits(n),
        customer: CustomerId::from_bits(n),
        member: MemberId::from_bits(1),
        remark: String::new(),
        description: String::new(),
        company: String::new(),
        phones: Vec::new(),
        tags: Vec::new(),
        personal_tags: Vec::new(),
        add_way: AddWay(1),
        channel: channel.to_owned(),
        added_at,
        state: RelationState::Active,
        last_word: None,
    }
}

fn lc(n: u64) -> String {
    state_of(LiveCodeId::from_bits(n))
}

#[test]
fn a_code_puts_its_tags_and_prefix_on_whoever_comes_by_it() {
    let bench = Bench::new();
    bench.comes(1, &lc(1), NOW);
    bench.comes(2, "mp-menu", NOW);
    bench.comes(3, "", NOW);
    bench.run();
    let firings = bench.firings();
    assert_eq!(firings.len(), 1);
    assert_eq!(firings[0].cause, Cause::Code(LiveCodeId::from_bits(1)));
    assert!(matches!(
        firings[0].outcome,
        Outcome::Done {
            tags: Some(_),
            remark: Some(_)
        }
    ));
    assert_eq!(bench.effects(), 2);
    let remarks = bench.all::<Effect>().into_iter().find_map(|effect| {
        crate::customers::effects::input::<crate::customers::effects::Remark>(&effect)
            .ok()
            .and_then(|remark| remark.remark)
    });
    assert_eq!(remarks.as_deref(), Some("门店-客户1"));
    assert_eq!(bench.store.check().unwrap().found, []);
}

#[test]
fn a_rule_fires_for_its_code_its_channel_and_the_channel_above() {
    let bench = Bench::new();
    let rules = [
        bench.rule(Trigger::Code(LiveCodeId::from_bits(1))),
        bench.rule(Trigger::Channel(ChannelId::from_bits(2))),
        bench.rule(Trigger::Channel(ChannelId::from_bits(1))),
    ];
    bench.comes(1, &lc(1), NOW);
    bench.comes(2, &lc(9), NOW);
    bench.run();
    let mut causes: Vec<Cause> = bench.firings().iter().map(|f| f.cause).collect();
    let mut wanted: Vec<Cause> = rules.iter().map(|rule| Cause::Rule(rule.id)).collect();
    wanted.push(Cause::Code(LiveCodeId::from_bits(1)));
    let order = |cause: &Cause| cause.parts();
    causes.sort_by_key(order);
    wanted.sort_by_key(order);
    assert_eq!(causes, wanted);
}

#[test]
fn nothing_fires_for_what_was_before_or_is_long_ago() {
    let bench = Bench::new();
    let rule = bench.rule(Trigger::Code(LiveCodeId::from_bits(1)));
    // A sync finds people who had come before, by a state that leads here.
    for (n, ago) in [(1, 1), (2, 25), (3, 24 * 400)] {
        bench.comes(n, &lc(1), NOW.plus_ms(-ago * HOUR_MS));
    }
    bench.run();
    assert_eq!(bench.firings(), []);
    // It came in time, and was found late.
    bench.clock.advance_ms(30 * HOUR_MS);
    bench.comes(4, &lc(1), NOW.plus_ms(HOUR_MS));
    bench.run();
    assert_eq!(bench.firings(), []);
    bench.comes(5, &lc(1), bench.clock.now());
    bench.run();
    assert_eq!(bench.firings().len(), 2);
    // Paused and put in force again, it does not catch up.
    let mut paused = rule;
    paused.is_on = false;
    bench.put(move |w| Ok(w.put(&paused)?));
    bench.comes(6, &lc(1), bench.clock.now());
    bench.run();
    assert_eq!(bench.firings().len(), 3, "only the code itself");
}

#[test]
fn before_the_first_sync_has_ended_nothing_is_followed() {
    let bench = Bench::new();
    bench.put(|w| Ok(w.delete::<Place>(&FIRM.to_owned())?));
    bench.comes(1, &lc(1), NOW);
    assert!(bench.next().is_none());
    bench.run();
    assert_eq!(bench.firings(), []);
}

#[test]
fn a_firing_happens_once_whatever_ends_when_and_however_often_it_is_read() {
    let bench = Bench::new();
    bench.rule(Trigger::Channel(ChannelId::from_bits(1)));
    for n in 1..=20 {
        bench.comes(n, &lc(1), NOW);
    }
    let step = bench.next().unwrap();
    assert!(bench.carry_out(step, true).is_err());
    assert_eq!((bench.firings().len(), bench.effects()), (0, 0));
    let step = bench.next().unwrap();
    bench.carry_out(step, false).unwrap();
    let before = (bench.firings(), bench.effects());
    assert_eq!((before.0.len(), before.1), (40, 60));
    // The place is lost: everything is read again.
    bench.put(|w| {
        Ok(w.put(&Place {
            feed: 0,
            quiet: w.now(),
        })?)
    });
    bench.run();
    assert_eq!((bench.firings(), bench.effects()), before);
    // Somebody changes a relation: it is no new occasion.
    bench.put(|w| {
        let mut relation = relation(1, &lc(1), NOW);
        relation.description = "常客".into();
        Ok(w.put(&relation)?)
    });
    bench.run();
    assert_eq!((bench.firings(), bench.effects()), before);
    assert_eq!(bench.store.check().unwrap().found, []);
}

#[test]
fn whoever_comes_again_later_is_a_new_occasion() {
    let bench = Bench::new();
    bench.comes(1, &lc(1), NOW);
    bench.run();
    bench.clock.advance_ms(48 * HOUR_MS);
    bench.comes(1, &lc(1), bench.clock.now());
    bench.run();
    assert_eq!(bench.firings().len(), 2);
}

#[test]
fn where_the_firm_does_not_write_the_firing_says_so() {
    let bench = Bench::new();
    bench.allow(WriteMode::Off);
    bench.comes(1, &lc(1), NOW);
    bench.run();
    let firings = bench.firings();
    assert_eq!(
        firings[0].outcome,
        Outcome::Refused("writing_off".to_owned())
    );
    assert_eq!(bench.effects(), 0);
    // Writing is turned on: the occasion is over all the same.
    bench.allow(WriteMode::On);
    bench.put(|w| {
        Ok(w.put(&Place {
            feed: 0,
            quiet: w.now(),
        })?)
    });
    bench.run();
    assert_eq!(bench.firings(), firings);
}

#[test]
fn outside_the_pilot_nothing_is_done_and_the_firing_says_so() {
    let bench = Bench::new();
    let pilot = crate::sync::pilot::Pilot {
        departments: vec![42],
    };
    bench.put(move |w| Ok(w.put(&pilot)?));
    bench.comes(1, &lc(1), NOW);
    bench.run();
    let outcome = &bench.firings()[0].outcome;
    assert_eq!(*outcome, Outcome::Refused("outside_pilot".to_owned()));
    assert_eq!(bench.effects(), 0);
}

#[test]
fn joining_a_group_tags_the_relation_with_its_owner() {
    let bench = Bench::new();
    let group = GroupId::from_bits(5);
    bench.put(move |w| {
        Ok(w.put(&Group {
            id: group,
            no: 1,
            chat_id: "wr1".into(),
            name: "茶友群".into(),
            owner: Some(MemberId::from_bits(1)),
            notice: String::new(),
            created_at: NOW,
            state: GroupState::Normal,
            member_count: 1,
            external_count: 1,
            member_version: String::new(),
        })?)
    });
    let rule = bench.rule(Trigger::Group(group));
    bench.comes(1, "", NOW);
    let person = move |n: u64, customer: Option<u64>, channel: String| GroupMember {
        id: Id::from_bits(100 + n),
        group,
        userid: format!("wm{n}"),
        member: None,
        customer: customer.map(CustomerId::from_bits),
        is_external: true,
        name: String::new(),
        nickname: String::new(),
        joined_at: NOW,
        scene: JoinScene::Code,
        channel,
    };
    bench.put(move |w| {
        w.put(&person(1, Some(1), lc(1)))?;
        // A stranger has no relation that could be tagged.
        Ok(w.put(&person(2, None, lc(1)))?)
    });
    bench.run();
    let mut causes: Vec<Cause> = bench.firings().iter().map(|f| f.cause).collect();
    causes.sort_by_key(|cause| cause.parts());
    assert_eq!(
        causes,
        [Cause::Rule(rule.id), Cause::Code(LiveCodeId::from_bits(1))]
    );
}

#[test]
fn a_trial_says_what_then_fires() {
    let bench = Bench::new();
    let rule = bench.rule(Trigger::Channel(ChannelId::from_bits(1)));
    bench.put(|w| Ok(w.put(&code(7))?));
    let other = bench.rule(Trigger::Code(LiveCodeId::from_bits(7)));
    for n in 1..=30 {
        let channel = if n % 3 == 0 {
            "mp-menu".to_owned()
        } else {
            lc(1)
        };
        bench.comes(n, &channel, NOW);
    }
    bench.run();
    stats::count_arrivals_for_test(&bench.store);
    let until = NOW.plus_ms(HOUR_MS);
    let sight = Sight::everything_for_test();
    let tried = |rule: &Rule| {
        let found = bench
            .store
            .read(|r| trial(r, &sight, rule, NOW, until))
            .unwrap();
        let mut of: Vec<u64> = found.hits.iter().map(|hit| hit.of).collect();
        of.sort_unstable();
        of
    };
    let mut fired: Vec<u64> = bench
        .firings()
        .iter()
        .filter(|f| f.cause == Cause::Rule(rule.id))
        .map(|f| f.of)
        .collect();
    fired.sort_unstable();
    assert_eq!(fired.len(), 20);
    assert_eq!(tried(&rule), fired);
    assert!(tried(&other).is_empty());
}

#[test]
fn what_has_changed_since_it_was_read_is_looked_at_again() {
    let bench = Bench::new();
    let rule = bench.rule(Trigger::Code(LiveCodeId::from_bits(1)));
    bench.comes(1, &lc(1), NOW);
    let directory = bench.store.read(|r| bench.directory.get(r)).unwrap();
    let hits: Vec<Hit> = bench.store.read(|r| {
        let matcher = Matcher::of(r, &directory, vec![rule.clone()], Time::Live(NOW)).unwrap();
        matcher.came(&relation(1, &lc(1), NOW))
    });
    assert_eq!(hits.len(), 2);
    let ended = Relation {
        state: RelationState::Ended { at: NOW },
        ..relation(1, &lc(1), NOW)
    };
    bench.put(move |w| Ok(w.put(&ended)?));
    let viewer = Viewer::system("rules");
    let around = bench.around();
    let fired = bench
        .store
        .write_blocking(viewer.change("rule.fire"), move |w| {
            let mut fired = 0;
            for hit in &hits {
                fired += usize::from(fire(w, &viewer, &around, hit)?);
            }
            Ok(fired)
        });
    assert_eq!(fired.unwrap(), 0);
}

#[test]
fn a_rule_that_would_do_nothing_is_refused_field_by_field() {
    let bench = Bench::new();
    let rule = Rule {
        id: Id::from_bits(0),
        name: " ".into(),
        is_on: true,
        unit: None,
        trigger: Trigger::Words(Vec::new()),
        tags: Vec::new(),
        remark_prefix: "长".repeat(11),
        since: NOW,
        todo: Some(RuleTodo {
            words: " ".into(),
            due_days: Some(DAYS_MAX + 1),
        }),
        message: Some("长".repeat(SAID_MAX + 1)),
        assignee: Some(MemberId::from_bits(99)),
    };
    let viewer = Viewer::system("test");
    let directory = bench.store.read(|r| bench.directory.get(r)).unwrap();
    let refused = bench
        .store
        .write_blocking(viewer.change("rule.save"), move |w| {
            let allowed = viewer.allow(w, SaveRule { rule, directory })?;
            save_rule(w, allowed)
        });
    let Err(AppError::Invalid(wrong)) = refused else {
        panic!("it was kept");
    };
    let fields: Vec<&str> = wrong.problems.iter().map(|p| p.field).collect();
    let wanted = ["name", "words", "remark_prefix", "todo", "todo_days"];
    assert_eq!(fields[..5], wanted);
    assert_eq!(fields[5..], ["message", "assignee"]);
}

#[test]
fn a_rule_makes_one_todo_at_a_time_and_tells_once_with_it() {
    let bench = Bench::new();
    let rule = bench.follow_up(
        Some("给{客户}寄茶样，{员工}，{活码}，{企业}"),
        Some("{客户}来了"),
    );
    bench.comes(1, &lc(1), NOW);
    bench.run();
    let todos: Vec<Todo> = bench.all();
    assert_eq!(todos.len(), 1);
    assert_eq!(todos[0].words, "给{客户}寄茶样，周敏，活码1，云岭茶业");
    assert_eq!(todos[0].source, Source::Rule(rule.id));
    assert_eq!(todos[0].member, MemberId::from_bits(1));
    assert_eq!(todos[0].relation, Some(RelationId::from_bits(1)));
    // 2026-11-20 in this zone, and two days.
    let due = Timestamp::from_ms(1_795_391_999_999);
    assert_eq!(todos[0].due, Some(due));
    let fired = &bench.of_rule(&rule)[0];
    assert_eq!(fired.outcome, Outcome::Same);
    assert_eq!(fired.todo, Some(Came::Made(todos[0].id.bits())));
    assert!(matches!(fired.message, Some(Came::Made(_))));
    let told = |bench: &Bench| {
        let mut effects = bench.all::<Effect>();
        effects.retain(|effect| effect.kind == "outreach.tell");
        effects.len()
    };
    assert_eq!(told(&bench), 1);

    // The customer comes again while it is open.
    bench.clock.advance_ms(HOUR_MS);
    bench.comes(1, &lc(1), bench.clock.now());
    bench.run();
    let same = bench.of_rule(&rule);
    let same = same.iter().find(|f| f.todo == Some(Came::Same)).unwrap();
    assert_eq!(same.message, Some(Came::Same));
    assert_eq!((bench.all::<Todo>().len(), told(&bench)), (1, 1));

    // It is done, and the customer comes once more.
    let done = Todo {
        done: Some(todos::Done { at: NOW, by: None }),
        ..todos[0].clone()
    };
    bench.put(move |w| Ok(w.put(&done)?));
    bench.clock.advance_ms(HOUR_MS);
    bench.comes(1, &lc(1), bench.clock.now());
    bench.run();
    assert_eq!((bench.all::<Todo>().len(), told(&bench)), (2, 2));
    assert_eq!(bench.store.check().unwrap().found, []);
}

#[test]
fn where_nothing_may_be_written_the_todo_is_made_all_the_same() {
    let bench = Bench::new();
    let rule = bench.follow_up(Some("回访"), Some("来了"));
    bench.allow(WriteMode::Off);
    bench.comes(1, &lc(1), NOW);
    bench.run();
    let fired = &bench.of_rule(&rule)[0];
    assert!(matches!(fired.todo, Some(Came::Made(_))));
    let off = Came::Refused("messages_off".to_owned());
    assert_eq!(fired.message, Some(off));
    assert_eq!(bench.effects(), 0);
}

#[test]
fn a_fixed_member_gets_the_todo_unless_they_have_left() {
    let bench = Bench::new();
    let other = |state: MemberState| Member {
        id: MemberId::from_bits(2),
        userid: "chenyu".into(),
        name: "陈雨".into(),
        no: 2,
        state,
        ..member()
    };
    let rule = Rule {
        assignee: Some(MemberId::from_bits(2)),
        ..bench.follow_up(Some("回访{客户}"), None)
    };
    bench.put(move |w| {
        w.put(&rule)?;
        Ok(w.put(&other(MemberState::Active))?)
    });
    bench.comes(1, &lc(1), NOW);
    bench.run();
    let whose = |bench: &Bench| {
        let mut all: Vec<(u64, u64)> = bench
            .all::<Todo>()
            .iter()
            .map(|todo| (todo.relation.unwrap().bits(), todo.member.bits()))
            .collect();
        all.sort_unstable();
        all
    };
    assert_eq!(whose(&bench), [(1, 2)]);
    bench.put(move |w| {
        Ok(w.put(&Member {
            left_at: Some(NOW),
            ..other(MemberState::Left)
        })?)
    });
    bench.comes(2, &lc(1), NOW);
    bench.run();
    assert_eq!(whose(&bench), [(1, 2), (2, 1)]);
}

#[test]
fn a_trial_counts_one_todo_for_each_relation() {
    let bench = Bench::new();
    let rule = bench.follow_up(Some("回访"), Some("来了"));
    let hit = |n: u64, at: i64| Hit {
        cause: Cause::Rule(rule.id),
        relation: relation(n, &lc(1), NOW),
        of: n,
        occasion: at,
        at: NOW,
    };
    let found = Trial {
        hits: vec![hit(1, 1), hit(1, 2), hit(2, 1)],
        is_whole: true,
    };
    assert_eq!(found.follow_ups(&rule), (2, 2));
    let only_message = Rule {
        todo: None,
        ..rule.clone()
    };
    assert_eq!(found.follow_ups(&only_message), (0, 3));
}
