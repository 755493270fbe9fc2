//! The heads of a stretch as they are stored: column by column, each number as what it adds to
//! the one before, and the whole packed. Neighbours in a conversation have nearly all in common.

use minicbor::{Decode, Decoder, Encode, Encoder, bytes::ByteArray};

use crate::kit::Timestamp;

use super::stretch::{Head, MsgId};

/// Bytes of all columns at most: far more than any stretch has.
const BYTES_MAX: usize = 64 << 20;

/// The columns; all but the last three have one value for each head.
#[derive(Default, Encode, Decode)]
struct Columns {
    /// Numbers: the first, then what each adds.
    #[n(0)]
    seqs: Vec<u64>,
    /// Milliseconds: the first, then what each adds.
    #[n(1)]
    times: Vec<i64>,
    #[n(2)]
    from: Vec<u32>,
    #[n(3)]
    audiences: Vec<u16>,
    #[cbor(n(4), with = "minicbor::bytes")]
    kinds: Vec<u8>,
    #[cbor(n(5), with = "minicbor::bytes")]
    flags: Vec<u8>,
    #[n(6)]
    parts: Vec<u16>,
    /// Place of the body in its part.
    #[n(7)]
    places: Vec<u16>,
    /// What begins WeCom's id, eight bytes each; 0 where the id is named below.
    #[cbor(n(8), with = "minicbor::bytes")]
    numbers: Vec<u8>,
    /// What ends it.
    #[cbor(n(9), with = "minicbor::bytes")]
    suffixes: Vec<u8>,
    /// Ids that do not end in the message's own time, by place.
    #[n(10)]
    other_ids: Vec<(u16, MsgId)>,
    /// Leaves that were kept, by place.
    #[n(11)]
    leaves: Vec<(u16, ByteArray<32>)>,
    /// Purges, by place.
    #[n(12)]
    purges: Vec<(u16, u64)>,
}

impl Columns {
    fn of(heads: &[Head]) -> Option<Self> {
        let mut columns = Self::default();
        let (mut seq, mut at) = (0, 0);
        for (place, head) in heads.iter().enumerate() {
            let place = u16::try_from(place).ok()?;
            columns.seqs.push(head.seq.wrapping_sub(seq));
            columns.times.push(head.at.ms().wrapping_sub(at));
            (seq, at) = (head.seq, head.at.ms());
            columns.from.push(head.from);
            columns.audiences.push(head.audience);
            columns.kinds.push(head.kind);
            columns.flags.push(head.flags);
            columns.parts.push(head.body.0);
            columns.places.push(head.body.1);
            let (number, suffix) = match &head.msgid {
                MsgId::Ms(number, suffix) => (*number, *suffix),
                other => {
                    columns.other_ids.push((place, other.clone()));
                    (0, 0)
                }
            };
            columns.numbers.extend(number.to_be_bytes());
            columns.suffixes.push(suffix);
            if let Some(leaf) = head.leaf {
                columns.leaves.push((place, leaf.into()));
            }
            columns
                .purges
                .extend(head.purge.map(|purge| (place, purge)));
        }
        Some(columns)
    }

    fn heads(self) -> Option<Vec<Head>> {
        let (mut seq, mut at) = (0_u64, 0_i64);
        let mut heads = Vec::with_capacity(self.seqs.len());
        for (i, step) in self.seqs.iter().enumerate() {
            seq = seq.wrapping_add(*step);
            at = at.wrapping_add(*self.times.get(i)?);
            let number = self.numbers.get(i * 8..)?.first_chunk::<8>()?;
            heads.push(Head {
                seq,
                at: Timestamp::from_ms(at),
                from: *self.from.get(i)?,
                audience: *self.audiences.get(i)?,
                kind: *self.kinds.get(i)?,
                flags: *self.flags.get(i)?,
                body: (*self.parts.get(i)?, *self.places.get(i)?),
                msgid: MsgId::Ms(u64::from_be_bytes(*number), *self.suffixes.get(i)?),
                leaf: None,
                purge: None,
            });
        }
        for (place, id) in self.other_ids {
            heads.get_mut(usize::from(place))?.msgid = id;
        }
        for (place, leaf) in self.leaves {
            heads.get_mut(usize::from(place))?.leaf = Some(leaf.into());
        }
        for (place, purge) in self.purges {
            heads.get_mut(usize::from(place))?.purge = Some(purge);
        }
        Some(heads)
    }
}

/// The columns, packed; none if there are more heads than a stretch may have.
pub(super) fn pack(heads: &[Head]) -> Option<Vec<u8>> {
    super::pack::pack(&minicbor::to_vec(Columns::of(heads)?).ok()?)
}

fn unpack(bytes: &[u8]) -> Option<Vec<Head>> {
    let plain = super::pack::unpack(bytes, BYTES_MAX)?;
    minicbor::decode::<Columns>(&plain).ok()?.heads()
}

pub(super) fn encode<C, W: minicbor::encode::Write>(
    heads: &[Head],
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), minicbor::encode::Error<W::Error>> {
    super::pack::encode_list(pack(heads), e)
}

pub(super) fn decode<'b, C>(
    d: &mut Decoder<'b>,
    context: &mut C,
) -> Result<Vec<Head>, minicbor::decode::Error> {
    super::pack::decode_list(unpack, d, context)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_head() -> impl Strategy<Value = Head> {
        let id = prop_oneof![
            (any::<u64>(), 0..3_u8).prop_map(|(n, s)| MsgId::Ms(n, s)),
            (any::<u64>(), any::<u64>(), 0..3_u8).prop_map(|(n, t, s)| MsgId::Pair(n, t, s)),
            ".{0,40}".prop_map(MsgId::Text),
        ];
        let place = (
            any::<u32>(),
            any::<u16>(),
            any::<u8>(),
            any::<u8>(),
            any::<(u16, u16)>(),
        );
        let rest = (any::<Option<[u8; 32]>>(), any::<Option<u64>>());
        (any::<u64>(), any::<i64>(), place, id, rest).prop_map(
            |(seq, at, (from, audience, kind, flags, body), msgid, (leaf, purge))| Head {
                seq,
                at: Timestamp::from_ms(at),
                from,
                audience,
                kind,
                flags,
                body,
                msgid,
                leaf,
                purge,
            },
        )
    }

    proptest! {
        #[test]
        fn heads_come_out_as_they_went_in(heads in proptest::collection::vec(any_head(), 0..80)) {
            let packed = pack(&heads).unwrap();
            prop_assert_eq!(unpack(&packed), Some(heads.clone()));
            let before = minicbor::to_vec(&heads).unwrap();
            let read = decode(&mut Decoder::new(&before), &mut ()).unwrap();
            prop_assert_eq!(read, heads, "rows of before are read");
        }

        #[test]
        fn damage_is_an_error(heads in proptest::collection::vec(any_head(), 1..20), cut in 0..400_usize) {
            let packed = pack(&heads).unwrap();
            let cut = cut.min(packed.len() - 1);
            prop_assert_eq!(unpack(&packed[..cut]), None);
        }
    }
}
