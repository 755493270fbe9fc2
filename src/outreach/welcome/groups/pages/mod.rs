//! Pages of group welcome templates.

mod edit;
mod list;
#[cfg(test)]
mod samples_tests;

use crate::{
    error::{AppError, Result},
    outreach::{
        form::Preview,
        materials::{Bubble, Material},
    },
    store::Read,
    web::{Cx, words},
    work::{Failure, outbox::trouble},
};

use super::{
    model::{GroupWelcome, GroupWelcomeId, NICKNAME, TEXT_BYTES_MAX},
    queries::{At, Standing},
};

pub(super) use edit::{change, create, delete, edit, new, preview, retry};
pub(super) use list::index;

/// The list's address.
pub(in crate::outreach::welcome) const HERE: &str = "/welcome/groups";

fn parse(id: &str) -> Result<GroupWelcomeId> {
    id.parse().map_err(|_| AppError::NotFound {
        what: "group_welcome",
    })
}

/// How a template stands at WeCom, in words.
struct Shown {
    /// Catalogue key and tone.
    state: (&'static str, &'static str),
    /// What went wrong and what to do about it; empty where nothing did.
    trouble: String,
    may_retry: bool,
    /// Whether a person has to look at the outbox.
    is_unknown: bool,
    /// Whether WeCom still has something earlier.
    has_earlier: bool,
}

impl Shown {
    fn of(cx: &Cx, standing: &Standing) -> Self {
        let state = match standing.at {
            At::InForce => ("groupwelcome.at.in_force", "ok"),
            At::Writing => ("groupwelcome.at.writing", "info"),
            At::NotWritten => ("groupwelcome.at.not_written", "warn"),
            At::Failed => ("groupwelcome.at.failed", "bad"),
            At::Unknown => ("groupwelcome.at.unknown", "warn"),
            At::Gone => ("groupwelcome.at.gone", "warn"),
            At::Going => ("groupwelcome.at.going", "info"),
            At::NotGoing => ("groupwelcome.at.not_going", "bad"),
        };
        let failure = standing.failure.as_ref();
        Self {
            state,
            trouble: match standing.at {
                At::Unknown => cx.t("groupwelcome.unknown_hint").into_owned(),
                At::Gone => cx.t("groupwelcome.gone_hint").into_owned(),
                At::NotWritten if !standing.has_earlier => {
                    cx.t("groupwelcome.not_written_hint").into_owned()
                }
                _ => failure.map_or_else(String::new, |failure| told(cx, failure)),
            },
            may_retry: standing.may_retry(),
            is_unknown: standing.at == At::Unknown,
            has_earlier: standing.has_earlier,
        }
    }
}

/// What went wrong and what to do about it: by WeCom's errcode where it is one of those that
/// templates meet.
fn told(cx: &Cx, failure: &Failure) -> String {
    let key = format!("groupwelcome.trouble.{}", failure.errcode.unwrap_or(0));
    match words::known(&key) {
        true => cx.t(&key).into_owned(),
        false => trouble(cx, failure),
    }
}

/// The asset of a template.
fn asset_of(r: &Read<'_>, template: &GroupWelcome) -> Result<Option<Material>> {
    Ok(match template.asset {
        Some(id) => r.get::<Material>(&id)?,
        None => None,
    })
}

/// How a template will look to a newcomer.
fn preview_of(cx: &Cx, text: &str, asset: Option<&Material>) -> Preview {
    let text = text.replace("\r\n", "\n");
    let bytes = text.trim_end().len();
    Preview {
        is_moment: false,
        unknown: String::new(),
        text: text
            .trim()
            .replace(NICKNAME, &cx.t("content.sample_customer")),
        bubbles: asset
            .iter()
            .map(|m| Bubble::of(m.id, m.version, &m.title, &m.body))
            .collect(),
        bytes,
        max: TEXT_BYTES_MAX,
        is_too_long: bytes > TEXT_BYTES_MAX,
    }
}
