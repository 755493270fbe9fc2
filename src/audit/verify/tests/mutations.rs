//! What an enemy may do to a package, and what must be found.

use super::{
    Expected,
    sample::{Dice, ORIGIN, Sample, entry, sign},
};
use crate::audit::{
    merkle::leaf_hash,
    note::Signer,
    package::{CHUNK, GENESIS, MANIFEST, Manifest, OPENINGS, OpeningLine},
    verify::Fault,
};

pub(super) fn forged(dice: &Dice, seq: u64) -> Vec<u8> {
    let mut line = entry(dice, seq, &mut 1_800_000_000_000, None).0.to_bytes();
    line.push(b'\n');
    line
}

pub(super) fn pick(dice: &Dice, from: &[u64]) -> usize {
    usize::try_from(from[usize::try_from(dice.below(from.len() as u64)).unwrap()]).unwrap()
}

/// A change by an enemy and what must be found; `None` if the sample does not lend itself.
pub(super) type Mutation = fn(&Dice, &mut Sample) -> Option<Expected>;

/// Changes of lines; the enemy may mend manifest and list of hashes afterwards.
pub(super) const LINE_MUTATIONS: [(&str, Mutation); 9] = [
    ("flip a byte", |dice, s| {
        let at = pick(dice, &s.clear);
        s.edit_lines(|lines| {
            let place = usize::try_from(dice.below(lines[at].len() as u64 - 1)).unwrap();
            lines[at][place] ^= 1;
        });
        Some(Expected::At(at as u64, Some(Fault::Altered)))
    }),
    ("change the time", |dice, s| {
        let at = pick(dice, &s.clear);
        s.edit_lines(|lines| {
            let text = String::from_utf8(lines[at].clone()).unwrap();
            lines[at] = text
                .replacen("\"t\":\"2027-01-", "\"t\":\"2027-02-", 1)
                .into_bytes();
        });
        Some(Expected::At(at as u64, Some(Fault::Altered)))
    }),
    ("renumber", |dice, s| {
        let at = pick(dice, &s.clear);
        s.edit_lines(|lines| {
            let text = String::from_utf8(lines[at].clone()).unwrap();
            let other = format!("\"seq\":{}", dice.below(9999) + 20000);
            lines[at] = text
                .replacen(&format!("\"seq\":{at}"), &other, 1)
                .into_bytes();
        });
        Some(Expected::At(at as u64, None))
    }),
    ("drop", |dice, s| {
        let at = dice.below(s.size);
        s.edit_lines(|lines| drop(lines.remove(usize::try_from(at).unwrap())));
        Some(Expected::At(at, Some(Fault::Missing)))
    }),
    ("add", |dice, s| {
        let at = dice.below(s.size);
        let line = forged(dice, at);
        s.edit_lines(|lines| lines.insert(usize::try_from(at).unwrap(), line));
        Some(Expected::At(at, Some(Fault::Added)))
    }),
    ("duplicate", |dice, s| {
        let at = dice.below(s.size);
        s.edit_lines(|lines| {
            let at = usize::try_from(at).unwrap();
            lines.insert(at, lines[at].clone());
        });
        Some(Expected::At(at + 1, Some(Fault::Added)))
    }),
    ("swap neighbours", |dice, s| {
        let at = dice.below(s.size.checked_sub(1).filter(|n| *n > 0)?);
        s.edit_lines(|lines| {
            let at = usize::try_from(at).unwrap();
            lines.swap(at, at + 1);
        });
        Some(Expected::At(at, Some(Fault::Reordered)))
    }),
    ("swap any two", |dice, s| {
        let (a, b) = (dice.below(s.size), dice.below(s.size));
        s.edit_lines(|lines| {
            lines.swap(usize::try_from(a).unwrap(), usize::try_from(b).unwrap());
        });
        (a != b).then_some(Expected::At(a.min(b), None))
    }),
    ("replace by a forgery", |dice, s| {
        let at = dice.below(s.size);
        let line = forged(dice, at);
        s.edit_lines(|lines| lines[usize::try_from(at).unwrap()] = line);
        Some(Expected::At(at, Some(Fault::Altered)))
    }),
];

