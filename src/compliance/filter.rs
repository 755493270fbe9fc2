//! The conditions of the trail in three shapes: the address, the filter itself, and the text
//! of the filter box. Controls and box write each other through the address.

use jiff::civil::Date;

use crate::{
    audit::query::{Filter, TextQuery},
    error::Result,
    identity::Account,
    kit::Timestamp,
    store::Read,
    web::{Cx, ListQuery, words},
};

/// The address of the trail.
pub(super) const TRAIL: &str = "/compliance/audit";
/// The ranges that end now, with their days.
pub(super) const RANGES: [(&str, i64); 3] = [("1d", 1), ("7d", 7), ("30d", 30)];
/// How an act ended.
pub(super) const OUTCOMES: [&str; 2] = ["ok", "denied"];

/// The conditions of the address; those that mean nothing are left out.
pub(super) fn filter(query: &ListQuery, cx: &Cx) -> Filter {
    let text = |name: &str| query.get(name).map(str::trim).filter(|t| !t.is_empty());
    let days = text("range").and_then(|range| RANGES.iter().find(|(code, _)| *code == range));
    let within = days.map(|(_, days)| cx.now.plus_ms(-days * 86_400_000));
    let day = |name: &str| text(name).and_then(|t| t.parse::<Date>().ok());
    let behind = day("to").and_then(|d| d.tomorrow().ok());
    Filter {
        actor: text("actor").map(str::to_owned),
        act: text("action").map(str::to_owned),
        object: text("object").map(str::to_owned),
        since: within.max(day("from").and_then(|d| start_of(d, cx))),
        until: behind.and_then(|d| start_of(d, cx)),
        ip: text("ip").and_then(|ip| ip.parse().ok()),
        outcome: text("outcome").map(str::to_owned),
    }
}

fn start_of(day: Date, cx: &Cx) -> Option<Timestamp> {
    let zoned = day.to_zoned(cx.zone.clone()).ok()?;
    Some(Timestamp::from_ms(zoned.timestamp().as_millisecond()))
}

/// The address as the text of the filter box: people by name.
pub(super) fn text_of(r: &Read<'_>, cx: &Cx, query: &ListQuery) -> Result<String> {
    let given = |name: &str| query.get(name).map(str::to_owned);
    let actor = match query.get("actor") {
        Some(actor) => Some(name_of(r, cx, actor)?),
        None => None,
    };
    let text = TextQuery {
        actor,
        action: given("action"),
        object: given("object"),
        ip: given("ip"),
        outcome: given("outcome"),
        range: given("range"),
        from: given("from"),
        to: given("to"),
        rest: String::new(),
    };
    Ok(text.to_string())
}

/// The name of an actor, as long as it leads back to the same one.
fn name_of(r: &Read<'_>, cx: &Cx, actor: &str) -> Result<String> {
    let named = super::pages::actor_name(r, cx, actor)?;
    let found = actors(r, cx, &named)?;
    Ok(match found[..] {
        [ref only] if only == actor => named,
        _ => actor.to_owned(),
    })
}

/// The actors that a name may mean: accounts by name or login, the system by its word.
fn actors(r: &Read<'_>, cx: &Cx, name: &str) -> Result<Vec<String>> {
    let is_code = ["account:", "system:"].iter().any(|p| name.starts_with(p));
    if is_code || name == "nobody" {
        return Ok(vec![name.to_owned()]);
    }
    let mut found = Vec::new();
    for account in r.all::<Account>(None)? {
        let account = account?;
        if account.name == name || account.login == name {
            found.push(format!("account:{}", account.id));
        }
    }
    let system = |reason: &&str| cx.tf("compliance.system", ("reason", *reason)) == name;
    let systems = super::pages::SYSTEMS.into_iter().filter(system);
    found.extend(systems.map(|reason| format!("system:{reason}")));
    if name == cx.t("compliance.nobody") {
        found.push("nobody".to_owned());
    }
    Ok(found)
}

/// A condition, its value, the sentence if it is nonsense, and how that is told.
type Judged<'a> = (
    &'static str,
    Option<&'a str>,
    &'static str,
    &'a dyn Fn(&str) -> bool,
);

/// What the filter box says: the address of what was understood, and a sentence for each
/// word that was not.
pub(super) fn of_text(r: &Read<'_>, cx: &Cx, text: &str) -> Result<(ListQuery, Vec<String>)> {
    let typed = TextQuery::parse(text);
    let mut list = ListQuery::new(TRAIL);
    let mut problems = Vec::new();
    if let Some(name) = &typed.actor {
        match &actors(r, cx, name)?[..] {
            [actor] => list = list.with("actor", actor),
            [] => problems.push(said(cx, "compliance.text.no_actor", name)),
            _ => problems.push(said(cx, "compliance.text.many_actors", name)),
        }
    }
    let code = |word: &str, key: &'static str, known: &dyn Fn(&str) -> bool| match word {
        "" => Ok(None),
        word if known(word) => Ok(Some(word.to_owned())),
        word => Err(said(cx, key, word)),
    };
    let is_day = |text: &str| text.parse::<Date>().is_ok();
    let is_thing = |text: &str| text.split_once(':').is_some_and(|(_, id)| !id.is_empty());
    let is_range = |text: &str| RANGES.iter().any(|(code, _)| *code == text);
    let is_address = |text: &str| text.parse::<std::net::IpAddr>().is_ok();
    let typed_act = typed.action.as_deref().map(|act| act_of(cx, act));
    let judged: [Judged<'_>; 7] = [
        (
            "action",
            typed_act.as_deref(),
            "compliance.text.no_act",
            &is_act,
        ),
        (
            "object",
            typed.object.as_deref(),
            "compliance.text.no_object",
            &is_thing,
        ),
        (
            "ip",
            typed.ip.as_deref(),
            "compliance.text.no_ip",
            &is_address,
        ),
        (
            "outcome",
            typed.outcome.as_deref(),
            "compliance.text.no_outcome",
            &|t| OUTCOMES.contains(&t),
        ),
        (
            "range",
            typed.range.as_deref(),
            "compliance.text.no_range",
            &is_range,
        ),
        (
            "from",
            typed.from.as_deref(),
            "compliance.text.no_day",
            &is_day,
        ),
        ("to", typed.to.as_deref(), "compliance.text.no_day", &is_day),
    ];
    for (name, value, key, known) in judged {
        match code(value.unwrap_or(""), key, known) {
            Ok(value) => list = list.with(name, value.unwrap_or_default()),
            Err(problem) => problems.push(problem),
        }
    }
    if !typed.rest.is_empty() {
        problems.push(said(cx, "compliance.text.unknown", &typed.rest));
    }
    Ok((list, problems))
}

fn is_act(code: &str) -> bool {
    words::known(&format!("act.{code}"))
}

/// The code of an act that may be given by its name.
fn act_of(cx: &Cx, act: &str) -> String {
    let codes = words::keys().filter_map(|key| key.strip_prefix("act."));
    let mut named = codes.filter(|code| cx.t(&format!("act.{code}")) == act);
    named.next().unwrap_or(act).to_owned()
}

fn said(cx: &Cx, key: &str, word: &str) -> String {
    cx.tf(key, ("word", word)).into_owned()
}
