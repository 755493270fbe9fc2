//! The part of the form that chooses customer groups.

use std::collections::BTreeSet;

use crate::{
    customers::{
        Group, GroupId, GroupState,
        queries::{self, GroupFilter},
    },
    error::{AppError, Invalid, Problem, Result},
    org::Sight,
    outreach::broadcasts::{audience::Target, groups::LISTED_MAX},
    store::Read,
    web::{Cx, FormState, ListQuery},
};

use super::form::parsed;

/// Groups that are offered to be ticked; those that are ticked always are.
const OFFERED_MAX: usize = 200;

/// Every group in sight, newest first.
fn in_sight(r: &Read<'_>, sight: &Sight) -> Result<Vec<Group>> {
    Ok(queries::groups(r, sight, &GroupFilter::default())?)
}

/// The groups that are ticked or stand in a pasted list, one a line by name or chat_id; none if
/// there are neither.
pub(super) fn listed(
    r: &Read<'_>,
    sight: &Sight,
    ticked: &[String],
    pasted: &str,
) -> Result<Option<Vec<GroupId>>> {
    let lines = pasted.lines().map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    if ticked.is_empty() && lines.is_empty() {
        return Ok(None);
    }
    if ticked.len() + lines.len() > LISTED_MAX {
        return Err(AppError::field("groups", "broadcasts.groups_length"));
    }
    let known = in_sight(r, sight)?;
    let ticked: BTreeSet<GroupId> = parsed(ticked).into_iter().collect();
    let is_ticked = |group: &&Group| ticked.contains(&group.id);
    let mut found: BTreeSet<GroupId> = known.iter().filter(is_ticked).map(|g| g.id).collect();
    let mut lost = Vec::new();
    for line in lines {
        let is_it = |group: &&Group| {
            let is_here = !matches!(group.state, GroupState::Gone { .. });
            group.chat_id == line || (is_here && group.name == line)
        };
        match known.iter().filter(is_it).collect::<Vec<_>>()[..] {
            [only] => {
                found.insert(only.id);
            }
            _ => lost.push(line),
        }
    }
    match lost.first() {
        None => Ok(Some(found.into_iter().collect())),
        Some(first) => Err(AppError::Invalid(Invalid {
            problems: vec![Problem {
                field: "groups",
                code: "broadcasts.groups_unknown",
                args: vec![("line", (*first).to_owned()), ("n", lost.len().to_string())],
            }],
        })),
    }
}

/// A new form for groups, as the list of groups was narrowed.
pub(super) fn of_address(query: &ListQuery) -> FormState {
    let mut values = vec![("to", Target::Groups.code().to_owned())];
    for (from, to) in [
        ("q", "group_name"),
        ("dept", "dept"),
        ("owner", "owner"),
        ("group", "group"),
    ] {
        values.extend(query.all(from).map(|value| (to, value.to_owned())));
    }
    FormState::with_values(values)
}

/// A group to tick.
pub(super) struct Offered {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) people: u32,
}

/// The groups to choose from.
pub(super) struct GroupChoices {
    pub(super) offered: Vec<Offered>,
    /// Whether there are more than are offered.
    pub(super) has_more: bool,
}

impl GroupChoices {
    /// The ticked ones first, then the newest.
    pub(super) fn load(r: &Read<'_>, sight: &Sight, cx: &Cx, form: &FormState) -> Result<Self> {
        let is_ticked = |group: &Group| form.has("group", &group.id.to_string());
        let (mut shown, mut rest): (Vec<Group>, Vec<Group>) =
            in_sight(r, sight)?.into_iter().partition(is_ticked);
        rest.retain(|group| !matches!(group.state, GroupState::Gone { .. }));
        let room = OFFERED_MAX.saturating_sub(shown.len());
        let has_more = rest.len() > room;
        shown.extend(rest.into_iter().take(room));
        let offered = shown.into_iter().map(|group| Offered {
            id: group.id.to_string(),
            name: named(cx, &group),
            owner: group.owner.map_or("", |id| sight.name(id)).to_owned(),
            people: group.external_count,
        });
        Ok(Self {
            offered: offered.collect(),
            has_more,
        })
    }
}

/// What a group is called; some have no name.
pub(super) fn named(cx: &Cx, group: &Group) -> String {
    match group.name.as_str() {
        "" => cx.t("groups.unnamed").into_owned(),
        name => name.to_owned(),
    }
}
