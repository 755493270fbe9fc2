//! Secrets that we hand out once and keep only as a hash: session tokens, API tokens and
//! one-time codes. All are random enough that a plain SHA-256 tells nothing about them.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::kit::{Random, Secret};

/// SHA-256 of a ticket; the only thing kept.
pub type TicketHash = [u8; 32];

/// API tokens begin with this, so that scanners for leaked secrets know them.
const API_PREFIX: &str = "qt_";
/// Letters and digits of a code: 32 of them, none that is mistaken for another.
const CODE_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code: 100 bits.
const CODE_CHARS: usize = 20;

/// A fresh secret with its hash. The text is shown to one person once.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// What the person gets.
    pub text: Secret<String>,
    pub(super) hash: TicketHash,
}

impl Ticket {
    /// 256 bits for a cookie.
    pub(super) fn session(random: &Random) -> Self {
        Self::of(URL_SAFE_NO_PAD.encode(random.bytes::<32>()))
    }

    /// 256 bits for a program.
    pub(super) fn api(random: &Random) -> Self {
        let body = URL_SAFE_NO_PAD.encode(random.bytes::<32>());
        Self::of(format!("{API_PREFIX}{body}"))
    }

    /// 100 bits to be typed by a person: `7K3QM-0ZR9C-…`.
    pub(super) fn code(random: &Random) -> Self {
        let bytes = random.bytes::<CODE_CHARS>();
        let chars: Vec<char> = bytes
            .iter()
            .map(|byte| char::from(CODE_ALPHABET[usize::from(byte & 31)]))
            .collect();
        let groups: Vec<String> = chars.chunks(5).map(String::from_iter).collect();
        let text = groups.join("-");
        let hash = code_hash(&text);
        Self {
            text: Secret::new(text),
            hash,
        }
    }

    fn of(text: String) -> Self {
        let hash = hash(&text);
        Self {
            text: Secret::new(text),
            hash,
        }
    }
}

/// The hash of a session or API token as presented.
pub(super) fn hash(text: &str) -> TicketHash {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    out
}

/// The hash of a code as typed: case, dashes and spaces do not matter, and `o i l` are taken
/// for the digits they look like.
pub(super) fn code_hash(typed: &str) -> TicketHash {
    let plain: String = typed
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    hash(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let ticket = Ticket::code(&Random::seeded(3));
        let text = ticket.text.expose();
        assert_eq!(text.len(), CODE_CHARS + 3);
        let sloppy = text
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replace('1', "l");
        assert_eq!(code_hash(&sloppy), ticket.hash);
        assert_ne!(code_hash(&text[1..]), ticket.hash);
    }

    #[test]
    fn tokens_are_long_and_kept_only_as_a_hash() {
        let ticket = Ticket::session(&Random::seeded(3));
        assert_eq!(ticket.text.expose().len(), 43);
        assert_eq!(hash(ticket.text.expose()), ticket.hash);
        assert!(!format!("{ticket:?}").contains(ticket.text.expose()));
        assert!(
            Ticket::api(&Random::seeded(3))
                .text
                .expose()
                .starts_with("qt_")
        );
    }
}
