//! `/compliance/retention`: how long messages are kept, what would go, what is held, and what
//! has gone.

use std::collections::BTreeMap;

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    archive::{
        names::Names,
        queries::{self, ArchiveSight},
        retention::{self, Counted, Hold, HoldId, HoldOn, Preview, Purge, PurgeRun, Since, Sort},
    },
    error::{AppError, Result},
    identity::{self, Permission, Viewer},
    kit::Timestamp,
    org::{DepartmentId, Directory},
    store::{Entity as _, Read},
    view,
    web::{Cx, FormState, ListQuery, Shown, filters, format, parts::Choice},
    work::{jobs, pages::JobCard},
};

/// The page's address.
pub(super) const HERE: &str = "/compliance/retention";
/// Runs that are shown.
const RUNS: usize = 12;
/// Purges of a run that are shown.
const PROOFS: usize = 10;

/// A rule.
struct RuleLine {
    id: String,
    unit: String,
    sort: String,
    term: String,
    changed_at: Timestamp,
}

/// What would go of one department and type.
struct PreviewLine {
    unit: String,
    sort: String,
    messages: u64,
    /// Month and number.
    months: Vec<(String, u64)>,
}

/// What would go, as a whole.
struct PreviewCard {
    at: Option<Timestamp>,
    messages: u64,
    held: u64,
    lines: Vec<PreviewLine>,
}

/// A hold.
struct HoldLine {
    id: String,
    title: String,
    on: String,
    href: Option<String>,
    span: String,
    reason: String,
    set_by: String,
    set_at: Timestamp,
    /// Messages whose time is over and that it keeps, by the last preview.
    keeps: Option<u64>,
    lifted: Option<(String, Timestamp, String)>,
    form: FormState,
}

/// A run.
struct RunLine {
    run: PurgeRun,
    /// Who began it; none where that was not kept.
    by: Option<String>,
    /// The rules, each with its messages.
    rules: Vec<(String, u64)>,
    proofs: Vec<ProofLine>,
    /// Where all its entries stand, if not all are shown.
    all: Option<String>,
}

/// A purge of a run: what proves which messages went.
struct ProofLine {
    no: u64,
    messages: u32,
    files: u32,
    root: String,
    /// Its audit entry, for whoever may read it.
    href: Option<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "archive/retention.html", blocks = ["title"])]
pub(in crate::archive) struct RetentionPage {
    rules: Vec<RuleLine>,
    form: FormState,
    units: Vec<Choice>,
    sorts: Vec<Choice>,
    may_rule: bool,
    preview: Option<PreviewCard>,
    /// Catalogue key of why nothing is deleted by hand as long as it is not counted anew.
    objection: Option<&'static str>,
    previewing: Option<JobCard>,
    purge_form: FormState,
    purging: Option<JobCard>,
    holds: Vec<HoldLine>,
    runs: Vec<RunLine>,
}
view!(RetentionPage);

/// What stands in a conversation where a message was deleted.
pub(super) fn deleted_under(cx: &Cx, purge: &Purge) -> String {
    let args = (
        ("date", format::date(purge.at, &cx.zone, cx.lang())),
        ("rule", purge.under.text(cx.lang())),
    );
    cx.tf("retention.deleted_under", args).into_owned()
}

/// What is filled in and was refused, if anything.
#[derive(Default)]
pub(super) struct Refused {
    pub(super) rule: Option<FormState>,
    pub(super) purge: Option<FormState>,
    pub(super) lift: Option<(HoldId, FormState)>,
}

