//! A good package passes, a changed one does not, and what was changed is named; this
//! verifier and the one in Python agree.

mod layout;

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _, Write as _},
    path::PathBuf,
};

use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{
    super::{
        leaf::{LEAF_VERSION, Leaf, Objects},
        merkle::{self, Hash, Hashes, leaf_hash},
        note::{Checkpoint, Signer},
        python,
        verify::{Fault, Outside, Verdict},
    },
    verify::{Report, verify},
    *,
};

const ORIGIN: &str = "qitai/00112233445566778899aabbccddeeff";
/// Messages of each pull.
const PULL: u64 = 5;
/// Messages of the package.
const MESSAGES: u64 = 12;
/// The one that was deleted.
const DELETED_AT: u64 = 7;

struct Leaves(Vec<Hash>);

impl Hashes for Leaves {
    type Error = std::convert::Infallible;
    fn subtree(&self, height: u32, index: u64) -> Result<Hash, Self::Error> {
        if height == 0 {
            return Ok(self.0[usize::try_from(index).unwrap()]);
        }
        let (left, right) = (index * 2, index * 2 + 1);
        let Ok(left) = self.subtree(height - 1, left);
        let Ok(right) = self.subtree(height - 1, right);
        Ok(merkle::node_hash(&left, &right))
    }
}

impl Leaves {
    fn root(&self) -> Hash {
        let Ok(root) = merkle::root(self, self.0.len() as u64);
        root
    }

    fn path(&self, index: u64) -> Vec<String> {
        let Ok(path) = merkle::inclusion(self, index, self.0.len() as u64);
        path.iter().map(hex::encode).collect()
    }
}

fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[7; 32])
}

fn text(seq: u64) -> String {
    format!("{{\"msgid\":\"{seq}_m\",\"text\":{{\"content\":\"退款 {seq}\"}}}}")
}

fn salt(seq: u64) -> [u8; 16] {
    [u8::try_from(seq).unwrap(); 16]
}

fn message_leaf(seq: u64) -> Hash {
    let bytes = [&salt(seq)[..], &seq.to_be_bytes(), text(seq).as_bytes()].concat();
    leaf_hash(&bytes)
}

fn entry(seq: u64, act: &str, object: String, opening: Option<&Opening>) -> Vec<u8> {
    let mut leaf = Leaf {
        v: LEAF_VERSION,
        seq,
        t: "2026-11-22T10:00:00.000Z".into(),
        actor: "system:archive".into(),
        role: "system".into(),
        on_behalf: None,
        act: act.into(),
        obj: Objects::Listed(vec![object]),
        origin: "job".into(),
        req: String::new(),
        outcome: "ok".into(),
        c: BTreeMap::new(),
        new: None,
    };
    if let Some(opening) = opening {
        let commitment = opening.commitment().unwrap();
        leaf.c.insert(opening.f.clone(), commitment);
    }
    leaf.to_bytes()
}

/// A package over two and a half pulls of a log with twenty entries.
fn package() -> Vec<u8> {
    package_with(&[name::DELETIONS])
}

