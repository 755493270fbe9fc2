//! The `state` of a sign-in with WeCom: made for one browser, good for ten minutes, once.
//!
//! Nothing is stored when somebody sets out. The browser keeps a random value and the way back
//! in a cookie; `state` is a time and a keyed hash of both. Only a browser that brings the
//! cookie can bring the state back, and what came back once is kept as used.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

use crate::{
    kit::{Random, Timestamp},
    store::Vault,
};

/// A state is good for so long, ms.
pub const STATE_MS: i64 = 10 * 60_000;
/// Bytes of an address to return to; longer ones lead home.
const NEXT_LEN_MAX: usize = 1500;
/// What the keyed hash is for.
const PURPOSE: &str = "used-states-1.state";

/// What somebody sets out with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The value of the browser's cookie.
    pub cookie: String,
    /// The value of `state`: letters and digits (WeCom documentation, 网页授权: at most 128).
    pub state: String,
}

/// Sets out; `next` is where to go afterwards, an address of our own.
pub fn set_out(vault: &Vault, random: &Random, next: &str, now: Timestamp) -> Departure {
    let next = if next.len() > NEXT_LEN_MAX { "/" } else { next };
    let nonce: [u8; 32] = random.bytes();
    let cookie = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(nonce),
        URL_SAFE_NO_PAD.encode(next)
    );
    let state = format!("{:016x}{}", now.ms(), seal(vault, &cookie, now.ms()));
    Departure { cookie, state }
}

/// Where somebody wanted to go who comes back with this cookie and state; `None` if the two
/// are not of one departure, or of one too long ago.
pub fn come_back(vault: &Vault, cookie: &str, state: &str, now: Timestamp) -> Option<String> {
    let (time, seal_given) = state.split_at_checked(16)?;
    let at_ms = i64::from_str_radix(time, 16).ok()?;
    let expected = seal(vault, cookie, at_ms);
    let is_ours = bool::from(expected.as_bytes().ct_eq(seal_given.as_bytes()));
    let age = now.since_ms(Timestamp::from_ms(at_ms));
    if !is_ours || !(-STATE_MS..STATE_MS).contains(&age) {
        return None;
    }
    let (_, next) = cookie.split_once('.')?;
    String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()
}

fn seal(vault: &Vault, cookie: &str, at_ms: i64) -> String {
    let bytes = [&at_ms.to_be_bytes()[..], cookie.as_bytes()].concat();
    hex::encode(vault.blind(PURPOSE, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Vault;

    #[test]
    fn a_state_is_good_for_its_browser_and_its_time_only() {
        let random = Random::seeded(4);
        let vault = Vault::for_test(&random);
        let now = Timestamp::from_s(1_790_000_000);
        let mine = set_out(&vault, &random, "/customers?q=王", now);
        let other = set_out(&vault, &random, "/", now);
        assert!(mine.state.len() <= 128);
        assert!(mine.state.bytes().all(|b| b.is_ascii_alphanumeric()));
        let back =
            |cookie: &str, state: &str, ms: i64| come_back(&vault, cookie, state, now.plus_ms(ms));
        assert_eq!(
            back(&mine.cookie, &mine.state, STATE_MS - 1).as_deref(),
            Some("/customers?q=王")
        );
        assert_eq!(back(&mine.cookie, &mine.state, STATE_MS), None);
        assert_eq!(back(&other.cookie, &mine.state, 0), None);
        assert_eq!(back(&mine.cookie, &other.state, 0), None);
        assert_eq!(back(&mine.cookie, "", 0), None);
        assert_eq!(back(&mine.cookie, &"é".repeat(30), 0), None);
        // The way back is part of what is sealed.
        let (nonce, _) = mine.cookie.split_once('.').unwrap();
        let bent = format!("{nonce}.{}", URL_SAFE_NO_PAD.encode("/logout"));
        assert_eq!(back(&bent, &mine.state, 0), None);
    }
}
