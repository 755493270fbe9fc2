//! The screens: settings, and the wizard in `setup/`.

pub(super) mod about;
pub(super) mod company;
pub(super) mod doctor;
pub(super) mod pilot;
pub(super) mod setup;
pub(super) mod wecom;

use actix_web::HttpRequest;

use crate::{app::App, web::Cx};

use super::doctor::{Finding, Level};

/// Where `/settings` leads: to the first tab the viewer may open.
pub(super) async fn settings(cx: Cx) -> crate::web::Shown<about::AboutPage> {
    let first = cx.shell.settings.first();
    crate::web::Shown::go_to(first.map_or("/me", |(_, href)| href))
}

/// A finding as pages show it; `templates/rollout/parts.html` has the macro.
pub(super) struct Line {
    pub(super) tone: &'static str,
    pub(super) icon: &'static str,
    /// Catalogue key of the level's name, for those who do not see the icon.
    pub(super) level: &'static str,
    pub(super) what: String,
    pub(super) fix: String,
}

impl Line {
    pub(super) fn of(finding: &Finding, cx: &Cx) -> Self {
        let (icon, level) = match finding.level() {
            Level::Ok => ("check", "doctor.level.ok"),
            Level::Warn => ("info", "doctor.level.warn"),
            Level::Bad => ("warn", "doctor.level.bad"),
        };
        Self {
            tone: finding.level().code(),
            icon,
            level,
            what: finding.what(cx.lang()),
            fix: finding.fix(cx.lang()),
        }
    }
}

/// What a page shows of a secret: its last four characters, and nothing of a short one.
pub(super) fn tail(secret: &crate::kit::Secret<String>) -> String {
    let text = secret.expose();
    let chars = text.chars().count();
    match chars > 12 {
        true => format!("••••{}", text.chars().skip(chars - 4).collect::<String>()),
        false => "••••".to_owned(),
    }
}

/// The address of this server as the browser has it.
fn own_address(app: &App, req: &HttpRequest) -> String {
    let info = req.connection_info();
    let scheme = match app.is_secure() {
        true => "https",
        false => "http",
    };
    format!("{scheme}://{}", info.host())
}
