//! Filters (RFC 7644, §3.4.2.2): read into a tree of bounded size, judged over a resource's
//! JSON.

use std::cmp::Ordering;

use serde_json::Value;

use super::path::AttrPath;

/// Bytes of a filter.
const BYTES_MAX: usize = 4_096;
/// Brackets within each other.
const DEPTH_MAX: usize = 20;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not this one.
    Not(Box<Filter>),
    /// Some value of the list fulfils it.
    Within(AttrPath, Box<Filter>),
    /// There is a value.
    Present(AttrPath),
    /// Some value compares so.
    Compare(AttrPath, Op, Value),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Op {
    fn of(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "co" => Self::Co,
            "sw" => Self::Sw,
            "ew" => Self::Ew,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "lt" => Self::Lt,
            "le" => Self::Le,
            _ => return None,
        })
    }
}

impl Filter {
    /// Reads a filter; `None` if it is none, or one beyond all bounds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let tokens = tokens(text)?;
        let mut reader = Reader {
            tokens: &tokens,
            at: 0,
            depth: 0,
        };
        let filter = reader.any()?;
        (reader.at == tokens.len()).then_some(filter)
    }

    /// Whether a resource, or a value of a list, fulfils it.
    pub(super) fn matches(&self, value: &Value) -> bool {
        match self {
            Self::And(all) => all.iter().all(|f| f.matches(value)),
            Self::Or(any) => any.iter().any(|f| f.matches(value)),
            Self::Not(not) => !not.matches(value),
            Self::Within(path, inner) => path.values(value).iter().any(|v| inner.matches(v)),
            Self::Present(path) => path.values(value).iter().any(|v| is_present(v)),
            Self::Compare(path, op, wanted) => {
                let found = path.values(value);
                let is_exact = path.0.last().is_some_and(|name| {
                    ["id", "externalid", "value", "$ref"].contains(&name.to_lowercase().as_str())
                });
                match op {
                    Op::Ne => !found.iter().any(|v| compares(v, Op::Eq, wanted, is_exact)),
                    op if found.is_empty() => *op == Op::Eq && wanted.is_null(),
                    op => found.iter().any(|v| compares(v, *op, wanted, is_exact)),
                }
            }
        }
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        Value::Object(object) => object.values().any(is_present),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Text is compared without case, but for ids. A complex value stands for its `value`.
fn compares(value: &Value, op: Op, wanted: &Value, is_exact: bool) -> bool {
    let value = super::path::member(value, "value").unwrap_or(value);
    match (value, wanted) {
        (Value::String(is), Value::String(wanted)) => {
            let fold = |text: &str| match is_exact {
                true => text.to_owned(),
                false => text.to_lowercase(),
            };
            let (is, wanted) = (fold(is), fold(wanted));
            match op {
                Op::Eq => is == wanted,
                Op::Ne => is != wanted,
                Op::Co => is.contains(&wanted),
                Op::Sw => is.starts_with(&wanted),
                Op::Ew => is.ends_with(&wanted),
                op => ordered(is.cmp(&wanted), op),
            }
        }
        (Value::Number(is), Value::Number(wanted)) => {
            let order = is.as_f64().partial_cmp(&wanted.as_f64());
            match (op, order) {
                (Op::Eq, order) => order == Some(Ordering::Equal),
                (op, Some(order)) => ordered(order, op),
                _ => false,
            }
        }
        // Some clients send what is true or false as text.
        (Value::Bool(is), Value::String(wanted)) => {
            op == Op::Eq && wanted.eq_ignore_ascii_case(if *is { "true" } else { "false" })
        }
        (is, wanted) => op == Op::Eq && is == wanted,
    }
}

fn ordered(order: Ordering, op: Op) -> bool {
    match op {
        Op::Gt => order.is_gt(),
        Op::Ge => order.is_ge(),
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
        _ => false,
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    OpenList,
    CloseList,
    Text(String),
    Word(String),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else {
            return Some(tokens);
        };
        let single = match first {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            '[' => Some(Token::OpenList),
            ']' => Some(Token::CloseList),
            _ => None,
        };
        if let Some(token) = single {
            tokens.push(token);
            rest = &rest[1..];
        } else if first == '"' {
            let end = end_of_text(rest)?;
            let text: String = serde_json::from_str(&rest[..=end]).ok()?;
            tokens.push(Token::Text(text));
            rest = &rest[end + 1..];
        } else {
            let ends = |c: char| c.is_whitespace() || "()[]\"".contains(c);
            let end = rest.find(ends).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
}

/// The place of the quote that closes the text at the beginning.
fn end_of_text(text: &str) -> Option<usize> {
    let mut escaped = false;
    let mut bytes = text.bytes().enumerate().skip(1);
    bytes
        .find(|(_, byte)| {
            let closes = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            closes
        })
        .map(|(at, _)| at)
}

struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(wanted));
        self.at += usize::from(is);
        is
    }

    fn any(&mut self) -> Option<Filter> {
        let mut any = vec![self.all()?];
        while self.takes_word("or") {
            any.push(self.all()?);
        }
        Some(match any.len() {
            1 => any.remove(0),
            _ => Filter::Or(any),
        })
    }

    fn all(&mut self) -> Option<Filter> {
        let mut all = vec![self.one()?];
        while self.takes_word("and") {
            all.push(self.one()?);
        }
        Some(match all.len() {
            1 => all.remove(0),
            _ => Filter::And(all),
        })
    }

    fn within(&mut self, close: &Token) -> Option<Filter> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let inner = self.any()?;
        self.depth -= 1;
        (self.next()? == *close).then_some(inner)
    }

    fn one(&mut self) -> Option<Filter> {
        match self.next()? {
            Token::Open => self.within(&Token::Close),
            Token::Word(word) if word.eq_ignore_ascii_case("not") => {
                if self.next()? != Token::Open {
                    return None;
                }
                let inner = self.within(&Token::Close)?;
                Some(Filter::Not(Box::new(inner)))
            }
            Token::Word(word) => self.about(AttrPath::parse(&word)?),
            _ => None,
        }
    }

    fn about(&mut self, path: AttrPath) -> Option<Filter> {
        match self.next()? {
            Token::OpenList => {
                let inner = Box::new(self.within(&Token::CloseList)?);
                Some(Filter::Within(path, inner))
            }
            Token::Word(word) if word.eq_ignore_ascii_case("pr") => Some(Filter::Present(path)),
            Token::Word(word) => {
                let op = Op::of(&word)?;
                let wanted = match self.next()? {
                    Token::Text(text) => Value::String(text),
                    Token::Word(word) => {
                        let value: Value = serde_json::from_str(&word.to_ascii_lowercase()).ok()?;
                        Some(value).filter(|v| !v.is_array() && !v.is_object())?
                    }
                    _ => return None,
                };
                Some(Filter::Compare(path, op, wanted))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn user() -> Value {
        json!({
            "id": "Ab1", "userName": "LiMing", "displayName": "李明", "active": true, "n": 3,
            "emails": [
                {"value": "li@work.cn", "type": "work", "primary": true},
                {"value": "li@home.cn", "type": "home"},
            ],
            super::super::path::ENTERPRISE: {"employeeNumber": "A7", "manager": {"value": "x"}},
        })
    }

    fn matches(filter: &str) -> bool {
        Filter::parse(filter).expect(filter).matches(&user())
    }

    #[test]
    fn conditions_are_judged_as_the_protocol_says() {
        for holds in [
            r#"userName eq "liming""#,
            r#"USERNAME Eq "LIMING""#,
            r#"id eq "Ab1""#,
            r#"userName ne "x" and active eq true"#,
            r#"active eq "True""#,
            r#"displayName co "明""#,
            r#"userName sw "li" and userName ew "NG""#,
            r#"emails[type eq "work" and value co "@work"]"#,
            r#"emails.value eq "li@home.cn""#,
            r#"emails co "home""#,
            r#"title pr or (n gt 2 and n le 3)"#,
            r#"not (userName eq "x")"#,
            r#"title eq null"#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "liming""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "a7""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "x""#,
            r#"userName eq "x" or userName eq "y" or displayName eq "李\u660e""#,
        ] {
            assert!(matches(holds), "{holds}");
        }
        for fails in [
            r#"id eq "ab1""#,
            r#"emails[type eq "home" and value co "@work"]"#,
            r#"title pr"#,
            r#"active eq false"#,
            r#"not (active eq true)"#,
            r#"userName eq "x" and active eq true or title pr"#,
        ] {
            assert!(!matches(fails), "{fails}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for bad in [
            "",
            "userName",
            "userName eq",
            "userName xx \"a\"",
            "(userName pr",
            "userName pr)",
            "userName eq \"a",
            "not userName pr",
            "userName eq [1]",
            "a.b.c.d pr",
            "emails[type eq \"a\"",
            "and",
            "userName eq \"a\" userName pr",
            ". pr",
        ] {
            assert_eq!(Filter::parse(bad), None, "{bad}");
        }
        assert_eq!(Filter::parse(&"(".repeat(3_000)), None);
        assert_eq!(Filter::parse(&"x".repeat(5_000)), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "[a-zA-Z0-9 ()\\[\\]\"\\\\.:$eqandorpr李-]{0,80}") {
            if let Some(filter) = Filter::parse(&text) {
                let _ = filter.matches(&user());
            }
        }

        #[test]
        fn any_text_at_all_is_read_or_refused(text in ".{0,60}") {
            let _ = Filter::parse(&text);
        }
    }
}
