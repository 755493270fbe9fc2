//! The chat archive: whether messages or files will be lost unless somebody acts.

use crate::{
    app::App,
    archive::{alarm::Alarm, standing},
    error::Result,
};

use super::{Finding, Kind};

/// Looks at how the archive stands; nothing is found while it is off.
pub(super) fn examine(app: &App) -> Result<Vec<Finding>> {
    let now = app.store.clock().now();
    let outlook = app.read(|r| standing::outlook(app, r, now))?;
    let alarms = outlook.alarms(now);
    if outlook.is_on && alarms.is_empty() {
        return Ok(vec![Finding::of(Kind::ArchiveFine)]);
    }
    Ok(alarms.iter().map(finding).collect())
}

fn finding(alarm: &Alarm) -> Finding {
    let kind = match alarm {
        Alarm::Never { .. } => Kind::ArchiveNever,
        Alarm::Silent { .. } => Kind::ArchiveSilent,
        Alarm::Behind { .. } => Kind::ArchiveBehind,
        Alarm::Files { .. } => Kind::ArchiveFiles,
        Alarm::Locked { .. } => Kind::ArchiveLocked,
    };
    let found = Finding::of(kind).with("hours", alarm.hours());
    match alarm {
        Alarm::Files { n, .. } | Alarm::Locked { n, .. } => found.with("n", n),
        _ => found,
    }
}
