//! How the bytes of a package lie: header, content and descriptor of each file behind those of
//! the one before it, then the directory, then its end. Every byte around the contents follows
//! from the directory, so that there is no place for what nobody verifies.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use super::container::Unreadable;

const LOCAL: &[u8] = b"PK\x03\x04";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const CENTRAL: &[u8] = b"PK\x01\x02";
const LARGE_END: &[u8] = b"PK\x06\x06";
const LOCATOR: &[u8] = b"PK\x06\x07";
const END: &[u8] = b"PK\x05\x06";

/// Stands for a number that is too large for its field.
const BEYOND: u32 = u32::MAX;
/// The flag of a file whose sizes follow its content.
const STREAMED: u16 = 1 << 3;
/// The system by which packages are made: Unix.
const UNIX: u8 = 3;
/// The mode of a plain file that only its owner changes.
const PLAIN_FILE: [u8; 4] = (0o100_644_u32 << 16).to_le_bytes();

/// Refuses a file whose bytes lie in any other way.
pub(super) fn check(path: &Path) -> Result<(), Unreadable> {
    let mut file = File::open(path)?;
    let end = End::read(&mut file)?;
    let mut directory = BufReader::new(File::open(path)?);
    directory.seek(SeekFrom::Start(end.start))?;
    let mut directory = directory.take(end.bytes);
    let mut at = 0;
    for _ in 0..end.files {
        let entry = Entry::read(&mut directory)?;
        if entry.at != at {
            return refuse("it has bytes between its files, or files over each other");
        }
        let content = expect(&mut file, at, &entry.header())?;
        let behind = content.checked_add(entry.packed);
        let behind = behind.filter(|behind| *behind <= end.start);
        let Some(behind) = behind else {
            return refuse("a file reaches into the directory");
        };
        at = expect(&mut file, behind, &entry.descriptor())?;
    }
    match at == end.start && directory.limit() == 0 {
        true => Ok(()),
        false => refuse("it has bytes between its files and its directory"),
    }
}

fn refuse<T>(why: &str) -> Result<T, Unreadable> {
    Err(Unreadable(why.to_owned()))
}

/// Sees to it that these bytes stand at a place; gives the place behind them.
fn expect(file: &mut File, at: u64, bytes: &[u8]) -> Result<u64, Unreadable> {
    let mut found = vec![0; bytes.len()];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut found)?;
    match found == bytes {
        true => Ok(at + bytes.len() as u64),
        false => refuse("what stands around a file is not what the directory says"),
    }
}

/// What the directory says of a file.
struct Entry {
    /// Version, flags, method, time and date.
    how: [u8; 10],
    /// Checksum and both sizes; all ones where a size stands behind them.
    sums: [u8; 12],
    name_length: [u8; 2],
    name: Vec<u8>,
    is_large: bool,
    /// Bytes of the content as it lies.
    packed: u64,
    /// And unpacked.
    whole: u64,
    /// Where the file's header begins.
    at: u64,
}

impl Entry {
    fn read(from: &mut impl Read) -> Result<Self, Unreadable> {
        let head: [u8; 46] = part(from)?;
        let is_plain = head.starts_with(CENTRAL)
            && head[4..6] == [head[6], UNIX]
            && head[32..38] == [0; 6]
            && head[38..42] == PLAIN_FILE
            && u16_at(&head, 8) & !STREAMED == 0;
        let mut name = vec![0; usize::from(u16_at(&head, 28))];
        from.read_exact(&mut name)?;
        let mut extra = vec![0; usize::from(u16_at(&head, 30))];
        from.read_exact(&mut extra)?;
        let fields = [24, 20, 42].map(|at| u32_at(&head, at));
        let numbers = is_plain.then(|| numbers(fields, &extra)).flatten();
        let Some([whole, packed, at]) = numbers else {
            return refuse("its directory is not of the format");
        };
        Ok(Self {
            how: piece(&head, 6),
            sums: piece(&head, 16),
            name_length: piece(&head, 28),
            name,
            is_large: fields[0] == BEYOND,
            packed,
            whole,
            at,
        })
    }

    fn is_streamed(&self) -> bool {
        u16_at(&self.how, 2) & STREAMED != 0
    }

    /// What stands in front of the content.
    fn header(&self) -> Vec<u8> {
        let (sums, sizes) = match self.is_streamed() {
            true => ([0; 12], [0; 2]),
            false => (self.sums, [self.whole, self.packed]),
        };
        let mut header = [LOCAL, &self.how, &sums, &self.name_length].concat();
        header.extend([if self.is_large { 20 } else { 0 }, 0]);
        header.extend(&self.name);
        if self.is_large {
            header.extend([1, 0, 16, 0]);
            header.extend(sizes.map(u64::to_le_bytes).concat());
        }
        header
    }

