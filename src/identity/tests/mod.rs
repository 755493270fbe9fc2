//! The rules of identity on a real store, with a clock that is moved by hand and a log that
//! remembers codes and actors.

mod accounts;
mod doors;
mod members;
mod second_factor;
mod standing;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use super::{actions::*, *};
use crate::{
    error::{AppError, Result},
    kit::{Clock, Id, Random, Secret, Timestamp},
    store::{
        Act, Channel, Findings, Folder, Origin, Read, Seal, Sealing, Store, StoreError,
        StoreOptions, SubjectId, Write,
    },
};

const PASSWORD: &str = "correct horse battery";
const MINUTE: i64 = 60_000;
const ENDED: &str = "unauthenticated";

/// Blocking calls from inside a runtime.
fn block<T>(f: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(f)
}

/// One entry: act, actor, outcome, objects.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    act: String,
    actor: String,
    outcome: &'static str,
    objects: Vec<String>,
    details: Vec<String>,
}

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Entry>>>);

impl Seal for Recorder {
    fn seal(&self, sealing: &mut Sealing<'_, '_>) -> Result<u64, StoreError> {
        let act = sealing.act();
        let named = act.objects.iter().map(|o| format!("{}:{}", o.kind, o.id));
        let entry = Entry {
            act: act.code.to_owned(),
            actor: act.actor.text(),
            outcome: sealing.outcome().code(),
            objects: named.collect(),
            details: act
                .details
                .iter()
                .map(|d| format!("{}={}", d.field, d.value))
                .collect(),
        };
        let mut log = self.0.lock().unwrap();
        log.push(entry);
        Ok(log.len() as u64)
    }
    fn tables(&self) -> Vec<&'static str> {
        Vec::new()
    }
    fn check(&self, _: &Read<'_>, _: &mut Findings) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The ticket of a sign-in that asks for no second factor.
fn all_the_way(entered: Entered) -> Ticket {
    match entered {
        Entered::In(ticket) => ticket,
        Entered::HalfWay(_) => panic!("a second factor is asked for"),
    }
}

struct Firm {
    store: Store,
    passwords: Passwords,
    clock: Clock,
    log: Recorder,
    _dir: tempfile::TempDir,
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn from(ip: &str) -> Origin {
    Origin {
        channel: Channel::Web,
        ip: Some(ip.parse::<IpAddr>().unwrap()),
        device: Some("Firefox".to_owned()),
        request: "r".to_owned(),
        operation: Arc::default(),
    }
}

fn code_of<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result.unwrap_err() {
        AppError::Invalid(invalid) => invalid.problems[0].code.to_owned(),
        other => other.code().into_owned(),
    }
}

impl Firm {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path().join("data"));
        folder.create(&Random::system()).unwrap();
        let log = Recorder::default();
        let clock = Clock::manual(Timestamp::from_s(1_790_000_000));
        let options = StoreOptions {
            clock: clock.clone(),
            ..StoreOptions::new(tables(), Arc::new(log.clone()))
        };
        Self {
            store: Store::open(&folder, options).unwrap(),
            passwords: Passwords::new(Random::system()),
            clock,
            log,
            _dir: dir,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn last(&self) -> Entry {
        self.log.0.lock().unwrap().last().unwrap().clone()
    }

    fn entries(&self, act: &str) -> Vec<Entry> {
        let log = self.log.0.lock().unwrap();
        log.iter().filter(|e| e.act == act).cloned().collect()
    }

    /// Carries out a command in the viewer's name.
    fn run<C, T>(
        &self,
        viewer: &Viewer,
        code: &'static str,
        command: C,
        action: fn(&mut Write<'_>, Allowed<C>) -> Result<T>,
    ) -> Result<T>
    where
        C: Command + Send + 'static,
        T: Send + 'static,
    {
        self.store
            .write_blocking(viewer.change(code), viewer.verb(command, action))
    }

    /// An account made at the console, with [`PASSWORD`].
    fn account(&self, login: &str, role: Role) -> Account {
        self.account_as(login, role, None, Vec::new()).unwrap()
    }

    fn account_as(
        &self,
        login: &str,
        role: Role,
        member: Option<SubjectId>,
        units: Vec<Id<Unit>>,
    ) -> Result<Account> {
        let password = NewPassword::given(secret(PASSWORD), "password").unwrap();
        let command = CreateAccount {
            login: login.to_owned(),
            name: login.to_owned(),
            role,
            member,
            units,
            password: Some(PasswordHash::make(&password, self.store.random()).unwrap()),
        };
        let made = self.run(
            &Viewer::console(),
            "account.create",
            command,
            create_account,
        );
        made.map(|made| made.account)
    }

    async fn try_sign_in(&self, login: &str, password: &str, ip: &str) -> Result<Ticket> {
        self.enter(login, password, ip).await.map(all_the_way)
    }

    async fn enter(&self, login: &str, password: &str, ip: &str) -> Result<Entered> {
        let credentials = Credentials {
            login: login.to_owned(),
            password: secret(password),
        };
        sign_in(&self.store, &self.passwords, credentials, from(ip), None).await
    }

    async fn sign_in(&self, login: &str) -> (String, Viewer) {
        let ticket = self
            .try_sign_in(login, PASSWORD, "192.0.2.1")
            .await
            .unwrap();
        let token = ticket.text.expose().clone();
        let viewer = self.visit(&token).unwrap();
        (token, viewer)
    }

    /// A request with this session token.
    fn visit(&self, token: &str) -> Result<Viewer> {
        let now = self.now();
        self.store
            .read(|r| Viewer::authenticate_session(r, token, from("192.0.2.1"), now))
    }

    fn call(&self, token: &str) -> Result<Viewer> {
        let now = self.now();
        self.store
            .read(|r| Viewer::authenticate_token(r, token, from("192.0.2.1"), now))
    }

    fn scope(&self, viewer: &Viewer, permission: Permission) -> Result<Scope> {
        self.store.read(|r| viewer.scope(r, permission))
    }

    fn api_token(&self, account: &Account, permissions: &[Permission]) -> Result<String> {
        let command = CreateToken {
            account: account.id,
            name: "till".to_owned(),
            permissions: permissions.iter().copied().collect(),
            expires_at: self.now().plus_ms(60 * MINUTE),
        };
        let made = self.run(&Viewer::console(), "token.create", command, create_token);
        made.map(|(_, ticket)| ticket.text.expose().clone())
    }
}
