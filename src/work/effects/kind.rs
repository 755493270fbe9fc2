//! What a kind of effect is: its call, how it is sent, looked after and told of.

use std::{pin::Pin, sync::Arc};

use crate::{
    error::{AppError, Result},
    kit::Timestamp,
    store::{Read, StoreError, Write},
    wecom,
};

use super::{Area, Effect, Priority};

/// What a kind of effect is called and which call it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EffectSpec {
    /// Stable name, `<slice>.<what>`; also the end of the catalogue key `effects.kind.…`.
    pub name: &'static str,
    /// What it changes at WeCom: the firm allows each area or not.
    pub area: Area,
    /// The call's path, whose budget it draws on, e.g. `externalcontact/remark`.
    pub call: &'static str,
    /// `POST`, or `GET` as WeCom has it for some deletions.
    pub method: &'static str,
}

impl EffectSpec {
    /// An effect that is one POST call.
    pub const fn post(name: &'static str, area: Area, call: &'static str) -> Self {
        Self {
            name,
            area,
            call,
            method: "POST",
        }
    }

    /// An effect that is one GET call.
    pub const fn get(name: &'static str, area: Area, call: &'static str) -> Self {
        Self {
            name,
            area,
            call,
            method: "GET",
        }
    }
}

/// Why an effect was not carried out, or may not have been. `?` turns an error of the WeCom
/// client into the right one.
#[derive(Debug)]
pub enum Refusal {
    /// It certainly did not happen; judged by [`AppError::may_pass`], it is tried again.
    NotDone(AppError),
    /// It certainly did not happen, and as it is it never will.
    Refused(AppError),
    /// It may have happened: the answer was cut off, or never came.
    Unclear(AppError),
    /// It did not happen, because it is not its turn. No attempt is counted.
    Later {
        /// Not before this time.
        until: Timestamp,
        /// What it waits for.
        error: AppError,
    },
}

impl From<wecom::Error> for Refusal {
    fn from(error: wecom::Error) -> Self {
        use wecom::{Class, Error};
        if let Error::Held { until, .. } = &error {
            let until = *until;
            return Self::Later {
                until,
                error: error.into(),
            };
        }
        if !error.is_certain() {
            return Self::Unclear(error.into());
        }
        match error.class() {
            Some(Class::Gone | Class::OurFault) => Self::Refused(error.into()),
            // Address, secret or right are wrong: it waits until somebody has mended that.
            // How long is the governor's to say.
            Some(Class::IpNotTrusted | Class::Credentials | Class::NotPermitted) => {
                Self::NotDone(error.into())
            }
            Some(Class::RetryLater | Class::TokenInvalid) | None => Self::NotDone(error.into()),
        }
    }
}

impl From<AppError> for Refusal {
    /// An error of ours before anything was sent.
    fn from(error: AppError) -> Self {
        Self::NotDone(error)
    }
}

/// What the other end says about an effect without a clear answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It happened, with this answer in the kind's own encoding.
    Happened(Vec<u8>),
    /// It did not.
    NotThere,
    /// The other end cannot tell.
    CannotTell,
}

/// An effect in words, without anything personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Catalogue key of the sentence.
    pub key: &'static str,
    /// Its arguments.
    pub args: Vec<(&'static str, String)>,
    /// What it is for, e.g. a customer's number.
    pub about: String,
    /// Where that can be looked at; the page there checks for itself.
    pub href: Option<String>,
}

/// Carries an effect out; gives the answer in the kind's own encoding.
pub type EffectFuture = Pin<Box<dyn Future<Output = Result<Vec<u8>, Refusal>> + Send>>;
/// Looks at the other end whether an effect has happened.
pub type LookFuture = Pin<Box<dyn Future<Output = Result<Seen>> + Send>>;
/// Carries an effect out, once.
pub type SendFn<C> = fn(Arc<C>, Effect) -> EffectFuture;
/// Tells of an effect.
pub type Tell = fn(&Read<'_>, &Effect) -> Result<Told, StoreError>;

/// A kind of effect. `C` is what effects work with.
pub struct EffectKind<C> {
    /// Name and call.
    pub spec: EffectSpec,
    /// Carries it out, once.
    pub send: SendFn<C>,
    /// Looks whether it has happened; none if doing it twice is the same as once.
    pub look: Option<fn(Arc<C>, Effect) -> LookFuture>,
    /// What follows here, in the same write that notes that it happened.
    pub arrived: fn(&mut Write<'_>, &Effect, &[u8]) -> Result<()>,
    /// What it is in words.
    pub tell: Option<Tell>,
}

impl<C> EffectKind<C> {
    /// A kind of which twice is the same as once and from which nothing follows here.
    pub fn new(spec: EffectSpec, send: SendFn<C>) -> Self {
        Self {
            spec,
            send,
            look: None,
            arrived: |_, _, _| Ok(()),
            tell: None,
        }
    }

    /// Looks at the other end before it is sent again.
    pub fn looking(mut self, look: fn(Arc<C>, Effect) -> LookFuture) -> Self {
        self.look = Some(look);
        self
    }

    /// Does this, in the same write that notes that it happened.
    pub fn arriving(mut self, arrived: fn(&mut Write<'_>, &Effect, &[u8]) -> Result<()>) -> Self {
        self.arrived = arrived;
        self
    }

    /// Tells what it is.
    pub fn telling(mut self, tell: Tell) -> Self {
        self.tell = Some(tell);
        self
    }
}

impl<C> Clone for EffectKind<C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for EffectKind<C> {}

/// What effects are sent through.
pub trait Outside: Send + Sync + 'static {
    /// Not before when a call may be made at this priority, by quota; none: now.
    fn not_before(&self, spec: &EffectSpec, priority: Priority) -> Option<Timestamp>;

    /// Keeps, in the write that notes how an effect ended, what must outlive a restart along
    /// with it: quotas used up, penalties begun.
    fn keep(&self, w: &mut Write<'_>) -> Result<()>;
}
