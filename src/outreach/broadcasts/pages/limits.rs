//! `/broadcasts/limits`: what the firm allows, and who wants no more.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    customers::CustomerId,
    error::{AppError, Result},
    identity::Viewer,
    outreach::touches::{self, Lift, Limits, OptOutCustomer, OptOutKind, SaveLimits, queries},
    view,
    web::{Form, FormState, Shown, filters},
    work::pages::Nothing,
};

use super::HERE;

/// The page.
#[derive(Template)]
#[template(path = "broadcasts/limits.html", blocks = ["title"])]
pub(in crate::outreach::broadcasts) struct LimitsPage {
    form: FormState,
}
view!(LimitsPage);

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach::broadcasts) struct LimitFields {
    #[serde(default)]
    per_day: String,
    #[serde(default)]
    per_week: String,
    #[serde(default)]
    per_month: String,
    #[serde(default)]
    quiet_from: String,
    #[serde(default)]
    quiet_to: String,
    #[serde(default)]
    approve_above: String,
}

fn number(field: &'static str, text: &str, code: &'static str) -> Result<Option<u32>> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse() {
            Ok(n) => Ok(Some(n)),
            Err(_) => Err(AppError::field(field, code)),
        },
    }
}

/// Minutes of the day of `21:00`.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

impl LimitFields {
    fn limits(&self) -> Result<Limits> {
        let quiet = match (self.quiet_from.trim(), self.quiet_to.trim()) {
            ("", "") => None,
            (from, to) => match minutes(from).zip(minutes(to)) {
                Some(both) => Some(both),
                None => return Err(AppError::field("quiet_from", "touches.quiet_shape")),
            },
        };
        let limit = |field, text: &str| number(field, text, "touches.limit_range");
        Ok(Limits {
            per_day: limit("per_day", &self.per_day)?,
            per_week: limit("per_week", &self.per_week)?,
            per_month: limit("per_month", &self.per_month)?,
            quiet,
            approve_above: number(
                "approve_above",
                &self.approve_above,
                "touches.approve_shape",
            )?,
        })
    }
}

fn filled(limits: &Limits) -> FormState {
    let number = |n: Option<u32>| n.map_or(String::new(), |n| n.to_string());
    let (from, to) = match limits.quiet {
        Some((from, to)) => (clock(from), clock(to)),
        None => (String::new(), String::new()),
    };
    FormState::with_values([
        ("per_day", number(limits.per_day)),
        ("per_week", number(limits.per_week)),
        ("per_month", number(limits.per_month)),
        ("quiet_from", from),
        ("quiet_to", to),
        ("approve_above", number(limits.approve_above)),
    ])
}

/// Shows the limits.
pub(in crate::outreach::broadcasts) async fn show(app: Data<App>) -> Result<Shown<LimitsPage>> {
    let form = filled(&app.read(queries::limits)?);
    Ok(Shown::of(LimitsPage { form }))
}

/// Keeps them.
pub(in crate::outreach::broadcasts) async fn save(
    viewer: Viewer,
    app: Data<App>,
    form: Form<LimitFields>,
) -> Result<Shown<LimitsPage>> {
    let saved = match form.values.limits() {
        Ok(limits) => {
            let command = SaveLimits { limits };
            app.carry_out(&viewer, "touches.limits", command, touches::save_limits)
                .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(format_args!("{HERE}/limits")).toast("touches.limits_saved", ()),
        Err(form) => Shown::of(LimitsPage { form }).invalid(),
    })
}

/// Why somebody wants no more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach::broadcasts) struct OptOutFields {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    reason: String,
}

fn customer_of(text: &str) -> Result<CustomerId> {
    let missing = |_| AppError::NotFound { what: "customer" };
    text.parse().map_err(missing)
}

fn ledger(customer: CustomerId) -> String {
    format!("/customers/{customer}?tab=touches")
}

/// Notes that a customer wants no broadcasts.
pub(in crate::outreach::broadcasts) async fn opt_out(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<OptOutFields>,
) -> Result<Shown<LimitsPage>> {
    let customer = customer_of(&id)?;
    let kind = OptOutKind::ALL.into_iter();
    let kind = kind.into_iter().find(|k| k.code() == form.values.kind);
    let command = OptOutCustomer {
        customer,
        kind: kind.unwrap_or(OptOutKind::Asked),
        reason: form.values.reason,
        directory: app.read(|r| app.directory.get(r))?,
    };
    let noted = app
        .carry_out(&viewer, "touches.opt_out", command, touches::opt_out)
        .await;
    // The form stands on the customer's page, which says what is missing.
    Ok(match form.state.catch(noted)? {
        Ok(()) => Shown::go_to(ledger(customer)).toast("touches.opted_out", ()),
        Err(_) => Shown::go_to(ledger(customer)).toast_failed("touches.reason_missing", ()),
    })
}

/// Lets a customer get broadcasts again.
pub(in crate::outreach::broadcasts) async fn lift(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<LimitsPage>> {
    let customer = customer_of(&id)?;
    let command = Lift {
        customer,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "touches.lift", command, touches::lift)
        .await?;
    Ok(Shown::go_to(ledger(customer)).toast("touches.lifted", ()))
}
