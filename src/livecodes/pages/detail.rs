//! `/live-codes/{id}`: one code, whom it leads to today, and what WeCom has made for it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    livecodes::{
        CodeKind, LiveCode, Target, Turn, Way,
        actions::{self, CodeDeed, MendWays, SetState},
        board,
        choice::{self, Moment},
        effects::ABOUT,
        landing, plan, queries,
    },
    org::{Directory, Sight},
    store::Read,
    tags, view,
    web::{Cx, Form, ListQuery, Shown, filters, words},
    work::{
        Failure,
        effects::{self, Area, Effect, EffectState, WriteMode},
        outbox::trouble,
        pages::Nothing,
    },
};

use super::{form::clock, public_origin, standing};

/// A member on the code.
struct SeatLine {
    name: String,
    id: String,
    weight: u8,
    cap: Option<u32>,
    is_spare: bool,
    /// Scans given and customers added; none if the member is out of scope.
    today: Option<(u32, u32)>,
    /// Catalogue key and tone of how the member stands now.
    state: (&'static str, &'static str),
    trouble: Vec<Trouble>,
}

/// A group on the code.
struct RoomLine {
    name: String,
    href: String,
    people: u32,
    threshold: u32,
    state: (&'static str, &'static str),
    trouble: Vec<Trouble>,
}

/// Why WeCom has not done something.
struct Trouble {
    what: String,
    /// What to do about it.
    remedy: String,
}

/// The page.
#[derive(Template)]
#[template(path = "livecodes/code.html", blocks = ["title"])]
pub(in crate::livecodes) struct CodePage {
    code: LiveCode,
    kind: &'static str,
    kind_key: &'static str,
    state: (&'static str, &'static str),
    landing: String,
    unit: String,
    channel: String,
    tags: Vec<String>,
    windows: Vec<String>,
    scans: u64,
    seats: Vec<SeatLine>,
    rooms: Vec<RoomLine>,
    /// The last group that takes people is in use, or none does.
    is_last_room: bool,
    is_full: bool,
    /// Address of WeCom's own picture of all members.
    direct: Option<String>,
    direct_trouble: Vec<Trouble>,
    /// Whether something is not at WeCom as it should be.
    may_mend: bool,
    is_off: bool,
    may_change: bool,
    may_see_history: bool,
}
view!(CodePage);

/// Shows a code. It names colleagues and groups, no customers: the entry joins the next batch.
pub(in crate::livecodes) async fn show(
    viewer: Viewer,
    id: Path<String>,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<CodePage>> {
    let id = board::parse(&id)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    if query.get("tab") == Some("stats") {
        let there = ListQuery::new(&format!("/live-codes/{id}/statistics"));
        return Ok(Shown::go_to(
            there.with("range", query.get("range").unwrap_or("")),
        ));
    }
    let origin = public_origin(&app, &req)?;
    let shown = app.read(|r| {
        let eyes = board::eyes(&app, r, &viewer, Permission::LiveCodeRead)?;
        let code = board::visible(r, &eyes, id)?;
        let may_change = viewer.may(Permission::LiveCodeManage)
            && board::eyes(&app, r, &viewer, Permission::LiveCodeManage)?.reaches(code.unit);
        page(r, &app, &cx, &viewer, &origin, code, may_change)
    })?;
    app.note(viewer.view("live_code.view").about("live_code", id))
        .await?;
    Ok(Shown::of(shown))
}

fn page(
    r: &Read<'_>,
    app: &App,
    cx: &Cx,
    viewer: &Viewer,
    origin: &str,
    code: LiveCode,
    may_change: bool,
) -> Result<CodePage> {
    let sight = app.sight(r, viewer, Permission::LiveCodeRead)?;
    let directory = &sight.directory;
    let ways = Ways::of(r, cx, &code)?;
    let turn = queries::turn(r, code.id)?;
    let turn = turn.unwrap_or_else(|| Turn::new(code.id));
    let moment = Moment::of(cx.now, &cx.zone);
    let known_tags = tags::queries::by_id(r)?;
    let tag = |id: &tags::TagId| known_tags.get(id).map(|tag| tag.name.clone());
    let gathered = plan::of(r, code.id)?;
    let left = gathered.as_ref().map_or(0, |plan| plan.rooms_left());
    let is_group = code.kind == CodeKind::Group;
    let grows = code.auto_room.is_some();
    let is_off = effects::mode(r, Area::Outreach)? == WriteMode::Off;
    let unit = code.unit.and_then(|unit| directory.tree.find(unit));
    let tree = board::channel_tree(r)?;
    Ok(CodePage {
        kind: code.kind.code(),
        kind_key: match code.kind {
            CodeKind::Staff => "livecodes.kind.staff",
            CodeKind::Group => "livecodes.kind.group",
        },
        state: standing(code.standing(cx.now)),
        landing: board::landing_url(origin, code.id),
        unit: unit.map_or_else(
            || cx.t("livecodes.whole_firm").into_owned(),
            |unit| unit.name.clone(),
        ),
        channel: board::channel_path(&tree, code.channel),
        tags: code.tags.iter().filter_map(tag).collect(),
        windows: windows(cx, directory, &code),
        scans: turn.scans,
        seats: seats(&sight, &code, &ways, &turn, &moment),
        rooms: gathered.map_or(Vec::new(), |plan| rooms(&plan, &ways, grows)),
        is_last_room: is_group && left == 1 && !grows,
        is_full: is_group && left == 0 && !grows,
        direct: ways.direct(),
        direct_trouble: ways.trouble(Target::Direct),
        may_mend: ways.is_wanting && may_change,
        is_off,
        may_change: may_change && !code.is_archived(),
        may_see_history: viewer.may(Permission::AuditRead),
        code,
    })
}

/// What WeCom has made for the code, and what stands in the way.
struct Ways<'a> {
    cx: &'a Cx,
    ways: Vec<(Way, Vec<Effect>)>,
    is_wanting: bool,
}

