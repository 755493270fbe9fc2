//! `/settings/wecom/quota`: how WeCom's quotas stand, and the limits that the firm sets.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    view,
    web::{Cx, Form, Shown, filters, parts::Tab, words},
    wecom::quota::{Gauge, Standing, Unit, Window, rule_named},
    work::outbox,
};

use super::super::quota::{self, OwnLimit, QuotaSettings, SaveQuotas};

/// The page's address.
const HERE: &str = "/settings/wecom/quota";

/// One limit.
struct GaugeLine {
    /// What and within what time, in the reader's language.
    name: String,
    /// What the form sends back: unit and window.
    unit: &'static str,
    window: &'static str,
    used: u64,
    max: Option<u64>,
    default: Option<u64>,
}

impl GaugeLine {
    fn is_own(&self) -> bool {
        self.max != self.default
    }
    /// Whether it can be shown as a bar.
    fn has_bar(&self) -> bool {
        self.max.is_some_and(|max| max > 0) && self.unit != "each_person"
    }
}

/// One budget.
struct BudgetLine {
    code: String,
    name: String,
    /// The calls that draw on it.
    calls: String,
    gauges: Vec<GaugeLine>,
    penalty: Option<(Timestamp, i64)>,
    under_way: u32,
    at_once: u32,
}

/// The page.
#[derive(Template)]
#[template(path = "sync/quota.html", blocks = ["title", "list"])]
pub(in crate::sync) struct QuotaPage {
    nav: Vec<Tab>,
    used: Vec<BudgetLine>,
    unused: Vec<BudgetLine>,
    may_change: bool,
}
view!(QuotaPage, "list" => as_list);

/// Shows how the quotas stand.
pub(in crate::sync) async fn index(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<QuotaPage>> {
    app.read(|r| viewer.scope(r, Permission::SyncRun).map(drop))?;
    let standings = app.sync.quota.standings();
    let is_used = |s: &Standing| {
        s.under_way > 0 || s.penalty.is_some() || s.gauges.iter().any(|gauge| gauge.used > 0)
    };
    let (used, unused): (Vec<_>, Vec<_>) = standings.into_iter().partition(is_used);
    let lines = |standings: Vec<Standing>| standings.iter().map(|s| line(&cx, s)).collect();
    Ok(Shown::of(QuotaPage {
        nav: outbox::tabs(&cx, &viewer),
        used: lines(used),
        unused: lines(unused),
        may_change: viewer.may(Permission::SettingsManage),
    }))
}

fn line(cx: &Cx, standing: &Standing) -> BudgetLine {
    let key = format!("quota.budget.{}", name_of(&standing.budget));
    let name = match words::known(&key) {
        true => cx.t(&key).into_owned(),
        false => standing.budget.clone(),
    };
    let calls = rule_named(&standing.budget).map_or(&[][..], |rule| rule.calls);
    let gauges = standing.gauges.iter().map(|gauge| GaugeLine {
        name: limit_name(cx, gauge),
        unit: gauge.unit.code(),
        window: gauge.window.code(),
        used: gauge.used,
        max: gauge.max,
        default: gauge.default,
    });
    BudgetLine {
        code: standing.budget.clone(),
        calls: match calls.is_empty() {
            true => String::new(),
            false => calls.join(" · "),
        },
        name,
        gauges: gauges.collect(),
        penalty: standing.penalty.map(|p| (p.until, p.errcode)),
        under_way: standing.under_way,
        at_once: standing.at_once,
    }
}

fn limit_name(cx: &Cx, gauge: &Gauge) -> String {
    let (unit, window) = (gauge.unit.code(), gauge.window.code());
    cx.t(&format!("quota.limit.{unit}_{window}")).into_owned()
}

/// The catalogue's name of a budget; the sign for every call is no word.
fn name_of(budget: &str) -> &str {
    match budget {
        "*" => "each",
        other => other,
    }
}

/// One limit to be set; an empty number means the documented one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sync) struct LimitForm {
    budget: String,
    unit: String,
    window: String,
    #[serde(default)]
    max: String,
    #[serde(default)]
    reset: bool,
}

/// Sets a limit, or goes back to the documented one.
pub(in crate::sync) async fn save(
    viewer: Viewer,
    app: Data<App>,
    form: Form<LimitForm>,
) -> Result<Shown<QuotaPage>> {
    let wish = form.values;
    let wrong = || AppError::field("max", "quota.wrong_limit");
    let window = Window::ALL.into_iter().find(|w| w.code() == wish.window);
    let window = window.ok_or_else(wrong)?;
    let units = [Unit::Call, Unit::Person, Unit::EachPerson];
    if !units.iter().any(|unit| unit.code() == wish.unit) {
        return Err(wrong());
    }
    let max: Option<u64> = match wish.max.trim() {
        "" => None,
        _ if wish.reset => None,
        text => Some(text.replace([',', '，'], "").parse().map_err(|_| wrong())?),
    };
    let acting = viewer.clone();
    app.write(viewer.change("settings.quota"), move |w| {
        let mut settings = QuotaSettings::load(&w.read())?;
        let is_this =
            |l: &OwnLimit| l.budget == wish.budget && l.unit == wish.unit && l.window == window;
        settings.limits.retain(|l| !is_this(l));
        settings.limits.extend(max.map(|max| OwnLimit {
            budget: wish.budget.clone(),
            unit: wish.unit.clone(),
            window,
            max,
        }));
        let allowed = acting.allow(w, SaveQuotas { settings })?;
        quota::save(w, allowed)
    })
    .await?;
    app.read(|r| quota::apply(r, &app.sync.quota))?;
    Ok(Shown::go_to(HERE).toast("quota.saved", ()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kit::Clock, web::tests::check_page, wecom::quota::Governor};

    #[test]
    fn quotas_render_used_and_unused() {
        let at = Timestamp::from_ms(0);
        let governor = Governor::new(Clock::manual(at));
        let line = |s: &Standing| BudgetLine {
            code: s.budget.clone(),
            name: s.budget.clone(),
            calls: "a/b".into(),
            gauges: s
                .gauges
                .iter()
                .map(|g| GaugeLine {
                    name: "x".into(),
                    unit: g.unit.code(),
                    window: g.window.code(),
                    used: 3,
                    max: g.max,
                    default: Some(7),
                })
                .collect(),
            penalty: Some((at, 45009)),
            under_way: 1,
            at_once: 4,
        };
        let standings = governor.standings();
        for may_change in [false, true] {
            check_page(&QuotaPage {
                nav: Vec::new(),
                used: standings.iter().map(line).collect(),
                unused: standings.iter().take(1).map(line).collect(),
                may_change,
            });
        }
    }
}
