//! Which rule counts for a message.
//!
//! For a member: the rule of the nearest department above, one about the sort before one about
//! everything; then the firm's. For a member of several departments and for a message of
//! several members: the one that keeps longest, and without a rule that is for ever.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use crate::{
    archive::model::{Party, PartyKind},
    kit::Timestamp,
    org::{DepartmentId, Directory, Member},
    store::{Read, StoreError},
};

use super::model::{RetentionRule, Sort, Under};

const DAY_MS: i64 = 24 * 3_600_000;

/// The rules, with what was found out with them.
pub struct Policy {
    rules: Vec<RetentionRule>,
    directory: Arc<Directory>,
    known: RefCell<HashMap<(u32, Sort), Term>>,
}

/// How long a party's messages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    /// The party is no member: it says nothing.
    Silent,
    /// For ever.
    Forever,
    /// As the rule at this place says.
    Rule(usize),
}

impl Policy {
    /// The rules as they are.
    pub fn load(r: &Read<'_>, directory: Arc<Directory>) -> Result<Self, StoreError> {
        Ok(Self {
            rules: super::rules(r)?,
            directory,
            known: RefCell::default(),
        })
    }

    /// Whether any rule ends anything.
    pub fn ends_anything(&self) -> bool {
        self.rules.iter().any(|rule| rule.days.is_some())
    }

    /// Whether a party is a member of the firm.
    pub fn is_staff(&self, r: &Read<'_>, no: u32) -> Result<bool, StoreError> {
        Ok(self.of_party(r, no, Sort::Other)? != Term::Silent)
    }

    /// The rule under which a message has had its time; `None` if it is kept.
    pub fn over(
        &self,
        r: &Read<'_>,
        people: impl Iterator<Item = u32>,
        sort: Sort,
        sent_at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<&RetentionRule>, StoreError> {
        let mut longest = Term::Silent;
        for no in people {
            longest = self.longer(longest, self.of_party(r, no, sort)?);
            if longest == Term::Forever {
                return Ok(None);
            }
        }
        if longest == Term::Silent {
            longest = self.in_chain(&[], sort);
        }
        let Term::Rule(at) = longest else {
            return Ok(None);
        };
        let rule = &self.rules[at];
        let ends_at = rule
            .days
            .map(|days| sent_at.plus_ms(i64::from(days) * DAY_MS));
        Ok(Some(rule).filter(|_| ends_at.is_some_and(|end| end <= now)))
    }

    /// The rule as a purge remembers it.
    pub fn under(&self, rule: &RetentionRule) -> Under {
        let unit = rule.unit.and_then(|unit| self.directory.tree.find(unit));
        Under {
            rule: rule.id,
            unit: rule.unit,
            unit_name: unit.map(|unit| unit.name.clone()).unwrap_or_default(),
            sort: rule.sort,
            days: rule.days.unwrap_or(0),
        }
    }

    /// The department of the first member among these: under it the message is counted.
    pub fn unit_of(
        &self,
        r: &Read<'_>,
        people: impl Iterator<Item = u32>,
    ) -> Result<Option<DepartmentId>, StoreError> {
        for no in people {
            let Some(party) = r.get::<Party>(&no)? else {
                continue;
            };
            if let Some(member) = self.member(&party) {
                let unit = self.directory.department_of(member);
                return Ok(unit.map(|unit| unit.id));
            }
        }
        Ok(None)
    }

    fn longer(&self, a: Term, b: Term) -> Term {
        match (a, b) {
            (Term::Silent, other) | (other, Term::Silent) => other,
            (Term::Forever, _) | (_, Term::Forever) => Term::Forever,
            (Term::Rule(x), Term::Rule(y)) => match self.rules[x].days >= self.rules[y].days {
                true => a,
                false => b,
            },
        }
    }

    fn of_party(&self, r: &Read<'_>, no: u32, sort: Sort) -> Result<Term, StoreError> {
        if let Some(known) = self.known.borrow().get(&(no, sort)) {
            return Ok(*known);
        }
        let party = r.get::<Party>(&no)?;
        let term = match party.filter(|party| party.kind == PartyKind::Member) {
            None => Term::Silent,
            Some(party) => self.of_member(&party, sort),
        };
        self.known.borrow_mut().insert((no, sort), term);
        Ok(term)
    }

    fn member(&self, party: &Party) -> Option<&Member> {
        if party.kind != PartyKind::Member {
            return None;
        }
        let by_id = self.directory.member(party.subject.cast());
        by_id.or_else(|| self.directory.by_userid(&party.wecom_id))
    }

    fn of_member(&self, party: &Party, sort: Sort) -> Term {
        let posts = self.member(party).map_or(&[][..], |m| m.posts.as_slice());
        let mut longest = Term::Silent;
        for post in posts {
            let path = self.directory.tree.path(post.department);
            let chain: Vec<DepartmentId> = path.iter().rev().map(|unit| unit.id).collect();
            longest = self.longer(longest, self.in_chain(&chain, sort));
        }
        // Somebody without a department is under the firm's rules.
        match longest {
            Term::Silent => self.in_chain(&[], sort),
            found => found,
        }
    }

    /// The rule that counts below these departments, the nearest first.
    fn in_chain(&self, chain: &[DepartmentId], sort: Sort) -> Term {
        let units = chain.iter().copied().map(Some).chain([None]);
        for unit in units {
            for about in [Some(sort), None] {
                let is_it = |rule: &RetentionRule| rule.unit == unit && rule.sort == about;
                if let Some(at) = self.rules.iter().position(is_it) {
                    return match self.rules[at].days {
                        Some(_) => Term::Rule(at),
                        None => Term::Forever,
                    };
                }
            }
        }
        Term::Forever
    }
}
