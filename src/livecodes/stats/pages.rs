//! The statistics of a code as people see them: numbers with the period before, days, hours,
//! members; whoever stands behind a number; the same as a file.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Path},
};
use askama::Template;

use crate::{
    app::App,
    customers::{self, customer_no},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    livecodes::{CodeKind, LiveCode, LiveCodeId, board},
    org::Sight,
    sheet::{Cell, SheetFormat, SheetWriter},
    store::Read,
    view,
    web::{
        Cx, ListQuery, Shown, filters, format,
        parts::{Empty, EmptyKind, Tab},
    },
};

use super::{
    arrivals::Arrival,
    figures::{self, Figures, Sums},
    range::Range,
};

mod chart;

use chart::{Chart, Heat};

/// People on the page behind a number; more are counted, not shown.
const PEOPLE_SHOWN: usize = 200;

/// A number with what it was before.
struct Tile {
    word: &'static str,
    value: String,
    unit: &'static str,
    delta: Option<Delta>,
    href: Option<String>,
}

/// How a number has moved.
struct Delta {
    text: String,
    unit: &'static str,
    is_up: bool,
    tone: &'static str,
}

/// A member's line.
struct Line {
    name: String,
    id: String,
    scans: u64,
    came: u64,
    rate: String,
    stayed: String,
    losses: u64,
    share: u64,
    href: String,
}

/// The statistics of a code, as a part of a page: `templates/livecodes/stats.html`, where it is
/// named `s`.
pub struct Panel {
    is_group: bool,
    is_whole: bool,
    ranges: Vec<Tab>,
    first: String,
    last: String,
    tiles: Vec<Tile>,
    chart: Chart,
    heat: Heat,
    members: Vec<Line>,
    is_empty: bool,
    export: String,
}

/// The code, if the viewer may see it, with what the viewer sees of it.
fn find(app: &App, r: &Read<'_>, viewer: &Viewer, id: LiveCodeId) -> Result<(LiveCode, Sight)> {
    let eyes = board::eyes(app, r, viewer, Permission::LiveCodeRead)?;
    let code = board::visible(r, &eyes, id)?;
    Ok((code, app.sight(r, viewer, Permission::LiveCodeRead)?))
}

/// The statistics of a code that the viewer may see.
pub fn panel(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    cx: &Cx,
    id: LiveCodeId,
    range: &str,
) -> Result<Panel> {
    let (code, sight) = find(app, r, viewer, id)?;
    let range = Range::parse(range, cx.now, &cx.zone);
    let now = figures::of_code(r, &sight, &code, &range, cx.now)?;
    let before = figures::of_code(r, &sight, &code, &range.before(), cx.now)?;
    let here = ListQuery::new(&format!("/live-codes/{id}/statistics"));
    let ready = Range::READY.map(|ready| Tab {
        label: cx.t(&format!("livestats.range.{ready}")).into_owned(),
        href: here.with("range", ready).to_string(),
        count: None,
        is_current: ready == range.code,
    });
    let people = ListQuery::new(&format!("/live-codes/{id}/people")).with("range", &range.code);
    Ok(Panel {
        is_group: code.kind == CodeKind::Group,
        is_whole: now.is_whole,
        ranges: ready.into(),
        first: format::civil_date(range.first, cx.lang()),
        last: format::civil_date(range.last, cx.lang()),
        tiles: tiles(&now, &before, code.kind, &people),
        chart: Chart::of(cx, &now.days),
        heat: Heat::of(cx, &now),
        members: lines(&sight, &now, &people),
        is_empty: now.sums == Sums::default(),
        export: ListQuery::new(&format!("/live-codes/{id}/statistics/export"))
            .with("range", &range.code)
            .to_string(),
    })
}

/// The statistics of a code as a page.
#[derive(Template)]
#[template(path = "livecodes/statistics.html", blocks = ["title", "list"])]
pub(super) struct StatisticsPage {
    code: String,
    name: String,
    s: Panel,
}
view!(StatisticsPage, "list" => as_list);

