//! Lets go of rows: those of finished imports when they can no longer be undone, those of
//! drafts after a day.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    error::Result,
    kit::Timestamp,
    slice::WorkerFuture,
    store::{Act, Read, StoreError, Write},
    work::Job,
};

use super::{
    model::{Block, Import, ImportId, Outcome, UNDO_MS},
    tables::{outcomes, place},
};

/// How often it is looked.
const PAUSE: Duration = Duration::from_secs(600);
/// Rows of the store let go in one write.
const STRETCH: usize = 200;

/// Runs until the app stops.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        loop {
            sweep(&app).await?;
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = app.stopped() => return Ok(()),
            }
        }
    })
}

pub(super) async fn sweep(app: &App) -> Result<()> {
    let now = app.store.clock().now();
    let due: Vec<Import> = app.read(|r| {
        let mut due = Vec::new();
        for import in r.all::<Import>(None)? {
            let import = import?;
            if !import.swept && is_over(r, &import, now)? {
                due.push(import);
            }
        }
        Ok::<_, StoreError>(due)
    })?;
    for import in due {
        while clear(app, import.id, import.blocks()).await? {}
    }
    Ok(())
}

fn is_over(r: &Read<'_>, import: &Import, now: Timestamp) -> Result<bool, StoreError> {
    let mut last = import.created_at;
    for job in import.job.iter().chain(&import.undo) {
        match r.get::<Job>(job)? {
            Some(job) if !job.state.is_final() => return Ok(false),
            Some(job) => last = last.max(job.finished_at.unwrap_or(last)),
            None => {}
        }
    }
    Ok(now.since_ms(last) > UNDO_MS)
}

/// Deletes a stretch; whether there is more.
async fn clear(app: &App, id: ImportId, blocks: u32) -> Result<bool> {
    app.write(
        Act::by_system("import.sweep", "import"),
        move |w: &mut Write<'_>| {
            let found = outcomes(&w.read(), id)?.take(STRETCH);
            let found: Vec<Outcome> = found.collect::<Result<_, _>>()?;
            for outcome in &found {
                w.delete::<Outcome>(&place(id, outcome.no))?;
            }
            if found.len() == STRETCH {
                return Ok(true);
            }
            for no in 0..blocks {
                w.delete::<Block>(&place(id, no))?;
            }
            if let Some(mut import) = w.get::<Import>(&id)? {
                import.swept = true;
                w.put(&import)?;
            }
            Ok(false)
        },
    )
    .await
}
