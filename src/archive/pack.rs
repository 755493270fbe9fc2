//! Small pieces of the archive, compressed: `length u32 BE ‖ zstd(plain)`.
//!
//! A message moves through several of them, each some hundred bytes; making the compressor's
//! tables for each would cost more than the compression, so each thread keeps its own.

use std::cell::RefCell;

use minicbor::{Decode, Decoder, Encoder, data::Type};
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

/// Writes a list that was packed as a field of a row; none if it could not be packed.
pub(super) fn encode_list<W: minicbor::encode::Write>(
    packed: Option<Vec<u8>>,
    e: &mut Encoder<W>,
) -> Result<(), minicbor::encode::Error<W::Error>> {
    let too_large = || minicbor::encode::Error::message("the list is too large");
    e.bytes(&packed.ok_or_else(too_large)?)?.ok()
}

/// Reads a list that was packed; in rows of before it stands as it is.
pub(super) fn decode_list<'b, C, T>(
    unpack: impl FnOnce(&[u8]) -> Option<Vec<T>>,
    d: &mut Decoder<'b>,
    context: &mut C,
) -> Result<Vec<T>, minicbor::decode::Error>
where
    Vec<T>: Decode<'b, C>,
{
    if matches!(d.datatype()?, Type::Array | Type::ArrayIndef) {
        return Decode::decode(d, context);
    }
    unpack(d.bytes()?).ok_or_else(|| minicbor::decode::Error::message("the list is damaged"))
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
