//! Reads of the ledger. Whoever shows a touch has the customer in scope.

use std::collections::BTreeMap;

use crate::{
    customers::{CustomerId, GroupId},
    kit::Timestamp,
    org::MemberId,
    store::{Read, StoreError, Walk},
};

use super::{
    actions::no_from,
    model::{
        Limits, OptOut, Periods, Room, Touch, TouchId, TouchKind, TouchState, Why, fits,
        quiet_until,
    },
    tables::{BY_CAUSE, FIRM, cause_key, outcome_key},
};

/// A touch is planned at most so long before the time it is asked about, ms: what was noted
/// earlier is settled, or counts no more.
const PLANNED_AHEAD_MS: i64 = 62 * 86_400_000;

/// What the firm allows.
pub fn limits(r: &Read<'_>) -> Result<Limits, StoreError> {
    Ok(r.get(&FIRM.to_owned())?.unwrap_or_default())
}

/// Whether a customer may get one more message of this kind at a time. Asked inside the write
/// that plans it, so that two plans never share the last place.
pub fn room(
    r: &Read<'_>,
    customer: CustomerId,
    at: Timestamp,
    kind: TouchKind,
) -> Result<Room, StoreError> {
    Judge::new(r, at)?.room(r, customer, kind)
}

/// Asks about many customers at one time.
pub struct Judge {
    limits: Limits,
    periods: Periods,
    quiet_until: Option<Timestamp>,
}

impl Judge {
    /// By the limits of this moment, for messages at `at`.
    pub fn new(r: &Read<'_>, at: Timestamp) -> Result<Self, StoreError> {
        let zone = crate::serve::zone();
        let limits = limits(r)?;
        Ok(Self {
            periods: Periods::around(at, &zone),
            quiet_until: quiet_until(&limits, at, &zone),
            limits,
        })
    }

    /// The end of the quiet hours, if it is within them.
    pub fn quiet_until(&self) -> Option<Timestamp> {
        self.quiet_until
    }

    /// Whether a group has been sent as many this month as WeCom lets through, whatever the firm
    /// allows: one for each of its days (WeCom documentation, 创建企业群发). WeCom's client may
    /// be set to fewer, which only its answers tell.
    pub fn is_at_wecoms_limit(&self, r: &Read<'_>, group: GroupId) -> Result<bool, StoreError> {
        let limits = Limits {
            per_day: None,
            per_week: None,
            per_month: Some(self.periods.days_of_month()),
            quiet: None,
            approve_above: None,
        };
        let since = self.periods.begin().plus_ms(-PLANNED_AHEAD_MS);
        let touches = since_no(r, group.cast(), no_from(since))?;
        Ok(fits(&limits, &self.periods, &touches) != Room::Free)
    }

    /// Whether a customer, or a group in its place, may get one more.
    pub fn room(
        &self,
        r: &Read<'_>,
        customer: CustomerId,
        kind: TouchKind,
    ) -> Result<Room, StoreError> {
        if !kind.is_capped() {
            return Ok(Room::Free);
        }
        if r.exists::<OptOut>(&customer)? {
            return Ok(Room::OptedOut);
        }
        let since = self.periods.begin().plus_ms(-PLANNED_AHEAD_MS);
        let touches = since_no(r, customer, no_from(since))?;
        match fits(&self.limits, &self.periods, &touches) {
            Room::Free => Ok(self.quiet_until.map_or(Room::Free, Room::QuietUntil)),
            over => Ok(over),
        }
    }
}

/// A customer's touches from a number on, in order.
fn since_no(r: &Read<'_>, customer: CustomerId, no: u64) -> Result<Vec<Touch>, StoreError> {
    let rows = r.all::<Touch>(Some(&(customer, no.saturating_sub(1))))?;
    rows.take_while(|touch| touch.as_ref().map_or(true, |t| t.customer == customer))
        .collect()
}

