//! What a slice says about itself. Server, menu, permission matrix, API description, backup,
//! check and the coverage tests are loops over the one list of slices.

use std::{pin::Pin, sync::Arc};

use actix_web::http::Method;

use crate::{
    app::App,
    error::Result,
    identity::{Permission, Viewer},
    store::{Read, TableSpec, Write},
    wecom::event::Received,
    work::{JobKind, effects::EffectKind},
};

/// One slice.
#[derive(Default)]
pub struct Slice {
    /// The module's name.
    pub name: &'static str,
    /// The tables it owns.
    pub tables: Vec<TableSpec>,
    /// Everything it answers.
    pub routes: Vec<Route>,
    /// Its places in the menu.
    pub nav: Vec<NavItem>,
    /// Numbers beside them.
    pub badges: Vec<NavBadge>,
    /// Its pages among the settings.
    pub settings: Vec<SettingsTab>,
    /// The jobs it runs.
    pub jobs: Vec<JobKind<App>>,
    /// What it keeps doing in the background.
    pub workers: Vec<Worker>,
    /// What it does outside.
    pub effects: Vec<EffectKind<App>>,
    /// What it does the moment WeCom tells of something.
    pub listeners: Vec<Listener>,
}

impl Slice {
    /// The same with what one of its parts brings; the name stays.
    pub fn with(mut self, part: Self) -> Self {
        self.tables.extend(part.tables);
        self.routes.extend(part.routes);
        self.nav.extend(part.nav);
        self.badges.extend(part.badges);
        self.settings.extend(part.settings);
        self.jobs.extend(part.jobs);
        self.workers.extend(part.workers);
        self.effects.extend(part.effects);
        self.listeners.extend(part.listeners);
        self
    }
}

/// Hears an event in the write that stores it, before anything is asked about it and before
/// WeCom has its answer: for what cannot wait until the inbox has come so far. An event that
/// comes again is not told again. Whoever listens changes little and asks nobody.
pub type Listener = fn(&mut Write<'_>, &Received) -> Result<()>;

/// What the future of a worker is.
pub type WorkerFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A loop that runs as long as the process. All it knows lies in the store: after an error it
/// is started again.
#[derive(Clone, Copy)]
pub struct Worker {
    /// Stable name for the log, `<slice>.<what>`.
    pub name: &'static str,
    /// Runs until the app stops.
    pub run: fn(Arc<App>) -> WorkerFuture,
}

/// Who may call a route. The early check only: queries and actions check again, with scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever has this permission.
    Needs(Permission),
}

/// One route.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The address pattern, e.g. `/customers/{id}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Its description, if it is part of the API.
    pub api: Option<ApiOperation>,
    /// Whether it takes a file; its handler must then take `web::Upload` and no other body.
    pub takes_file: bool,
    /// Whether open pages ask it by themselves: then it keeps no session alive.
    pub by_itself: bool,
    /// Makes the handler.
    pub handler: fn() -> actix_web::Route,
}

impl Route {
    /// A page or fragment.
    pub fn get(path: &'static str, access: Access, handler: fn() -> actix_web::Route) -> Self {
        Self {
            method: Method::GET,
            path,
            access,
            api: None,
            takes_file: false,
            by_itself: false,
            handler,
        }
    }

    /// What a page asks by itself as long as it is open, whether somebody is there or not.
    pub fn by_itself(
        path: &'static str,
        access: Access,
        handler: fn() -> actix_web::Route,
    ) -> Self {
        Self {
            by_itself: true,
            ..Self::get(path, access, handler)
        }
    }

    /// The target of a form with a file.
    pub fn upload(path: &'static str, access: Access, handler: fn() -> actix_web::Route) -> Self {
        Self {
            takes_file: true,
            ..Self::post(path, access, handler)
        }
    }

    /// A form's target.
    pub fn post(path: &'static str, access: Access, handler: fn() -> actix_web::Route) -> Self {
        Self {
            method: Method::POST,
            path,
            access,
            api: None,
            takes_file: false,
            by_itself: false,
            handler,
        }
    }

    /// Describes the route for the API document.
    pub fn documented(mut self, api: ApiOperation) -> Self {
        self.api = Some(api);
        self
    }

    /// Whether it may change something.
    pub fn is_unsafe(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }
}

/// What the API document says about a route.
#[derive(Clone)]
pub struct ApiOperation {
    /// Stable name for clients, e.g. `listCustomers`.
    pub id: &'static str,
    /// One English sentence.
    pub summary: &'static str,
    /// Schema of the query string: an object whose properties are the parameters.
    pub query: Option<fn(&mut schemars::SchemaGenerator) -> schemars::Schema>,
    /// Schema of the answer; none if it is a file.
    pub answer: Option<fn(&mut schemars::SchemaGenerator) -> schemars::Schema>,
    /// Media type of the answer.
    pub media_type: &'static str,
}

impl ApiOperation {
    /// An operation that answers JSON of type `A` and takes the query `Q`.
    pub fn json<Q: schemars::JsonSchema, A: schemars::JsonSchema>(
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            id,
            summary,
            query: Some(|g| g.subschema_for::<Q>()),
            answer: Some(|g| g.subschema_for::<A>()),
            media_type: "application/json",
        }
    }
}

/// A page of the settings: a tab of their common frame, `templates/layout/settings.html`.
#[derive(Debug, Clone, Copy)]
pub struct SettingsTab {
    /// Position in the row of tabs.
    pub order: u8,
    /// Catalogue key of the word.
    pub word: &'static str,
    /// Where it leads; the tab is current for every path below it.
    pub href: &'static str,
    /// Who sees it; a tab that cannot be opened is absent.
    pub access: Access,
}

/// The groups of the menu, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NavGroup {
    /// Without a heading, on top.
    Top,
    /// 客户.
    Customers,
    /// 触达.
    Outreach,
    /// 会话.
    Chats,
    /// 办公.
    Office,
    /// 管理.
    Admin,
}

/// A place in the menu.
#[derive(Debug, Clone, Copy)]
pub struct NavItem {
    /// The group.
    pub group: NavGroup,
    /// Position within the group.
    pub order: u8,
    /// Catalogue key of the word.
    pub word: &'static str,
    /// Where it leads.
    pub href: &'static str,
    /// The icon's name.
    pub icon: &'static str,
    /// Who sees it; an item that cannot be opened is absent.
    pub access: Access,
    /// Whether it stands in the bottom bar of small screens.
    pub in_tab_bar: bool,
}

/// A number beside a place in the menu: what is new for the reader there.
#[derive(Clone, Copy)]
pub struct NavBadge {
    /// Where the place leads.
    pub href: &'static str,
    /// Counts, for whoever may open it, and says whether there are more. Every page asks: it must
    /// cost next to nothing.
    pub count: fn(&App, &Read<'_>, &Viewer) -> Result<(u32, bool)>,
}
