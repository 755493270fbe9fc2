//! Forms come only from our own pages.
//!
//! Two independent checks on every unsafe request that a cookie authenticates: the browser's
//! own word (`Sec-Fetch-Site`, else `Origin`), and a token that only our pages know. The
//! token is an HMAC of the session's secret, XORed with a fresh mask in each response, so
//! that compressed pages do not leak it byte by byte.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

use crate::kit::Random;

/// Bytes of the token before masking.
const TOKEN_LEN: usize = 32;
/// What the token is for; part of the HMAC's input.
const PURPOSE: &[u8] = b"qitai/form/1";

/// The secret that a browser's forms are bound to: of its session, or before sign-in of a
/// cookie of its own.
#[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct FormSecret([u8; 32]);

impl FormSecret {
    /// Wraps 32 secret bytes that live as long as the session.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn token(&self) -> [u8; TOKEN_LEN] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let tag = hmac::sign(&key, PURPOSE);
        let mut out = [0; TOKEN_LEN];
        out.copy_from_slice(tag.as_ref());
        out
    }
}

/// The token as it stands in one response.
pub(super) fn mask(secret: &FormSecret, random: &Random) -> String {
    let mask: [u8; TOKEN_LEN] = random.bytes();
    let token = secret.token();
    let mut out = [0; 2 * TOKEN_LEN];
    for i in 0..TOKEN_LEN {
        out[i] = mask[i];
        out[TOKEN_LEN + i] = mask[i] ^ token[i];
    }
    URL_SAFE_NO_PAD.encode(out)
}

/// Whether `given` is a token of `secret` under any mask.
pub(super) fn is_valid(secret: &FormSecret, given: &str) -> bool {
    let mut bytes = [0; 2 * TOKEN_LEN];
    let Ok(n) = URL_SAFE_NO_PAD.decode_slice(given, &mut bytes) else {
        return false;
    };
    if n != bytes.len() {
        return false;
    }
    let (mask, rest) = bytes.split_at(TOKEN_LEN);
    let mut token = [0; TOKEN_LEN];
    for i in 0..TOKEN_LEN {
        token[i] = mask[i] ^ rest[i];
    }
    token.ct_eq(&secret.token()).into()
}

/// Whether the browser says that the request comes from a page of this host.
///
/// `origin_host` is what the request itself was addressed to. Browsers that send neither
/// header are refused: all that WeCom embeds send `Origin` with a POST.
pub(super) fn is_same_site(
    sec_fetch_site: Option<&str>,
    origin: Option<&str>,
    origin_host: &str,
) -> bool {
    match (sec_fetch_site, origin) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"))
            .is_some_and(|host| host.eq_ignore_ascii_case(origin_host)),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_response_has_another_token_and_all_are_valid_for_their_session_only() {
        let random = Random::seeded(1);
        let (mine, other) = (FormSecret::new([1; 32]), FormSecret::new([2; 32]));
        let (a, b) = (mask(&mine, &random), mask(&mine, &random));
        assert_ne!(a, b);
        assert!(is_valid(&mine, &a) && is_valid(&mine, &b));
        assert!(!is_valid(&other, &a));
        assert!(!is_valid(&mine, ""));
        assert!(!is_valid(&mine, &a[..a.len() - 2]));
    }

    #[test]
    fn the_browsers_word_decides_before_the_origin() {
        let own = "qitai.example:8443";
        assert!(is_same_site(Some("same-origin"), None, own));
        assert!(!is_same_site(
            Some("cross-site"),
            Some("https://qitai.example:8443"),
            own
        ));
        assert!(!is_same_site(Some("same-site"), None, own));
        assert!(!is_same_site(Some("none"), None, own));
        assert!(is_same_site(None, Some("https://qitai.example:8443"), own));
        assert!(!is_same_site(None, Some("https://evil.example"), own));
        assert!(!is_same_site(None, Some("null"), own));
        assert!(!is_same_site(None, None, own));
    }

    proptest! {
        #[test]
        fn no_text_is_a_token_by_chance(text in ".{0,100}") {
            prop_assert!(!is_valid(&FormSecret::new([9; 32]), &text));
        }
    }
}
