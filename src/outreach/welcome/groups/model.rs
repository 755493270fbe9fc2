//! Group welcome templates: types and pure rules.
//!
//! Source: WeCom documentation, 入群欢迎语素材管理.

use minicbor::{Decode, Encode};

use crate::{
    error::{Invalid, Problem},
    kit::{Id, Timestamp},
    outreach::{content, materials::MaterialId},
    store::SubjectId,
};

/// See [`GroupWelcome`].
pub type GroupWelcomeId = Id<GroupWelcome>;

/// Bytes of text, as WeCom counts; what stands for a name counts as it is written.
pub const TEXT_BYTES_MAX: usize = 3_000;
/// Templates of one firm; WeCom refuses more (41055).
pub const TEMPLATES_MAX: usize = 100;
/// Stands for the newcomer's name. WeCom fills it in.
pub const NICKNAME: &str = "%NICKNAME%";

/// A version of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Carried {
    /// Which asset.
    #[n(0)]
    pub asset: MaterialId,
    /// Its version.
    #[n(1)]
    pub version: u32,
}

/// What a template says at WeCom, as far as is known here.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Written {
    /// The words.
    #[n(0)]
    pub text: String,
    /// What comes along.
    #[n(1)]
    pub carried: Option<Carried>,
    /// Until when WeCom's id of its file is good; none without a file.
    #[n(2)]
    pub until: Option<Timestamp>,
    /// When it was written.
    #[n(3)]
    pub at: Timestamp,
}

/// A template (入群欢迎语素材) that members choose for their groups in WeCom: words, and one
/// thing beside.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GroupWelcome {
    /// Ours.
    #[n(0)]
    pub id: GroupWelcomeId,
    /// The words, at most [`TEXT_BYTES_MAX`] bytes, may be empty.
    #[n(1)]
    pub text: String,
    /// What comes along, always in its newest version.
    #[n(2)]
    pub asset: Option<MaterialId>,
    /// Whether WeCom tells members when somebody changes it.
    #[n(3)]
    pub notify: bool,
    /// WeCom's id; empty until WeCom has made it, and again when it is gone there.
    #[n(4)]
    pub template_id: String,
    /// What WeCom has.
    #[n(5)]
    pub written: Option<Written>,
    /// Whether it is to be at WeCom; otherwise it is to be deleted.
    #[n(6)]
    pub is_wanted: bool,
    /// WeCom had it and said that it has it no more.
    #[n(7)]
    pub is_gone: bool,
    /// When its content changed last.
    #[n(8)]
    pub changed_at: Timestamp,
    /// By whose account.
    #[n(9)]
    pub changed_by: Option<SubjectId>,
}

impl GroupWelcome {
    /// Whether WeCom has it, as far as is known here.
    pub fn is_made(&self) -> bool {
        !self.template_id.is_empty()
    }

    /// Whether WeCom has these words and this version of the asset.
    pub fn is_current(&self, carried: Option<Carried>) -> bool {
        let written = self.written.as_ref();
        self.is_made() && written.is_some_and(|w| w.text == self.text && w.carried == carried)
    }
}

/// What is wrong with the words, before they are kept.
pub fn check(text: &str, has_asset: bool) -> Invalid {
    let mut invalid = Invalid::default();
    if text.trim().is_empty() && !has_asset {
        invalid = invalid.with("text", "groupwelcome.empty");
    }
    if text.len() > TEXT_BYTES_MAX {
        invalid.problems.push(Problem {
            field: "text",
            code: "groupwelcome.too_long",
            args: vec![
                ("max", TEXT_BYTES_MAX.to_string()),
                ("over", (text.len() - TEXT_BYTES_MAX).to_string()),
            ],
        });
    }
    if text.chars().any(content::is_hidden) {
        invalid = invalid.with("text", "content.hidden");
    }
    invalid
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str, has_asset: bool) -> Option<&'static str> {
        check(text, has_asset).problems.first().map(|p| p.code)
    }

    #[test]
    fn words_or_an_asset_and_no_more_bytes_than_wecom_takes() {
        assert_eq!(code(" \n", false), Some("groupwelcome.empty"));
        assert_eq!(code(" \n", true), None);
        assert_eq!(code(&"茶".repeat(1_000), false), None);
        let over = check(&format!("{}a", "茶".repeat(1_000)), false);
        assert_eq!(over.problems[0].args[1], ("over", "1".to_owned()));
        assert_eq!(code("a\u{202e}b", true), Some("content.hidden"));
        assert_eq!(code("%NICKNAME%，欢迎", false), None);
    }

    #[test]
    fn what_wecom_has_is_current_only_in_all_its_parts() {
        let carried = |version| {
            Some(Carried {
                asset: Id::from_bits(5),
                version,
            })
        };
        let mut known = GroupWelcome {
            id: Id::from_bits(1),
            text: "欢迎".to_owned(),
            asset: Some(Id::from_bits(5)),
            notify: false,
            template_id: "msg1".to_owned(),
            written: None,
            is_wanted: true,
            is_gone: false,
            changed_at: Timestamp::from_ms(0),
            changed_by: None,
        };
        assert!(!known.is_current(carried(1)), "nobody knows what it has");
        known.written = Some(Written {
            text: "欢迎".to_owned(),
            carried: carried(1),
            until: None,
            at: Timestamp::from_ms(0),
        });
        assert!(known.is_current(carried(1)));
        assert!(!known.is_current(carried(2)) && !known.is_current(None));
        known.text = "您好".to_owned();
        assert!(!known.is_current(carried(1)));
    }
}
