//! The data folder itself (数据目录): whether it is the one seen last, and the decision to go on
//! with one that is not.
//!
//! Owns no tables. Invariants: a folder in doubt is read but not written to; the decision that
//! ends this names its reason in the audit trail before anything else is written.

mod pages;

use crate::{
    identity::Permission,
    slice::{Access, Route, Slice},
};

/// Where the decision is made.
pub const RESUME: &str = "/settings/backup/resume";

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::{get, post};
    let decide = Access::Needs(Permission::SettingsManage);
    Slice {
        name: "custody",
        routes: vec![
            Route::get(RESUME, decide, || get().to(pages::index)),
            Route::post(RESUME, decide, || post().to(pages::resume)),
        ],
        ..Slice::default()
    }
}
