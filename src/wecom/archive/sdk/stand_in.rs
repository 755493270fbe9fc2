//! The library that does what it is told (`stand_in.c`), for tests.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

/// The library, compiled once.
///
/// # Panics
/// Without a C compiler.
pub fn stand_in_for_test() -> &'static Path {
    static MADE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = MADE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("tests may write temporary files");
        let path = dir.path().join("library.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wecom/archive/sdk/stand_in.c");
        let made = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .args([&path, &source])
            .status();
        assert!(made.expect("tests/run installs a C compiler").success());
        (dir, path)
    });
    path
}

fn fnv(sum: u64, bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(sum, step)
}

/// Closes a message as that library opens it.
pub fn close_for_test(key: &[u8], text: &[u8]) -> String {
    let sum = fnv(0xcbf2_9ce4_8422_2325, key);
    let mut stream = sum | 1;
    let mut bytes = fnv(sum, text).to_le_bytes().to_vec();
    for byte in text {
        stream ^= stream << 13;
        stream ^= stream >> 7;
        stream ^= stream << 17;
        bytes.push(byte ^ stream.to_le_bytes()[0]);
    }
    hex::encode(bytes)
}
