//! 客户联系: what apps do to customers, tags, codes, broadcasts and the rest of customer
//! contact. Each area has a file of its own for its calls and what only they know.
//!
//! Source: WeCom documentation, 客户联系.

mod relations;
mod strategies;
mod tags;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    check::{Call, Fail, next_offset},
    fields::{Code, PARAM, ensure},
    firm::Member,
    routes::Route,
    state::World,
    tokens::App,
};

pub(super) use strategies::{Strategies, StrategyTags};

/// The calls of all areas.
pub(super) const AREAS: [&[Route]; 3] = [relations::ROUTES, tags::ROUTES, strategies::ROUTES];

/// Who may call customer contact.
const APPS: &[App] = &[App::Own, App::Contact];

const EMPTY: Code = (40063, "some parameters are empty");
const NO_USERID: Code = (41009, "missing userid");
const NO_EXTERNAL_USERID: Code = (41035, "missing external userid");
const BAD_USERID: Code = (40003, "invalid userid");
const UNKNOWN_USER: Code = (60111, "userid not found");
const UNKNOWN_CUSTOMER: Code = (40096, "invalid external userid");
const NOT_CONTACTS: Code = (84061, "not external contact");
const OUT_OF_RANGE: Code = (60011, "no privilege to access/modify contact/party/agent ");
const NOT_SERVING: Code = (84074, "user without customer contact");
const UNKNOWN_DEPARTMENT: Code = (60003, "department not found");

/// What only customer contact knows.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Departments in the visible range of the own app; none is the whole firm.
    own_range: BTreeSet<u64>,
    /// Which app made a corp tag or group, by its id; the others were made in the console.
    tag_makers: BTreeMap<String, App>,
    /// Rule groups of customer contact.
    strategies: Strategies,
    /// Rule groups of moments.
    moment_strategies: Strategies,
    /// Tags of rule groups.
    pub(super) strategy_tags: StrategyTags,
}

/// Whether `app` may change what `maker` made: 客户联系 everything, an own app its own.
fn owns(app: App, maker: Option<App>) -> bool {
    app == App::Contact || maker == Some(app)
}

/// The member whom the app sees under this userid.
fn member<'w>(world: &'w World, call: &Call<'_>, userid: &str) -> Result<&'w Member, Fail> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.@-".contains(&b);
    let shaped = (1..=64).contains(&userid.len()) && userid.bytes().all(plain);
    ensure(shaped, BAD_USERID)?;
    let member = world.member(userid).ok_or(UNKNOWN_USER)?;
    ensure(world.sees(call.app, member), OUT_OF_RANGE)?;
    Ok(member)
}

/// The member who serves customers and whom the app sees.
pub(super) fn staff<'w>(
    world: &'w World,
    call: &Call<'_>,
    userid: &str,
) -> Result<&'w Member, Fail> {
    let member = member(world, call, userid)?;
    ensure(member.serves_customers, NOT_SERVING)?;
    Ok(member)
}

/// One page of `rows`, with the cursor behind it.
fn page<T>(call: &Call<'_>, rows: Vec<T>, limit: usize) -> Result<(Vec<T>, String), Fail> {
    let start = call.offset()?;
    let total = rows.len();
    let page: Vec<T> = rows.into_iter().skip(start).take(limit).collect();
    let next = next_offset(start + page.len(), total);
    Ok((page, next))
}

/// The answer of a paged call.
fn paged(call: &Call<'_>, list: &str, rows: Vec<Value>, limit: usize) -> Result<Value, Fail> {
    let (rows, next_cursor) = page(call, rows, limit)?;
    let mut answer = json!({ "next_cursor": next_cursor });
    answer[list] = json!(rows);
    Ok(answer)
}

/// A whole number of 32 bits, if it came along.
fn order(fields: super::fields::Fields<'_>) -> Result<Option<u64>, Fail> {
    let order = fields.number("order")?;
    ensure(order.is_none_or(|n| n < 1 << 32), PARAM)?;
    Ok(order)
}

impl World {
    /// Whether a member stands in the visible range (可见范围) of an app. That of 客户联系 is
    /// the whole firm.
    pub fn sees(&self, app: App, member: &Member) -> bool {
        let range = &self.contact.own_range;
        if app != App::Own || range.is_empty() {
            return true;
        }
        let above = |id: &u64| self.org.departments.get(id).map(|d| d.parent);
        let inside =
            |id: &u64| std::iter::successors(Some(*id), above).any(|id| range.contains(&id));
        member.departments.iter().any(inside)
    }

    /// Whether the app sees the member of this userid; whoever has left is seen.
    pub fn sees_userid(&self, app: App, userid: &str) -> bool {
        self.member(userid)
            .is_none_or(|member| self.sees(app, member))
    }

    /// Sets the visible range of the own app; none is the whole firm.
    pub fn set_own_range(&mut self, departments: &[u64]) {
        self.contact.own_range = departments.iter().copied().collect();
    }
}
