//! No byte around the contents of a package can be changed, and none put between them.

use std::ops::Range;

use super::*;

/// Where contents lie, in order; what is outside of them is the structure.
fn contents(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut contents = Vec::new();
    for i in 0..zip.len() {
        let file = zip.by_index_raw(i).unwrap();
        let start = usize::try_from(file.data_start().unwrap()).unwrap();
        contents.push(start..start + usize::try_from(file.compressed_size()).unwrap());
    }
    contents
}

/// As packages were written before they were sealed on their way: with sizes in front.
fn seekable() -> Vec<u8> {
    let how = SimpleFileOptions::default().large_file(true);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in unzip(&package()) {
        zip.start_file(name, how).unwrap();
        zip.write_all(&content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The verdicts of both verifiers about each of these files.
fn verdicts(files: &[Vec<u8>]) -> Vec<(Verdict, serde_json::Value)> {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (at, bytes) in files.iter().enumerate() {
        paths.push(dir.path().join(format!("{at}.zip")));
        std::fs::write(&paths[at], bytes).unwrap();
    }
    let outside = vouched();
    let foreign = python::reports(paths.iter().map(|path| (path.as_path(), &outside)));
    let own = paths.iter().map(|path| verify(path, &outside).verdict);
    let foreign = foreign.into_iter().map(|report| report["verdict"].clone());
    own.zip(foreign).collect()
}

fn flipped(good: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let contents = contents(good);
    let is_around = |at: &usize| !contents.iter().any(|content| content.contains(at));
    let places = (0..good.len()).filter(is_around);
    places
        .map(|at| {
            let mut bytes = good.to_vec();
            bytes[at] ^= 1 << (at % 8);
            (at, bytes)
        })
        .collect()
}

#[test]
fn no_byte_around_the_contents_can_be_changed() {
    for good in [package(), seekable(), rezip(&unzip(&package()))] {
        let (places, mut files): (Vec<usize>, Vec<_>) = flipped(&good).into_iter().unzip();
        files.push(good);
        let mut verdicts = verdicts(&files);
        assert_eq!(verdicts.pop(), Some((Verdict::Good, "good".into())));
        let passed = places.iter().zip(&verdicts);
        let passed: Vec<_> = passed
            .filter(|(_, (own, foreign))| *own != Verdict::Unreadable || foreign != "unreadable")
            .collect();
        assert!(places.len() > 1_000 && passed.is_empty(), "{passed:?}");
    }
}

#[test]
fn nothing_can_be_put_between() {
    let good = package();
    let contents = contents(&good);
    let end = good.len() - 22;
    let directory = u32::from_le_bytes(good[end + 16..end + 20].try_into().unwrap());
    let directory_at = usize::try_from(directory).unwrap();
    let mut files = Vec::new();
    for put in [&b"x"[..], b"PK\x03\x04", &good[..contents[0].end]] {
        // Between the last file and the directory, whose place is mended.
        let mut bytes = good.clone();
        bytes.splice(directory_at..directory_at, put.iter().copied());
        let at = bytes.len() - 6;
        let mended = directory + u32::try_from(put.len()).unwrap();
        bytes[at..at + 4].copy_from_slice(&mended.to_le_bytes());
        files.push(bytes);
        // Between the directory and its end, behind the end, and as its remark.
        let between = [&good[..end], put, &good[end..]].concat();
        let behind = [&good[..], put].concat();
        let mut remark = behind.clone();
        let length = u16::try_from(put.len()).unwrap();
        remark[good.len() - 2..good.len()].copy_from_slice(&length.to_le_bytes());
        // Before the first file.
        let before = [put, &good[..]].concat();
        files.extend([between, behind, remark, before]);
    }
    for (at, verdicts) in verdicts(&files).into_iter().enumerate() {
        assert_eq!(verdicts, (Verdict::Unreadable, "unreadable".into()), "{at}");
    }
}