impl<'a> Ways<'a> {
    fn of(r: &Read<'_>, cx: &'a Cx, code: &LiveCode) -> Result<Self> {
        let mut ways = Vec::new();
        for way in queries::ways(r, code.id)? {
            let pending = effects::pending_about(r, ABOUT, &way.id.to_string())?;
            ways.push((way, pending));
        }
        let has_failed = |effects: &[Effect]| {
            effects
                .iter()
                .any(|effect| effect.state == EffectState::Failed)
        };
        let is_idle = |effects: &[Effect]| !effects.iter().any(|e| e.state.is_pending());
        let is_wanting = ways.iter().any(|(way, effects)| {
            let is_other = way.is_behind || way.is_wanted != way.is_made();
            has_failed(effects) || (is_other && is_idle(effects))
        });
        Ok(Self {
            cx,
            ways,
            is_wanting,
        })
    }

    fn find(&self, target: Target) -> Option<&(Way, Vec<Effect>)> {
        self.ways.iter().find(|(way, _)| way.target == target)
    }

    fn direct(&self) -> Option<String> {
        let (way, _) = self.find(Target::Direct)?;
        way.picture.as_ref()?;
        Some(format!("/live-codes/{}/direct", way.code))
    }

    /// Whether the picture is here.
    fn is_ready(&self, target: Target) -> bool {
        self.find(target)
            .is_some_and(|(way, _)| way.picture.is_some())
    }

    fn trouble(&self, target: Target) -> Vec<Trouble> {
        let effects = self.find(target).map_or(&[][..], |(_, effects)| effects);
        let troubled = effects
            .iter()
            .filter(|effect| matches!(effect.state, EffectState::Failed | EffectState::Unknown));
        let failures = troubled.filter_map(|effect| effect.failure.as_ref());
        failures.map(|failure| told(self.cx, failure)).collect()
    }
}

/// What went wrong and what to do about it: by WeCom's errcode where it is one of those that
/// codes meet, else as everywhere.
fn told(cx: &Cx, failure: &Failure) -> Trouble {
    let errcode = failure.errcode.unwrap_or(0);
    let key = format!("livecodes.trouble.{errcode}");
    let remedy = match words::known(&key) {
        true => cx.t(&key).into_owned(),
        false => cx.t("livecodes.trouble.other").into_owned(),
    };
    Trouble {
        what: trouble(cx, failure),
        remedy,
    }
}

fn seats(
    sight: &Sight,
    code: &LiveCode,
    ways: &Ways<'_>,
    turn: &Turn,
    moment: &Moment,
) -> Vec<SeatLine> {
    let is_today = turn.day == moment.day;
    let directory = &sight.directory;
    let line = |seat: &crate::livecodes::Seat| {
        let share = turn.shares.iter().find(|share| share.member == seat.member);
        let share = share.filter(|_| is_today);
        let member = directory.member(seat.member);
        let is_here = member.is_some_and(crate::org::Member::is_here);
        let is_full = seat
            .daily_cap
            .is_some_and(|cap| turn.used(seat.member, moment) >= cap);
        let on_duty = choice::is_on_duty(&code.schedule, seat.member, moment);
        let state = match () {
            () if !is_here => ("livecodes.seat.left", "bad"),
            () if !ways.is_ready(Target::Member(seat.member)) => ("livecodes.seat.coming", "warn"),
            () if is_full => ("livecodes.seat.full", "warn"),
            () if seat.is_spare => ("livecodes.seat.spare", "muted"),
            () if !on_duty => ("livecodes.seat.off", "muted"),
            () => ("livecodes.seat.on", "ok"),
        };
        SeatLine {
            name: directory.name(seat.member).to_owned(),
            id: seat.member.to_string(),
            weight: seat.weight,
            cap: seat.daily_cap,
            is_spare: seat.is_spare,
            today: sight
                .sees(seat.member)
                .then(|| share.map_or((0, 0), |share| (share.given, share.added))),
            state,
            trouble: ways.trouble(Target::Member(seat.member)),
        }
    };
    code.seats.iter().map(line).collect()
}

