//! Verifies an evidence package without the store it came from.
//!
//! The package may come from an enemy: memory is bounded, nothing is trusted before it is
//! checked. From the signed checkpoint to the entries, from the entries to the messages and
//! to the list of all other files: what breaks first on that way is named.

mod walk;

use std::{collections::BTreeMap, fs::File, io::BufReader, path::Path};

use serde::Serialize;

use super::{
    super::{
        merkle::Hash,
        note::{SignedCheckpoint, VerifierKey},
        package::ManifestFile,
        verify::{
            Fault, Outside, Problem, Verdict,
            container::{Container, Unreadable},
        },
    },
    CONTENTS_FORMAT, Contents, FORMAT, Manifest, VERSION, name, pretty,
};
use walk::{Entries, Messages};

/// Bytes of the files that are read whole: the key, the checkpoint, and the lists.
const SMALL_BYTES_MAX: u64 = 64 << 10;
const LIST_BYTES_MAX: u64 = 64 << 20;
/// Problems that are listed one by one.
const PROBLEMS_MAX: usize = 50;
/// Files are read as a stream, so that nothing is lost by how well they are compressed.
const RATIO_MAX: u64 = u64::MAX;

/// What is not as it should be, the first on the way from the checkpoint down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirstBad {
    /// The file.
    pub file: String,
    /// The line in it, from 1; 0 if the file as a whole is meant.
    pub line: u64,
    /// WeCom's number of the message, if it is one.
    pub message: Option<u64>,
    /// The number of the entry of the log, if it is one.
    pub entry: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

/// What a package says, and whether it is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The outcome.
    pub verdict: Verdict,
    /// Why the file is unreadable, in English.
    pub unreadable: Option<String>,
    /// The first thing that is not as it should be.
    pub first_bad: Option<FirstBad>,
    /// Everything that is wrong with whole files; cut off after 50.
    pub problems: Vec<Problem>,
    /// What the package is.
    pub facts: Facts,
    /// Whether the key that signed the checkpoint is the one given from elsewhere.
    pub key_vouched: bool,
    /// How many anchors it agrees with; one of another size tells nothing about it.
    pub anchors: usize,
}

/// What a package is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The log's name.
    pub origin: String,
    /// The key that signed the checkpoint, as the package says.
    pub key: String,
    /// When it was made, as the manifest says.
    pub created: String,
    /// The case's id.
    pub case: String,
    /// Messages.
    pub messages: u64,
    /// Of them, those that were chosen.
    pub chosen: u64,
    /// Messages whose pull cannot be shown any more: sealed with the package only.
    pub unproven: u64,
    /// Files of messages that are in it.
    pub media: u64,
    /// Files of messages that are not.
    pub media_missing: u64,
    /// Entries of the log.
    pub entries: u64,
    /// Entries that the checkpoint covers.
    pub checkpoint: u64,
    /// SHA-256 of the manifest: stands for the whole package.
    pub manifest_sha256: String,
}

/// Whether the file at `path` is meant to be an evidence package: it has a file that only
/// those have.
pub fn is_evidence(path: &Path) -> bool {
    let file = File::open(path).ok();
    let zip = file.and_then(|file| zip::ZipArchive::new(BufReader::new(file)).ok());
    let shared = [name::MANIFEST, name::README, name::AUDIT_FORMAT_DOC];
    zip.is_some_and(|zip| {
        let mut names = zip.file_names_raw();
        names.any(|raw| {
            std::str::from_utf8(raw)
                .is_ok_and(|name| name::is_of_format(name) && !shared.contains(&name))
        })
    })
}

/// Verifies the package at `path`. Never fails: what cannot be read is a verdict too.
pub fn verify(path: &Path, outside: &Outside) -> Report {
    let examined = Examination::of(path).and_then(|examined| examined.report(path, outside));
    examined.unwrap_or_else(|Unreadable(why)| Report {
        verdict: Verdict::Unreadable,
        unreadable: Some(why),
        first_bad: None,
        problems: Vec::new(),
        facts: Facts::default(),
        key_vouched: false,
        anchors: 0,
    })
}

/// SHA-256 of the manifest in the package at `path`, hex; `None` if it has none.
pub fn manifest_sha256(path: &Path) -> Option<String> {
    let mut container = open(path).ok()?;
    container.whole(name::MANIFEST, LIST_BYTES_MAX).ok()?;
    let (_, sha256) = container.digests.remove(name::MANIFEST)?;
    Some(sha256)
}

fn open(path: &Path) -> Result<Container, Unreadable> {
    Container::open_as(path, name::is_of_format, RATIO_MAX)
}

/// Size and SHA-256 by name; `None` for a file that is there and cannot be read.
type Digests = BTreeMap<String, Option<(u64, String)>>;

/// The head of the log that everything leads to.
#[derive(Clone, Copy)]
struct Head {
    size: u64,
    root: Hash,
}

struct Examination {
    container: Container,
    digests: Digests,
    problems: Vec<Problem>,
    first_bad: Option<FirstBad>,
    facts: Facts,
}

