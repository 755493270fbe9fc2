//! `/live-codes/new`, `/live-codes/{id}/edit`: the form of a code.

use actix_web::{
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use crate::{
    app::App,
    customers::queries::{GroupFilter, groups},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    livecodes::{
        Channel, CodeKind, LiveCode, LiveCodeId,
        actions::{self, SaveCode},
        board,
        draft::CodeDraft,
        model::{ROOM_THRESHOLD, ROOMS_MAX, WINDOWS_MAX},
        reach::Eyes,
    },
    org::Sight,
    outreach::form::ContentPart,
    store::Read,
    tags, view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters, parts::Choice},
};

use super::form::{CodeForm, Labels, Reader, filled};

/// Rows for members and groups beyond those that are filled: without script no more come while
/// somebody types.
const SPARE_ROWS: usize = 6;

/// The same for hours.
const SPARE_WINDOWS: usize = 3;

/// A row for a member.
struct SeatRow {
    staff: String,
    weight: String,
    cap: String,
    is_spare: bool,
}

/// A row of the schedule.
struct WindowRow {
    /// Value of the box, day, and whether it is ticked.
    days: Vec<(String, u8, bool)>,
    from: String,
    until: String,
    who: String,
}

/// A row for a group.
struct RoomRow {
    group: String,
    threshold: String,
}

/// The page.
#[derive(Template)]
#[template(path = "livecodes/edit.html", blocks = ["title"])]
pub(in crate::livecodes) struct EditPage {
    /// None for a new code.
    code: Option<LiveCode>,
    kind: &'static str,
    title_key: &'static str,
    form: FormState,
    units: Vec<Choice>,
    channels: Vec<Choice>,
    /// Departments whose members can be put on the code at once.
    departments: Vec<Choice>,
    /// Groups of tags with their tags.
    tags: Vec<(String, Vec<Choice>)>,
    has_tags: bool,
    staff: Vec<String>,
    groups: Vec<String>,
    seats: Vec<SeatRow>,
    windows: Vec<WindowRow>,
    has_schedule: bool,
    rooms: Vec<RoomRow>,
    /// The welcome message.
    part: ContentPart,
    has_welcome: bool,
    seen: String,
    is_stale: bool,
    back: String,
}
view!(EditPage);

/// The empty form.
pub(in crate::livecodes) async fn new(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let kind = query.get("kind").and_then(CodeKind::of_code);
    let kind = kind.unwrap_or(CodeKind::Staff);
    let typed = CodeForm {
        skip_verify: true,
        channel: query.get("channel").unwrap_or("").to_owned(),
        ..CodeForm::default()
    };
    page(&app, &viewer, &cx, Asked::New(kind), &typed, None).map(Shown::of)
}

/// Makes a code.
pub(in crate::livecodes) async fn create(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<CodeForm>,
) -> Result<Shown<EditPage>> {
    let kind = CodeKind::of_code(&form.values.kind);
    let kind = kind.ok_or(AppError::BadRequest { why: "field" })?;
    let saved = save_typed(&app, &viewer, &cx, Asked::New(kind), &form.values).await;
    Ok(match form.state.catch(saved)? {
        Ok(code) => Shown::go_to(format_args!("/live-codes/{}", code.id))
            .toast("livecodes.created", ("name", code.name)),
        Err(state) => {
            let asked = Asked::New(kind);
            Shown::of(page(&app, &viewer, &cx, asked, &form.values, Some(state))?).invalid()
        }
    })
}

/// The form of a code.
pub(in crate::livecodes) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let code = editable(&app, &viewer, board::parse(&id)?)?;
    let asked = Asked::Known(Box::new(code));
    page(&app, &viewer, &cx, asked, &CodeForm::default(), None).map(Shown::of)
}

/// Changes a code.
pub(in crate::livecodes) async fn save(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<CodeForm>,
) -> Result<Shown<EditPage>> {
    let code = editable(&app, &viewer, board::parse(&id)?)?;
    let asked = Asked::Known(Box::new(code));
    let saved = save_typed(&app, &viewer, &cx, asked.clone(), &form.values).await;
    if let Err(AppError::Conflict { why: "changed" }) = &saved {
        let mut page = page(&app, &viewer, &cx, asked, &form.values, Some(form.state))?;
        page.is_stale = true;
        return Ok(Shown::of(page).with_status(StatusCode::CONFLICT));
    }
    Ok(match form.state.catch(saved)? {
        Ok(code) => Shown::go_to(format_args!("/live-codes/{}", code.id))
            .toast("livecodes.saved", ("name", code.name)),
        Err(state) => {
            let mut page = page(&app, &viewer, &cx, asked, &form.values, Some(state))?;
            page.seen = form.values.seen;
            Shown::of(page).invalid()
        }
    })
}