/// The same with these files beside the common ones.
fn package_with(more: &[&str]) -> Vec<u8> {
    let mut out = EvidenceWriter::new(Cursor::new(Vec::new())).unwrap();
    let pulls: Vec<Leaves> = (0..3)
        .map(|no| Leaves((0..PULL).map(|i| message_leaf(no * PULL + i)).collect()))
        .collect();
    out.start(name::MESSAGES).unwrap();
    let mut proofs = Vec::new();
    for seq in 0..MESSAGES {
        let is_gone = seq == DELETED_AT;
        match is_gone {
            true => writeln!(out, "#{}", hex::encode(message_leaf(seq))).unwrap(),
            false => writeln!(out, "{}", text(seq)).unwrap(),
        }
        let proof = MessageProof {
            n: seq,
            seq,
            chat: "0000000000001".into(),
            role: if seq == 4 { CHOSEN } else { CONTEXT }.into(),
            state: if is_gone { DELETED } else { SHOWN }.into(),
            recalled: seq == 4,
            salt: if is_gone {
                String::new()
            } else {
                hex::encode(salt(seq))
            },
            pull: seq / PULL + 1,
            index: seq % PULL,
            path: pulls[usize::try_from(seq / PULL).unwrap()].path(seq % PULL),
        };
        proofs.extend(serde_json::to_vec(&proof).unwrap());
        proofs.push(b'\n');
    }
    out.file(name::MESSAGE_PROOFS, &proofs).unwrap();
    for path in [
        name::CASE,
        name::CONVERSATIONS,
        name::PEOPLE,
        name::READERS,
        name::CONSENTS,
        name::MEDIA,
        name::INDEX,
    ]
    .iter()
    .chain(more)
    {
        out.file(path, b"{}\n").unwrap();
    }
    let media = format!("media/{}.png", "ab".repeat(32));
    out.media(&media, &b"\x89PNG picture"[..]).unwrap();
    let sha256 = out.contents("0000000000002", [MESSAGES, 1, 1, 0]).unwrap();

    let openings: Vec<Opening> = (1..=3u64)
        .map(|no| {
            let root = hex::encode(pulls[usize::try_from(no - 1).unwrap()].root());
            let value = format!("{{\"messages\":[null,{PULL}],\"root\":[null,\"{root}\"]}}");
            Opening::new(&format!("archive_pull:{no}"), &value, [9; 32])
        })
        .collect();
    let mut log: Vec<Vec<u8>> = (0..20)
        .map(|seq| entry(seq, "customer.view", format!("customer:{seq}"), None))
        .collect();
    let pull_at = |no: u64| 3 + no * 4;
    for (no, opening) in (1..).zip(&openings) {
        let object = format!("archive_pull:{no}");
        log[usize::try_from(pull_at(no)).unwrap()] =
            entry(pull_at(no), "archive.pull", object, Some(opening));
    }
    log[18] = entry(18, SEAL_ACT, format!("{SEAL_OBJECT}:{sha256}"), None);
    let tree = Leaves(log.iter().map(|line| leaf_hash(line)).collect());
    let proved = |seq: u64, openings: Vec<Opening>| {
        let proof = EntryProof {
            seq,
            path: tree.path(seq),
            openings,
        };
        (log[usize::try_from(seq).unwrap()].clone(), proof)
    };
    let mut entries: Vec<_> = (1..)
        .zip(&openings)
        .map(|(no, opening)| proved(pull_at(no), vec![opening.clone()]))
        .collect();
    entries.push(proved(18, Vec::new()));
    out.entries(&entries).unwrap();
    let checkpoint = Checkpoint {
        origin: ORIGIN.into(),
        size: 20,
        root: tree.root(),
    };
    let heading = Heading {
        origin: ORIGIN.into(),
        created: "2026-11-22T10:00:01.000Z".into(),
        case: "0000000000002".into(),
    };
    let signer = signer();
    let finished = out.finish(heading, signer.verifier(), &signer.sign(&checkpoint));
    finished.unwrap().out.into_inner()
}

type Files = BTreeMap<String, Vec<u8>>;

fn unzip(bytes: &[u8]) -> Files {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files = Files::new();
    for i in 0..zip.len() {
        let mut file = zip.by_index(i).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        files.insert(name, content);
    }
    files
}

fn rezip(files: &Files) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Makes the manifest, or the list of contents, agree with the files again.
fn mend(files: &mut Files, list: &str) {
    let mut value: serde_json::Value = serde_json::from_slice(&files[list]).unwrap();
    // Fields of lists stand in another order in a map: they are put back as they were.
    let digest = |content: &[u8]| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
        hex::encode(digest)
    };
    for file in value["files"].as_array_mut().unwrap() {
        let content = files.get(file["path"].as_str().unwrap());
        if let Some(content) = content {
            file["bytes"] = content.len().into();
            file["sha256"] = digest(content).into();
        }
    }
    let bytes = match list {
        name::MANIFEST => pretty(&serde_json::from_value::<Manifest>(value).unwrap()),
        _ => pretty(&serde_json::from_value::<Contents>(value).unwrap()),
    };
    files.insert(list.to_owned(), bytes.unwrap());
}

