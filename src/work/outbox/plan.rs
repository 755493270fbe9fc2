//! A plan before it is one: which calls would be made, what they would cost, how long they
//! would take.

use std::collections::BTreeMap;

use crate::{
    app::App,
    error::Result,
    store::Read,
    web::Cx,
    wecom::quota,
    work::effects::{Effect, EffectKind},
};

use super::{in_words, kind_name, kinds};

/// Effects told of one by one.
const TOLD_MAX: usize = 50;

/// Calls of one kind.
pub(crate) struct PlanLine {
    pub(crate) kind: String,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) n: u64,
    /// Calls left in the tightest window now.
    pub(crate) room: Option<u64>,
    pub(crate) eta_ms: i64,
}

/// What would be done. `templates/work/plan.html` shows it.
pub(crate) struct PlanView {
    pub(crate) total: u64,
    pub(crate) lines: Vec<PlanLine>,
    /// Sentence and what it is for.
    pub(crate) told: Vec<(String, String)>,
}

/// The plan of these effects, none of which need exist.
pub(crate) fn plan_view(r: &Read<'_>, app: &App, cx: &Cx, planned: &[Effect]) -> Result<PlanView> {
    let mut by_kind: BTreeMap<&str, u64> = BTreeMap::new();
    for effect in planned {
        *by_kind.entry(effect.kind.as_str()).or_default() += 1;
    }
    let line = |(name, n): (&str, u64)| {
        let kind = kinds().iter().find(|kind| kind.spec.name == name)?;
        Some(plan_line(app, cx, kind, n))
    };
    let told = planned.iter().take(TOLD_MAX).map(|effect| {
        let words = in_words(r, cx, effect)?;
        Ok((words.sentence, words.about))
    });
    Ok(PlanView {
        total: planned.len() as u64,
        lines: by_kind.into_iter().filter_map(line).collect(),
        told: told.collect::<Result<_>>()?,
    })
}

fn plan_line(app: &App, cx: &Cx, kind: &EffectKind<App>, n: u64) -> PlanLine {
    let standing = app.sync.quota.standing(quota::budget_of(kind.spec.call));
    let urgency = quota::Urgency::Bulk;
    PlanLine {
        kind: kind_name(cx, kind.spec.name),
        method: kind.spec.method,
        path: kind.spec.call,
        n,
        room: standing.room(urgency),
        eta_ms: standing.eta_ms(n, urgency, cx.now),
    }
}
