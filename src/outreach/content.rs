//! What a message to customers consists of: welcome message, broadcast, follow-up.

use std::borrow::Cow;

use minicbor::{Decode, Encode};

use crate::{
    error::{Invalid, Problem},
    kit::limits::at_most_bytes,
};

use super::materials::MaterialId;

/// Attachments of one message; WeCom refuses more (41064).
pub const ATTACHMENTS_MAX: usize = 9;
/// Bytes of text in one message, as WeCom counts (documentation, 发送新客户欢迎语; 创建企业群发).
pub const TEXT_BYTES_MAX: usize = 4_000;
/// Bytes of a name that is filled in; longer ones are cut. Each variable counts as so many, so
/// that no name makes a message too long.
pub const NAME_BYTES_MAX: usize = 96;

/// Characters in braces up to which they look like a variable.
const VARIABLE_CHARS_MAX: usize = 20;

/// A text with variables, and what comes along with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Content {
    /// The words, may be empty; `{客户}` and the like are filled in for each customer.
    #[n(0)]
    pub text: String,
    /// What comes along, in order, at most [`ATTACHMENTS_MAX`]; each time the newest version.
    #[n(1)]
    pub attachments: Vec<MaterialId>,
}

impl Content {
    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.attachments.is_empty()
    }

    /// What is wrong with it, at the fields `text` and `attachment`, before it is kept. Whether
    /// the assets are there, [`super::materials::check`] says.
    pub fn check(&self) -> Invalid {
        let mut invalid = Invalid::default();
        if self.is_empty() {
            invalid = invalid.with("text", "content.empty");
        }
        let bytes = text_bytes(&self.text);
        if bytes > TEXT_BYTES_MAX {
            invalid.problems.push(Problem {
                field: "text",
                code: "content.too_long",
                args: vec![
                    ("max", TEXT_BYTES_MAX.to_string()),
                    ("over", (bytes - TEXT_BYTES_MAX).to_string()),
                ],
            });
        }
        if self.text.chars().any(is_hidden) {
            invalid = invalid.with("text", "content.hidden");
        }
        if self.attachments.len() > ATTACHMENTS_MAX {
            invalid = invalid.with("attachment", "content.too_many");
        }
        invalid
    }
}

/// Characters that nobody sees and that turn the order of others around.
pub(super) fn is_hidden(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    is_control || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What stands for the variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Names<'a> {
    /// `{客户}`: the customer's name.
    pub customer: &'a str,
    /// `{员工}`: the member's name.
    pub member: &'a str,
    /// `{企业}`: the firm's name.
    pub firm: &'a str,
    /// `{活码}`: the live code's name.
    pub code: &'a str,
}

impl<'a> Names<'a> {
    fn of(&self, variable: &str) -> Option<&'a str> {
        match variable {
            "客户" | "customer" => Some(self.customer),
            "员工" | "member" => Some(self.member),
            "企业" | "firm" => Some(self.firm),
            "活码" | "code" => Some(self.code),
            _ => None,
        }
    }
}

/// Which variables may stand in a text, by whom it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variables {
    /// One customer gets it from one member: all of them.
    All,
    /// Many customers get the same from one member: those of member and firm.
    Member,
    /// All members say the same: that of the firm.
    Firm,
}

impl Variables {
    /// As people write them.
    pub fn written(self, in_english: bool) -> &'static str {
        match (self, in_english) {
            (Self::All, true) => "{customer} {member} {firm} {code}",
            (Self::All, false) => "{客户} {员工} {企业} {活码}",
            (Self::Member, true) => "{member} {firm}",
            (Self::Member, false) => "{员工} {企业}",
            (Self::Firm, true) => "{firm}",
            (Self::Firm, false) => "{企业}",
        }
    }

    fn have(self, name: &str) -> bool {
        let (member, firm) = (
            matches!(name, "员工" | "member"),
            matches!(name, "企业" | "firm"),
        );
        match self {
            Self::All => Names::default().of(name).is_some(),
            Self::Member => member || firm,
            Self::Firm => firm,
        }
    }

    /// What is written in braces like a variable and is none of these, each once.
    pub fn unknown(self, text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            rest = &rest[open..];
            let end = rest[1..].find(['{', '}', '\n']).map(|end| end + 1);
            let Some(end) = end.filter(|end| rest[*end..].starts_with('}')) else {
                rest = &rest[1..];
                continue;
            };
            let (written, name) = (&rest[..=end], &rest[1..end]);
            let is_short = (1..=VARIABLE_CHARS_MAX).contains(&name.chars().count());
            if is_short && !self.have(name) && !found.contains(&written) {
                found.push(written);
            }
            rest = &rest[end + 1..];
        }
        found
    }
}

/// A piece of a text.
enum Piece<'t> {
    /// As it is.
    Words(&'t str),
    /// A variable, without its braces.
    Variable(&'t str),
}

/// The pieces of a text. Braces around anything else are words.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut rest, mut words) = (text, 0);
    while let Some(open) = rest[words..].find('{').map(|at| words + at) {
        let name = rest[open + 1..].find(['{', '}']).map(|end| open + 1 + end);
        match name {
            Some(close)
                if rest[close..].starts_with('}')
                    && Names::default().of(&rest[open + 1..close]).is_some() =>
            {
                pieces.push(Piece::Words(&rest[..open]));
                pieces.push(Piece::Variable(&rest[open + 1..close]));
                rest = &rest[close + 1..];
                words = 0;
            }
            _ => words = open + 1,
        }
    }
    pieces.push(Piece::Words(rest));
    pieces
}

