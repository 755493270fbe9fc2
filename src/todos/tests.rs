//! To-dos on a real store: who sees which, in which order, and what can be done to them.

use super::{
    actions::{Finish, Hand, Made, MakeTodo, Reopen, finish, hand, make, reopen},
    model::{Source, Todo, TodoId, due_in},
    queries::{self, Asked, Seen},
};
use crate::{
    app::App,
    customers::{AddWay, Customer, CustomerId, CustomerKind, Relation, RelationId, RelationState},
    error::{AppError, Result},
    identity::{Allowed, Command, Viewer},
    kit::{Clock, Id, PageRequest, Random, Timestamp},
    org::{DirectoryCache, Gender, Member, MemberId, MemberState, Origin, Sight},
    store::{Act, Folder, Store, Write},
};

/// 2026-11-20 10:32 in Shanghai.
const NOW: Timestamp = Timestamp::from_ms(1_795_141_920_000);
const DAY_MS: i64 = 86_400_000;

struct Bench {
    store: Store,
    directory: DirectoryCache,
    clock: Clock,
    _dir: tempfile::TempDir,
}

impl Bench {
    /// Three members, and a customer of the first.
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
        let act = Act::by_system("test.put", "test");
        bench
            .store
            .write_blocking(act, |w| {
                for n in 1..=3 {
                    w.put(&member(n))?;
                }
                w.put(&customer())?;
                w.put(&relation())?;
                Ok::<_, AppError>(())
            })
            .unwrap();
        bench
    }

    fn carry_out<C, T>(
        &self,
        command: C,
        action: fn(&mut Write<'_>, Allowed<C>) -> Result<T>,
    ) -> Result<T>
    where
        C: Command + Send + 'static,
        T: Send + 'static,
    {
        let viewer = Viewer::system("test");
        self.store
            .write_blocking(viewer.change("todo.test"), viewer.verb(command, action))
    }

    fn command(&self, member: u64, due: Option<Timestamp>) -> MakeTodo {
        MakeTodo {
            member: MemberId::from_bits(member),
            customer: None,
            words: "  回访  ".into(),
            due,
            rule: None,
            directory: self.store.read(|r| self.directory.get(r)).unwrap(),
        }
    }

    fn make(&self, member: u64, due: Option<Timestamp>) -> TodoId {
        self.clock.advance_ms(1);
        match self.carry_out(self.command(member, due), make).unwrap() {
            Made::New(id) => id,
            Made::Same(_) => panic!("a person's is always new"),
        }
    }

    fn finish(&self, todo: TodoId) {
        self.clock.advance_ms(1);
        let directory = self.store.read(|r| self.directory.get(r)).unwrap();
        self.carry_out(Finish { todo, directory }, finish).unwrap();
    }

    fn todo(&self, id: TodoId) -> Todo {
        self.store.read(|r| r.get::<Todo>(&id)).unwrap().unwrap()
    }

    /// All pages forwards, then back again; both show the same.
    fn listed(&self, sight: &Sight, asked: Asked) -> Vec<TodoId> {
        let mut request = PageRequest {
            limit: Some(3),
            ..PageRequest::default()
        };
        let ids = |items: &[Seen]| -> Vec<TodoId> { items.iter().map(|s| s.todo.id).collect() };
        let mut pages = Vec::new();
        let total = loop {
            let page = self
                .store
                .read(|r| queries::page(r, sight, &asked, &request))
                .unwrap();
            pages.push(ids(&page.items));
            let Some(next) = page.next else {
                let mut back = page.prev;
                for earlier in pages.iter().rev().skip(1) {
                    request.after = None;
                    request.before = back;
                    let page = self
                        .store
                        .read(|r| queries::page(r, sight, &asked, &request))
                        .unwrap();
                    assert_eq!(ids(&page.items), *earlier);
                    back = page.prev;
                }
                assert_eq!(back, None);
                break page.total;
            };
            request.after = Some(next);
        };
        let all = pages.concat();
        assert_eq!(all.len() as u64, total);
        all
    }
}

