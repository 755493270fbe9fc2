//! Small pieces of the archive, compressed: `length u32 BE ‖ zstd(plain)`.
//!
//! A message moves through several of them, each some hundred bytes; making the compressor's
//! tables for each would cost more than the compression, so each thread keeps its own.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

/// Level of the compression.
const LEVEL: i32 = 3;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Packs bytes; `None` if there are 4 GiB or more of them, or no memory is left.
pub(super) fn pack(plain: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(plain.len()).ok()?;
    let packed = COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL).ok()?),
        };
        compressor.compress(plain).ok()
    })?;
    Some([&length.to_be_bytes()[..], &packed].concat())
}

/// The bytes that were packed; `None` if they were not, or are more than `max`.
pub(super) fn unpack(bytes: &[u8], max: usize) -> Option<Vec<u8>> {
    let (length, packed) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let length = Some(length).filter(|length| *length <= max)?;
    let plain = DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new().ok()?),
        };
        decompressor.decompress(packed, length).ok()
    })?;
    Some(plain).filter(|plain| plain.len() == length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again(plain in proptest::collection::vec(0..9_u8, 0..600)) {
            let packed = pack(&plain).unwrap();
            prop_assert_eq!(unpack(&packed, 600), Some(plain.clone()));
            // Too much is refused before any room is made for it.
            if let Some(less) = plain.len().checked_sub(1) {
                prop_assert_eq!(unpack(&packed, less), None);
            }
        }

        #[test]
        fn damage_is_nothing_and_harms_nobody(
            plain in proptest::collection::vec(0..9_u8, 1..600), at in 0..600_usize,
        ) {
            let packed = pack(&plain).unwrap();
            let cut = at.min(packed.len() - 1);
            prop_assert_eq!(unpack(&packed[..cut], 600), None);
            // The next one is not disturbed by what failed before.
            prop_assert_eq!(unpack(&packed, 600), Some(plain));
        }
    }
}