    /// What stands behind it.
    fn descriptor(&self) -> Vec<u8> {
        match (self.is_streamed(), self.is_large) {
            (false, _) => Vec::new(),
            (true, false) => [DESCRIPTOR, &self.sums].concat(),
            (true, true) => {
                let sizes = [self.packed, self.whole].map(u64::to_le_bytes);
                [DESCRIPTOR, &self.sums[..4], &sizes[0], &sizes[1]].concat()
            }
        }
    }
}

/// Both sizes and the place, from their fields and, where those are all ones, from what stands
/// behind: nothing else may.
fn numbers(fields: [u32; 3], extra: &[u8]) -> Option<[u64; 3]> {
    if (fields[0] == BEYOND) != (fields[1] == BEYOND) {
        return None;
    }
    let beyond = fields.iter().filter(|field| **field == BEYOND).count();
    let mut rest = extra;
    if beyond > 0 {
        let bytes = u8::try_from(beyond * 8).ok()?;
        rest = extra.strip_prefix(&[1, 0, bytes, 0])?;
    }
    if rest.len() != beyond * 8 {
        return None;
    }
    let mut large = rest.chunks_exact(8).map(|chunk| u64_at(chunk, 0));
    let mut number = |field: u32| match field {
        BEYOND => large.next(),
        field => Some(field.into()),
    };
    Some([number(fields[0])?, number(fields[1])?, number(fields[2])?])
}

/// Where the directory lies.
struct End {
    files: u64,
    bytes: u64,
    start: u64,
}

impl End {
    /// Reads it from the last bytes of the file.
    fn read(file: &mut File) -> Result<Self, Unreadable> {
        let at = file.seek(SeekFrom::End(0))?.checked_sub(22);
        let Some(at) = at else {
            return refuse("it is no ZIP file");
        };
        file.seek(SeekFrom::Start(at))?;
        let tail: [u8; 22] = part(file)?;
        let is_end = tail.starts_with(END)
            && tail[4..8] == [0; 4]
            && tail[8..10] == tail[10..12]
            && tail[20..22] == [0; 2];
        let fields = (u16_at(&tail, 10), u32_at(&tail, 12), u32_at(&tail, 16));
        let small = Self {
            files: fields.0.into(),
            bytes: fields.1.into(),
            start: fields.2.into(),
        };
        let large = match fields {
            (u16::MAX, ..) | (_, BEYOND, _) | (.., BEYOND) => Self::large(file, at)?,
            _ => None,
        };
        let (end, stop) = match large {
            Some(end) => (end, at - 76),
            None => (small, at),
        };
        let agrees = (fields.0 == u16::MAX || u64::from(fields.0) == end.files)
            && (fields.1 == BEYOND || u64::from(fields.1) == end.bytes)
            && (fields.2 == BEYOND || u64::from(fields.2) == end.start);
        match is_end && agrees && end.start.checked_add(end.bytes) == Some(stop) {
            true => Ok(end),
            false => refuse("it has bytes before or behind the ZIP"),
        }
    }

    /// The record of a large package, which stands in front of the end at `at`, if it does.
    fn large(file: &mut File, at: u64) -> Result<Option<Self>, Unreadable> {
        let Some(start) = at.checked_sub(76) else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(start))?;
        let record: [u8; 76] = part(file)?;
        if record[56..60] != *LOCATOR {
            return Ok(None);
        }
        let head = [LARGE_END, &44_u64.to_le_bytes(), &[45, 0, 45, 0], &[0; 8]].concat();
        let place = [&[0; 4][..], &start.to_le_bytes(), &1_u32.to_le_bytes()].concat();
        let is_record =
            record.starts_with(&head) && record[24..32] == record[32..40] && record[60..] == place;
        if !is_record {
            return refuse("its end is not of the format");
        }
        Ok(Some(Self {
            files: u64_at(&record, 32),
            bytes: u64_at(&record, 40),
            start: u64_at(&record, 48),
        }))
    }
}

fn part<const N: usize>(from: &mut impl Read) -> Result<[u8; N], Unreadable> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn piece<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut piece = [0; N];
    piece.copy_from_slice(&bytes[at..at + N]);
    piece
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(piece(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(piece(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(piece(bytes, at))
}
