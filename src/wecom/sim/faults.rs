//! Faults on demand: what a real server and the network between do on bad days.

use std::{sync::Mutex, time::Duration};

use serde_json::{Value, json};

use super::{check::Fail, routes::Route};

const AGAIN: &str = "QdL-again";
const BEHIND_EMPTY: &str = "QdE-";

/// One way for an answer to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers only after this time.
    Latency(Duration),
    /// Does what is asked for at once, and answers only after this time.
    LatencyAfter(Duration),
    /// Answers with this HTTP status and a page that isn't JSON, for example 502. Nothing is
    /// done.
    Status(u16),
    /// Does what is asked for, and answers like this all the same.
    StatusAfter(u16),
    /// Does what is asked for, and answers this errcode all the same, for example -1.
    ErrcodeAfter(i64),
    /// Does what is asked for, promises the whole body, sends half of it and closes the connection.
    HalfBody,
    /// Texts become numbers and numbers texts, except errcode and errmsg.
    WrongTypes,
    /// Numbers become numeric texts, except errcode.
    NumbersAsText,
    /// Leaves the lists of the answer out.
    MissingLists,
    /// Adds fields nobody has heard of, everywhere.
    UnknownFields,
    /// Answers this errcode: -1 busy, 45009 too often, 45033 too many at once, 60020 wrong
    /// address, or any other.
    Errcode(i64),
    /// Every token given out so far expires before this call: 42001.
    ExpiredToken,
    /// Every page names a next page, and after the last one comes the first one again.
    LoopingCursor,
    /// Every page but the first repeats the last row of the one before.
    ShiftingPages,
    /// Puts an empty page that names a next one before the page asked for.
    EmptyPage,
}

/// One way for a callback to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackFault {
    /// It is never sent.
    Lost,
    /// It is sent twice, each time in an envelope of its own.
    Duplicated,
    /// So many later ones go first.
    Overtaken(u32),
    /// It is sent after this time; what comes later does not wait for it.
    Delayed(Duration),
    /// Its signature is wrong, in every try.
    WrongSignature,
}

/// A fault, where and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial<F> {
    /// What goes wrong.
    pub fault: F,
    /// Where: the path of a call, the name of an event; everywhere if there is none.
    pub place: Option<String>,
    /// At every n-th occasion.
    pub every: u32,
    seen: u32,
}

/// All dials for faults of one kind.
#[derive(Debug)]
pub struct Dials<F>(Mutex<Vec<Dial<F>>>);

impl<F> Default for Dials<F> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<F: Copy> Dials<F> {
    /// Turns a fault on at `place` or everywhere, on every n-th occasion.
    pub fn inject(&self, place: Option<&str>, every: u32, fault: F) {
        let dial = Dial {
            fault,
            place: place.map(str::to_owned),
            every: every.max(1),
            seen: 0,
        };
        self.dials().push(dial);
    }

    /// Turns all faults off.
    pub fn clear(&self) {
        self.dials().clear();
    }

    /// The faults met this time.
    pub fn on(&self, place: &str) -> Vec<F> {
        let mut met = Vec::new();
        for dial in self.dials().iter_mut() {
            if dial.place.as_deref().is_none_or(|p| p == place) {
                dial.seen += 1;
                if dial.seen.is_multiple_of(dial.every) {
                    met.push(dial.fault);
                }
            }
        }
        met
    }

    /// What is turned on, as it was told.
    pub fn list(&self) -> Vec<Dial<F>> {
        self.dials().clone()
    }

    fn dials(&self) -> std::sync::MutexGuard<'_, Vec<Dial<F>>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Faults by the names they have in `/stage`: `status:502`, `delayed:3000` (milliseconds).
impl std::str::FromStr for Fault {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, number) = text.split_once(':').unwrap_or((text, ""));
        Ok(match name {
            "latency" => Self::Latency(milliseconds(number)?),
            "latency_after" => Self::LatencyAfter(milliseconds(number)?),
            "status_after" => Self::StatusAfter(number.parse().map_err(drop)?),
            "errcode_after" => Self::ErrcodeAfter(number.parse().map_err(drop)?),
            "status" => Self::Status(number.parse().map_err(drop)?),
            "errcode" => Self::Errcode(number.parse().map_err(drop)?),
            "half_body" => Self::HalfBody,
            "wrong_types" => Self::WrongTypes,
            "numbers_as_text" => Self::NumbersAsText,
            "missing_lists" => Self::MissingLists,
            "unknown_fields" => Self::UnknownFields,
            "expired_token" => Self::ExpiredToken,
            "looping_cursor" => Self::LoopingCursor,
            "shifting_pages" => Self::ShiftingPages,
            "empty_page" => Self::EmptyPage,
            _ => return Err(()),
        })
    }
}

