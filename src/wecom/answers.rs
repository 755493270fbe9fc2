//! Shapes that answers of many calls share: nothing but errcode, pages, «not there».

use std::marker::PhantomData;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    client::{Client, Purpose},
    contacts::Trail,
    error::Error,
    lenient,
};

/// An answer that says nothing beside errcode.
#[derive(Deserialize)]
pub(super) struct Done {}

/// False where the errcode says that the thing was not there.
pub(super) fn if_there(answer: Result<Done, Error>, not_there: &[i64]) -> Result<bool, Error> {
    match answer {
        Ok(Done {}) => Ok(true),
        Err(Error::Refused { errcode, .. }) if not_there.contains(&errcode) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A body as fields; every request of this client is an object.
pub(super) fn fields(body: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(body) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// A listing, read page by page. Nothing is asked before the first [`Self::next`].
///
/// Source: WeCom documentation, paging by cursor.
pub struct Pages<'c, T> {
    client: &'c Client,
    purpose: Purpose,
    call: &'static str,
    list: &'static str,
    body: Map<String, Value>,
    trail: Trail,
    ended: bool,
    rows: PhantomData<fn() -> T>,
}

impl<'c, T: DeserializeOwned> Pages<'c, T> {
    /// The pages of `call`, whose rows stand in the field `list` of the answer.
    pub(super) fn new(
        client: &'c Client,
        purpose: Purpose,
        (call, list): (&'static str, &'static str),
        body: &impl Serialize,
    ) -> Self {
        Self {
            client,
            purpose,
            call,
            list,
            body: fields(body),
            trail: Trail::default(),
            ended: false,
            rows: PhantomData,
        }
    }

    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, deserialize_with = "lenient::or_default")]
            next_cursor: String,
            #[serde(flatten)]
            rest: Map<String, Value>,
        }
        if self.ended {
            return Ok(None);
        }
        let call = self.call;
        let mut answer: Answer = self.client.post(self.purpose, call, &self.body).await?;
        // Required: an answer without it must not read as "nothing".
        let rows = answer.rest.remove(self.list);
        let rows = rows.ok_or_else(|| Error::BadAnswer {
            call,
            what: format!("no field `{}`", self.list),
        })?;
        let rows = serde_json::from_value::<Option<Vec<T>>>(rows);
        let rows = rows.map_err(|_| Error::BadAnswer {
            call,
            what: format!("an unusable row in `{}`", self.list),
        })?;
        if answer.next_cursor.is_empty() {
            self.ended = true;
        } else {
            let cursor = self.trail.advance(call, answer.next_cursor)?;
            self.body.insert("cursor".to_owned(), Value::String(cursor));
        }
        Ok(Some(rows.unwrap_or_default()))
    }

    /// All rows of all pages.
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while let Some(rows) = self.next().await? {
            all.extend(rows);
        }
        Ok(all)
    }
}
