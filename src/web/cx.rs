//! What every page knows about its request: language, theme, time, the shell around it.
//!
//! A [`Cx`] is made once per request by the frame, lives in the request's extensions and is
//! handed to askama as runtime values, so that no page struct carries a language or a token.

use std::{
    any::Any,
    future::{Ready, ready},
    sync::{Arc, OnceLock},
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use jiff::tz::TimeZone;

use super::{
    csrf::{self, FormSecret},
    words::{self, Args, Lang, ToArgs},
};
use crate::{
    error::AppError,
    kit::{OperationId, Random, Timestamp},
};

/// Light, dark, or what the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the system is set.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// The value of `data-theme`; empty for the system's.
    pub const fn tag(self) -> &'static str {
        match self {
            Theme::System => "",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// The theme of a cookie's or form's value; anything else is the system's.
    pub fn of_tag(tag: &str) -> Self {
        match tag {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        }
    }
}

/// The height of table rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Density {
    /// 44 px.
    #[default]
    Standard,
    /// 36 px.
    Compact,
}

impl Density {
    /// The value of `data-density`; empty for the standard.
    pub const fn tag(self) -> &'static str {
        match self {
            Density::Standard => "",
            Density::Compact => "compact",
        }
    }

    /// The density of a cookie's or form's value; anything else is the standard.
    pub fn of_tag(tag: &str) -> Self {
        match tag {
            "compact" => Density::Compact,
            _ => Density::Standard,
        }
    }
}

/// How a person wants to see pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefs {
    /// Language.
    pub lang: Lang,
    /// Theme.
    pub theme: Theme,
    /// Height of rows.
    pub density: Density,
    /// Whether single keys act.
    pub shortcuts: bool,
}

impl Default for Prefs {
    fn default() -> Self {
        Self {
            lang: Lang::Zh,
            theme: Theme::System,
            density: Density::Standard,
            shortcuts: true,
        }
    }
}

/// Who is signed in, as the shell shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellUser {
    /// Account id, as text.
    pub id: String,
    /// The name people call them.
    pub name: String,
    /// Catalogue key of the role.
    pub role_key: &'static str,
}

/// A number beside a menu entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Badge {
    /// How many wait.
    pub n: u32,
    /// Whether there are more than were counted.
    pub is_more: bool,
    /// Red: something is wrong, not only waiting.
    pub bad: bool,
}

/// One entry of the rail. Entries that the role cannot open are not in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NavItem {
    /// Catalogue key of the label.
    pub key: &'static str,
    /// Address; the entry is current for every path below it.
    pub href: &'static str,
    /// Icon of the sprite.
    pub icon: &'static str,
    /// Number beside it.
    pub badge: Option<Badge>,
    /// Whether it stands in the bottom bar of a phone (at most five do).
    pub on_tabbar: bool,
}

/// A group of the rail with its heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NavGroup {
    /// Catalogue key of the heading; the first group has none.
    pub key: Option<&'static str>,
    /// Entries.
    pub items: Vec<NavItem>,
}

/// What the last check of the audit trail found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealFact {
    /// When it was checked.
    pub at: Timestamp,
    /// Whether all was as written.
    pub intact: bool,
}

/// Nothing can be changed for now, because the data folder is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Where the reader may decide about it; none if others have to.
    pub decide_at: Option<&'static str>,
}

/// The frame around a page: made per request by whoever knows the session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shell {
    /// The firm's name.
    pub firm: String,
    /// The address of its logo; without one the product's mark stands there.
    pub logo: Option<String>,
    /// Nobody before sign-in.
    pub user: Option<ShellUser>,
    /// The rail.
    pub nav: Vec<NavGroup>,
    /// The tabs of the settings: catalogue key and address.
    pub settings: Vec<(&'static str, &'static str)>,
    /// Last check of the audit trail, if any.
    pub seal: Option<SealFact>,
    /// Last successful sync with WeCom, if any.
    pub synced_at: Option<Timestamp>,
    /// Whether changes are held.
    pub held: Option<Held>,
    /// Unread notifications.
    pub unread: u32,
}

/// A short message about what happened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Toast {
    /// The sentence in the reader's language.
    pub text: String,
    /// Errors stay until closed.
    pub bad: bool,
    /// Address to post to for 撤销.
    pub undo: Option<String>,
}

/// Everything about the request that a template may want.
pub struct CxData {
    /// Language, theme, density, keys.
    pub prefs: Prefs,
    /// The number that is also in the log.
    pub request_id: String,
    /// Path without query, starting with `/`.
    pub path: String,
    /// Query without `?`, as sent.
    pub query: String,
    /// The browser asked for a part of the page.
    pub is_fragment: bool,
    /// The id of the element to be replaced, if a part was asked for.
    pub target: Option<String>,
    /// The moment of the request.
    pub now: Timestamp,
    /// The firm's zone.
    pub zone: TimeZone,
    /// The frame; without a user before sign-in.
    pub shell: Arc<Shell>,
    /// Messages carried over from the request before a redirect.
    pub flash: Vec<Toast>,
    pub(super) wants_json: bool,
    /// The method changes nothing, so the address may be asked for again.
    pub came_by_get: bool,
    pub(super) has_session: bool,
    pub(super) secure: bool,
    pub(super) accepts_gzip: bool,
    pub(super) form_secret: FormSecret,
    pub(super) random: Random,
    pub(super) csrf: OnceLock<String>,
}

/// Shared handle on [`CxData`]; see there.
#[derive(Clone)]
pub struct Cx {
    data: Arc<CxData>,
    invalid: bool,
    toasts: Arc<[Toast]>,
}

