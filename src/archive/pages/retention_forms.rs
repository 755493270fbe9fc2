//! What is sent from `/compliance/retention`: rules, runs, the end of a hold.

use actix_web::web::{Data, Path};
use serde::Deserialize;

use crate::{
    app::App,
    archive::retention::{
        self, DeleteRule, HoldId, LiftHold, SaveRule, Sort, StartPreview, StartPurge,
    },
    error::{AppError, Result},
    identity::Viewer,
    web::{Cx, Form, Shown},
    work::pages::Nothing,
};

use super::retention::{HERE, Refused, RetentionPage, page};

/// A rule as the form sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct RuleFields {
    #[serde(default)]
    unit: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    days: String,
}

impl RuleFields {
    fn command(&self, app: &App) -> Result<SaveRule> {
        let unknown = |_| AppError::field("unit", "sensitive.unknown_unit");
        let unit = match self.unit.as_str() {
            "" => None,
            unit => Some(unit.parse().map_err(unknown)?),
        };
        let odd = AppError::BadRequest { why: "field_type" };
        let sort = match self.sort.as_str() {
            "" => None,
            sort => Some(Sort::of_code(sort).ok_or(odd)?),
        };
        let wrong = |_| AppError::field("days", "retention.wrong_days");
        let days = match self.days.trim() {
            "" => None,
            days => Some(days.parse().map_err(wrong)?),
        };
        Ok(SaveRule {
            unit,
            sort,
            days,
            directory: app.read(|r| app.directory.get(r))?,
        })
    }
}

/// Keeps a rule.
pub(in crate::archive) async fn save_rule(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<RuleFields>,
) -> Result<Shown<RetentionPage>> {
    let saved = match form.values.command(&app) {
        Ok(command) => {
            let by = viewer.clone();
            app.write(viewer.change("retention.rule"), move |w| {
                let allowed = by.allow(w, command)?;
                retention::save_rule(w, allowed).map(drop)
            })
            .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(HERE).toast("retention.rule_saved", ()),
        Err(form) => {
            let refused = Refused {
                rule: Some(form),
                ..Refused::default()
            };
            Shown::of(page(&app, &viewer, &cx, refused)?).invalid()
        }
    })
}

/// Takes a rule away.
pub(in crate::archive) async fn delete_rule(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<RetentionPage>> {
    let missing = |_| AppError::NotFound {
        what: "retention_rule",
    };
    let rule = id.parse().map_err(missing)?;
    app.write(viewer.change("retention.rule_delete"), move |w| {
        let allowed = viewer.allow(w, DeleteRule { rule })?;
        retention::delete_rule(w, allowed)
    })
    .await?;
    Ok(Shown::go_to(HERE).toast("retention.rule_deleted", ()))
}

/// Counts what would go.
pub(in crate::archive) async fn preview(
    viewer: Viewer,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<RetentionPage>> {
    app.write(viewer.view("retention.preview"), move |w| {
        let allowed = viewer.allow(w, StartPreview)?;
        retention::start_preview(w, &allowed).map(drop)
    })
    .await?;
    app.jobs.notify_one();
    Ok(Shown::go_to(HERE).toast("retention.preview_begun", ()))
}

/// That somebody means it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Sure {
    #[serde(default)]
    sure: bool,
}

/// Deletes what has had its time, now.
pub(in crate::archive) async fn purge(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Sure>,
) -> Result<Shown<RetentionPage>> {
    let begun = match form.values.sure {
        false => Err(AppError::field("sure", "retention.not_sure")),
        true => {
            let by = viewer.clone();
            app.write(viewer.view("retention.purge"), move |w| {
                let allowed = by.allow(w, StartPurge)?;
                retention::start_purge(w, &allowed).map(drop)
            })
            .await
        }
    };
    Ok(match form.state.catch(begun)? {
        Ok(()) => {
            app.jobs.notify_one();
            Shown::go_to(HERE).toast("retention.purge_begun", ())
        }
        Err(form) => {
            let refused = Refused {
                purge: Some(form),
                ..Refused::default()
            };
            Shown::of(page(&app, &viewer, &cx, refused)?).invalid()
        }
    })
}

/// Why a hold is lifted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Lift {
    #[serde(default)]
    reason: String,
}

/// Lifts a hold.
pub(in crate::archive) async fn lift(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<Lift>,
) -> Result<Shown<RetentionPage>> {
    let missing = |_| AppError::NotFound {
        what: "retention_hold",
    };
    let hold: HoldId = id.parse().map_err(missing)?;
    let command = LiftHold {
        hold,
        reason: form.values.reason.clone(),
    };
    let by = viewer.clone();
    let act = viewer.change("retention.hold_lift");
    let lifted = app.write(act, move |w| {
        let allowed = by.allow(w, command)?;
        retention::lift_hold(w, allowed)
    });
    Ok(match form.state.catch(lifted.await)? {
        Ok(()) => Shown::go_to(HERE).toast("retention.hold_lifted", ()),
        Err(form) => {
            let refused = Refused {
                lift: Some((hold, form)),
                ..Refused::default()
            };
            Shown::of(page(&app, &viewer, &cx, refused)?).invalid()
        }
    })
}