/// The text with names in place of variables: `{客户}`, `{员工}`, `{企业}`, `{活码}`, or in
/// English. Unknown braces stay. Names are taken as they are, whatever braces stand in them.
pub fn fill(text: &str, names: &Names<'_>) -> String {
    fill_some(text, names, Variables::All)
}

/// The same for a text in which only these variables may stand; others stay.
pub(super) fn fill_some(text: &str, names: &Names<'_>, variables: Variables) -> String {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Words(words) => filled.push_str(words),
            Piece::Variable(name) if variables.have(name) => {
                filled.push_str(&shown(names.of(name).unwrap_or_default()));
            }
            Piece::Variable(name) => filled.extend(["{", name, "}"]),
        }
    }
    filled
}

/// Bytes of the text at most, whoever receives it.
pub fn text_bytes(text: &str) -> usize {
    let bytes = |piece: &Piece<'_>| match piece {
        Piece::Words(words) => words.len(),
        Piece::Variable(_) => NAME_BYTES_MAX,
    };
    pieces(text).iter().map(bytes).sum()
}

/// A name as it goes into a message: without what turns the text around, and not too long.
fn shown(name: &str) -> Cow<'_, str> {
    let mut name: Cow<'_, str> = match name.chars().any(|c| is_hidden(c) || c == '\n') {
        true => {
            let seen = name.chars().filter(|c| !is_hidden(*c) && *c != '\n');
            seen.collect::<String>().into()
        }
        false => name.into(),
    };
    let end = at_most_bytes(&name, NAME_BYTES_MAX).len();
    if end < name.len() {
        name.to_mut().truncate(end);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: Names<'_> = Names {
        customer: "王芳",
        member: "陈雨",
        firm: "远山茶业",
        code: "展会",
    };

    #[test]
    fn variables_are_filled_in_both_languages_and_other_braces_stay() {
        let filled = fill("{客户}您好，我是{企业}的{member}，{优惠}{code", &NAMES);
        assert_eq!(filled, "王芳您好，我是远山茶业的陈雨，{优惠}{code");
        assert_eq!(fill("{{客户}}{活码}", &NAMES), "{王芳}展会");
        assert_eq!(fill("{}{ 客户 }", &NAMES), "{}{ 客户 }");
    }

    #[test]
    fn what_may_not_stand_in_a_text_stays_and_is_named() {
        let text = "{客户}{code}你好{员工}{member}{企业}，{不存在}{不存在}{}{a\nb}{{优惠}";
        let filled = fill_some(text, &NAMES, Variables::Member);
        let rest = "，{不存在}{不存在}{}{a\nb}{{优惠}";
        assert_eq!(
            filled,
            format!("{{客户}}{{code}}你好陈雨陈雨远山茶业{rest}")
        );
        assert_eq!(Variables::All.unknown(text), ["{不存在}", "{优惠}"]);
        assert_eq!(
            Variables::Member.unknown(text),
            ["{客户}", "{code}", "{不存在}", "{优惠}"]
        );
        assert_eq!(Variables::Firm.unknown("{员工}{firm}"), ["{员工}"]);
        for variables in [Variables::All, Variables::Member, Variables::Firm] {
            for in_english in [true, false] {
                let written = variables.written(in_english);
                assert_eq!(variables.unknown(written), [""; 0]);
                assert!(!fill_some(written, &NAMES, variables).contains('{'));
            }
        }
    }

    #[test]
    fn a_name_is_never_read_as_a_variable_nor_turns_the_text_around() {
        let sly = Names {
            customer: "{员工}\u{202e}\nx",
            ..NAMES
        };
        assert_eq!(fill("{客户}!", &sly), "{员工}x!");
    }

    #[test]
    fn bytes_count_and_not_characters() {
        let at_the_limit = Content {
            text: "茶".repeat(1_333),
            attachments: Vec::new(),
        };
        assert!(at_the_limit.check().problems.is_empty());
        let over = Content {
            text: "茶".repeat(1_334),
            attachments: Vec::new(),
        };
        assert_eq!(over.check().problems[0].code, "content.too_long");
        let with_names = Content {
            text: format!(
                "{}{{客户}}",
                "a".repeat(TEXT_BYTES_MAX - NAME_BYTES_MAX + 1)
            ),
            attachments: Vec::new(),
        };
        assert_eq!(with_names.check().problems[0].args[1].1, "1");
    }

    #[test]
    fn nothing_too_much_and_what_cannot_be_seen_is_refused() {
        let code = |text: &str, n: u64| {
            let attachments = (1..=n).map(MaterialId::from_bits).collect();
            let text = text.to_owned();
            let found = Content { text, attachments }.check();
            found.problems.first().map(|p| (p.field, p.code))
        };
        assert_eq!(code(" ", 0), Some(("text", "content.empty")));
        assert_eq!(code("", 9), None);
        assert_eq!(code("a", 10), Some(("attachment", "content.too_many")));
        assert_eq!(code("a\u{202e}b", 0), Some(("text", "content.hidden")));
        assert_eq!(code("a\r\nb", 0), None);
    }

    proptest! {
        #[test]
        fn what_passes_the_check_is_never_too_long_when_filled(
            text in "(\\{客户\\}|\\{code\\}|[{}a茶\u{1f375}\u{202e}]){0,60}",
            name in ".{0,200}",
        ) {
            let names = Names { customer: &name, code: &name, ..NAMES };
            prop_assert!(fill(&text, &names).len() <= text_bytes(&text));
        }
    }
}
