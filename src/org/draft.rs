//! What somebody wants a member or a department to be, and whether it can be that.
//!
//! Bounds are WeCom's (documentation, 通讯录管理), so that what is kept here can be told to
//! WeCom at any time.

use crate::error::{Invalid, Problem};

use super::{Gender, Member, Post};

/// Characters of a name or alias.
const NAME_CHARS_MAX: usize = 64;
/// Characters of a job title.
const POSITION_CHARS_MAX: usize = 128;
/// Departments of one member.
pub const POSTS_MAX: usize = 100;
/// Characters that WeCom does not accept in a department's name.
const NOT_IN_DEPARTMENT: &str = "\\:*?\"<>｜|/";

/// A member as somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberDraft {
    /// Userid.
    pub userid: String,
    /// Name.
    pub name: String,
    /// Alias.
    pub alias: String,
    /// Job title.
    pub position: String,
    /// Gender.
    pub gender: Gender,
    /// Mobile, as [`mobile`] writes it.
    pub mobile: String,
    /// Mail.
    pub email: String,
    /// Job number.
    pub job_number: String,
    /// Userid of the direct superior.
    pub direct_leader: String,
    /// Departments.
    pub posts: Vec<Post>,
    /// Number of the main department; one of them, 0 if there are none.
    pub main_department: u64,
    /// The id that an HR system knows the member by.
    pub external_id: String,
}

impl MemberDraft {
    /// The member as it is.
    pub fn of(member: &Member) -> Self {
        Self {
            userid: member.userid.clone(),
            name: member.name.clone(),
            alias: member.alias.clone(),
            position: member.position.clone(),
            gender: member.gender,
            mobile: member.mobile.clone(),
            email: member.email.clone(),
            job_number: member.job_number.clone(),
            direct_leader: member.direct_leader.clone(),
            posts: member.posts.clone(),
            main_department: member.main_department,
            external_id: member.external_id.clone(),
        }
    }

    /// The member that this makes of one.
    pub fn onto(&self, member: Member) -> Member {
        let main_department = match self
            .posts
            .iter()
            .any(|p| p.department == self.main_department)
        {
            true => self.main_department,
            false => self.posts.first().map_or(0, |post| post.department),
        };
        Member {
            userid: self.userid.clone(),
            name: self.name.clone(),
            alias: self.alias.clone(),
            position: self.position.clone(),
            gender: self.gender,
            mobile: self.mobile.clone(),
            email: self.email.clone(),
            job_number: self.job_number.clone(),
            direct_leader: self.direct_leader.clone(),
            posts: self.posts.clone(),
            main_department,
            external_id: self.external_id.clone(),
            ..member
        }
    }

    /// What is wrong with it by itself, field by field.
    pub fn check(&self) -> Invalid {
        let mut wrong = Invalid::default();
        if !is_userid(&self.userid) {
            wrong = wrong.with("userid", "org.problem.userid");
        }
        let name = self.name.chars().count();
        if name == 0 {
            wrong = wrong.with("name", "org.problem.name");
        }
        for (field, text, max) in [
            ("name", &self.name, NAME_CHARS_MAX),
            ("alias", &self.alias, NAME_CHARS_MAX),
            ("position", &self.position, POSITION_CHARS_MAX),
            ("job_number", &self.job_number, NAME_CHARS_MAX),
            ("external_id", &self.external_id, POSITION_CHARS_MAX),
        ] {
            if text.chars().count() > max {
                wrong.problems.push(too_long(field, max));
            }
        }
        if !self.mobile.is_empty() && mobile(&self.mobile).as_ref() != Some(&self.mobile) {
            wrong.problems.push(mobile_problem(&self.mobile));
        }
        if !self.email.is_empty() && !is_email(&self.email) {
            wrong = wrong.with("email", "org.problem.email");
        }
        if self.posts.len() > POSTS_MAX {
            wrong = wrong.with("dept", "org.problem.posts");
        }
        wrong
    }
}

fn too_long(field: &'static str, max: usize) -> Problem {
    Problem {
        field,
        code: "org.problem.long",
        args: vec![("max", max.to_string())],
    }
}

