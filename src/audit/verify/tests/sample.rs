//! Random good packages, in parts that a test can change.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
};

use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::{
    audit::{
        leaf::{KEY_ROTATE, LEAF_VERSION, Leaf, Objects, Opening},
        merkle::{Frontier, Hash, leaf_hash},
        note::{Checkpoint, Signer, sign_by_all},
        package::{
            CHUNK, Heading, Line, MANIFEST, Manifest, ManifestFile, OPENINGS, PackageWriter, Range,
            manifest_bytes,
        },
        verify::parse_anchor,
    },
    kit::{Random, Timestamp},
};

pub(super) const ORIGIN: &str = "qitai/00112233445566778899aabbccddeeff";

pub(super) struct Dice(pub(super) Random);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Random::seeded(seed))
    }
    pub(super) fn below(&self, n: u64) -> u64 {
        self.0.u64() % n
    }
    pub(super) fn between(&self, from: u64, to: u64) -> u64 {
        from + self.below(to - from)
    }
    pub(super) fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// A log and its package, in parts that a test changes.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Sizes of the checkpoints.
    pub(super) heads: Vec<u64>,
    pub(super) size: u64,
    pub(super) range: Range,
    pub(super) clear: Vec<u64>,
    pub(super) rotations: Vec<u64>,
}

pub(super) fn signer(n: u8) -> Signer {
    Signer::from_seed(ORIGIN, &[n + 1; 32])
}

pub(super) fn entry(
    dice: &Dice,
    seq: u64,
    at: &mut i64,
    rotation: Option<u8>,
) -> (Leaf, Vec<Opening>) {
    *at += i64::try_from(dice.below(3)).unwrap() * 7919;
    let mut openings = Vec::new();
    let mut c = BTreeMap::new();
    for field in ["ip", "person:0000000000001", "query"] {
        if dice.one_in(2) {
            let value = [
                "203.0.113.8",
                "{\"姓名\":[\"王\\t海燕\",null]}",
                "\u{7f}\u{2028}\"\\",
            ];
            let value = value[usize::try_from(dice.below(3)).unwrap()];
            let opening = Opening::new(field, value, dice.0.bytes());
            c.insert(field.to_owned(), opening.commitment().unwrap());
            if !dice.one_in(4) {
                openings.push(opening);
            }
        }
    }
    let obj = match dice.below(3) {
        0 => Objects::Counted {
            n: 100 + dice.below(9),
        },
        n => Objects::Listed((0..n).map(|i| format!("person:{i}")).collect()),
    };
    let leaf = Leaf {
        v: LEAF_VERSION,
        seq,
        t: Timestamp::from_ms(*at).to_rfc3339(),
        actor: "account:0000000000002".to_owned(),
        role: "staff".to_owned(),
        on_behalf: dice.one_in(5).then(|| "system:同步\u{1}".to_owned()),
        act: rotation.map_or("customer.view", |_| KEY_ROTATE).to_owned(),
        obj,
        origin: "web".to_owned(),
        req: format!("r{seq}"),
        outcome: "ok".to_owned(),
        c,
        new: rotation.map(|n| signer(n).verifier().text()),
    };
    (leaf, openings)
}

/// A random good package of `size` entries.
pub(super) fn sample(dice: &Dice, size: u64) -> Sample {
    let mut heads: Vec<u64> = (0..dice.below(6))
        .map(|_| dice.between(1, size + 1))
        .collect();
    heads.push(size);
    heads.sort_unstable();
    heads.dedup();
    let mut rotations: Vec<u64> = (0..dice.below(3)).map(|_| dice.below(size)).collect();
    rotations.sort_unstable();
    rotations.dedup();
    let from = if dice.one_in(2) { 0 } else { dice.below(size) };
    let range = Range {
        from,
        to: if dice.one_in(2) {
            size
        } else {
            dice.between(from, size + 1)
        },
    };
    let filters = if dice.one_in(3) {
        vec!["actor: 王".to_owned()]
    } else {
        vec![]
    };
    let mut at = 1_800_000_000_000;
    let mut entries = Vec::new();
    let mut frontier = Frontier::default();
    let mut notes = Vec::new();
    let mut covered = 0;
    for seq in 0..size {
        let rotation = rotations.iter().position(|r| *r == seq);
        let rotation = rotation.map(|n| u8::try_from(n).unwrap() + 1);
        let (leaf, openings) = entry(dice, seq, &mut at, rotation);
        frontier.push(leaf_hash(&leaf.to_bytes()));
        let shown = rotation.is_some()
            || ((range.from..range.to).contains(&seq) && (filters.is_empty() || dice.one_in(2)));
        entries.push((leaf, openings, shown));
        if heads.contains(&frontier.size()) {
            let body = Checkpoint {
                origin: ORIGIN.to_owned(),
                size: frontier.size(),
                root: frontier.root(),
            };
            notes.push((frontier.size(), sign(&body, covered, &rotations)));
            covered = frontier.size();
        }
    }
    let heading = Heading {
        origin: ORIGIN.to_owned(),
        genesis: signer(0).verifier().clone(),
        created: "2026-11-22T10:00:00.000Z".to_owned(),
        range,
        filters,
    };
    let clear: Vec<u64> = (0..)
        .zip(&entries)
        .filter(|(_, e)| e.2)
        .map(|(i, _)| i)
        .collect();
    let bytes = write(heading, &notes, &entries);
    Sample {
        files: unzip(&bytes),
        heads,
        size,
        range,
        clear,
        rotations,
    }
}

