//! The outbox for people: what is to be done at WeCom, how far it is, what a person has to
//! decide, and what Qitai may write at all.

mod list;
mod plan;
mod writing;

use std::sync::LazyLock;

use crate::{
    app::App,
    error::Result,
    identity::Permission,
    slice::{Access, Route},
    slices,
    store::Read,
    web::{
        Cx,
        parts::Tab,
        words::{Args, ToArg},
    },
};

use super::effects::{Effect, EffectKind, Told};

pub(crate) use list::{state_words, trouble};
pub(crate) use plan::{PlanView, plan_view};

/// The list's address.
pub(crate) const OUTBOX: &str = "/settings/wecom/effects";
/// The address of what Qitai may write.
pub(crate) const WRITING: &str = "/settings/wecom/writing";

static KINDS: LazyLock<Vec<EffectKind<App>>> = LazyLock::new(slices::effects);

/// The kinds of effects there are.
fn kinds() -> &'static [EffectKind<App>] {
    &KINDS
}

pub(super) fn routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    let run = Access::Needs(Permission::SyncRun);
    let manage = Access::Needs(Permission::SettingsManage);
    vec![
        Route::get(OUTBOX, run, || get().to(list::index)),
        Route::post(OUTBOX, run, || post().to(list::decide)),
        Route::post("/settings/wecom/effects/all", run, || {
            post().to(list::decide_all)
        }),
        Route::get(WRITING, manage, || get().to(writing::index)),
        Route::post(WRITING, manage, || post().to(writing::save)),
    ]
}

/// An effect in the reader's words: the sentence, what it is for, where to look at that.
pub(crate) struct InWords {
    pub(crate) sentence: String,
    pub(crate) about: String,
    pub(crate) href: Option<String>,
}

/// Tells of an effect in the reader's language.
pub(crate) fn in_words(r: &Read<'_>, cx: &Cx, effect: &Effect) -> Result<InWords> {
    let kind = kinds().iter().find(|kind| kind.spec.name == effect.kind);
    let told = match kind.and_then(|kind| kind.tell) {
        Some(tell) => tell(r, effect)?,
        None => {
            return Ok(InWords {
                sentence: kind_name(cx, &effect.kind),
                about: String::new(),
                href: None,
            });
        }
    };
    let Told {
        key,
        args,
        about,
        href,
    } = told;
    let args: Args = args
        .into_iter()
        .map(|(name, value)| {
            let arg = match value.parse::<u64>() {
                Ok(n) => n.to_arg(),
                Err(_) => value.to_arg(),
            };
            (name, arg)
        })
        .collect();
    Ok(InWords {
        sentence: cx.tf(key, args).into_owned(),
        about,
        href,
    })
}

/// What a kind is called.
pub(crate) fn kind_name(cx: &Cx, kind: &str) -> String {
    let key = format!("effects.kind.{kind}");
    match crate::web::words::known(&key) {
        true => cx.t(&key).into_owned(),
        false => kind.to_owned(),
    }
}

/// The links between the pages about the connection with WeCom that the reader may open.
pub(crate) fn tabs(cx: &Cx, viewer: &crate::identity::Viewer) -> Vec<Tab> {
    let pages = [
        ("/org/sync", "effects.nav.sync", Permission::SyncRun),
        (
            "/settings/wecom/events",
            "effects.nav.events",
            Permission::SyncRun,
        ),
        (OUTBOX, "effects.nav.outbox", Permission::SyncRun),
        (
            "/settings/wecom/quota",
            "effects.nav.quota",
            Permission::SyncRun,
        ),
        (WRITING, "effects.nav.writing", Permission::SettingsManage),
    ];
    let may = |page: &(_, _, Permission)| viewer.may(page.2);
    pages
        .into_iter()
        .filter(may)
        .map(|(href, word, _)| Tab {
            label: cx.t(word).into_owned(),
            href: href.to_owned(),
            count: None,
            is_current: cx.path == href,
        })
        .collect()
}