fn member(n: u64) -> Member {
    Member {
        id: MemberId::from_bits(n),
        userid: format!("m{n}"),
        name: format!("成员{n}"),
        alias: String::new(),
        position: String::new(),
        posts: Vec::new(),
        main_department: 0,
        gender: Gender::Unknown,
        mobile: String::new(),
        email: String::new(),
        state: if n == 3 {
            MemberState::Left
        } else {
            MemberState::Active
        },
        left_at: None,
        serves_customers: true,
        no: u32::try_from(n).unwrap(),
        origin: Origin::default(),
        job_number: String::new(),
        direct_leader: String::new(),
        external_id: String::new(),
        told_at: None,
    }
}

fn customer() -> Customer {
    Customer {
        id: CustomerId::from_bits(7),
        no: 7,
        external_userid: "wm7".into(),
        kind: CustomerKind::Wechat,
        name: "王海燕".into(),
        gender: Gender::Unknown,
        avatar: String::new(),
        unionid: String::new(),
        position: String::new(),
        corp_name: String::new(),
        corp_full_name: String::new(),
        known_since: NOW,
    }
}

fn relation() -> Relation {
    Relation {
        id: RelationId::from_bits(70),
        customer: CustomerId::from_bits(7),
        member: MemberId::from_bits(1),
        remark: String::new(),
        description: String::new(),
        company: String::new(),
        phones: Vec::new(),
        tags: Vec::new(),
        personal_tags: Vec::new(),
        add_way: AddWay(1),
        channel: String::new(),
        added_at: NOW,
        state: RelationState::Active,
        last_word: None,
    }
}

fn days(n: i64) -> Option<Timestamp> {
    Some(NOW.plus_ms(n * DAY_MS))
}

const OPEN: Asked = Asked {
    of: None,
    is_done: false,
};
const DONE: Asked = Asked {
    of: None,
    is_done: true,
};

#[test]
fn open_ones_come_by_due_day_and_done_ones_newest_first_for_every_sight() {
    let bench = Bench::new();
    let mut by_day = Vec::new();
    for n in [5, 1, 3, 2, 4, 8, 7] {
        by_day.push((n, bench.make(1 + u64::try_from(n).unwrap() % 2, days(n))));
    }
    by_day.sort_unstable();
    let mut wanted: Vec<TodoId> = by_day.iter().map(|(_, id)| *id).collect();
    // Without a day: last, the older one first.
    wanted.push(bench.make(2, None));
    wanted.push(bench.make(1, None));
    let everything = Sight::everything_for_test();
    let both = Sight::of_members_for_test([1, 2, 9].map(MemberId::from_bits));
    assert_eq!(bench.listed(&everything, OPEN), wanted);
    assert_eq!(bench.listed(&both, OPEN), wanted);
    let of_one = |ids: &[TodoId]| -> Vec<TodoId> {
        let is_own = |id: &&TodoId| bench.todo(**id).member == MemberId::from_bits(1);
        ids.iter().filter(is_own).copied().collect()
    };
    let one = Sight::of_members_for_test([MemberId::from_bits(1)]);
    let mine = Asked {
        of: Some(MemberId::from_bits(1)),
        ..OPEN
    };
    assert_eq!(bench.listed(&one, OPEN), of_one(&wanted));
    assert_eq!(bench.listed(&both, mine), of_one(&wanted));
    // Asking for somebody out of sight shows nothing.
    let other = Sight::of_members_for_test([MemberId::from_bits(2)]);
    assert!(bench.listed(&other, mine).is_empty());

    let done: Vec<TodoId> = wanted.iter().take(5).copied().collect();
    done.iter().for_each(|id| bench.finish(*id));
    let newest: Vec<TodoId> = done.into_iter().rev().collect();
    assert_eq!(bench.listed(&everything, DONE), newest);
    assert_eq!(bench.listed(&both, DONE), newest);
    assert_eq!(bench.listed(&everything, OPEN), wanted[5..]);
    assert_eq!(bench.store.check().unwrap().found, []);
}

#[test]
fn what_cannot_be_is_refused_field_by_field() {
    let bench = Bench::new();
    let wrong = MakeTodo {
        words: " ".into(),
        ..bench.command(3, days(-1))
    };
    let Err(AppError::Invalid(wrong)) = bench.carry_out(wrong, make) else {
        panic!("it was made");
    };
    let fields: Vec<&str> = wrong.problems.iter().map(|p| p.field).collect();
    assert_eq!(fields, ["words", "due", "member"]);
    let nobody = MakeTodo {
        customer: Some(CustomerId::from_bits(99)),
        ..bench.command(1, None)
    };
    let refused = bench.carry_out(nobody, make);
    assert!(matches!(refused, Err(AppError::NotFound { what: "todo" })));
}