/// What is wrong with a mobile that [`mobile`] does not take.
pub fn mobile_problem(typed: &str) -> Problem {
    let digits = typed.chars().filter(char::is_ascii_digit).count();
    Problem {
        field: "mobile",
        code: "org.problem.mobile",
        args: vec![("n", digits.to_string())],
    }
}

/// Whether it can be a userid.
pub fn is_userid(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.@-".contains(&b);
    (1..=64).contains(&text.len())
        && text.bytes().all(is_allowed)
        && text.as_bytes()[0].is_ascii_alphanumeric()
}

/// A mobile as it is kept: eleven digits, or `+` with the country's code and the number.
/// `None` if it is neither.
pub fn mobile(typed: &str) -> Option<String> {
    let folded = crate::search::fold(typed);
    let is_between = |c: char| c.is_whitespace() || "-()·.".contains(c);
    let bare: String = folded.chars().filter(|c| !is_between(*c)).collect();
    let (abroad, digits) = match bare.strip_prefix('+').or(bare.strip_prefix("00")) {
        Some(rest) => (true, rest),
        None => (false, bare.as_str()),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let chinese = digits.strip_prefix("86").unwrap_or(digits);
    if chinese.len() == 11 && chinese.starts_with('1') {
        return Some(chinese.to_owned());
    }
    (abroad && (6..=18).contains(&digits.len())).then(|| format!("+{digits}"))
}

/// Whether it looks like a mail address: 6 to 64 bytes, something on both sides of one `@`.
pub fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else {
        return false;
    };
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"@,;<>\"".contains(c);
    (6..=64).contains(&text.len())
        && !name.is_empty()
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && text.chars().filter(|c| *c != '@').all(is_plain)
        && !host.contains('@')
}

/// A department as somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DepartmentDraft {
    /// Name.
    pub name: String,
    /// English name.
    pub name_en: String,
    /// Number of the parent; 0 for the root.
    pub parent: u64,
    /// Larger stands higher.
    pub order: u64,
    /// The id that an HR system knows the department by.
    pub external_id: String,
}

impl DepartmentDraft {
    /// What is wrong with it by itself.
    pub fn check(&self) -> Invalid {
        let mut wrong = Invalid::default();
        if self.name.is_empty() {
            wrong = wrong.with("name", "org.problem.department_name");
        }
        for (field, text) in [("name", &self.name), ("name_en", &self.name_en)] {
            if text.chars().count() > NAME_CHARS_MAX {
                wrong.problems.push(too_long(field, NAME_CHARS_MAX));
            }
            if text.chars().any(|c| NOT_IN_DEPARTMENT.contains(c)) {
                wrong = wrong.with(field, "org.problem.department_chars");
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn userids_are_what_wecom_takes() {
        for good in ["liming", "a", "Li.Ming-2@x_y", "0a", &"a".repeat(64)] {
            assert!(is_userid(good), "{good}");
        }
        for bad in ["", "_a", "李明", "a b", "a/b", &"a".repeat(65)] {
            assert!(!is_userid(bad), "{bad}");
        }
    }

    #[test]
    fn mobiles_are_kept_in_one_way() {
        for typed in [
            "13800136021",
            "138 0013 6021",
            "+86-138-0013-6021",
            "８６13800136021",
            "0086 13800136021",
        ] {
            assert_eq!(mobile(typed).as_deref(), Some("13800136021"), "{typed}");
        }
        assert_eq!(mobile("+852 9123 4567").as_deref(), Some("+85291234567"));
        for bad in ["", "1380013602", "0532-5550100", "13800136021x", "abc"] {
            assert_eq!(mobile(bad), None, "{bad}");
        }
    }

    #[test]
    fn mail_addresses_have_two_sides() {
        assert!(is_email("li@ex.cn"));
        for bad in [
            "",
            "li",
            "@ex.cn",
            "li@ex",
            "l i@ex.cn",
            "a@b@ex.cn",
            "li@ex.cn,x@y.cn",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_draft_names_each_field_that_is_wrong() {
        let draft = MemberDraft {
            userid: "李".into(),
            mobile: "138".into(),
            email: "x".into(),
            alias: "长".repeat(65),
            ..MemberDraft::default()
        };
        let fields: Vec<_> = draft.check().problems.iter().map(|p| p.field).collect();
        assert_eq!(fields, ["userid", "name", "alias", "mobile", "email"]);
    }
}
