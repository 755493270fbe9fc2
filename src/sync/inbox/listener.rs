//! The worker: reads again what waiting events are about.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};

use crate::{
    app::App,
    error::{AppError, Result},
    slice::WorkerFuture,
    store::Act,
    wecom::Client,
};

use super::{
    super::{Target, pilot, pull},
    signal,
};

/// Events looked at together: those about one thing are one question.
const ROUND: usize = 10_000;
/// Questions asked at the same time.
const ASKED_AT_ONCE: usize = 16;
/// How often the line is looked at without being woken.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Answers overtaken in a row before the events wait for their next turn.
const OVERTAKEN_MAX: u32 = 5;
/// Old events forgotten in one write.
const TIDY: usize = 1_000;
/// How often old events are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

/// Runs as long as the process.
pub(in crate::sync) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        let mut tidied = None::<tokio::time::Instant>;
        loop {
            if tidied.is_none_or(|at| at.elapsed() > TIDY_EVERY) {
                tidy(&app).await?;
                tidied = Some(tokio::time::Instant::now());
            }
            let round = match app.wecom() {
                Some(client) => listen(&app, &client).await?,
                // Events wait until the firm is connected again.
                None => 0,
            };
            if round == 0 {
                tokio::select! {
                    () = app.sync.arrived.notified() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = app.stopped() => return Ok(()),
                }
            }
            if app.is_stopping() {
                return Ok(());
            }
        }
    })
}

/// Deals with what is due; gives how many events that were.
async fn listen(app: &Arc<App>, client: &Client) -> Result<usize> {
    let now = app.store.clock().now();
    let due = app.read(|r| signal::due(r, now, ROUND))?;
    let round = due.len();
    let mut by_target: HashMap<Target, Vec<[u8; 32]>> = HashMap::new();
    for signal in due {
        let Some(target) = signal.target else {
            continue;
        };
        match pilot::is_outside(app, client, &target, &signal.body).await {
            Ok(false) => by_target.entry(target).or_default().push(signal.digest),
            Ok(true) => set_aside(app, signal.digest).await?,
            Err(error) => put_off(app, vec![signal.digest], error).await?,
        }
    }
    stream::iter(by_target)
        .map(|(target, digests)| deal_with(app, client, target, digests))
        .buffer_unordered(ASKED_AT_ONCE)
        .fold(Ok(()), |so_far, ended| async { so_far.and(ended) })
        .await?;
    Ok(round)
}

/// Asks about one thing and applies the answer; the events about it are done in the same
/// write.
async fn deal_with(
    app: &Arc<App>,
    client: &Client,
    target: Target,
    digests: Vec<[u8; 32]>,
) -> Result<()> {
    for _ in 0..OVERTAKEN_MAX {
        let asked = app.sync.freshness.asking();
        let pulled = match pull::ask(app, client, &target).await {
            Ok(pulled) => pulled,
            Err(error) => return put_off(app, digests, error).await,
        };
        let (on, about, done) = (app.clone(), target.clone(), digests.clone());
        let applied = app
            .write(Act::by_system("sync.event", "callback"), move |w| {
                let freshness = &on.sync.freshness;
                if freshness.is_stale(&about, asked) {
                    return Ok(false);
                }
                pull::apply(w, &pulled)?;
                freshness.applied(&about, asked);
                for digest in done {
                    signal::finish(w, digest)?;
                }
                Ok(true)
            })
            .await?;
        if applied {
            return Ok(());
        }
    }
    let overtaken = AppError::Unavailable { why: "overtaken" };
    put_off(app, digests, overtaken).await
}

/// Keeps an event about somebody outside the pilot without reading anything.
async fn set_aside(app: &App, digest: [u8; 32]) -> Result<()> {
    app.write(Act::by_system("sync.event", "callback"), move |w| {
        Ok(signal::set_aside(w, digest)?)
    })
    .await
}

/// Notes a failed attempt on each event.
async fn put_off(app: &App, digests: Vec<[u8; 32]>, error: AppError) -> Result<()> {
    tracing::warn!(code = %error.code(), %error, events = digests.len(), "event not dealt with");
    app.write(Act::by_system("sync.event_failed", "callback"), move |w| {
        for digest in digests {
            signal::fail(w, digest, &error)?;
        }
        Ok(())
    })
    .await
}

async fn tidy(app: &App) -> Result<()> {
    let act = || Act::by_system("sync.event_tidy", "callback");
    while app.write(act(), |w| Ok(signal::tidy(w, TIDY)?)).await? > 0 {}
    Ok(())
}
