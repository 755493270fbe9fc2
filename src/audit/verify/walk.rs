//! Every line against its hash, its place, its time and its openings.

use std::collections::BTreeSet;

use super::{
    super::{
        leaf::{KEY_ROTATE, Leaf, Opening},
        merkle::{Hash, leaf_hash},
        note::VerifierKey,
        package::{Manifest, OPENINGS, OpeningLine},
    },
    Fault,
    container::{Container, Kind, Lines, Unreadable},
    hashes::HashList,
};

/// How far ahead a line without a sequence number is searched for in the list of hashes.
const SEARCH: u64 = 256;

/// What the walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The first entry that is not as it should be.
    pub(super) first: Option<(u64, Fault)>,
    /// Whether there are openings behind the last entry's.
    pub(super) left_over: bool,
    /// Lines there are.
    pub(super) lines: u64,
    /// Lines in clear.
    pub(super) clear: u64,
    /// Openings there are.
    pub(super) openings: u64,
    /// Commitments in the lines in clear.
    pub(super) commitments: u64,
    /// Changes of the signing key: the entry and the new key.
    pub(super) rotations: Vec<(u64, VerifierKey)>,
    /// Time of the newest entry in clear.
    pub(super) newest: String,
}

/// A line as read.
struct Seen {
    hash: Option<Hash>,
    body: Body,
}

enum Body {
    Hashed,
    Clear(Box<Leaf>),
    Malformed,
}

impl Seen {
    fn of(line: &[u8], ended: bool) -> Self {
        let (hash, body) = match line.strip_prefix(b"#") {
            _ if !ended => (None, Body::Malformed),
            Some(hex) => match lower_hex(hex) {
                Some(hash) => (Some(hash), Body::Hashed),
                None => (None, Body::Malformed),
            },
            None => (
                Some(leaf_hash(line)),
                Leaf::parse(line).map_or(Body::Malformed, |leaf| Body::Clear(Box::new(leaf))),
            ),
        };
        Self { hash, body }
    }

    /// The place that the line itself claims.
    fn seq(&self) -> Option<u64> {
        match &self.body {
            Body::Clear(leaf) => Some(leaf.seq),
            _ => None,
        }
    }
}

fn lower_hex(hex: &[u8]) -> Option<Hash> {
    let mut hash = [0; 32];
    hex::decode_to_slice(hex, &mut hash).ok()?;
    (hex::encode(hash).as_bytes() == hex).then_some(hash)
}

/// The openings in step with the lines.
struct OpeningStream<'a> {
    lines: Lines<'a>,
    next: Option<OpeningLine>,
    count: u64,
    malformed: bool,
}

impl<'a> OpeningStream<'a> {
    fn new(lines: Lines<'a>) -> Result<Self, Unreadable> {
        let mut stream = Self {
            lines,
            next: None,
            count: 0,
            malformed: false,
        };
        stream.advance()?;
        Ok(stream)
    }

    fn advance(&mut self) -> Result<(), Unreadable> {
        let mut line = Vec::new();
        self.next = None;
        if let Some(ended) = self.lines.next(&mut line)? {
            self.count += 1;
            let parsed = serde_json::from_slice::<OpeningLine>(&line).ok();
            self.next = parsed
                .filter(|parsed| ended && serde_json::to_vec(parsed).is_ok_and(|b| b == line));
            self.malformed = self.next.is_none();
        }
        Ok(())
    }

    /// Whether the next openings are those of this entry and fit; `leaf` is `None` for an entry
    /// that is not shown, which has none.
    fn fit(&mut self, seq: u64, leaf: Option<&Leaf>) -> Result<bool, Unreadable> {
        let mut seen = BTreeSet::new();
        while let Some(OpeningLine { seq: at, .. }) = self.next {
            if at > seq {
                return Ok(true);
            }
            let Some(OpeningLine { f, salt, v, .. }) = self.next.take() else {
                return Ok(true);
            };
            let opening = Opening { f, salt, v };
            let fits = at == seq && leaf.is_some_and(|leaf| opening.opens(leaf));
            if !fits || !seen.insert(opening.f) {
                return Ok(false);
            }
            self.advance()?;
        }
        Ok(!self.malformed)
    }

    /// Counts what is left.
    fn finish(mut self) -> Result<u64, Unreadable> {
        let mut line = Vec::new();
        while self.lines.next(&mut line)?.is_some() {
            self.count += 1;
        }
        self.lines.finish()?;
        Ok(self.count)
    }
}

/// Walks through `entries/` and `openings.jsonl`.
pub(super) fn walk(
    entries: &mut Container,
    openings: &mut Container,
    hashes: &mut HashList,
    manifest: &Manifest,
) -> Result<Walked, Unreadable> {
    let mut walker = Walker {
        hashes,
        openings: OpeningStream::new(openings.lines(OPENINGS)?)?,
        manifest,
        walked: Walked::default(),
    };
    let mut waiting: Option<Seen> = None;
    let mut line = Vec::new();
    for (kind, name) in entries.names() {
        let Kind::Entries(_) = kind else { continue };
        let mut lines = entries.lines(&name)?;
        while let Some(ended) = lines.next(&mut line)? {
            let seen = Seen::of(&line, ended);
            if let Some(waiting) = waiting.take() {
                walker.line(&waiting, Some(&seen))?;
            }
            waiting = Some(seen);
        }
        lines.finish()?;
    }
    if let Some(waiting) = waiting {
        walker.line(&waiting, None)?;
    }
    walker.finish()
}

