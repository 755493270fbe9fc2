//! The firm's keys: messages are encrypted for its public key (消息加密公钥), of which each
//! upload is a version of its own.
//!
//! Source: WeCom documentation, 获取会话内容, 密钥生成及使用.

use std::fmt;

use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{
        KeySize, Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey, PrivateDecryptingKey,
        PublicEncryptingKey,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer, pem::PemObject};
use zeroize::Zeroizing;

/// The only length the admin console accepts.
const KEY_BITS: usize = 2048;
const PEM_COLUMNS: usize = 64;
/// PKCS#8 around a PKCS#1 key (RFC 5208): version 0, rsaEncryption without parameters.
const PKCS8_HEAD: [u8; 18] = [
    0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    0x05, 0x00,
];

/// Why a text is no key that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PEM, or not the PEM of such a key.
    #[error("not a key in PEM form")]
    Pem,
    /// A public key where a private one is wanted, or the other way round.
    #[error("the other half of a key pair")]
    OtherHalf,
    /// A key of another kind than RSA, or a damaged one.
    #[error("not an RSA key, or damaged")]
    Rejected,
    /// Not 2048 bits.
    #[error("a key of {0} bits; it has to be {KEY_BITS}")]
    Bits(usize),
    /// What was encrypted with its public half could not be decrypted.
    #[error("the key does not open what it closed")]
    Probe,
    /// A new key could not be made.
    #[error("no new key could be made")]
    Generate,
}

/// Why a random key could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not base64 of one block; the message is damaged.
    #[error("not an encrypted random key")]
    Shape,
    /// Encrypted for another key.
    #[error("encrypted for another key")]
    WrongKey,
}

/// A private key. Its `Debug` shows the fingerprint only.
pub struct PrivateKey {
    key: PrivateDecryptingKey,
    decrypting: Pkcs1PrivateDecryptingKey,
    public: PublicKey,
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn generate() -> Result<Self, KeyError> {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048);
        Self::new(key.map_err(|_| KeyError::Generate)?)
    }

    /// From a PEM text, `RSA PRIVATE KEY` (PKCS#1) or `PRIVATE KEY` (PKCS#8). The key is tried
    /// out.
    ///
    /// # Errors
    /// When it is anything but an RSA key of 2048 bits.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let read = PrivateKeyDer::from_pem_slice(pem.as_bytes());
        let der = match read {
            Ok(PrivateKeyDer::Pkcs8(der)) => Zeroizing::new(der.secret_pkcs8_der().to_vec()),
            Ok(PrivateKeyDer::Pkcs1(der)) => pkcs8_around(der.secret_pkcs1_der()),
            Ok(_) => return Err(KeyError::Rejected),
            Err(_) if pem.contains("PUBLIC KEY-----") => return Err(KeyError::OtherHalf),
            Err(_) => return Err(KeyError::Pem),
        };
        let key = PrivateDecryptingKey::from_pkcs8(&der);
        Self::new(key.map_err(|_| KeyError::Rejected)?)
    }

    fn new(key: PrivateDecryptingKey) -> Result<Self, KeyError> {
        let public = PublicKey::new(key.public_key())?;
        let decrypting = Pkcs1PrivateDecryptingKey::new(key.clone());
        let made = Self {
            decrypting: decrypting.map_err(|_| KeyError::Rejected)?,
            key,
            public,
        };
        let probe = b"probe";
        let sealed = made.public.seal(probe).map_err(|_| KeyError::Probe)?;
        match made.open(&sealed) {
            Ok(opened) if *opened == probe => Ok(made),
            _ => Err(KeyError::Probe),
        }
    }

    /// As PEM, PKCS#8. To be kept sealed.
    ///
    /// # Errors
    /// When the crypto library refuses to give the key out.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let der: Pkcs8V1Der<'static> = self.key.as_der().map_err(|_| KeyError::Rejected)?;
        Ok(Zeroizing::new(pem("PRIVATE KEY", der.as_ref())))
    }

    /// The public half, to be uploaded in the admin console.
    pub fn public_pem(&self) -> String {
        self.public.to_pem()
    }

    /// SHA-256 of the public key, in hex: what people compare.
    pub fn fingerprint(&self) -> String {
        self.public.fingerprint()
    }

    /// Opens a message's random key (encrypt_random_key). That it comes open does not prove
    /// that the key is the right one; only the message itself does.
    ///
    /// # Errors
    /// When it has another shape, or was closed for another key.
    pub fn open(&self, base64: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let sealed = BASE64.decode(base64.trim()).map_err(|_| SealError::Shape)?;
        if sealed.len() != self.decrypting.key_size_bytes() {
            return Err(SealError::Shape);
        }
        let mut room = Zeroizing::new(vec![0; self.decrypting.min_output_size()]);
        let opened = self.decrypting.decrypt(&sealed, &mut room);
        let length = opened.map_err(|_| SealError::WrongKey)?.len();
        room.truncate(length);
        // It goes on as a C text. Padding that fits by chance yields bytes, not a text.
        if room.is_empty() || room.contains(&0) {
            return Err(SealError::WrongKey);
        }
        Ok(room)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.fingerprint())
    }
}

