//! How long the puller waits between two questions, and what ends its waiting.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{app::App, error::Result};

use super::{Puller, key_ring, link};

/// Time between any two questions, whatever happens: 600 a minute are allowed.
pub(super) const PACE: Duration = Duration::from_millis(125);
/// Time between two questions when nothing was new and no event woke the puller.
const IDLE: Duration = Duration::from_secs(20);

/// How long to wait before the next question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// There is more.
    Pace,
    /// There was nothing: an event may end it.
    Idle,
    /// It did not work. Events do not end it, since anybody can cause them and each would be
    /// one more question to somebody who has just refused; other settings or keys do.
    BackOff(Duration),
}

impl Puller {
    pub(super) async fn rest(&self, pause: Pause) -> Result<()> {
        wait(&self.app, PACE).await;
        match pause {
            Pause::Pace => Ok(()),
            Pause::Idle => {
                self.app.archive.rest(&self.app, IDLE).await;
                Ok(())
            }
            Pause::BackOff(time) => self.back_off(time).await,
        }
    }

    async fn back_off(&self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while !self.app.is_stopping() && !self.is_set_up_otherwise()? {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.app.archive.rest(&self.app, left).await;
            // However often it is woken, it looks at the settings now and then only.
            wait(&self.app, PACE).await;
        }
        Ok(())
    }

    /// Whether somebody has changed what the last attempt failed with.
    fn is_set_up_otherwise(&self) -> Result<bool> {
        if link::in_use(&self.app)?.as_ref() != Some(&self.settings) {
            return Ok(true);
        }
        let versions = self.app.read(key_ring::versions)?;
        let is_known = |version: u32, fingerprint: &str| {
            let key = self.keys.get(&version);
            key.is_some_and(|key| key.fingerprint() == fingerprint)
        };
        let known = versions
            .iter()
            .filter(|k| is_known(k.version, &k.fingerprint));
        Ok(known.count() != versions.len())
    }
}

/// Waits so long; only the end of the process cuts it short.
async fn wait(app: &App, time: Duration) {
    tokio::select! {
        () = sleep(time) => {}
        () = app.stopped() => {}
    }
}
