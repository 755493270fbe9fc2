//! The second factor: one-time codes of an authenticator app (TOTP, RFC 6238 with its
//! defaults: SHA-1, six digits, 30 seconds) and recovery codes for when the phone is gone.

use aws_lc_rs::digest;
use minicbor::{Decode, Encode, bytes::ByteArray};
use subtle::ConstantTimeEq;

use crate::{
    error::{AppError, Result},
    kit::{Id, Random, Secret, Timestamp},
    store::{AuditView, Class, Entity, Read, StoreError, SubjectId, Write},
};

use super::{Account, ticket::TicketHash};

/// Seconds of one step (RFC 6238 §4.1).
const STEP_S: u64 = 30;
/// Steps before and after the clock's that are accepted (RFC 6238 §5.2: one, for the delay).
const SKEW_STEPS: u16 = 1;
/// Digits of a code.
const DIGITS: usize = 6;
/// A secret that nobody has confirmed is kept so long, ms.
pub const ENROLMENT_MS: i64 = 15 * 60_000;
/// Recovery codes of one account.
pub const RECOVERY_CODES: usize = 10;
/// Letters and digits of a recovery code: 32 of them, none that is mistaken for another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a recovery code: 60 bits.
const RECOVERY_CHARS: usize = 12;

/// The secret that app and server share: 160 bits, as RFC 4226 §4 recommends.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct TotpSecret(#[n(0)] Secret<[u8; 20]>);

impl TotpSecret {
    pub(super) fn new(random: &Random) -> Self {
        Self(Secret::new(random.bytes()))
    }

    fn totp(&self) -> Result<totp_rs::Totp> {
        totp_rs::Builder::new()
            .with_algorithm(totp_rs::Algorithm::SHA1)
            .with_digits(6)
            .with_skew(SKEW_STEPS)
            .with_step_duration(STEP_S)
            .with_secret(totp_rs::Secret::new_stack(*self.0.expose()))
            .build()
            .map_err(|_| AppError::internal("a TOTP secret of the wrong shape"))
    }

    /// The step whose code this is, around `now`.
    fn step_of(&self, code: &str, now: Timestamp) -> Result<Option<u64>> {
        let seconds = u64::try_from(now.ms() / 1000).unwrap_or(0);
        Ok(self.totp()?.check(code, seconds))
    }

    /// The secret as it is typed into an app, in groups of four.
    pub fn typed(&self) -> Secret<String> {
        let plain = Secret::new(self.base32());
        let chars: Vec<char> = plain.expose().chars().collect();
        let groups: Vec<String> = chars.chunks(4).map(String::from_iter).collect();
        Secret::new(groups.join(" "))
    }

    fn base32(&self) -> String {
        totp_rs::Secret::new_stack(*self.0.expose()).to_base32()
    }

    /// What the QR code says (Key Uri Format of Google Authenticator).
    pub fn address(&self, issuer: &str, login: &str) -> Secret<String> {
        let (issuer, login) = (encoded(issuer), encoded(login));
        Secret::new(format!(
            "otpauth://totp/{issuer}:{login}?secret={}&issuer={issuer}",
            self.base32()
        ))
    }

    /// The code at `at`, for tests and nobody else.
    #[cfg(any(test, feature = "faults"))]
    pub fn code_at(&self, at: Timestamp) -> String {
        let seconds = u64::try_from(at.ms() / 1000).unwrap_or(0);
        let totp = self.totp().expect("20 bytes are a secret");
        totp.generate(seconds).to_string()
    }
}

/// Percent-encoded; a colon would end the issuer.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(b).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect()
}

/// second-factors: account → its second factor. Sealed under the account's own key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SecondFactor {
    /// Whose.
    #[n(0)]
    pub account: Id<Account>,
    #[n(1)]
    pub(super) secret: TotpSecret,
    /// When it was confirmed by a code.
    #[n(2)]
    pub since: Timestamp,
    /// Hashes of the recovery codes that are left.
    #[n(3)]
    recovery: Vec<ByteArray<32>>,
    /// When the recovery codes were made.
    #[n(4)]
    pub recovery_made_at: Timestamp,
}

