//! What rules and codes have done.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    customers,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    livecodes,
    org::Sight,
    store::Read,
    view,
    web::{
        Cx, ListQuery, Shown, filters,
        parts::{Empty, EmptyKind},
    },
    work::effects::{Effect, EffectId, EffectState},
};

use super::super::{
    model::{Came, Cause, Firing, Outcome, Rule, RuleId},
    tables,
};

/// Firings on one page.
const SHOWN: usize = 50;

/// One firing.
struct Line {
    cause: String,
    cause_href: Option<String>,
    customer: String,
    href: Option<String>,
    member: String,
    at: Timestamp,
    /// Words and tone of what came of it.
    outcomes: Vec<(&'static str, &'static str)>,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/rules/history.html", blocks = ["title", "list"])]
pub(in super::super) struct HistoryPage {
    /// Of which rule or code, if of one.
    of: Option<String>,
    lines: Vec<Line>,
    more: Option<String>,
    empty: Empty,
}
view!(HistoryPage, "list" => as_list);

/// Shows the firings about customers in scope, newest first. The entry is durable before
/// anybody is shown.
pub(in super::super) async fn history(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<HistoryPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let cause = cause(&query);
    let skipped: usize = query.get("skip").and_then(|n| n.parse().ok()).unwrap_or(0);
    let (page, shown) = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::OutreachManage)?;
        let customers = app.sight(r, &viewer, Permission::CustomerRead).ok();
        let mut found = Vec::new();
        for firing in tables::firings(r, &sight, cause)?
            .skip(skipped)
            .take(SHOWN + 1)
        {
            found.push(firing?);
        }
        let has_more = found.len() > SHOWN;
        found.truncate(SHOWN);
        let shown: Vec<String> = found.iter().map(|f| f.customer.to_string()).collect();
        let lines = found
            .iter()
            .map(|f| line(r, &cx, &sight, customers.as_ref(), f));
        let of = cause.map(|cause| named(r, &cx, cause)).transpose()?;
        let page = HistoryPage {
            of: of.map(|(name, _)| name),
            lines: lines.collect::<Result<_>>()?,
            more: has_more.then(|| query.with("skip", skipped + SHOWN).to_string()),
            empty: Empty {
                kind: EmptyKind::NothingYet,
                title: cx.t("autorules.history_none").into_owned(),
                hint: cx.t("autorules.history_none_hint").into_owned(),
                action: None,
                other: None,
            },
        };
        Ok::<_, AppError>((page, shown))
    })?;
    let act = viewer
        .view("rule.history")
        .system_detail("count", shown.len().to_string())
        .system_detail("ids", shown.join(" "));
    app.write(act, |_| Ok(())).await?;
    Ok(Shown::of(page))
}

fn cause(query: &ListQuery) -> Option<Cause> {
    let rule = query.get("rule").and_then(|id| id.parse().ok());
    let live = query.get("live").and_then(|id| id.parse().ok());
    rule.map(|rule: RuleId| Cause::Rule(rule))
        .or(live.map(Cause::Code))
}

/// What a cause is called, and where it is kept.
fn named(r: &Read<'_>, cx: &Cx, cause: Cause) -> Result<(String, Option<String>)> {
    let gone = || (cx.t("autorules.gone").into_owned(), None);
    Ok(match cause {
        Cause::Rule(id) => r.get::<Rule>(&id)?.map_or_else(gone, |rule| {
            (rule.name, Some(format!("{}/{id}", super::HERE)))
        }),
        Cause::Code(id) => livecodes::queries::by_id(r, id)?
            .map_or_else(gone, |code| (code.name, Some(format!("/live-codes/{id}")))),
    })
}

fn line(
    r: &Read<'_>,
    cx: &Cx,
    sight: &Sight,
    customers: Option<&Sight>,
    firing: &Firing,
) -> Result<Line> {
    let known = match customers {
        Some(sight) => customers::queries::customer(r, sight, firing.customer)?,
        None => None,
    };
    let (cause, cause_href) = named(r, cx, firing.cause)?;
    let name = known.as_ref().map(|k| k.customer.name.clone());
    Ok(Line {
        cause,
        cause_href,
        customer: name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| cx.t("autorules.somebody").into_owned()),
        href: known.map(|_| format!("/customers/{}", firing.customer)),
        member: sight.name(firing.member).to_owned(),
        at: firing.at,
        outcomes: outcomes(r, firing)?,
    })
}

