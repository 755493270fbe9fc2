//! Callbacks (接收消息与事件): signature, encryption and envelope, for both ends.
//!
//! Pure functions: nothing here reads a clock, draws randomness or talks to anybody.
//!
//! Source: WeCom documentation, 回调和回复的加解密方案.

mod envelope;
mod query;
#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::{
    cipher::{
        AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
        UnboundCipherKey,
    },
    digest,
    iv::FixedLength,
};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use subtle::ConstantTimeEq;

use super::xml;
use crate::kit::Secret;

pub use query::Query;

/// A delivery larger than this is refused unread, in bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;
/// Characters of an EncodingAESKey.
const AES_KEY_CHARS: usize = 43;
/// Bytes in front of the message: sixteen random ones and the length.
const HEAD: usize = 20;
/// Padding goes up to a multiple of this, twice the cipher's block.
const PAD_BLOCK: usize = 32;
const CIPHER_BLOCK: usize = 16;

/// The 43rd character of a key carries only four bits, and WeCom's console does not clear the
/// other two.
const AES_KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Why Token or EncodingAESKey cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The Token is not 1 to 32 letters and digits.
    #[error("the Token must be 1 to 32 letters and digits")]
    Token,
    /// The EncodingAESKey has another length.
    #[error("the EncodingAESKey must have 43 characters, not {chars}")]
    AesKeyLength {
        /// How many it has.
        chars: usize,
    },
    /// The EncodingAESKey has characters other than letters and digits.
    #[error("the EncodingAESKey must consist of letters and digits")]
    AesKeyCharacters,
}

/// Why a callback was refused. To the sender all of them look the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A parameter of the query is missing or not text.
    #[error("no usable parameter {0}")]
    Query(&'static str),
    /// The body is too large.
    #[error("more than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    /// The signature is another: wrong Token, or altered on the way.
    #[error("the signature does not match")]
    Signature,
    /// The outer XML is not acceptable.
    #[error("the envelope: {0}")]
    Envelope(#[from] xml::Error),
    /// The outer JSON is not acceptable.
    #[error("the envelope is not JSON")]
    EnvelopeJson,
    /// The envelope has nothing encrypted in it.
    #[error("the envelope has no Encrypt")]
    NothingEncrypted,
    /// What should be Base64 is not.
    #[error("not Base64")]
    Base64,
    /// The encrypted bytes are no whole number of cipher blocks.
    #[error("not whole cipher blocks")]
    Blocks,
    /// The padding is wrong: usually another EncodingAESKey.
    #[error("the padding is wrong")]
    Padding,
    /// The length inside does not fit.
    #[error("the length is wrong")]
    Length,
    /// Meant for somebody else.
    #[error("the receive id is another")]
    ReceiveId,
}

/// What one callback URL was set up with.
#[derive(Clone)]
pub struct Keys {
    token: Secret<String>,
    aes_key: Secret<[u8; 32]>,
    receive_id: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.receive_id;
        f.debug_struct("Keys")
            .field("receive_id", id)
            .finish_non_exhaustive()
    }
}

/// An encrypted message with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The encrypted message, Base64.
    pub encrypt: String,
    /// Signature over Token, timestamp, nonce and `encrypt`.
    pub signature: String,
    /// Seconds since the epoch.
    pub timestamp: i64,
    /// The nonce that was signed.
    pub nonce: String,
}

impl Keys {
    /// From the values of the admin console. `receive_id` is the Corp ID for a firm's own apps.
    ///
    /// # Errors
    /// Says which of the two values is wrong, and how.
    pub fn new(token: &str, encoding_aes_key: &str, receive_id: &str) -> Result<Self, KeyError> {
        let alphanumeric = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
        if token.is_empty() || token.len() > 32 || !alphanumeric(token) {
            return Err(KeyError::Token);
        }
        let chars = encoding_aes_key.chars().count();
        if chars != AES_KEY_CHARS {
            return Err(KeyError::AesKeyLength { chars });
        }
        if !alphanumeric(encoding_aes_key) {
            return Err(KeyError::AesKeyCharacters);
        }
        let mut aes_key = [0; 32];
        match AES_KEY_BASE64.decode_slice(encoding_aes_key, &mut aes_key) {
            Ok(32) => {}
            _ => return Err(KeyError::AesKeyCharacters),
        }
        Ok(Self {
            token: Secret::new(token.to_owned()),
            aes_key: Secret::new(aes_key),
            receive_id: receive_id.to_owned(),
        })
    }

    /// The signature over these three and the Token, in lower-case hex.
    pub fn sign(&self, timestamp: &str, nonce: &str, encrypted: &str) -> String {
        let mut parts = [self.token.expose().as_str(), timestamp, nonce, encrypted];
        parts.sort_unstable();
        let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        for part in parts {
            hash.update(part.as_bytes());
        }
        hex::encode(hash.finish())
    }

