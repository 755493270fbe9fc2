//! Robots (机器人): who of those that write is one, and what it is called, which only WeCom can
//! tell.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    app::App,
    error::{AppError, Result},
    store::{Act, Read, StoreError},
    wecom::quota::Urgency,
};

use super::model::{Party, PartyKind};

/// A name is asked for again after so long, ms: robots are renamed.
const FRESH_MS: i64 = 7 * 86_400_000;
/// Robots that are asked about in one round.
const ASKED_MAX: usize = 50;

/// The robots among the parties, as far as these have been looked through.
#[derive(Default)]
pub(super) struct Robots(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The last party that was looked at.
    last: u32,
    numbers: Vec<u32>,
}

impl Robots {
    /// All robots, by number.
    fn all(&self, r: &Read<'_>) -> Result<Vec<u32>, StoreError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for party in r.all::<Party>(Some(&known.last))? {
            let party = party?;
            if party.kind == PartyKind::Robot {
                known.numbers.push(party.no);
            }
            known.last = party.no;
        }
        Ok(known.numbers.clone())
    }
}

/// Asks about robots whose name was never asked for, or long ago. One that WeCom does not know
/// any more keeps the name it had.
pub(super) async fn name_robots(app: &Arc<App>) -> Result<()> {
    let step = app.clone();
    let due = tokio::task::spawn_blocking(move || step.read(|r| due(&step, r)));
    let due = due.await.map_err(AppError::internal)??;
    let Some(client) = app.wecom() else {
        return Ok(());
    };
    let client = client.at(Urgency::Bulk);
    for (no, robot_id) in due {
        if app.is_stopping() {
            return Ok(());
        }
        let name = match client.robot(&robot_id).await {
            Ok(robot) => robot.map(|robot| robot.name),
            Err(error) => {
                // The archive's secret may lack the right; the next round asks again.
                tracing::info!(%error, "a robot's name could not be asked for");
                return Ok(());
            }
        };
        let act = Act::by_system("archive.robot", "archive");
        app.write(act, move |w| {
            if let Some(mut party) = w.get::<Party>(&no)? {
                party.asked_at = Some(w.now());
                if let Some(name) = name.filter(|name| !name.is_empty()) {
                    party.name = name;
                }
                w.put(&party)?;
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Robots to be asked about: number and WeCom's id.
fn due(app: &App, r: &Read<'_>) -> Result<Vec<(u32, String)>> {
    let now = app.store.clock().now();
    let mut found = Vec::new();
    for no in app.archive.robots.all(r)? {
        let Some(party) = r.get::<Party>(&no)? else {
            continue;
        };
        if party.asked_at.is_none_or(|at| now.since_ms(at) > FRESH_MS) {
            found.push((no, party.wecom_id));
        }
        if found.len() == ASKED_MAX {
            break;
        }
    }
    Ok(found)
}
