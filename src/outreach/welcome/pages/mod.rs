//! Pages of welcome messages.

mod edit;
mod list;
#[cfg(test)]
mod samples_tests;
mod show;

use crate::{
    error::{AppError, Result},
    org::Directory,
    web::{Cx, parts::Tab},
};

use super::{
    groups,
    model::{Welcome, WelcomeId, Whose, Window},
};

pub(super) use edit::{change, create, edit, new};
pub(super) use list::{Writing, index};
pub(super) use show::{delete, pause, show};

/// The list's address.
const HERE: &str = "/welcome";

/// What greets new customers, and what groups greet with.
pub(super) fn tabs(cx: &Cx, here: &str) -> Vec<Tab> {
    let pages = [(HERE, "welcome.tab"), (groups::HERE, "groupwelcome.tab")];
    pages
        .map(|(href, word)| Tab {
            label: cx.t(word).into_owned(),
            href: href.to_owned(),
            count: None,
            is_current: href == here,
        })
        .into()
}

fn parse(id: &str) -> Result<WelcomeId> {
    let id = id.parse();
    id.map_err(|_| AppError::NotFound { what: "welcome" })
}

/// Whose customers a message greets, in words.
fn whose_name(cx: &Cx, directory: &Directory, whose: Whose) -> String {
    match whose {
        Whose::Firm => cx.t("welcome.whole_firm").into_owned(),
        Whose::Department(id) => match directory.tree.find(id) {
            Some(unit) => unit.name.clone(),
            None => cx.t("welcome.unit_gone").into_owned(),
        },
        Whose::Member(id) => directory.name(id).to_owned(),
    }
}

/// When a message greets, in words.
fn when_name(cx: &Cx, welcome: &Welcome) -> String {
    if welcome.windows.is_empty() {
        return cx.t("welcome.always").into_owned();
    }
    let windows = welcome.windows.iter();
    let windows: Vec<String> = windows.map(|window| window_name(cx, window)).collect();
    windows.join(&cx.t("welcome.and"))
}

fn window_name(cx: &Cx, window: &Window) -> String {
    let days = match window.days {
        0b111_1111 => cx.t("welcome.days.all").into_owned(),
        0b001_1111 => cx.t("welcome.days.work").into_owned(),
        0b110_0000 => cx.t("welcome.days.weekend").into_owned(),
        days => {
            let on = (0..7).filter(|day| days & (1 << day) != 0);
            let names: Vec<_> = on.map(|day| cx.t(day_word(day))).collect();
            names.join(&cx.t("welcome.days.join"))
        }
    };
    format!("{days} {}–{}", clock(window.from), clock(window.until))
}

/// Catalogue key of a day; 0 is Monday.
fn day_word(day: usize) -> &'static str {
    const WORDS: [&str; 7] = [
        "welcome.day.mon",
        "welcome.day.tue",
        "welcome.day.wed",
        "welcome.day.thu",
        "welcome.day.fri",
        "welcome.day.sat",
        "welcome.day.sun",
    ];
    WORDS[day % WORDS.len()]
}

/// Minutes as a time of day.
fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
