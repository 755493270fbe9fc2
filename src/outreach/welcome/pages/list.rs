//! `/welcome`: what greets new customers.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::Directory,
    store::Read,
    view,
    web::{
        Cx, Shown, filters,
        parts::{Empty, EmptyKind, Link, Tab},
    },
    work::{
        effects::{self, Area, WriteMode},
        outbox,
    },
};

use super::{
    super::{
        model::{Source, Welcome},
        queries,
    },
    HERE,
};

/// What counts as lately, in milliseconds.
pub(super) const LATELY_MS: i64 = 30 * 86_400_000;

/// One message.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) text: String,
    pub(super) assets: usize,
    pub(super) whose: String,
    pub(super) when: String,
    pub(super) is_paused: bool,
    pub(super) sent: usize,
    pub(super) missed: usize,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/welcomes.html", blocks = ["title", "list"])]
pub(in crate::outreach) struct WelcomesPage {
    pub(super) tabs: Vec<Tab>,
    pub(super) lines: Vec<Line>,
    pub(super) empty: Empty,
    /// What Qitai may do at WeCom, if it may not greet.
    pub(super) writing: Option<Writing>,
}
view!(WelcomesPage, "list" => as_list);

/// That nothing is sent, and where that can be changed.
pub(in crate::outreach::welcome) struct Writing {
    /// Catalogue key of the sentence.
    pub(in crate::outreach::welcome) word: &'static str,
    pub(in crate::outreach::welcome) href: Option<&'static str>,
}

impl Writing {
    /// None where greetings are sent.
    pub(in crate::outreach::welcome) fn of(r: &Read<'_>, viewer: &Viewer) -> Result<Option<Self>> {
        let word = match effects::mode(r, Area::Outreach)? {
            WriteMode::On => return Ok(None),
            WriteMode::Off => "welcome.writing_off",
            WriteMode::DryRun => "welcome.rehearsing",
        };
        let may = viewer.may(Permission::SettingsManage);
        Ok(Some(Self {
            word,
            href: may.then_some(outbox::WRITING),
        }))
    }
}

/// Shows the messages that greet customers of the viewer's.
pub(in crate::outreach) async fn index(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<WelcomesPage>> {
    let page = app.read(|r| {
        let scope = viewer.scope(r, Permission::OutreachManage)?;
        let directory = app.directory.get(r)?;
        let found = queries::visible(r, &scope, &directory)?;
        let line = |welcome: Welcome| line(r, &cx, &directory, welcome);
        Ok::<_, AppError>(WelcomesPage {
            tabs: super::tabs(&cx, HERE),
            lines: found.into_iter().map(line).collect::<Result<_>>()?,
            empty: empty(&cx),
            writing: Writing::of(r, &viewer)?,
        })
    })?;
    Ok(Shown::of(page))
}

fn line(r: &Read<'_>, cx: &Cx, directory: &Directory, welcome: Welcome) -> Result<Line> {
    let since = cx.now.plus_ms(-LATELY_MS);
    let counts = queries::counts(r, Source::Welcome(welcome.id), since)?;
    Ok(Line {
        id: welcome.id.to_string(),
        whose: super::whose_name(cx, directory, welcome.whose),
        when: super::when_name(cx, &welcome),
        assets: welcome.content.attachments.len(),
        text: welcome.content.text,
        name: welcome.name,
        is_paused: welcome.is_paused,
        sent: counts.sent,
        missed: counts.missed,
    })
}

fn empty(cx: &Cx) -> Empty {
    Empty {
        kind: EmptyKind::NothingYet,
        title: cx.t("welcome.none").into_owned(),
        hint: cx.t("welcome.none_hint").into_owned(),
        action: Some(Link {
            label: cx.t("welcome.new").into_owned(),
            href: format!("{HERE}/new"),
        }),
        other: None,
    }
}
