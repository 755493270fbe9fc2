//! Keys: the key file beside the folder, and one key per data subject inside it.
//!
//! A row that belongs to a person is sealed with AES-256-GCM under that person's key. The
//! subject keys lie in the store, wrapped by an epoch key; epoch keys lie only in the key
//! file. Erasing a person destroys the subject key; destroying an old epoch key makes every
//! freed page and old copy that still holds wrapped keys worthless.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::kit::Random;

use super::{StoreError, SubjectId, files, key::Key, row, source::Source};

/// subject-keys: SubjectId → epoch (u32 BE) ‖ nonce (12) ‖ wrapped key (32 + 16) ‖ check (8).
/// Without the check a damaged epoch would pass for a purged one, and a person for erased.
pub(super) const SUBJECT_KEYS: &str = "subject-keys-1";

/// Bytes that sealing adds: nonce and tag.
const SEAL_OVERHEAD: usize = 12 + 16;

/// How many unwrapped subject keys stay in memory (about 700 bytes each).
const CACHED_KEYS_MAX: usize = 4096;

/// The key file as written: TOML beside the folder, readable by its owner only.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    /// Random name of the folder the keys belong to, hex. A restored copy gets a new one.
    folder_id: String,
    /// Random name of the audit log, hex. A restored copy continues the same log.
    log_id: String,
    /// Blinds personal values in index keys.
    index_key: String,
    /// Authenticates cursors and tokens handed to clients.
    token_key: String,
    /// Ed25519 seed that signs audit checkpoints.
    audit_seed: String,
    /// Epoch number → key that wraps subject keys. The greatest number is the current one.
    epochs: BTreeMap<String, String>,
}

impl KeyFile {
    fn generate(random: &Random) -> Self {
        let hex32 = || hex::encode(*Zeroizing::new(random.bytes::<32>()));
        let folder_id = hex::encode(random.bytes::<16>());
        Self {
            log_id: folder_id.clone(),
            folder_id,
            index_key: hex32(),
            token_key: hex32(),
            audit_seed: hex32(),
            epochs: BTreeMap::from([("1".to_owned(), hex32())]),
        }
    }

    fn read(path: &Path) -> Result<Self, StoreError> {
        let mut text = Zeroizing::new(String::new());
        let mut file = std::fs::File::open(path).map_err(|e| key_file(path, e))?;
        file.read_to_string(&mut text)
            .map_err(|e| key_file(path, e))?;
        // The parser's own message would quote the line, and with it a key.
        toml::from_str(&text).map_err(|_| key_file(path, "is not a key file"))
    }

    /// Writes a new file (mode 0400), whole or not at all. Refuses to overwrite.
    fn write(&self, path: &Path) -> Result<(), StoreError> {
        let text = Zeroizing::new(toml::to_string(self).map_err(|e| key_file(path, e))?);
        files::create(path, 0o400, text.as_bytes()).map_err(|e| key_file(path, e))
    }
}

/// A subject's key as it was last found.
struct Known {
    wrapped: Vec<u8>,
    key: std::sync::Arc<LessSafeKey>,
    /// The state of the store it was found in, if that cannot change.
    state: Option<u64>,
}

type Unwrapped = HashMap<SubjectId, Known>;

/// The keys of one folder, unlocked.
pub struct Vault {
    folder_id: [u8; 16],
    log_id: [u8; 16],
    index_key: aws_lc_rs::hmac::Key,
    token_key: Zeroizing<[u8; 32]>,
    audit_seed: Zeroizing<[u8; 32]>,
    epochs: BTreeMap<u32, LessSafeKey>,
    cache: Mutex<Unwrapped>,
}

impl Vault {
    /// Where the key file of `folder` lies: `<folder>.key`.
    pub fn path_for(folder: &Path) -> PathBuf {
        files::beside(folder, ".key")
    }

    /// Makes new keys and writes them to `path` (mode 0400). Refuses to overwrite.
    pub fn create(path: &Path, random: &Random) -> Result<Self, StoreError> {
        let file = KeyFile::generate(random);
        file.write(path)?;
        Self::unlock(file, path)
    }

    /// Copies a key file for a restored folder: the same keys, a new folder id.
    pub(super) fn copy_for_restore(
        from: &Path,
        to: &Path,
        random: &Random,
    ) -> Result<(), StoreError> {
        let mut file = KeyFile::read(from)?;
        file.folder_id = hex::encode(random.bytes::<16>());
        file.write(to)
    }

