//! Signed checkpoints: the note format of C2SP (signed-note, tlog-checkpoint).
//!
//! ```text
//! qitai/0123456789abcdef0123456789abcdef        origin
//! 4711                                          leaves
//! <base64 root>
//!
//! — qitai/0123456789abcdef0123456789abcdef <base64 of key id (4 bytes) ‖ Ed25519 signature>
//! ```

use aws_lc_rs::{
    digest,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::merkle::Hash;

/// The algorithm byte of Ed25519 in the note format.
const ED25519_BYTE: u8 = 1;

/// What a checkpoint says: the log, how many entries, the root over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The signed text: three lines.
    pub fn body(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            BASE64.encode(self.root)
        )
    }

    /// Reads the signed text. Strict: exactly three lines, canonical number and base64.
    pub fn parse_body(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: BASE64.decode(root).ok()?.try_into().ok()?,
        };
        (lines.next().is_none() && checkpoint.body() == text && !origin.is_empty())
            .then_some(checkpoint)
    }
}

/// A key that verifies notes, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: [u8; 32],
}

impl VerifierKey {
    /// First four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ key).
    fn id(&self) -> [u8; 4] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.name.as_bytes());
        context.update(b"\n");
        context.update(&[ED25519_BYTE]);
        context.update(&self.key);
        let mut id = [0; 4];
        id.copy_from_slice(&context.finish().as_ref()[..4]);
        id
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `name+key id in hex+base64(0x01 ‖ key)`.
    pub fn text(&self) -> String {
        let tagged = [&[ED25519_BYTE], &self.key[..]].concat();
        format!(
            "{}+{}+{}",
            self.name,
            hex::encode(self.id()),
            BASE64.encode(tagged)
        )
    }

    /// Reads the text form; `None` if anything is off, also the key id.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.trim().split_once('+')?;
        let (_, key) = rest.split_once('+')?;
        let tagged = BASE64.decode(key).ok()?;
        let (&ED25519_BYTE, key) = tagged.split_first()? else {
            return None;
        };
        let parsed = Self {
            name: name.to_owned(),
            key: key.try_into().ok()?,
        };
        (parsed.text() == text.trim() && !name.is_empty()).then_some(parsed)
    }
}

/// The key that signs checkpoints.
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl Signer {
    /// From a 32-byte seed.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed is any 32 bytes");
        let mut key = [0; 32];
        key.copy_from_slice(pair.public_key().as_ref());
        Self {
            pair,
            verifier: VerifierKey {
                name: name.to_owned(),
                key,
            },
        }
    }

    /// The key that verifies what this one signs.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signed note.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        sign_by_all(&[self], checkpoint)
    }

    fn signature_line(&self, body: &str) -> String {
        let mut signature = self.verifier.id().to_vec();
        signature.extend(self.pair.sign(body.as_bytes()).as_ref());
        let signature = BASE64.encode(signature);
        format!("\u{2014} {} {signature}\n", self.verifier.name)
    }
}

/// The note with the signatures of several keys: the first checkpoint over a change of keys is
/// signed by the old one and the new one.
pub fn sign_by_all(signers: &[&Signer], checkpoint: &Checkpoint) -> String {
    let body = checkpoint.body();
    let lines: String = signers.iter().map(|s| s.signature_line(&body)).collect();
    format!("{body}\n{lines}")
}

/// A note taken apart, signatures unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    signatures: Vec<(String, Vec<u8>)>,
}

impl SignedCheckpoint {
    /// Reads a note. Strict; `None` if it is not one.
    pub fn parse(note: &str) -> Option<Self> {
        let split = note.find("\n\n")?;
        let (body, rest) = (&note[..=split], &note[split + 2..]);
        let mut signatures = Vec::new();
        for line in rest.strip_suffix('\n')?.split('\n') {
            let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            signatures.push((name.to_owned(), BASE64.decode(signature).ok()?));
        }
        let checkpoint = Checkpoint::parse_body(body)?;
        (!signatures.is_empty()).then_some(Self {
            checkpoint,
            signatures,
        })
    }

    /// Whether this key has signed it.
    pub fn is_signed_by(&self, key: &VerifierKey) -> bool {
        let body = self.checkpoint.body();
        let public = UnparsedPublicKey::new(&ED25519, key.key);
        self.signatures.iter().any(|(name, signature)| {
            *name == key.name
                && signature
                    .strip_prefix(&key.id()[..])
                    .is_some_and(|signature| public.verify(body.as_bytes(), signature).is_ok())
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signer() -> Signer {
        Signer::from_seed("qitai/00ff", &[7; 32])
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "qitai/00ff".into(),
            size: 4711,
            root: [9; 32],
        }
    }

    #[test]
    fn a_signed_note_reads_back_and_verifies() {
        let note = signer().sign(&checkpoint());
        let read = SignedCheckpoint::parse(&note).unwrap();
        assert_eq!(read.checkpoint, checkpoint());
        assert!(read.is_signed_by(signer().verifier()));
        let other = Signer::from_seed("qitai/00ff", &[8; 32]);
        assert!(!read.is_signed_by(other.verifier()));
    }

    #[test]
    fn a_verifier_key_reads_back_and_a_wrong_id_is_refused() {
        let key = signer().verifier().clone();
        assert_eq!(VerifierKey::parse(&key.text()), Some(key.clone()));
        let id = hex::encode(key.id());
        let wrong = key.text().replacen(&id, "00000000", 1);
        assert_eq!(VerifierKey::parse(&wrong), None);
    }

    proptest! {
        #[test]
        fn no_changed_note_verifies(at: prop::sample::Index, bit in 0u8..8) {
            let mut note = signer().sign(&checkpoint()).into_bytes();
            let at = at.index(note.len());
            note[at] ^= 1 << bit;
            let Ok(text) = String::from_utf8(note) else { return Ok(()) };
            let verifies = SignedCheckpoint::parse(&text)
                .is_some_and(|read| read.is_signed_by(signer().verifier()));
            prop_assert!(!verifies, "{}", text);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}(\n\\PC{0,40}){0,5}\n?") {
            let _ = SignedCheckpoint::parse(&text);
            let _ = VerifierKey::parse(&text);
        }
    }
}
