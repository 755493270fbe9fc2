//! What a broadcast costs before anything leaves: an audience by three conditions on tags,
//! counted and previewed with everybody's ledger asked, and a broadcast to
//! `QITAI_BENCH_RECIPIENTS` (50,000) of `QITAI_BENCH_CUSTOMERS` (200,000) written down.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    missing_docs
)]

#[path = "support/here.rs"]
mod here;
#[path = "support/mod.rs"]
mod support;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use here::{open, simulator, sync_firm, wait};
use qitai::{
    app::App,
    customers::{Customer, Relation},
    identity::{Permission, Viewer},
    kit::Timestamp,
    outreach::{
        Content,
        broadcasts::{
            Audience, Broadcast, BroadcastState,
            actions::{self, SaveDraft, Send},
            audience, queries,
        },
        touches::{self, Limits, SaveLimits},
    },
    search::{Filters, Kind, ScopeFilter},
    tags::{Tag, TagId},
};
use support::{quantile, size};

const RUNS: usize = 20;

fn main() {
    if support::is_debug("broadcast") {
        return;
    }
    let customers = size("QITAI_BENCH_CUSTOMERS", 200_000);
    let recipients = size("QITAI_BENCH_RECIPIENTS", 50_000);
    let dir = tempfile::tempdir().unwrap();
    let sim = simulator(customers as u32);
    let app = open(&sim, dir.path().join("data"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.spawn(app.clone().run());
    sync_firm(&app);
    wait(|| app.is_caught_up().then_some(()));
    let known = app.read(|r| r.all::<Customer>(None).unwrap().count());
    println!("{known} customers");
    questions(&app);
    plan(&app, recipients);
    app.stop();
}

/// Tags by how many relations have them; no two neighbours are of one group.
fn common_tags(app: &App) -> Vec<TagId> {
    let mut uses: BTreeMap<TagId, u64> = BTreeMap::new();
    app.read(|r| {
        for relation in r.all::<Relation>(None).unwrap() {
            for tag in relation.unwrap().tags {
                *uses.entry(tag).or_default() += 1;
            }
        }
        let mut tags: Vec<Tag> = r
            .all::<Tag>(None)
            .unwrap()
            .map(|tag| tag.unwrap())
            .collect();
        tags.sort_by_key(|tag| std::cmp::Reverse(uses.get(&tag.id).copied().unwrap_or(0)));
        tags.dedup_by_key(|tag| tag.group);
        tags.into_iter().map(|tag| tag.id).collect()
    })
}

fn as_filters(audience: &Audience) -> Filters {
    let bits = |tags: &[TagId]| tags.iter().map(|tag| tag.bits()).collect();
    Filters {
        tag_sets: audience.tags.iter().map(|tag| vec![tag.bits()]).collect(),
        tags_none: bits(&audience.without_tags),
        ..Filters::default()
    }
}

/// Each is asked once with other tags, since answers about one state are kept.
fn questions(app: &App) {
    let tags = common_tags(app);
    let (mut counted, mut previewed, mut reached) = (Vec::new(), Vec::new(), Vec::new());
    for tags in tags.windows(3).take(RUNS) {
        let audience = Audience {
            tags: tags[..2].to_vec(),
            without_tags: tags[2..].to_vec(),
            ..Audience::default()
        };
        let began = Instant::now();
        let asked = [as_filters(&audience)];
        let scope = ScopeFilter::Everything;
        let counts = app.people.counts(Kind::Customer, &scope, &asked).unwrap();
        counted.push(began.elapsed());
        let began = Instant::now();
        let preview = preview(app, &audience);
        previewed.push(began.elapsed());
        assert!(preview.reached <= counts[0]);
        reached.push(preview.reached);
    }
    println!(
        "audience of three conditions on tags: counted in {:.1} ms (p99 {:.1}), previewed in \
         {:.1} ms (p99 {:.1}), reaching {reached:?}",
        quantile(&counted, 0.5),
        quantile(&counted, 0.99),
        quantile(&previewed, 0.5),
        quantile(&previewed, 0.99),
    );
    let began = Instant::now();
    let everybody = preview(app, &Audience::default());
    println!(
        "everybody previewed in {:.0} ms, reaching {}",
        began.elapsed().as_secs_f64() * 1e3,
        everybody.reached
    );
}

fn preview(app: &App, audience: &Audience) -> audience::Preview {
    app.read(|r| {
        let viewer = Viewer::system("bench");
        let sight = app.sight(r, &viewer, Permission::BroadcastSend).unwrap();
        let now = app.store.clock().now();
        audience::preview(r, &app.people, &sight, audience, now).unwrap()
    })
}

/// Before which time so many were added.
fn added_before(app: &App, many: usize) -> Timestamp {
    app.read(|r| {
        let all = r.all::<Relation>(None).unwrap();
        let mut added: Vec<Timestamp> = all.map(|relation| relation.unwrap().added_at).collect();
        added.sort_unstable();
        added[many.min(added.len() - 1)]
    })
}

fn plan(app: &Arc<App>, recipients: usize) {
    let viewer = Viewer::system("bench");
    let audience = Audience {
        added_before: Some(added_before(app, recipients)),
        ..Audience::default()
    };
    let limits = Limits {
        per_day: Some(1),
        per_week: Some(2),
        per_month: Some(4),
        quiet: None,
        approve_above: Some(1),
    };
    let acting = viewer.clone();
    let began = Instant::now();
    let id = app
        .store
        .write_blocking(viewer.change("bench.broadcast"), move |w| {
            touches::save_limits(w, acting.allow(w, SaveLimits { limits })?)?;
            let command = SaveDraft {
                id: None,
                name: "bench".to_owned(),
                content: Content {
                    text: "bench".to_owned(),
                    attachments: Vec::new(),
                },
                audience,
            };
            let id = actions::save_draft(w, acting.allow(w, command)?)?;
            actions::send(w, acting.allow(w, Send { id, at: None })?)?;
            Ok::<_, qitai::error::AppError>(id)
        })
        .unwrap();
    app.outreach.broadcasts.wake.notify_one();
    wait(|| {
        let broadcast = app.read(|r| r.get::<Broadcast>(&id)).unwrap().unwrap();
        (broadcast.state == BroadcastState::Waiting).then_some(())
    });
    let took = began.elapsed().as_secs_f64();
    let account = app.read(|r| queries::account(r, id)).unwrap();
    println!(
        "{} recipients written down in {took:.2} s",
        account.all.planned
    );
}
