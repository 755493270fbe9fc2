//! Whom a message is for.

use std::collections::BTreeSet;

use crate::wecom::sim::{
    check::Fail,
    fields::{Fields, ensure},
    firm::Member,
    state::World,
    tokens::App,
};

/// Those whom a message is for, and those whom it cannot reach.
#[derive(Debug, Default)]
pub(super) struct Receivers {
    pub users: BTreeSet<String>,
    pub bad_users: Vec<String>,
    pub bad_parties: Vec<String>,
    pub bad_tags: Vec<String>,
}

fn parts<'b>(fields: Fields<'b>, name: &str) -> Result<Vec<&'b str>, Fail> {
    let text = fields.text(name)?.unwrap_or_default();
    Ok(text
        .split('|')
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .collect())
}

impl Receivers {
    /// From `touser`, `toparty` and `totag`.
    pub(super) fn read(world: &World, fields: Fields<'_>, app: App) -> Result<Self, Fail> {
        let users = parts(fields, "touser")?;
        let parties = parts(fields, "toparty")?;
        let tags = parts(fields, "totag")?;
        let given = users.len() + parties.len() + tags.len();
        ensure(given > 0, (82001, "touser & toparty & totag all empty"))?;
        ensure(users.len() <= 1000, (40032, "invalid userid list size"))?;
        ensure(parties.len() <= 100, (82002, "too many parties"))?;
        ensure(tags.len() <= 100, (82003, "too many tags"))?;
        let mut found = Self::default();
        if users == ["@all"] {
            let all = world.org.members.values();
            found.add(all.filter(|m| world.sees(app, m)));
            return Ok(found);
        }
        let mut valid = 0;
        for userid in users {
            match world.member(userid).filter(|m| world.sees(app, m)) {
                Some(member) => {
                    valid += 1;
                    found.add([member]);
                }
                None => found.bad_users.push(userid.to_lowercase()),
            }
        }
        for party in parties {
            match party.parse().ok().and_then(|id| world.subtree(id)) {
                Some(below) => {
                    valid += 1;
                    let inside = |m: &&Member| m.departments.iter().any(|d| below.contains(d));
                    found.add(world.org.members.values().filter(inside));
                }
                None => found.bad_parties.push(party.to_owned()),
            }
        }
        for tag in tags {
            match tag.parse().ok().and_then(|id| world.directory.tags.get(id)) {
                Some(tag) => {
                    valid += 1;
                    let members = world.org.members.values();
                    let carries = |m: &&Member| {
                        tag.users.contains(&m.userid)
                            || m.departments.iter().any(|d| tag.parties.contains(d))
                    };
                    found.add(members.filter(carries));
                }
                None => found.bad_tags.push(tag.to_owned()),
            }
        }
        ensure(valid > 0, (81013, "user & party & tag all invalid"))?;
        Ok(found)
    }

    /// Who has not activated gets nothing, and is no error either.
    fn add<'m>(&mut self, members: impl IntoIterator<Item = &'m Member>) {
        let active = members.into_iter().filter(|m| m.status == 1);
        self.users.extend(active.map(|m| m.userid.clone()));
    }
}
