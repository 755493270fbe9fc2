//! Statistics as JSON: the same numbers as the page.

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};

use crate::{app::App, error::Result, identity::Viewer, livecodes::board, web::Cx};

use super::{figures::Sums, pages, range::Range};

/// The query.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatisticsQuery {
    /// `7d`, `30d` (as without it), `90d`, `365d`, or `2026-10-22..2026-11-20`; days of the
    /// firm's zone.
    #[serde(default)]
    range: String,
}

/// Numbers of some days.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Numbers {
    /// Scans by people.
    scans: u64,
    /// Different people, day by day; null if only a part of the code is in scope.
    visitors: Option<u64>,
    /// Customers added.
    adds: u64,
    /// People who joined a group.
    joins: u64,
    /// Who went away.
    losses: u64,
    /// Who came seven days ago or earlier.
    due: u64,
    /// Those among them who stayed for seven days.
    stayed: u64,
}

/// A day.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct DayItem {
    /// `2026-11-20`.
    date: String,
    /// Its numbers.
    numbers: Numbers,
}

/// A member in scope.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct MemberItem {
    /// Id.
    member: String,
    /// Name.
    member_name: String,
    /// The member's numbers.
    numbers: Numbers,
}

/// The statistics of a live code.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Statistics {
    /// First day.
    from: String,
    /// Last day.
    to: String,
    /// Whether all of the code is in scope.
    is_whole: bool,
    /// All days together.
    total: Numbers,
    /// Day by day, without gaps.
    days: Vec<DayItem>,
    /// Member by member, who brought most first.
    members: Vec<MemberItem>,
}

fn numbers(sums: &Sums, has_visitors: bool) -> Numbers {
    Numbers {
        scans: sums.scans,
        visitors: has_visitors.then_some(sums.visitors),
        adds: sums.adds,
        joins: sums.joins,
        losses: sums.losses,
        due: sums.due,
        stayed: sums.stayed,
    }
}

pub(super) async fn statistics(
    viewer: Viewer,
    id: Path<String>,
    query: Query<StatisticsQuery>,
    app: Data<App>,
    cx: Cx,
) -> Result<Json<Statistics>> {
    let id = board::parse(&id)?;
    let range = Range::parse(&query.range, cx.now, &cx.zone);
    let figures = pages::read(&app, &viewer, id, &range, cx.now)?;
    let directory = app.read(|r| app.directory.get(r))?;
    let act = viewer.view("live_code.statistics").about("live_code", id);
    app.write(act, |_| Ok(())).await?;
    let days = figures.days.iter().map(|day| DayItem {
        date: day.date.to_string(),
        numbers: numbers(&day.sums, figures.is_whole),
    });
    let members = figures.members.iter().map(|(member, sums)| MemberItem {
        member: member.to_string(),
        member_name: directory.name(*member).to_owned(),
        numbers: numbers(sums, false),
    });
    Ok(Json(Statistics {
        from: range.first.to_string(),
        to: range.last.to_string(),
        is_whole: figures.is_whole,
        total: numbers(&figures.sums, figures.is_whole),
        days: days.collect(),
        members: members.collect(),
    }))
}