/// Which form.
#[derive(Clone)]
enum Asked {
    New(CodeKind),
    Known(Box<LiveCode>),
}

impl Asked {
    fn known(&self) -> Option<&LiveCode> {
        match self {
            Self::New(_) => None,
            Self::Known(code) => Some(&**code),
        }
    }

    fn kind(&self) -> CodeKind {
        match self {
            Self::New(kind) => *kind,
            Self::Known(code) => code.kind,
        }
    }
}

/// The code, if the viewer may change it.
fn editable(app: &App, viewer: &Viewer, id: LiveCodeId) -> Result<LiveCode> {
    app.read(|r| {
        let eyes = board::eyes(app, r, viewer, Permission::LiveCodeManage)?;
        let code = board::visible(r, &eyes, id)?;
        match eyes.reaches(code.unit) && !code.is_archived() {
            true => Ok(code),
            false => Err(AppError::NotFound { what: "live_code" }),
        }
    })
}

fn labels(r: &Read<'_>, sight: &Sight, asked: &Asked) -> Result<Labels> {
    let groups = match asked.kind() {
        CodeKind::Staff => Vec::new(),
        CodeKind::Group => {
            let mut found = groups(r, sight, &GroupFilter::default())?;
            let rooms = asked.known().map_or(&[][..], |code| &code.rooms);
            for room in rooms {
                if !found.iter().any(|group| group.id == room.group) {
                    found.extend(r.get::<crate::customers::Group>(&room.group)?);
                }
            }
            found
        }
    };
    Ok(Labels::of(sight, groups, asked.known()))
}

/// Saves what was typed; everything that is wrong with it is told at once.
async fn save_typed(
    app: &Data<App>,
    viewer: &Viewer,
    cx: &Cx,
    asked: Asked,
    typed: &CodeForm,
) -> Result<LiveCode> {
    let (draft, mut wrong, further) = app.read(|r| {
        let sight = app.sight(r, viewer, Permission::LiveCodeManage)?;
        let labels = labels(r, &sight, &asked)?;
        let reader = Reader {
            labels: &labels,
            sight: &sight,
            zone: &cx.zone,
        };
        let (draft, wrong) = reader.draft(typed, asked.kind());
        let further = actions::problems(r, &draft, asked.known(), cx.now)?;
        Ok::<_, AppError>((draft, wrong, further))
    })?;
    // What means nothing is not said to be missing as well.
    let unread: Vec<&str> = wrong.problems.iter().map(|p| p.field).collect();
    for problem in further.problems {
        if !unread.contains(&problem.field) && !wrong.problems.contains(&problem) {
            wrong.problems.push(problem);
        }
    }
    wrong.into_result()?;
    let code = asked.known().map(|code| code.id);
    let act = match code {
        Some(id) => viewer.change("live_code.update").about("live_code", id),
        None => viewer.change("live_code.create"),
    };
    let seen = typed.seen.parse().ok().filter(|_| code.is_some());
    let saved = carry_out(app, viewer, act, code, seen, draft).await;
    if saved.is_ok() {
        app.effects.notify_one();
    }
    match saved {
        // Whoever is out of reach is told at the field, not as a code that is not there.
        Err(AppError::NotFound { what: "live_code" }) if code.is_none() => {
            Err(AppError::field("unit", "livecodes.problem.reach"))
        }
        saved => saved,
    }
}

async fn carry_out(
    app: &Data<App>,
    viewer: &Viewer,
    act: crate::store::Act,
    code: Option<LiveCodeId>,
    seen: Option<u32>,
    draft: CodeDraft,
) -> Result<LiveCode> {
    let (acting, on) = (viewer.clone(), app.clone());
    app.write(act, move |w| {
        let command = SaveCode {
            code,
            seen,
            draft,
            directory: on.directory.get(&w.read())?,
        };
        let allowed = acting.allow(w, command)?;
        actions::save(w, allowed)
    })
    .await
}

fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    asked: Asked,
    typed: &CodeForm,
    state: Option<FormState>,
) -> Result<EditPage> {
    app.read(|r| {
        let sight = app.sight(r, viewer, Permission::LiveCodeManage)?;
        let eyes = board::eyes(app, r, viewer, Permission::LiveCodeManage)?;
        let labels = labels(r, &sight, &asked)?;
        let values = match (&state, asked.known()) {
            (None, Some(code)) => filled(code, &labels, &cx.zone),
            _ => typed.clone(),
        };
        let seen = match asked.known() {
            Some(code) => {
                let found = r.get_versioned::<LiveCode>(&code.id)?;
                found.map_or(String::new(), |found| found.version.to_string())
            }
            None => String::new(),
        };
        let form = state.unwrap_or_else(|| begun(&values));
        let about_welcome = ["text", "attachment"].map(|field| form.problem(field).is_some());
        Ok(EditPage {
            part: ContentPart::load(app, r, viewer, cx, &form)?,
            has_welcome: !values.text.is_empty()
                || !values.attachment.is_empty()
                || about_welcome.contains(&true),
            kind: asked.kind().code(),
            title_key: match asked.kind() {
                CodeKind::Staff => "livecodes.new.staff",
                CodeKind::Group => "livecodes.new.group",
            },
            form,
            units: units(cx, &sight, &eyes, &values.unit),
            channels: channels(&board::channel_tree(r)?, cx, &values.channel),
            departments: departments(cx, &sight, &values.everybody),
            tags: tag_choices(r, &values.tag)?,
            has_tags: !values.tag.is_empty(),
            staff: labels.offered(&sight.directory),
            groups: labels.groups(),
            seats: seats(&values),
            has_schedule: !values.from.iter().all(String::is_empty) || !values.day.is_empty(),
            windows: windows(&values),
            rooms: rooms(&values),
            seen,
            is_stale: false,
            back: match asked.known() {
                Some(code) => format!("/live-codes/{}", code.id),
                None => "/live-codes".to_owned(),
            },
            code: asked.known().cloned(),
        })
    })
}

/// The fields of which there is one.
fn begun(values: &CodeForm) -> FormState {
    let mut fields = vec![
        ("name", values.name.clone()),
        ("remark_prefix", values.remark_prefix.clone()),
        ("expires", values.expires.clone()),
        ("text", values.text.clone()),
        ("auto_name", values.auto_name.clone()),
        ("auto_first", values.auto_first.clone()),
    ];
    for (name, is_on) in [("skip_verify", values.skip_verify), ("auto", values.auto)] {
        if is_on {
            fields.push((name, "on".to_owned()));
        }
    }
    let assets = values.attachment.iter();
    fields.extend(assets.map(|id| ("attachment", id.clone())));
    FormState::with_values(fields)
}

fn cell(column: &[String], row: usize) -> String {
    column.get(row).cloned().unwrap_or_default()
}

fn seats(values: &CodeForm) -> Vec<SeatRow> {
    let filled = values.staff.iter().filter(|name| !name.trim().is_empty());
    let rows = values.staff.len().max(filled.count() + SPARE_ROWS);
    let row = |at| SeatRow {
        staff: cell(&values.staff, at),
        weight: cell(&values.weight, at),
        cap: cell(&values.cap, at),
        is_spare: cell(&values.role, at) == "spare",
    };
    (0..rows).map(row).collect()
}

fn windows(values: &CodeForm) -> Vec<WindowRow> {
    let filled = values.from.iter().filter(|from| !from.trim().is_empty());
    let rows = values.from.len().max(filled.count() + SPARE_WINDOWS);
    let rows = rows.min(WINDOWS_MAX);
    let row = |at: usize| WindowRow {
        days: (0..7u8)
            .map(|day| {
                let value = format!("{at}-{day}");
                let is_on = values.day.contains(&value);
                (value, day, is_on)
            })
            .collect(),
        from: cell(&values.from, at),
        until: cell(&values.until, at),
        who: cell(&values.who, at),
    };
    (0..rows).map(row).collect()
}

fn rooms(values: &CodeForm) -> Vec<RoomRow> {
    let filled = values.group.iter().filter(|name| !name.trim().is_empty());
    let spare = (filled.count() + SPARE_ROWS).min(ROOMS_MAX);
    let rows = values.group.len().max(spare);
    let row = |at| RoomRow {
        group: cell(&values.group, at),
        threshold: match cell(&values.threshold, at) {
            threshold if threshold.is_empty() => ROOM_THRESHOLD.to_string(),
            threshold => threshold,
        },
    };
    (0..rows).map(row).collect()
}

