//! Reading the fields of a body with the checks that calls have in common. A field that is
//! wrong answers the call's own errcode where there is one, else 40058.

use serde_json::Value;

use super::check::Fail;

/// An errcode with the machine part of its errmsg.
pub type Code = (i64, &'static str);

/// One JSON object of a body.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'b>(&'b Value);

impl<'b> Fields<'b> {
    /// The fields of `object`; anything else has none.
    pub fn of(object: &'b Value) -> Self {
        Self(object)
    }

    /// The field as it came; null counts as absent.
    pub fn get(self, name: &str) -> Option<&'b Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether the field came along, empty or not.
    pub fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A text, if it came along.
    pub fn text(self, name: &str) -> Result<Option<&'b str>, Fail> {
        let text = |value: &'b Value| value.as_str().ok_or_else(|| Fail::param(name));
        self.get(name).map(text).transpose()
    }

    /// A text that must be there and not empty; `missing` if not.
    pub fn filled(self, name: &str, missing: Code) -> Result<&'b str, Fail> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| missing.into())
    }

    /// A text of at most so many characters; `long` if not.
    pub fn chars(self, name: &str, max: usize, long: Code) -> Result<Option<&'b str>, Fail> {
        let text = self.text(name)?;
        ensure(text.is_none_or(|text| text.chars().count() <= max), long)?;
        Ok(text)
    }

    /// A text of at most so many bytes; `long` if not.
    pub fn bytes(self, name: &str, max: usize, long: Code) -> Result<Option<&'b str>, Fail> {
        let text = self.text(name)?;
        ensure(text.is_none_or(|text| text.len() <= max), long)?;
        Ok(text)
    }

    /// A whole number that is not negative, if it came along.
    pub fn number(self, name: &str) -> Result<Option<u64>, Fail> {
        let number = |value: &Value| value.as_u64().ok_or_else(|| Fail::param(name));
        self.get(name).map(number).transpose()
    }

    /// One of some numbers, if it came along; `wrong` if it is another.
    pub fn one_of(self, name: &str, known: &[u64], wrong: Code) -> Result<Option<u64>, Fail> {
        let number = self.number(name)?;
        ensure(number.is_none_or(|n| known.contains(&n)), wrong)?;
        Ok(number)
    }

    /// Yes or no, if it came along; 0 and 1 will do.
    pub fn flag(self, name: &str) -> Result<Option<bool>, Fail> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Ok(self.one_of(name, &[0, 1], PARAM)?.map(|n| n == 1)),
        }
    }

    /// A list as it came; absent counts as empty.
    pub fn list(self, name: &str) -> Result<&'b [Value], Fail> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(Fail::param(name)),
        }
    }

    /// A list of texts; absent counts as empty.
    pub fn texts(self, name: &str) -> Result<Vec<&'b str>, Fail> {
        let text = |item: &'b Value| item.as_str().ok_or_else(|| Fail::param(name));
        self.list(name)?.iter().map(text).collect()
    }

    /// A list of whole numbers; absent counts as empty.
    pub fn numbers(self, name: &str) -> Result<Vec<u64>, Fail> {
        let number = |item: &Value| item.as_u64().ok_or_else(|| Fail::param(name));
        self.list(name)?.iter().map(number).collect()
    }

    /// An object, if it came along.
    pub fn object(self, name: &str) -> Result<Option<Self>, Fail> {
        let object = |value: &'b Value| match value {
            Value::Object(_) => Ok(Self(value)),
            _ => Err(Fail::param(name)),
        };
        self.get(name).map(object).transpose()
    }

    /// A list of objects; absent counts as empty.
    pub fn objects(self, name: &str) -> Result<Vec<Self>, Fail> {
        let object = |item: &'b Value| match item {
            Value::Object(_) => Ok(Self(item)),
            _ => Err(Fail::param(name)),
        };
        self.list(name)?.iter().map(object).collect()
    }
}

/// A wrong parameter without an errcode of its own.
pub const PARAM: Code = (40058, "invalid Request Parameter");

/// `wrong` unless `good`.
pub fn ensure(good: bool, wrong: Code) -> Result<(), Fail> {
    if good { Ok(()) } else { Err(wrong.into()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_field_answers_its_own_errcode_and_a_wrong_type_40058() {
        let body = json!({
            "name": "值班", "empty": "", "none": null, "n": 3, "list": ["a", 1], "o": {"x": [7]},
        });
        let fields = Fields::of(&body);
        let own = (41018, "missing tag name");
        assert_eq!(fields.filled("name", own), Ok("值班"));
        for absent in ["empty", "none", "nothing"] {
            assert_eq!(fields.filled(absent, own).unwrap_err().code, 41018);
        }
        assert_eq!(fields.filled("n", own).unwrap_err().code, 40058);
        assert_eq!(fields.chars("name", 2, own), Ok(Some("值班")));
        assert_eq!(fields.bytes("name", 5, own).unwrap_err().code, 41018);
        assert_eq!(fields.one_of("n", &[1, 2], own).unwrap_err().code, 41018);
        assert_eq!(fields.texts("list").unwrap_err().code, 40058);
        let inner = fields.object("o").unwrap().unwrap();
        assert_eq!(inner.numbers("x"), Ok(vec![7]));
        assert!(fields.object("n").is_err() && fields.objects("list").is_err());
    }
}
