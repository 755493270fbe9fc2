//! The tree of channels (渠道).

use crate::{
    error::{AppError, Problem, Result},
    identity::{Allowed, Command, Permission, Scope},
    store::{Key, Read, StoreError, Walk, Write},
};

use super::super::{
    Channel, ChannelId, LiveCode,
    model::{CHANNEL_DEPTH, NAME_MAX},
    queries,
    tables::{CHANNEL_BY_PARENT, CODE_BY_CHANNEL},
};

/// Makes a channel.
#[derive(Debug, Clone)]
pub struct MakeChannel {
    /// Its name.
    pub name: String,
    /// What it is part of.
    pub parent: Option<ChannelId>,
}

/// Gives a channel another name.
#[derive(Debug, Clone)]
pub struct RenameChannel {
    /// The channel.
    pub channel: ChannelId,
    /// Its name from now on.
    pub name: String,
}

/// Hangs a channel, with all below it, somewhere else.
#[derive(Debug, Clone)]
pub struct MoveChannel {
    /// The channel.
    pub channel: ChannelId,
    /// What it is part of from now on.
    pub parent: Option<ChannelId>,
}

/// Deletes a channel that nothing hangs on.
#[derive(Debug, Clone)]
pub struct DeleteChannel {
    /// The channel.
    pub channel: ChannelId,
}

fn is_there(r: &Read<'_>, channel: Option<ChannelId>) -> Result<bool, StoreError> {
    channel.map_or(Ok(true), |id| r.exists::<Channel>(&id))
}

// Channels are the firm's; whoever makes codes may sort them.
impl Command for MakeChannel {
    const PERMISSION: Option<Permission> = Some(Permission::LiveCodeManage);
    const WHAT: &'static str = "channel";
    fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        is_there(r, self.parent)
    }
}
impl Command for RenameChannel {
    const PERMISSION: Option<Permission> = Some(Permission::LiveCodeManage);
    const WHAT: &'static str = "channel";
    fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        is_there(r, Some(self.channel))
    }
}
impl Command for MoveChannel {
    const PERMISSION: Option<Permission> = Some(Permission::LiveCodeManage);
    const WHAT: &'static str = "channel";
    fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        Ok(is_there(r, Some(self.channel))? && is_there(r, self.parent)?)
    }
}
impl Command for DeleteChannel {
    const PERMISSION: Option<Permission> = Some(Permission::LiveCodeManage);
    const WHAT: &'static str = "channel";
    fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        is_there(r, Some(self.channel))
    }
}

/// Makes it.
pub fn make_channel(w: &mut Write<'_>, allowed: Allowed<MakeChannel>) -> Result<Channel> {
    let MakeChannel { name, parent } = allowed.into_command();
    let channel = Channel {
        id: w.new_id::<Channel>()?,
        name: checked(&name)?,
        parent,
    };
    let above = depth(&w.read(), parent)?;
    fits(above + 1)?;
    must_be_alone(w, &channel)?;
    w.put(&channel)?;
    Ok(channel)
}

/// Renames it.
pub fn rename_channel(w: &mut Write<'_>, allowed: Allowed<RenameChannel>) -> Result<Channel> {
    let RenameChannel { channel, name } = allowed.into_command();
    let mut channel = found(w, channel)?;
    channel.name = checked(&name)?;
    must_be_alone(w, &channel)?;
    w.put(&channel)?;
    Ok(channel)
}

/// Moves it.
pub fn move_channel(w: &mut Write<'_>, allowed: Allowed<MoveChannel>) -> Result<Channel> {
    let MoveChannel { channel, parent } = allowed.into_command();
    let mut channel = found(w, channel)?;
    if path(&w.read(), parent)?.contains(&channel.id) {
        return Err(AppError::field("parent", "livecodes.problem.circle"));
    }
    let above = depth(&w.read(), parent)?;
    fits(above + height(&w.read(), channel.id, CHANNEL_DEPTH)?)?;
    channel.parent = parent;
    must_be_alone(w, &channel)?;
    w.put(&channel)?;
    Ok(channel)
}

/// Deletes it, if neither codes nor channels hang on it.
pub fn delete_channel(w: &mut Write<'_>, allowed: Allowed<DeleteChannel>) -> Result<Channel> {
    let channel = found(w, allowed.into_command().channel)?;
    let r = w.read();
    let of_channel = Walk::prefix(Key::new().with(channel.id));
    let codes = r.walk::<LiveCode>(&CODE_BY_CHANNEL, &of_channel)?.count();
    if codes > 0 || !children(&r, Some(channel.id))?.is_empty() {
        return Err(AppError::field("channel", "livecodes.problem.channel_used"));
    }
    w.delete::<Channel>(&channel.id)?;
    Ok(channel)
}

fn found(w: &Write<'_>, channel: ChannelId) -> Result<Channel> {
    let channel = queries::channel(&w.read(), channel)?;
    channel.ok_or(AppError::NotFound { what: "channel" })
}

fn checked(name: &str) -> Result<String> {
    let name = name.trim();
    match name.chars().count() {
        0 => Err(AppError::field("name", "livecodes.problem.no_name")),
        n if n > NAME_MAX => {
            let mut wrong = crate::error::Invalid::default();
            wrong.problems.push(Problem {
                field: "name",
                code: "livecodes.problem.long_name",
                args: vec![("max", NAME_MAX.to_string())],
            });
            Err(AppError::Invalid(wrong))
        }
        _ => Ok(name.to_owned()),
    }
}

fn fits(depth: usize) -> Result<()> {
    match depth <= CHANNEL_DEPTH {
        true => Ok(()),
        false => Err(AppError::field("parent", "livecodes.problem.deep")),
    }
}

fn children(r: &Read<'_>, parent: Option<ChannelId>) -> Result<Vec<Channel>, StoreError> {
    let parent = parent.map_or(0, ChannelId::bits);
    let below = Walk::prefix(Key::new().with(parent));
    r.list(&CHANNEL_BY_PARENT, &below)?.collect()
}

/// A name stands once below a parent.
fn must_be_alone(w: &Write<'_>, channel: &Channel) -> Result<()> {
    let beside = children(&w.read(), channel.parent)?;
    let is_twin = |other: &Channel| other.id != channel.id && other.name == channel.name;
    match beside.iter().any(is_twin) {
        true => Err(AppError::field("name", "livecodes.problem.channel_twice")),
        false => Ok(()),
    }
}

/// A channel with all above it.
fn path(r: &Read<'_>, channel: Option<ChannelId>) -> Result<Vec<ChannelId>, StoreError> {
    let mut path = Vec::new();
    let mut next = channel;
    while let Some(id) = next.filter(|id| !path.contains(id)) {
        path.push(id);
        next = r.get::<Channel>(&id)?.and_then(|channel| channel.parent);
    }
    Ok(path)
}

fn depth(r: &Read<'_>, channel: Option<ChannelId>) -> Result<usize, StoreError> {
    Ok(path(r, channel)?.len())
}

/// Levels from a channel down, itself included; no more than `most` are looked at.
fn height(r: &Read<'_>, channel: ChannelId, most: usize) -> Result<usize, StoreError> {
    let mut below = 0;
    if most > 0 {
        for child in children(r, Some(channel))? {
            below = below.max(height(r, child.id, most - 1)?);
        }
    }
    Ok(below + 1)
}
