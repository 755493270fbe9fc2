//! `/settings/wecom/effects`: the list, and what a person does to what stands in it.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    store::{Read, Write},
    view,
    web::{
        Cx, Form, ListQuery, Shown, Web, filters, local,
        parts::{Choice, Empty, EmptyKind, Filter, Pager, Tab},
        words,
    },
    wecom::quota,
    work::{
        Failure,
        effects::{
            self, Decision, Effect, EffectId, EffectState, Priority, Sought, Tally, WriteMode,
            WriteSettings,
        },
    },
};

use super::{OUTBOX, in_words, kind_name, kinds};

/// Effects that one click changes at most.
const CHANGED_MAX: usize = 10_000;

/// One effect.
pub(super) struct Line {
    id: EffectId,
    kind: String,
    sentence: String,
    about: String,
    href: Option<String>,
    state: (&'static str, &'static str),
    planned_at: Timestamp,
    ended_at: Option<Timestamp>,
    /// When it is tried again, if it waits.
    again_at: Option<Timestamp>,
    attempts: u32,
    trouble: String,
    batch: Option<String>,
    /// What a person may do: the form's value and its word.
    acts: &'static [(&'static str, &'static str)],
}

/// What holds the line up, or how long it will take.
pub(super) struct Waiting {
    kind: String,
    n: u64,
    oldest: Option<Timestamp>,
    eta_ms: Option<i64>,
    held: Option<Hold>,
}

/// Why effects of a kind wait.
enum Hold {
    /// The firm does not let Qitai write there.
    Off,
    /// WeCom has refused: until then, with this errcode.
    Penalty(Timestamp, i64),
}

/// A batch with its counts.
pub(super) struct BatchView {
    done: u64,
    total: u64,
    counts: Vec<(&'static str, &'static str, u64)>,
}

/// The page.
#[derive(Template)]
#[template(path = "work/outbox.html", blocks = ["title", "list"])]
pub(super) struct OutboxPage {
    nav: Vec<Tab>,
    tabs: Vec<Tab>,
    kinds: Filter,
    state: String,
    kind: String,
    batch: String,
    batch_view: Option<BatchView>,
    waiting: Vec<Waiting>,
    rehearses: bool,
    lines: Vec<Line>,
    failed: u64,
    is_moving: bool,
    here: String,
    pager: Pager,
    empty: Empty,
}
view!(OutboxPage, "list" => as_list);

/// Shows a page of the outbox.
pub(super) async fn index(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<OutboxPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let page = app.read(|r| {
        viewer.scope(r, Permission::SyncRun)?;
        outbox_page(r, &app, &viewer, &web, &cx, &query)
    })?;
    Ok(Shown::of(page))
}

fn outbox_page(
    r: &Read<'_>,
    app: &App,
    viewer: &Viewer,
    web: &Web,
    cx: &Cx,
    query: &ListQuery,
) -> Result<OutboxPage> {
    let text = |name: &str| query.get(name).unwrap_or("").to_owned();
    let (state, kind, batch) = (text("state"), text("kind"), text("batch"));
    let known_kind = kinds().iter().find(|k| k.spec.name == kind);
    let sought = Sought {
        state: EffectState::of_code(&state),
        kind: known_kind.map(|k| k.spec.name.to_owned()),
        batch: Some(batch.clone()).filter(|batch| !batch.is_empty()),
    };
    let binding = viewer.name_for_binding();
    let request = web.cursors.page_request(&binding, query);
    let page = effects::page(r, &sought, &request)?;
    let tally = effects::tally(r, sought.kind.as_deref())?;
    let pager = Pager::of(&page, query, &binding, &web.cursors);
    let lines = page
        .items
        .iter()
        .map(|effect| line(r, cx, effect))
        .collect::<Result<Vec<_>>>()?;
    let settings = WriteSettings::load(r)?;
    Ok(OutboxPage {
        nav: super::tabs(cx, viewer),
        tabs: state_tabs(cx, query, sought.state, &tally),
        kinds: kind_filter(cx, query),
        batch_view: match &sought.batch {
            Some(batch) => Some(batch_view(r, batch)?),
            None => None,
        },
        waiting: waiting(r, app, cx, &settings)?,
        rehearses: settings.rehearse_all,
        failed: tally.of(EffectState::Failed),
        is_moving: tally.of(EffectState::Queued) + tally.of(EffectState::Sending) > 0,
        here: cx.here(),
        empty: empty(
            cx,
            !lines.is_empty() || query.get("state").is_some() || !kind.is_empty(),
        ),
        lines,
        pager,
        state,
        kind,
        batch,
    })
}

