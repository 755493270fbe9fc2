//! Broadcasts whose ground shifts under them: the firm stops writing, or the maker may reach less.

use qitai::{
    identity::{
        self, Account, NewPassword, PasswordHash, Role, Unit, Viewer,
        actions::{CreateAccount, UpdateAccount},
    },
    kit::{Id, Random, Secret},
    org::Department,
    outreach::{
        Content,
        broadcasts::{
            Audience, BroadcastId, BroadcastState, Task, TaskState,
            actions::{self, SaveDraft, Send},
            queries,
        },
        touches::Why,
    },
    wecom::sim::firm,
    work::effects::{self as outbox, Area, SaveWriteSettings, WriteMode, WriteSettings},
};

use super::{
    Firm,
    broadcasts::{allow, begin_to, free, mine, state, stop, there, until, write},
};

fn set_mode(firm: &Firm, mode: WriteMode) {
    write(firm, move |w, viewer| {
        let settings = WriteSettings::default().with(Area::Outreach, mode);
        let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
        outbox::save_write_settings(w, allowed)
    })
    .unwrap();
}

fn tasks(firm: &Firm, id: BroadcastId) -> Vec<Task> {
    firm.app().read(|r| queries::tasks(r, id)).unwrap()
}

/// Stopped while writing is rehearsed: nothing can be taken back, so it goes on stopping until
/// it can.
#[test]
fn one_stopped_in_a_rehearsal_is_taken_back_when_writing_is_on() {
    let firm = Firm::start(60);
    allow(&firm, free());
    let audience = Audience {
        listed: Some(mine(&firm)),
        ..Audience::default()
    };
    let id = begin_to(&firm, audience, "收回去");
    until(&firm, "all tasks are out", || {
        let tasks = tasks(&firm, id);
        let are_out = tasks.iter().all(|task| task.state == TaskState::Out);
        (!tasks.is_empty() && are_out).then_some(())
    });
    set_mode(&firm, WriteMode::DryRun);
    stop(&firm, id);
    for _ in 0..20 {
        firm.app().outreach.broadcasts.wake.notify_one();
        firm.clock.advance_ms(5_000);
        std::thread::park_timeout(std::time::Duration::from_millis(5));
        assert_eq!(state(&firm, id), BroadcastState::Stopping);
    }
    let is_back = |task: &Task| task.cancelled_at.is_some();
    assert!(!tasks(&firm, id).iter().any(is_back), "it was a rehearsal");
    set_mode(&firm, WriteMode::On);
    until(&firm, "it is stopped", || {
        firm.clock.advance_ms(10_000);
        (state(&firm, id) == BroadcastState::Stopped).then_some(())
    });
    assert!(tasks(&firm, id).iter().all(is_back));
    let account = firm.app().read(|r| queries::account(r, id)).unwrap();
    assert_eq!((account.all.planned, account.all.sent), (0, 0));
    let keys: Vec<_> = account.why.keys().copied().collect();
    assert_eq!(keys, [Why::Stopped]);
}

/// A department of the firm, as accounts manage it.
fn unit(firm: &Firm, wecom_id: u64) -> Id<Unit> {
    firm.app().read(|r| {
        let mut all = r.all::<Department>(None).unwrap().map(|d| d.unwrap());
        all.find(|d| d.wecom_id == wecom_id).unwrap().id.cast()
    })
}

/// An account that manages the store; acts with the rights it has when asked.
fn store_manager(firm: &Firm) -> Account {
    let unit = unit(firm, firm::cast().store);
    let password = NewPassword::given(Secret::new("qitai-demo".to_owned()), "password").unwrap();
    let password = PasswordHash::make(&password, &Random::system()).unwrap();
    let made = write(firm, move |w, viewer| {
        let command = CreateAccount {
            login: "store".to_owned(),
            name: "店长".to_owned(),
            role: Role::DepartmentAdmin,
            member: None,
            units: vec![unit],
            password: Some(password),
        };
        let allowed = viewer.allow(w, command)?;
        identity::actions::create_account(w, allowed)
    });
    made.unwrap().account
}

/// Gives the account the department of the compliance officer instead of the store.
fn moves_away(firm: &Firm, account: Account) {
    let staff = firm.app().read(|r| {
        let directory = firm.app().directory.get(r).unwrap();
        let officer = directory.by_userid(firm::cast().compliance).unwrap();
        directory.department_of(officer).unwrap().wecom_id
    });
    let unit = unit(firm, staff);
    write(firm, move |w, viewer| {
        let command = UpdateAccount {
            account: account.id,
            name: account.name,
            role: account.role,
            member: None,
            units: vec![unit],
        };
        let allowed = viewer.allow(w, command)?;
        identity::actions::update_account(w, allowed)
    })
    .unwrap();
}

/// Between the plan and its hour the maker is given another department: the members of the old
/// one are not told.
#[test]
fn whom_the_maker_may_not_reach_any_more_is_told_nothing() {
    let firm = Firm::start(60);
    allow(&firm, free());
    let audience = Audience {
        listed: Some(mine(&firm)),
        ..Audience::default()
    };
    let at = firm.clock.now().plus_ms(3 * 3_600_000);
    let account = store_manager(&firm);
    let maker = firm
        .app()
        .read(|r| Viewer::on_behalf(r, account.id, "test", firm.clock.now()))
        .unwrap();
    let command = SaveDraft {
        id: None,
        name: "三小时后".to_owned(),
        content: Content {
            text: "三小时后".to_owned(),
            attachments: Vec::new(),
        },
        audience,
    };
    let acting = maker.clone();
    let id = firm
        .app()
        .store
        .write_blocking(maker.change("test.broadcasts"), move |w| {
            let allowed = acting.allow(w, command)?;
            let id = actions::save_draft(w, allowed)?;
            let allowed = acting.allow(w, Send { id, at: Some(at) })?;
            actions::send(w, allowed)?;
            Ok::<_, qitai::error::AppError>(id)
        })
        .unwrap();
    until(&firm, "it is planned", || {
        (state(&firm, id) == BroadcastState::Scheduled).then_some(())
    });
    assert!(!tasks(&firm, id).is_empty());
    moves_away(&firm, account);
    firm.clock.advance_ms(4 * 3_600_000);
    until(&firm, "it is over", || {
        state(&firm, id).is_over().then_some(())
    });
    let account = firm.app().read(|r| queries::account(r, id)).unwrap();
    assert_eq!((account.all.planned, account.all.sent), (0, 0));
    let keys: Vec<_> = account.why.keys().copied().collect();
    assert_eq!(keys, [Why::NoSender]);
    assert_eq!(there(&firm, "三小时后"), Vec::<String>::new());
    assert_eq!(firm.app().store.check().unwrap().found, []);
}