/// Shows the statistics of a code. They name colleagues, no customers: the entry joins the next
/// batch.
pub(super) async fn statistics(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<StatisticsPage>> {
    let id = board::parse(&id)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let range = query.get("range").unwrap_or("");
    let page = app.read(|r| {
        let (code, _) = find(&app, r, &viewer, id)?;
        Ok::<_, AppError>(StatisticsPage {
            code: id.to_string(),
            name: code.name,
            s: panel(&app, r, &viewer, &cx, id, range)?,
        })
    })?;
    let act = viewer.view("live_code.statistics").about("live_code", id);
    app.note(act).await?;
    Ok(Shown::of(page))
}

/// Who came against who scanned; missing where people came without a scan here.
fn rate(sums: &Sums) -> Option<(u64, u64)> {
    (sums.scans > 0 && sums.came() <= sums.scans).then(|| (sums.came(), sums.scans))
}

fn stayed(sums: &Sums) -> Option<(u64, u64)> {
    (sums.due > 0).then_some((sums.stayed, sums.due))
}

fn share(part: Option<(u64, u64)>) -> String {
    part.map_or(format::MISSING.to_owned(), |(a, b)| format::percent(a, b))
}

fn tiles(now: &Figures, before: &Figures, kind: CodeKind, people: &ListQuery) -> Vec<Tile> {
    let (sums, old) = (&now.sums, &before.sums);
    let number = |word, value: u64, old: u64, unit, is_good_up, href| Tile {
        word,
        value: format::count(value),
        unit,
        delta: moved(value, old, is_good_up),
        href,
    };
    let came = match kind {
        CodeKind::Staff => "livestats.adds",
        CodeKind::Group => "livestats.joins",
    };
    let to = |what: &str| Some(people.with("what", what).to_string());
    let mut tiles = vec![number(
        "livestats.scans",
        sums.scans,
        old.scans,
        "livestats.times",
        true,
        Some("#days".to_owned()),
    )];
    if now.is_whole {
        tiles.push(number(
            "livestats.visitors",
            sums.visitors,
            old.visitors,
            "livestats.people",
            true,
            None,
        ));
    }
    tiles.push(number(
        came,
        sums.came(),
        old.came(),
        "livestats.people",
        true,
        to("came"),
    ));
    let part = |word, now: Option<(u64, u64)>, old| Tile {
        word,
        value: share(now),
        unit: "",
        delta: moved_points(now, old),
        href: None,
    };
    tiles.push(part("livestats.rate", rate(sums), rate(old)));
    tiles.push(part("livestats.stayed", stayed(sums), stayed(old)));
    tiles.push(number(
        "livestats.losses",
        sums.losses,
        old.losses,
        "livestats.people",
        false,
        to("lost"),
    ));
    tiles
}

/// How a count has moved; none if there was nothing before.
fn moved(now: u64, old: u64, is_good_up: bool) -> Option<Delta> {
    (old > 0).then(|| Delta {
        text: format::percent(now.abs_diff(old), old),
        unit: "",
        is_up: now > old,
        tone: tone(now.cmp(&old), is_good_up),
    })
}

/// How a share has moved, in percentage points.
fn moved_points(now: Option<(u64, u64)>, old: Option<(u64, u64)>) -> Option<Delta> {
    let tenths = |(part, whole): (u64, u64)| (part * 1000 + whole / 2) / whole.max(1);
    let (now, old) = (tenths(now?), tenths(old?));
    let by = now.abs_diff(old);
    Some(Delta {
        text: format!("{}.{}", by / 10, by % 10),
        unit: "livestats.points",
        is_up: now > old,
        tone: tone(now.cmp(&old), true),
    })
}

fn tone(moved: std::cmp::Ordering, is_good_up: bool) -> &'static str {
    match (moved, is_good_up) {
        (std::cmp::Ordering::Equal, _) => "flat",
        (std::cmp::Ordering::Greater, true) | (std::cmp::Ordering::Less, false) => "good",
        _ => "bad",
    }
}

fn lines(sight: &Sight, figures: &Figures, people: &ListQuery) -> Vec<Line> {
    let most = figures.members.iter().map(|(_, sums)| sums.came()).max();
    let most = most.unwrap_or(0).max(1);
    let line = |(member, sums): &(crate::org::MemberId, Sums)| Line {
        name: sight.name(*member).to_owned(),
        id: member.to_string(),
        scans: sums.scans,
        came: sums.came(),
        rate: share(rate(sums)),
        stayed: share(stayed(sums)),
        losses: sums.losses,
        share: sums.came() * 100 / most,
        href: people
            .with("what", "came")
            .with("member", member)
            .to_string(),
    };
    figures.members.iter().map(line).collect()
}

/// Somebody behind a number.
struct Person {
    name: String,
    number: String,
    href: Option<String>,
    owner: String,
    group: Option<(String, String)>,
    at: Timestamp,
    lost_at: Option<Timestamp>,
}

/// The people behind a number.
#[derive(Template)]
#[template(path = "livecodes/people.html", blocks = ["title", "list"])]
pub(super) struct PeoplePage {
    code: String,
    name: String,
    first: String,
    last: String,
    tabs: Vec<Tab>,
    total: usize,
    people: Vec<Person>,
    back: String,
    empty: Empty,
}
view!(PeoplePage, "list" => as_list);

