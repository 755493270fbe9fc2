//! The context of what was gathered: so many messages of the conversation on either side. Read
//! by heads alone, from where it begins, however long the conversation is.

use crate::store::{Read, StoreError};

use super::super::queries::{Side, stretches};

/// First and last number of some neighbouring messages with so many of context around them.
pub(in crate::archive) fn window(
    r: &Read<'_>,
    chat: u32,
    (first, last): (u64, u64),
    context: u32,
) -> Result<(u64, u64), StoreError> {
    let before = farthest(r, chat, Side::Before(first), context)?;
    let behind = farthest(r, chat, Side::After(last), context)?;
    Ok((before.unwrap_or(first), behind.unwrap_or(last)))
}

/// The message on one side that is so many further on, or the farthest if there are not so
/// many.
fn farthest(r: &Read<'_>, chat: u32, side: Side, most: u32) -> Result<Option<u64>, StoreError> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (mut found, mut count) = (None, 0);
    for stretch in stretches(r, chat, side)? {
        let stretch = stretch?;
        if stretch.chat != chat || count == most {
            break;
        }
        let numbers = stretch.heads.iter().map(|head| head.seq);
        let on_side: Vec<u64> = match side {
            Side::Before(seq) => numbers.rev().filter(|number| *number < seq).collect(),
            Side::After(seq) => numbers.filter(|number| *number > seq).collect(),
        };
        let taken = on_side.len().min(most - count);
        count += taken;
        found = on_side[..taken].last().copied().or(found);
    }
    Ok(found)
}
