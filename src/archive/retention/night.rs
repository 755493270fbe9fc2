//! What is done every night: consent is asked for, and what has had its time goes.

use std::{sync::Arc, time::Duration};

use jiff::{ToSpan, civil::Time, tz::TimeZone};

use crate::{
    app::App,
    archive::{consent, link, model::Pull},
    error::Result,
    kit::Timestamp,
    slice::WorkerFuture,
    store::{Act, Read, StoreError},
    work::jobs::{self, NewJob},
};

use super::job::PURGE;

/// How often it is looked whether it is time.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Half past three in the firm's zone: behind the pass that reads WeCom.
const TIME: Time = Time::constant(3, 30, 0, 0);

/// How old every rule must be before anything goes by itself: a day.
const SETTLED_MS: i64 = 24 * 3_600_000;

/// Runs as long as the process.
pub(in crate::archive) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        while !app.is_stopping() {
            begin_what_is_due(&app).await?;
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = app.stopped() => {}
            }
        }
        Ok(())
    })
}

async fn begin_what_is_due(app: &App) -> Result<()> {
    let now = app.store.clock().now();
    let Some(last) = last_time(now, &app.zone()) else {
        return Ok(());
    };
    let may_ask = app.wecom().is_some() && link::in_use(app)?.is_some();
    let (asks, purges) = app.read(|r| {
        let asks = may_ask && is_consent_due(r, last)?;
        Ok::<_, StoreError>((asks, is_purge_due(r, last)?))
    })?;
    if !asks && !purges {
        return Ok(());
    }
    let act = Act::by_system("archive.night", "schedule");
    app.write(act, move |w| {
        if asks {
            consent::begin(w)?;
        }
        if purges {
            jobs::enqueue_once(
                w,
                NewJob {
                    kind: PURGE,
                    input: Vec::new(),
                    created_by: None,
                },
            )?;
        }
        Ok(())
    })
    .await?;
    app.jobs.notify_one();
    Ok(())
}

/// Consent is asked for once a night, from the first night after messages began to come.
fn is_consent_due(r: &Read<'_>, last: Timestamp) -> Result<bool, StoreError> {
    Ok(match jobs::latest(r, consent::KIND)? {
        Some(job) => job.created_at < last && job.state.is_final(),
        None => r.get::<Pull>(&1)?.is_some_and(|first| first.at < last),
    })
}

/// What has had its time goes in the night, once the rules are a day old: whoever changes one
/// has that day to look at what it does.
fn is_purge_due(r: &Read<'_>, last: Timestamp) -> Result<bool, StoreError> {
    let rules = super::rules(r)?;
    let ends_anything = rules.iter().any(|rule| rule.days.is_some());
    let settled = last.plus_ms(-SETTLED_MS);
    let are_settled = rules.iter().all(|rule| rule.changed_at <= settled);
    if !ends_anything || !are_settled {
        return Ok(false);
    }
    let newest = jobs::latest(r, PURGE)?;
    Ok(newest.is_none_or(|job| job.created_at < last && job.state.is_final()))
}

/// The last time it was time.
fn last_time(now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let here = now.to_jiff().to_zoned(zone.clone());
    let today = here.with().time(TIME).build().ok()?;
    let last = match today <= here {
        true => today,
        false => today.checked_sub(1.day()).ok()?,
    };
    Some(Timestamp::from_ms(last.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::{super::model::RetentionRule, *};
    use crate::{archive::tests::Archive, kit::Id};

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_ms(at.as_millisecond())
    }

    #[test]
    fn the_last_time_is_that_of_the_firms_clock() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let last = |now| last_time(at(now), &zone).unwrap();
        assert_eq!(last("2026-03-01T19:29:59Z"), at("2026-02-28T19:30:00Z"));
        assert_eq!(last("2026-03-01T19:30:00Z"), at("2026-03-01T19:30:00Z"));
    }

    #[test]
    fn nothing_goes_by_itself_before_the_rules_are_a_day_old() {
        let archive = Archive::new();
        let keep = |changed: &str, days| {
            let rule = RetentionRule {
                id: Id::from_bits(900),
                unit: None,
                sort: None,
                days,
                changed_at: at(changed),
            };
            let act = Act::by_system("retention.rule", "archive");
            let kept = archive
                .store
                .write_blocking(act, move |w| Ok(w.put(&rule)?));
            kept.unwrap();
        };
        let due = |last: &str| archive.read(|r| is_purge_due(r, at(last)).unwrap());
        // Nights are at 19:30 here; a minute before one, late in the evening, and on the minute.
        for (changed, first) in [
            ("2026-03-01T19:29:00Z", 2),
            ("2026-03-01T19:30:00Z", 2),
            ("2026-03-01T19:31:00Z", 3),
            ("2026-03-02T15:00:00Z", 3),
        ] {
            keep(changed, Some(30));
            for night in 1..5 {
                let last = format!("2026-03-0{night}T19:30:00Z");
                assert_eq!(due(&last), night >= first, "{changed} {night}");
            }
        }
        keep("2026-03-01T00:00:00Z", None);
        assert!(
            !due("2026-03-04T19:30:00Z"),
            "what ends nothing begins nothing"
        );
    }
}
