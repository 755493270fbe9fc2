//! How a value lies in the store: format, schema version, row version, body, check.
//!
//! ```text
//! plain   00 | schema u8 | version u32 BE | body | xxh3-64 over table ‖ 00 ‖ key ‖ 00 ‖ all before
//! sealed  01 | schema u8 | version u32 BE | subject u64 BE | nonce 12 | body | tag 16 | check
//! ```
//!
//! The engine does not verify pages on ordinary reads, so every value proves itself: a
//! flipped, swapped or zeroed one fails its check. A sealed value needs the check too, beside
//! its tag: without the key nothing else tells a damaged one from one whose person was erased.
//! The row version counts the changes of the record.

use super::{StoreError, SubjectId, source::Source, vault, vault::Vault};

const PLAIN: u8 = 0;
const SEALED: u8 = 1;
const HEADER: usize = 6;
const SEALED_HEADER: usize = HEADER + 8;
const CHECK: usize = 8;

/// A value taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Version of the type's encoding.
    pub schema: u8,
    /// Number of times the record was written, from 1.
    pub version: u32,
    /// The encoded entity.
    pub body: Vec<u8>,
}

fn check_of(table: &str, key: &[u8], bytes: &[u8]) -> [u8; CHECK] {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(table.as_bytes());
    hash.update(&[0]);
    hash.update(key);
    hash.update(&[0]);
    hash.update(bytes);
    hash.digest().to_be_bytes()
}

fn header(format: u8, schema: u8, version: u32) -> Vec<u8> {
    let mut out = vec![format, schema];
    out.extend(version.to_be_bytes());
    out
}

fn aad(table: &str, key: &[u8], header: &[u8]) -> Vec<u8> {
    [table.as_bytes(), &[0], key, &[0], header].concat()
}

/// A value that belongs to nobody.
pub(super) fn encode_plain(table: &str, key: &[u8], row: &Row) -> Vec<u8> {
    let mut out = header(PLAIN, row.schema, row.version);
    out.extend(&row.body);
    checked(table, key, out)
}

/// A value that belongs to a person, under that person's key.
pub(super) fn encode_sealed(
    table: &str,
    key: &[u8],
    row: &Row,
    subject: SubjectId,
    subject_key: &aws_lc_rs::aead::LessSafeKey,
    random: &crate::kit::Random,
) -> Result<Vec<u8>, StoreError> {
    let mut out = header(SEALED, row.schema, row.version);
    out.extend(subject.bits().to_be_bytes());
    let sealed = vault::seal(subject_key, &aad(table, key, &out), &row.body, random)?;
    out.extend(sealed);
    Ok(checked(table, key, out))
}

fn checked(table: &str, key: &[u8], mut bytes: Vec<u8>) -> Vec<u8> {
    let check = check_of(table, key, &bytes);
    bytes.extend(check);
    bytes
}

/// The bytes before the check, if it holds.
fn verified<'v>(table: &'static str, key: &[u8], value: &'v [u8]) -> Result<&'v [u8], StoreError> {
    value
        .split_last_chunk::<CHECK>()
        .filter(|(bytes, check)| **check == check_of(table, key, bytes))
        .map(|(bytes, _)| bytes)
        .ok_or_else(|| StoreError::damaged(table, key))
}

/// Takes a value apart and checks it. `Ok(None)` if it is sealed and the key was erased.
pub(super) fn decode(
    source: &dyn Source,
    vault: &Vault,
    table: &'static str,
    key: &[u8],
    value: &[u8],
) -> Result<Option<Row>, StoreError> {
    let damaged = || StoreError::damaged(table, key);
    let bytes = verified(table, key, value)?;
    let (head, body) = bytes.split_first_chunk::<HEADER>().ok_or_else(damaged)?;
    let [format, schema, version @ ..] = *head;
    let row = |body| Row {
        schema,
        version: u32::from_be_bytes(version),
        body,
    };
    match format {
        PLAIN => Ok(Some(row(body.to_vec()))),
        SEALED => {
            let (head, sealed) = bytes.split_at_checked(SEALED_HEADER).ok_or_else(damaged)?;
            let subject: [u8; 8] = head[HEADER..].try_into().map_err(|_| damaged())?;
            let subject = SubjectId::from_bits(u64::from_be_bytes(subject));
            let Some(subject_key) = vault.subject_key(source, subject)? else {
                return Ok(None);
            };
            // The check held: nothing is damaged. The row was sealed under a key that was
            // destroyed, and the person has a new one.
            let body = vault::open(&subject_key, &aad(table, key, head), sealed);
            Ok(body.map(row))
        }
        _ => Err(damaged()),
    }
}

/// The value of an index row: nothing but its check, and the record's key where unique.
pub(super) fn encode_index(table: &str, key: &[u8], target: &[u8]) -> Vec<u8> {
    checked(table, key, target.to_vec())
}

/// Checks an index row and gives its target (empty where not unique).
pub(super) fn decode_index(
    table: &'static str,
    key: &[u8],
    value: &[u8],
) -> Result<Vec<u8>, StoreError> {
    Ok(verified(table, key, value)?.to_vec())
}