fn vouched() -> Outside {
    Outside {
        key: Some(signer().verifier().clone()),
        anchors: Vec::new(),
    }
}

/// What must come out of a package.
struct Case {
    name: String,
    bytes: Vec<u8>,
    outside: Outside,
    /// The file, the message or entry, and the fault that are named; `None` for good.
    expected: Option<(&'static str, Option<u64>, Fault)>,
}

fn judge(cases: &[Case]) {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..cases.len())
        .map(|i| dir.path().join(format!("{i}.zip")))
        .collect();
    for (case, path) in cases.iter().zip(&paths) {
        std::fs::write(path, &case.bytes).unwrap();
    }
    let outsides = cases.iter().map(|case| &case.outside);
    let foreign = python::reports(paths.iter().map(PathBuf::as_path).zip(outsides));
    for ((case, path), foreign) in cases.iter().zip(&paths).zip(foreign) {
        assert!(super::verify::is_evidence(path), "{}", case.name);
        let report: Report = verify(path, &case.outside);
        let own = serde_json::to_value(&report).unwrap();
        assert_eq!(own, foreign, "{}: {own:#} {foreign:#}", case.name);
        let seen = format!("{}: {report:#?}", case.name);
        match &case.expected {
            None => assert_eq!(report.verdict, Verdict::Good, "{seen}"),
            Some((file, number, fault)) => {
                assert_eq!(report.verdict, Verdict::Altered, "{seen}");
                let bad = report.first_bad.expect(&seen);
                assert_eq!((bad.file.as_str(), bad.fault), (*file, *fault), "{seen}");
                assert_eq!(bad.message.or(bad.entry), *number, "{seen}");
            }
        }
    }
}

