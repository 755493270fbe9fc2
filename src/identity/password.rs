//! Passwords: what is accepted, how it is kept, how it is checked.
//!
//! Argon2id with OWASP's parameters. Hashing takes tens of milliseconds and 19 MiB, so it
//! never runs on the writer or on a request's thread, and never more than a few at once.

use argon2::{Algorithm, Argon2, Params, Version};
use minicbor::{Decode, Encode};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::{
    error::{AppError, Invalid, Problem, Result},
    kit::{Random, Secret},
};

/// Characters of a password at least.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Characters of a password at most; longer input would only cost time.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// Memory of one hash, KiB.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Hashes computed at once: one core stays free for everybody else.
const AT_ONCE: usize = 2;
/// Hashes that may wait; beyond, callers are told to come back.
const WAITING_MAX: usize = 64;

/// A password fit to be set.
#[derive(Debug, Clone)]
pub struct NewPassword(Secret<String>);

impl NewPassword {
    /// A password somebody chose at a form named `field`. Long enough, and not one that is
    /// tried first; no rules about kinds of characters, which make passwords worse.
    pub fn chosen(text: Secret<String>, login: &str, field: &'static str) -> Result<Self> {
        let password = Self::given(text, field)?;
        if is_guessable(password.0.expose(), login) {
            return Err(AppError::field(field, "password.guessable"));
        }
        Ok(password)
    }

    /// A password that the operator hands out at the console, who answers for it: only its
    /// length is looked at.
    pub fn given(text: Secret<String>, field: &'static str) -> Result<Self> {
        let length = text.expose().chars().count();
        let refuse = |code, bound: usize| {
            let args = vec![("limit", bound.to_string()), ("length", length.to_string())];
            let problems = vec![Problem { field, code, args }];
            Err(AppError::Invalid(Invalid { problems }))
        };
        match length {
            _ if length < PASSWORD_CHARS_MIN => refuse("password.short", PASSWORD_CHARS_MIN),
            _ if length > PASSWORD_CHARS_MAX => refuse("password.long", PASSWORD_CHARS_MAX),
            _ => Ok(Self(text)),
        }
    }
}

/// Beginnings of passwords that every attacker tries, letters and digits only.
const TRIED_FIRST: [&str; 16] = [
    "password",
    "passw0rd",
    "qwertyuiop",
    "qwerty123",
    "1qaz2wsx",
    "abc123",
    "abcd1234",
    "admin",
    "administrator",
    "welcome",
    "letmein",
    "iloveyou",
    "woaini",
    "changeme",
    "qitai",
    "wecom",
];

/// Other characters that may surround one of these, or the login, before it counts as a
/// password of its own.
const PADDING_MAX: usize = 6;

fn is_guessable(text: &str, login: &str) -> bool {
    let core: String = text
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect();
    let all = text.to_lowercase();
    let core = if core.is_empty() { all } else { core };
    let login = login.to_lowercase();
    let mut known = TRIED_FIRST.iter().copied().chain([login.as_str()]);
    is_run(&core)
        || known.any(|word| {
            word.chars().count() >= 3
                && core.contains(word)
                && core.chars().count() <= word.chars().count() + PADDING_MAX
        })
}

/// `aaaaaaaaaa`, `1234567890`, `abababab…`: hardly any different characters, or each the
/// neighbour of the one before.
fn is_run(text: &str) -> bool {
    let different: std::collections::BTreeSet<char> = text.chars().collect();
    let steps = || text.chars().zip(text.chars().skip(1));
    let by_one = |(a, b): (char, char)| u32::from(a).abs_diff(u32::from(b)) <= 1;
    let wraps = |(a, b): (char, char)| matches!((a, b), ('9', '0') | ('0', '9'));
    different.len() < 4 || steps().all(|step| by_one(step) || wraps(step))
}

/// A password as kept: salted Argon2id with the parameters it was made with.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct PasswordHash {
    #[n(0)]
    memory_kib: u32,
    #[n(1)]
    passes: u32,
    #[cbor(n(2), with = "minicbor::bytes")]
    salt: [u8; 16],
    #[cbor(n(3), with = "minicbor::bytes")]
    hash: [u8; 32],
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("••••")
    }
}

impl PasswordHash {
    /// Hashes a password. Slow on purpose: see [`Passwords`] for servers.
    pub fn make(password: &NewPassword, random: &Random) -> Result<Self> {
        let mut made = Self::unmatched(random);
        made.hash = made.compute(password.0.expose())?;
        Ok(made)
    }