    /// Whether `path` holds the same keys as `original`, for another folder.
    pub(super) fn is_copy(path: &Path, original: &Path) -> bool {
        match (KeyFile::read(path), KeyFile::read(original)) {
            (Ok(copy), Ok(original)) => {
                copy.folder_id != original.folder_id
                    && KeyFile {
                        folder_id: original.folder_id.clone(),
                        ..copy
                    } == original
            }
            _ => false,
        }
    }

    /// Reads the keys from `path`.
    pub fn load(path: &Path) -> Result<Self, StoreError> {
        Self::unlock(KeyFile::read(path)?, path)
    }

    /// Keys for a test: never written anywhere.
    #[cfg(any(test, feature = "faults"))]
    pub fn for_test(random: &Random) -> Self {
        let file = KeyFile::generate(random);
        Self::unlock(file, Path::new("test")).expect("the keys were just made")
    }

    fn unlock(file: KeyFile, path: &Path) -> Result<Self, StoreError> {
        let bad = || key_file(path, "a key is not 32 bytes in hex");
        let key32 = |text: &str| -> Result<Zeroizing<[u8; 32]>, StoreError> {
            let mut key = Zeroizing::new([0u8; 32]);
            hex::decode_to_slice(text, &mut *key).map_err(|_| bad())?;
            Ok(key)
        };
        let mut folder_id = [0u8; 16];
        hex::decode_to_slice(&file.folder_id, &mut folder_id).map_err(|_| bad())?;
        let mut log_id = [0u8; 16];
        hex::decode_to_slice(&file.log_id, &mut log_id).map_err(|_| bad())?;
        let mut epochs = BTreeMap::new();
        for (number, key) in &file.epochs {
            let number = number.parse::<u32>().map_err(|_| bad())?;
            epochs.insert(number, aead_key(&*key32(key)?));
        }
        if epochs.is_empty() {
            return Err(bad());
        }
        Ok(Self {
            folder_id,
            log_id,
            index_key: aws_lc_rs::hmac::Key::new(
                aws_lc_rs::hmac::HMAC_SHA256,
                &*key32(&file.index_key)?,
            ),
            token_key: key32(&file.token_key)?,
            audit_seed: key32(&file.audit_seed)?,
            epochs,
            cache: Mutex::default(),
        })
    }

    /// The folder's random name, 32 hex digits.
    pub fn folder_id(&self) -> String {
        hex::encode(self.folder_id)
    }

    /// The audit log's random name, 32 hex digits: its origin is `qitai/<log id>`.
    pub fn log_id(&self) -> String {
        hex::encode(self.log_id)
    }

    /// The key that authenticates what clients carry for us (cursors, CSRF).
    pub fn token_key(&self) -> &[u8; 32] {
        &self.token_key
    }

    /// The Ed25519 seed of the audit log's checkpoints.
    pub fn audit_seed(&self) -> &[u8; 32] {
        &self.audit_seed
    }

    /// Stands for a personal value in an index key: equal values give equal bytes, nothing
    /// else can be read from them without the key file.
    pub fn blind(&self, index: &str, value: &[u8]) -> [u8; 16] {
        let mut context = aws_lc_rs::hmac::Context::with_key(&self.index_key);
        context.update(index.as_bytes());
        context.update(&[0]);
        context.update(value);
        let mut out = [0; 16];
        out.copy_from_slice(&context.sign().as_ref()[..16]);
        out
    }

    /// A fresh key for `subject`: the key itself and its wrapped form for [`SUBJECT_KEYS`].
    pub(super) fn new_subject_key(
        &self,
        subject: SubjectId,
        random: &Random,
    ) -> Result<(LessSafeKey, Vec<u8>), StoreError> {
        let key = Zeroizing::new(random.bytes::<32>());
        let (epoch, wrapper) = self
            .epochs
            .last_key_value()
            .expect("unlock refuses no epochs");
        let mut row = epoch.to_be_bytes().to_vec();
        row.extend(seal(wrapper, &wrap_aad(subject), &*key, random)?);
        let row_key = Key::new().with(subject);
        let row = row::encode_index(SUBJECT_KEYS, row_key.as_bytes(), &row);
        Ok((aead_key(&key), row))
    }