/// A public key, as the admin console keeps it.
#[derive(Clone)]
pub struct PublicKey {
    key: PublicEncryptingKey,
    der: Vec<u8>,
}

impl PublicKey {
    /// From a PEM text, `PUBLIC KEY`.
    ///
    /// # Errors
    /// When it is anything but an RSA key of 2048 bits.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let read = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes());
        let der = match read {
            Ok(der) => der,
            Err(_) if pem.contains("PRIVATE KEY-----") => return Err(KeyError::OtherHalf),
            Err(_) => return Err(KeyError::Pem),
        };
        let key = PublicEncryptingKey::from_der(&der);
        Self::new(key.map_err(|_| KeyError::Rejected)?)
    }

    fn new(key: PublicEncryptingKey) -> Result<Self, KeyError> {
        if key.key_size_bits() != KEY_BITS {
            return Err(KeyError::Bits(key.key_size_bits()));
        }
        let der: PublicKeyX509Der<'static> = key.as_der().map_err(|_| KeyError::Rejected)?;
        let der = der.as_ref().to_vec();
        Ok(Self { key, der })
    }

    /// As PEM.
    pub fn to_pem(&self) -> String {
        pem("PUBLIC KEY", &self.der)
    }

    /// SHA-256 of the key, in hex.
    pub fn fingerprint(&self) -> String {
        hex::encode(digest::digest(&digest::SHA256, &self.der))
    }

    /// Closes a random key as WeCom does: RSA with PKCS#1 v1.5 padding, then base64.
    ///
    /// # Errors
    /// When it is longer than the key has room for.
    pub fn seal(&self, random_key: &[u8]) -> Result<String, SealError> {
        let key = Pkcs1PublicEncryptingKey::new(self.key.clone());
        let key = key.map_err(|_| SealError::Shape)?;
        let mut room = vec![0; key.ciphertext_size()];
        let sealed = key.encrypt(random_key, &mut room);
        Ok(BASE64.encode(sealed.map_err(|_| SealError::Shape)?))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Zeroizing::new(BASE64.encode(der));
    let lines = text.len().div_ceil(PEM_COLUMNS);
    // With room for all of it: growing would leave copies behind.
    let mut pem = String::with_capacity(text.len() + lines + 2 * label.len() + 34);
    pem.push_str("-----BEGIN ");
    pem.push_str(label);
    pem.push_str("-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(PEM_COLUMNS));
        pem.push_str(line);
        pem.push('\n');
        rest = behind;
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

/// A PKCS#1 key in the envelope of PKCS#8.
fn pkcs8_around(pkcs1: &[u8]) -> Zeroizing<Vec<u8>> {
    let octets = der_length(pkcs1.len());
    let inner = PKCS8_HEAD.len() + 1 + octets.len() + pkcs1.len();
    let length = der_length(inner);
    let mut der = Zeroizing::new(Vec::with_capacity(1 + length.len() + inner));
    der.push(0x30);
    der.extend_from_slice(&length);
    der.extend_from_slice(&PKCS8_HEAD);
    der.push(0x04);
    der.extend_from_slice(&octets);
    der.extend_from_slice(pkcs1);
    der
}

/// A length in DER (X.690, 8.1.3).
fn der_length(length: usize) -> Vec<u8> {
    if let Ok(short @ ..0x80) = u8::try_from(length) {
        return vec![short];
    }
    let bytes = length.to_be_bytes();
    let digits = bytes.iter().skip_while(|byte| **byte == 0);
    let digits: Vec<u8> = digits.copied().collect();
    let count = u8::try_from(digits.len()).unwrap_or(8);
    [&[0x80 | count], digits.as_slice()].concat()
}

/// A key of another length, as PEM.
#[cfg(test)]
pub(super) fn tests_only_longer() -> String {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa3072).unwrap();
    let der: Pkcs8V1Der<'static> = key.as_der().unwrap();
    pem("PRIVATE KEY", der.as_ref())
}

#[cfg(test)]
pub(super) fn tests_only_pem(label: &str, der: &[u8]) -> String {
    pem(label, der)
}
