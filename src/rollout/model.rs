//! The firm and how far its roll-out is: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    identity::CustomRole,
    kit::{Id, Timestamp},
    tags::TagId,
};

/// The firm, as people here call it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Firm {
    /// Its name; empty leaves it to the directory.
    #[n(0)]
    pub name: String,
    /// Whom members ask when something does not work.
    #[n(1)]
    pub contact_name: String,
    /// That person's phone.
    #[n(2)]
    pub contact_phone: String,
    /// That person's mail.
    #[n(3)]
    pub contact_email: String,
    /// The address under which people and WeCom reach this server, without a slash at its end.
    #[n(4)]
    pub address: String,
    /// Tells the logo from earlier ones; none if there is no logo.
    #[n(5)]
    pub logo: Option<u64>,
}

/// The firm's logo, see [`logo`](super::logo).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Logo {
    /// PNG, otherwise JPEG.
    #[n(0)]
    pub is_png: bool,
    /// The file.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

impl Logo {
    /// Its media type.
    pub fn media_type(&self) -> &'static str {
        match self.is_png {
            true => "image/png",
            false => "image/jpeg",
        }
    }
}

/// Lines of business for which there is a preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Industry {
    /// 零售.
    #[n(0)]
    Retail,
    /// 服务.
    #[n(1)]
    Service,
    /// 制造.
    #[n(2)]
    Manufacturing,
    /// 内部办公: no customers.
    #[n(3)]
    Office,
}

impl Industry {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 4] = [
        Self::Retail,
        Self::Service,
        Self::Manufacturing,
        Self::Office,
    ];

    /// Stable code, also the catalogue key's end.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Retail => "retail",
            Self::Service => "service",
            Self::Manufacturing => "manufacturing",
            Self::Office => "office",
        }
    }

    /// The industry with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|i| i.code() == code)
    }
}

/// A step of the wizard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Step {
    /// The firm.
    #[n(0)]
    Firm,
    /// The industry's preset.
    #[n(1)]
    Preset,
    /// The WeCom account.
    #[n(2)]
    Wecom,
    /// The receiving server.
    #[n(3)]
    Callback,
    /// Who takes part.
    #[n(4)]
    Pilot,
    /// The first sync.
    #[n(5)]
    Sync,
    /// Who is what.
    #[n(6)]
    Roles,
    /// The review.
    #[n(7)]
    Done,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Firm,
        Self::Preset,
        Self::Wecom,
        Self::Callback,
        Self::Pilot,
        Self::Sync,
        Self::Roles,
        Self::Done,
    ];

    /// Stable code: the address's end and the catalogue key's.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Firm => "firm",
            Self::Preset => "preset",
            Self::Wecom => "wecom",
            Self::Callback => "callback",
            Self::Pilot => "pilot",
            Self::Sync => "sync",
            Self::Roles => "roles",
            Self::Done => "done",
        }
    }

    /// The step's address.
    pub fn href(self) -> String {
        format!("/setup/{}", self.code())
    }

    /// Whether the step is about WeCom alone.
    const fn needs_wecom(self) -> bool {
        matches!(self, Self::Callback | Self::Pilot | Self::Sync)
    }
}

/// How far the wizard is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Setup {
    /// Steps that were saved or passed over.
    #[n(0)]
    pub done: Vec<Step>,
    /// The firm works without WeCom for now.
    #[n(1)]
    pub without_wecom: bool,
    /// What an industry's preset has made.
    #[n(2)]
    pub preset: Option<AppliedPreset>,
    /// When the wizard was ended.
    #[n(3)]
    pub finished_at: Option<Timestamp>,
}

/// What a preset has made; undone as one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AppliedPreset {
    /// Which one.
    #[n(0)]
    pub industry: Industry,
    /// Custom roles it made.
    #[n(1)]
    pub roles: Vec<Id<CustomRole>>,
    /// When.
    #[n(2)]
    pub at: Timestamp,
    /// Corp tags it made.
    #[cbor(n(3), default)]
    pub tags: Vec<TagId>,
}

impl Setup {
    /// The steps of this firm.
    pub fn steps(&self) -> Vec<Step> {
        let fits = |step: &Step| !(self.without_wecom && step.needs_wecom());
        Step::ALL.into_iter().filter(fits).collect()
    }

    /// Whether a step is behind us.
    pub fn is_done(&self, step: Step) -> bool {
        self.done.contains(&step)
    }

    /// Where to take it up again.
    pub fn resume(&self) -> Step {
        let open = self.steps().into_iter().find(|step| !self.is_done(*step));
        open.unwrap_or(Step::Done)
    }

    /// The step behind this one.
    pub fn after(&self, step: Step) -> Step {
        let mut rest = self.steps().into_iter().skip_while(|s| *s != step);
        rest.nth(1).unwrap_or(Step::Done)
    }

    /// The step before this one.
    pub fn before(&self, step: Step) -> Option<Step> {
        let steps = self.steps();
        let at = steps.iter().position(|s| *s == step)?;
        at.checked_sub(1).map(|before| steps[before])
    }
}

/// An address as it is kept: scheme and host, perhaps a port, no path. `None` if it is none.
pub fn clean_address(typed: &str) -> Option<String> {
    let typed = typed.trim().trim_end_matches('/');
    let rest = typed
        .strip_prefix("https://")
        .or_else(|| typed.strip_prefix("http://"))?;
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let fits = !rest.is_empty() && rest.len() <= 200 && rest.chars().all(is_fine);
    fits.then(|| typed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wizard_is_taken_up_at_the_first_open_step() {
        let mut setup = Setup::default();
        assert_eq!(setup.resume(), Step::Firm);
        setup.done = vec![Step::Firm, Step::Wecom];
        assert_eq!(setup.resume(), Step::Preset);
        assert_eq!(setup.after(Step::Wecom), Step::Callback);
        setup.without_wecom = true;
        assert_eq!(setup.after(Step::Wecom), Step::Roles);
        assert_eq!(setup.before(Step::Roles), Some(Step::Wecom));
        assert_eq!(setup.before(Step::Firm), None);
        setup.done = setup.steps();
        assert_eq!(setup.resume(), Step::Done);
    }

    #[test]
    fn an_address_is_kept_without_path_and_slash() {
        let clean = |text| clean_address(text);
        assert_eq!(
            clean(" https://qitai.example.com/ ").as_deref(),
            Some("https://qitai.example.com")
        );
        assert_eq!(
            clean("http://10.0.0.8:8080").as_deref(),
            Some("http://10.0.0.8:8080")
        );
        for wrong in [
            "qitai.example.com",
            "ftp://x",
            "https://x/y",
            "https://",
            "https://x y",
        ] {
            assert_eq!(clean(wrong), None, "{wrong}");
        }
    }
}
