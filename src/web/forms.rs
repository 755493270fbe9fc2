//! Forms: strictly read, shown again with what was typed and what is wrong with it.
//!
//! `Form<T>` is an extractor. `T` derives `Deserialize`; a field that `T` does not know, a
//! field sent twice where `T` wants one, and bytes that are not UTF-8 are refused: our own
//! pages never send them. Whatever a person may type belongs into `String` fields and is
//! judged by the form's own `parse`, which answers `Invalid` field by field.
//!
//! `Upload<T>` is the same with one file: only routes declared with `Route::upload` take it.

mod decode;
mod upload;

pub(super) use upload::TokenInBody;
pub use upload::{Upload, UploadedFile};

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{
    Cx, query,
    words::{Args, ToArg},
};
use crate::error::{AppError, Invalid, Problem, Result};

/// The hidden field with the token.
pub(super) const CSRF_FIELD: &str = "csrf";
/// The hidden field with the operation id.
pub(super) const OPERATION_FIELD: &str = "op";

/// The body of a form, read and bounded by the frame.
#[derive(Clone)]
pub(super) struct FormBody(pub(super) Bytes);

/// A posted form.
pub struct Form<T> {
    /// The fields.
    pub values: T,
    /// The fields as typed, for showing the form again.
    pub state: FormState,
}

impl<T: DeserializeOwned> Form<T> {
    fn read(body: &[u8]) -> Result<Self> {
        Self::of_pairs(decode::pairs(body)?)
    }

    fn of_pairs(mut pairs: Vec<(String, String)>) -> Result<Self> {
        // Both are the frame's.
        pairs.retain(|(name, _)| name != CSRF_FIELD && name != OPERATION_FIELD);
        let values = decode::fields(&pairs)?;
        Ok(Self {
            values,
            state: FormState::typed(pairs),
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = AppError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let body = req.extensions().get::<FormBody>().cloned();
        ready(match body {
            Some(body) => Self::read(&body.0),
            None => Err(AppError::BadRequest { why: "not_a_form" }),
        })
    }
}

fn take(pairs: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let at = pairs.iter().position(|(n, _)| n == name)?;
    Some(pairs.remove(at).1)
}

/// The token that a form's body carries.
pub(super) fn csrf_field(body: &[u8]) -> Option<String> {
    let mut pairs = decode::pairs(body).ok()?;
    take(&mut pairs, CSRF_FIELD)
}

/// Takes a field out of the form that a request posted, before its handler reads the rest.
pub fn take_field(req: &actix_web::HttpRequest, name: &str) -> Option<String> {
    let body = req.extensions().get::<FormBody>().cloned()?;
    let mut pairs = decode::pairs(&body.0).ok()?;
    let value = take(&mut pairs, name)?;
    put_back(req, &pairs);
    Some(value)
}

/// Adds fields to the form that a request posted, before its handler reads it.
pub fn add_fields(req: &actix_web::HttpRequest, fields: Vec<(String, String)>) {
    let body = req.extensions().get::<FormBody>().cloned();
    let pairs = body.and_then(|body| decode::pairs(&body.0).ok());
    if let Some(mut pairs) = pairs {
        pairs.extend(fields);
        put_back(req, &pairs);
    }
}

fn put_back(req: &actix_web::HttpRequest, pairs: &[(String, String)]) {
    let rest: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", query::encode(name), query::encode(value)))
        .collect();
    let rest = FormBody(Bytes::from(rest.join("&")));
    req.extensions_mut().insert(rest);
}

/// The fields of a form's body.
pub fn pairs(body: &[u8]) -> Result<Vec<(String, String)>> {
    decode::pairs(body)
}

/// The fields of the form that a request posted, without its token, for a page that posts
/// them again.
pub fn posted_fields(req: &actix_web::HttpRequest) -> Option<Vec<(String, String)>> {
    let body = req.extensions().get::<FormBody>().cloned()?;
    let mut pairs = decode::pairs(&body.0).ok()?;
    pairs.retain(|(name, _)| name != CSRF_FIELD);
    Some(pairs)
}

/// The operation id that a form's body carries.
pub(super) fn operation_field(body: &[u8]) -> Option<String> {
    let mut pairs = decode::pairs(body).ok()?;
    take(&mut pairs, OPERATION_FIELD)
}

/// What a form shows: values, and what is wrong with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormState {
    values: Vec<(String, String)>,
    problems: Vec<Problem>,
}

impl FormState {
    /// An empty form.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A form with values already in it.
    pub fn with_values<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let values = values.into_iter().map(|(n, v)| (n.to_owned(), v));
        Self {
            values: values.collect(),
            problems: Vec::new(),
        }
    }