/// Changes of anything else.
pub(super) const OTHER_MUTATIONS: [(&str, Mutation); 17] = [
    ("withhold", |dice, s| {
        let promised = s.clear.clone();
        let manifest: Manifest = serde_json::from_slice(&s.files[MANIFEST]).unwrap();
        let range = s.range;
        let promised: Vec<u64> = promised
            .into_iter()
            .filter(|i| (range.from..range.to).contains(i))
            .collect();
        if promised.is_empty() || !manifest.filters.is_empty() || !s.rotations.is_empty() {
            return None;
        }
        let at = pick(dice, &promised);
        s.edit_lines(|lines| {
            let hash = leaf_hash(lines[at].strip_suffix(b"\n").unwrap());
            lines[at] = format!("#{}\n", hex::encode(hash)).into_bytes();
        });
        Some(Expected::At(at as u64, Some(Fault::Withheld)))
    }),
    ("flip a hash", |dice, s| {
        let at = dice.below(s.size);
        let name = format!("hashes/{:08}.bin", at / CHUNK);
        let place = usize::try_from(at % CHUNK * 32 + dice.below(32)).unwrap();
        s.files.get_mut(&name)?[place] ^= 4;
        Some(Expected::At(at, Some(Fault::Altered)))
    }),
    ("alter an opening", |dice, s| {
        let openings = String::from_utf8(s.files[OPENINGS].clone()).unwrap();
        let mut lines: Vec<OpeningLine> = openings
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let at = usize::try_from(dice.below(lines.len().max(1) as u64)).unwrap();
        let line = lines.get_mut(at)?;
        match dice.below(3) {
            0 => line.v.push('x'),
            1 => line.salt = line.salt.replace(['1', '2', '3', '4', '5'], "0"),
            _ => line.f.push('x'),
        }
        let seq = line.seq;
        set_openings(s, &lines);
        Some(Expected::At(seq, Some(Fault::Opening)))
    }),
    ("move an opening to another entry", |dice, s| {
        let openings = String::from_utf8(s.files[OPENINGS].clone()).unwrap();
        let mut lines: Vec<OpeningLine> = openings
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let at = usize::try_from(dice.below(lines.len().max(1) as u64)).unwrap();
        lines.get_mut(at)?.seq += 1 + dice.below(3);
        set_openings(s, &lines);
        Some(Expected::Bad)
    }),
    ("double an opening", |dice, s| {
        let openings = String::from_utf8(s.files[OPENINGS].clone()).unwrap();
        let mut lines: Vec<&str> = openings.split_inclusive('\n').collect();
        let at = usize::try_from(dice.below(lines.len().max(1) as u64)).unwrap();
        lines.insert(at, lines.get(at)?);
        let joined = lines.concat();
        s.files.insert(OPENINGS.to_owned(), joined.into_bytes());
        Some(Expected::Bad)
    }),
    ("flip a byte of the openings", |dice, s| {
        let content = s.files.get_mut(OPENINGS)?;
        let at = dice.below(content.len().max(1) as u64);
        *content.get_mut(usize::try_from(at).unwrap())? ^= 1;
        Some(Expected::Bad)
    }),
    ("flip a byte of a checkpoint", |dice, s| {
        let name = format!("checkpoints/{}.note", pick(dice, &s.heads));
        let content = s.files.get_mut(&name)?;
        let at = usize::try_from(dice.below(content.len() as u64)).unwrap();
        content[at] ^= 1 << dice.below(7);
        Some(Expected::Bad)
    }),
    ("flip the newest checkpoint's root", |_, s| {
        let mut anchor = s.anchor();
        anchor.root[5] ^= 1;
        let signed = sign(&anchor, 0, &s.rotations);
        let previous = s.heads.iter().rev().nth(1).copied().unwrap_or(0);
        s.files
            .insert(format!("checkpoints/{}.note", s.size), signed.into_bytes());
        Some(Expected::Around(previous))
    }),
    ("forge a signature", |_, s| {
        let forger = Signer::from_seed(ORIGIN, &[99; 32]);
        let note = forger.sign(&s.anchor());
        let previous = s.heads.iter().rev().nth(1).copied().unwrap_or(0);
        s.files
            .insert(format!("checkpoints/{}.note", s.size), note.into_bytes());
        Some(Expected::At(previous, Some(Fault::Unproven)))
    }),
    ("leave out a signature of a rotation", |_, s| {
        let first = *s.rotations.first()?;
        let head = *s.heads.iter().find(|head| **head > first)?;
        let text = String::from_utf8(s.note(head).to_vec()).unwrap();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines.remove(4);
        let joined = lines.concat();
        s.files
            .insert(format!("checkpoints/{head}.note"), joined.into_bytes());
        Some(Expected::Bad)
    }),
    ("drop the newest checkpoint", |_, s| {
        s.files.remove(&format!("checkpoints/{}.note", s.size));
        let previous = s.heads.iter().rev().nth(1).copied().unwrap_or(0);
        Some(Expected::At(previous, Some(Fault::Unproven)))
    }),
    ("cut the tail, keep the checkpoint", |dice, s| {
        let keep = usize::try_from(dice.below(s.size)).unwrap();
        s.edit_lines(|lines| lines.truncate(keep));
        s.mend_hashes();
        Some(if keep == 0 {
            Expected::Bad
        } else {
            Expected::At(keep as u64, Some(Fault::Missing))
        })
    }),
    ("add behind the newest checkpoint", |dice, s| {
        let line = forged(dice, s.size);
        s.edit_lines(|lines| lines.push(line));
        s.mend_hashes();
        // The forged line has an earlier time, unless nothing in clear was before it.
        Some(Expected::At(s.size, None))
    }),
    ("add a file of an unknown name", |_, s| {
        s.files.insert("../evil".to_owned(), vec![1]);
        Some(Expected::Unreadable)
    }),
    ("break the genesis key", |dice, s| {
        let content = s.files.get_mut(GENESIS)?;
        let at = usize::try_from(dice.below(content.len() as u64 - 1)).unwrap();
        content[at] ^= 1;
        Some(Expected::Bad)
    }),
    ("put another genesis key", |_, s| {
        let other = Signer::from_seed(ORIGIN, &[99; 32]).verifier().text();
        s.files
            .insert(GENESIS.to_owned(), format!("{other}\n").into_bytes());
        Some(Expected::Bad)
    }),
    ("a chunk out of number", |_, s| {
        let content = s.files.remove("hashes/00000000.bin")?;
        s.files.insert("hashes/00000007.bin".to_owned(), content);
        Some(Expected::Unreadable)
    }),
];

