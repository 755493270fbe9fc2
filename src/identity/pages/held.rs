//! Secrets of a form that waits for a password: sealed, so that the page that asks holds
//! nothing anybody could read. Only this folder opens them, and only for the same account.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};

use crate::{kit::Random, store::Vault, web};

/// Fields by name and value.
pub(super) type Fields = Vec<(String, String)>;

/// Whether a field's value must not stand in a page in clear.
pub(super) fn is_secret(name: &str) -> bool {
    ["password", "secret", "code", "totp", "token", "key"]
        .iter()
        .any(|part| name.contains(part))
}

fn key(vault: &Vault) -> LessSafeKey {
    let own = hmac::Key::new(hmac::HMAC_SHA256, vault.token_key());
    let derived = hmac::sign(&own, b"qitai held form");
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, derived.as_ref()).expect("32 bytes are a key"))
}

/// Seals fields for an account.
pub(super) fn seal(vault: &Vault, random: &Random, account: &str, fields: &Fields) -> String {
    let pairs = fields.iter();
    let pairs = pairs.map(|(name, value)| format!("{}={}", web::encode(name), web::encode(value)));
    let mut body = pairs.collect::<Vec<_>>().join("&").into_bytes();
    let nonce = random.bytes::<NONCE_LEN>();
    let aad = Aad::from(account.as_bytes());
    key(vault)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
        .expect("a form is short enough to be sealed");
    hex::encode([&nonce[..], &body[..]].concat())
}

/// The fields, if they were sealed here for this account.
pub(super) fn open(vault: &Vault, account: &str, sealed: &str) -> Option<Fields> {
    let bytes = hex::decode(sealed).ok()?;
    let (nonce, body) = bytes.split_first_chunk::<NONCE_LEN>()?;
    let mut body = body.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let aad = Aad::from(account.as_bytes());
    let plain = key(vault).open_in_place(nonce, aad, &mut body).ok()?;
    web::pairs(plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_here_for_the_same_account_only() {
        let random = Random::system();
        let (vault, other) = (Vault::for_test(&random), Vault::for_test(&random));
        let fields = vec![("app_secret".to_owned(), "a&b=c 密".to_owned())];
        let sealed = seal(&vault, &random, "lin", &fields);
        assert!(!sealed.contains("a&b"));
        assert_eq!(open(&vault, "lin", &sealed), Some(fields.clone()));
        assert_eq!(open(&vault, "sun", &sealed), None);
        assert_eq!(open(&other, "lin", &sealed), None);
        assert_eq!(open(&vault, "lin", &sealed[2..]), None);
        assert_eq!(open(&vault, "lin", "zz"), None);
        assert_ne!(seal(&vault, &random, "lin", &fields), sealed);
        assert!(is_secret("app_secret") && is_secret("aes_key") && !is_secret("name"));
    }
}
