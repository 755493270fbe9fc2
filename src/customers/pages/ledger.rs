//! 触达记录: what was sent to a customer or into a group, when, by whom, what became of it, and
//! whether the customer wants no more.

use crate::{
    customers::{CustomerId, GroupId},
    error::{AppError, Result},
    identity,
    kit::Timestamp,
    org::Sight,
    outreach::touches::{OptOutKind, Touch, queries},
    store::Read,
};

use super::origin::{Origin, Origins};

/// Touches that are shown.
const SHOWN: usize = 50;

/// One touch.
pub(super) struct Line {
    pub(super) at: Timestamp,
    pub(super) kind: &'static str,
    /// What it came from, if that is still known.
    pub(super) origin: Option<Origin>,
    /// The member in whose name; empty if unknown or out of sight.
    pub(super) by: String,
    pub(super) outcome: (&'static str, &'static str),
    pub(super) why: Option<&'static str>,
}

/// That a customer wants no more.
pub(super) struct Out {
    pub(super) kind: &'static str,
    pub(super) reason: String,
    pub(super) by: String,
    pub(super) at: Timestamp,
}

/// The tab.
pub(super) struct Ledger {
    pub(super) lines: Vec<Line>,
    pub(super) out: Option<Out>,
    /// Codes and words of how somebody comes to be opted out; empty if the viewer may not say so.
    pub(super) kinds: Vec<(&'static str, &'static str)>,
}

impl Ledger {
    pub(super) fn of(
        r: &Read<'_>,
        (sight, origins): (&Sight, &Origins<'_>),
        customer: CustomerId,
        may_edit: bool,
    ) -> Result<Self> {
        let touches = queries::of_customer(r, customer, SHOWN)?;
        let out = match queries::opt_out_of(r, customer)? {
            Some(out) => Some(Out {
                kind: out.kind.word(),
                reason: out.reason,
                by: match out.by {
                    Some(by) => identity::queries::account_name(r, by.cast())?.unwrap_or_default(),
                    None => String::new(),
                },
                at: out.at,
            }),
            None => None,
        };
        let kinds = OptOutKind::ALL.map(|kind| (kind.code(), kind.word()));
        Ok(Self {
            lines: lines(sight, origins, &touches)?,
            out,
            kinds: if may_edit { kinds.to_vec() } else { Vec::new() },
        })
    }
}

/// What was sent into a group, newest first.
pub(super) fn of_group(
    r: &Read<'_>,
    (sight, origins): (&Sight, &Origins<'_>),
    group: GroupId,
) -> Result<Vec<Line>> {
    let touches = queries::of_customer(r, group.cast(), SHOWN)?;
    lines(sight, origins, &touches)
}

fn lines(sight: &Sight, origins: &Origins<'_>, touches: &[Touch]) -> Result<Vec<Line>> {
    let line = |touch| {
        let origin = origins.origin(touch)?;
        Ok::<_, AppError>(line(sight, touch, origin))
    };
    touches.iter().map(line).collect()
}

fn line(sight: &Sight, touch: &Touch, origin: Option<Origin>) -> Line {
    let member = touch.member.filter(|member| sight.sees(*member));
    Line {
        at: touch.at,
        kind: touch.kind.word(),
        origin,
        by: member.map_or(String::new(), |member| sight.name(member).to_owned()),
        outcome: queries::outcome_word(touch),
        why: touch.why.map(crate::outreach::touches::Why::word),
    }
}