impl Entity for SecondFactor {
    const KIND: &'static str = "second_factor";
    const TABLE: &'static str = "second-factors-1";
    const CLASS: Class = Class::Record;
    type Key = Id<Account>;
    fn key(&self) -> Id<Account> {
        self.account
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.account.cast())
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("secret", "set".into()),
            ("since", self.since.ms().into()),
            ("recovery_codes", self.recovery.len().into()),
            ("recovery_made_at", self.recovery_made_at.ms().into()),
        ]
    }
}

/// second-factor-enrolments: account → a secret that waits for its first code.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Enrolment {
    /// Whose.
    #[n(0)]
    pub account: Id<Account>,
    /// The secret to be.
    #[n(1)]
    pub secret: TotpSecret,
    /// When it was shown first.
    #[n(2)]
    pub begun_at: Timestamp,
}

impl Entity for Enrolment {
    const KIND: &'static str = "second_factor_enrolment";
    const TABLE: &'static str = "second-factor-enrolments-1";
    const CLASS: Class = Class::Machinery;
    type Key = Id<Account>;
    fn key(&self) -> Id<Account> {
        self.account
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.account.cast())
    }
}

impl Enrolment {
    /// Whether it can still be confirmed at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        (-ENROLMENT_MS..ENROLMENT_MS).contains(&now.since_ms(self.begun_at))
    }
}

/// second-factor-uses: account → the last step whose code was used, so that none is used twice.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct CodeStep {
    #[n(0)]
    account: Id<Account>,
    #[n(1)]
    step: u64,
}

impl Entity for CodeStep {
    const KIND: &'static str = "second_factor_use";
    const TABLE: &'static str = "second-factor-uses-1";
    const CLASS: Class = Class::Machinery;
    type Key = Id<Account>;
    fn key(&self) -> Id<Account> {
        self.account
    }
}

/// What somebody has typed as second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A code of the app.
    App,
    /// A recovery code, which is gone now.
    Recovery,
}

impl Proof {
    /// The word in the audit trail.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::App => "totp",
            Self::Recovery => "recovery_code",
        }
    }
}

impl SecondFactor {
    /// The second factor of an account, if it has one.
    pub fn of(r: &Read<'_>, account: Id<Account>) -> Result<Option<Self>, StoreError> {
        r.get::<Self>(&account)
    }

    /// How many recovery codes are left.
    pub fn recovery_left(&self) -> usize {
        self.recovery.len()
    }

    /// A factor with fresh recovery codes, which are shown once.
    pub(super) fn new(
        account: Id<Account>,
        secret: TotpSecret,
        random: &Random,
        now: Timestamp,
    ) -> (Self, Vec<Secret<String>>) {
        let mut factor = Self {
            account,
            secret,
            since: now,
            recovery: Vec::new(),
            recovery_made_at: now,
        };
        let codes = factor.renew_codes(random, now);
        (factor, codes)
    }

    /// Fresh recovery codes; the old ones open nothing any more.
    pub(super) fn renew_codes(&mut self, random: &Random, now: Timestamp) -> Vec<Secret<String>> {
        let codes: Vec<Secret<String>> = (0..RECOVERY_CODES).map(|_| new_code(random)).collect();
        let hashes = codes.iter().map(|code| hash(self.account, code.expose()));
        self.recovery = hashes.map(ByteArray::from).collect();
        self.recovery_made_at = now;
        codes
    }
}

/// Takes what was typed for a code of the account's second factor, and uses it up. `None` if
/// it is none, or was used before.
pub(super) fn accept(
    w: &mut Write<'_>,
    account: Id<Account>,
    typed: &str,
) -> Result<Option<Proof>> {
    let Some(mut factor) = SecondFactor::of(&w.read(), account)? else {
        return Ok(None);
    };
    let plain = plain(typed);
    if plain.len() == DIGITS {
        let fresh = use_step(w, account, &factor.secret, &plain)?;
        return Ok(fresh.then_some(Proof::App));
    }
    let wanted = hash(account, &plain);
    let known = |kept: &ByteArray<32>| bool::from(kept.ct_eq(&wanted));
    let Some(at) = factor.recovery.iter().position(known) else {
        return Ok(None);
    };
    factor.recovery.remove(at);
    w.put(&factor)?;
    Ok(Some(Proof::Recovery))
}