    /// The key of `subject` as stored; `None` if it never had one or was erased.
    pub(super) fn subject_key(
        &self,
        source: &dyn Source,
        subject: SubjectId,
    ) -> Result<Option<std::sync::Arc<LessSafeKey>>, StoreError> {
        let row_key = Key::new().with(subject);
        let state = source.state_of(SUBJECT_KEYS, row_key.as_bytes());
        if state.is_some()
            && let Some(known) = self.lock_cache().get(&subject)
            && known.state == state
        {
            return Ok(Some(known.key.clone()));
        }
        let Some(row) = source.get(SUBJECT_KEYS, row_key.as_bytes())? else {
            return Ok(None);
        };
        // The wrapped form is compared, so an erased or replaced key is never served.
        if let Some(known) = self.lock_cache().get_mut(&subject)
            && known.wrapped == row
        {
            known.state = state.or(known.state);
            return Ok(Some(known.key.clone()));
        }
        let damaged = || StoreError::damaged(SUBJECT_KEYS, row_key.as_bytes());
        let wrapped = row::decode_index(SUBJECT_KEYS, row_key.as_bytes(), &row)?;
        let (epoch, sealed) = wrapped.split_first_chunk::<4>().ok_or_else(damaged)?;
        let Some(wrapper) = self.epochs.get(&u32::from_be_bytes(*epoch)) else {
            // The epoch was purged: whoever was left in it is erased for good.
            return Ok(None);
        };
        let key = open(wrapper, &wrap_aad(subject), sealed).ok_or_else(damaged)?;
        let key: &[u8; 32] = key.as_slice().try_into().map_err(|_| damaged())?;
        let key = std::sync::Arc::new(aead_key(key));
        let mut cache = self.lock_cache();
        if cache.len() >= CACHED_KEYS_MAX {
            cache.clear();
        }
        let known = Known {
            wrapped: row,
            key: key.clone(),
            state,
        };
        cache.insert(subject, known);
        Ok(Some(key))
    }

    /// Whether a wrapped subject key opens under these epochs, or belongs to a purged one.
    pub(super) fn opens_subject_key(&self, key: &[u8], row: &[u8]) -> bool {
        let Ok(row) = row::decode_index(SUBJECT_KEYS, key, row) else {
            return false;
        };
        let subject = key
            .try_into()
            .map(u64::from_be_bytes)
            .map(SubjectId::from_bits);
        let (Ok(subject), Some((epoch, sealed))) = (subject, row.split_first_chunk::<4>()) else {
            return false;
        };
        match self.epochs.get(&u32::from_be_bytes(*epoch)) {
            Some(wrapper) => open(wrapper, &wrap_aad(subject), sealed).is_some(),
            None => true,
        }
    }

    fn lock_cache(&self) -> std::sync::MutexGuard<'_, Unwrapped> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wrap_aad(subject: SubjectId) -> Vec<u8> {
    [SUBJECT_KEYS.as_bytes(), &subject.bits().to_be_bytes()].concat()
}

/// What binds a sealed part to its place.
pub(super) fn part_aad(table: &str, key: &[u8]) -> Vec<u8> {
    [table.as_bytes(), &[0], key].concat()
}

pub(super) fn aead_key(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes"))
}

/// nonce ‖ ciphertext ‖ tag.
pub(super) fn seal(
    key: &LessSafeKey,
    aad: &[u8],
    plain: &[u8],
    random: &Random,
) -> Result<Vec<u8>, StoreError> {
    let nonce = random.bytes::<12>();
    let mut body = plain.to_vec();
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            &mut body,
        )
        .map_err(|_| StoreError::Internal("sealing failed".into()))?;
    let mut out = Vec::with_capacity(body.len() + SEAL_OVERHEAD);
    out.extend(nonce);
    out.append(&mut body);
    out.extend(tag.as_ref());
    Ok(out)
}

/// The plain bytes, or `None` if anything was changed.
pub(super) fn open(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = sealed.split_first_chunk::<12>()?;
    let mut body = body.to_vec();
    let plain_len = key
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(aad),
            &mut body,
        )
        .ok()?
        .len();
    body.truncate(plain_len);
    Some(body)
}

fn key_file(path: &Path, why: impl std::fmt::Display) -> StoreError {
    StoreError::KeyFile {
        path: path.to_owned(),
        why: why.to_string(),
    }
}
