//! Who sends a request: from cookie or token to [`Viewer`], and the frame around the pages.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;

use crate::{
    app::App,
    custody,
    error::{AppError, Result},
    identity::{
        Permission, Preferences, Viewer,
        actions::{self, SavePreferences},
    },
    kit::{OperationId, Timestamp},
    rollout,
    slice::{Access, NavGroup, Slice},
    store::{Act, Channel, Origin, Read, SubjectId, operation},
    sync,
    web::{
        self, Chosen, Density, FormSecret, Lang, OperationBook, Prefs, Shell, ShellUser, Theme,
        Visit, cookies,
    },
    work::{JobState, jobs},
};

/// Base name of the session's cookie.
pub const SESSION_COOKIE: &str = "qitai";
/// Characters of a device's own name that are kept.
const DEVICE_CHARS_MAX: usize = 200;

/// Finds out who sends a request. One that nobody attends, as open pages send them, keeps no
/// session alive.
pub fn visit(
    app: &App,
    slices: &[Slice],
    (req, request_id): (&HttpRequest, &str),
    is_attended: bool,
) -> Result<Visit> {
    let now = app.store.clock().now();
    let origin = origin(app, req, request_id);
    app.read(|r| {
        let by_bearer = bearer(req).is_some();
        let viewer = match (bearer(req), session_token(app, req)) {
            (Some(token), _) => Some(Viewer::authenticate_token(r, token, origin, now)?),
            // A session that has ended is nobody: the page leads to the sign-in.
            (None, Some(token)) => Viewer::authenticate_session(r, &token, origin, now).ok(),
            (None, None) => None,
        };
        let shell = shell(app, r, slices, viewer.as_ref(), by_bearer)?;
        let shell = Arc::new(shell);
        let Some(viewer) = viewer else {
            return Ok(Visit::nobody(shell));
        };
        if is_attended {
            touch(app, &viewer)?;
        }
        let visit = Visit {
            form_secret: viewer.form_secret().map(|secret| FormSecret::new(*secret)),
            shell,
            prefs: viewer.account().and_then(|a| looks(&a.preferences)),
            by_bearer,
        };
        req.extensions_mut().insert(viewer);
        Ok(visit)
    })
}

/// Notes that the session is in use, at most once a minute, without waiting.
fn touch(app: &App, viewer: &Viewer) -> Result<()> {
    if !viewer.is_touch_due() {
        return Ok(());
    }
    let viewer = viewer.clone();
    let act = Act::by_system("session.touch", "session");
    app.store
        .write_later(act, move |w| actions::touch(w, &viewer))
}

/// The looks an account has chosen; one that never chose is shown as the browser's cookie says.
fn looks(kept: &Preferences) -> Option<Prefs> {
    Some(Prefs {
        lang: Lang::of_tag(&kept.lang)?,
        theme: Theme::of_tag(&kept.theme),
        density: Density::of_tag(&kept.density),
        shortcuts: !kept.shortcuts_off,
    })
}

/// Keeps with the account how its owner wants to see pages.
pub fn keep(
    app: Arc<App>,
    req: &HttpRequest,
    chosen: Chosen,
) -> LocalBoxFuture<'static, Result<()>> {
    let viewer = req.extensions().get::<Viewer>().cloned();
    Box::pin(async move {
        let Some(viewer) = viewer else { return Ok(()) };
        let Some(account) = viewer.account() else {
            return Ok(());
        };
        let prefs = chosen.prefs;
        let mut preferences = Preferences {
            lang: match prefs.lang {
                Lang::Zh => "zh".to_owned(),
                Lang::En => "en".to_owned(),
            },
            theme: prefs.theme.tag().to_owned(),
            density: prefs.density.tag().to_owned(),
            shortcuts_off: !prefs.shortcuts,
            columns: account.preferences.columns.clone(),
        };
        if let Some((list, columns)) = chosen.columns {
            preferences.columns.insert(list, columns);
        }
        let act = viewer.change("account.preferences");
        app.write(act, move |w| {
            let allowed = viewer.allow(w, SavePreferences { preferences })?;
            actions::save_preferences(w, allowed)
        })
        .await
    })
}

fn bearer(req: &HttpRequest) -> Option<&str> {
    let value = req.headers().get("authorization")?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}

/// The token in the session's cookie.
pub fn session_token(app: &App, req: &HttpRequest) -> Option<String> {
    let cookie = req.cookie(&cookies::name(SESSION_COOKIE, app.is_secure()))?;
    Some(cookie.value().to_owned()).filter(|token| !token.is_empty())
}

/// From where a request comes. The forwarded address counts only behind a declared proxy,
/// and of it the last part: the one that proxy itself has seen.
pub fn origin(app: &App, req: &HttpRequest, request_id: &str) -> Origin {
    let header = |name: &str| req.headers().get(name).and_then(|v| v.to_str().ok());
    let peer = req.peer_addr().map(|addr| addr.ip());
    let forwarded = header("x-forwarded-for")
        .filter(|_| app.config.behind_proxy)
        .and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
    let device: Option<String> =
        header("user-agent").map(|text| text.chars().take(DEVICE_CHARS_MAX).collect());
    let is_api = ["/api/", "/scim/"]
        .iter()
        .any(|p| req.path().starts_with(p));
    Origin {
        channel: if is_api { Channel::Api } else { Channel::Web },
        ip: forwarded.or(peer),
        device,
        request: request_id.to_owned(),
        operation: Arc::default(),
    }
}

