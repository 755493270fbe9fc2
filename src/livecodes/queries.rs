//! Reads. What lists and pages show is narrowed to a scope in [`super::board`].

use crate::{
    kit::Timestamp,
    store::{Read, StoreError, Walk},
};

use super::{
    Channel, ChannelId, LiveCode, LiveCodeId, Scan, Turn, Way,
    scan::place,
    tables::WAY_BY_CODE,
    way::{Bytes, WayId},
};

/// A code, for what follows from a customer who came by it. It belongs to no viewer.
pub fn by_id(r: &Read<'_>, id: LiveCodeId) -> Result<Option<LiveCode>, StoreError> {
    r.get(&id)
}

/// A channel.
pub fn channel(r: &Read<'_>, id: ChannelId) -> Result<Option<Channel>, StoreError> {
    r.get(&id)
}

/// All channels, in no order.
pub fn channels(r: &Read<'_>) -> Result<Vec<Channel>, StoreError> {
    r.all::<Channel>(None)?.collect()
}

/// The ways of a code, those that are to be deleted included.
pub fn ways(r: &Read<'_>, code: LiveCodeId) -> Result<Vec<Way>, StoreError> {
    let walk = Walk::prefix(crate::store::Key::new().with(code));
    r.list(&WAY_BY_CODE, &walk)?.collect()
}

/// The picture of a way.
pub fn picture(r: &Read<'_>, way: WayId) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(r.get::<Bytes>(&way)?.map(|kept| kept.bytes))
}

/// Whose turn it is on a code, and what was counted today.
pub fn turn(r: &Read<'_>, code: LiveCodeId) -> Result<Option<Turn>, StoreError> {
    r.get(&code)
}

/// Scans of a code from a time on and before another, oldest first.
pub fn scans<'a>(
    r: &Read<'a>,
    code: LiveCodeId,
    from: Timestamp,
    to: Timestamp,
) -> Result<impl Iterator<Item = Result<Scan, StoreError>> + use<'a>, StoreError> {
    let before = place(from).checked_sub(1);
    // Another code's scans lie in front of the first place of this one.
    let start = match before {
        Some(place) => Some((code, place)),
        None => code
            .bits()
            .checked_sub(1)
            .map(|bits| (LiveCodeId::from_bits(bits), u64::MAX)),
    };
    let end = place(to);
    let scans = r.all::<Scan>(start.as_ref())?;
    Ok(scans.take_while(move |scan| {
        scan.as_ref()
            .map_or(true, |scan| scan.key.0 == code && scan.key.1 < end)
    }))
}
