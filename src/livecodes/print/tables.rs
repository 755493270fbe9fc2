//! live-code-looks: code → Look · live-code-backdrops: code → Backdrop.

use aws_lc_rs::digest;

use crate::store::{AuditView, Class, Entity, TableSpec};

use super::{
    super::LiveCodeId,
    model::{Backdrop, Look},
};

/// The tables of this part.
pub(super) const TABLES: [TableSpec; 2] = [TableSpec::of::<Look>(), TableSpec::of::<Backdrop>()];

impl Entity for Look {
    const KIND: &'static str = "live_code_look";
    const TABLE: &'static str = "live-code-looks-1";
    const CLASS: Class = Class::Record;
    type Key = LiveCodeId;

    fn key(&self) -> LiveCodeId {
        self.code
    }
    fn audit_view(&self) -> AuditView {
        let picture = self.picture.as_deref().map(sha256);
        let words = self.poster.as_ref();
        let words = words.map(|poster| {
            let parts = [&poster.headline, &poster.line, &poster.foot];
            parts.map(String::as_str).join(" / ")
        });
        vec![
            ("ink", self.ink.to_string().into()),
            ("paper", self.paper.to_string().into()),
            ("logo", self.mark.code().into()),
            ("logo_size", self.share.code().into()),
            ("size", self.size.code().into()),
            ("caption", self.has_caption.into()),
            ("picture_sha256", picture.into()),
            (
                "design",
                self.poster.as_ref().map(|p| p.design.code()).into(),
            ),
            ("words", words.into()),
        ]
    }
}

impl Entity for Backdrop {
    const KIND: &'static str = "live_code_backdrop";
    const TABLE: &'static str = "live-code-backdrops-1";
    const CLASS: Class = Class::Record;
    type Key = LiveCodeId;

    fn key(&self) -> LiveCodeId {
        self.code
    }
    fn audit_view(&self) -> AuditView {
        vec![("picture_sha256", sha256(&self.jpeg).into())]
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}
