//! Pages of customers.

mod asked;
mod columns;
mod edit;
mod export;
mod group;
mod groups;
mod ledger;
mod list;
mod origin;
pub(super) mod own;
mod profile;
mod todos;
mod views;
mod yardstick;

pub(super) use asked::list_act;
pub(super) use edit::{remark_form, save_remark, save_tags, tags_form};
pub(super) use export::export;
pub(super) use group::group;
pub(super) use groups::{STATES as GROUP_STATES, groups};
pub(super) use list::list;
pub(super) use profile::{profile, reveal_phone, show_masked_phone};
pub(super) use views::{
    begin_with, change as change_view, delete as delete_view, move_one as move_view,
    save as save_view, views,
};
pub use yardstick::Yardstick;
