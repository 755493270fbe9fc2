//! `/archive/ledger`: how complete the archive is, day by day and member by member.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    archive::{
        model::{Gap, Tally},
        queries::{self, ArchiveSight},
        standing::{self, Day, Standing},
    },
    error::{AppError, Result},
    identity::Viewer,
    view,
    web::{
        Cx, ListQuery, Shown, filters,
        parts::{Empty, EmptyKind},
    },
};

/// Days that are shown.
const DAYS: usize = 31;
/// Stretches of missing numbers that are shown of a day.
const GAPS: usize = 50;

/// A day in the list.
struct DayLine {
    name: String,
    href: String,
    is_current: bool,
    day: Day,
}

/// A member's part of the day.
struct MemberLine {
    /// None for messages of which nobody knows whose they are.
    name: Option<String>,
    key: String,
    tally: Tally,
}

/// The page.
#[derive(Template)]
#[template(path = "archive/ledger.html", blocks = ["title", "list"])]
pub(in crate::archive) struct LedgerPage {
    /// How the firm's archive stands, for whoever sees the whole firm.
    standing: Option<Standing>,
    /// Messages that can't be opened yet.
    parked: u64,
    may_set_up: bool,
    /// Whether some message of these days can't be opened.
    has_parked: bool,
    /// Whether numbers are missing on some of these days.
    has_gaps: bool,
    days: Vec<DayLine>,
    /// The numbers that are missing on the day.
    gaps: Vec<Gap>,
    /// Whether there are more of them.
    more_gaps: bool,
    day: String,
    members: Vec<MemberLine>,
    empty: Empty,
}
view!(LedgerPage, "list" => as_list);

/// Shows the ledger. It names nobody's words; its entry joins the next batch.
pub(in crate::archive) async fn show(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<LedgerPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let page = app.read(|r| {
        let sight = ArchiveSight::of(&app, r, &viewer)?;
        let days = standing::days(r, &sight, DAYS)?;
        let asked = query.get("day").and_then(|day| day.parse().ok());
        let day = asked.or(days.first().map(|day| day.day)).unwrap_or(0);
        let mut members = Vec::new();
        for tally in standing::members(r, &sight, day)? {
            let person = match tally.staff {
                Tally::UNKNOWN => None,
                staff => Some(queries::person(r, &sight.sight, staff)?),
            };
            let member = person.as_ref().and_then(|person| person.member);
            members.push(MemberLine {
                key: member.map(|id| id.to_string()).unwrap_or_default(),
                name: person.map(|person| person.name),
                tally,
            });
        }
        // What nobody knows the members of is not for those who see some members only.
        let standing = match standing::sees_firm(&sight) {
            true => Some(Standing::of(&app, r, cx.now)?),
            false => None,
        };
        let mut gaps = standing::gaps(r, &sight, day, GAPS + 1)?;
        let more_gaps = gaps.len() > GAPS;
        gaps.truncate(GAPS);
        Ok::<_, AppError>(LedgerPage {
            parked: standing.as_ref().map_or(0, |it| it.cursor.parked),
            may_set_up: viewer.may(crate::identity::Permission::SettingsManage),
            has_parked: days.iter().any(|day| day.parked > 0),
            has_gaps: days.iter().any(|day| day.skipped > 0),
            gaps,
            more_gaps,
            days: days.into_iter().map(|d| line(d, &query, day)).collect(),
            day: name_of(day),
            members,
            empty: Empty {
                kind: EmptyKind::NothingYet,
                title: cx.t("archive_ledger.empty").into_owned(),
                hint: cx.t("archive_ledger.empty_hint").into_owned(),
                action: None,
                other: None,
            },
            standing,
        })
    })?;
    app.note(viewer.view("archive.ledger")).await?;
    Ok(Shown::of(page))
}

fn line(day: Day, query: &ListQuery, current: u32) -> DayLine {
    DayLine {
        name: name_of(day.day),
        href: query.with("day", day.day).to_string(),
        is_current: day.day == current,
        day,
    }
}

/// 2026-11-18.
fn name_of(day: u32) -> String {
    format!(
        "{:04}-{:02}-{:02}",
        day / 10_000,
        day / 100 % 100,
        day % 100
    )
}
