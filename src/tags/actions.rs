//! Corp tags made and taken away here. Where the firm lets Qitai write the library of tags,
//! WeCom is told; otherwise they stay here until it does.

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    store::{Read, StoreError, SubjectId, Write},
    work::effects::{self, Area, EffectState, WriteMode, mode},
};

use super::{
    Tag, TagGroup, TagGroupId, TagId,
    model::local_id,
    outbound::{self, AddTags, DropTags as Dropped},
    queries,
};

/// Makes groups with tags. A group of a name that is there stays as it is.
#[derive(Debug, Clone)]
pub struct MakeTags {
    /// Names of groups, each with the names of its tags, the first of which stands first.
    pub groups: Vec<(String, Vec<String>)>,
}

/// Tells WeCom of all tags that it does not know.
#[derive(Debug, Clone, Copy)]
pub struct TellTags;

/// Takes tags away again that were made here. Those that were made at WeCom stay.
#[derive(Debug, Clone)]
pub struct DropTags {
    /// The tags.
    pub tags: Vec<TagId>,
}

macro_rules! for_super_admins {
    ($($command:ty),+) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
            const WHAT: &'static str = "settings";
            fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                Ok(scope.is_everything())
            }
        }
    )+};
}
for_super_admins!(MakeTags, TellTags, DropTags);

/// The account that asks, as the outbox names it.
fn subject<C>(allowed: &Allowed<C>) -> Option<SubjectId> {
    allowed.by().map(|account| account.cast())
}

/// Makes the tags; gives those that were made.
pub fn make(w: &mut Write<'_>, allowed: Allowed<MakeTags>) -> Result<Vec<TagId>> {
    let by = subject(&allowed);
    let known = queries::groups(&w.read())?;
    let mut made = Vec::new();
    for (name, tags) in allowed.into_command().groups {
        if tags.is_empty() || known.iter().any(|known| known.group.name == name) {
            continue;
        }
        let id = w.new_id::<TagGroup>()?;
        let group = TagGroup {
            id,
            wecom_id: local_id(id),
            name,
            order: 0,
            deleted: false,
        };
        w.put(&group)?;
        let mut order = tags.len() as u64;
        for name in tags {
            let id = w.new_id::<Tag>()?;
            w.put(&Tag {
                id,
                wecom_id: local_id(id),
                group: group.id,
                name,
                order,
                deleted: false,
                made_at: None,
            })?;
            order -= 1;
            made.push(id);
        }
        tell(w, group.id, by)?;
    }
    Ok(made)
}

/// Plans to tell WeCom; gives of how many groups.
pub fn tell_all(w: &mut Write<'_>, allowed: Allowed<TellTags>) -> Result<usize> {
    let by = subject(&allowed);
    if mode(&w.read(), Area::Tags)? == WriteMode::Off {
        return Err(AppError::Conflict { why: "writing_off" });
    }
    let mut told = 0;
    for group in queries::groups(&w.read())? {
        if group.tags.iter().any(Tag::is_local) {
            told += usize::from(tell(w, group.group.id, by)?);
        }
    }
    Ok(told)
}

/// Plans to tell WeCom of what it does not know in a group; false if nothing is to be planned.
fn tell(w: &mut Write<'_>, group: TagGroupId, by: Option<SubjectId>) -> Result<bool> {
    if mode(&w.read(), Area::Tags)? == WriteMode::Off || is_on_its_way(&w.read(), group)? {
        return Ok(false);
    }
    let names = queries::in_group(&w.read(), group)?
        .into_iter()
        .filter(Tag::is_local)
        .map(|tag| tag.name)
        .collect();
    outbound::plan_add(w, &AddTags { group, names }, by)?;
    Ok(true)
}

/// Whether WeCom is to be told of a group already.
fn is_on_its_way(r: &Read<'_>, group: TagGroupId) -> Result<bool, StoreError> {
    let pending = effects::pending_about(r, outbound::GROUP, &group.to_string())?;
    Ok(pending.iter().any(|effect| effect.state.is_pending()))
}

/// Takes the tags away: at once what WeCom does not know, by an effect what Qitai made there.
/// Where nothing may be written and WeCom knows one of them, nothing is taken away.
pub fn drop_tags(w: &mut Write<'_>, allowed: Allowed<DropTags>) -> Result<()> {
    let by = subject(&allowed);
    let mut by_group: Vec<(TagGroupId, Vec<Tag>)> = Vec::new();
    for id in allowed.into_command().tags {
        let Some(tag) = w.get::<Tag>(&id)?.filter(|tag| !tag.deleted) else {
            continue;
        };
        match by_group.iter_mut().find(|(group, _)| *group == tag.group) {
            Some((_, tags)) => tags.push(tag),
            None => by_group.push((tag.group, vec![tag])),
        }
    }
    for (group, tags) in by_group {
        let leaving = !stop_telling(w, group)?;
        let (here, there): (Vec<Tag>, Vec<Tag>) = tags.into_iter().partition(Tag::is_local);
        let mut at_wecom: Vec<TagId> = there
            .iter()
            .filter(|tag| tag.made_at.is_some())
            .map(|tag| tag.id)
            .collect();
        if leaving {
            // It is taken away behind what makes it.
            at_wecom.extend(here.iter().map(|tag| tag.id));
        } else {
            let ids: Vec<TagId> = here.iter().map(|tag| tag.id).collect();
            mark_gone(w, group, &ids)?;
        }
        if !at_wecom.is_empty() {
            let tags = at_wecom;
            outbound::plan_drop(w, &Dropped { group, tags }, by)?;
        }
    }
    Ok(())
}

/// Stops what is still to be told of a group; false if it cannot be stopped any more.
fn stop_telling(w: &mut Write<'_>, group: TagGroupId) -> Result<bool> {
    let pending = effects::pending_about(&w.read(), outbound::GROUP, &group.to_string())?;
    let mut stopped = true;
    for effect in pending {
        let is_waiting = matches!(effect.state, EffectState::Queued | EffectState::Failed);
        stopped &= is_waiting && effects::cancel(w, effect.id)?;
    }
    Ok(stopped)
}

/// Marks tags as gone, and their group with the last of them.
pub(super) fn mark_gone(w: &mut Write<'_>, group: TagGroupId, tags: &[TagId]) -> Result<()> {
    for id in tags {
        if let Some(mut tag) = w.get::<Tag>(id)? {
            tag.deleted = true;
            w.put(&tag)?;
        }
    }
    if queries::in_group(&w.read(), group)?.is_empty()
        && let Some(mut group) = w.get::<TagGroup>(&group)?
    {
        group.deleted = true;
        w.put(&group)?;
    }
    Ok(())
}
