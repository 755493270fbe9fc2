//! The codes that somebody sees, narrowed and in order.

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    store::{Read, StoreError},
};

use super::{ChannelId, CodeKind, LiveCode, LiveCodeId, queries, reach::Eyes};

/// What a list of codes is narrowed to.
#[derive(Debug, Clone, Default)]
pub(super) struct CodeFilter {
    pub kind: Option<CodeKind>,
    /// A channel with all below it.
    pub channel: Option<ChannelId>,
    /// A word of [`LiveCode::standing`]; without it archived ones are left out.
    pub state: Option<&'static str>,
    /// A part of the name, case folded.
    pub name: String,
}

/// Where a code may stand.
pub(super) const STANDINGS: [&str; 4] = ["active", "paused", "expired", "archived"];

/// What the viewer sees of codes under a permission.
pub(super) fn eyes(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    permission: Permission,
) -> Result<Eyes> {
    let scope = viewer.scope(r, permission)?;
    Ok(Eyes::new(app.directory.get(r)?, &scope))
}

/// All codes, newest first, read once for each state of the records.
fn all(r: &Read<'_>) -> Result<std::sync::Arc<Vec<LiveCode>>, StoreError> {
    r.remembered(0, || {
        let mut codes: Vec<LiveCode> = r.all::<LiveCode>(None)?.collect::<Result<_, _>>()?;
        codes.sort_by_key(|code| (std::cmp::Reverse(code.created_at), code.id));
        Ok(codes)
    })
}

/// The codes that these eyes see and a filter lets through, newest first.
pub(super) fn codes(
    r: &Read<'_>,
    eyes: &Eyes,
    filter: &CodeFilter,
    now: Timestamp,
) -> Result<Vec<LiveCode>, StoreError> {
    let below = match filter.channel {
        Some(channel) => Some(below(r, channel)?),
        None => None,
    };
    let name = crate::search::fold(&filter.name);
    let is_asked_for = |code: &&LiveCode| {
        let standing = code.standing(now);
        let in_channel = below
            .as_ref()
            .is_none_or(|below| code.channel.is_some_and(|channel| below.contains(&channel)));
        filter.kind.is_none_or(|kind| kind == code.kind)
            && in_channel
            && filter
                .state
                .map_or(standing != "archived", |state| state == standing)
            && (name.is_empty() || crate::search::fold(&code.name).contains(&name))
            && eyes.sees(code)
    };
    Ok(all(r)?.iter().filter(is_asked_for).cloned().collect())
}

/// A channel and all below it.
fn below(r: &Read<'_>, channel: ChannelId) -> Result<Vec<ChannelId>, StoreError> {
    let all = queries::channels(r)?;
    let mut below = vec![channel];
    let mut at = 0;
    while at < below.len() {
        let children = all.iter().filter(|child| child.parent == Some(below[at]));
        let children: Vec<ChannelId> = children.map(|child| child.id).collect();
        below.extend(
            children
                .into_iter()
                .filter(|id| !below.contains(id))
                .collect::<Vec<_>>(),
        );
        at += 1;
    }
    Ok(below)
}

/// A code that these eyes see.
pub(super) fn visible(r: &Read<'_>, eyes: &Eyes, id: LiveCodeId) -> Result<LiveCode> {
    let code = r.get::<LiveCode>(&id)?.filter(|code| eyes.sees(code));
    code.ok_or(AppError::NotFound { what: "live_code" })
}

/// The id in an address.
pub(super) fn parse(id: &str) -> Result<LiveCodeId> {
    id.parse()
        .map_err(|_| AppError::NotFound { what: "live_code" })
}

/// Channels as a tree laid flat: depth and channel, parents before children, by name.
pub(super) fn channel_tree(r: &Read<'_>) -> Result<Vec<(usize, super::Channel)>, StoreError> {
    let mut all = queries::channels(r)?;
    all.sort_by(|a, b| b.name.cmp(&a.name));
    let mut flat = Vec::new();
    let mut next: Vec<(usize, super::Channel)> = Vec::new();
    let take = |parent: Option<ChannelId>, depth: usize, to: &mut Vec<_>| {
        let children = all.iter().filter(|child| child.parent == parent);
        to.extend(children.map(|child| (depth, child.clone())));
    };
    take(None, 0, &mut next);
    while let Some((depth, channel)) = next.pop() {
        if depth < super::model::CHANNEL_DEPTH {
            take(Some(channel.id), depth + 1, &mut next);
        }
        flat.push((depth, channel));
    }
    Ok(flat)
}

/// The names from the top down to a channel.
pub(super) fn channel_path(tree: &[(usize, super::Channel)], channel: Option<ChannelId>) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut next = channel;
    while let Some(id) = next.filter(|_| names.len() < super::model::CHANNEL_DEPTH) {
        let found = tree.iter().find(|(_, known)| known.id == id);
        names.extend(found.map(|(_, known)| known.name.as_str()));
        next = found.and_then(|(_, known)| known.parent);
    }
    names.reverse();
    names.join(" / ")
}

/// How often a code was scanned, bots not counted.
pub(super) fn scans_of(r: &Read<'_>, code: LiveCodeId) -> Result<u64, StoreError> {
    Ok(queries::turn(r, code)?.map_or(0, |turn| turn.scans))
}

/// The address printed on a code.
pub fn landing_url(origin: &str, code: LiveCodeId) -> String {
    format!("{origin}/c/{code}")
}