/// Catalogue key and tone of a state.
pub(crate) fn state_words(state: EffectState) -> (&'static str, &'static str) {
    match state {
        EffectState::Queued => ("effects.state.queued", "muted"),
        EffectState::Sending => ("effects.state.sending", "info"),
        EffectState::Done => ("effects.state.done", "ok"),
        EffectState::Failed => ("effects.state.failed", "bad"),
        EffectState::Unknown => ("effects.state.unknown", "warn"),
        EffectState::Cancelled => ("effects.state.cancelled", "muted"),
        EffectState::Rehearsed => ("effects.state.rehearsed", "muted"),
    }
}

/// What a person may do to an effect in this state.
fn acts(state: EffectState) -> &'static [(&'static str, &'static str)] {
    match state {
        EffectState::Queued => &[("cancel", "effects.act.cancel")],
        EffectState::Failed => &[
            ("retry", "effects.act.retry"),
            ("cancel", "effects.act.give_up"),
        ],
        EffectState::Unknown => &[
            ("happened", "effects.act.happened"),
            ("again", "effects.act.again"),
            ("leave", "effects.act.leave"),
        ],
        EffectState::Sending
        | EffectState::Done
        | EffectState::Cancelled
        | EffectState::Rehearsed => &[],
    }
}

fn line(r: &Read<'_>, cx: &Cx, effect: &Effect) -> Result<Line> {
    let words = in_words(r, cx, effect)?;
    let is_troubled = !matches!(effect.state, EffectState::Done | EffectState::Rehearsed);
    let waits = effect.state == EffectState::Queued && effect.run_after > cx.now;
    Ok(Line {
        id: effect.id,
        kind: kind_name(cx, &effect.kind),
        sentence: words.sentence,
        about: words.about,
        href: words.href,
        state: state_words(effect.state),
        planned_at: effect.created_at,
        ended_at: effect.finished_at,
        again_at: waits.then_some(effect.run_after),
        attempts: effect.attempts,
        trouble: match &effect.failure {
            Some(failure) if is_troubled => trouble(cx, failure),
            _ => String::new(),
        },
        batch: effect.batch.clone(),
        acts: acts(effect.state),
    })
}

/// Why it did not happen, in plain words with WeCom's errcode.
pub(crate) fn trouble(cx: &Cx, failure: &Failure) -> String {
    let mut code = failure.code.as_str();
    while !words::known(&format!("error.{code}.title")) {
        code = code.rsplit_once('.').map_or("internal", |(short, _)| short);
    }
    let title = cx.t(&format!("error.{code}.title"));
    match failure.errcode {
        Some(errcode) => cx
            .tf(
                "effects.trouble",
                (("title", title), ("errcode", errcode.to_string())),
            )
            .into_owned(),
        None => title.into_owned(),
    }
}

fn state_tabs(cx: &Cx, query: &ListQuery, current: Option<EffectState>, tally: &Tally) -> Vec<Tab> {
    let tab = |state: Option<EffectState>| Tab {
        label: match state {
            Some(state) => cx.t(state_words(state).0).into_owned(),
            None => cx.t("effects.state.all").into_owned(),
        },
        href: query
            .with("state", state.map_or("", EffectState::code))
            .to_string(),
        count: state.map(|state| tally.of(state)),
        is_current: state == current,
    };
    let states = EffectState::ALL.into_iter().map(Some);
    std::iter::once(None).chain(states).map(tab).collect()
}

fn kind_filter(cx: &Cx, query: &ListQuery) -> Filter {
    let choice = |name: &str| Choice {
        value: name.to_owned(),
        label: kind_name(cx, name),
        count: None,
        is_on: query.has("kind", name),
    };
    Filter {
        name: "kind",
        label: cx.t("effects.kind_label").into_owned(),
        choices: kinds().iter().map(|k| choice(k.spec.name)).collect(),
        many: false,
    }
}

