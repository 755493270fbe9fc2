//! How far the right to change the directory reaches: departments and all below them.

use crate::{
    identity::{Reach, Scope},
    store::{Key, Read, StoreError},
};

use super::super::{Department, Member, Post, tables::DEPARTMENT_BY_WECOM_ID};

/// Departments above each other at most; a loop in the stored tree ends here.
const LEVELS_MAX: usize = 64;

pub(super) fn department(r: &Read<'_>, number: u64) -> Result<Option<Department>, StoreError> {
    r.find(&DEPARTMENT_BY_WECOM_ID, Key::new().with(number))
}

/// Whether a department or one above it is among those in reach.
pub(super) fn covers(r: &Read<'_>, scope: &Scope, number: u64) -> Result<bool, StoreError> {
    let tops: Vec<u64> = match scope.reach() {
        Reach::Everything => return Ok(true),
        Reach::Units(units) => {
            let found = units.iter().map(|unit| r.get::<Department>(&unit.cast()));
            let found: Vec<Option<Department>> = found.collect::<Result<_, _>>()?;
            found.into_iter().flatten().map(|d| d.wecom_id).collect()
        }
        Reach::OwnUnits => match scope.member() {
            Some(own) => {
                let own = r.get::<Member>(&own.cast())?;
                own.map_or(Vec::new(), |m| {
                    m.posts.iter().map(|p| p.department).collect()
                })
            }
            None => Vec::new(),
        },
        Reach::Own => Vec::new(),
    };
    let mut at = number;
    for _ in 0..LEVELS_MAX {
        if tops.contains(&at) {
            return Ok(true);
        }
        match department(r, at)? {
            Some(d) if d.parent_wecom_id != 0 => at = d.parent_wecom_id,
            _ => return Ok(false),
        }
    }
    Ok(false)
}

/// Whether somebody may turn these posts into those: every place that is given or taken must
/// be in reach, and of what there was at least one.
pub(super) fn may_move(
    r: &Read<'_>,
    scope: &Scope,
    before: Option<&[Post]>,
    after: &[Post],
) -> Result<bool, StoreError> {
    if scope.is_everything() {
        return Ok(true);
    }
    let mut in_reach = before.is_none() && !after.is_empty();
    for post in before.into_iter().flatten() {
        let covered = covers(r, scope, post.department)?;
        in_reach |= covered;
        if !covered && !after.contains(post) {
            return Ok(false);
        }
    }
    for post in after {
        let is_new = before.is_none_or(|before| !before.contains(post));
        if is_new && !covers(r, scope, post.department)? {
            return Ok(false);
        }
    }
    Ok(in_reach)
}
