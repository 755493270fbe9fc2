//! group-welcomes: template that groups greet with.

use crate::store::{AuditView, Class, Entity, TableSpec};

use super::model::{GroupWelcome, GroupWelcomeId};

/// The table.
pub(super) const TABLES: [TableSpec; 1] = [TableSpec::of::<GroupWelcome>()];

impl Entity for GroupWelcome {
    const KIND: &'static str = "group_welcome";
    const TABLE: &'static str = "group-welcomes-1";
    const CLASS: Class = Class::Record;
    type Key = GroupWelcomeId;

    fn key(&self) -> GroupWelcomeId {
        self.id
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("text", self.text.as_str().into()),
            ("asset", self.asset.map(|id| id.to_string()).into()),
            ("notify", self.notify.into()),
            ("template", self.template_id.as_str().into()),
            ("wanted", self.is_wanted.into()),
            ("gone", self.is_gone.into()),
        ]
    }
}