    /// What stands in for the hash of an account that does not exist: checking against it
    /// takes as long and never succeeds.
    fn unmatched(random: &Random) -> Self {
        Self {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            salt: random.bytes(),
            hash: random.bytes(),
        }
    }

    fn compute(&self, password: &str) -> Result<[u8; 32]> {
        let mut out = [0; 32];
        let params = Params::new(self.memory_kib, self.passes, 1, Some(out.len()));
        Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            params.map_err(AppError::internal)?,
        )
        .hash_password_into(password.as_bytes(), &self.salt, &mut out)
        .map_err(AppError::internal)?;
        Ok(out)
    }

    fn matches(&self, password: &str) -> Result<bool> {
        if password.chars().count() > PASSWORD_CHARS_MAX {
            return Ok(false);
        }
        Ok(self.compute(password)?.ct_eq(&self.hash).into())
    }
}

/// Hashes and checks passwords, a few at a time, off the request threads.
pub struct Passwords {
    working: Semaphore,
    waiting: Semaphore,
    random: Random,
    nobody: PasswordHash,
}

impl Passwords {
    /// Ready to work; one for the whole process.
    pub fn new(random: Random) -> Self {
        Self {
            working: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(WAITING_MAX),
            nobody: PasswordHash::unmatched(&random),
            random,
        }
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: NewPassword) -> Result<PasswordHash> {
        let random = self.random.clone();
        self.aside(move || PasswordHash::make(&password, &random))
            .await
    }

    /// Whether the password is the account's. Takes as long without an account.
    pub async fn check(&self, kept: Option<PasswordHash>, given: Secret<String>) -> Result<bool> {
        let is_known = kept.is_some();
        let kept = kept.unwrap_or_else(|| self.nobody.clone());
        let matches = self.aside(move || kept.matches(given.expose())).await?;
        Ok(matches & is_known)
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let busy = AppError::Unavailable { why: "busy" };
        let _place = self.waiting.try_acquire().map_err(|_| busy)?;
        let _turn = self.working.acquire().await.map_err(AppError::internal)?;
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(AppError::internal)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn refusal(text: &str) -> Option<&'static str> {
        match NewPassword::chosen(secret(text), "zhoumin", "password") {
            Ok(_) => None,
            Err(AppError::Invalid(invalid)) => Some(invalid.problems[0].code),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn length_counts_and_kinds_of_characters_do_not() {
        assert_eq!(refusal("九个字的密码还差一"), Some("password.short"));
        assert_eq!(refusal("十个字的密码刚好够了呀"), None);
        assert_eq!(refusal("correct horse battery"), None);
        assert_eq!(refusal("slowriverstone"), None);
        assert_eq!(
            refusal(&"长".repeat(PASSWORD_CHARS_MAX + 1)),
            Some("password.long")
        );
    }

    #[test]
    fn what_is_tried_first_is_refused_to_people_and_left_to_the_operator() {
        for text in [
            "1234567890",
            "9876543210",
            "aaaaaaaaaaaa",
            "Password123!",
            "zhoumin2026",
            "qwertyuiop",
            "qitai-demo",
            "2026zhoumin!",
        ] {
            assert_eq!(refusal(text), Some("password.guessable"), "{text}");
        }
        assert!(NewPassword::given(secret("qitai-demo"), "password").is_ok());
        assert!(NewPassword::given(secret("demo"), "password").is_err());
    }

    #[test]
    fn a_short_login_does_not_make_everything_guessable() {
        let fine = NewPassword::chosen(secret("slowriverstone"), "lo", "password");
        assert!(fine.is_ok());
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_real_account_passes() {
        let passwords = Passwords::new(Random::seeded(1));
        let text = "correct horse battery";
        let kept = NewPassword::given(secret(text), "password").unwrap();
        let kept = passwords.hash(kept).await.unwrap();
        assert!(
            passwords
                .check(Some(kept.clone()), secret(text))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .check(Some(kept.clone()), secret("correct horse"))
                .await
                .unwrap()
        );
        assert!(!passwords.check(None, secret(text)).await.unwrap());
        assert_eq!(format!("{kept:?}"), "••••");
    }

    #[test]
    fn the_same_password_is_kept_differently_each_time() {
        let random = Random::seeded(1);
        let password = NewPassword::given(secret("correct horse"), "password").unwrap();
        let (a, b) = (
            PasswordHash::make(&password, &random),
            PasswordHash::make(&password, &random),
        );
        assert_ne!(a.unwrap(), b.unwrap());
    }
}