/// Shows the page.
pub(in crate::archive) async fn show(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<RetentionPage>> {
    let page = page(&app, &viewer, &cx, Refused::default())?;
    app.note(viewer.view("retention.list")).await?;
    Ok(Shown::of(page))
}

pub(super) fn page(app: &App, viewer: &Viewer, cx: &Cx, refused: Refused) -> Result<RetentionPage> {
    app.read(|r| {
        viewer.scope(r, Permission::HoldManage)?;
        let directory = app.directory.get(r)?;
        let counted = retention::counted(r)?;
        let objection = retention::objection(counted.as_ref());
        // What was counted and is gone is no preview any more.
        let counted = counted.filter(|counted| counted.since != Since::Purge);
        let preview = counted.map(|Counted { preview, .. }| preview);
        let Refused { rule, purge, lift } = refused;
        let job = |kind| {
            let job = jobs::latest(r, kind)?.filter(|job| !job.state.is_final());
            Ok::<_, AppError>(job.map(|job| JobCard::of(&job, cx)))
        };
        Ok(RetentionPage {
            rules: rule_lines(r, cx, &directory)?,
            form: rule.unwrap_or_else(FormState::empty),
            units: units(cx, &directory),
            sorts: sorts(cx),
            may_rule: viewer.may(Permission::SettingsManage),
            previewing: job(retention::PREVIEW)?,
            purge_form: purge.unwrap_or_else(FormState::empty),
            purging: job(retention::PURGE)?,
            holds: hold_lines(app, r, viewer, cx, preview.as_ref(), lift)?,
            objection,
            preview: preview.map(|preview| preview_card(cx, &directory, &preview)),
            runs: run_lines(r, viewer, cx)?,
        })
    })
}

fn unit_name(cx: &Cx, directory: &Directory, unit: Option<DepartmentId>) -> String {
    let Some(unit) = unit else {
        return cx.t("sensitive.whole_firm").into_owned();
    };
    match directory.tree.find(unit) {
        Some(unit) => unit.name.clone(),
        None => cx.t("retention.unit_gone").into_owned(),
    }
}

fn rule_lines(r: &Read<'_>, cx: &Cx, directory: &Directory) -> Result<Vec<RuleLine>> {
    let rules = retention::rules(r)?.into_iter();
    Ok(rules
        .map(|rule| RuleLine {
            id: rule.id.to_string(),
            unit: unit_name(cx, directory, rule.unit),
            sort: retention::sort_text(cx.lang(), rule.sort),
            term: retention::term_text(cx.lang(), rule.days),
            changed_at: rule.changed_at,
        })
        .collect())
}

fn choice(value: impl Into<String>, label: impl Into<String>) -> Choice {
    Choice {
        is_on: false,
        value: value.into(),
        label: label.into(),
        count: None,
    }
}

fn units(cx: &Cx, directory: &Directory) -> Vec<Choice> {
    let firm = choice("", cx.t("sensitive.whole_firm"));
    let units = directory.tree.flat().into_iter().map(|(depth, unit)| {
        let indent = "\u{3000}".repeat(depth);
        choice(unit.id.to_string(), format!("{indent}{}", unit.name))
    });
    std::iter::once(firm).chain(units).collect()
}

fn sorts(cx: &Cx) -> Vec<Choice> {
    let all = choice("", cx.t("retention.all_types"));
    let sorts = Sort::ALL.map(|sort| choice(sort.code(), cx.t(sort.word())));
    std::iter::once(all).chain(sorts).collect()
}

fn preview_card(cx: &Cx, directory: &Directory, preview: &Preview) -> PreviewCard {
    let mut lines: BTreeMap<(String, Sort), PreviewLine> = BTreeMap::new();
    for row in &preview.rows {
        let unit = match row.unit {
            Some(unit) => unit_name(cx, directory, Some(unit)),
            None => cx.t("retention.no_unit").into_owned(),
        };
        let line = lines
            .entry((unit.clone(), row.sort))
            .or_insert_with(|| PreviewLine {
                unit,
                sort: retention::sort_text(cx.lang(), Some(row.sort)),
                messages: 0,
                months: Vec::new(),
            });
        line.messages += row.messages;
        let month = format!("{:04}-{:02}", row.month / 100, row.month % 100);
        line.months.push((month, row.messages));
    }
    PreviewCard {
        at: preview.at,
        messages: preview.messages(),
        held: preview.held(),
        lines: lines.into_values().collect(),
    }
}

fn hold_lines(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    cx: &Cx,
    preview: Option<&Preview>,
    mut lift: Option<(HoldId, FormState)>,
) -> Result<Vec<HoldLine>> {
    let sight = sight(app, r, viewer)?;
    let names = sight.as_ref().map(|s| Names::new(r, &s.sight, cx));
    let account = |id: Option<crate::store::SubjectId>| match id {
        Some(id) => identity::queries::account_name(r, id.cast()).map(Option::unwrap_or_default),
        None => Ok(String::new()),
    };
    let mut lines = Vec::new();
    for hold in retention::holds(r)? {
        let kept = preview.map(|preview| {
            let of_hold = preview.held.iter().find(|(id, _)| *id == Some(hold.id));
            of_hold.map_or(0, |(_, n)| *n)
        });
        let (on, href) = on_text(r, cx, sight.as_ref(), names.as_ref(), hold.on)?;
        let form = match &mut lift {
            Some((id, form)) if *id == hold.id => std::mem::take(form),
            _ => FormState::empty(),
        };
        lines.push(HoldLine {
            id: hold.id.to_string(),
            on,
            href,
            span: span(cx, &hold),
            set_by: account(hold.set_by)?,
            set_at: hold.set_at,
            keeps: kept.filter(|_| hold.is_active()),
            lifted: match &hold.lifted {
                Some(lifted) => Some((account(lifted.by)?, lifted.at, lifted.why.clone())),
                None => None,
            },
            title: hold.title,
            reason: hold.reason,
            form,
        });
    }
    Ok(lines)
}

fn run_lines(r: &Read<'_>, viewer: &Viewer, cx: &Cx) -> Result<Vec<RunLine>> {
    let may_look = viewer.may(Permission::AuditRead);
    let entries = |object: String| may_look.then(|| entries_about(&object));
    let line = |run: PurgeRun| {
        let by = match (run.by, run.job) {
            (Some(by), _) => identity::queries::account_name(r, by.cast())?,
            (None, Some(_)) => Some(cx.t("retention.by_itself").into_owned()),
            (None, None) => None,
        };
        let rules = run.rules.iter();
        let rules = rules.map(|rule| (rule.under.text(cx.lang()), rule.messages));
        let mut purges = retention::purges_of(r, &run, PROOFS + 1)?;
        let has_more = purges.len() > PROOFS;
        purges.truncate(PROOFS);
        let proofs = purges.into_iter().map(|purge| ProofLine {
            no: purge.no,
            messages: purge.messages,
            files: purge.files,
            root: hex::encode(purge.root),
            href: entries(format!("{}:{}", Purge::KIND, purge.no)),
        });
        Ok(RunLine {
            by,
            rules: rules.collect(),
            proofs: proofs.collect(),
            all: run
                .job
                .filter(|_| has_more)
                .and_then(|job| entries(format!("job:{job}"))),
            run,
        })
    };
    retention::runs(r, RUNS)?.into_iter().map(line).collect()
}

/// Where the audit entries about something are listed.
fn entries_about(object: &str) -> String {
    ListQuery::new("/compliance/audit")
        .with("object", object)
        .to_string()
}

/// What the viewer sees of the archive, where that is anything: names of people stand on it.
pub(super) fn sight(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<Option<ArchiveSight>> {
    match viewer.may(Permission::ArchiveRead) {
        true => ArchiveSight::of(app, r, viewer).map(Some),
        false => Ok(None),
    }
}

/// Whose messages a hold keeps, in words, and where that leads.
pub(super) fn on_text(
    r: &Read<'_>,
    cx: &Cx,
    sight: Option<&ArchiveSight>,
    names: Option<&Names<'_>>,
    on: HoldOn,
) -> Result<(String, Option<String>)> {
    let plain = |word: &str| Ok((cx.t(word).into_owned(), None));
    let (Some(sight), Some(names)) = (sight, names) else {
        return plain(match on {
            HoldOn::Person(_) => "retention.on.person",
            HoldOn::Chat(_) => "retention.on.chat",
            HoldOn::Everything => "retention.on.everything",
        });
    };
    match on {
        HoldOn::Everything => plain("retention.on.everything"),
        HoldOn::Chat(id) => match queries::chat(r, sight, id) {
            Ok(chat) => Ok((names.title(&chat)?, Some(format!("/archive/{id}")))),
            Err(_) => plain("retention.on.chat"),
        },
        HoldOn::Person(id) => {
            if let Some(no) = queries::party_of(r, id)? {
                return Ok((names.who(no)?.name.clone(), None));
            }
            let name = sight.sight.name(id.cast()).to_owned();
            match name.is_empty() {
                true => plain("retention.on.person"),
                false => Ok((name, None)),
            }
        }
    }
}

fn span(cx: &Cx, hold: &Hold) -> String {
    let day = |at: Timestamp| format::date(at, &cx.zone, cx.lang());
    // The last day is meant with it.
    let last = |at: Timestamp| day(at.plus_ms(-1));
    match (hold.from, hold.until) {
        (None, None) => cx.t("retention.span.all").into_owned(),
        (Some(from), None) => cx
            .tf("retention.span.from", ("from", day(from)))
            .into_owned(),
        (None, Some(until)) => cx
            .tf("retention.span.until", ("until", last(until)))
            .into_owned(),
        (Some(from), Some(until)) => cx
            .tf(
                "retention.span.both",
                (("from", day(from)), ("until", last(until))),
            )
            .into_owned(),
    }
}