impl Examination {
    fn of(path: &Path) -> Result<Self, Unreadable> {
        let mut container = open(path)?;
        let names = container.all_names();
        let digests = names.into_iter().map(|name| {
            let digest = container.digest(&name).ok();
            (name, digest)
        });
        Ok(Self {
            digests: digests.collect(),
            container,
            problems: Vec::new(),
            first_bad: None,
            facts: Facts::default(),
        })
    }

    fn report(mut self, path: &Path, outside: &Outside) -> Result<Report, Unreadable> {
        let head = self.head();
        let (key_vouched, anchors) = self.hold_against(outside, head);
        let mut sealed = Vec::new();
        let mut counted = None;
        if let Some(head) = head
            && self.can_read(&[name::ENTRIES, name::ENTRY_PROOFS])
        {
            let entries = Entries::walk(&mut open(path)?, &mut open(path)?, head.size, &head.root)?;
            self.facts.entries = entries.count;
            self.note_line([name::ENTRIES, name::ENTRY_PROOFS], entries.first.clone());
            if entries.first.is_none() && self.can_read(&[name::MESSAGES, name::MESSAGE_PROOFS]) {
                let pulls = &entries.pulls;
                let messages = Messages::walk(&mut open(path)?, &mut open(path)?, pulls)?;
                self.facts.unproven = messages.unproven;
                self.note_line(
                    [name::MESSAGES, name::MESSAGE_PROOFS],
                    messages.first.clone(),
                );
                counted = messages
                    .first
                    .is_none()
                    .then_some([messages.count, messages.chosen]);
            }
            sealed = entries.sealed;
        }
        self.contents(&sealed, counted);
        self.manifest();
        self.problems.truncate(PROBLEMS_MAX);
        let is_bad = self.first_bad.is_some() || !self.problems.is_empty();
        Ok(Report {
            verdict: if is_bad {
                Verdict::Altered
            } else {
                Verdict::Good
            },
            unreadable: None,
            first_bad: self.first_bad,
            problems: self.problems,
            facts: self.facts,
            key_vouched,
            anchors,
        })
    }

    /// A file of at most so many bytes; `None` if it is not there or cannot be read.
    fn whole(&mut self, name: &str, bytes_max: u64) -> Option<Vec<u8>> {
        self.digests.get(name)?.as_ref()?;
        self.container.whole(name, bytes_max).ok()
    }

    fn text(&mut self, name: &str) -> Option<String> {
        String::from_utf8(self.whole(name, SMALL_BYTES_MAX)?).ok()
    }

