//! To-dos (待办): what a member is to do, about a customer or by itself.
//!
//! Table: `todos-1`. A to-do belongs to one member and is open or done; it came from a person or
//! from a rule (`outreach::rules`). What a rule has written may hold `{客户}`: the name is filled
//! in for each reader who sees the customer, and kept nowhere.
//!
//! Invariants: a to-do is visible when its member is in scope, its customer's name only when the
//! customer is; it is handed only to members in scope who are still with the firm; of one rule
//! and relation at most one is open. Whoever leaves keeps theirs until somebody hands them on;
//! those about a customer who is gone stay without the name.

pub mod actions;
mod api;
mod model;
mod pages;
pub mod queries;
mod tables;
#[cfg(test)]
mod tests;

pub use model::{Done, Source, Todo, TodoId, WORDS_MAX, due_in};

use crate::{
    api::List,
    identity::Permission,
    slice::{Access, ApiOperation, NavBadge, NavGroup, NavItem, Route, Slice},
};

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::{get, post};
    let read = Access::Needs(Permission::CustomerRead);
    let edit = Access::Needs(Permission::CustomerEdit);
    Slice {
        name: "todos",
        tables: tables::TABLES.to_vec(),
        routes: vec![
            Route::get("/todo", read, || get().to(pages::list::show)),
            Route::post("/todo", edit, || post().to(pages::list::make)),
            Route::get("/todo/{id}", read, || get().to(pages::show::show)),
            Route::post("/todo/{id}/finish", edit, || post().to(pages::show::finish)),
            Route::post("/todo/{id}/reopen", edit, || post().to(pages::show::reopen)),
            Route::post("/todo/{id}/hand", edit, || post().to(pages::show::hand)),
            Route::get("/api/v1/todos", read, || get().to(api::list)).documented(
                ApiOperation::json::<api::TodoQuery, List<api::TodoItem>>(
                    "listTodos",
                    "To-dos in sight: open ones by due day, done ones newest first.",
                ),
            ),
        ],
        nav: vec![NavItem {
            group: NavGroup::Top,
            order: 10,
            word: "todos.title",
            href: "/todo",
            icon: "inbox",
            access: read,
            in_tab_bar: true,
        }],
        badges: vec![NavBadge {
            href: "/todo",
            count: |_, r, viewer| Ok(queries::open_own(r, viewer)?),
        }],
        ..Slice::default()
    }
}