struct Walker<'w, 'o> {
    hashes: &'w mut HashList,
    openings: OpeningStream<'o>,
    manifest: &'w Manifest,
    walked: Walked,
}

impl Walker<'_, '_> {
    fn line(&mut self, line: &Seen, next: Option<&Seen>) -> Result<(), Unreadable> {
        let position = self.walked.lines;
        self.walked.lines += 1;
        if let Body::Clear(leaf) = &line.body {
            self.walked.clear += 1;
            self.walked.commitments += leaf.c.len() as u64;
            if leaf.act == KEY_ROTATE
                && let Some(key) = leaf.new.as_deref().and_then(VerifierKey::parse)
            {
                self.walked.rotations.push((leaf.seq, key));
            }
        }
        if self.walked.first.is_none()
            && let Some(fault) = self.fault(position, line, next)?
        {
            self.walked.first = Some((position, fault));
        }
        Ok(())
    }

    fn fault(
        &mut self,
        position: u64,
        line: &Seen,
        next: Option<&Seen>,
    ) -> Result<Option<Fault>, Unreadable> {
        if !self.fits(line, position)? {
            return self.misplaced(position, line, next).map(Some);
        }
        let leaf = match &line.body {
            Body::Malformed => return Ok(Some(Fault::Malformed)),
            Body::Hashed => None,
            Body::Clear(leaf) => Some(&**leaf),
        };
        if leaf.is_none() && self.is_promised(position) {
            return Ok(Some(Fault::Withheld));
        }
        if let Some(leaf) = leaf {
            if !is_time(&leaf.t) || leaf.t < self.walked.newest {
                return Ok(Some(Fault::Time));
            }
            if (leaf.act == KEY_ROTATE) != leaf.new.is_some()
                || leaf
                    .new
                    .as_deref()
                    .is_some_and(|key| VerifierKey::parse(key).is_none())
            {
                return Ok(Some(Fault::Malformed));
            }
            self.walked.newest.clone_from(&leaf.t);
        }
        let fit = self.openings.fit(position, leaf)?;
        Ok((!fit).then_some(Fault::Opening))
    }

    /// Whether the manifest says that the entry is in clear.
    fn is_promised(&self, position: u64) -> bool {
        let range = self.manifest.range;
        self.manifest.filters.is_empty() && (range.from..range.to).contains(&position)
    }

    /// Whether the list of hashes has this line at this place, and the line says so itself.
    fn fits(&mut self, line: &Seen, position: u64) -> Result<bool, Unreadable> {
        Ok(self.has_hash(line, position)? && line.seq().is_none_or(|seq| seq == position))
    }

    fn has_hash(&mut self, line: &Seen, position: u64) -> Result<bool, Unreadable> {
        Ok(line.hash.is_some() && self.hashes.get(position)? == line.hash)
    }

    /// Names what happened at the first line that does not fit.
    fn misplaced(
        &mut self,
        position: u64,
        line: &Seen,
        next: Option<&Seen>,
    ) -> Result<Fault, Unreadable> {
        let next_fits_after = match next {
            Some(next) => self.fits(next, position + 1)?,
            None => false,
        };
        if let Some(next) = next
            && self.fits(next, position)?
        {
            let swapped = self.fits(line, position + 1)?;
            return Ok(if swapped {
                Fault::Reordered
            } else {
                Fault::Added
            });
        }
        if self.is_later_entry(position, line)? {
            return Ok(if next_fits_after {
                Fault::Reordered
            } else {
                Fault::Missing
            });
        }
        if position >= self.hashes.count() {
            return Ok(Fault::Added);
        }
        if self.has_hash(line, position)? {
            // The list of hashes was changed along with the lines: their numbers tell.
            let seq = line.seq().unwrap_or(position);
            let next_seq = next.and_then(Seen::seq);
            return Ok(if seq < position {
                Fault::Added
            } else if next_seq == Some(position) {
                Fault::Reordered
            } else {
                Fault::Missing
            });
        }
        Ok(Fault::Altered)
    }

    /// Whether the line is that of an entry that comes later.
    fn is_later_entry(&mut self, position: u64, line: &Seen) -> Result<bool, Unreadable> {
        if let Some(seq) = line.seq() {
            return Ok(seq > position && self.has_hash(line, seq)?);
        }
        for later in position + 1..=position + SEARCH {
            if self.has_hash(line, later)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn finish(mut self) -> Result<Walked, Unreadable> {
        let lines = self.walked.lines;
        if self.walked.first.is_none() && lines < self.hashes.count() {
            self.walked.first = Some((lines, Fault::Missing));
        }
        self.walked.left_over = self.openings.next.is_some() || self.openings.malformed;
        self.walked.openings = self.openings.finish()?;
        Ok(self.walked)
    }
}

/// Whether a text is a time as entries have it: `2026-11-22T10:00:00.000Z`.
fn is_time(text: &str) -> bool {
    let shape = b"0000-00-00T00:00:00.000Z";
    text.len() == shape.len()
        && text.bytes().zip(shape).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == *shape,
        })
}