impl std::ops::Deref for Cx {
    type Target = CxData;
    fn deref(&self) -> &CxData {
        &self.data
    }
}

impl Cx {
    pub(super) fn new(data: CxData) -> Self {
        Self {
            data: Arc::new(data),
            invalid: false,
            toasts: Arc::new([]),
        }
    }

    /// The same for a page that shows what is wrong with its form.
    pub(super) fn for_invalid(&self) -> Self {
        Self {
            invalid: true,
            ..self.clone()
        }
    }

    /// The same with messages to show on the page itself.
    pub(super) fn with_toasts(&self, toasts: Vec<Toast>) -> Self {
        Self {
            toasts: toasts.into(),
            ..self.clone()
        }
    }

    /// The messages of the page: those left by the request before, then its own.
    pub(super) fn all_toasts(&self) -> Vec<Toast> {
        self.flash.iter().chain(&*self.toasts).cloned().collect()
    }

    /// Whether the page shows a refused form; its title begins with 「错误：」.
    pub fn is_invalid(&self) -> bool {
        self.invalid
    }

    /// The reader's language.
    pub fn lang(&self) -> Lang {
        self.prefs.lang
    }

    /// The words of `key`.
    pub fn t(&self, key: &str) -> std::borrow::Cow<'static, str> {
        words::text(self.lang(), key)
    }

    /// The firm's name; the product's until the firm is known.
    pub fn firm(&self) -> std::borrow::Cow<'_, str> {
        match self.shell.firm.as_str() {
            "" => self.t("shell.product"),
            firm => firm.into(),
        }
    }

    /// The words of `key` with arguments.
    pub fn tf(&self, key: &str, args: impl ToArgs) -> std::borrow::Cow<'static, str> {
        words::fill(self.lang(), key, args)
    }

    /// The token for forms of this response: masked anew for each, so that compression
    /// tells nothing about it.
    pub fn csrf(&self) -> &str {
        self.csrf
            .get_or_init(|| csrf::mask(&self.form_secret, &self.random))
    }

    /// Whether any token was put into the response.
    pub(super) fn csrf_used(&self) -> bool {
        self.csrf.get().is_some()
    }

    /// A fresh operation id for a form: the same id is carried out once.
    pub fn operation_id(&self) -> OperationId {
        OperationId::from_bits(self.random.u64())
    }

    /// The address of this page, for links that come back.
    pub fn here(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// Whether `item` is the entry of the rail that this page belongs to: the one with the
    /// longest address above the page's. Where none is above, the first that begins with the
    /// same part: `/sensitive/alerts` for `/sensitive/words`.
    pub fn is_current(&self, item: &NavItem) -> bool {
        let items = || self.shell.nav.iter().flat_map(|group| &group.items);
        let depth = |item: &NavItem| is_above(item.href, &self.path).then_some(item.href.len());
        let current = match items().filter_map(depth).max() {
            Some(deepest) => items().find(|item| depth(item) == Some(deepest)),
            None => items().find(|item| first_part(item.href) == first_part(&self.path)),
        };
        current.is_some_and(|current| current.href == item.href)
    }

    /// Whether this page is the one at `href`, or below it.
    pub fn is_at(&self, href: &str) -> bool {
        is_above(href, &self.path)
    }

    /// The entries of a phone's bottom bar.
    pub fn tabbar(&self) -> impl Iterator<Item = &NavItem> {
        let items = self.shell.nav.iter().flat_map(|group| &group.items);
        items.filter(|item| item.on_tabbar).take(5)
    }
}

/// `/sensitive/words` is in `sensitive`; `/` is in nothing.
fn first_part(path: &str) -> Option<&str> {
    let part = path.trim_start_matches('/').split(['/', '?']).next();
    part.filter(|part| !part.is_empty())
}

fn is_above(href: &str, path: &str) -> bool {
    let href = href.split('?').next().unwrap_or(href);
    path == href || (href != "/" && path.strip_prefix(href).is_some_and(|r| r.starts_with('/')))
}

impl askama::Values for Cx {
    fn get_value<'a>(&'a self, key: &str) -> Option<&'a dyn Any> {
        (key == "cx").then_some(self)
    }
}

impl FromRequest for Cx {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Cx::of(req).ok_or_else(|| AppError::internal("no frame around this handler")))
    }
}

impl Cx {
    /// The context that the frame left with the request.
    pub fn of(req: &HttpRequest) -> Option<Cx> {
        req.extensions().get::<Cx>().cloned()
    }
}

impl Toast {
    /// A message that something was done.
    pub fn done(cx: &Cx, key: &str, args: impl ToArgs) -> Self {
        Self {
            text: cx.tf(key, args).into_owned(),
            bad: false,
            undo: None,
        }
    }

    /// A message that something failed; it stays until closed.
    pub fn failed(cx: &Cx, key: &str, args: impl ToArgs) -> Self {
        Self {
            bad: true,
            ..Self::done(cx, key, args)
        }
    }

    /// With 撤销, which posts to `href`.
    pub fn with_undo(mut self, href: impl Into<String>) -> Self {
        self.undo = Some(href.into());
        self
    }
}

/// A key with its arguments, to be written out when the language is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Catalogue key.
    pub key: &'static str,
    /// Arguments.
    pub args: Args,
}

impl Sentence {
    /// The sentence `key` with `args`.
    pub fn new(key: &'static str, args: impl ToArgs) -> Self {
        Self {
            key,
            args: args.to_args(),
        }
    }
}