/// A customer's newest touches, newest first.
pub fn of_customer(
    r: &Read<'_>,
    customer: CustomerId,
    most: usize,
) -> Result<Vec<Touch>, StoreError> {
    let rows = r.all_backwards::<Touch>(Some(&(customer, u64::MAX)))?;
    rows.take_while(|touch| touch.as_ref().map_or(true, |t| t.customer == customer))
        .take(most)
        .collect()
}

/// Whether and why a customer wants no broadcasts.
pub fn opt_out_of(r: &Read<'_>, customer: CustomerId) -> Result<Option<OptOut>, StoreError> {
    r.get(&customer)
}

/// How many touches with one cause came to which end, by member.
pub type Outcomes = BTreeMap<(Option<MemberId>, u8, Option<Why>), u64>;

/// The touches with one cause, counted in the ledger: nothing else counts them.
pub fn outcomes(r: &Read<'_>, of: &(String, String)) -> Result<Outcomes, StoreError> {
    let prefix = cause_key(of);
    let start = prefix.as_bytes().len();
    let mut counted = Outcomes::new();
    for hit in r.walk(&BY_CAUSE, &Walk::prefix(prefix))? {
        let place = hit?.place;
        let Some([state, why, member @ ..]) = place.get(start..start + 10) else {
            return Err(StoreError::Internal("a short key of a touch".to_owned()));
        };
        let bits = member.try_into().map_or(0, u64::from_be_bytes);
        let member = (bits != 0).then(|| MemberId::from_bits(bits));
        let why = Why::ALL.into_iter().find(|w| *w as u8 + 1 == *why);
        *counted.entry((member, *state, why)).or_default() += 1;
    }
    Ok(counted)
}

/// The ids of touches with one cause, or of those with one outcome, from a place on: each with
/// its place.
pub fn of_cause<'a>(
    r: &Read<'a>,
    of: &(String, String),
    outcome: Option<(TouchState, Option<Why>)>,
    walk: Walk,
) -> Result<impl Iterator<Item = Result<(Vec<u8>, TouchId), StoreError>> + use<'a>, StoreError> {
    let prefix = match outcome {
        Some((state, why)) => outcome_key(of, state, why),
        None => cause_key(of),
    };
    let hits = r.walk(&BY_CAUSE, &Walk { prefix, ..walk })?;
    Ok(hits.map(|hit| hit.map(|hit| (hit.place, hit.key))))
}

/// The ids of one member's touches with one cause and outcome, by customer.
pub fn of_member<'a>(
    r: &Read<'a>,
    of: &(String, String),
    (state, why): (TouchState, Option<Why>),
    member: MemberId,
) -> Result<impl Iterator<Item = Result<TouchId, StoreError>> + use<'a>, StoreError> {
    let prefix = outcome_key(of, state, why).with(member);
    let hits = r.walk(&BY_CAUSE, &Walk::prefix(prefix))?;
    Ok(hits.map(|hit| hit.map(|hit| hit.key)))
}

/// The member in a place of [`of_cause`].
pub fn member_in(place: &[u8]) -> Option<MemberId> {
    // Behind the member stands the touch itself: customer and number.
    let end = place.len().checked_sub(16)?;
    let bits = place.get(end.checked_sub(8)?..end)?.try_into().ok()?;
    let bits = u64::from_be_bytes(bits);
    (bits != 0).then(|| MemberId::from_bits(bits))
}

/// Catalogue key of where a touch stands, and its tone.
pub fn outcome_word(touch: &Touch) -> (&'static str, &'static str) {
    match (touch.state, touch.why) {
        (TouchState::Planned, _) => ("touches.state.planned", "info"),
        (TouchState::Sent, _) => ("touches.state.sent", "ok"),
        (TouchState::Failed, Some(why)) if why.is_skip() => ("touches.state.skipped", "muted"),
        (TouchState::Failed, _) => ("touches.state.failed", "bad"),
    }
}
