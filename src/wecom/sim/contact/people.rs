//! What is peculiar about members and people outside.

use serde::{Deserialize, Serialize};

use super::{NOT_REAL_NAMED, NOT_SERVING_CODE, UNACTIVATED, member};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::ensure,
    firm::Member,
    state::World,
};

/// Something about a member that calls stumble over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trait {
    /// Has not proved who they are (40098).
    NotRealNamed,
    /// Has not logged in for a year (40205, 90510).
    Dormant,
    /// May not take over customers (40143).
    Banned,
    /// Cannot have more customers (40099).
    Full,
    /// Greets with a message the administrator set up: events bring no welcome code.
    ConsoleWelcome,
    /// May serve customers; at first those of the shops may.
    Serves,
}

/// Somebody asks to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The member.
    pub userid: String,
    /// Name of a new person.
    pub name: String,
    /// A known person.
    pub external_userid: String,
    /// Channel of the contact way.
    pub state: String,
}

/// The member who may be given customers: activated, real-named, serving.
pub(super) fn able<'w>(
    world: &'w World,
    call: &Call<'_>,
    userid: &str,
) -> Result<&'w Member, Fail> {
    let member = member(world, call, userid)?;
    ensure(member.status == 1, UNACTIVATED)?;
    ensure(
        !world.is(&member.userid, Trait::NotRealNamed),
        NOT_REAL_NAMED,
    )?;
    ensure(member.serves_customers, NOT_SERVING_CODE)?;
    Ok(member)
}

impl World {
    /// Whether something is peculiar about a member.
    pub fn is(&self, userid: &str, what: Trait) -> bool {
        let traits = &self.contact.traits;
        traits.contains(&(userid.to_owned(), what))
    }

    /// Makes it so or not.
    pub fn set_trait(&mut self, userid: &str, what: Trait, on: bool) {
        if what == Trait::Serves {
            if let Some(member) = self.org.members.get_mut(userid) {
                member.serves_customers = on;
            }
            self.org.sellers.retain(|seller| seller != userid);
            if on {
                self.org.sellers.push(userid.to_owned());
            }
            return;
        }
        let key = (userid.to_owned(), what);
        if on {
            self.contact.traits.insert(key);
        } else {
            self.contact.traits.remove(&key);
        }
    }
}