fn batch_view(r: &Read<'_>, batch: &str) -> Result<BatchView> {
    let all = effects::of_batch(r, batch, CHANGED_MAX)?;
    let count = |state: EffectState| all.iter().filter(|e| e.state == state).count() as u64;
    let counts = EffectState::ALL.into_iter().map(|state| {
        let (word, tone) = state_words(state);
        (word, tone, count(state))
    });
    let ended = |e: &&Effect| !e.state.is_pending();
    Ok(BatchView {
        done: all.iter().filter(ended).count() as u64,
        total: all.len() as u64,
        counts: counts.filter(|(.., n)| *n > 0).collect(),
    })
}

/// Every kind of which something waits, with how long it will take or what holds it up.
fn waiting(r: &Read<'_>, app: &App, cx: &Cx, settings: &WriteSettings) -> Result<Vec<Waiting>> {
    let mut waiting = Vec::new();
    for kind in kinds() {
        let (n, oldest) = effects::queued(r, kind.spec.name)?;
        if n == 0 {
            continue;
        }
        let standing = app.sync.quota.standing(quota::budget_of(kind.spec.call));
        let held = match (settings.mode(kind.spec.area), standing.penalty) {
            (WriteMode::Off | WriteMode::DryRun, _) => Some(Hold::Off),
            (WriteMode::On, Some(p)) => Some(Hold::Penalty(p.until, p.errcode)),
            (WriteMode::On, None) => None,
        };
        waiting.push(Waiting {
            kind: kind_name(cx, kind.spec.name),
            n,
            oldest,
            eta_ms: match held {
                Some(Hold::Off) => None,
                _ => Some(standing.eta_ms(n, Priority::Bulk.into(), cx.now)),
            },
            held,
        });
    }
    Ok(waiting)
}

fn empty(cx: &Cx, is_filtered: bool) -> Empty {
    let (kind, word) = match is_filtered {
        true => (EmptyKind::NothingMatches, "effects.empty.state"),
        false => (EmptyKind::NothingYet, "effects.empty.none"),
    };
    Empty {
        kind,
        title: cx.t(&format!("{word}.title")).into_owned(),
        hint: cx.t(&format!("{word}.hint")).into_owned(),
        action: None,
        other: None,
    }
}

/// Which effect and what to do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    #[serde(default)]
    id: String,
    #[serde(default, rename = "do")]
    act: String,
    #[serde(default)]
    back: String,
}

/// What a person wants done with an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Retry,
    Cancel,
    Decide(Decision),
}

impl Act {
    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "retry" => Self::Retry,
            "cancel" => Self::Cancel,
            "happened" => Self::Decide(Decision::Happened),
            "again" => Self::Decide(Decision::SendAgain),
            "leave" => Self::Decide(Decision::LeaveIt),
            _ => return None,
        })
    }

    fn apply(self, w: &mut Write<'_>, id: EffectId) -> Result<bool> {
        Ok(match self {
            Self::Retry => effects::retry(w, id)?,
            Self::Cancel => effects::cancel(w, id)?,
            Self::Decide(decision) => effects::decide(w, id, decision)?,
        })
    }
}

/// Does what a person wants with one effect.
pub(super) async fn decide(
    viewer: Viewer,
    app: Data<App>,
    form: Form<Wish>,
) -> Result<Shown<OutboxPage>> {
    let missing = || AppError::NotFound { what: "effect" };
    let wish = form.values;
    let id: EffectId = wish.id.parse().map_err(|_| missing())?;
    let wanted = Act::of_code(&wish.act).ok_or_else(missing)?;
    let act = match wanted {
        Act::Retry => viewer.view("effect.retry"),
        Act::Cancel => viewer.view("effect.cancel"),
        Act::Decide(_) => viewer.view("effect.decide"),
    };
    let act = act.about("effect", id).system_detail("decision", wish.act);
    let changed = app
        .write(act, move |w| {
            viewer.scope(&w.read(), Permission::SyncRun)?;
            w.get::<Effect>(&id)?.ok_or_else(missing)?;
            wanted.apply(w, id)
        })
        .await?;
    app.effects.notify_one();
    let word = match changed {
        true => "effects.changed",
        false => "effects.changed_already",
    };
    let back = local(&wish.back).filter(|back| back.starts_with(OUTBOX));
    Ok(Shown::go_to(back.unwrap_or(OUTBOX)).toast(word, ()))
}

