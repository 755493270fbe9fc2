//! Which ways a code needs at WeCom, and what is to be planned for that.

use std::sync::Arc;

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    org::Directory,
    store::{Read, StoreError, SubjectId, Write},
    work::effects::{self, Area, EffectState, WriteMode, mode},
};

use super::super::{
    CodeKind, LiveCode, LiveCodeId, Target, Way, WayId,
    effects::{ABOUT, Deed, plan},
    queries,
};

/// The ways that a code needs.
fn targets(code: &LiveCode) -> Vec<Target> {
    if code.is_archived() {
        return Vec::new();
    }
    match code.kind {
        CodeKind::Staff => {
            let single = code.seats.iter().map(|seat| Target::Member(seat.member));
            std::iter::once(Target::Direct).chain(single).collect()
        }
        CodeKind::Group => {
            let rooms = code.rooms.iter();
            rooms.map(|room| Target::Group(room.group)).collect()
        }
    }
}

/// What of a code WeCom is told about a way: if it stays the same, nothing is to be told.
fn face(code: &LiveCode, target: Target) -> (String, bool, Vec<String>) {
    let of_target = match target {
        Target::Member(_) => Vec::new(),
        Target::Direct => {
            let regular = code.seats.iter().filter(|seat| !seat.is_spare);
            regular.map(|seat| seat.member.to_string()).collect()
        }
        Target::Group(group) => {
            let is_last = code.rooms.last().is_some_and(|room| room.group == group);
            let auto = code.auto_room.iter().filter(|_| is_last);
            auto.map(|auto| format!("{} {}", auto.first_no, auto.name))
                .collect()
        }
    };
    (code.name.clone(), code.skip_verify, of_target)
}

/// Notes which ways are needed and plans what WeCom is to be told. Where the firm does not let
/// Qitai write, nothing is planned: [`mend`] makes up for it.
pub(super) fn settle(
    w: &mut Write<'_>,
    before: Option<&LiveCode>,
    after: &LiveCode,
    by: Option<SubjectId>,
) -> Result<()> {
    let is_off = mode(&w.read(), Area::Outreach)? == WriteMode::Off;
    let known = queries::ways(&w.read(), after.id)?;
    let wanted = targets(after);
    for target in &wanted {
        let way = known.iter().find(|way| way.target == *target);
        let deed = match way {
            Some(way) if way.is_wanted => {
                let is_same = before.is_some_and(|b| face(b, *target) == face(after, *target));
                (!is_same).then_some(Deed::Update)
            }
            _ => Some(Deed::Create),
        };
        let way = want(w, after.id, *target, way, deed.is_some())?;
        if let Some(deed) = deed.filter(|_| !is_off) {
            plan(w, &way, deed, by)?;
        }
    }
    for way in known {
        if way.is_wanted && !wanted.contains(&way.target) {
            drop_way(w, way, is_off, by)?;
        }
    }
    Ok(())
}

fn want(
    w: &mut Write<'_>,
    code: LiveCodeId,
    target: Target,
    known: Option<&Way>,
    is_news: bool,
) -> Result<Way> {
    let way = match known {
        Some(known) => Way {
            is_wanted: true,
            is_behind: known.is_behind || is_news,
            ..known.clone()
        },
        None => Way {
            id: w.new_id::<Way>()?,
            code,
            target,
            config_id: String::new(),
            qr_code: String::new(),
            picture: None,
            is_wanted: true,
            is_behind: false,
        },
    };
    w.put(&way)?;
    Ok(way)
}

fn drop_way(w: &mut Write<'_>, mut way: Way, is_off: bool, by: Option<SubjectId>) -> Result<()> {
    if !way.is_made() && pending(&w.read(), way.id)?.is_empty() {
        w.delete::<Way>(&way.id)?;
        return Ok(());
    }
    way.is_wanted = false;
    w.put(&way)?;
    if !is_off {
        plan(w, &way, Deed::Delete, by)?;
    }
    Ok(())
}

fn pending(r: &Read<'_>, way: WayId) -> Result<Vec<effects::Effect>, StoreError> {
    effects::pending_about(r, ABOUT, &way.to_string())
}

/// Has WeCom told again of what it does not know of a code.
#[derive(Debug, Clone)]
pub struct MendWays {
    /// The code.
    pub code: LiveCodeId,
    /// The directory that says what is in scope.
    pub directory: Arc<Directory>,
}

impl Command for MendWays {
    const PERMISSION: Option<Permission> = Some(Permission::LiveCodeManage);
    const WHAT: &'static str = "live_code";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        super::is_within(r, scope, &self.directory, self.code)
    }
}

/// Plans again what failed and what could not be planned, and has WeCom told of all that is there
/// already, which changes nothing where it is so; gives for how many ways.
pub fn mend(w: &mut Write<'_>, allowed: Allowed<MendWays>) -> Result<usize> {
    let by = allowed.by().map(|account| account.cast());
    let code = allowed.into_command().code;
    if mode(&w.read(), Area::Outreach)? == WriteMode::Off {
        return Err(AppError::Conflict { why: "writing_off" });
    }
    let mut mended = 0;
    for way in queries::ways(&w.read(), code)? {
        let mut is_under_way = false;
        for effect in pending(&w.read(), way.id)? {
            if effect.state == EffectState::Failed {
                effects::cancel(w, effect.id)?;
            } else {
                is_under_way = true;
            }
        }
        let deed = match (way.is_wanted, way.is_made()) {
            (true, false) => Deed::Create,
            (true, true) => Deed::Update,
            (false, _) => Deed::Delete,
        };
        if !is_under_way {
            plan(w, &way, deed, by)?;
            mended += 1;
        }
    }
    Ok(mended)
}
