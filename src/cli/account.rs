//! `qitai account`: accounts from the console, for whoever has the data folder.
//!
//! It goes through the same commands as the pages, as `system:console`. It is also the way
//! back in: it sets passwords anew and ends the wait after failed attempts.

use std::io::BufRead;

use clap::{Args as ClapArgs, Subcommand};
use serde::{Deserialize, Serialize};

use crate::{
    error::{AppError, Result},
    identity::{
        Allowed, Command, NewPassword, PasswordHash, Permission, Role, Viewer,
        actions::{
            self, CreateAccount, CreateToken, DisableAccount, EnableAccount, FirstClaim,
            RemoveSecondFactor, ResetPassword,
        },
        queries::{self, AccountView},
    },
    kit::{PageRequest, Secret, limits},
    store::{Store, Write},
};

const DAY_MS: i64 = 24 * 3_600_000;

/// What follows `qitai account`.
#[derive(ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: AccountCommand,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Show all accounts
    List,
    /// Make an account; prints the one-time code its owner sets the password with
    Add(Add),
    /// Shut an account and end its sessions
    Disable {
        /// Its login
        login: String,
    },
    /// Open a shut account again
    Enable {
        /// Its login
        login: String,
    },
    /// Print a one-time code for a new password, and end the wait after failed attempts
    ResetPassword {
        /// Its login
        login: String,
    },
    /// Remove the second factor of somebody whose phone and recovery codes are gone
    ResetSecondFactor {
        /// Its login
        login: String,
    },
    /// Make an API token and print it, once
    Token(Token),
    /// Print a fresh code for becoming the first super admin
    ClaimCode,
}

#[derive(ClapArgs)]
struct Add {
    /// The name to sign in with
    login: String,
    /// The name people read (default: the login)
    #[arg(long)]
    name: Option<String>,
    /// super_admin, department_admin, staff, compliance or custom:ID
    #[arg(long, default_value = "staff")]
    role: String,
    /// Read the password from the first line of standard input instead of printing a code
    #[arg(long)]
    password_stdin: bool,
}

#[derive(ClapArgs)]
struct Token {
    /// The login of the account it acts for
    login: String,
    /// What it is for
    #[arg(long)]
    name: String,
    /// A permission such as customer.read; repeat for more
    #[arg(long = "permission", required = true)]
    permissions: Vec<String>,
    /// Days until it ends, at most 366
    #[arg(long, default_value_t = 90)]
    days: u16,
}

/// What is asked of the store, as it goes through the control socket.
#[derive(Serialize, Deserialize)]
#[serde(tag = "account", rename_all = "snake_case")]
pub(super) enum AccountRequest {
    List,
    Add {
        login: String,
        name: String,
        role: String,
        password: Option<String>,
    },
    Disable {
        login: String,
    },
    Enable {
        login: String,
    },
    ResetPassword {
        login: String,
    },
    ResetSecondFactor {
        login: String,
    },
    Token {
        login: String,
        name: String,
        permissions: Vec<String>,
        days: u16,
    },
    ClaimCode,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AccountAnswer {
    Accounts(Vec<AccountLine>),
    Done(AccountLine),
    Code {
        login: Option<String>,
        code: Option<String>,
    },
    Token {
        login: String,
        token: String,
    },
}

/// An account as printed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AccountLine {
    id: String,
    login: String,
    name: String,
    role: String,
    state: String,
}

impl From<AccountView> for AccountLine {
    fn from(account: AccountView) -> Self {
        Self {
            id: account.id.to_string(),
            login: account.login,
            name: account.name,
            role: account.role.code(),
            state: account.state.code().to_owned(),
        }
    }
}

impl Args {
    /// What the words on the command line ask for.
    pub(super) fn request(&self) -> std::io::Result<AccountRequest> {
        Ok(match &self.command {
            AccountCommand::List => AccountRequest::List,
            AccountCommand::Add(add) => AccountRequest::Add {
                login: add.login.clone(),
                name: add.name.clone().unwrap_or_else(|| add.login.clone()),
                role: add.role.clone(),
                password: add.password_stdin.then(first_line).transpose()?,
            },
            AccountCommand::Disable { login } => AccountRequest::Disable {
                login: login.clone(),
            },
            AccountCommand::Enable { login } => AccountRequest::Enable {
                login: login.clone(),
            },
            AccountCommand::ResetPassword { login } => AccountRequest::ResetPassword {
                login: login.clone(),
            },
            AccountCommand::ResetSecondFactor { login } => AccountRequest::ResetSecondFactor {
                login: login.clone(),
            },
            AccountCommand::Token(token) => AccountRequest::Token {
                login: token.login.clone(),
                name: token.name.clone(),
                permissions: token.permissions.clone(),
                days: token.days,
            },
            AccountCommand::ClaimCode => AccountRequest::ClaimCode,
        })
    }

