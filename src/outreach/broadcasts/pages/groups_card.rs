//! What a draft for groups shows beside its numbers: who has to confirm, and what is left out.

use crate::{
    customers::Group, error::Result, org::Sight, outreach::broadcasts::audience::Preview,
    store::Read, web::Cx,
};

use super::group_form::named;

/// Owners that are shown.
const OWNERS_SHOWN: usize = 50;

/// An owner who has to confirm.
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) groups: u64,
    pub(super) people: u64,
}

/// A group that is left out.
pub(super) struct LeftOut {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) why: &'static str,
}

/// The part of a preview that only groups have.
pub(super) struct GroupsCard {
    /// People from outside in all groups that would get it.
    pub(super) people: u64,
    /// Those with most groups first.
    pub(super) owners: Vec<Owner>,
    /// Owners that are not shown.
    pub(super) more_owners: usize,
    pub(super) left_out: Vec<LeftOut>,
}

impl GroupsCard {
    pub(super) fn of(r: &Read<'_>, sight: &Sight, cx: &Cx, preview: &Preview) -> Result<Self> {
        let owners = preview.owners.iter();
        let mut owners: Vec<Owner> = owners
            .map(|(id, (groups, people))| Owner {
                name: sight.name(*id).to_owned(),
                id: id.to_string(),
                groups: *groups,
                people: *people,
            })
            .collect();
        owners.sort_by(|a, b| b.groups.cmp(&a.groups).then(a.name.cmp(&b.name)));
        let more_owners = owners.len().saturating_sub(OWNERS_SHOWN);
        owners.truncate(OWNERS_SHOWN);
        let mut left_out = Vec::new();
        for (id, why) in &preview.left_out {
            let group = r.get::<Group>(id)?;
            left_out.extend(group.map(|group| LeftOut {
                name: named(cx, &group),
                href: format!("/groups/{id}"),
                why: why.word(),
            }));
        }
        Ok(Self {
            people: preview.people,
            owners,
            more_owners,
            left_out,
        })
    }
}
