//! `/welcome/{id}`: a message, and what it has come to.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    org::Sight,
    outreach::form::Preview,
    store::Read,
    view,
    web::{Cx, Form, Shown, filters},
    work::pages::Nothing,
};

use super::{
    super::{
        actions::{self, DeleteWelcome, PauseWelcome},
        model::{Greeting, Source, Welcome, WelcomeId},
        queries::{self, Counts},
    },
    HERE,
    list::{LATELY_MS, Writing},
};

/// Greetings that are shown one by one.
const SHOWN: usize = 20;

/// One greeting.
pub(super) struct Line {
    pub(super) at: Timestamp,
    pub(super) member: String,
    pub(super) standing: (&'static str, &'static str),
    /// How long it took, milliseconds.
    pub(super) took: Option<i64>,
    pub(super) left_out: String,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/welcome.html", blocks = ["title"])]
pub(in crate::outreach) struct WelcomePage {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) whose: String,
    pub(super) when: String,
    pub(super) is_paused: bool,
    pub(super) preview: Preview,
    pub(super) counts: Counts,
    pub(super) lines: Vec<Line>,
    pub(super) may_change: bool,
    pub(super) changed_at: Timestamp,
    pub(super) writing: Option<Writing>,
}
view!(WelcomePage);

/// Shows it.
pub(in crate::outreach) async fn show(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<WelcomePage>> {
    let id = super::parse(&id)?;
    let page = app.read(|r| {
        let scope = viewer.scope(r, Permission::OutreachManage)?;
        let directory = app.directory.get(r)?;
        let welcome = found(r, id)?;
        if !queries::is_visible(&scope, &directory, welcome.whose) {
            return Err(AppError::NotFound { what: "welcome" });
        }
        let sight = Sight::new(directory.clone(), &scope);
        let source = Source::Welcome(id);
        let latest = queries::latest(r, source, SHOWN)?;
        let lines = latest.iter().map(|greeting| line(r, &cx, &sight, greeting));
        Ok(WelcomePage {
            id: id.to_string(),
            whose: super::whose_name(&cx, &directory, welcome.whose),
            when: super::when_name(&cx, &welcome),
            is_paused: welcome.is_paused,
            preview: Preview::of_content(r, &cx, &welcome.content)?,
            counts: queries::counts(r, source, cx.now.plus_ms(-LATELY_MS))?,
            lines: lines.collect::<Result<_>>()?,
            may_change: actions::decides(&scope, &directory, welcome.whose),
            changed_at: welcome.changed_at,
            writing: Writing::of(r, &viewer)?,
            name: welcome.name,
        })
    })?;
    Ok(Shown::of(page))
}

pub(super) fn found(r: &Read<'_>, id: WelcomeId) -> Result<Welcome> {
    let welcome = r.get::<Welcome>(&id)?;
    welcome.ok_or(AppError::NotFound { what: "welcome" })
}

/// Greetings of members out of scope are counted and named by nobody.
fn line(r: &Read<'_>, cx: &Cx, sight: &Sight, greeting: &Greeting) -> Result<Line> {
    let member = greeting.member.filter(|member| sight.sees(*member));
    Ok(Line {
        at: greeting.at,
        member: member.map_or("—", |member| sight.name(member)).to_owned(),
        standing: queries::standing(r, greeting)?.shown(),
        took: greeting
            .sent_at
            .map(|sent| sent.since_ms(greeting.at).max(0)),
        left_out: greeting.left_out.join(&cx.t("welcome.and")),
    })
}

/// Whether it is not used for now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach) struct Paused {
    #[serde(default)]
    paused: bool,
}

/// Stops it, or goes on.
pub(in crate::outreach) async fn pause(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<Paused>,
) -> Result<Shown<WelcomePage>> {
    let id = super::parse(&id)?;
    let is_paused = form.values.paused;
    let command = PauseWelcome {
        id,
        is_paused,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "welcome.pause", command, actions::pause)
        .await?;
    let said = match is_paused {
        true => "welcome.was_paused",
        false => "welcome.goes_on",
    };
    Ok(Shown::go_to(format!("{HERE}/{id}")).toast(said, ()))
}

/// Deletes it.
pub(in crate::outreach) async fn delete(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<WelcomePage>> {
    let command = DeleteWelcome {
        id: super::parse(&id)?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "welcome.delete", command, actions::delete)
        .await?;
    Ok(Shown::go_to(HERE).toast("welcome.deleted", ()))
}