/// As above.
impl std::str::FromStr for CallbackFault {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, number) = text.split_once(':').unwrap_or((text, ""));
        Ok(match name {
            "lost" => Self::Lost,
            "duplicated" => Self::Duplicated,
            "overtaken" => Self::Overtaken(number.parse().map_err(drop)?),
            "delayed" => Self::Delayed(milliseconds(number)?),
            "wrong_signature" => Self::WrongSignature,
            _ => return Err(()),
        })
    }
}

fn milliseconds(number: &str) -> Result<Duration, ()> {
    number.parse().map(Duration::from_millis).map_err(drop)
}

/// The error answer for an injected errcode.
pub fn fail(code: i64) -> Fail {
    let text = match code {
        -1 => "system error",
        45009 => "api freq out of limit",
        45033 => "api concurrent out of limit",
        60020 | 301_042 => "not allow to access from your ip",
        301_052 => "msgaudit service expired",
        301_053 => "corp is not open msgaudit",
        301_058 => "request size limit exceeded",
        _ => "injected",
    };
    Fail::new(code, text)
}

/// Prepares the cursor of a call. Answers the cursor to hand out when this call is to meet an
/// empty page.
pub fn cursor_in(body: &mut Value, met: &[Fault]) -> Option<String> {
    let given = body
        .get("cursor")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if given == AGAIN {
        body["cursor"] = json!("");
    }
    if let Some(inner) = given.strip_prefix(BEHIND_EMPTY) {
        body["cursor"] = json!(inner);
        return None;
    }
    met.contains(&Fault::EmptyPage)
        .then(|| format!("{BEHIND_EMPTY}{given}"))
}

/// Spoils the paging of an answer.
pub fn cursor_out(answer: &mut Value, route: &Route, met: &[Fault], empty_page: Option<String>) {
    if !route.pages {
        return;
    }
    if let Some(cursor) = empty_page {
        for list in route.empty {
            answer[*list] = json!([]);
        }
        answer["next_cursor"] = json!(cursor);
    }
    let last = answer
        .get("next_cursor")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty);
    if last && met.contains(&Fault::LoopingCursor) {
        answer["next_cursor"] = json!(AGAIN);
    }
}

/// Spoils the shape of an answer.
pub fn spoil(answer: &mut Value, met: &[Fault]) {
    for fault in met {
        match fault {
            Fault::WrongTypes => below_envelope(answer, twist),
            Fault::NumbersAsText => below_envelope(answer, number_to_text),
            Fault::MissingLists => {
                if let Value::Object(fields) = answer {
                    fields.retain(|_, value| !value.is_array());
                }
            }
            Fault::UnknownFields => unknown_fields(answer),
            _ => {}
        }
    }
}

fn below_envelope(answer: &mut Value, change: fn(&mut Value)) {
    if let Value::Object(fields) = answer {
        for (name, value) in fields {
            if name != "errcode" && name != "errmsg" {
                change(value);
            }
        }
    }
}

fn number_to_text(value: &mut Value) {
    match value {
        Value::Number(n) => *value = json!(n.to_string()),
        Value::Array(items) => items.iter_mut().for_each(number_to_text),
        Value::Object(fields) => fields.values_mut().for_each(number_to_text),
        _ => {}
    }
}

fn twist(value: &mut Value) {
    match value {
        Value::String(_) => *value = json!(7),
        Value::Number(n) => *value = json!(format!("x{n}")),
        Value::Bool(b) => *value = json!(b.to_string()),
        Value::Array(items) => items.iter_mut().for_each(twist),
        Value::Object(fields) => fields.values_mut().for_each(twist),
        Value::Null => {}
    }
}

/// Adds unknown fields to every object.
fn unknown_fields(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(unknown_fields),
        Value::Object(fields) => {
            fields.values_mut().for_each(unknown_fields);
            fields.insert("x_new_field".to_owned(), json!({ "版本": [1, null, "二"] }));
        }
        _ => {}
    }
}