/// Everything that failed, of a kind or of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WishForAll {
    #[serde(default, rename = "do")]
    act: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    batch: String,
}

/// Tries everything again that failed, or stops everything that waits.
pub(super) async fn decide_all(
    viewer: Viewer,
    app: Data<App>,
    form: Form<WishForAll>,
) -> Result<Shown<OutboxPage>> {
    let wish = form.values;
    let (state, wanted, act) = match wish.act.as_str() {
        "cancel" => (
            EffectState::Queued,
            Act::Cancel,
            viewer.view("effect.cancel"),
        ),
        _ => (EffectState::Failed, Act::Retry, viewer.view("effect.retry")),
    };
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let sought = Sought {
        state: Some(state),
        kind: some(&wish.kind),
        batch: some(&wish.batch),
    };
    let act = act.system_detail("which", format!("{} {}", wish.kind, wish.batch));
    let n = app
        .write(act, move |w| {
            viewer.scope(&w.read(), Permission::SyncRun)?;
            let ids = effects::ids(&w.read(), &sought, CHANGED_MAX)?;
            let mut n = 0u64;
            for id in ids {
                n += u64::from(wanted.apply(w, id)?);
            }
            Ok(n)
        })
        .await?;
    app.effects.notify_one();
    let back = ListQuery::new(OUTBOX)
        .with("kind", wish.kind)
        .with("batch", wish.batch);
    Ok(Shown::go_to(back).toast("effects.changed_all", ("n", n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kit::Id,
        web::tests::{HOSTILE, check_page},
    };

    #[test]
    fn the_outbox_renders_every_state_empty_or_full() {
        let at = Timestamp::from_ms(0);
        let line = |state| Line {
            id: Id::from_bits(3),
            kind: HOSTILE.into(),
            sentence: HOSTILE.into(),
            about: HOSTILE.into(),
            href: Some("/customers/x".into()),
            state: state_words(state),
            planned_at: at,
            ended_at: Some(at),
            again_at: Some(at),
            attempts: 2,
            trouble: HOSTILE.into(),
            batch: Some(HOSTILE.into()),
            acts: acts(state),
        };
        for full in [false, true] {
            let lines = match full {
                true => EffectState::ALL.into_iter().map(line).collect(),
                false => Vec::new(),
            };
            let waiting = |held, eta_ms| Waiting {
                kind: HOSTILE.into(),
                n: 37,
                oldest: Some(at),
                eta_ms,
                held,
            };
            check_page(&OutboxPage {
                nav: Vec::new(),
                tabs: Vec::new(),
                kinds: Filter {
                    name: "kind",
                    label: HOSTILE.into(),
                    choices: Vec::new(),
                    many: false,
                },
                state: String::new(),
                kind: HOSTILE.into(),
                batch: HOSTILE.into(),
                batch_view: full.then(|| BatchView {
                    done: 3,
                    total: 9,
                    counts: vec![("effects.state.done", "ok", 3)],
                }),
                waiting: match full {
                    true => vec![
                        waiting(None, Some(90_000)),
                        waiting(Some(Hold::Off), None),
                        waiting(Some(Hold::Penalty(at, 45009)), Some(1)),
                    ],
                    false => Vec::new(),
                },
                rehearses: full,
                lines,
                failed: 2,
                is_moving: full,
                here: OUTBOX.into(),
                pager: Pager {
                    from: None,
                    to: None,
                    total: 7,
                    total_exact: true,
                    rows: 7,
                    prev: None,
                    next: None,
                },
                empty: Empty {
                    kind: EmptyKind::NothingYet,
                    title: HOSTILE.into(),
                    hint: HOSTILE.into(),
                    action: None,
                    other: None,
                },
            });
        }
    }
}
