//! What somebody wants a customer of the firm's own to be, and whether it can be that.

use crate::{
    error::{Invalid, Problem},
    org::{self, Gender},
    tags::TagId,
};

use super::{Customer, Relation};

/// Characters of a name, company or remark.
const SHORT_MAX: usize = 64;
/// Characters of a job title.
const POSITION_MAX: usize = 128;
/// Characters of a description.
const DESCRIPTION_MAX: usize = 1000;
/// Bytes of a phone.
const PHONE_MAX: usize = 20;
/// Phones of a relation; WeCom has no more either.
pub const PHONES_MAX: usize = 10;

/// A customer of the firm's own as somebody wants it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnDraft {
    /// Name.
    pub name: String,
    /// Gender.
    pub gender: Gender,
    /// Job title.
    pub position: String,
    /// Company.
    pub company: String,
    /// Remark.
    pub remark: String,
    /// Description.
    pub description: String,
    /// Phones, as [`phone`] writes them.
    pub phones: Vec<String>,
    /// Tags.
    pub tags: Vec<TagId>,
}

impl OwnDraft {
    /// The customer as it is.
    pub fn of(customer: &Customer, relation: &Relation) -> Self {
        Self {
            name: customer.name.clone(),
            gender: customer.gender,
            position: customer.position.clone(),
            company: relation.company.clone(),
            remark: relation.remark.clone(),
            description: relation.description.clone(),
            phones: relation.phones.clone(),
            tags: relation.tags.clone(),
        }
    }

    /// What this makes of a customer and its relation.
    pub fn onto(self, customer: Customer, relation: Relation) -> (Customer, Relation) {
        let customer = Customer {
            name: self.name,
            gender: self.gender,
            position: self.position,
            ..customer
        };
        let relation = Relation {
            company: self.company,
            remark: self.remark,
            description: self.description,
            phones: self.phones,
            tags: self.tags,
            ..relation
        };
        (customer, relation)
    }

    /// What is wrong with it by itself, field by field.
    pub fn check(&self) -> Invalid {
        let mut wrong = Invalid::default();
        if self.name.is_empty() {
            wrong = wrong.with("name", "customers.own.problem.name");
        }
        for (field, text, max) in [
            ("name", &self.name, SHORT_MAX),
            ("position", &self.position, POSITION_MAX),
            ("company", &self.company, SHORT_MAX),
            ("remark", &self.remark, SHORT_MAX),
            ("description", &self.description, DESCRIPTION_MAX),
        ] {
            wrong.problems.extend(too_long(field, text, max));
        }
        if self.phones.len() > PHONES_MAX {
            wrong = wrong.with("add_phone", "customers.many_phones");
        }
        wrong
    }
}

/// Says so if a text has more than `max` characters.
pub(super) fn too_long(field: &'static str, text: &str, max: usize) -> Option<Problem> {
    let now = text.chars().count();
    (now > max).then(|| Problem {
        field,
        code: "customers.too_long",
        args: vec![("max", max.to_string()), ("now", now.to_string())],
    })
}

/// A phone as it is kept: a mobile in one way of writing, any other number as typed. `None`
/// if it is none.
pub fn phone(typed: &str) -> Option<String> {
    let folded = crate::search::fold(typed.trim());
    if let Some(mobile) = org::mobile(&folded) {
        return Some(mobile);
    }
    let is_phone = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')');
    let digits = folded.chars().filter(char::is_ascii_digit).count();
    let good = folded.chars().all(is_phone) && digits >= 5 && folded.len() <= PHONE_MAX;
    good.then_some(folded)
}

/// The phones that a text holds, as kept; or the part that is none.
pub fn phones(text: &str) -> Result<Vec<String>, &str> {
    let mut found = Vec::new();
    for part in split(text) {
        let phone = phone(part).ok_or(part)?;
        if !found.contains(&phone) {
            found.push(phone);
        }
    }
    Ok(found)
}

/// The parts of a cell that holds several things.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split([';', '；', '、', '\n', ',', '，', '/', '|']);
    parts.map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_kept_in_one_way() {
        assert_eq!(
            phones("138 0013 6021；+86 138-0013-6021、0532-5550100"),
            Ok(vec!["13800136021".to_owned(), "0532-5550100".to_owned()])
        );
        assert_eq!(phones(""), Ok(Vec::new()));
        assert_eq!(phones("13800136021, 无"), Err("无"));
        assert_eq!(phone("1234"), None);
    }

    #[test]
    fn a_draft_names_each_field_that_is_wrong() {
        let draft = OwnDraft {
            remark: "长".repeat(65),
            phones: vec!["13800136021".to_owned(); 11],
            ..OwnDraft::default()
        };
        let fields: Vec<_> = draft.check().problems.iter().map(|p| p.field).collect();
        assert_eq!(fields, ["name", "remark", "add_phone"]);
    }
}