fn rooms(plan: &plan::Plan, ways: &Ways<'_>, grows: bool) -> Vec<RoomLine> {
    let last = plan.rooms().len().saturating_sub(1);
    let mut is_first = true;
    let mut lines = Vec::new();
    for (at, (room, may_come)) in plan.rooms().iter().enumerate() {
        let target = Target::Group(room.group);
        let has_room = room.people < room.threshold || (grows && at == last);
        let state = match () {
            () if !may_come => ("livecodes.room.closed", "bad"),
            () if !has_room => ("livecodes.room.full", "warn"),
            () if !ways.is_ready(target) => ("livecodes.seat.coming", "warn"),
            () if is_first => {
                is_first = false;
                ("livecodes.room.now", "ok")
            }
            () => ("livecodes.room.next", "muted"),
        };
        lines.push(RoomLine {
            name: room.name.clone(),
            href: format!("/groups/{}", room.group),
            people: room.people,
            threshold: room.threshold,
            state,
            trouble: ways.trouble(target),
        });
    }
    lines
}

fn windows(cx: &Cx, directory: &Directory, code: &LiveCode) -> Vec<String> {
    let line = |window: &crate::livecodes::Window| {
        let days = (0..7u8).filter(|day| window.days >> day & 1 == 1);
        let days: Vec<_> = days
            .map(|day| cx.t(&format!("livecodes.day.{day}")))
            .collect();
        let names: Vec<&str> = window
            .members
            .iter()
            .map(|id| directory.name(*id))
            .collect();
        let who = match names.is_empty() {
            true => cx.t("livecodes.form.who_all").into_owned(),
            false => names.join("、"),
        };
        format!(
            "{} {}–{} · {who}",
            days.join(" "),
            clock(window.from),
            clock(window.until)
        )
    };
    code.schedule.iter().map(line).collect()
}

/// What is done with the code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::livecodes) struct StateForm {
    #[serde(rename = "do")]
    deed: String,
}

/// Pauses, resumes or archives.
pub(in crate::livecodes) async fn set_state(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<StateForm>,
) -> Result<Shown<CodePage>> {
    let code = board::parse(&id)?;
    let deed = CodeDeed::of_code(&form.values.deed);
    let deed = deed.ok_or(AppError::BadRequest { why: "field" })?;
    let (change, said) = match deed {
        CodeDeed::Pause => ("live_code.pause", "livecodes.paused"),
        CodeDeed::Resume => ("live_code.resume", "livecodes.resumed"),
        CodeDeed::Archive => ("live_code.archive", "livecodes.archived"),
    };
    let (acting, on) = (viewer.clone(), app.clone());
    let act = viewer.change(change).about("live_code", code);
    let saved = app
        .write(act, move |w| {
            let command = SetState {
                code,
                deed,
                directory: on.directory.get(&w.read())?,
            };
            let allowed = acting.allow(w, command)?;
            actions::set_state(w, allowed)
        })
        .await?;
    app.effects.notify_one();
    Ok(Shown::go_to(format_args!("/live-codes/{code}")).toast(said, ("name", saved.name)))
}

/// Has WeCom told again.
pub(in crate::livecodes) async fn mend(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _: Form<Nothing>,
) -> Result<Shown<CodePage>> {
    let code = board::parse(&id)?;
    let (acting, on) = (viewer.clone(), app.clone());
    let act = viewer.change("live_code.mend").about("live_code", code);
    let mended = app
        .write(act, move |w| {
            let command = MendWays {
                code,
                directory: on.directory.get(&w.read())?,
            };
            let allowed = acting.allow(w, command)?;
            actions::mend(w, allowed)
        })
        .await?;
    app.effects.notify_one();
    Ok(Shown::go_to(format_args!("/live-codes/{code}")).toast("livecodes.mended", ("n", mended)))
}

/// WeCom's own picture of all members of a code, for places where it must be that.
pub(in crate::livecodes) async fn direct(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse> {
    let missing = || AppError::NotFound { what: "live_code" };
    let id = board::parse(&id)?;
    let way = app.read(|r| {
        let eyes = board::eyes(&app, r, &viewer, Permission::LiveCodeRead)?;
        let code = board::visible(r, &eyes, id)?;
        let ways = queries::ways(r, code.id)?;
        let direct = ways.into_iter().find(|way| way.target == Target::Direct);
        Ok::<_, AppError>(direct.filter(|way| way.is_wanted))
    })?;
    let way = way.ok_or_else(missing)?;
    // It is for whoever sees the code, and its address stays while it changes.
    landing::serve_picture(&app, way.id, |_| "private, no-store")?.ok_or_else(missing)
}

#[cfg(test)]
#[path = "detail_tests.rs"]
mod tests;