/// Signed by every key that the format asks for.
pub(super) fn sign(body: &Checkpoint, covered: u64, rotations: &[u64]) -> String {
    let before = rotations.iter().filter(|r| **r < covered).count();
    let until = rotations.iter().filter(|r| **r < body.size).count();
    let signers: Vec<Signer> = (before..=until)
        .map(|n| signer(u8::try_from(n).unwrap()))
        .collect();
    sign_by_all(&signers.iter().collect::<Vec<_>>(), body)
}

pub(super) fn write(
    heading: Heading,
    notes: &[(u64, String)],
    entries: &[(Leaf, Vec<Opening>, bool)],
) -> Vec<u8> {
    let mut writer = PackageWriter::new(Vec::new(), heading).unwrap();
    for (size, note) in notes {
        writer.checkpoint(*size, note).unwrap();
    }
    for (leaf, _, shown) in entries {
        let bytes = leaf.to_bytes();
        let line = if *shown {
            Line::Clear(&bytes)
        } else {
            Line::Hash(leaf_hash(&bytes))
        };
        writer.line(line).unwrap();
    }
    for (leaf, openings, _) in entries.iter().filter(|e| e.2) {
        for opening in openings {
            writer.opening(leaf.seq, opening).unwrap();
        }
    }
    writer.finish().unwrap().out
}

pub(super) fn unzip(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        files.insert(file.name().unwrap().into_owned(), content);
    }
    files
}

pub(super) fn rezip(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(name.as_str(), options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

impl Sample {
    pub(super) fn lines(&self) -> Vec<Vec<u8>> {
        let names = self
            .files
            .iter()
            .filter(|(name, _)| name.starts_with("entries/"));
        let all: Vec<u8> = names.flat_map(|(_, content)| content.clone()).collect();
        all.split_inclusive(|b| *b == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    }

    pub(super) fn set_lines(&mut self, lines: &[Vec<u8>]) {
        self.files.retain(|name, _| !name.starts_with("entries/"));
        for (index, chunk) in lines.chunks(usize::try_from(CHUNK).unwrap()).enumerate() {
            self.files
                .insert(format!("entries/{index:08}.jsonl"), chunk.concat());
        }
    }

    pub(super) fn set_hashes(&mut self, hashes: &[u8]) {
        self.files.retain(|name, _| !name.starts_with("hashes/"));
        for (index, chunk) in hashes
            .chunks(usize::try_from(CHUNK * 32).unwrap())
            .enumerate()
        {
            self.files
                .insert(format!("hashes/{index:08}.bin"), chunk.to_vec());
        }
    }

    /// What an enemy does who knows the format but has no key: makes the list of hashes fit the lines.
    pub(super) fn mend_hashes(&mut self) {
        let hash = |line: &Vec<u8>| -> Hash {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            match line.strip_prefix(b"#") {
                Some(hex) => hex::decode(hex).unwrap().try_into().unwrap(),
                None => leaf_hash(line),
            }
        };
        let hashes: Vec<u8> = self.lines().iter().flat_map(hash).collect();
        self.set_hashes(&hashes);
    }

    /// The same for the manifest.
    pub(super) fn mend_manifest(&mut self) {
        let mut manifest: Manifest = serde_json::from_slice(&self.files[MANIFEST]).unwrap();
        let lines = self.lines();
        manifest.size = lines.len() as u64;
        manifest.clear = lines.iter().filter(|line| line[0] != b'#').count() as u64;
        manifest.hashed = manifest.size - manifest.clear;
        manifest.range.to = manifest.range.to.min(manifest.size);
        manifest.range.from = manifest.range.from.min(manifest.range.to);
        let ends = self.files[OPENINGS].iter().filter(|b| **b == b'\n');
        manifest.openings = ends.count() as u64;
        let heads = self
            .files
            .keys()
            .filter(|name| name.starts_with("checkpoints/"));
        manifest.checkpoints = heads.count() as u64;
        let files = self.files.iter().filter(|(name, _)| *name != MANIFEST);
        manifest.files = files
            .map(|(path, content)| ManifestFile {
                path: path.clone(),
                bytes: content.len() as u64,
                sha256: hex::encode(aws_lc_rs::digest::digest(
                    &aws_lc_rs::digest::SHA256,
                    content,
                )),
            })
            .collect();
        self.files
            .insert(MANIFEST.to_owned(), manifest_bytes(&manifest).unwrap());
    }

    pub(super) fn edit_lines(&mut self, edit: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let mut lines = self.lines();
        edit(&mut lines);
        self.set_lines(&lines);
    }

    pub(super) fn note(&self, size: u64) -> &[u8] {
        &self.files[&format!("checkpoints/{size}.note")]
    }

    pub(super) fn anchor(&self) -> Checkpoint {
        parse_anchor(std::str::from_utf8(self.note(self.size)).unwrap()).unwrap()
    }
}