#[test]
fn it_is_finished_once_opened_again_and_handed_on() {
    let bench = Bench::new();
    let id = bench.make(1, days(1));
    assert_eq!(bench.todo(id).words, "回访");
    bench.finish(id);
    let done = bench.todo(id).done;
    bench.finish(id);
    assert_eq!(bench.todo(id).done, done, "the first end stays");
    let directory = bench.store.read(|r| bench.directory.get(r)).unwrap();
    let again = Reopen {
        todo: id,
        directory: directory.clone(),
    };
    bench.carry_out(again, reopen).unwrap();
    assert!(bench.todo(id).is_open());
    let to = |n: u64| Hand {
        todo: id,
        member: MemberId::from_bits(n),
        directory: directory.clone(),
    };
    bench.carry_out(to(2), hand).unwrap();
    assert_eq!(bench.todo(id).member, MemberId::from_bits(2));
    let gone = bench.carry_out(to(3), hand);
    assert!(matches!(gone, Err(AppError::Invalid(_))));
    let first = Sight::of_members_for_test([MemberId::from_bits(1)]);
    let seen = bench.store.read(|r| queries::one(r, &first, id));
    assert!(matches!(seen, Err(AppError::NotFound { what: "todo" })));
}

#[test]
fn of_a_rule_and_a_relation_one_is_open_and_its_customer_is_named_to_whom_may_see_them() {
    let bench = Bench::new();
    let rule = Id::from_bits(5);
    let wanted = || MakeTodo {
        member: MemberId::from_bits(2),
        customer: Some(CustomerId::from_bits(7)),
        words: "给{客户}寄茶样".into(),
        rule: Some((rule, RelationId::from_bits(70))),
        ..bench.command(2, days(3))
    };
    let Made::New(id) = bench.carry_out(wanted(), make).unwrap() else {
        panic!("it is the first");
    };
    let same = bench.carry_out(wanted(), make).unwrap();
    assert_eq!(same, Made::Same(id));
    assert_eq!(bench.todo(id).source, Source::Rule(rule));
    let words = |sight: &Sight| {
        let seen = bench.store.read(|r| queries::one(r, sight, id)).unwrap();
        seen.words("某位客户").into_owned()
    };
    let (both, colleague) = (
        Sight::of_members_for_test([1, 2].map(MemberId::from_bits)),
        Sight::of_members_for_test([MemberId::from_bits(2)]),
    );
    assert_eq!(words(&both), "给王海燕寄茶样");
    assert_eq!(words(&colleague), "给某位客户寄茶样");
    let about = |sight: &Sight| {
        let customer = CustomerId::from_bits(7);
        let found = bench
            .store
            .read(|r| queries::of_customer(r, sight, customer, 9));
        found.unwrap().len()
    };
    let follower = Sight::of_members_for_test([MemberId::from_bits(1)]);
    assert_eq!((about(&both), about(&follower)), (1, 0));

    // Once it is done the rule makes the next; then this one cannot be opened again.
    bench.finish(id);
    assert_eq!(about(&both), 0);
    let Made::New(next) = bench.carry_out(wanted(), make).unwrap() else {
        panic!("the first is done");
    };
    let directory = bench.store.read(|r| bench.directory.get(r)).unwrap();
    let again = Reopen {
        todo: id,
        directory,
    };
    let refused = bench.carry_out(again.clone(), reopen);
    assert!(matches!(
        refused,
        Err(AppError::Conflict { why: "todo_open" })
    ));
    bench.finish(next);
    bench.carry_out(again, reopen).unwrap();
    assert_eq!(bench.store.check().unwrap().found, []);
}

#[test]
fn a_day_lasts_until_its_last_moment_in_the_firms_zone() {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    // Until 2026-11-20T23:59:59.999 in Shanghai.
    let today = due_in(0, NOW, &zone).unwrap();
    assert_eq!(today.to_rfc3339(), "2026-11-20T15:59:59.999Z");
    let bench = Bench::new();
    let todo = bench.todo(bench.make(1, Some(today)));
    assert!(!todo.is_overdue(today));
    assert!(todo.is_overdue(today.plus_ms(1)));
}
