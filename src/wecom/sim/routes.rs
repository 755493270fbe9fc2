//! Every call this server knows. Each area keeps its own list; this is where they meet.
//!
//! A call goes through path, token, address, rate, right, body and fields, in this order, which
//! is that of the WeCom documentation; parameter checks come after the token's.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    api_agent, api_chat, api_customer, api_login, api_tag, archive,
    callbacks::Notice,
    check::{Call, Fail},
    contact, directory,
    media::{self, Upload},
    messages,
    state::World,
    tokens::App,
};

/// The lists of all areas.
const AREAS: &[&[Route]] = &[
    api_customer::ROUTES,
    api_tag::ROUTES,
    api_chat::ROUTES,
    api_agent::ROUTES,
    api_login::ROUTES,
];

/// Every call.
fn all() -> impl Iterator<Item = &'static Route> {
    let areas = AREAS.iter().chain(&directory::AREAS).chain(&media::AREAS);
    let areas = areas.chain(&messages::AREAS).chain(&contact::AREAS);
    let areas = areas.chain(&archive::AREAS);
    areas.copied().flatten()
}

/// The call under this path.
pub fn find(path: &str) -> Option<&'static Route> {
    all().find(|route| route.path == path)
}

/// What a call does. It answers with the fields beside errcode; errmsg only where it is not
/// `ok`.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Looks.
    Read(fn(&World, &Call<'_>) -> Result<Value, Fail>),
    /// Changes the firm, or refuses and changes nothing. What it does follows from the firm and
    /// the call alone, so that the journal can do it again.
    Write(fn(&mut World, &Call<'_>) -> Result<Wrote, Fail>),
    /// Looks for a file, which is the whole answer.
    Raw(fn(&World, &Call<'_>) -> Result<media::File, Fail>),
}

/// What a call takes beside its query string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// A JSON object.
    Json,
    /// A file, as `multipart/form-data`.
    File,
}

/// The answer to a call that has changed the firm.
#[derive(Debug)]
pub struct Wrote {
    /// The fields of the answer.
    pub value: Value,
    /// What WeCom tells everybody about it: almost always nothing.
    pub notices: Vec<Notice>,
    /// What WeCom tells only those who did not do it themselves.
    pub echoes: Vec<Notice>,
}

impl Wrote {
    /// An answer of errmsg alone: `created`, `updated`, `deleted`.
    pub fn only(errmsg: &str) -> Self {
        json!({ "errmsg": errmsg }).into()
    }

    /// With something that only others hear.
    pub fn echo(mut self, notice: Notice) -> Self {
        self.echoes.push(notice);
        self
    }
}

impl From<Value> for Wrote {
    fn from(value: Value) -> Self {
        Self {
            value,
            notices: Vec::new(),
            echoes: Vec::new(),
        }
    }
}

/// A call that has changed the firm, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Its path.
    pub call: String,
    /// Whose token it was made with.
    pub app: App,
    /// Its query string without the token.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub query: Map<String, Value>,
    /// Its body.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
    /// The file that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
}

/// One call of the API.
pub struct Route {
    /// Path under `/cgi-bin/`.
    pub path: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Answers in pages, by cursor.
    pub pages: bool,
    /// Tells details of members, which the sync assistant gets only at addresses in use since
    /// before 2022-08-15: never here.
    pub details: bool,
    /// Whose token may call it.
    pub apps: &'static [App],
    /// List fields that come along empty with an error.
    pub empty: &'static [&'static str],
    /// What it does.
    pub handler: Handler,
}

impl Route {
    /// A GET.
    pub const fn get(
        path: &'static str,
        apps: &'static [App],
        handler: fn(&World, &Call<'_>) -> Result<Value, Fail>,
    ) -> Self {
        Self::new(path, apps, Handler::Read(handler))
    }

    /// A POST that only looks.
    pub const fn post(
        path: &'static str,
        apps: &'static [App],
        handler: fn(&World, &Call<'_>) -> Result<Value, Fail>,
    ) -> Self {
        Self {
            takes: Takes::Json,
            ..Self::new(path, apps, Handler::Read(handler))
        }
    }

    /// A GET that changes something.
    pub const fn get_write(
        path: &'static str,
        apps: &'static [App],
        handler: fn(&mut World, &Call<'_>) -> Result<Wrote, Fail>,
    ) -> Self {
        Self::new(path, apps, Handler::Write(handler))
    }

    /// A POST that changes something.
    pub const fn write(
        path: &'static str,
        apps: &'static [App],
        handler: fn(&mut World, &Call<'_>) -> Result<Wrote, Fail>,
    ) -> Self {
        Self {
            takes: Takes::Json,
            ..Self::new(path, apps, Handler::Write(handler))
        }
    }

    /// A POST with a file.
    pub const fn upload(
        path: &'static str,
        apps: &'static [App],
        handler: fn(&mut World, &Call<'_>) -> Result<Wrote, Fail>,
    ) -> Self {
        Self {
            takes: Takes::File,
            ..Self::new(path, apps, Handler::Write(handler))
        }
    }

    /// A GET that answers with a file.
    pub const fn raw(
        path: &'static str,
        apps: &'static [App],
        handler: fn(&World, &Call<'_>) -> Result<media::File, Fail>,
    ) -> Self {
        Self::new(path, apps, Handler::Raw(handler))
    }

    const fn new(path: &'static str, apps: &'static [App], handler: Handler) -> Self {
        Self {
            path,
            takes: Takes::Nothing,
            pages: false,
            details: false,
            apps,
            empty: &[],
            handler,
        }
    }

    /// With list fields that come along empty with an error.
    pub const fn empty(self, empty: &'static [&'static str]) -> Self {
        Self { empty, ..self }
    }

    /// Answering in pages, by cursor.
    pub const fn paged(self) -> Self {
        Self {
            pages: true,
            ..self
        }
    }

    /// Telling details of members.
    pub const fn details(self) -> Self {
        Self {
            details: true,
            ..self
        }
    }

    /// Checks whether `app` may make this call.
    pub fn allow(&self, app: App) -> Result<(), Fail> {
        if self.apps.contains(&app) {
            return Ok(());
        }
        if app == App::Sync && self.details {
            return Err(Fail::new(
                48009,
                "no permission for contact details from this ip",
            ));
        }
        Err(Fail::new(48002, "api forbidden"))
    }

    /// The body as an object: required for a POST, not looked at otherwise.
    pub fn body(&self, bytes: &[u8]) -> Result<Value, Fail> {
        if self.takes != Takes::Json {
            return Ok(json!({}));
        }
        match serde_json::from_slice(bytes) {
            Ok(body @ Value::Object(_)) => Ok(body),
            _ => Err(Fail::new(
                40058,
                "invalid Request Parameter. Warning: wrong json format. ",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn no_path_stands_twice() {
        let mut seen = BTreeSet::new();
        for route in super::all() {
            assert!(seen.insert(route.path), "{}", route.path);
        }
    }
}