/// Shows who came by a code, or who went away. The entry is durable before anybody is shown.
pub(super) async fn people(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<PeoplePage>> {
    let id = board::parse(&id)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let is_lost = query.get("what") == Some("lost");
    let member: Option<crate::org::MemberId> = query.get("member").and_then(|m| m.parse().ok());
    let range = Range::parse(query.get("range").unwrap_or(""), cx.now, &cx.zone);
    let (page, shown) = app.read(|r| {
        let (code, sight) = find(&app, r, &viewer, id)?;
        let customers = app.sight(r, &viewer, Permission::CustomerRead).ok();
        let mut found = figures::people(r, &sight, &code, &range, is_lost)?;
        found.retain(|arrival| member.is_none() || arrival.member == member);
        let total = found.len();
        found.truncate(PEOPLE_SHOWN);
        let people = found
            .iter()
            .map(|arrival| person(r, &cx, &sight, customers.as_ref(), arrival));
        let people = people.collect::<Result<Vec<_>>>()?;
        let shown: Vec<String> = found
            .iter()
            .filter_map(|arrival| arrival.customer.map(|c| c.to_string()))
            .collect();
        let tab = |what: &str, word: &str| Tab {
            label: cx.t(word).into_owned(),
            href: query.with("what", what).to_string(),
            count: None,
            is_current: (what == "lost") == is_lost,
        };
        let back = ListQuery::new(&format!("/live-codes/{id}")).with("range", &range.code);
        Ok::<_, AppError>((
            PeoplePage {
                code: id.to_string(),
                name: code.name,
                first: format::civil_date(range.first, cx.lang()),
                last: format::civil_date(range.last, cx.lang()),
                tabs: vec![
                    tab("came", "livestats.who_came"),
                    tab("lost", "livestats.who_went"),
                ],
                total,
                people,
                back: back.to_string(),
                empty: Empty {
                    kind: EmptyKind::NothingMatches,
                    title: cx.t("livestats.nobody").into_owned(),
                    hint: cx.t("livestats.nobody_hint").into_owned(),
                    action: None,
                    other: None,
                },
            },
            shown,
        ))
    })?;
    let act = viewer
        .view("live_code.people")
        .about("live_code", id)
        .system_detail("count", shown.len().to_string())
        .system_detail("ids", shown.join(" "));
    app.write(act, |_| Ok(())).await?;
    Ok(Shown::of(page))
}

fn person(
    r: &Read<'_>,
    cx: &Cx,
    sight: &Sight,
    customers: Option<&Sight>,
    arrival: &Arrival,
) -> Result<Person> {
    let known = match (arrival.customer, customers) {
        (Some(id), Some(sight)) => customers::queries::customer(r, sight, id)?,
        _ => None,
    };
    let group = match (arrival.group, customers) {
        (Some(id), Some(sight)) => customers::queries::group_head(r, sight, id)?,
        _ => None,
    };
    let nameless = || cx.t("livestats.somebody").into_owned();
    let name = known.as_ref().map(|k| k.customer.name.clone());
    Ok(Person {
        name: name.filter(|n| !n.is_empty()).unwrap_or_else(nameless),
        number: known
            .as_ref()
            .map_or(String::new(), |k| customer_no(k.customer.no)),
        href: known.map(|k| format!("/customers/{}", k.customer.id)),
        owner: arrival
            .member
            .map_or(String::new(), |member| sight.name(member).to_owned()),
        group: group.map(|group| (format!("/groups/{}", group.id), group.name)),
        at: arrival.at,
        lost_at: arrival.lost_at,
    })
}

/// The days of a code as a file. It names nobody.
pub(super) async fn export(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let id = board::parse(&id)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let range = Range::parse(query.get("range").unwrap_or(""), cx.now, &cx.zone);
    let figures = read(&app, &viewer, id, &range, cx.now)?;
    let act = viewer.view("live_code.export").about("live_code", id);
    app.write(act, |_| Ok(())).await?;
    let head = [
        "livestats.day",
        "livestats.scans",
        "livestats.visitors",
        "livestats.adds",
        "livestats.joins",
        "livestats.losses",
        "livestats.stayed",
    ];
    let head = head.map(|word| cx.t(word).into_owned());
    let bytes = tokio::task::spawn_blocking(move || sheet(&figures, &head))
        .await
        .map_err(AppError::internal)??;
    let name = format!("attachment; filename=\"live-code-{id}.csv\"");
    Ok(HttpResponse::Ok()
        .content_type(SheetFormat::Csv.media_type())
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(bytes))
}

/// The figures of a code that the viewer may see.
pub(super) fn read(
    app: &App,
    viewer: &Viewer,
    id: LiveCodeId,
    range: &Range,
    now: Timestamp,
) -> Result<Figures> {
    app.read(|r| {
        let (code, sight) = find(app, r, viewer, id)?;
        Ok(figures::of_code(r, &sight, &code, range, now)?)
    })
}

fn sheet(figures: &Figures, head: &[String]) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().map_err(AppError::internal)?;
    let path = folder.path().join("days.csv");
    let mut out = SheetWriter::create(&path, SheetFormat::Csv, head).map_err(AppError::internal)?;
    for day in &figures.days {
        let sums = &day.sums;
        let visitors = match figures.is_whole {
            true => sums.visitors.to_string(),
            false => String::new(),
        };
        let cells = [
            day.date.to_string(),
            sums.scans.to_string(),
            visitors,
            sums.adds.to_string(),
            sums.joins.to_string(),
            sums.losses.to_string(),
            share(stayed(sums)),
        ];
        out.row(&cells.map(Cell::Text))
            .map_err(AppError::internal)?;
    }
    out.finish().map_err(AppError::internal)?;
    std::fs::read(&path).map_err(AppError::internal)
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
