//! What every call goes through: path, token, right, body, fields. The order is that of the
//! WeCom documentation; parameter checks come after the token's.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{api_chat, api_customer, api_directory, api_tag, firm::Rng, state::World, tokens::App};
use crate::kit::Timestamp;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail {
    /// errcode.
    pub code: i64,
    /// The machine part of errmsg.
    pub text: String,
    /// Token errors come without a hint.
    bare: bool,
}

impl Fail {
    /// An error with a hint.
    pub fn new(code: i64, text: &str) -> Self {
        Self {
            code,
            text: text.to_owned(),
            bare: false,
        }
    }

    /// An error without a hint.
    pub fn bare(code: i64, text: &str) -> Self {
        Self {
            code,
            text: text.to_owned(),
            bare: true,
        }
    }

    /// 40058 with the name of the offending field.
    pub fn param(field: &str) -> Self {
        Self::new(40058, &format!("invalid Request Parameter: {field}"))
    }

    /// 50100, a cursor this server did not give out.
    pub fn cursor() -> Self {
        Self::new(50100, "invalid cursor")
    }

    /// The envelope, with the empty lists that come along with errors of this call.
    pub fn envelope(&self, empty: &[&str], now: Timestamp, serial: u64) -> Value {
        let mut answer = Map::new();
        answer.insert("errcode".to_owned(), json!(self.code));
        answer.insert("errmsg".to_owned(), json!(self.message(now, serial)));
        for field in empty {
            answer.insert((*field).to_owned(), json!([]));
        }
        Value::Object(answer)
    }

    fn message(&self, now: Timestamp, serial: u64) -> String {
        if self.bare {
            return self.text.clone();
        }
        let mut rng = Rng::of(serial, 40, 0);
        let (seconds, high, low) = (now.ms() / 1000, rng.bits(), rng.bits());
        let Self { code, text, .. } = self;
        format!(
            "{text}, hint: [{seconds}_{}_{high:016x}{low:016x}], from ip: 127.0.0.1, \
             more info at https://open.work.weixin.qq.com/devtool/query?e={code}",
            serial % 100
        )
    }
}

/// What a handler gets.
pub struct Call<'a> {
    /// The query string, decoded.
    pub query: &'a HashMap<String, String>,
    /// The body, an object; empty for a GET.
    pub body: Value,
    /// Every page but the first begins one row too early.
    pub shift_pages: bool,
}

impl Call<'_> {
    /// A parameter of the query string; empty counts as absent.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// A text of the body; absent and null count as empty.
    pub fn text(&self, name: &str) -> Result<&str, Fail> {
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(Fail::param(name)),
        }
    }

    /// A whole number of the body.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Fail> {
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| Fail::param(name)),
        }
    }

    /// A list of texts of the body; absent counts as empty.
    pub fn texts<'b>(&self, body: &'b Value, name: &str) -> Result<Vec<&'b str>, Fail> {
        match body.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().ok_or_else(|| Fail::param(name)))
                .collect(),
            Some(_) => Err(Fail::param(name)),
        }
    }

    /// `limit` within `1..=max`, or `default` when it is absent or 0.
    pub fn limit(&self, default: Option<usize>, max: usize) -> Result<usize, Fail> {
        let given = self
            .number("limit")?
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        match given.filter(|n| *n > 0).or(default) {
            Some(limit) if (1..=max).contains(&limit) => Ok(limit),
            _ => Err(Fail::param("limit")),
        }
    }
}

/// Answers a call with the fields beside errcode and errmsg.
pub type Handler = fn(&World, &Call<'_>) -> Result<Value, Fail>;

/// One call of the API.
pub struct Route {
    /// Path under `/cgi-bin/`.
    pub path: &'static str,
    /// Wants a JSON body.
    pub posts: bool,
    /// Answers in pages, by cursor.
    pub pages: bool,
    /// Whose token may call it.
    pub apps: &'static [App],
    /// List fields that come along empty with an error.
    pub empty: &'static [&'static str],
    /// What it does.
    pub handler: Handler,
}

impl Route {
    /// Checks whether `app` may make this call.
    pub fn allow(&self, app: App) -> Result<(), Fail> {
        if self.apps.contains(&app) {
            return Ok(());
        }
        let directory = !self.path.starts_with("externalcontact/");
        if app == App::Sync && directory {
            return Err(Fail::new(
                48009,
                "no permission for contact details from this ip",
            ));
        }
        Err(Fail::new(48002, "api forbidden"))
    }

    /// The body as an object: required for a POST, not looked at otherwise.
    pub fn body(&self, bytes: &[u8]) -> Result<Value, Fail> {
        if !self.posts {
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

const DIRECTORY: &[App] = &[App::Own];
const IDS: &[App] = &[App::Own, App::Sync];
const SYNC: &[App] = &[App::Sync];
const CUSTOMERS: &[App] = &[App::Own, App::Contact];

/// Every call this server knows.
pub const ROUTES: &[Route] = &[
    get(
        "department/list",
        DIRECTORY,
        &["department"],
        api_directory::department_list,
    ),
    get(
        "department/simplelist",
        IDS,
        &["department_id"],
        api_directory::department_simplelist,
    ),
    get(
        "department/get",
        DIRECTORY,
        &[],
        api_directory::department_get,
    ),
    get(
        "user/list",
        DIRECTORY,
        &["userlist"],
        api_directory::user_list,
    ),
    get(
        "user/simplelist",
        DIRECTORY,
        &["userlist"],
        api_directory::user_simplelist,
    ),
    get("user/get", DIRECTORY, USER_LISTS, api_directory::user_get),
    paged(post(
        "user/list_id",
        SYNC,
        &["dept_user"],
        api_directory::user_list_id,
    )),
    get(
        "externalcontact/get_follow_user_list",
        CUSTOMERS,
        &["follow_user"],
        api_customer::follow_users,
    ),
    get(
        "externalcontact/list",
        CUSTOMERS,
        &["external_userid"],
        api_customer::list,
    ),
    get(
        "externalcontact/get",
        CUSTOMERS,
        &["follow_user"],
        api_customer::get,
    ),
    paged(post(
        "externalcontact/batch/get_by_user",
        CUSTOMERS,
        &["external_contact_list"],
        api_customer::batch,
    )),
    post(
        "externalcontact/get_corp_tag_list",
        CUSTOMERS,
        &["tag_group"],
        api_tag::list,
    ),
    paged(post(
        "externalcontact/groupchat/list",
        CUSTOMERS,
        &["group_chat_list"],
        api_chat::list,
    )),
    post(
        "externalcontact/groupchat/get",
        CUSTOMERS,
        &[],
        api_chat::get,
    ),
];

const USER_LISTS: &[&str] = &["department", "order", "is_leader_in_dept", "direct_leader"];

const fn get(
    path: &'static str,
    apps: &'static [App],
    empty: &'static [&'static str],
    handler: Handler,
) -> Route {
    Route {
        path,
        posts: false,
        pages: false,
        apps,
        empty,
        handler,
    }
}

const fn post(
    path: &'static str,
    apps: &'static [App],
    empty: &'static [&'static str],
    handler: Handler,
) -> Route {
    Route {
        path,
        posts: true,
        pages: false,
        apps,
        empty,
        handler,
    }
}

const fn paged(route: Route) -> Route {
    Route {
        pages: true,
        ..route
    }
}
