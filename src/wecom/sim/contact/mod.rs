//! 客户联系: what apps do to customers, tags, codes, broadcasts and the rest of customer
//! contact. Each area has a file of its own for its calls and what only they know.
//!
//! Source: WeCom documentation, 客户联系.

mod acquisition;
mod broadcasts;
mod idconvert;
mod intercept;
mod join_ways;
mod moments;
mod parts;
mod people;
mod products;
mod relations;
mod statistics;
mod strategies;
mod tags;
mod transfers;
mod ways;
mod welcome;
mod when;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    check::{Call, Fail, next_offset},
    fields::{Code, Fields, PARAM, ensure},
    firm::Member,
    routes::Route,
    state::World,
    tokens::App,
};

pub use people::{Request, Trait};
pub(super) use transfers::Progress;
pub use welcome::Greeted;
pub(super) use {acquisition::notice as link_notice, join_ways::opengid, ways::Way};

use people::able;
use strategies::{Strategies, StrategyTags};
use when::Due;

/// The calls of all areas.
pub(super) const AREAS: [&[Route]; 14] = [
    relations::ROUTES,
    tags::ROUTES,
    strategies::ROUTES,
    ways::ROUTES,
    join_ways::ROUTES,
    welcome::ROUTES,
    broadcasts::ROUTES,
    moments::ROUTES,
    transfers::ROUTES,
    statistics::ROUTES,
    acquisition::ROUTES,
    intercept::ROUTES,
    products::ROUTES,
    idconvert::ROUTES,
];

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
const UNACTIVATED: Code = (41054, "user not activated");
const NOT_REAL_NAMED: Code = (40098, "user not real-named");
const NOT_SERVING_CODE: Code = (84083, "user is not serving customers");
const NO_CONFIG: Code = (41043, "missing config_id");
const BAD_CONFIG: Code = (41044, "invalid config_id");
const TOO_MANY_WAYS: Code = (41045, "contact ways over limit");

/// What only customer contact knows.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The own app is not listed under 可调用接口的应用.
    pub(super) unlisted: bool,
    /// Departments in the visible range of the own app; none is the whole firm.
    own_range: BTreeSet<u64>,
    /// Which app made a corp tag or group, by its id; the others were made in the console.
    tag_makers: BTreeMap<String, App>,
    /// Rule groups of customer contact.
    strategies: Strategies,
    /// Rule groups of moments.
    moment_strategies: Strategies,
    /// Tags of rule groups.
    strategy_tags: StrategyTags,
    /// Contact ways.
    pub(super) ways: ways::Ways,
    /// Join ways.
    pub(super) join_ways: BTreeMap<String, join_ways::JoinWay>,
    /// People who wait to be accepted.
    pub(super) requests: BTreeMap<String, Request>,
    /// What is peculiar about members.
    traits: BTreeSet<(String, Trait)>,
    /// Customers who refuse the archive.
    pub(super) archive_refused: BTreeSet<String>,
    /// Mini programs that are not linked to the corp.
    pub(super) unlinked_programs: BTreeSet<String>,
    /// Limits other than WeCom's.
    pub(super) limits: BTreeMap<String, u64>,
    /// Welcome messages that reached customers.
    pub(super) greeted: Vec<Greeted>,
    /// Templates for groups.
    templates: BTreeMap<String, welcome::Template>,
    /// Broadcasts.
    pub(super) broadcasts: broadcasts::Broadcasts,
    /// Moments.
    pub(super) moments: moments::Moments,
    /// Inheritance.
    pub(super) transfers: transfers::Transfers,
    /// Acquisition links.
    pub(super) links: acquisition::Links,
    /// Rules about words.
    rules: BTreeMap<String, intercept::Rule>,
    /// Products.
    products: BTreeMap<String, products::Product>,
    /// People who were asked about before being customers.
    pending: BTreeMap<String, idconvert::Pending>,
    /// What happens by itself, by time.
    due: BTreeMap<(i64, u64), Due>,
    /// How much was ever put off.
    put_off: u64,
    /// The time until which everything has happened, seconds.
    now_s: i64,
}

impl State {
    /// A limit, if nobody set another.
    pub(super) fn limit(&self, name: &str, wecom: usize) -> usize {
        let other = self.limits.get(name).copied();
        other.map_or(wecom, |max| usize::try_from(max).unwrap_or(usize::MAX))
    }
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

/// `limit`; one above the maximum counts as the default, in the calls where WeCom does so.
fn lenient_limit(call: &Call<'_>, default: usize, max: usize) -> Result<usize, Fail> {
    let limit = call.limit(Some(default), usize::MAX)?;
    Ok(if limit > max { default } else { limit })
}

/// Takes over a text of at most so many characters, if it came along.
fn chars(fields: Fields<'_>, name: &str, max: usize, text: &mut String) -> Result<(), Fail> {
    if let Some(given) = fields.chars(name, max, PARAM)? {
        given.clone_into(text);
    }
    Ok(())
}

/// A whole number of 32 bits, if it came along.
fn order(fields: Fields<'_>) -> Result<Option<u64>, Fail> {
    let order = fields.number("order")?;
    ensure(order.is_none_or(|n| n < 1 << 32), PARAM)?;
    Ok(order)
}

impl World {
    /// Whether a member stands in the visible range (可见范围) of an app. That of 客户联系 is
    /// the whole firm.
    pub fn sees(&self, app: App, member: &Member) -> bool {
        let whole = app != App::Own || self.contact.own_range.is_empty();
        whole
            || member
                .departments
                .iter()
                .any(|id| self.sees_department(app, *id))
    }

    /// Whether a department stands in the visible range of an app.
    pub fn sees_department(&self, app: App, id: u64) -> bool {
        let range = &self.contact.own_range;
        let above = |id: &u64| self.org.departments.get(id).map(|d| d.parent);
        let mut line = std::iter::successors(Some(id), above);
        app != App::Own || range.is_empty() || line.any(|id| range.contains(&id))
    }

    /// Whether the app sees the member of this userid; whoever has left is seen.
    pub fn sees_userid(&self, app: App, userid: &str) -> bool {
        self.member(userid)
            .is_none_or(|member| self.sees(app, member))
    }

    /// Checks that an own app is listed under 可调用接口的应用, where a call asks for that.
    pub(super) fn lists(&self, app: App, path: &str) -> Result<(), Fail> {
        let of_contact = path.starts_with("externalcontact/") || path.starts_with("idconvert/");
        let barred = app == App::Own && of_contact && self.contact.unlisted;
        ensure(!barred, (48002, "api forbidden"))
    }

    /// Sets the visible range of the own app; none is the whole firm.
    pub fn set_own_range(&mut self, departments: &[u64]) {
        self.contact.own_range = departments.iter().copied().collect();
    }
}
