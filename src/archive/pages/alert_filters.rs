//! The conditions of the queue of alerts: state, severity, list, behaviour, department.

use crate::{
    archive::{
        queries::{self, ArchiveSight},
        sensitive::{
            Behaviour, Severity, WordList,
            queue::{Asked, Counts, Part},
        },
    },
    error::Result,
    identity::{Permission, Viewer},
    store::Read,
    web::{
        Cx, ListQuery,
        parts::{Chip, Choice, Empty, EmptyKind, Filter, Link, Tab},
    },
};

use super::{
    alerts::HERE,
    words::{behaviour, choice, severity, units},
};

/// The conditions beside the state.
const NARROWS: [&str; 4] = ["severity", "list", "behaviour", "unit"];

/// The part of the queue an address names.
fn part(query: &ListQuery) -> Part {
    match query.get("state") {
        Some("mine") => Part::Mine,
        Some("closed") => Part::Closed,
        _ => Part::ToDo,
    }
}

/// What an address asks for.
pub(super) fn asked(r: &Read<'_>, sight: &ArchiveSight, query: &ListQuery) -> Result<Asked> {
    let severity = |code: &str| Severity::ALL.into_iter().find(|s| s.code() == code);
    let behaviour = |code: &str| Behaviour::ALL.into_iter().find(|b| b.code() == code);
    let directory = &sight.sight.directory;
    let unit = query.get("unit").and_then(|id| id.parse().ok());
    let unit = unit.and_then(|id| directory.tree.find(id));
    let staff = unit.map(|unit| queries::staff_under(r, sight, unit.wecom_id));
    Ok(Asked {
        part: part(query),
        severity: query.get("severity").and_then(severity),
        list: query.get("list").and_then(|id| id.parse().ok()),
        behaviour: query.get("behaviour").and_then(behaviour),
        staff: staff.transpose()?,
    })
}

/// To be judged, one's own, judged.
pub(super) fn states(cx: &Cx, query: &ListQuery, counts: Counts) -> Vec<Tab> {
    let counted = |n: u64| (!counts.more).then_some(n);
    let tab = |word: &str, state: &str, of: Part, count| Tab {
        label: cx.t(word).into_owned(),
        href: query.only(&NARROWS).with("state", state).to_string(),
        count,
        is_current: of == part(query),
    };
    vec![
        tab("sensitive.to_do", "", Part::ToDo, counted(counts.to_do)),
        tab("sensitive.mine", "mine", Part::Mine, counted(counts.mine)),
        tab("sensitive.state.closed", "closed", Part::Closed, None),
    ]
}

/// The filters; departments are those in the viewer's scope.
pub(super) fn filters(
    r: &Read<'_>,
    cx: &Cx,
    viewer: &Viewer,
    sight: &ArchiveSight,
    (query, lists): (&ListQuery, &[&WordList]),
) -> Result<Vec<Filter>> {
    let filter = |name, word: &str, choices: Vec<Choice>| Filter {
        name,
        label: cx.t(word).into_owned(),
        choices: choices
            .into_iter()
            .map(|choice| Choice {
                is_on: query.has(name, &choice.value),
                ..choice
            })
            .collect(),
        many: false,
    };
    let severities = Severity::ALL.map(|s| {
        let word = cx.t(severity(s).0).into_owned();
        choice(s.code().to_owned(), word)
    });
    let behaviours = Behaviour::ALL.map(|b| {
        let word = cx.t(behaviour(b)).into_owned();
        choice(b.code().to_owned(), word)
    });
    let lists = lists.iter();
    let lists = lists.map(|list| choice(list.id.to_string(), list.name.clone()));
    let scope = viewer.scope(r, Permission::ArchiveRead)?;
    let units = units(scope.reach(), &sight.sight);
    Ok(vec![
        filter("severity", "sensitive.severity_label", severities.into()),
        filter("list", "sensitive.list_label", lists.collect()),
        filter("behaviour", "sensitive.behaviours", behaviours.into()),
        filter("unit", "sensitive.any_unit", units),
    ])
}

/// Each condition with the way out of it.
pub(super) fn chips(query: &ListQuery, filters: &[Filter]) -> Vec<Chip> {
    let on = filters.iter().filter(|filter| filter.is_on());
    on.map(|filter| Chip {
        label: filter.label.clone(),
        value: filter.chosen().trim_start_matches('\u{3000}').to_owned(),
        remove: query.without(filter.name).to_string(),
    })
    .collect()
}

/// The same state without conditions.
pub(super) fn cleared(query: &ListQuery) -> String {
    query.only(&["state"]).to_string()
}

/// What stands where nothing is found.
pub(super) fn empty(cx: &Cx, query: &ListQuery) -> Empty {
    let narrowed = NARROWS.iter().any(|name| query.get(name).is_some());
    let (title, hint) = match (narrowed, part(query)) {
        (true, _) => ("sensitive.no_match", "sensitive.no_match_hint"),
        (false, Part::Mine) => ("sensitive.none_mine", "sensitive.none_mine_hint"),
        (false, Part::Closed) => ("sensitive.none_closed", "sensitive.none_closed_hint"),
        (false, Part::ToDo) => ("sensitive.no_alerts", "sensitive.no_alerts_hint"),
    };
    let link = |word: &str, href: String| Link {
        label: cx.t(word).into_owned(),
        href,
    };
    Empty {
        kind: EmptyKind::NothingMatches,
        title: cx.t(title).into_owned(),
        hint: cx.t(hint).into_owned(),
        action: match (narrowed, part(query)) {
            (true, _) => Some(link("list.clear_all", cleared(query))),
            (false, Part::Mine) => Some(link("sensitive.to_do", HERE.to_owned())),
            (false, _) => None,
        },
        other: None,
    }
}