/// Changes that only the manifest shows.
pub(super) const MANIFEST_MUTATIONS: [(&str, Mutation); 6] = [
    ("drop an opening", |dice, s| {
        let openings = String::from_utf8(s.files[OPENINGS].clone()).unwrap();
        let mut lines: Vec<&str> = openings.split_inclusive('\n').collect();
        if lines.is_empty() {
            return None;
        }
        lines.remove(usize::try_from(dice.below(lines.len() as u64)).unwrap());
        let joined = lines.concat();
        s.files.insert(OPENINGS.to_owned(), joined.into_bytes());
        Some(Expected::Bad)
    }),
    ("drop an older checkpoint", |_, s| {
        let oldest = *s.heads.first().filter(|head| **head < s.size)?;
        s.files.remove(&format!("checkpoints/{oldest}.note"));
        Some(Expected::Bad)
    }),
    ("change the readme", |_, s| {
        s.files.get_mut("README.txt")?.push(b'!');
        Some(Expected::Bad)
    }),
    ("drop the readme", |_, s| {
        s.files.remove("README.txt");
        Some(Expected::Bad)
    }),
    ("flip a byte of the manifest", |dice, s| {
        let text = s.files.get_mut(MANIFEST)?;
        let from = text.windows(7).position(|w| w == b"\"range\"").unwrap();
        let at = dice.between(from as u64, text.len() as u64);
        text[usize::try_from(at).unwrap()] ^= 1;
        Some(Expected::Bad)
    }),
    ("drop openings.jsonl", |_, s| {
        s.files.remove(OPENINGS);
        Some(Expected::Unreadable)
    }),
];

pub(super) fn set_openings(s: &mut Sample, lines: &[OpeningLine]) {
    let text: String = lines
        .iter()
        .map(|l| format!("{}\n", serde_json::to_string(l).unwrap()))
        .collect();
    s.files.insert(OPENINGS.to_owned(), text.into_bytes());
}