/// What came of a firing, as far as WeCom has answered.
fn outcomes(r: &Read<'_>, firing: &Firing) -> Result<Vec<(&'static str, &'static str)>> {
    let mut all = match (&firing.outcome, &firing.todo, &firing.message) {
        (Outcome::Same, None, None) => vec![("autorules.outcome.same", "muted")],
        // Nothing was to be put on the relation, or it was so already.
        (Outcome::Same, ..) => Vec::new(),
        (outcome, ..) => marked(r, outcome)?,
    };
    all.extend(firing.todo.as_ref().map(|came| match came {
        Came::Made(_) => ("autorules.outcome.todo", "ok"),
        Came::Same => ("autorules.outcome.todo_same", "muted"),
        Came::Refused(why) => refused(why),
    }));
    all.extend(match &firing.message {
        None | Some(Came::Same) => None,
        Some(Came::Refused(why)) => Some(refused(why)),
        Some(Came::Made(id)) => {
            let words = [
                "autorules.outcome.message",
                "autorules.outcome.message_waiting",
            ];
            Some(sent(r, EffectId::from_bits(*id), words)?)
        }
    });
    Ok(all)
}

/// Why something was not done, in words.
fn refused(why: &str) -> (&'static str, &'static str) {
    match why {
        "outside_pilot" => ("autorules.refused.outside_pilot", "warn"),
        "writing_off" => ("autorules.refused.writing_off", "warn"),
        "messages_off" => ("autorules.refused.messages_off", "warn"),
        "member_gone" => ("autorules.refused.member_gone", "warn"),
        "gone" => ("autorules.refused.gone", "warn"),
        _ => ("autorules.refused.not_possible", "bad"),
    }
}

/// What came of tags and remark.
fn marked(r: &Read<'_>, outcome: &Outcome) -> Result<Vec<(&'static str, &'static str)>> {
    Ok(match outcome {
        Outcome::Same => vec![("autorules.outcome.same", "muted")],
        Outcome::Refused(why) => vec![refused(why)],
        Outcome::Done { tags, remark } => {
            let mut all = Vec::new();
            if let Some(id) = tags {
                all.push(sent(
                    r,
                    *id,
                    ["autorules.outcome.tags", "autorules.outcome.tags_waiting"],
                )?);
            }
            if let Some(id) = remark {
                let words = [
                    "autorules.outcome.remark",
                    "autorules.outcome.remark_waiting",
                ];
                all.push(sent(r, *id, words)?);
            }
            if all.is_empty() {
                all.push(("autorules.outcome.done", "ok"));
            }
            all
        }
    })
}

/// How an effect stands; one that is kept no longer has ended.
fn sent(
    r: &Read<'_>,
    id: EffectId,
    [done, waiting]: [&'static str; 2],
) -> Result<(&'static str, &'static str)> {
    let state = r.get::<Effect>(&id)?.map(|effect| effect.state);
    Ok(match state {
        None | Some(EffectState::Done) => (done, "ok"),
        Some(EffectState::Queued | EffectState::Sending) => (waiting, "info"),
        Some(EffectState::Rehearsed) => ("autorules.outcome.rehearsed", "muted"),
        Some(_) => ("autorules.outcome.failed", "bad"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn history_renders_with_none_one_many_and_hostile_names() {
        for n in [0, 1, 9] {
            let line = |at: usize| Line {
                cause: HOSTILE.into(),
                cause_href: at.is_multiple_of(2).then(|| "/outreach/rules/a".into()),
                customer: HOSTILE.into(),
                href: at.is_multiple_of(3).then(|| "/customers/a".into()),
                member: HOSTILE.into(),
                at: Timestamp::from_ms(1_795_141_920_000),
                outcomes: vec![
                    ("autorules.outcome.tags", "ok"),
                    ("autorules.outcome.same", "muted"),
                ],
            };
            check_page(&HistoryPage {
                of: (n == 1).then(|| HOSTILE.to_owned()),
                lines: (0..n).map(line).collect(),
                more: (n == 9).then(|| "/outreach/rules/history?skip=50".to_owned()),
                empty: Empty {
                    kind: EmptyKind::NothingYet,
                    title: "x".into(),
                    hint: "x".into(),
                    action: None,
                    other: None,
                },
            });
        }
    }
}
