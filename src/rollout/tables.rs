//! firm: one row → Firm (sealed) · setup: one row → Setup · logo: one row → Logo.

use aws_lc_rs::digest;

use crate::store::{AuditView, Class, Entity, SYSTEM_SUBJECT, SubjectId, TableSpec};

use super::model::{Firm, Logo, Setup};

/// The key of each one row.
pub(super) const FIRM: &str = "firm";

/// The slice's tables.
pub(super) const TABLES: [TableSpec; 3] = [
    TableSpec::of::<Firm>(),
    TableSpec::of::<Setup>(),
    TableSpec::of::<Logo>(),
];

impl Entity for Firm {
    const KIND: &'static str = "firm";
    const TABLE: &'static str = "firm-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    /// It names a person.
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("name", self.name.as_str().into()),
            ("contact_name", self.contact_name.as_str().into()),
            ("contact_phone", self.contact_phone.as_str().into()),
            ("contact_email", self.contact_email.as_str().into()),
            ("address", self.address.as_str().into()),
            ("logo", self.logo.is_some().into()),
        ]
    }
}

impl Entity for Setup {
    const KIND: &'static str = "setup";
    const TABLE: &'static str = "setup-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        let done: Vec<&str> = self.done.iter().map(|step| step.code()).collect();
        let preset = self.preset.as_ref().map(|p| p.industry.code());
        vec![
            ("done", done.into()),
            ("without_wecom", self.without_wecom.into()),
            ("preset", preset.into()),
            ("finished", self.finished_at.is_some().into()),
        ]
    }
}

impl Entity for Logo {
    const KIND: &'static str = "logo";
    const TABLE: &'static str = "logo-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        let hash = digest::digest(&digest::SHA256, &self.bytes);
        vec![
            ("media_type", self.media_type().into()),
            ("sha256", hex::encode(hash).into()),
        ]
    }
}
