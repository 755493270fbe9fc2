//! What WeCom allows, before anybody has changed it.
//!
//! Source: WeCom documentation, 频率限制 and the pages of the single calls.

use super::window::Window;

/// The budget that every call without one of its own has to itself.
pub const EACH_CALL: &str = "*";
/// What all calls from one address have together.
pub const ALL_CALLS: &str = "all";

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Calls.
    Call,
    /// People a call reaches.
    Person,
    /// People, each counted for themselves.
    EachPerson,
}

impl Unit {
    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Person => "person",
            Self::EachPerson => "each_person",
        }
    }
}

/// One limit: so many units within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is counted.
    pub unit: Unit,
    /// Within what time.
    pub window: Window,
    /// How many; none where it depends on the firm and nobody has said it.
    pub max: Option<u64>,
}

/// The budget of a call, or of several that share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Stable name, also the catalogue key's end.
    pub name: &'static str,
    /// The calls that draw on it; a name that ends in `/` stands for all below it. Empty for
    /// [`EACH_CALL`] and [`ALL_CALLS`].
    pub calls: &'static [&'static str],
    /// Its limits.
    pub limits: &'static [Limit],
}

const fn calls(window: Window, max: u64) -> Limit {
    Limit {
        unit: Unit::Call,
        window,
        max: Some(max),
    }
}

const fn people(window: Window, max: Option<u64>) -> Limit {
    Limit {
        unit: Unit::Person,
        window,
        max,
    }
}

const fn each(window: Window, max: u64) -> Limit {
    Limit {
        unit: Unit::EachPerson,
        window,
        max: Some(max),
    }
}

/// Calls of one API at the same time. WeCom names no number and answers 45033 to too many.
pub const AT_ONCE: u32 = 4;
/// Calls of all APIs at the same time.
pub const AT_ONCE_ALL: u32 = 10;

use Window::{Day, Hour, Minute, Month};

/// The limits as documented.
pub const RULES: &[Rule] = &[
    Rule {
        name: ALL_CALLS,
        calls: &[],
        limits: &[calls(Minute, 20_000), calls(Hour, 600_000)],
    },
    Rule {
        name: EACH_CALL,
        calls: &[],
        limits: &[calls(Minute, 10_000), calls(Hour, 150_000)],
    },
    Rule {
        name: "message_send",
        calls: &["message/send"],
        // Per day: the firm's member limit times 200.
        limits: &[
            people(Day, None),
            each(Minute, 30),
            each(Hour, 1_000),
            calls(Minute, 10_000),
        ],
    },
    Rule {
        name: "appchat_create",
        calls: &["appchat/create"],
        limits: &[calls(Day, 1_000)],
    },
    Rule {
        name: "appchat_update",
        calls: &["appchat/update"],
        limits: &[calls(Hour, 1_000)],
    },
    Rule {
        name: "appchat_send",
        calls: &["appchat/send"],
        limits: &[
            people(Minute, Some(20_000)),
            people(Hour, Some(300_000)),
            each(Minute, 200),
            each(Day, 10_000),
        ],
    },
    Rule {
        name: "user_create",
        calls: &["user/create"],
        // Per month: three times the firm's member limit.
        limits: &[
            calls(Minute, 10_000),
            Limit {
                unit: Unit::Call,
                window: Month,
                max: None,
            },
        ],
    },
    Rule {
        name: "approval_data",
        calls: &["oa/getapprovalinfo", "oa/getapprovaldetail"],
        limits: &[calls(Minute, 600)],
    },
    Rule {
        name: "checkin_data",
        calls: &["checkin/"],
        limits: &[calls(Minute, 600)],
    },
    Rule {
        name: "corp_ticket",
        calls: &["get_jsapi_ticket"],
        limits: &[calls(Hour, 400)],
    },
    Rule {
        name: "app_ticket",
        calls: &["ticket/get"],
        limits: &[calls(Hour, 100)],
    },
    Rule {
        name: "media_uploadimg",
        calls: &["media/uploadimg"],
        limits: &[calls(Day, 1_000), calls(Month, 3_000)],
    },
    Rule {
        name: "unionid",
        calls: &["idconvert/unionid_to_external_userid"],
        limits: &[
            calls(Hour, 100_000),
            calls(Day, 480_000),
            calls(Month, 7_500_000),
        ],
    },
    Rule {
        name: "msgaudit",
        calls: &["msgaudit/"],
        limits: &[calls(Minute, 1_000)],
    },
    Rule {
        name: "moment_task",
        calls: &["externalcontact/add_moment_task"],
        limits: &[calls(Minute, 10), calls(Month, 100_000)],
    },
];

/// The rule for a call; [`EACH_CALL`]'s if it has none of its own.
pub fn rule_of(call: &str) -> &'static Rule {
    let is_meant = |name: &&str| *name == call || (name.ends_with('/') && call.starts_with(*name));
    let own = RULES.iter().find(|rule| rule.calls.iter().any(is_meant));
    own.unwrap_or_else(|| rule_named(EACH_CALL).unwrap_or(&RULES[1]))
}

/// The rule of this name.
pub fn rule_named(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
