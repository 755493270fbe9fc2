//! Whom a rule would have been set off for.

use std::collections::HashSet;

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::App,
    customers::{self, customer_no},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    tags, view,
    web::{
        Cx, Shown, filters,
        parts::{Empty, EmptyKind},
    },
};

use super::{super::trial as trials, find, parse, tag_names, when};

/// Days that a trial goes back.
const DAYS: i64 = 30;
/// Customers that are named.
const SAMPLE: usize = 20;

/// Somebody the rule would have been set off for.
struct Line {
    customer: String,
    number: String,
    href: Option<String>,
    member: String,
    at: Timestamp,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/rules/trial.html", blocks = ["title", "list"])]
pub(in super::super) struct TrialPage {
    id: String,
    name: String,
    when: String,
    tags: Vec<(String, &'static str)>,
    prefix: String,
    days: i64,
    customers: usize,
    times: usize,
    todos: usize,
    messages: usize,
    is_whole: bool,
    lines: Vec<Line>,
    empty: Empty,
}
view!(TrialPage, "list" => as_list);

/// Shows a trial. The entry is durable before anybody is shown.
pub(in super::super) async fn trial(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<TrialPage>> {
    let id = parse(&id)?;
    let reading = (app.clone(), viewer.clone(), cx.clone());
    let made = tokio::task::spawn_blocking(move || {
        let (app, viewer, cx) = reading;
        make(&app, &viewer, &cx, id)
    });
    let (page, shown) = made.await.map_err(AppError::internal)??;
    let act = viewer
        .view("rule.trial")
        .about("outreach_rule", id)
        .system_detail("count", shown.len().to_string())
        .system_detail("ids", shown.join(" "));
    app.write(act, |_| Ok(())).await?;
    Ok(Shown::of(page))
}

fn make(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: super::super::RuleId,
) -> Result<(TrialPage, Vec<String>)> {
    let from = cx.now.plus_ms(-DAYS * 86_400_000);
    app.read(|r| {
        let (rule, sight) = find(app, r, viewer, id)?;
        let seen = app.sight(r, viewer, Permission::CustomerRead).ok();
        let found = trials::trial(r, &sight, &rule, from, cx.now)?;
        let everybody: HashSet<_> = found.hits.iter().map(|hit| hit.relation.customer).collect();
        let (mut lines, mut shown) = (Vec::new(), Vec::new());
        for hit in found.hits.iter().take(SAMPLE) {
            let customer = hit.relation.customer;
            let known = match &seen {
                Some(seen) => customers::queries::customer(r, seen, customer)?,
                None => None,
            };
            shown.push(customer.to_string());
            let name = known.as_ref().map(|k| k.customer.name.clone());
            lines.push(Line {
                customer: name
                    .filter(|name| !name.is_empty())
                    .unwrap_or_else(|| cx.t("autorules.somebody").into_owned()),
                number: known
                    .as_ref()
                    .map_or(String::new(), |k| customer_no(k.customer.no)),
                href: known.map(|_| format!("/customers/{customer}")),
                member: sight.name(hit.relation.member).to_owned(),
                at: hit.at,
            });
        }
        let (todos, messages) = found.follow_ups(&rule);
        let page = TrialPage {
            id: id.to_string(),
            when: when(cx, r, &rule.trigger)?,
            tags: tag_names(&rule, &tags::queries::groups(r)?),
            prefix: rule.remark_prefix,
            name: rule.name,
            days: DAYS,
            customers: everybody.len(),
            times: found.hits.len(),
            todos,
            messages,
            is_whole: found.is_whole,
            lines,
            empty: Empty {
                kind: EmptyKind::NothingMatches,
                title: cx.t("autorules.trial_none").into_owned(),
                hint: cx.t("autorules.trial_none_hint").into_owned(),
                action: None,
                other: None,
            },
        };
        Ok((page, shown))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn a_trial_renders_with_none_one_many_and_hostile_names() {
        for n in [0, 1, 9] {
            let line = |at: usize| Line {
                customer: HOSTILE.into(),
                number: "KH-000001".into(),
                href: at.is_multiple_of(2).then(|| "/customers/a".into()),
                member: HOSTILE.into(),
                at: Timestamp::from_ms(1_795_141_920_000),
            };
            check_page(&TrialPage {
                id: "a".into(),
                name: HOSTILE.into(),
                when: HOSTILE.into(),
                tags: vec![(HOSTILE.into(), ""); n],
                prefix: HOSTILE.into(),
                days: DAYS,
                customers: n,
                times: n,
                todos: n,
                messages: n,
                is_whole: n != 1,
                lines: (0..n).map(line).collect(),
                empty: Empty {
                    kind: EmptyKind::NothingMatches,
                    title: "x".into(),
                    hint: "x".into(),
                    action: None,
                    other: None,
                },
            });
        }
    }
}