fn changed(
    name: &str,
    expected: (&'static str, Option<u64>, Fault),
    change: impl Fn(&mut Files),
) -> Case {
    let mut files = unzip(&package());
    change(&mut files);
    Case {
        name: name.to_owned(),
        bytes: rezip(&files),
        outside: vouched(),
        expected: Some(expected),
    }
}

/// Flips a bit of the first byte behind `word` in a file.
fn flip(files: &mut Files, path: &str, word: &str) {
    let content = files.get_mut(path).unwrap();
    let at = content
        .windows(word.len())
        .position(|window| window == word.as_bytes())
        .unwrap();
    content[at + word.len()] ^= 1;
}

fn edit_lines(files: &mut Files, path: &str, edit: impl Fn(&mut Vec<Vec<u8>>)) {
    let content = files.get_mut(path).unwrap();
    let mut lines: Vec<Vec<u8>> = content
        .split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    edit(&mut lines);
    *content = lines.concat();
}

#[test]
fn a_good_package_passes_with_key_and_anchor() {
    let bytes = package();
    let anchor = |size, root| Checkpoint {
        origin: ORIGIN.into(),
        size,
        root,
    };
    let note = String::from_utf8(unzip(&bytes)[name::CHECKPOINT].clone()).unwrap();
    let same = crate::audit::verify::parse_anchor(&note).unwrap();
    let with = |key: bool, anchors: Vec<Checkpoint>| Outside {
        key: key.then(|| signer().verifier().clone()),
        anchors,
    };
    let good = |name: &str, outside| Case {
        name: name.into(),
        bytes: bytes.clone(),
        outside,
        expected: None,
    };
    judge(&[
        good("alone", Outside::default()),
        good("with key and anchor", with(true, vec![same])),
        Case {
            bytes: package_with(&[]),
            ..good("from before deletions were told", with(true, Vec::new()))
        },
        good(
            "an anchor of another size says nothing",
            with(true, vec![anchor(9, [1; 32])]),
        ),
        Case {
            expected: Some((name::CHECKPOINT, None, Fault::Altered)),
            ..good("another history", with(true, vec![anchor(20, [1; 32])]))
        },
        Case {
            expected: Some((name::KEY, None, Fault::Altered)),
            ..good(
                "a foreign key",
                Outside {
                    key: Some(Signer::from_seed(ORIGIN, &[8; 32]).verifier().clone()),
                    anchors: Vec::new(),
                },
            )
        },
    ]);
}

#[test]
fn one_byte_changed_is_named() {
    let media = format!("media/{}.png", "ab".repeat(32));
    let media: &'static str = Box::leak(media.into_boxed_str());
    let mut cases = vec![
        changed(
            "a message",
            (name::MESSAGES, Some(4), Fault::Altered),
            |f| {
                flip(f, name::MESSAGES, "退款 4\"");
            },
        ),
        changed(
            "a salt",
            (name::MESSAGE_PROOFS, Some(2), Fault::Altered),
            |f| {
                flip(f, name::MESSAGE_PROOFS, "\"salt\":\"0202020202020202");
            },
        ),
        changed(
            "a path",
            (name::MESSAGE_PROOFS, Some(0), Fault::Altered),
            |f| {
                flip(f, name::MESSAGE_PROOFS, "\"path\":[\"");
            },
        ),
        changed(
            "a mark",
            (name::MESSAGE_PROOFS, None, Fault::Altered),
            |f| {
                let proofs = String::from_utf8(f[name::MESSAGE_PROOFS].clone()).unwrap();
                let proofs = proofs.replace("\"recalled\":true", "\"recalled\":false");
                f.insert(name::MESSAGE_PROOFS.into(), proofs.into_bytes());
            },
        ),
        changed("an entry", (name::ENTRIES, Some(7), Fault::Altered), |f| {
            flip(f, name::ENTRIES, "\"actor\":\"");
        }),
        changed(
            "an opening",
            (name::ENTRY_PROOFS, Some(7), Fault::Opening),
            |f| {
                flip(f, name::ENTRY_PROOFS, "\"salt\":\"");
            },
        ),
        changed(
            "the checkpoint",
            (name::CHECKPOINT, None, Fault::Altered),
            |f| {
                let note = f.get_mut(name::CHECKPOINT).unwrap();
                let at = note.len() - 40;
                note[at] = if note[at] == b'A' { b'B' } else { b'A' };
            },
        ),
        changed(
            "the manifest",
            (name::MANIFEST, None, Fault::Malformed),
            |f| {
                flip(f, name::MANIFEST, "{\n ");
            },
        ),
        changed("the list", (name::CONTENTS, None, Fault::Altered), |f| {
            flip(f, name::CONTENTS, "\"chosen\": ");
        }),
        changed("a file", (media, None, Fault::Altered), |f| {
            flip(f, media, "PNG")
        }),
        changed("a deletion", (name::DELETIONS, None, Fault::Altered), |f| {
            flip(f, name::DELETIONS, "{");
        }),
        changed(
            "what is printed",
            (name::INDEX, None, Fault::Altered),
            |f| {
                flip(f, name::INDEX, "{");
            },
        ),
    ];
    // Whoever mends the lists along the way cannot mend what the log has sealed.
    cases.push(changed(
        "a file, mended",
        (name::CONTENTS, None, Fault::Altered),
        |f| {
            flip(f, media, "PNG");
            mend(f, name::CONTENTS);
            mend(f, name::MANIFEST);
        },
    ));
    cases.push(changed(
        "a message, mended",
        (name::MESSAGES, Some(4), Fault::Altered),
        |f| {
            flip(f, name::MESSAGES, "退款 4\"");
            mend(f, name::CONTENTS);
            mend(f, name::MANIFEST);
        },
    ));
    judge(&cases);
}

#[test]
fn what_is_missing_or_added_is_named() {
    judge(&[
        changed(
            "a message left out",
            (name::MESSAGES, Some(3), Fault::Missing),
            |f| {
                // The next line fits the next proof.
                edit_lines(f, name::MESSAGES, |lines| drop(lines.remove(3)));
            },
        ),
        changed(
            "left out with its proof",
            (name::MESSAGES, Some(4), Fault::Malformed),
            |f| {
                for path in [name::MESSAGES, name::MESSAGE_PROOFS] {
                    edit_lines(f, path, |lines| drop(lines.remove(3)));
                }
            },
        ),
        changed(
            "the last one left out",
            (name::MESSAGES, Some(11), Fault::Missing),
            |f| {
                edit_lines(f, name::MESSAGES, |lines| drop(lines.pop()));
            },
        ),
        changed(
            "a message added",
            (name::MESSAGES, Some(3), Fault::Added),
            |f| {
                edit_lines(f, name::MESSAGES, |lines| {
                    lines.insert(3, b"{\"msgid\":\"x\"}\n".to_vec())
                });
            },
        ),
        changed(
            "one added at the end",
            (name::MESSAGES, None, Fault::Added),
            |f| {
                edit_lines(f, name::MESSAGES, |lines| {
                    lines.push(b"{\"msgid\":\"x\"}\n".to_vec())
                });
            },
        ),
        changed(
            "a message hidden",
            (name::MESSAGES, Some(4), Fault::Withheld),
            |f| {
                edit_lines(f, name::MESSAGES, |lines| {
                    lines[4] = format!("#{}\n", hex::encode(message_leaf(4))).into_bytes();
                });
            },
        ),
        changed(
            "an entry left out",
            (name::ENTRIES, Some(7), Fault::Altered),
            |f| {
                edit_lines(f, name::ENTRIES, |lines| drop(lines.remove(0)));
            },
        ),
        changed(
            "a pull left out",
            (name::MESSAGES, Some(0), Fault::Unproven),
            |f| {
                for path in [name::ENTRIES, name::ENTRY_PROOFS] {
                    edit_lines(f, path, |lines| drop(lines.remove(0)));
                }
            },
        ),
        changed(
            "the seal left out",
            (name::ENTRIES, None, Fault::Missing),
            |f| {
                for path in [name::ENTRIES, name::ENTRY_PROOFS] {
                    edit_lines(f, path, |lines| drop(lines.pop()));
                }
            },
        ),
        changed(
            "a file left out",
            (name::READERS, None, Fault::Missing),
            |f| {
                f.remove(name::READERS);
            },
        ),
        changed(
            "a file added",
            (
                "media/0000000000000000000000000000000000000000000000000000000000000000.bin",
                None,
                Fault::Added,
            ),
            |f| {
                f.insert(format!("media/{}.bin", "0".repeat(64)), b"x".to_vec());
            },
        ),
        changed(
            "the messages left out",
            (name::MESSAGES, None, Fault::Missing),
            |f| {
                f.remove(name::MESSAGES);
            },
        ),
        changed(
            "the checkpoint left out",
            (name::CHECKPOINT, None, Fault::Missing),
            |f| {
                f.remove(name::CHECKPOINT);
            },
        ),
    ]);
}

#[test]
fn a_damaged_file_is_never_taken_for_another_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.zip");
    let good = package();
    let files = unzip(&good);
    for round in 0..400usize {
        let mut bytes = good.clone();
        let at = (round * 2_654_435_761) % good.len();
        match round % 3 {
            0 => bytes.truncate(at),
            _ => bytes[at] ^= 1 << (round % 8),
        }
        std::fs::write(&path, &bytes).unwrap();
        if verify(&path, &vouched()).verdict == Verdict::Good {
            assert_eq!(unzip(&bytes), files, "round {round}");
        }
    }
}