    /// Whether the files are there and whole; what is not is named.
    fn can_read(&mut self, names: &[&'static str]) -> bool {
        for name in names {
            match self.digests.get(*name) {
                Some(Some(_)) => {}
                Some(None) => return self.blame("file.digest", name),
                None => return self.blame("file.missing", name),
            }
        }
        true
    }

    /// Names a file as not as it should be; always `false`.
    fn blame(&mut self, code: &'static str, place: &str) -> bool {
        let problem = Problem::new(code, place);
        if self.problems.contains(&problem) {
            return false;
        }
        self.problems.push(problem);
        let fault = match code {
            "file.missing" => Fault::Missing,
            "file.unlisted" => Fault::Added,
            "file.malformed" | "checkpoint.malformed" => Fault::Malformed,
            _ => Fault::Altered,
        };
        let is_file = name::is_of_format(place);
        if self.first_bad.is_none() && is_file {
            self.first_bad = Some(FirstBad {
                file: place.to_owned(),
                line: 0,
                message: None,
                entry: None,
                fault,
            });
        }
        false
    }

    /// Notes a bad line: it may be the line itself, or its proof.
    fn note_line(&mut self, files: [&'static str; 2], found: Option<FirstBad>) {
        let Some(mut bad) = found.filter(|_| self.first_bad.is_none()) else {
            return;
        };
        let listed = self.listed();
        let is_as_listed = |name: &str| {
            let digest = self.digests.get(name).and_then(Option::as_ref);
            digest.is_some() && listed.get(name) == digest
        };
        if is_as_listed(files[0]) && !is_as_listed(files[1]) {
            files[1].clone_into(&mut bad.file);
        }
        self.first_bad = Some(bad);
    }

    /// The digests that the manifest tells.
    fn listed(&mut self) -> BTreeMap<String, (u64, String)> {
        let manifest = self.whole(name::MANIFEST, LIST_BYTES_MAX);
        let manifest = manifest.and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
        let files = manifest.into_iter().flat_map(|manifest| manifest.files);
        files.map(|f| (f.path, (f.bytes, f.sha256))).collect()
    }

    /// The signed head; what is wrong with it is noted.
    fn head(&mut self) -> Option<Head> {
        if !self.can_read(&[name::KEY, name::CHECKPOINT]) {
            return None;
        }
        let key = self.text(name::KEY);
        let key = key.and_then(|text| {
            let line = text.strip_suffix('\n')?;
            VerifierKey::parse(line).filter(|key| key.text() == line)
        });
        let Some(key) = key else {
            self.blame("file.malformed", name::KEY);
            return None;
        };
        self.facts.key = key.text();
        let note = self.text(name::CHECKPOINT);
        let signed = note.and_then(|note| SignedCheckpoint::parse(&note));
        let Some(signed) = signed.filter(|signed| signed.checkpoint.origin == key.name()) else {
            self.blame("checkpoint.malformed", name::CHECKPOINT);
            return None;
        };
        if !signed.is_signed_by(&key) {
            self.blame("checkpoint.signature", name::CHECKPOINT);
            return None;
        }
        let checkpoint = signed.checkpoint;
        self.facts.checkpoint = checkpoint.size;
        self.facts.origin = checkpoint.origin;
        Some(Head {
            size: checkpoint.size,
            root: checkpoint.root,
        })
    }

    /// Whether the key is vouched for, and how many anchors agree.
    fn hold_against(&mut self, outside: &Outside, head: Option<Head>) -> (bool, usize) {
        let is_key = |key: &VerifierKey| key.text() == self.facts.key;
        let key_vouched = outside.key.as_ref().is_some_and(is_key);
        if outside.key.is_some() && !key_vouched {
            self.blame("key", name::KEY);
        }
        let mut agreed = 0;
        for anchor in &outside.anchors {
            let same = head.filter(|head| head.size == anchor.size);
            match same {
                Some(head) if head.root == anchor.root && self.facts.origin == anchor.origin => {
                    agreed += 1;
                }
                Some(_) => {
                    self.blame("anchor", name::CHECKPOINT);
                }
                None => {}
            }
        }
        (key_vouched, agreed)
    }

    /// The list of contents against the entry that seals it, the files, and the lines.
    fn contents(&mut self, sealed: &[String], counted: Option<[u64; 2]>) {
        if !self.can_read(&[name::CONTENTS]) {
            return;
        }
        let bytes = self.whole(name::CONTENTS, LIST_BYTES_MAX);
        let parsed = bytes.and_then(|bytes| {
            let contents: Contents = serde_json::from_slice(&bytes).ok()?;
            let is_it = contents.format == CONTENTS_FORMAT && contents.v == VERSION;
            (is_it && pretty(&contents).ok()? == bytes).then_some(contents)
        });
        let Some(contents) = parsed else {
            self.blame("file.malformed", name::CONTENTS);
            return;
        };
        let digest = self.digests.get(name::CONTENTS).cloned().flatten();
        if !digest.is_some_and(|(_, sha256)| sealed.contains(&sha256)) {
            self.blame("contents.seal", name::CONTENTS);
        }
        if let Some([messages, chosen]) = counted
            && (messages, chosen) != (contents.messages, contents.chosen)
        {
            self.blame("contents.count", name::CONTENTS);
        }
        self.files(&contents.files, &name::PROOF);
        self.facts.case = contents.case;
        self.facts.messages = contents.messages;
        self.facts.chosen = contents.chosen;
        self.facts.media = contents.media;
        self.facts.media_missing = contents.media_missing;
    }

    fn manifest(&mut self) {
        if !self.can_read(&[name::MANIFEST]) {
            return;
        }
        let bytes = self.whole(name::MANIFEST, LIST_BYTES_MAX);
        let parsed = bytes.and_then(|bytes| {
            let manifest: Manifest = serde_json::from_slice(&bytes).ok()?;
            let is_it = manifest.format == FORMAT && manifest.v == VERSION;
            (is_it && pretty(&manifest).ok()? == bytes).then_some(manifest)
        });
        let Some(manifest) = parsed else {
            self.blame("file.malformed", name::MANIFEST);
            return;
        };
        let is_of_log = manifest.origin == self.facts.origin || self.facts.origin.is_empty();
        let is_of_case = manifest.case == self.facts.case || self.facts.case.is_empty();
        if !is_of_log || !is_of_case {
            self.blame("manifest.heading", name::MANIFEST);
        }
        self.files(&manifest.files, &[name::MANIFEST]);
        self.facts.created = manifest.created;
        let digest = self.digests.get(name::MANIFEST).cloned().flatten();
        self.facts.manifest_sha256 = digest.map_or_else(String::new, |(_, sha256)| sha256);
    }

    /// A list of files against those that are there, but for some that are not on it.
    fn files(&mut self, listed: &[ManifestFile], but: &[&str]) {
        let mut unlisted: Vec<String> = self.digests.keys().cloned().collect();
        unlisted.retain(|name| !but.contains(&name.as_str()));
        for file in listed {
            let is_new = unlisted.iter().position(|name| *name == file.path);
            if let Some(at) = is_new {
                unlisted.remove(at);
            }
            match (is_new, self.digests.get(&file.path)) {
                (None, _) | (_, None) => self.blame("file.missing", &file.path),
                (_, Some(Some((bytes, sha256))))
                    if *bytes == file.bytes && *sha256 == file.sha256 =>
                {
                    true
                }
                _ => self.blame("file.digest", &file.path),
            };
        }
        for name in unlisted {
            self.blame("file.unlisted", &name);
        }
    }
}