    /// The same form; fields of which nothing is known show these.
    pub fn or_values<'a>(mut self, values: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        for (name, value) in values {
            if !self.values.iter().any(|(known, _)| known == name) {
                self.values.push((name.to_owned(), value));
            }
        }
        self
    }

    /// A form as typed. Passwords and codes are never sent back.
    fn typed(mut values: Vec<(String, String)>) -> Self {
        values.retain(|(name, _)| {
            !["password", "secret", "code", "totp"]
                .iter()
                .any(|s| name.contains(s))
        });
        Self {
            values,
            problems: Vec::new(),
        }
    }

    /// The same form with what is wrong.
    pub fn refused(mut self, invalid: Invalid) -> Self {
        self.problems.extend(invalid.problems);
        self
    }

    /// The same form where problems of the field `from` stand at the field `to`.
    pub fn at_field(mut self, from: &str, to: &'static str) -> Self {
        for problem in &mut self.problems {
            if problem.field == from {
                problem.field = to;
            }
        }
        self
    }

    /// Separates what the person can mend from what they cannot: `Ok(Err(state))` is this
    /// form with the problems, to be shown again with [`Shown::invalid`](super::Shown).
    pub fn catch<T>(self, done: Result<T>) -> Result<std::result::Result<T, FormState>> {
        match done {
            Ok(value) => Ok(Ok(value)),
            Err(AppError::Invalid(invalid)) => Ok(Err(self.refused(invalid))),
            Err(other) => Err(other),
        }
    }

    /// The value of a field; empty if it has none.
    pub fn value(&self, name: &str) -> &str {
        let pair = self.values.iter().find(|(n, _)| n == name);
        pair.map_or("", |(_, value)| value.as_str())
    }

    /// Whether a box or an option with this value is chosen.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.values.iter().any(|(n, v)| n == name && v == value)
    }

    /// What is wrong with a field.
    pub fn problem(&self, name: &str) -> Option<&Problem> {
        self.problems.iter().find(|p| p.field == name)
    }

    /// All problems in the order of the form.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether anything is wrong.
    pub fn is_refused(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Whether a problem belongs to one field, rather than to the form as a whole.
    pub fn is_about_fields(&self) -> bool {
        self.problems.iter().any(|p| !p.field.is_empty())
    }
}

/// The arguments of a problem's sentence.
pub(super) fn problem_args(problem: &Problem) -> Args {
    let args = problem.args.iter();
    args.map(|(name, value)| (*name, value.to_arg())).collect()
}

impl Cx {
    /// The sentence of a problem.
    pub fn problem(&self, problem: &Problem) -> String {
        self.tf(problem.code, problem_args(problem)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize, PartialEq)]
    struct NewMember {
        name: String,
        #[serde(default)]
        tag: Vec<String>,
        age: Option<u8>,
        #[serde(default)]
        active: bool,
    }

    fn read(body: &[u8]) -> Result<Form<NewMember>> {
        Form::read(body)
    }

    fn refusal(body: &[u8]) -> String {
        read(body).err().unwrap().code().into_owned()
    }

    #[test]
    fn a_form_is_read_with_lists_options_and_boxes() {
        let form =
            read(b"csrf=x&op=y&name=%E7%8E%8B+%E8%8A%B3&tag=a&tag=b&age=&active=on").unwrap();
        assert_eq!(
            form.values,
            NewMember {
                name: "王 芳".into(),
                tag: vec!["a".into(), "b".into()],
                age: None,
                active: true
            }
        );
        assert_eq!(form.state.value("name"), "王 芳");
        assert!(form.state.has("tag", "b"));
    }

    #[test]
    fn what_our_pages_never_send_is_refused() {
        assert_eq!(refusal(b"name=a&admin=1"), "bad_request.unknown_field");
        assert_eq!(refusal(b"name=a&name=b"), "bad_request.repeated_field");
        assert_eq!(refusal(b"name=%ff%fe"), "bad_request.encoding");
        assert_eq!(refusal(b"name=%4"), "bad_request.encoding");
        assert_eq!(refusal(b"name=a%00b"), "bad_request.encoding");
        assert_eq!(refusal(b"age=3"), "bad_request.missing_field");
        assert_eq!(refusal(b"name=a&age=x"), "bad_request.field_type");
        assert_eq!(refusal(b"name=a&age=300"), "bad_request.field_type");
    }

    #[test]
    fn what_was_typed_goes_before_what_is_kept() {
        let form = FormState::with_values([("ink", "#102030".to_owned())]);
        let form = form.or_values([
            ("ink", "#000000".to_owned()),
            ("paper", "#ffffff".to_owned()),
        ]);
        assert_eq!(
            (form.value("ink"), form.value("paper")),
            ("#102030", "#ffffff")
        );
    }

    #[test]
    fn passwords_are_not_sent_back() {
        #[derive(serde::Deserialize)]
        struct SignIn {
            #[allow(dead_code)]
            login: String,
            #[allow(dead_code)]
            password: String,
        }
        let form: Form<SignIn> = Form::read(b"login=lin&password=hunter2").unwrap();
        assert_eq!(form.state.value("login"), "lin");
        assert_eq!(form.state.value("password"), "");
        assert!(!format!("{:?}", form.state).contains("hunter2"));
    }

    #[test]
    fn only_what_the_person_can_mend_goes_back_to_the_form() {
        let state = FormState::with_values([("name", "x".to_owned())]);
        let refused: Result<()> = Err(AppError::field("name", "form.required"));
        let again = state.clone().catch(refused).unwrap().unwrap_err();
        assert_eq!(again.problem("name").unwrap().code, "form.required");
        assert_eq!(again.value("name"), "x");
        assert!(state.catch::<()>(Err(AppError::Unauthenticated)).is_err());
    }
}
