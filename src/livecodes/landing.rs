//! `GET /c/{code}`: what whoever scans a code sees. Public, without session, cookie and script;
//! the scan is durable before the page is answered. While the store takes no writes, people are led
//! on uncounted, and nobody's turn moves.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web::{Data, Path},
};
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    store::{Act, Write},
    visit,
    web::{Cx, ListQuery, filters},
};

use super::{
    CodeKind, LiveCodeId, Picture, Scan, WayId,
    choice::Moment,
    plan::{self, Closed, Leads, Plan},
    queries,
    scan::{self, Given, Turn},
};

/// Everything comes from here, nothing is inline, and nothing is sent.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; \
                      base-uri 'none'; frame-ancestors 'none'";
/// A picture runs nothing, wherever it is opened.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// The page.
#[derive(Template)]
#[template(path = "livecodes/landing.html")]
struct Landing {
    /// Whom one adds, or the group one joins; empty if WeCom chooses.
    name: String,
    is_group: bool,
    /// Address of the picture; none where the code leads nowhere.
    picture: Option<String>,
    /// Catalogue keys of why it leads nowhere and what to do.
    closed_title: String,
    closed_hint: String,
}

/// Shows whom to add, or why not, and counts the scan.
pub(super) async fn show(
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let plan = match id.parse::<LiveCodeId>() {
        Ok(id) => plan::published(&app, id)?,
        Err(_) => None,
    };
    let Some(plan) = plan else {
        return page(
            &cx,
            StatusCode::NOT_FOUND,
            &closed("landing.unknown", false),
        );
    };
    let moment = Moment::of(cx.now, &cx.zone);
    let is_bot = is_bot(&req);
    let visitor = visitor(&app, &req, &moment);
    let (plan, leads) = count(&app, plan, moment, visitor, is_bot).await?;
    let is_group = plan.code.kind == CodeKind::Group;
    let shown = match leads {
        Ok(leads) => Landing {
            name: name(&plan, &leads),
            is_group,
            picture: Some(format!(
                "/c/{}/{}?v={}",
                plan.code.id, leads.way, leads.version
            )),
            closed_title: String::new(),
            closed_hint: String::new(),
        },
        Err(why) => closed(why.word(), is_group),
    };
    page(&cx, StatusCode::OK, &shown)
}

fn closed(why: &'static str, is_group: bool) -> Landing {
    Landing {
        name: String::new(),
        is_group,
        picture: None,
        closed_title: format!("{why}.title"),
        closed_hint: format!("{why}.hint"),
    }
}

fn name(plan: &Plan, leads: &Leads) -> String {
    match leads.given {
        Given::Member(member) => plan.name(member).to_owned(),
        Given::Group(group) => {
            let rooms = plan.rooms().iter();
            let room = rooms.map(|(room, _)| room).find(|room| room.group == group);
            room.map_or(String::new(), |room| room.name.clone())
        }
        Given::Direct => String::new(),
    }
}

fn page(cx: &Cx, status: StatusCode, shown: &Landing) -> Result<HttpResponse> {
    let body = shown.render_with_values(cx)?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("x-robots-tag", "noindex"))
        .body(body))
}

/// What a scan leads to, by the plan that it was given by.
type Answer = (Arc<Plan>, Result<Leads, Closed>);

/// Gives the scan its turn and keeps both, in one write.
async fn count(
    app: &Data<App>,
    plan: Arc<Plan>,
    moment: Moment,
    visitor: [u8; 8],
    is_bot: bool,
) -> Result<Answer> {
    let giving = plan.clone();
    let act = Act::by_system("live_code.scan", "landing");
    let counted = app.write(act, move |w| keep(w, giving, &moment, visitor, is_bot));
    match counted.await {
        // Whoever stands in front of the poster is led on, counted or not; a turn that cannot be
        // counted is nobody's.
        Err(error @ (AppError::Unavailable { .. } | AppError::Conflict { .. })) => {
            tracing::warn!(%error, "a scan was not counted");
            let leads = plan.preview(&moment);
            Ok((plan, leads))
        }
        counted => counted,
    }
}

fn keep(
    w: &mut Write<'_>,
    plan: Arc<Plan>,
    moment: &Moment,
    visitor: [u8; 8],
    is_bot: bool,
) -> Result<Answer> {
    let code = plan.code.id;
    // The code may have been paused or changed while the scan waited for its write.
    let plan = plan::current(&w.read(), plan)?;
    let leads = if is_bot {
        plan.preview(moment)
    } else {
        let turn = w.get::<Turn>(&code)?;
        let mut turn = turn.unwrap_or_else(|| Turn::new(code));
        let leads = plan.give(&mut turn, moment);
        turn.scans = turn.scans.saturating_add(1);
        w.put(&turn)?;
        leads
    };
    let given = leads.as_ref().ok().map(|leads| leads.given);
    let scan = Scan {
        given: given.filter(|_| !is_bot),
        is_bot,
        ..Scan::new(code, moment.at, visitor)
    };
    scan::keep(w, scan)?;
    Ok((plan, leads))
}

