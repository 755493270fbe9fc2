//! The pass of every night: at a time of the firm's choice, a little later in each
//! installation so that not all knock at once. A night that was missed is made up for.

use std::{sync::Arc, time::Duration};

use jiff::{ToSpan, civil::Time, tz::TimeZone};
use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Timestamp,
    slice::WorkerFuture,
    store::{Act, AuditView, Class, Entity, Read, StoreError, TableSpec, Write},
    work::{JobState, jobs},
};

use super::{KIND, repairs};

/// How often it is looked whether it is time.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// It begins at most so many minutes after the time chosen.
const JITTER_MINUTES: u64 = 20;
/// Half past two.
const DEFAULT_MINUTE: u16 = 150;
/// Minutes of a day.
const DAY_MINUTES: u16 = 1_440;
/// Old repairs forgotten in one write.
const TIDY: usize = 1_000;

/// nightly-settings: when the pass of the night begins. One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct NightlySettings {
    /// Whether there is one.
    #[n(0)]
    pub is_on: bool,
    /// Minute of the day in the firm's zone.
    #[n(1)]
    pub minute: u16,
}

impl Default for NightlySettings {
    fn default() -> Self {
        Self {
            is_on: true,
            minute: DEFAULT_MINUTE,
        }
    }
}

/// The key of the one row.
const FIRM: &str = "firm";

impl NightlySettings {
    /// As they are.
    pub fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        Ok(r.get(&FIRM.to_owned())?.unwrap_or_default())
    }

    /// `02:30`.
    pub fn clock(self) -> String {
        format!("{:02}:{:02}", self.minute / 60, self.minute % 60)
    }

    /// The minute of `02:30`.
    pub fn parse(clock: &str) -> Option<u16> {
        let (hour, minute) = clock.trim().split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    }

    /// The last time it was due and the next, with the installation's own delay.
    pub(super) fn times(
        self,
        now: Timestamp,
        zone: &TimeZone,
        delay_ms: i64,
    ) -> Option<(Timestamp, Timestamp)> {
        let minute = self.minute.min(DAY_MINUTES - 1);
        let hour = i8::try_from(minute / 60).ok()?;
        let minute = i8::try_from(minute % 60).ok()?;
        let time = Time::new(hour, minute, 0, 0).ok()?;
        // As if the delay were no part of the day: it may lead past midnight.
        let here = now.plus_ms(-delay_ms).to_jiff().to_zoned(zone.clone());
        let today = here.with().time(time).build().ok()?;
        let (last, next) = match today <= here {
            true => (today.clone(), today.checked_add(1.day()).ok()?),
            false => (today.checked_sub(1.day()).ok()?, today.clone()),
        };
        let at = |zoned: jiff::Zoned| {
            Timestamp::from_ms(zoned.timestamp().as_millisecond()).plus_ms(delay_ms)
        };
        Some((at(last), at(next)))
    }
}

impl Entity for NightlySettings {
    const KIND: &'static str = "nightly_settings";
    const TABLE: &'static str = "nightly-settings-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        vec![("on", self.is_on.into()), ("time", self.clock().into())]
    }
}

/// The table.
pub(super) const TABLES: [TableSpec; 1] = [TableSpec::of::<NightlySettings>()];

/// Changes when the pass of the night begins.
#[derive(Debug, Clone, Copy)]
pub struct SaveNightly {
    /// The settings to be.
    pub settings: NightlySettings,
}

impl Command for SaveNightly {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

/// Keeps the change.
pub fn save(w: &mut Write<'_>, allowed: Allowed<SaveNightly>) -> Result<()> {
    let settings = allowed.into_command().settings;
    if settings.minute >= DAY_MINUTES {
        return Err(AppError::field("time", "sync.wrong_time"));
    }
    Ok(w.put(&settings)?)
}

/// The installation's own delay: always the same, and another in each.
pub(super) fn delay_ms(app: &App) -> i64 {
    let id = app.store.vault().folder_id();
    let sum = id.bytes().fold(7u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    i64::try_from(sum % (JITTER_MINUTES * 60)).unwrap_or(0) * 1_000
}

/// Whether the pass of the night is due, or was and nobody has made it.
pub(super) fn is_due(app: &App, now: Timestamp) -> Result<bool> {
    let delay = delay_ms(app);
    let zone = app.zone();
    let due = app.read(|r| {
        let settings = NightlySettings::load(r)?;
        let times = settings.times(now, &zone, delay).filter(|_| settings.is_on);
        let Some((last, _)) = times else {
            return Ok::<_, AppError>(false);
        };
        // Before the first complete pass it is for a person to begin.
        if jobs::latest_in(r, KIND, JobState::Done)?.is_none() {
            return Ok(false);
        }
        let newest = jobs::latest(r, KIND)?;
        Ok(newest.is_some_and(|job| job.created_at < last && job.state.is_final()))
    })?;
    Ok(due && app.wecom().is_some())
}

/// Begins the pass of the night as long as the process runs.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        let act = || Act::by_system("sync.nightly", "schedule");
        while !app.is_stopping() {
            if is_due(&app, app.store.clock().now())? {
                app.write(act(), |w| {
                    repairs::tidy(w, TIDY)?;
                    Ok(super::enqueue(w)?)
                })
                .await?;
                app.jobs.notify_one();
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = app.stopped() => {}
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_ms(at.as_millisecond())
    }

    #[test]
    fn the_last_and_the_next_time_are_those_of_the_firms_clock() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let settings = NightlySettings::default();
        let times = |now, delay| settings.times(at(now), &zone, delay).unwrap();
        // 02:29 there.
        let (last, next) = times("2026-03-01T18:29:00Z", 0);
        assert_eq!(last, at("2026-02-28T18:30:00Z"));
        assert_eq!(next, at("2026-03-01T18:30:00Z"));
        let (last, next) = times("2026-03-01T18:30:00Z", 0);
        assert_eq!(last, at("2026-03-01T18:30:00Z"));
        assert_eq!(next, at("2026-03-02T18:30:00Z"));
        let (last, _) = times("2026-03-01T18:39:59Z", 600_000);
        assert_eq!(last, at("2026-02-28T18:40:00Z"), "the delay counts");
    }

    #[test]
    fn a_time_is_read_as_it_is_written() {
        for minute in [0, 150, 1_439] {
            let settings = NightlySettings {
                is_on: true,
                minute,
            };
            assert_eq!(NightlySettings::parse(&settings.clock()), Some(minute));
        }
        for wrong in ["", "24:00", "12:60", "noon", "1", "-1:00"] {
            assert_eq!(NightlySettings::parse(wrong), None, "{wrong}");
        }
    }
}
