//! `/archive/ledger`: how complete the archive is, day by day and member by member.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::web::Data;
use askama::Template;
use jiff::{ToSpan, civil::Date};

use crate::{
    app::App,
    archive::{
        ingest,
        model::{Gap, Tally},
        queries::{self, ArchiveSight},
        seats,
        standing::{self, Day, Standing},
    },
    error::Result,
    identity::{Permission, Viewer},
    kit::Page,
    store::Read,
    view,
    web::{
        Cx, ListQuery, Shown, Web, filters,
        parts::{Empty, EmptyKind, Pager},
    },
};

/// Days of a page.
const DAYS: i64 = 31;
/// Stretches of missing numbers that are shown of a day.
const GAPS: usize = 50;

/// A day in the list.
struct DayLine {
    name: String,
    href: String,
    is_current: bool,
    day: Day,
}

/// The days of a page, and the way to the others.
struct Days {
    lines: Vec<DayLine>,
    newer: Option<String>,
    older: Option<String>,
}

/// A member's part of the day.
struct MemberLine {
    /// None for messages of which nobody knows whose they are.
    name: Option<String>,
    key: String,
    tally: Tally,
    /// Whether nothing came although the member's chats were archived.
    is_quiet: bool,
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
    /// What of the address nobody can read, in sentences.
    asides: Vec<String>,
    /// Whether some message of these days can't be opened.
    has_parked: bool,
    /// Whether numbers are missing on some of these days.
    has_gaps: bool,
    days: Days,
    /// The numbers that are missing on the day.
    gaps: Vec<Gap>,
    /// Whether there are more of them.
    more_gaps: bool,
    day: String,
    members: Vec<MemberLine>,
    pager: Pager,
    /// How many members nothing came of, on all pages.
    quiet: usize,
    /// Why nobody can be told of whom nothing came, in a sentence.
    unknown_seats: Option<String>,
    empty: Empty,
}
view!(LedgerPage, "list" => as_list);

/// Shows the ledger. It names nobody's words; its entry joins the next batch.
pub(in crate::archive) async fn show(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<LedgerPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let maker = Maker {
        app: &app,
        web: &web,
        viewer: &viewer,
        cx: &cx,
        query: &query,
    };
    let page = app.read(|r| maker.page(r))?;
    app.note(viewer.view("archive.ledger")).await?;
    Ok(Shown::of(page))
}

/// Puts the page together.
struct Maker<'a> {
    app: &'a App,
    web: &'a Web,
    viewer: &'a Viewer,
    cx: &'a Cx,
    query: &'a ListQuery,
}