/// Who may own the code.
fn units(cx: &Cx, sight: &Sight, eyes: &Eyes, chosen: &str) -> Vec<Choice> {
    let choice = |value: String, label: String| Choice {
        is_on: value == chosen,
        value,
        label,
        count: None,
    };
    let firm = eyes.reaches(None);
    let firm = firm.then(|| choice(String::new(), cx.t("livecodes.whole_firm").into_owned()));
    let flat = sight.directory.tree.flat();
    let units = flat
        .into_iter()
        .filter(|(_, unit)| eyes.reaches(Some(unit.id)));
    let units = units.map(|(depth, unit)| {
        let label = format!("{}{}", "　".repeat(depth), unit.name);
        choice(unit.id.to_string(), label)
    });
    firm.into_iter().chain(units).collect()
}

fn departments(cx: &Cx, sight: &Sight, chosen: &str) -> Vec<Choice> {
    let none = Choice {
        value: String::new(),
        label: cx.t("livecodes.form.nobody_more").into_owned(),
        count: None,
        is_on: chosen.is_empty(),
    };
    let flat = crate::org::queries::departments(sight);
    let known = flat.into_iter().map(|(depth, unit, people)| Choice {
        is_on: unit.id.to_string() == chosen,
        value: unit.id.to_string(),
        label: format!("{}{}（{people}）", "　".repeat(depth), unit.name),
        count: None,
    });
    std::iter::once(none).chain(known).collect()
}

/// All channels, as options of a select.
pub(super) fn channels(tree: &[(usize, Channel)], cx: &Cx, chosen: &str) -> Vec<Choice> {
    let none = Choice {
        value: String::new(),
        label: cx.t("livecodes.no_channel").into_owned(),
        count: None,
        is_on: chosen.is_empty(),
    };
    let known = tree.iter().map(|(depth, channel)| Choice {
        is_on: channel.id.to_string() == chosen,
        value: channel.id.to_string(),
        label: format!("{}{}", "　".repeat(*depth), channel.name),
        count: None,
    });
    std::iter::once(none).chain(known).collect()
}

fn tag_choices(r: &Read<'_>, chosen: &[String]) -> Result<Vec<(String, Vec<Choice>)>> {
    let groups = tags::queries::groups(r)?.into_iter().map(|group| {
        let tags = group.tags.into_iter().map(|tag| Choice {
            is_on: chosen.contains(&tag.id.to_string()),
            value: tag.id.to_string(),
            label: tag.name,
            count: None,
        });
        (group.group.name, tags.collect::<Vec<_>>())
    });
    Ok(groups.filter(|(_, tags)| !tags.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        outreach::content::Variables,
        web::{
            Lang,
            tests::{HOSTILE, check_page, cx},
        },
    };

    #[test]
    fn the_form_renders_empty_refused_and_with_hostile_names() {
        for (kind, n) in [("staff", 0), ("staff", 5), ("group", 0), ("group", 5)] {
            let values = CodeForm {
                staff: vec![HOSTILE.to_owned(); n],
                group: vec![HOSTILE.to_owned(); n],
                who: vec![HOSTILE.to_owned(); n],
                from: vec!["09:00".to_owned(); n],
                day: vec!["0-1".to_owned(); n],
                ..CodeForm::default()
            };
            let choice = Choice {
                value: "x".to_owned(),
                label: HOSTILE.to_owned(),
                count: None,
                is_on: true,
            };
            let state = FormState::with_values([("name", HOSTILE.to_owned())]);
            let wrong = crate::error::Invalid::default()
                .with("name", "livecodes.problem.no_name")
                .with("staff", "livecodes.problem.no_staff")
                .with("group", "livecodes.problem.no_group");
            let form = if n == 0 { state } else { state.refused(wrong) };
            check_page(&EditPage {
                part: ContentPart::of(Vec::new(), &cx(Lang::Zh), &form, Variables::All),
                has_welcome: n > 0,
                code: None,
                kind,
                title_key: "livecodes.new.staff",
                form,
                units: vec![choice.clone()],
                channels: vec![choice.clone()],
                departments: vec![choice.clone()],
                tags: vec![(HOSTILE.to_owned(), vec![choice])],
                has_tags: n > 0,
                staff: vec![HOSTILE.to_owned()],
                groups: vec![HOSTILE.to_owned()],
                seats: seats(&values),
                has_schedule: n > 0,
                windows: windows(&values),
                rooms: rooms(&values),
                seen: String::new(),
                is_stale: n > 0,
                back: "/live-codes".to_owned(),
            });
        }
    }
}