/// Whether `code` is one of `secret` now and of a step later than any used before.
pub(super) fn use_step(
    w: &mut Write<'_>,
    account: Id<Account>,
    secret: &TotpSecret,
    code: &str,
) -> Result<bool> {
    let Some(step) = secret.step_of(&plain(code), w.now())? else {
        return Ok(false);
    };
    if w.get::<CodeStep>(&account)?
        .is_some_and(|used| step <= used.step)
    {
        return Ok(false);
    }
    w.put(&CodeStep { account, step })?;
    Ok(true)
}

/// Removes everything about the second factor of an account; `false` if there was none.
pub(super) fn remove(w: &mut Write<'_>, account: Id<Account>) -> Result<bool, StoreError> {
    w.delete::<Enrolment>(&account)?;
    // No secret comes twice, so what was used of this one does not matter any more.
    w.delete::<CodeStep>(&account)?;
    w.delete::<SecondFactor>(&account)
}

fn new_code(random: &Random) -> Secret<String> {
    let bytes: [u8; RECOVERY_CHARS] = random.bytes();
    let chars: Vec<char> = bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect();
    let groups: Vec<String> = chars.chunks(4).map(String::from_iter).collect();
    Secret::new(groups.join("-"))
}

/// A code as typed: case, blanks and dashes do not matter, full-width digits are digits, and
/// `o i l` are taken for the digits they look like.
fn plain(typed: &str) -> String {
    typed
        .chars()
        .map(|c| match c {
            '\u{ff10}'..='\u{ff19}' => {
                char::from_digit(u32::from(c) - 0xff10, 10).unwrap_or_default()
            }
            c => c.to_ascii_uppercase(),
        })
        .filter(char::is_ascii_alphanumeric)
        .map(|c| match c {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect()
}

/// Recovery codes are random enough for a plain hash; the account in it keeps equal codes of
/// two people apart.
fn hash(account: Id<Account>, code: &str) -> TicketHash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"qitai/recovery/1");
    context.update(&account.bits().to_be_bytes());
    context.update(plain(code).as_bytes());
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, SHA-1; the last six of its eight digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let secret = TotpSecret(Secret::new(*b"12345678901234567890"));
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_s(seconds);
            let step = u64::try_from(seconds).unwrap() / STEP_S;
            assert_eq!(secret.code_at(now), code);
            assert_eq!(secret.step_of(code, now).unwrap(), Some(step));
            let late = Timestamp::from_s(seconds + 61);
            assert_eq!(secret.step_of(code, late).unwrap(), None, "two steps on");
        }
        assert_eq!(
            secret.typed().expose(),
            "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
        );
        assert_eq!(
            secret.address("云岭: 茶", "zhou min").expose(),
            "otpauth://totp/%E4%BA%91%E5%B2%AD%3A%20%E8%8C%B6:zhou%20min?\
             secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=%E4%BA%91%E5%B2%AD%3A%20%E8%8C%B6"
        );
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(plain(" 12 34-５６"), "123456");
        assert_eq!(plain("olik-2345-xyza"), "011K2345XYZA");
        let random = Random::seeded(3);
        let id = Id::from_bits(5);
        let secret = TotpSecret::new(&random);
        let (factor, codes) = SecondFactor::new(id, secret, &random, Timestamp::from_s(1));
        assert_eq!((codes.len(), factor.recovery_left()), (10, 10));
        let code = codes[0].expose();
        assert_eq!(code.len(), 14);
        assert_eq!(hash(id, &code.to_lowercase()), hash(id, code));
        assert_ne!(hash(Id::from_bits(6), code), hash(id, code));
    }
}
