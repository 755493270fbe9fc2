//! `/settings/backup/resume`: what is wrong with the folder, and going on with it all the same.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    audit::{log, seen::Doubt},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    view,
    web::{Cx, Form, FormState, Shown, filters},
};

use super::RESUME;

/// A reason has at least so many characters.
const REASON_CHARS_MIN: usize = 4;

/// What is wrong with the folder.
struct Trouble {
    /// What happened, in the reader's language.
    what: String,
    /// Entries and time of what was seen last.
    seen: Option<(u64, Timestamp)>,
    /// Entries it had when it was opened.
    found: u64,
    /// The time of its newest entry at that moment, RFC 3339.
    newest: Option<Timestamp>,
}

/// The page.
#[derive(Template)]
#[template(path = "custody/resume.html", blocks = ["title"])]
pub(super) struct ResumePage {
    trouble: Option<Trouble>,
    form: FormState,
}
view!(ResumePage);

/// Shows the doubt, if there is one.
pub(super) async fn index(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<ResumePage>> {
    app.read(|r| viewer.scope(r, Permission::SettingsManage).map(drop))?;
    page(&app, &cx, FormState::empty()).map(Shown::of)
}

fn page(app: &App, cx: &Cx, form: FormState) -> Result<ResumePage> {
    let trouble = match app.doubt() {
        Some(doubt) => Some(trouble(app, cx, &doubt)?),
        None => None,
    };
    Ok(ResumePage { trouble, form })
}

fn trouble(app: &App, cx: &Cx, doubt: &Doubt) -> Result<Trouble> {
    let newest = app.read(|r| match doubt.size.checked_sub(1) {
        Some(seq) => log::written_at(r, seq),
        None => Ok(None),
    })?;
    let what = format!("custody.why.{}", doubt.why.code());
    Ok(Trouble {
        what: cx.t(&what).into_owned(),
        seen: doubt.seen.as_ref().map(|seen| (seen.size, seen.at)),
        found: doubt.size,
        newest,
    })
}

/// The decision.
#[derive(Deserialize)]
pub(super) struct Decision {
    reason: String,
}

impl Decision {
    fn parse(self) -> Result<String> {
        let reason = self.reason.trim();
        if reason.chars().count() < REASON_CHARS_MIN {
            return Err(AppError::field("reason", "custody.reason_short"));
        }
        Ok(reason.to_owned())
    }
}

/// Goes on with the folder as it is.
pub(super) async fn resume(
    viewer: Viewer,
    form: Form<Decision>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ResumePage>> {
    let done = match form.values.parse() {
        Ok(reason) => {
            let app = app.clone().into_inner();
            // Files and the log: not for a thread that serves.
            tokio::task::spawn_blocking(move || app.resume(&viewer, &reason))
                .await
                .map_err(AppError::internal)?
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(done)? {
        Ok(()) => Shown::go_to(RESUME).toast("custody.resumed", ()),
        Err(form) => Shown::of(page(&app, &cx, form)?).invalid(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn the_page_renders_with_and_without_trouble() {
        let at = Timestamp::from_s(1_790_000_000);
        for seen in [None, Some((1_204_331, at))] {
            check_page(&ResumePage {
                trouble: Some(Trouble {
                    what: HOSTILE.into(),
                    seen,
                    found: 7,
                    newest: seen.map(|_| at),
                }),
                form: FormState::with_values([("reason", HOSTILE.to_owned())]),
            });
        }
        check_page(&ResumePage {
            trouble: None,
            form: FormState::empty(),
        });
    }
}