    /// Whether `signature` is the right one, in constant time.
    ///
    /// # Errors
    /// [`Refused::Signature`].
    pub fn verify(
        &self,
        signature: &str,
        timestamp: &str,
        nonce: &str,
        encrypted: &str,
    ) -> Result<(), Refused> {
        let right = self.sign(timestamp, nonce, encrypted);
        let same: bool = right.as_bytes().ct_eq(signature.as_bytes()).into();
        if same {
            Ok(())
        } else {
            Err(Refused::Signature)
        }
    }

    /// Decrypts Base64 text. Verify its signature first.
    ///
    /// # Errors
    /// When it is not what [`Keys::encrypt`] makes, or was meant for another receive id.
    pub fn decrypt(&self, encrypted: &str) -> Result<Vec<u8>, Refused> {
        let mut bytes = STANDARD.decode(encrypted).map_err(|_| Refused::Base64)?;
        if bytes.is_empty() || bytes.len() % CIPHER_BLOCK != 0 {
            return Err(Refused::Blocks);
        }
        let key = self.cipher_key().and_then(DecryptingKey::cbc);
        let iv = DecryptionContext::Iv128(FixedLength::from(self.iv()));
        let plain = key
            .and_then(|key| key.decrypt(&mut bytes, iv))
            .map_err(|_| Refused::Blocks)?;
        let plain = unpadded(plain).ok_or(Refused::Padding)?;
        let (length, rest) = plain
            .get(HEAD - 4..)
            .and_then(<[u8]>::split_first_chunk::<4>)
            .ok_or(Refused::Length)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Refused::Length)?;
        let (message, receive_id) = rest.split_at_checked(length).ok_or(Refused::Length)?;
        if receive_id != self.receive_id.as_bytes() {
            return Err(Refused::ReceiveId);
        }
        Ok(message.to_vec())
    }

    /// Encrypts a message to Base64. `random` must never have been used before.
    pub fn encrypt(&self, message: &[u8], random: [u8; 16]) -> String {
        let length = u32::try_from(message.len()).expect("a callback message is below 4 GiB");
        let mut bytes = Vec::with_capacity(HEAD + message.len() + 2 * PAD_BLOCK);
        bytes.extend_from_slice(&random);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(message);
        bytes.extend_from_slice(self.receive_id.as_bytes());
        let pad = PAD_BLOCK - bytes.len() % PAD_BLOCK;
        let fill = u8::try_from(pad).expect("at most 32");
        bytes.resize(bytes.len() + pad, fill);
        let iv = EncryptionContext::Iv128(FixedLength::from(self.iv()));
        self.cipher_key()
            .and_then(EncryptingKey::cbc)
            .and_then(|key| key.less_safe_encrypt(&mut bytes, iv))
            .expect("a key of 32 bytes and whole blocks are always accepted");
        STANDARD.encode(bytes)
    }

    /// Encrypts and signs: a reply, or in the simulator a delivery. `timestamp` in seconds.
    pub fn seal(&self, message: &[u8], timestamp: i64, nonce: &str, random: [u8; 16]) -> Sealed {
        let encrypt = self.encrypt(message, random);
        Sealed {
            signature: self.sign(&timestamp.to_string(), nonce, &encrypt),
            encrypt,
            timestamp,
            nonce: nonce.to_owned(),
        }
    }

    /// Answers the verification of the URL: the plaintext that must be the whole body.
    ///
    /// # Errors
    /// When the request does not come from WeCom with these keys.
    pub fn echo(&self, query: &Query) -> Result<Vec<u8>, Refused> {
        let echostr = query.echostr.as_deref().ok_or(Refused::Query("echostr"))?;
        self.verify(
            &query.msg_signature,
            &query.timestamp,
            &query.nonce,
            echostr,
        )?;
        self.decrypt(echostr)
    }

    /// Opens a delivery, XML or JSON outside: the message inside, usually XML.
    ///
    /// # Errors
    /// When the request is too large or does not come from WeCom with these keys.
    pub fn open(&self, query: &Query, body: &[u8]) -> Result<Vec<u8>, Refused> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        let encrypted = envelope::encrypted(body)?;
        self.verify(
            &query.msg_signature,
            &query.timestamp,
            &query.nonce,
            &encrypted,
        )?;
        self.decrypt(&encrypted)
    }

    fn cipher_key(&self) -> Result<UnboundCipherKey, aws_lc_rs::error::Unspecified> {
        UnboundCipherKey::new(&AES_256, self.aes_key.expose())
    }

    /// The first half of the key, by the documentation.
    fn iv(&self) -> [u8; CIPHER_BLOCK] {
        let mut iv = [0; CIPHER_BLOCK];
        iv.copy_from_slice(&self.aes_key.expose()[..CIPHER_BLOCK]);
        iv
    }
}

/// Without PKCS#7 padding to 32 bytes.
fn unpadded(plain: &[u8]) -> Option<&[u8]> {
    let fill = *plain.last()?;
    let pad = usize::from(fill);
    let (content, padding) = plain.split_at_checked(plain.len().checked_sub(pad)?)?;
    let right = (1..=PAD_BLOCK).contains(&pad) && padding.iter().all(|b| *b == fill);
    right.then_some(content)
}
