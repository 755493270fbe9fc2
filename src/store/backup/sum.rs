//! Counting and hashing what passes through.

use std::io::Read as _;

use aws_lc_rs::digest;

use super::TableSum;

pub(super) struct Summing {
    pub(super) rows: u64,
    pub(super) hash: digest::Context,
}

impl Default for Summing {
    fn default() -> Self {
        Self {
            rows: 0,
            hash: digest::Context::new(&digest::SHA256),
        }
    }
}

impl Summing {
    pub(super) fn finish(self) -> TableSum {
        TableSum {
            rows: self.rows,
            sha256: hex::encode(self.hash.finish()),
        }
    }
}

/// Hashes what passes through.
pub(super) struct Hashing<T> {
    pub(super) out: T,
    pub(super) hash: digest::Context,
}

impl<T: std::io::Write> std::io::Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl<T: std::io::Read> std::io::Read for Hashing<T> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let n = self.out.read(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }
}

impl<T: std::io::Read> Hashing<T> {
    pub(super) fn take_array<const N: usize>(&mut self) -> std::io::Result<[u8; N]> {
        let mut out = [0; N];
        self.read_exact(&mut out)?;
        Ok(out)
    }

    pub(super) fn take_len(&mut self) -> std::io::Result<usize> {
        Ok(u32::from_be_bytes(self.take_array()?) as usize)
    }

    /// A length and so many bytes, read piecewise: a lying length costs no memory.
    pub(super) fn take_bytes(&mut self, max: usize) -> std::io::Result<Vec<u8>> {
        let len = self.take_len()?;
        if len > max {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut out = Vec::new();
        let read = std::io::Read::by_ref(self)
            .take(len as u64)
            .read_to_end(&mut out)?;
        if read == len {
            Ok(out)
        } else {
            Err(std::io::ErrorKind::UnexpectedEof.into())
        }
    }
}
