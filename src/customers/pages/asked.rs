//! What an address asks of the list of customers, and the entry of having shown it.

use crate::{
    customers::{
        CustomerKind,
        list::{Asked, CustomerPage, SavedView},
    },
    identity::{Permission, Viewer},
    kit::Timestamp,
    search::Sort,
    web::{Cx, ListQuery},
};

/// The address of the list.
pub(super) const LIST: &str = "/customers";

/// What `address` asks for, if it is one of the list.
pub(super) fn of_address(address: &str, viewer: &Viewer, cx: &Cx) -> Option<Asked> {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    (path == LIST).then(|| asked(&ListQuery::parse(path, query), viewer, cx))
}

/// The act of showing a page of customers: ids and words are committed to, not shown.
pub(in crate::customers) fn list_act(
    viewer: &Viewer,
    code: &'static str,
    asked: &Asked,
    found: &CustomerPage,
) -> crate::store::Act {
    let ids: Vec<String> = found
        .page
        .items
        .iter()
        .map(|row| row.id().to_string())
        .collect();
    let act = viewer.view(code).system_detail("ids", ids.join(" "));
    if asked.text.is_empty() {
        act
    } else {
        act.detail("query", asked.text.as_str())
    }
}

/// What the address asks for. Values that mean nothing are left out.
pub(in crate::customers) fn asked(query: &ListQuery, viewer: &Viewer, cx: &Cx) -> Asked {
    let (added_from, added_before) = added_range(query.get("added").unwrap_or(""), cx);
    Asked {
        text: query.get("q").unwrap_or("").trim().to_owned(),
        view: SavedView::of_code(query.get("view").unwrap_or("")),
        tags: query.all("tag").filter_map(|t| t.parse().ok()).collect(),
        owner: query.get("owner").and_then(|o| o.parse().ok()),
        department: query.get("dept").and_then(|d| d.parse().ok()),
        ways: query.all("via").filter_map(|w| w.parse().ok()).collect(),
        kind: query.get("kind").and_then(|k| match k {
            "wechat" => Some(CustomerKind::Wechat),
            "wecom" => Some(CustomerKind::Wecom),
            "own" => Some(CustomerKind::Own),
            _ => None,
        }),
        added_from,
        added_before,
        sort: match query.sort() {
            Some(("added", true)) => Sort::NewestAdded,
            Some(("added", false)) => Sort::OldestAdded,
            Some(("name", _)) => Sort::Name,
            _ => Sort::Relevance,
        },
        may_see_phones: viewer.may(Permission::CustomerReveal),
    }
}

/// The days of `added=`: `7d`, `30d`, `90d`, `365d`, or `2026-10-22..2026-11-20`.
fn added_range(text: &str, cx: &Cx) -> (Option<Timestamp>, Option<Timestamp>) {
    let today = cx.now.to_jiff().to_zoned(cx.zone.clone()).date();
    let start = |date: jiff::civil::Date| {
        let zoned = date.to_zoned(cx.zone.clone()).ok()?;
        Some(Timestamp::from_ms(zoned.timestamp().as_millisecond()))
    };
    if let Some(days) = text.strip_suffix('d').and_then(|n| n.parse::<i32>().ok()) {
        let first = today
            .checked_sub(jiff::Span::new().days(days.clamp(1, 3660) - 1))
            .ok();
        return (first.and_then(start), None);
    }
    let Some((from, to)) = text.split_once("..") else {
        return (None, None);
    };
    let behind = to
        .parse::<jiff::civil::Date>()
        .ok()
        .and_then(|d| d.tomorrow().ok());
    (from.parse().ok().and_then(start), behind.and_then(start))
}
