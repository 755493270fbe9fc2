//! The evidence package (证据包): conversations that prove themselves, in one ZIP file.
//!
//! The layout is a contract with verifiers that know nothing of this program; it is written
//! down in `packaging/evidence-format.md`, which rides along in every package. Each message
//! leads through a path of hashes to the root that the entry of its pull commits to, and
//! that entry leads to a signed checkpoint. All other files are listed in `CONTENTS.json`,
//! whose hash stands in an entry of the same log. This module knows the form; what goes into
//! a package is for whoever makes one to say.

pub mod verify;
mod writer;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{leaf::Opening, package::ManifestFile};

pub use writer::{EvidenceWriter, Finished, Heading};

/// The manifest's `format`.
pub const FORMAT: &str = "qitai-evidence-package";
/// The `format` of the list that is sealed.
pub const CONTENTS_FORMAT: &str = "qitai-evidence-contents";
/// `v` of both.
pub const VERSION: u32 = 1;
/// The act of the entry that seals a package.
pub const SEAL_ACT: &str = "evidence.seal";
/// The kind of thing in that entry whose id is the SHA-256 of `CONTENTS.json`.
pub const SEAL_OBJECT: &str = "evidence_contents";
/// The kind of record that commits to messages; its id is the number of the pull.
pub const PULL_OBJECT: &str = "archive_pull";

/// The kind of record that tells of a deletion by a rule; its id is the number of the deletion.
pub const PURGE_OBJECT: &str = "archive_purge";

/// Names of files.
pub mod name {
    /// Every file but this one, with its hash.
    pub const MANIFEST: &str = "MANIFEST.json";
    /// What the log has sealed.
    pub const CONTENTS: &str = "CONTENTS.json";
    /// The key that signed the checkpoint.
    pub const KEY: &str = "log.vkey";
    /// The signed head of the log.
    pub const CHECKPOINT: &str = "checkpoint.note";
    /// Entries of the log.
    pub const ENTRIES: &str = "entries.jsonl";
    /// Their way to the checkpoint.
    pub const ENTRY_PROOFS: &str = "entry-proofs.jsonl";
    /// The messages.
    pub const MESSAGES: &str = "messages.jsonl";
    /// Their way to their pulls.
    pub const MESSAGE_PROOFS: &str = "message-proofs.jsonl";
    /// What the case is.
    pub const CASE: &str = "case.json";
    /// The conversations.
    pub const CONVERSATIONS: &str = "conversations.jsonl";
    /// Who takes part.
    pub const PEOPLE: &str = "people.jsonl";
    /// Who could read the conversations.
    pub const READERS: &str = "readers.jsonl";
    /// Who had agreed to being archived.
    pub const CONSENTS: &str = "consents.jsonl";
    /// Files of the messages, here or not.
    pub const MEDIA: &str = "media.jsonl";
    /// When messages went that are only hashes here, and under which rule.
    pub const DELETIONS: &str = "deletions.jsonl";
    /// The same for people to read and print.
    pub const INDEX: &str = "index.html";
    /// Instructions.
    pub const README: &str = "README.txt";
    /// The contract.
    pub const FORMAT_DOC: &str = "evidence-format.md";
    /// What it shares with the export of the log.
    pub const AUDIT_FORMAT_DOC: &str = "audit-format.md";
    /// The folder of media.
    pub const MEDIA_DIR: &str = "media/";

    /// Files that the entry in the log does not seal: they prove themselves.
    pub const PROOF: [&str; 6] = [MANIFEST, CONTENTS, KEY, CHECKPOINT, ENTRIES, ENTRY_PROOFS];
    /// Files that it seals, but for media.
    pub const SEALED: [&str; 13] = [
        README,
        FORMAT_DOC,
        AUDIT_FORMAT_DOC,
        CASE,
        CONVERSATIONS,
        PEOPLE,
        READERS,
        CONSENTS,
        MEDIA,
        DELETIONS,
        MESSAGES,
        MESSAGE_PROOFS,
        INDEX,
    ];

    /// Whether a package may have a file of this name.
    pub fn is_of_format(name: &str) -> bool {
        if PROOF.contains(&name) || SEALED.contains(&name) {
            return true;
        }
        let Some((hash, extension)) = name
            .strip_prefix(MEDIA_DIR)
            .and_then(|file| file.split_once('.'))
        else {
            return false;
        };
        let is_hash = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let is_letter = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
        hash.len() == 64
            && hash.bytes().all(is_hash)
            && (1..=8).contains(&extension.len())
            && extension.bytes().all(is_letter)
    }
}

/// What is in the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// Always [`VERSION`].
    pub v: u32,
    /// The program that wrote it, with its version.
    pub product: String,
    /// The log's name.
    pub origin: String,
    /// When, RFC 3339 in UTC.
    pub created: String,
    /// The case's id.
    pub case: String,
    /// Every file but this one, in the order in which they were written.
    pub files: Vec<ManifestFile>,
}

/// What the log has sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// Always [`CONTENTS_FORMAT`].
    pub format: String,
    /// Always [`VERSION`].
    pub v: u32,
    /// The case's id.
    pub case: String,
    /// Messages.
    pub messages: u64,
    /// Of them, those that were chosen; the others are context.
    pub chosen: u64,
    /// Files of messages that are in the package.
    pub media: u64,
    /// Files of messages that are not.
    pub media_missing: u64,
    /// The files, in the order in which they were written.
    pub files: Vec<ManifestFile>,
}

/// Why a message is in the package.
pub const CHOSEN: &str = "chosen";
/// It stands before or behind one that was chosen.
pub const CONTEXT: &str = "context";

/// The message is in the package.
pub const SHOWN: &str = "shown";
/// It was deleted by a rule of the firm; its hash is left.
pub const DELETED: &str = "deleted";
/// Its person was erased; its hash is left.
pub const ERASED: &str = "erased";

/// A line of `message-proofs.jsonl`: what belongs to the same line of `messages.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageProof {
    /// Number of the line, from 0.
    pub n: u64,
    /// WeCom's number of the message.
    pub seq: u64,
    /// The conversation's id.
    pub chat: String,
    /// [`CHOSEN`] or [`CONTEXT`].
    pub role: String,
    /// [`SHOWN`], [`DELETED`] or [`ERASED`].
    pub state: String,
    /// Whether it was recalled.
    pub recalled: bool,
    /// The salt, 32 hex digits; empty if the message is not shown.
    pub salt: String,
    /// The pull that brought it; 0 if its tree cannot be made again.
    pub pull: u64,
    /// Its place among the pull's messages.
    pub index: u64,
    /// The path to the pull's root, hex, from the leaf up.
    pub path: Vec<String>,
}

/// A line of `entry-proofs.jsonl`: what belongs to the same line of `entries.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryProof {
    /// The entry's number.
    pub seq: u64,
    /// The path to the checkpoint's root, hex, from the leaf up.
    pub path: Vec<String>,
    /// What it commits to, as far as it is needed.
    pub openings: Vec<Opening>,
}

/// The exact bytes of a JSON file of the package: two blanks of indentation, one line end.
pub fn pretty(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}
