//! Reading a backup: nothing in it is believed before its digest is.

use std::{collections::BTreeMap, fs::File, io::BufReader, io::Read as _, path::Path};

use aws_lc_rs::digest;

use super::{
    BackupError, FRAME_BYTES_MAX, LAYOUT, MAGIC, Manifest,
    sum::{Hashing, Summing},
};

const MANIFEST_BYTES_MAX: usize = 1 << 20;

/// Reads a backup from end to end and checks every digest in it.
pub fn verify(path: &Path) -> Result<Manifest, BackupError> {
    read_file(path, |_, _| Ok(()))
}

type FrameRows = Vec<(Vec<u8>, Vec<u8>)>;

pub(super) fn read_file(
    path: &Path,
    mut take: impl FnMut(&str, FrameRows) -> Result<(), BackupError>,
) -> Result<Manifest, BackupError> {
    let io = |why: std::io::Error| match why.kind() {
        std::io::ErrorKind::UnexpectedEof => BackupError::Damaged("the file is cut short"),
        std::io::ErrorKind::InvalidData => BackupError::Damaged("a length is out of bounds"),
        _ => BackupError::Io {
            path: path.to_owned(),
            why,
        },
    };
    let file = File::open(path).map_err(io)?;
    let mut input = Hashing {
        out: BufReader::new(file),
        hash: digest::Context::new(&digest::SHA256),
    };
    if &input.take_array::<8>().map_err(io)? != MAGIC {
        return Err(BackupError::Damaged("the file is not a Qitai backup"));
    }
    let mut sums: BTreeMap<String, Summing> = BTreeMap::new();
    let json = loop {
        match &input.take_array::<1>().map_err(io)? {
            b"F" => {
                let (table, frame) = read_frame(&mut input, &io)?;
                let rows = split_rows(&frame)?;
                let sum = sums.entry(table.clone()).or_default();
                sum.rows += rows.len() as u64;
                sum.hash.update(&frame);
                take(&table, rows)?;
            }
            b"M" => break input.take_bytes(MANIFEST_BYTES_MAX).map_err(io)?,
            _ => return Err(BackupError::Damaged("unknown section")),
        }
    };
    let Hashing { mut out, hash } = input;
    let mut digest = [0; 32];
    out.read_exact(&mut digest).map_err(io)?;
    if hash.finish().as_ref() != digest || out.read(&mut [0]).map_err(io)? != 0 {
        return Err(BackupError::Damaged("the file's digest does not match"));
    }
    let manifest: Manifest =
        serde_json::from_slice(&json).map_err(|_| BackupError::Damaged("unreadable manifest"))?;
    if manifest.layout != LAYOUT {
        return Err(BackupError::Newer(manifest.program));
    }
    for (table, sum) in &manifest.tables {
        if sums.remove(table).unwrap_or_default().finish() != *sum {
            return Err(BackupError::Damaged("a table does not match the manifest"));
        }
    }
    if sums.is_empty() {
        Ok(manifest)
    } else {
        Err(BackupError::Damaged("unlisted table"))
    }
}

fn read_frame(
    input: &mut Hashing<BufReader<File>>,
    io: &impl Fn(std::io::Error) -> BackupError,
) -> Result<(String, Vec<u8>), BackupError> {
    let [name_len] = input.take_array::<1>().map_err(io)?;
    let mut name = vec![0; name_len.into()];
    input.read_exact(&mut name).map_err(io)?;
    let name = String::from_utf8(name).map_err(|_| BackupError::Damaged("table name"))?;
    let raw_len = input.take_len().map_err(io)?;
    if raw_len > FRAME_BYTES_MAX {
        return Err(BackupError::Damaged("frame too large"));
    }
    let packed = input.take_bytes(FRAME_BYTES_MAX).map_err(io)?;
    let frame = zstd::bulk::decompress(&packed, raw_len)
        .ok()
        .filter(|frame| frame.len() == raw_len)
        .ok_or(BackupError::Damaged("a frame does not unpack"))?;
    Ok((name, frame))
}

fn split_rows(mut frame: &[u8]) -> Result<FrameRows, BackupError> {
    let cut = BackupError::Damaged("a row is cut");
    let mut rows = Vec::new();
    let part = |frame: &mut &[u8]| {
        let (len, rest) = frame.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        *frame = rest;
        Some(part.to_vec())
    };
    while !frame.is_empty() {
        match (part(&mut frame), part(&mut frame)) {
            (Some(key), Some(value)) => rows.push((key, value)),
            _ => return Err(cut),
        }
    }
    Ok(rows)
}