impl Maker<'_> {
    fn page(&self, r: &Read<'_>) -> Result<LedgerPage> {
        let sight = ArchiveSight::of(self.app, r, self.viewer)?;
        let mut days = self.days(r, &sight)?;
        // Of the days on the page, the newest with something.
        let first = days
            .lines
            .iter()
            .find(|line| line.day != nothing(line.day.day));
        let first = first.or(days.lines.first()).map(|line| line.day.day);
        let asked = day_in(self.query, "day").map(ingest::number_of);
        let day = asked.or(first).unwrap_or(0);
        for line in &mut days.lines {
            line.is_current = line.day.day == day;
        }
        let members = Members::of(r, &sight, day)?;
        let name = self.viewer.name_for_binding();
        let request = self.web.cursors.page_request(&name, self.query);
        let quiet = members.quiet;
        let found = Page::of_whole(members.lines, &request);
        let pager = Pager::of(&found, self.query, &name, &self.web.cursors);
        let lines = found.items.into_iter();
        let lines = lines.map(|(tally, is_quiet)| member(r, &sight, tally, is_quiet));
        // What nobody knows the members of is not for those who see some members only.
        let standing = match standing::sees_firm(&sight) {
            true => Some(Standing::of(self.app, r, self.cx.now)?),
            false => None,
        };
        let mut gaps = standing::gaps(r, &sight, day, GAPS + 1)?;
        let more_gaps = gaps.len() > GAPS;
        gaps.truncate(GAPS);
        Ok(LedgerPage {
            parked: standing.as_ref().map_or(0, |it| it.cursor.parked),
            may_set_up: self.viewer.may(Permission::SettingsManage),
            asides: self.asides(),
            has_parked: days.lines.iter().any(|line| line.day.parked > 0) || members.has_parked,
            has_gaps: days.lines.iter().any(|line| line.day.skipped > 0),
            gaps,
            more_gaps,
            days,
            day: name_of(day),
            members: lines.collect::<Result<_>>()?,
            pager,
            quiet,
            unknown_seats: self.unknown_seats(r, day)?,
            empty: Empty {
                kind: EmptyKind::NothingYet,
                title: self.cx.t("archive_ledger.empty").into_owned(),
                hint: self.cx.t("archive_ledger.empty_hint").into_owned(),
                action: None,
                other: None,
            },
            standing,
        })
    }

    /// The days up to the one that is asked for, also those on which nothing came: that is what
    /// one looks for here. Nothing before the first message, and nothing after the last.
    fn days(&self, r: &Read<'_>, sight: &ArchiveSight) -> Result<Days> {
        let newest = standing::day_up_to(r, sight, u32::MAX)?.and_then(date_of);
        let Some(newest) = newest else {
            return Ok(Days {
                lines: Vec::new(),
                newer: None,
                older: None,
            });
        };
        let last = day_in(self.query, "to").map_or(newest, |to| to.min(newest));
        let first = days_from(last, 1 - DAYS);
        let span = (ingest::number_of(first), ingest::number_of(last));
        let days = standing::days(r, sight, span)?;
        let before = standing::day_up_to(r, sight, span.0.saturating_sub(1))?.and_then(date_of);
        let after = standing::day_after(r, sight, span.1)?.and_then(date_of);
        let oldest = days.last().map(|day| day.day);
        let mut by_day: BTreeMap<u32, Day> = days.into_iter().map(|d| (d.day, d)).collect();
        let numbers = (0..DAYS).map(|back| ingest::number_of(days_from(last, -back)));
        // What lies before everything is no gap.
        let is_within = |day: &u32| before.is_some() || oldest.is_none_or(|oldest| *day >= oldest);
        let lines = numbers.filter(is_within).map(|number| {
            let day = by_day.remove(&number);
            self.line(day.unwrap_or_else(|| nothing(number)))
        });
        // A long time without anything is passed over.
        let older = before.map(|before| match days_from(first, -1) {
            next if before > days_from(next, -DAYS) => next,
            _ => before,
        });
        let newer = after.map(|after| after.max(days_from(last, DAYS)));
        Ok(Days {
            lines: lines.collect(),
            newer: newer.map(|to| match to >= newest {
                true => self.days_to("").to_string(),
                false => self.days_to(&to.to_string()).to_string(),
            }),
            older: older.map(|to| self.days_to(&to.to_string()).to_string()),
        })
    }

    /// The page of the days up to one; the newest for none.
    fn days_to(&self, to: &str) -> ListQuery {
        self.query.without("day").with("to", to)
    }

    fn line(&self, day: Day) -> DayLine {
        let name = name_of(day.day);
        DayLine {
            href: self.query.with("day", &name).to_string(),
            name,
            is_current: false,
            day,
        }
    }

    /// Days in the address that are none.
    fn asides(&self) -> Vec<String> {
        let named = ["to", "day"].into_iter();
        let given = named.filter_map(|name| Some((name, self.query.get(name)?)));
        let unread = given.filter(|(name, _)| day_in(self.query, name).is_none());
        let told = unread.map(|(name, value)| {
            let args = ("value", format!("{name}={value}"));
            self.cx.tf("archive_ledger.no_day", args).into_owned()
        });
        told.collect()
    }

    fn unknown_seats(&self, r: &Read<'_>, day: u32) -> Result<Option<String>> {
        Ok(match seats::known_since(r)? {
            None => Some(self.cx.t("archive_ledger.seats_unasked").into_owned()),
            Some(since) if day < since => {
                let args = ("day", name_of(since));
                Some(self.cx.tf("archive_ledger.seats_since", args).into_owned())
            }
            Some(_) => None,
        })
    }
}

/// Whose part of a day is to be shown.
struct Members {
    /// What was counted, and whether it is nothing. Those of whom nothing came stand last.
    lines: Vec<(Tally, bool)>,
    quiet: usize,
    has_parked: bool,
}

impl Members {
    /// Nobody's name is looked up for it.
    fn of(r: &Read<'_>, sight: &ArchiveSight, day: u32) -> Result<Self> {
        let tallies = standing::members(r, sight, day)?;
        let heard: BTreeSet<u32> = tallies.iter().map(|tally| tally.staff).collect();
        let mut quiet = seats::covered(r, sight, day)?;
        quiet.retain(|no| !heard.contains(no));
        let has_parked = tallies.iter().any(|tally| tally.parked > 0);
        let lines = tallies.into_iter().map(|tally| (tally, false));
        let none = quiet.iter().map(|no| (Tally::of(day, *no), true));
        Ok(Self {
            lines: lines.chain(none).collect(),
            quiet: quiet.len(),
            has_parked,
        })
    }
}

fn member(r: &Read<'_>, sight: &ArchiveSight, tally: Tally, is_quiet: bool) -> Result<MemberLine> {
    let person = match tally.staff {
        Tally::UNKNOWN => None,
        staff => Some(queries::person(r, &sight.sight, staff)?),
    };
    let member = person.as_ref().and_then(|person| person.member);
    Ok(MemberLine {
        key: member.map(|id| id.to_string()).unwrap_or_default(),
        name: person.map(|person| person.name),
        tally,
        is_quiet,
    })
}

/// A day on which nothing came.
fn nothing(day: u32) -> Day {
    Day {
        day,
        ..Day::default()
    }
}

/// The day that an address names.
fn day_in(query: &ListQuery, name: &str) -> Option<Date> {
    let day = query.get(name)?.parse::<Date>().ok()?;
    Some(day).filter(|day| day.year() > 0)
}

/// So many days later.
fn days_from(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}

/// The day of a number.
fn date_of(day: u32) -> Option<Date> {
    name_of(day).parse().ok()
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
