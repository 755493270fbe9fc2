//! What a pull has brought to which conversation, as it is stored: each number as what it adds to
//! the one before, and the whole packed. There are hundreds of them in each pull.

use minicbor::{Decoder, Encoder};

/// Bytes of the list at most: far more than any pull has.
const BYTES_MAX: usize = 16 << 20;

fn pack(counts: &[(u32, u32)]) -> Option<Vec<u8>> {
    let mut before = 0;
    let steps = counts.iter().map(|(no, count)| {
        let step = no.wrapping_sub(std::mem::replace(&mut before, *no));
        (step, *count)
    });
    let (steps, counts): (Vec<u32>, Vec<u32>) = steps.unzip();
    super::pack::pack(&minicbor::to_vec((steps, counts)).ok()?)
}

fn unpack(bytes: &[u8]) -> Option<Vec<(u32, u32)>> {
    let plain = super::pack::unpack(bytes, BYTES_MAX)?;
    let (steps, counts): (Vec<u32>, Vec<u32>) = minicbor::decode(&plain).ok()?;
    let mut no = 0_u32;
    let nos = steps.iter().map(|step| {
        no = no.wrapping_add(*step);
        no
    });
    (steps.len() == counts.len()).then(|| nos.zip(counts).collect())
}

pub(super) fn encode<C, W: minicbor::encode::Write>(
    counts: &[(u32, u32)],
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), minicbor::encode::Error<W::Error>> {
    super::pack::encode_list(pack(counts), e)
}

pub(super) fn decode<'b, C>(
    d: &mut Decoder<'b>,
    context: &mut C,
) -> Result<Vec<(u32, u32)>, minicbor::decode::Error> {
    super::pack::decode_list(unpack, d, context)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_come_out_as_they_went_in(
            counts in proptest::collection::vec(any::<(u32, u32)>(), 0..90), cut in any::<usize>(),
        ) {
            let packed = pack(&counts).unwrap();
            prop_assert_eq!(unpack(&packed), Some(counts.clone()));
            prop_assert_eq!(unpack(&packed[..cut % packed.len()]), None, "damage is told");
            let before = minicbor::to_vec(&counts).unwrap();
            let read = decode(&mut Decoder::new(&before), &mut ()).unwrap();
            prop_assert_eq!(read, counts, "rows of before are read");
        }
    }
}
