//! Cursors on their way through the browser: sealed, and bound to viewer and query.
//!
//! A cursor is a place in an index and may hold a name or a time; outside it is unreadable.
//! One that belongs to another viewer or other conditions does not open: a page falls back to the
//! first of its list, and the API refuses it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::ListQuery;
use crate::kit::{Cursor, PageRequest, Random};

/// Characters of a sealed cursor that are looked at.
const TEXT_LEN_MAX: usize = 2048;

/// Seals and opens cursors.
pub struct Cursors {
    key: LessSafeKey,
    random: Random,
}

impl Cursors {
    /// With the folder's key for cursors.
    pub fn new(key: &[u8; 32], random: Random) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are a key of this cipher");
        Self {
            key: LessSafeKey::new(key),
            random,
        }
    }

    /// The cursor as it stands in an address.
    pub fn seal(&self, cursor: &Cursor, viewer: &str, list: &ListQuery) -> String {
        let nonce: [u8; NONCE_LEN] = self.random.bytes();
        let mut sealed = cursor.0.clone();
        let aad = Aad::from(bound_to(viewer, list));
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .expect("a cursor is far shorter than the cipher's limit");
        let whole = [&nonce[..], &sealed, tag.as_ref()].concat();
        URL_SAFE_NO_PAD.encode(whole)
    }

    /// The cursor in `text`, if it was sealed for this viewer and these conditions.
    pub fn open(&self, text: &str, viewer: &str, list: &ListQuery) -> Option<Cursor> {
        if text.len() > TEXT_LEN_MAX {
            return None;
        }
        let mut whole = URL_SAFE_NO_PAD.decode(text).ok()?;
        if whole.len() < NONCE_LEN {
            return None;
        }
        let mut sealed = whole.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&whole).ok()?;
        let aad = Aad::from(bound_to(viewer, list));
        let plain = self.key.open_in_place(nonce, aad, &mut sealed).ok()?;
        Some(Cursor(plain.to_vec()))
    }

    /// What `after`, `before` and `limit` of the address ask for.
    pub fn page_request(&self, viewer: &str, list: &ListQuery) -> PageRequest {
        let cursor = |name: &str| self.open(list.get(name)?, viewer, list);
        let after = cursor("after");
        PageRequest {
            before: if after.is_some() {
                None
            } else {
                cursor("before")
            },
            after,
            limit: list.get("limit").and_then(|n| n.parse().ok()),
        }
    }
}

fn bound_to(viewer: &str, list: &ListQuery) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [viewer, &list.without("limit").identity()] {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors() -> Cursors {
        Cursors::new(&[7; 32], Random::seeded(3))
    }

    #[test]
    fn a_cursor_opens_for_its_viewer_and_query_only() {
        let (c, place) = (cursors(), Cursor(vec![1, 2, 3]));
        let list = ListQuery::parse("/customers", "tag=a&sort=-last");
        let text = c.seal(&place, "lin", &list);
        let later = list.after(&text);
        assert_eq!(c.open(&text, "lin", &later), Some(place.clone()));
        assert_eq!(c.open(&text, "sun", &later), None);
        assert_eq!(c.open(&text, "lin", &list.with("tag", "b")), None);
        assert_eq!(c.page_request("lin", &later).after, Some(place));
    }

    #[test]
    fn a_damaged_cursor_means_the_first_page() {
        let c = cursors();
        let list = ListQuery::new("/customers");
        let text = c.seal(&Cursor(vec![9; 20]), "lin", &list);
        for at in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).unwrap();
            assert!(
                c.page_request("lin", &list.after(&damaged)).after.is_none(),
                "{at}"
            );
        }
        assert!(c.open("", "lin", &list).is_none());
        assert!(c.open(&"A".repeat(5000), "lin", &list).is_none());
    }
}
