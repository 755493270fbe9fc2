//! Noting and settling touches; what the firm allows; who wants no more.

use std::sync::Arc;

use aws_lc_rs::digest;

use crate::{
    customers::{self, CustomerId},
    error::{AppError, Invalid, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Timestamp,
    org::{Directory, Sight},
    store::{Entity, Read, StoreError, Write},
};

use super::{
    model::{Limits, NewTouch, OptOut, OptOutKind, Touch, TouchId, TouchState, Why},
    tables::Posting,
};

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;
/// More per period than anybody means.
pub(in crate::outreach) const LIMIT_MAX: u32 = 100;
/// Characters of a reason.
const REASON_CHARS_MAX: usize = 200;

/// Notes a touch, and the posting that speaks for it.
///
/// # Errors
/// Those of the store.
pub fn note(w: &mut Write<'_>, new: NewTouch) -> Result<TouchId> {
    let customer = new.customer;
    let noted = note_all(w, vec![new])?;
    Ok(noted.first().copied().unwrap_or((customer, 0)))
}

/// Notes many touches under one posting.
///
/// # Errors
/// Those of the store.
pub fn note_all(w: &mut Write<'_>, new: Vec<NewTouch>) -> Result<Vec<TouchId>> {
    let now = w.now();
    let mut touches = Vec::with_capacity(new.len());
    for new in new {
        let touch = Touch {
            customer: new.customer,
            no: free_no(&w.read(), new.customer, now)?,
            member: new.member,
            kind: new.kind,
            at: new.at,
            state: new.state,
            of: new.of,
            why: new.why,
        };
        w.put(&touch)?;
        touches.push(touch);
    }
    post(w, &touches)?;
    Ok(touches.iter().map(Touch::id).collect())
}

/// Room for so many touches of one customer within one millisecond.
const NO_BITS: u32 = 12;

/// The least number that can be given at this time.
pub(super) fn no_from(at: Timestamp) -> u64 {
    at.ms().max(0).cast_unsigned() << NO_BITS
}

fn free_no(r: &Read<'_>, customer: CustomerId, now: Timestamp) -> Result<u64, StoreError> {
    let mut no = no_from(now);
    while r.exists::<Touch>(&(customer, no))? {
        no += 1;
    }
    Ok(no)
}

/// What became of planned touches: state, time, and why not. What is not planned any more
/// stays as it is, but that a message which counted as lost has arrived after all is noted.
/// Gives how many have changed.
///
/// # Errors
/// Those of the store.
pub fn settle(
    w: &mut Write<'_>,
    ends: impl IntoIterator<Item = (TouchId, TouchState, Timestamp, Option<Why>)>,
) -> Result<usize> {
    let mut changed = Vec::new();
    for (id, state, at, why) in ends {
        let Some(mut touch) = w.get::<Touch>(&id)? else {
            continue;
        };
        let is_open = match touch.state {
            TouchState::Planned => state != TouchState::Planned,
            TouchState::Failed => state == TouchState::Sent,
            TouchState::Sent => false,
        };
        if is_open {
            (touch.state, touch.at, touch.why) = (state, at, why);
            w.put(&touch)?;
            changed.push(touch);
        }
    }
    post(w, &changed)?;
    Ok(changed.len())
}

fn post(w: &mut Write<'_>, touches: &[Touch]) -> Result<()> {
    let Some(first) = touches.first() else {
        return Ok(());
    };
    let mut sum = digest::Context::new(&digest::SHA256);
    for touch in touches {
        sum.update(&minicbor::to_vec(touch).map_err(AppError::internal)?);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(sum.finish().as_ref());
    let posting = Posting {
        id: w.new_id()?,
        of: first.of.clone(),
        touches: u32::try_from(touches.len()).unwrap_or(u32::MAX),
        digest,
    };
    Ok(w.put(&posting)?)
}

/// Says what the firm allows.
#[derive(Debug, Clone)]
pub struct SaveLimits {
    /// The limits to be.
    pub limits: Limits,
}

impl Command for SaveLimits {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

/// Keeps the limits; they hold for everything that is planned from now on.
///
/// # Errors
/// [`AppError::Invalid`] by field.
pub fn save_limits(w: &mut Write<'_>, allowed: Allowed<SaveLimits>) -> Result<()> {
    let limits = allowed.into_command().limits;
    let mut wrong = Invalid::default();
    let fields = [
        ("per_day", limits.per_day),
        ("per_week", limits.per_week),
        ("per_month", limits.per_month),
    ];
    for (field, max) in fields {
        if max.is_some_and(|max| max > LIMIT_MAX) {
            wrong = wrong.with(field, "touches.limit_range");
        }
    }
    if limits
        .quiet
        .is_some_and(|(from, to)| from >= DAY_MINUTES || to >= DAY_MINUTES)
    {
        wrong = wrong.with("quiet_from", "touches.quiet_shape");
    }
    wrong.into_result()?;
    Ok(w.put(&limits)?)
}

/// Notes that a customer wants no broadcasts.
#[derive(Debug, Clone)]
pub struct OptOutCustomer {
    /// Who.
    pub customer: CustomerId,
    /// Asked for, or complained.
    pub kind: OptOutKind,
    /// Why.
    pub reason: String,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Lets a customer get broadcasts again.
#[derive(Debug, Clone)]
pub struct Lift {
    /// Who.
    pub customer: CustomerId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

macro_rules! about_customers {
    ($($command:ty),+) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::CustomerEdit);
            const WHAT: &'static str = "customer";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                let sight = Sight::new(self.directory.clone(), scope);
                Ok(customers::queries::customer(r, &sight, self.customer)?.is_some())
            }
        }
    )+};
}
about_customers!(OptOutCustomer, Lift);

/// Notes it. What is planned already is not taken back; nothing more is planned.
///
/// # Errors
/// [`AppError::Invalid`] if the reason is missing or too long.
pub fn opt_out(w: &mut Write<'_>, allowed: Allowed<OptOutCustomer>) -> Result<()> {
    let by = allowed.by().map(|account| account.cast());
    let command = allowed.into_command();
    let reason = command.reason.trim();
    if reason.is_empty() {
        return Err(AppError::field("reason", "form.required"));
    }
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(AppError::field("reason", "touches.reason_length"));
    }
    let opted_out = OptOut {
        customer: command.customer,
        kind: command.kind,
        reason: reason.to_owned(),
        by,
        at: w.now(),
    };
    Ok(w.put(&opted_out)?)
}

/// Lets them be sent again.
///
/// # Errors
/// Those of the store.
pub fn lift(w: &mut Write<'_>, allowed: Allowed<Lift>) -> Result<()> {
    let customer = allowed.into_command().customer;
    w.act_mut().objects.push(crate::store::ObjectRef {
        kind: OptOut::KIND,
        id: customer.to_string(),
    });
    w.delete::<OptOut>(&customer)?;
    Ok(())
}
