//! Good packages pass, changed ones do not; this verifier and the one in Python agree on every
//! single one.

mod judge;
mod mutations;
mod sample;

use std::{collections::BTreeMap, io::Write as _};

use zip::{ZipWriter, write::SimpleFileOptions};

use self::{
    judge::{Case, Expected, judge, vouched},
    mutations::{LINE_MUTATIONS, MANIFEST_MUTATIONS, Mutation, OTHER_MUTATIONS},
    sample::{Dice, ORIGIN, Sample, rezip, sample, unzip},
};
use super::*;
use crate::audit::{note::Signer, package::CHUNK};

fn mutate(seed: u64, name: &str, mutation: Mutation, mend: impl Fn(&mut Sample)) -> Option<Case> {
    let dice = Dice::new(seed);
    let size = dice.between(1, 60);
    let mut sample = sample(&dice, size);
    if sample.clear.is_empty() {
        return None;
    }
    let expected = mutation(&dice, &mut sample)?;
    mend(&mut sample);
    Some(Case {
        name: format!("{name}, seed {seed}"),
        bytes: rezip(&sample.files),
        outside: vouched(),
        expected,
    })
}

#[test]
fn good_packages_pass_with_key_and_anchor() {
    let mut cases = Vec::new();
    for seed in 0..60 {
        let dice = Dice::new(seed);
        let size = [
            dice.between(1, 40),
            dice.between(40, 700),
            CHUNK * 2 + dice.below(3),
        ][usize::try_from(seed % 20 / 10 + u64::from(seed == 7)).unwrap()];
        let sample = sample(&dice, size);
        let outside = Outside {
            anchors: vec![sample.anchor()],
            ..vouched()
        };
        for (mended, outside) in [(false, Outside::default()), (true, outside)] {
            let mut sample = sample.clone();
            if mended {
                sample.mend_hashes();
                sample.mend_manifest();
            }
            let name = format!("good, seed {seed}");
            let bytes = rezip(&sample.files);
            cases.push(Case {
                name,
                bytes,
                outside,
                expected: Expected::Good,
            });
        }
    }
    judge(&cases);
}

#[test]
fn a_changed_line_is_named() {
    let mut cases = Vec::new();
    for (name, mutation) in LINE_MUTATIONS {
        for seed in 0..24 {
            cases.extend(mutate(seed, name, mutation, |s| {
                if seed % 2 == 0 {
                    s.mend_manifest();
                }
            }));
        }
    }
    assert!(cases.len() > 150);
    judge(&cases);
}

#[test]
fn a_changed_line_is_bracketed_even_if_the_list_of_hashes_was_changed_along() {
    let mut cases = Vec::new();
    for (name, mutation) in LINE_MUTATIONS {
        for seed in 0..16 {
            let case = mutate(seed, name, mutation, |s| {
                let is_line = |line: &Vec<u8>| line[0] != b'#' || line.len() == 66;
                if s.lines().iter().all(is_line) {
                    s.mend_hashes();
                    s.mend_manifest();
                }
            });
            cases.extend(case.map(|case| match case.expected {
                Expected::At(seq, _) => Case {
                    expected: Expected::Around(seq),
                    ..case
                },
                _ => case,
            }));
        }
    }
    judge(&cases);
}

#[test]
fn any_other_change_is_found() {
    let mut cases = Vec::new();
    for (name, mutation) in OTHER_MUTATIONS {
        for seed in 0..16 {
            cases.extend(mutate(seed, name, mutation, Sample::mend_manifest));
            cases.extend(mutate(seed + 1000, name, mutation, |_| ()));
        }
    }
    for (name, mutation) in MANIFEST_MUTATIONS {
        for seed in 0..20 {
            cases.extend(mutate(seed, name, mutation, |_| ()));
        }
    }
    judge(&cases);
}

#[test]
fn a_history_signed_anew_by_the_key_holder_fails_the_anchor() {
    let mut cases = Vec::new();
    for seed in 0..20 {
        let (one, other) = (Dice::new(seed), Dice::new(seed + 500));
        let size = one.between(2, 60);
        let (kept, rewritten) = (sample(&one, size), sample(&other, size));
        let outside = Outside {
            anchors: vec![kept.anchor()],
            ..vouched()
        };
        let bytes = rezip(&rewritten.files);
        cases.push(Case {
            name: format!("rewritten, seed {seed}"),
            bytes,
            outside: outside.clone(),
            expected: Expected::Around(0),
        });
        let mut cut = sample(&Dice::new(seed), size);
        if let Some(previous) = cut.heads.iter().rev().nth(1).copied() {
            let keep = usize::try_from(previous).unwrap();
            cut.edit_lines(|lines| lines.truncate(keep));
            cut.mend_hashes();
            cut.files.remove(&format!("checkpoints/{size}.note"));
            cut.files.insert(OPENINGS.to_owned(), vec![]);
            cut.mend_manifest();
            let bytes = rezip(&cut.files);
            let name = format!("cut off with its checkpoint, seed {seed}");
            cases.push(Case {
                name,
                bytes,
                outside,
                expected: Expected::Around(previous),
            });
        }
    }
    judge(&cases);
}

#[test]
fn a_package_of_another_key_is_not_vouched_for() {
    let dice = Dice::new(3);
    let bytes = rezip(&sample(&dice, 30).files);
    let foreign = Outside {
        key: Some(Signer::from_seed(ORIGIN, &[99; 32]).verifier().clone()),
        anchors: vec![],
    };
    judge(&[Case {
        name: "foreign".into(),
        bytes,
        outside: foreign,
        expected: Expected::Bad,
    }]);
}

#[test]
fn a_damaged_file_is_never_taken_for_another_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.zip");
    let dice = Dice::new(11);
    let sample = sample(&dice, 50);
    let good = rezip(&sample.files);
    for round in 0..600 {
        let mut bytes = good.clone();
        if round % 3 == 0 {
            bytes.truncate(usize::try_from(dice.below(good.len() as u64)).unwrap());
        } else {
            let at = usize::try_from(dice.below(good.len() as u64)).unwrap();
            bytes[at] ^= 1 << dice.below(8);
        }
        std::fs::write(&path, &bytes).unwrap();
        if verify(&path, &vouched()).verdict == Verdict::Good {
            assert_eq!(unzip(&bytes), sample.files, "round {round}");
        }
    }
}

#[test]
fn no_file_makes_it_panic_or_eat_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.zip");
    let mut files = sample(&Dice::new(5), 20).files;
    let zip_of = |files: &BTreeMap<String, Vec<u8>>| {
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, content) in files {
            zip.start_file(name.as_str(), SimpleFileOptions::default())
                .unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    files.insert("entries/00000000.jsonl".into(), vec![b'a'; 17 << 20]);
    let bomb = zip_of(&files);
    files.insert("entries/00000000.jsonl".into(), vec![0xff; 3000]);
    let binary = zip_of(&files);
    let nested = "[".repeat(100_000).into_bytes();
    files.insert(MANIFEST.into(), nested);
    let deep = zip_of(&files);
    for (bytes, expected) in [
        (bomb, Verdict::Unreadable),
        (binary, Verdict::Altered),
        (deep, Verdict::Unreadable),
        (vec![], Verdict::Unreadable),
        (b"PK\x05\x06".to_vec(), Verdict::Unreadable),
    ] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(verify(&path, &vouched()).verdict, expected);
    }
    assert_eq!(verify(dir.path(), &vouched()).verdict, Verdict::Unreadable);
    let absent = dir.path().join("absent");
    assert_eq!(verify(&absent, &vouched()).verdict, Verdict::Unreadable);
}
