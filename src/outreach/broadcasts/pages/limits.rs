//! `/broadcasts/limits`: what the firm allows, and who wants no more.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    customers::CustomerId,
    error::{AppError, Invalid, Result},
    identity::Viewer,
    outreach::touches::{
        self, LIMIT_MAX, Lift, Limits, OptOutCustomer, OptOutKind, SaveLimits, queries,
    },
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

/// A number up to `max`, none if nothing was typed; what is no such number is noted.
fn number(
    (field, text): (&'static str, &str),
    max: u32,
    code: &'static str,
    wrong: &mut Invalid,
) -> Option<u32> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let number = text.parse::<u32>().ok().filter(|n| *n <= max);
    if number.is_none() {
        *wrong = std::mem::take(wrong).with(field, code);
    }
    number
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
    /// What was typed; everything that is wrong with it is told at once.
    fn limits(&self) -> Result<Limits> {
        let mut wrong = Invalid::default();
        let [per_day, per_week, per_month] = [
            ("per_day", &*self.per_day),
            ("per_week", &*self.per_week),
            ("per_month", &*self.per_month),
        ]
        .map(|typed| number(typed, LIMIT_MAX, "touches.limit_range", &mut wrong));
        let quiet = self.quiet(&mut wrong);
        let above = ("approve_above", &*self.approve_above);
        let approve_above = number(above, u32::MAX, "touches.approve_shape", &mut wrong);
        wrong.into_result()?;
        Ok(Limits {
            per_day,
            per_week,
            per_month,
            quiet,
            approve_above,
        })
    }

    /// Quiet hours; of half of them the missing end is what is wrong.
    fn quiet(&self, wrong: &mut Invalid) -> Option<(u16, u16)> {
        let (from, to) = (self.quiet_from.trim(), self.quiet_to.trim());
        if from.is_empty() && to.is_empty() {
            return None;
        }
        let ends = [("quiet_from", from), ("quiet_to", to)].map(|(field, text)| {
            let at = minutes(text);
            if at.is_none() {
                *wrong = std::mem::take(wrong).with(field, "touches.quiet_shape");
            }
            at
        });
        ends[0].zip(ends[1])
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

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(fields: LimitFields) -> Vec<&'static str> {
        match fields.limits() {
            Err(AppError::Invalid(invalid)) => invalid.problems.iter().map(|p| p.field).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_and_at_its_field() {
        let typed =
            |per_day: &str, per_week: &str, from: &str, to: &str, above: &str| LimitFields {
                per_day: per_day.to_owned(),
                per_week: per_week.to_owned(),
                per_month: String::new(),
                quiet_from: from.to_owned(),
                quiet_to: to.to_owned(),
                approve_above: above.to_owned(),
            };
        assert_eq!(
            wrong(typed("x", "101", "21:00", "", "-1")),
            ["per_day", "per_week", "quiet_to", "approve_above"]
        );
        assert_eq!(wrong(typed("", "", "", "9:00", "")), ["quiet_from"]);
        assert_eq!(
            wrong(typed("", "", "x", "24:00", "")),
            ["quiet_from", "quiet_to"]
        );
        let good = typed("0", "100", "21:00", "09:00", "").limits().unwrap();
        assert_eq!((good.per_day, good.per_week), (Some(0), Some(100)));
        assert_eq!((good.quiet, good.approve_above), (Some((1_260, 540)), None));
    }
}
