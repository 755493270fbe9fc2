//! Accounts: who can sign in, what they are, and how they like their pages.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::{
    error::{AppError, Result},
    kit::{Id, Timestamp},
    store::{AuditView, Class, Entity, Index, Key, Read, StoreError, SubjectId, Vault},
};

use super::{PasswordHash, Role};

/// A part of the firm that somebody may manage: a department, seen from where departments
/// are not known. The same 64 bits as the department's id.
pub struct Unit;

/// Characters of a login at most.
const LOGIN_CHARS_MAX: usize = 64;
/// Characters of a display name at most.
const NAME_CHARS_MAX: usize = 64;

/// Whether an account can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AccountState {
    /// Made, but no password set yet: a one-time code waits for its owner.
    #[n(0)]
    Invited,
    /// In use.
    #[n(1)]
    Active,
    /// Shut. Its sessions and tokens are dead; its past acts keep its name.
    #[n(2)]
    Disabled,
}

impl AccountState {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// How somebody likes their pages. Tags as the pages know them; empty means as the browser
/// or system says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Preferences {
    /// `zh` or `en`.
    #[n(0)]
    pub lang: String,
    /// `light` or `dark`.
    #[n(1)]
    pub theme: String,
    /// `compact`.
    #[n(2)]
    pub density: String,
    /// Whether single-key shortcuts are off.
    #[n(3)]
    pub shortcuts_off: bool,
    /// For each list the columns its owner has chosen, in order; other lists are as they come.
    #[n(4)]
    #[cbor(default)]
    pub columns: BTreeMap<String, Vec<String>>,
}

/// Lists whose columns are kept, and columns of one list.
const COLUMNS_MAX: usize = 32;

impl Preferences {
    /// Refuses tags that no page knows.
    pub fn check(&self) -> Result<()> {
        let known = ["", "zh", "en"].contains(&self.lang.as_str())
            && ["", "light", "dark"].contains(&self.theme.as_str())
            && ["", "compact"].contains(&self.density.as_str())
            && self.columns.len() <= COLUMNS_MAX
            && self.columns.values().all(|list| list.len() <= COLUMNS_MAX)
            && self
                .columns
                .keys()
                .chain(self.columns.values().flatten())
                .all(|n| is_name(n));
        if known {
            Ok(())
        } else {
            Err(AppError::field("", "preferences.unknown"))
        }
    }
}

/// The name of a list or of a column: a short word of lower-case letters.
fn is_name(text: &str) -> bool {
    (1..=24).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// accounts: account → who can sign in. Personal, under the account's own key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Account {
    /// Its id; the same bits name the person in the audit trail.
    #[n(0)]
    pub id: Id<Account>,
    /// The name to sign in with, as first written.
    #[n(1)]
    pub login: String,
    /// The name people read.
    #[n(2)]
    pub name: String,
    /// None until its owner has set one.
    #[n(3)]
    pub password: Option<PasswordHash>,
    /// When the password was last set.
    #[n(4)]
    pub password_set_at: Option<Timestamp>,
    /// What it is.
    #[n(5)]
    pub role: Role,
    /// The member it stands for.
    #[n(6)]
    pub member: Option<SubjectId>,
    /// The departments it manages.
    #[n(7)]
    pub units: Vec<Id<Unit>>,
    /// Whether it can be used.
    #[n(8)]
    pub state: AccountState,
    /// How its owner likes pages.
    #[n(9)]
    pub preferences: Preferences,
    /// When it was made.
    #[n(10)]
    pub created_at: Timestamp,
    /// The rules by department gave its role and keep it: each sign-in with WeCom asks them
    /// again, until a super admin decides by hand.
    #[n(11)]
    #[cbor(default)]
    pub role_by_rule: bool,
    /// It was shut because its member left or was disabled, and opens again with the member.
    #[n(12)]
    #[cbor(default)]
    pub shut_with_member: bool,
}

/// One login, one account, however it is written.
const BY_LOGIN: Index<Account> =
    Index::unique("accounts-1.by_login", |account: &Account, vault| {
        fold_login(&account.login)
            .map(|folded| login_key(vault, &folded))
            .into_iter()
            .collect()
    });

/// One member, one account.
const BY_MEMBER: Index<Account> = Index::unique("accounts-1.by_member", |account, _| {
    account
        .member
        .map(|member| Key::new().with(member))
        .into_iter()
        .collect()
});