/// What previews and crawlers call themselves.
const BOTS: [&str; 7] = [
    "bot",
    "spider",
    "crawl",
    "preview",
    "slurp",
    "facebookexternalhit",
    "bytespider",
];

/// Whether nobody looks at the page, by the visitor's own word.
fn is_bot(req: &HttpRequest) -> bool {
    let header = |name: &str| {
        let value = req.headers().get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or("").to_ascii_lowercase()
    };
    let agent = header("user-agent");
    let is_prefetch = ["purpose", "sec-purpose", "x-moz"]
        .iter()
        .any(|name| header(name).contains("prefetch"));
    is_prefetch || crate::web::asked_head(req) || BOTS.iter().any(|bot| agent.contains(bot))
}

/// Tells two visitors of one day apart without saying who they are.
fn visitor(app: &App, req: &HttpRequest, moment: &Moment) -> [u8; 8] {
    use std::net::IpAddr;
    let origin = visit::origin(app, req, "");
    let prefix = match origin.ip {
        Some(IpAddr::V4(ip)) => ip.octets()[..3].to_vec(),
        Some(IpAddr::V6(ip)) => ip.octets()[..6].to_vec(),
        None => Vec::new(),
    };
    let agent = origin.device.unwrap_or_default();
    let whole = [&moment.day.to_be_bytes()[..], &prefix, agent.as_bytes()].concat();
    let blind = app.store.vault().blind("scans-1.visitor", &whole);
    let mut visitor = [0; 8];
    visitor.copy_from_slice(&blind[..8]);
    visitor
}

/// The picture of a way, while its code needs it. Only the address that names it as it is may be
/// kept: without a version, or with another, it may show something else tomorrow.
pub(super) async fn picture(
    path: Path<(String, String)>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let missing = || AppError::NotFound { what: "page" };
    let (code, way) = path.into_inner();
    let code: LiveCodeId = code.parse().map_err(|_| missing())?;
    let way: WayId = way.parse().map_err(|_| missing())?;
    let plan = plan::published(&app, code)?.filter(|plan| plan.shows(way));
    plan.ok_or_else(missing)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let cached = |picture: &Picture| match query.get("v") == Some(&*picture.version()) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    serve_picture(&app, way, cached)?.ok_or_else(missing)
}

/// The kept picture of a way as an answer; `cached` says how long browsers may keep it.
pub(super) fn serve_picture(
    app: &App,
    way: WayId,
    cached: impl FnOnce(&Picture) -> &'static str,
) -> Result<Option<HttpResponse>> {
    let found = app.read(|r| {
        let way = r.get::<super::Way>(&way)?;
        let Some((id, picture)) = way.and_then(|way| Some((way.id, way.picture?))) else {
            return Ok(None);
        };
        Ok::<_, AppError>(queries::picture(r, id)?.map(|bytes| (picture, bytes)))
    })?;
    Ok(found.map(|(picture, bytes)| {
        let kind = HeaderValue::from_str(&picture.media_type);
        let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, kind))
            .insert_header((header::CONTENT_SECURITY_POLICY, PICTURE_POLICY))
            .insert_header((header::CACHE_CONTROL, cached(&picture)))
            .body(bytes)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        livecodes::{
            CodeState, LiveCode, Share,
            tests::{NOW, draft, save, seat, store, write},
        },
        org::MemberId,
    };

    #[test]
    fn a_scan_that_waited_for_its_write_follows_the_code_as_it_is_then() {
        let (store, _dir) = store();
        let code = save(&store, None, draft(vec![seat(1)])).id;
        let moment = Moment::of(NOW, &jiff::tz::TimeZone::UTC);
        let plan = store.read(|r| plan::of(r, code)).unwrap().unwrap();
        save(&store, Some(code), draft(vec![seat(1), seat(2)]));
        let shares = [1, 2].map(|member| Share {
            member: MemberId::from_bits(member),
            credit: 0,
            given: 1,
            added: 0,
            expected: Vec::new(),
        });
        write(&store, move |w| {
            Ok(w.put(&Turn {
                day: moment.day,
                shares: shares.into(),
                ..Turn::new(code)
            })?)
        });
        let old = plan.clone();
        let (current, _) = write(&store, move |w| keep(w, old, &moment, [0; 8], false));
        assert_eq!(current.code.seats.len(), 2);
        let turn = store.read(|r| queries::turn(r, code)).unwrap().unwrap();
        assert_eq!(turn.shares.len(), 2, "nobody's count is lost");

        write(&store, move |w| {
            let code = w.get::<LiveCode>(&code)?.unwrap();
            Ok(w.put(&LiveCode {
                state: CodeState::Paused,
                ..code
            })?)
        });
        let (_, leads) = write(&store, move |w| keep(w, plan, &moment, [0; 8], false));
        assert_eq!(leads, Err(Closed::Paused));
    }
}
