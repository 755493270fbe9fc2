//! `/settings/doctor`: the examination, by topic.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::Result,
    identity::{Permission, Viewer},
    rollout::doctor::{self, Finding, Level},
    view,
    web::{Cx, Shown, filters},
};

use super::Line;

/// One topic's findings.
struct Topic {
    /// Catalogue key.
    title: String,
    lines: Vec<Line>,
}

/// The page.
#[derive(Template)]
#[template(path = "rollout/doctor.html", blocks = ["title", "findings"])]
pub(in crate::rollout) struct DoctorPage {
    topics: Vec<Topic>,
    bad: usize,
    warned: usize,
}
view!(DoctorPage, "findings" => as_findings);

const TOPICS: [&str; 5] = ["account", "callback", "archive", "network", "machine"];

/// Examines everything now. Looking is on record, because it calls WeCom.
pub(in crate::rollout) async fn show(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<DoctorPage>> {
    let act = viewer.view("doctor.run");
    app.write(act, move |w| {
        viewer
            .scope(&w.read(), Permission::SettingsManage)
            .map(drop)
    })
    .await?;
    let found = doctor::examine(&app, true).await?;
    Ok(Shown::of(page(&found, &cx)))
}

fn page(found: &[Finding], cx: &Cx) -> DoctorPage {
    let topic = |topic: &str| {
        let mut own: Vec<&Finding> = found.iter().filter(|f| f.topic() == topic).collect();
        // What needs a hand stands first.
        own.sort_by_key(|f| std::cmp::Reverse(f.level()));
        Topic {
            title: format!("doctor.topic.{topic}"),
            lines: own.iter().map(|f| Line::of(f, cx)).collect(),
        }
    };
    let count = |level: Level| found.iter().filter(|f| f.level() == level).count();
    DoctorPage {
        topics: TOPICS
            .into_iter()
            .map(topic)
            .filter(|t| !t.lines.is_empty())
            .collect(),
        bad: count(Level::Bad),
        warned: count(Level::Warn),
    }
}
