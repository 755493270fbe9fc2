//! The cipher between a random key and a message, where both ends are ours: what WeCom's
//! library does is not published. AES-256-GCM with the digest of the random key; each message
//! has a random key of its own, so that the nonce may stay the same.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

const NONCE: [u8; 12] = [0; 12];

fn key(random_key: &[u8]) -> Option<LessSafeKey> {
    let digest = digest::digest(&digest::SHA256, random_key);
    let key = UnboundKey::new(&AES_256_GCM, digest.as_ref()).ok()?;
    Some(LessSafeKey::new(key))
}

/// Closes a message with a random key that is used for nothing else.
pub(in crate::wecom) fn close(random_key: &[u8], message: &[u8]) -> Option<String> {
    let mut bytes = message.to_vec();
    let nonce = Nonce::assume_unique_for_key(NONCE);
    key(random_key)?
        .seal_in_place_append_tag(nonce, Aad::empty(), &mut bytes)
        .ok()?;
    Some(BASE64.encode(bytes))
}

/// Opens it again; `None` for another key.
pub(in crate::wecom) fn open(random_key: &[u8], closed: &str) -> Option<Vec<u8>> {
    let mut bytes = BASE64.decode(closed).ok()?;
    let nonce = Nonce::assume_unique_for_key(NONCE);
    let key = key(random_key)?;
    let length = key
        .open_in_place(nonce, Aad::empty(), &mut bytes)
        .ok()?
        .len();
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_opens_it() {
        let closed = close(b"key", "消息".as_bytes()).unwrap();
        assert_eq!(open(b"key", &closed).unwrap(), "消息".as_bytes());
        assert_eq!(open(b"kez", &closed), None);
        assert_eq!(open(b"key", &closed[..8]), None);
        assert_eq!(open(b"key", "?"), None);
    }
}
