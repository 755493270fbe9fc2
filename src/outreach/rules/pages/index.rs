//! The list of rules.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    org::decides,
    tags, view,
    web::{
        Cx, Shown, filters,
        parts::{Empty, EmptyKind, Link},
    },
    work::effects::{self, Area, WriteMode},
};

use super::{
    super::{model::Cause, tables},
    HERE, tag_names, unit, when,
};

/// Firings of a rule that are counted for the list; more are a plus sign.
const COUNTED: usize = 999;
const MONTH_MS: i64 = 30 * 86_400_000;

/// One rule.
struct Line {
    id: String,
    name: String,
    when: String,
    tags: Vec<(String, &'static str)>,
    prefix: String,
    has_todo: bool,
    has_message: bool,
    unit: String,
    is_on: bool,
    since: Timestamp,
    fired: usize,
    has_more: bool,
    may_change: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/rules/index.html", blocks = ["title", "list"])]
pub(in super::super) struct RulesPage {
    lines: Vec<Line>,
    is_off: bool,
    empty: Empty,
}
view!(RulesPage, "list" => as_list);

/// Shows the rules.
pub(in super::super) async fn index(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<RulesPage>> {
    let (lines, mode) = app.read(|r| {
        let scope = viewer.scope(r, Permission::OutreachManage)?;
        let sight = app.sight(r, &viewer, Permission::OutreachManage)?;
        let groups = tags::queries::groups(r)?;
        let mut lines = Vec::new();
        for rule in tables::rules(r)? {
            let mut fired = 0;
            for firing in tables::firings(r, &sight, Some(Cause::Rule(rule.id)))? {
                if firing?.at.plus_ms(MONTH_MS) < cx.now || fired > COUNTED {
                    break;
                }
                fired += 1;
            }
            lines.push(Line {
                id: rule.id.to_string(),
                when: when(&cx, r, &rule.trigger)?,
                tags: tag_names(&rule, &groups),
                prefix: rule.remark_prefix.clone(),
                has_todo: rule.todo.is_some(),
                has_message: rule.message.is_some(),
                unit: unit(&cx, &sight, &rule),
                is_on: rule.is_on,
                since: rule.since,
                fired: fired.min(COUNTED),
                has_more: fired > COUNTED,
                may_change: decides(&scope, &sight.directory, rule.unit),
                name: rule.name,
            });
        }
        Ok::<_, AppError>((lines, effects::mode(r, Area::Customers)?))
    })?;
    Ok(Shown::of(RulesPage {
        lines,
        is_off: mode == WriteMode::Off,
        empty: Empty {
            kind: EmptyKind::NothingYet,
            title: cx.t("autorules.none").into_owned(),
            hint: cx.t("autorules.none_hint").into_owned(),
            action: Some(Link {
                label: cx.t("autorules.new").into_owned(),
                href: format!("{HERE}/new"),
            }),
            other: None,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn rules_render_with_none_one_many_and_hostile_names() {
        for n in [0, 1, 9] {
            let line = |at: usize| Line {
                id: "a".into(),
                name: HOSTILE.into(),
                when: HOSTILE.into(),
                tags: vec![(HOSTILE.into(), ""); at],
                prefix: HOSTILE.into(),
                has_todo: at.is_multiple_of(2),
                has_message: at.is_multiple_of(3),
                unit: HOSTILE.into(),
                is_on: at.is_multiple_of(2),
                since: Timestamp::from_ms(1_795_141_920_000),
                fired: at * 300,
                has_more: at == 5,
                may_change: !at.is_multiple_of(3),
            };
            check_page(&RulesPage {
                lines: (0..n).map(line).collect(),
                is_off: n == 1,
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