impl Entity for Account {
    const KIND: &'static str = "account";
    const TABLE: &'static str = "accounts-1";
    const CLASS: Class = Class::Record;
    type Key = Id<Account>;
    fn key(&self) -> Id<Account> {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.id.cast())
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_LOGIN, BY_MEMBER]
    }
    fn audit_view(&self) -> AuditView {
        let units: Vec<String> = self.units.iter().map(Id::to_string).collect();
        let looks = &self.preferences;
        vec![
            ("login", self.login.as_str().into()),
            ("name", self.name.as_str().into()),
            ("password", self.password.as_ref().map(|_| "set").into()),
            (
                "password_set_at",
                self.password_set_at.map(|at| at.ms()).into(),
            ),
            ("role", self.role.code().into()),
            ("member", self.member.map(|id| id.to_string()).into()),
            ("units", units.into()),
            ("state", self.state.code().into()),
            ("role_by_rule", self.role_by_rule.into()),
            ("shut_with_member", self.shut_with_member.into()),
            ("lang", looks.lang.as_str().into()),
            ("theme", looks.theme.as_str().into()),
            ("density", looks.density.as_str().into()),
            ("shortcuts_off", looks.shortcuts_off.into()),
            ("columns", serde_json::json!(looks.columns)),
        ]
    }
}

impl Account {
    /// The account's person as a data subject.
    pub fn subject_id(&self) -> SubjectId {
        self.id.cast()
    }

    /// Whether it can be used now.
    pub fn is_active(&self) -> bool {
        self.state == AccountState::Active
    }

    /// The account with this login, however written.
    pub fn by_login(r: &Read<'_>, login: &str) -> Result<Option<Self>, StoreError> {
        match fold_login(login) {
            Some(folded) => r.find(&BY_LOGIN, login_key(r.vault(), &folded)),
            None => Ok(None),
        }
    }

    /// The account of this member.
    pub fn by_member(r: &Read<'_>, member: SubjectId) -> Result<Option<Self>, StoreError> {
        r.find(&BY_MEMBER, Key::new().with(member))
    }
}

fn login_key(vault: &Vault, folded: &str) -> Key {
    Key::new().with(vault.blind(BY_LOGIN.table, folded.as_bytes()))
}

/// The one form of a login: half width, lower case. `None` if it is none: 2–64 letters,
/// digits, Han characters and `. _ - @`. Other scripts are refused because their letters
/// can look like these.
pub fn fold_login(login: &str) -> Option<String> {
    let folded: String = login
        .trim()
        .chars()
        .map(|c| half_width(c).to_ascii_lowercase())
        .collect();
    let is_allowed = |c: char| {
        c.is_ascii_alphanumeric() || ".-_@".contains(c) || ('\u{4e00}'..='\u{9fff}').contains(&c)
    };
    let fits = (2..=LOGIN_CHARS_MAX).contains(&folded.chars().count());
    (fits && folded.chars().all(is_allowed)).then_some(folded)
}

fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// A login fit to be given to an account, as it will be shown.
pub(super) fn new_login(login: &str) -> Result<String> {
    match fold_login(login) {
        Some(_) => Ok(login.trim().chars().map(half_width).collect()),
        None => Err(AppError::field("login", "login.shape")),
    }
}

/// A display name fit to be kept.
pub(super) fn new_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() {
        return Err(AppError::field("name", "form.required"));
    }
    if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(AppError::field("name", "name.shape"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn logins_are_one_however_they_are_written() {
        for same in ["Zhou.Min", " zhou.min ", "ＺＨＯＵ．ＭＩＮ", "zHOU.mIN"] {
            assert_eq!(fold_login(same).as_deref(), Some("zhou.min"), "{same}");
        }
        assert_eq!(fold_login("周敏").as_deref(), Some("周敏"));
        // Cyrillic а, a space inside, one letter, control, nothing.
        for bad in [
            "zh\u{430}ng",
            "zhou min",
            "z",
            "zhou\u{7}",
            "",
            &"x".repeat(65),
        ] {
            assert_eq!(fold_login(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(login in "\\PC{0,70}") {
            if let Some(folded) = fold_login(&login) {
                prop_assert_eq!(fold_login(&folded), Some(folded.clone()));
            }
        }
    }
}