    /// Prints what came of it.
    pub(super) fn report(&self, answer: &AccountAnswer) -> serde_json::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string(answer)?);
            return Ok(());
        }
        match answer {
            AccountAnswer::Accounts(accounts) => accounts.iter().for_each(print_line),
            AccountAnswer::Done(account) => print_line(account),
            AccountAnswer::Code { code: None, .. } => {
                println!("There is a super admin already; no code is needed.");
            }
            AccountAnswer::Code {
                login,
                code: Some(code),
            } => {
                match login {
                    Some(login) => println!("{login} sets a password at /claim with this code."),
                    None => println!("Become the first super admin at /claim with this code."),
                }
                println!("It opens once, within 24 hours:\n\n    {code}\n");
            }
            AccountAnswer::Token { login, token } => {
                println!("Acts for {login}. Shown only now:\n\n    {token}\n");
            }
        }
        Ok(())
    }
}

fn print_line(account: &AccountLine) {
    let AccountLine {
        login,
        role,
        state,
        name,
        ..
    } = account;
    println!("{login:<20} {role:<18} {state:<9} {name}");
}

fn first_line() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Does on an open store what was asked.
pub(super) fn perform(store: &Store, request: AccountRequest) -> Result<AccountAnswer> {
    match request {
        AccountRequest::List => list(store),
        AccountRequest::Add {
            login,
            name,
            role,
            password,
        } => add(store, login, name, &role, password),
        AccountRequest::Disable { login } => {
            let account = find(store, &login)?.id;
            let command = DisableAccount { account };
            run(store, "account.disable", command, actions::disable_account)?;
            find(store, &login).map(|a| AccountAnswer::Done(a.into()))
        }
        AccountRequest::Enable { login } => {
            let account = find(store, &login)?.id;
            let command = EnableAccount { account };
            run(store, "account.enable", command, actions::enable_account)?;
            find(store, &login).map(|a| AccountAnswer::Done(a.into()))
        }
        AccountRequest::ResetPassword { login } => {
            let account = find(store, &login)?;
            let command = ResetPassword {
                account: account.id,
            };
            let code = run(
                store,
                "account.reset_password",
                command,
                actions::reset_password,
            )?;
            Ok(AccountAnswer::Code {
                login: Some(account.login),
                code: Some(code.text.expose().clone()),
            })
        }
        AccountRequest::ResetSecondFactor { login } => {
            let account = find(store, &login)?;
            let command = RemoveSecondFactor {
                account: account.id,
            };
            let action = actions::remove_second_factor;
            run(store, "second_factor.reset", command, action)?;
            Ok(AccountAnswer::Done(account.into()))
        }
        AccountRequest::Token {
            login,
            name,
            permissions,
            days,
        } => token(store, &login, name, &permissions, days),
        AccountRequest::ClaimCode => {
            let act = Viewer::console().change("account.claim_code").recorded();
            let code = match store.write_blocking(act, actions::renew_first_claim)? {
                FirstClaim::Given(ticket) => Some(ticket.text.expose().clone()),
                FirstClaim::NotNeeded | FirstClaim::Waiting => None,
            };
            Ok(AccountAnswer::Code { login: None, code })
        }
    }
}

fn list(store: &Store) -> Result<AccountAnswer> {
    store.read(|r| {
        let scope = Viewer::console().scope(r, Permission::AccountManage)?;
        let mut lines = Vec::new();
        let mut page = PageRequest {
            limit: Some(limits::PAGE_ROWS_MAX),
            ..PageRequest::default()
        };
        loop {
            let found = queries::accounts(r, &scope, "", &page)?;
            lines.extend(found.items.into_iter().map(AccountLine::from));
            match found.next {
                Some(next) => page.after = Some(next),
                None => return Ok(AccountAnswer::Accounts(lines)),
            }
        }
    })
}

fn find(store: &Store, login: &str) -> Result<AccountView> {
    store.read(|r| {
        let scope = Viewer::console().scope(r, Permission::AccountManage)?;
        queries::account_by_login(r, &scope, login)
    })
}

fn add(
    store: &Store,
    login: String,
    name: String,
    role: &str,
    password: Option<String>,
) -> Result<AccountAnswer> {
    let role = Role::of_code(role).ok_or_else(|| AppError::field("role", "role.unknown"))?;
    let password = match password {
        Some(text) => {
            let password = NewPassword::given(Secret::new(text), "password")?;
            Some(PasswordHash::make(&password, store.random())?)
        }
        None => None,
    };
    let command = CreateAccount {
        login,
        name,
        role,
        member: None,
        units: Vec::new(),
        password,
    };
    let made = run(store, "account.create", command, actions::create_account)?;
    Ok(match made.code {
        Some(code) => AccountAnswer::Code {
            login: Some(made.account.login),
            code: Some(code.text.expose().clone()),
        },
        None => AccountAnswer::Done(AccountView::from(made.account).into()),
    })
}