/// The frame: the firm, who is signed in, what they may open, when data was last synced.
fn shell(
    app: &App,
    r: &Read<'_>,
    slices: &[Slice],
    viewer: Option<&Viewer>,
    by_bearer: bool,
) -> Result<Shell> {
    let logo = rollout::queries::logo_address(&rollout::queries::firm(r)?);
    let firm = rollout::queries::name(app, r)?;
    let Some(viewer) = viewer else {
        return Ok(Shell {
            firm,
            logo,
            ..Shell::default()
        });
    };
    let user = viewer.account().map(|account| ShellUser {
        id: account.id.to_string(),
        name: account.name.clone(),
        role_key: role_key(viewer.role()),
    });
    let synced_at = jobs::latest_in(r, sync::KIND, JobState::Done)?.and_then(|j| j.finished_at);
    Ok(Shell {
        firm,
        logo,
        user,
        nav: nav(slices, viewer, |href| {
            // Programs see no menu.
            (!by_bearer).then(|| badge(app, r, slices, viewer, href))?
        }),
        settings: settings(slices, viewer),
        seal: seal(app),
        synced_at,
        held: app.store.is_held().then(|| web::Held {
            decide_at: viewer
                .may(Permission::SettingsManage)
                .then_some(custody::RESUME),
        }),
        unread: 0,
    })
}

/// Operations of accounts, as the store remembers them. Before sign-in there is no account:
/// then only the frame's own memory makes a second click harmless.
pub struct Book(pub Arc<App>);

impl Book {
    fn account(req: &HttpRequest) -> Option<SubjectId> {
        let extensions = req.extensions();
        let account = extensions.get::<Viewer>()?.account()?;
        Some(account.subject_id())
    }
}

impl OperationBook for Book {
    fn carry(&self, req: &HttpRequest, operation: OperationId) {
        if let Some(viewer) = req.extensions().get::<Viewer>() {
            viewer.carry(operation);
        }
    }

    fn find(&self, req: &HttpRequest, id: OperationId) -> Result<Option<web::CarriedOut>> {
        let Some(account) = Self::account(req) else {
            return Ok(None);
        };
        let done = self.0.read(|r| operation::find(r, account, id))?;
        Ok(done.map(|done| web::CarriedOut {
            address: done.led_to,
        }))
    }

    fn led_to(&self, req: &HttpRequest, id: OperationId, address: &str) {
        if let Some(account) = Self::account(req)
            && let Err(error) = operation::note_answer(&self.0.store, account, id, address)
        {
            tracing::warn!(%error, "an answer was not noted");
        }
    }
}

fn seal(app: &App) -> Option<web::SealFact> {
    let (at, intact): (Timestamp, bool) = app.last_verdict()?;
    Some(web::SealFact { at, intact })
}

/// Catalogue key of a role's name.
pub fn role_key(role: &str) -> &'static str {
    match role {
        "super_admin" => "role.super_admin",
        "department_admin" => "role.department_admin",
        "staff" => "role.staff",
        "compliance" => "role.compliance",
        _ => "role.custom",
    }
}

fn may_open(viewer: &Viewer, access: Access) -> bool {
    match access {
        Access::Public | Access::SignedIn => true,
        Access::Needs(permission) => viewer.may(permission),
    }
}

fn settings(slices: &[Slice], viewer: &Viewer) -> Vec<(&'static str, &'static str)> {
    let mut tabs: Vec<_> = slices.iter().flat_map(|slice| &slice.settings).collect();
    tabs.retain(|tab| may_open(viewer, tab.access));
    tabs.sort_by_key(|tab| tab.order);
    tabs.into_iter().map(|tab| (tab.word, tab.href)).collect()
}

/// The number beside a place; none where nothing is new. A page is not refused for its sake.
fn badge(
    app: &App,
    r: &Read<'_>,
    slices: &[Slice],
    viewer: &Viewer,
    href: &str,
) -> Option<web::Badge> {
    let mut badges = slices.iter().flat_map(|slice| &slice.badges);
    let badge = badges.find(|badge| badge.href == href)?;
    match (badge.count)(app, r, viewer) {
        Ok((0, _)) => None,
        Ok((n, is_more)) => Some(web::Badge {
            n,
            is_more,
            bad: false,
        }),
        Err(error) => {
            tracing::warn!(%error, href, "a number in the menu was left out");
            None
        }
    }
}

fn nav(
    slices: &[Slice],
    viewer: &Viewer,
    badge: impl Fn(&str) -> Option<web::Badge>,
) -> Vec<web::NavGroup> {
    let mut items: Vec<_> = slices
        .iter()
        .flat_map(|slice| &slice.nav)
        .filter(|item| may_open(viewer, item.access))
        .collect();
    items.sort_by_key(|item| (item.group, item.order));
    let mut groups: Vec<web::NavGroup> = Vec::new();
    for item in items {
        let entry = web::NavItem {
            key: item.word,
            href: item.href,
            icon: item.icon,
            badge: badge(item.href),
            on_tabbar: item.in_tab_bar,
        };
        let key = group_key(item.group);
        match groups.last_mut().filter(|group| group.key == key) {
            Some(group) => group.items.push(entry),
            None => groups.push(web::NavGroup {
                key,
                items: vec![entry],
            }),
        }
    }
    groups
}

fn group_key(group: NavGroup) -> Option<&'static str> {
    match group {
        NavGroup::Top => None,
        NavGroup::Customers => Some("nav.customers"),
        NavGroup::Outreach => Some("nav.outreach"),
        NavGroup::Chats => Some("nav.chats"),
        NavGroup::Office => Some("nav.office"),
        NavGroup::Admin => Some("nav.admin"),
    }
}

impl FromRequest for Viewer {
    type Error = AppError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            req.extensions()
                .get::<Viewer>()
                .cloned()
                .ok_or(AppError::Unauthenticated),
        )
    }
}
