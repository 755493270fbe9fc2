//! `/compliance/retention/holds/new`: keeping messages back from deletion.

use actix_web::web::Data;
use askama::Template;
use jiff::{ToSpan, civil::Date};
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        meant::meant,
        model::Party,
        names::Names,
        retention::{self, HoldOn, SetHold},
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters},
};

use super::retention::{HERE, on_text, sight};

/// The page's address.
const NEW: &str = "/compliance/retention/holds/new";

/// Somebody whose messages may be held.
struct Found {
    name: String,
    key: String,
    is_staff: bool,
    href: String,
}

/// The page: first whose messages, then why.
#[derive(Template)]
#[template(path = "archive/hold.html", blocks = ["title"])]
pub(in crate::archive) struct HoldPage {
    form: FormState,
    /// Whose messages, as the form sends it and in words; none as long as nobody was chosen.
    on: Option<(String, String)>,
    text: String,
    found: Vec<Found>,
    /// More people have such a name than are offered.
    is_common: bool,
    may_search: bool,
    everything: String,
}
view!(HoldPage);

fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    on: Option<HoldOn>,
    text: &str,
    form: FormState,
) -> Result<HoldPage> {
    app.read(|r| {
        viewer.scope(r, Permission::HoldManage)?;
        let sight = sight(app, r, viewer)?;
        let names = sight.as_ref().map(|s| Names::new(r, &s.sight, cx));
        let (mut found, mut is_common) = (Vec::new(), false);
        if let (Some(sight), Some(names)) = (&sight, &names)
            && !text.is_empty()
        {
            let meant = meant(app, r, sight, text)?;
            is_common = meant.is_common;
            for no in meant.parties(r)? {
                let Some(party) = r.get::<Party>(&no)? else {
                    continue;
                };
                let who = names.who(no)?;
                found.push(Found {
                    name: who.name.clone(),
                    key: who.key.clone(),
                    is_staff: who.is_staff(),
                    href: address(HoldOn::Person(party.subject)),
                });
            }
        }
        let on = match on {
            Some(on) => {
                let (words, _) = on_text(r, cx, sight.as_ref(), names.as_ref(), on)?;
                Some((on.code(), words))
            }
            None => None,
        };
        Ok(HoldPage {
            form,
            on,
            text: text.to_owned(),
            found,
            is_common,
            may_search: sight.is_some(),
            everything: address(HoldOn::Everything),
        })
    })
}

/// Where a hold on this is set.
pub(super) fn address(on: HoldOn) -> String {
    ListQuery::new(NEW).with("on", on.code()).to_string()
}

/// Asks whose messages, and why.
pub(in crate::archive) async fn new(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<HoldPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let on = query.get("on").and_then(HoldOn::of_code);
    let text = query.get("q").unwrap_or("").trim();
    let page = page(&app, &viewer, &cx, on, text, FormState::empty())?;
    if !text.is_empty() {
        let act = viewer.view("retention.find").detail("query", text);
        app.note(act).await?;
    }
    Ok(Shown::of(page))
}

/// A hold as the form sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Fields {
    on: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    reason: String,
}

impl Fields {
    fn command(&self, on: HoldOn, cx: &Cx) -> Result<SetHold> {
        Ok(SetHold {
            title: self.title.clone(),
            on,
            from: day(&self.from, 0, cx).map_err(|()| wrong_day("from"))?,
            until: day(&self.until, 1, cx).map_err(|()| wrong_day("until"))?,
            reason: self.reason.clone(),
        })
    }
}

fn wrong_day(field: &'static str) -> AppError {
    AppError::field(field, "retention.wrong_day")
}

/// When a day of the firm's begins, so many days later; none for no day.
fn day(text: &str, later: i64, cx: &Cx) -> Result<Option<Timestamp>, ()> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let day: Date = text.trim().parse().map_err(|_| ())?;
    let day = day.checked_add(later.days()).map_err(|_| ())?;
    let begin = day.to_zoned(cx.zone.clone()).map_err(|_| ())?;
    let ms = begin.timestamp().as_millisecond();
    Ok(Some(Timestamp::from_ms(ms)))
}

/// Sets a hold.
pub(in crate::archive) async fn set(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<HoldPage>> {
    let odd = AppError::BadRequest { why: "field_type" };
    let on = HoldOn::of_code(&form.values.on).ok_or(odd)?;
    let kept = match form.values.command(on, &cx) {
        Ok(command) => {
            let by = viewer.clone();
            app.write(viewer.change("retention.hold"), move |w| {
                let allowed = by.allow(w, command)?;
                retention::set_hold(w, allowed).map(drop)
            })
            .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(kept)? {
        Ok(()) => Shown::go_to(HERE).toast("retention.hold_set", ()),
        Err(form) => Shown::of(page(&app, &viewer, &cx, Some(on), "", form)?).invalid(),
    })
}
