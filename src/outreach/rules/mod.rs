//! Rules that tag and remark by themselves (自动规则), and what a live code asks to be put on
//! whoever comes by it.
//!
//! Tables: `outreach-rules-1`, `rule-firings-1`, `rules-place-1`. A rule says what has to
//! happen (somebody comes by a code or channel, joins a group, writes certain words, has been
//! quiet for days) and what is then put on the relation: tags, and what its remark begins with;
//! which to-do is made, and what the firm's app tells the member. It sends customers nothing.
//!
//! Invariants: the place behind what was read and what came of it are one write; a firing is
//! unique by cause, relation and occasion, so it happens once whatever ends when; nothing fires
//! for what happened before the rule was in force or more than a day ago, nor for anything a
//! first sync brings; a firing that could do nothing says why; tags and remarks are wishes to
//! WeCom like those of people, with the same checks; while a rule's to-do about a relation is open
//! it makes no other and tells nobody again.

mod actions;
mod fire;
mod follow;
mod follow_up;
mod matching;
mod model;
mod pages;
mod tables;
mod tell;
#[cfg(test)]
mod tests;
mod trial;

use crate::{
    identity::Permission,
    slice::{Access, NavGroup, NavItem, Route, Slice, Worker},
};

pub use actions::{DeleteRule, SaveRule, SwitchRule, delete_rule, save_rule, switch_rule};
pub use model::{Came, Cause, Firing, FiringId, Outcome, Rule, RuleId, RuleTodo, Trigger};
pub use tables::{firings, rules};

/// Where a rule is kept.
pub fn address(id: RuleId) -> String {
    format!("{}/{id}", pages::HERE)
}

pub(super) fn part() -> Slice {
    use actix_web::web::{get, post};
    let manage = Access::Needs(Permission::OutreachManage);
    Slice {
        tables: tables::TABLES.to_vec(),
        routes: vec![
            Route::get("/outreach/rules", manage, || get().to(pages::index)),
            Route::get("/outreach/rules/new", manage, || get().to(pages::new)),
            Route::post("/outreach/rules/new", manage, || post().to(pages::create)),
            Route::get("/outreach/rules/history", manage, || {
                get().to(pages::history)
            }),
            Route::get("/outreach/rules/{id}", manage, || get().to(pages::edit)),
            Route::post("/outreach/rules/{id}", manage, || post().to(pages::save)),
            Route::post("/outreach/rules/{id}/switch", manage, || {
                post().to(pages::switch)
            }),
            Route::post("/outreach/rules/{id}/delete", manage, || {
                post().to(pages::delete)
            }),
            Route::get("/outreach/rules/{id}/trial", manage, || {
                get().to(pages::trial)
            }),
        ],
        nav: vec![NavItem {
            group: NavGroup::Outreach,
            order: 60,
            word: "autorules.nav",
            href: "/outreach/rules",
            icon: "sliders",
            access: manage,
            in_tab_bar: false,
        }],
        workers: vec![Worker {
            name: "outreach.rules",
            run: follow::run,
        }],
        effects: tell::kinds(),
        ..Slice::default()
    }
}