fn token(
    store: &Store,
    login: &str,
    name: String,
    permissions: &[String],
    days: u16,
) -> Result<AccountAnswer> {
    let account = find(store, login)?;
    let permissions = permissions.iter().map(|code| Permission::of_code(code));
    let unknown = || AppError::field("permissions", "token.permissions");
    let command = CreateToken {
        account: account.id,
        name,
        permissions: permissions.collect::<Option<_>>().ok_or_else(unknown)?,
        expires_at: store.clock().now().plus_ms(i64::from(days) * DAY_MS),
    };
    let (_, ticket) = run(store, "token.create", command, actions::create_token)?;
    Ok(AccountAnswer::Token {
        login: account.login,
        token: ticket.text.expose().clone(),
    })
}

/// Carries out a command in the console's name.
fn run<C, T>(
    store: &Store,
    code: &'static str,
    command: C,
    action: fn(&mut Write<'_>, Allowed<C>) -> Result<T>,
) -> Result<T>
where
    C: Command + Send + 'static,
    T: Send + 'static,
{
    let console = Viewer::console();
    store.write_blocking(console.change(code), console.verb(command, action))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        audit, identity,
        kit::Random,
        store::{Folder, StoreOptions},
    };

    fn open(dir: &tempfile::TempDir) -> Store {
        let folder = Folder::at(dir.path().join("data"));
        folder.create(&Random::system()).unwrap();
        let options = StoreOptions::new(identity::tables(), Arc::new(audit::Log));
        Store::open(&folder, options).unwrap()
    }

    fn add(login: &str, role: &str, password: Option<&str>) -> AccountRequest {
        AccountRequest::Add {
            login: login.to_owned(),
            name: login.to_owned(),
            role: role.to_owned(),
            password: password.map(str::to_owned),
        }
    }

    #[test]
    fn accounts_can_be_made_listed_shut_and_opened() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let first = perform(&store, AccountRequest::ClaimCode).unwrap();
        assert!(matches!(first, AccountAnswer::Code { code: Some(_), .. }));
        perform(&store, add("lin", "super_admin", Some("qitai-demo"))).unwrap();
        let invited = perform(&store, add("zhou", "staff", None)).unwrap();
        assert!(matches!(invited, AccountAnswer::Code { code: Some(_), .. }));
        let none = perform(&store, AccountRequest::ClaimCode).unwrap();
        assert!(matches!(none, AccountAnswer::Code { code: None, .. }));

        let login = "ZHOU".to_owned();
        let shut = perform(&store, AccountRequest::Disable { login }).unwrap();
        assert!(matches!(shut, AccountAnswer::Done(a) if a.state == "disabled"));
        let login = "zhou".to_owned();
        let opened = perform(&store, AccountRequest::Enable { login }).unwrap();
        assert!(matches!(opened, AccountAnswer::Done(a) if a.state == "invited"));
        let all = perform(&store, AccountRequest::List).unwrap();
        assert!(matches!(all, AccountAnswer::Accounts(lines) if lines.len() == 2));

        let login = "lin".to_owned();
        let last = perform(&store, AccountRequest::Disable { login }).unwrap_err();
        assert_eq!(last.code(), "conflict.last_super_admin");
        let nobody = perform(&store, add("wang", "boss", None)).unwrap_err();
        assert_eq!(nobody.code(), "invalid");
        let login = "lin".to_owned();
        let none = perform(&store, AccountRequest::ResetSecondFactor { login }).unwrap_err();
        assert_eq!(none.code(), "not_found.second_factor");
        assert_eq!(store.check().unwrap().found, []);
    }

    #[test]
    fn a_token_is_printed_and_a_wrong_permission_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        perform(&store, add("lin", "super_admin", Some("qitai-demo"))).unwrap();
        let ask = |permission: &str| AccountRequest::Token {
            login: "lin".to_owned(),
            name: "till".to_owned(),
            permissions: vec![permission.to_owned()],
            days: 30,
        };
        let made = perform(&store, ask("customer.read")).unwrap();
        assert!(matches!(made, AccountAnswer::Token { token, .. } if token.starts_with("qt_")));
        for wrong in ["customer.eat", "account.manage"] {
            assert_eq!(perform(&store, ask(wrong)).unwrap_err().code(), "invalid");
        }
    }
}
