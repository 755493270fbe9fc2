//! The courier: sends queued effects, a few at a time, and finds out about those that had no
//! clear answer.

use std::{collections::HashSet, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::{AppError, Result},
    kit::Timestamp,
    store::{Act, Store, Write},
    work::Failure,
};

use super::effect::{self, Effect, EffectId, EffectState, Priority, change};

/// Effects on their way at once.
const SENDING_MAX: usize = 8;
/// So many more, if they are urgent: a slow bulk call must not cost a welcome message.
const URGENT_MAX: usize = 4;
/// How often the line is looked at without being woken.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Attempts after which an effect that keeps failing for a passing reason is given up.
const ATTEMPTS_MAX: u32 = 12;
/// Looks after which an effect without a clear answer is left to a person.
const LOOKS_MAX: u32 = 8;

/// Why an effect was not carried out, or may not have been.
#[derive(Debug)]
pub enum Refusal {
    /// It certainly did not happen.
    NotDone(AppError),
    /// It may have happened: the answer was cut off, or never came.
    Unclear(AppError),
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

/// Carries an effect out; gives the answer in the kind's own encoding.
pub type EffectFuture = Pin<Box<dyn Future<Output = Result<Vec<u8>, Refusal>> + Send>>;
/// Looks at the other end whether an effect has happened.
pub type LookFuture = Pin<Box<dyn Future<Output = Result<Seen>> + Send>>;

/// A kind of effect. `C` is what effects work with.
pub struct EffectKind<C> {
    /// Stable name, `<slice>.<what>`.
    pub name: &'static str,
    /// Carries it out, once.
    pub send: fn(Arc<C>, Effect) -> EffectFuture,
    /// Looks whether it has happened; none if doing it twice is the same as once.
    pub look: Option<fn(Arc<C>, Effect) -> LookFuture>,
    /// What follows here, in the same write that notes that it happened.
    pub arrived: fn(&mut Write<'_>, &Effect, &[u8]) -> Result<()>,
}

impl<C> Clone for EffectKind<C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for EffectKind<C> {}

/// Takes due effects from the line until told to stop.
pub struct Courier<C> {
    store: Arc<Store>,
    kinds: Vec<EffectKind<C>>,
    wake: Arc<Notify>,
    stop: CancellationToken,
}

/// What is being sent or looked after right now.
#[derive(Default)]
struct UnderWay {
    ids: HashSet<EffectId>,
    tasks: JoinSet<(EffectId, Result<()>)>,
}

impl UnderWay {
    fn begin(&mut self, id: EffectId, task: impl Future<Output = Result<()>> + Send + 'static) {
        self.ids.insert(id);
        self.tasks.spawn(async move { (id, task.await) });
    }

    /// An error is one of the store: the courier cannot go on.
    fn end(&mut self, ended: Result<(EffectId, Result<()>), JoinError>) -> Result<()> {
        let (id, ended) = ended.map_err(AppError::internal)?;
        self.ids.remove(&id);
        ended
    }
}

impl<C: Send + Sync + 'static> Courier<C> {
    /// A courier for these kinds. `wake` is notified by whoever has planned an effect.
    pub fn new(
        store: Arc<Store>,
        kinds: Vec<EffectKind<C>>,
        wake: Arc<Notify>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            store,
            kinds,
            wake,
            stop,
        }
    }

    /// Runs until stopped; what is on its way then is waited for.
    pub async fn run(self, on: Arc<C>) -> Result<()> {
        let courier = Arc::new(self);
        let mut under_way = UnderWay::default();
        while !courier.stop.is_cancelled() {
            courier.clone().set_out(&on, &mut under_way).await?;
            tokio::select! {
                Some(ended) = under_way.tasks.join_next() => under_way.end(ended)?,
                () = courier.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = courier.stop.cancelled() => {}
            }
        }
        while let Some(ended) = under_way.tasks.join_next().await {
            under_way.end(ended)?;
        }
        Ok(())
    }

    /// Looks after effects without a clear answer, and sends what is due as far as there is
    /// room.
    async fn set_out(self: Arc<Self>, on: &Arc<C>, under_way: &mut UnderWay) -> Result<()> {
        let now = self.store.clock().now();
        let unclear = self.store.read(effect::sending)?;
        let is_due = |e: &Effect| e.run_after <= now && !under_way.ids.contains(&e.id);
        for effect in unclear.into_iter().filter(is_due).collect::<Vec<_>>() {
            let (courier, on) = (self.clone(), on.clone());
            under_way.begin(effect.id, async move { courier.look(&on, effect).await });
        }
        let room = SENDING_MAX.saturating_sub(under_way.ids.len());
        let urgent_room = (SENDING_MAX + URGENT_MAX).saturating_sub(under_way.ids.len());
        let mut due = self
            .store
            .read(|r| effect::due(r, now, room, urgent_room))?;
        // What was put back in line a moment ago is free only when its task has been heard of:
        // else the end of that task would let go of the next one.
        due.retain(|effect| !under_way.ids.contains(&effect.id));
        if due.is_empty() {
            return Ok(());
        }
        for effect in self.mark_sending(due).await? {
            let (courier, on) = (self.clone(), on.clone());
            under_way.begin(effect.id, async move { courier.send(&on, effect).await });
        }
        Ok(())
    }

    /// Makes durable that these are on their way, before any of them is. What has expired or
    /// was stopped meanwhile is left out.
    async fn mark_sending(&self, due: Vec<Effect>) -> Result<Vec<Effect>> {
        self.store
            .write(Act::by_system("effect.send", "outbox"), move |w| {
                let mut sending = Vec::new();
                for effect in due {
                    change(w, effect.id, |effect, now| {
                        if effect.state != EffectState::Queued {
                            return false;
                        }
                        if effect.expires_at.is_some_and(|at| at <= now) {
                            end_expired(effect, now);
                            return true;
                        }
                        effect.state = EffectState::Sending;
                        effect.attempts += 1;
                        effect.looks = 0;
                        effect.sent_at = Some(now);
                        effect.run_after = now;
                        sending.push(effect.clone());
                        true
                    })?;
                }
                Ok(sending)
            })
            .await
    }

    async fn send(&self, on: &Arc<C>, effect: Effect) -> Result<()> {
        let Some(kind) = self.kind(&effect) else {
            let unknown = AppError::internal(format!("no effect kind {}", effect.kind));
            return self.not_done(effect, unknown).await;
        };
        // A task of its own, so that a panic in it is an unclear end and no more.
        let sent = tokio::spawn((kind.send)(on.clone(), effect.clone())).await;
        match sent {
            Ok(Ok(answer)) => self.happened(kind, effect, answer).await,
            Ok(Err(Refusal::NotDone(error))) => self.not_done(effect, error).await,
            Ok(Err(Refusal::Unclear(error))) => {
                tracing::warn!(effect = %effect.id, kind = kind.name, %error, "no clear answer");
                self.look(on, effect).await
            }
            Err(panic) => {
                tracing::error!(effect = %effect.id, kind = kind.name, %panic, "effect panicked");
                self.look(on, effect).await
            }
        }
    }

    /// Looks whether an effect without a clear answer has happened.
    async fn look(&self, on: &Arc<C>, effect: Effect) -> Result<()> {
        let unclear = || AppError::Unavailable { why: "unclear" };
        let Some(kind) = self.kind(&effect) else {
            return self.unknown(effect, unclear()).await;
        };
        let Some(look) = kind.look else {
            // Twice is the same as once: again, later.
            return self.not_done(effect, unclear()).await;
        };
        let looked = tokio::spawn(look(on.clone(), effect.clone())).await;
        match looked.unwrap_or_else(|panic| Err(AppError::internal(panic))) {
            Ok(Seen::Happened(answer)) => self.happened(kind, effect, answer).await,
            Ok(Seen::NotThere) => self.not_done(effect, unclear()).await,
            Ok(Seen::CannotTell) => self.unknown(effect, unclear()).await,
            Err(error) if error.may_pass() && effect.looks < LOOKS_MAX => {
                self.note(effect, error, |effect, now| {
                    effect.looks += 1;
                    effect.run_after = now.plus_ms(wait_ms(effect));
                })
                .await
            }
            Err(error) => self.unknown(effect, error).await,
        }
    }

    fn kind(&self, effect: &Effect) -> Option<EffectKind<C>> {
        let found = self.kinds.iter().find(|kind| kind.name == effect.kind);
        found.copied()
    }

    async fn happened(&self, kind: EffectKind<C>, effect: Effect, answer: Vec<u8>) -> Result<()> {
        let (arrived, id, happened) = (kind.arrived, effect.id, effect.clone());
        let noted = self
            .store
            .write(Act::by_system("effect.done", "outbox"), move |w| {
                arrived(w, &happened, &answer)?;
                change(w, id, |effect, now| {
                    effect.state = EffectState::Done;
                    effect.finished_at = Some(now);
                    effect.answer = Some(answer);
                    effect.failure = None;
                    true
                })?;
                Ok(())
            })
            .await;
        match noted {
            // What follows here was refused: a person has to see it, and it is never sent again.
            Err(error) if !self.store.has_failed() => self.unknown(effect, error).await,
            noted => noted,
        }
    }

    /// It did not happen: again later, if that may help.
    async fn not_done(&self, effect: Effect, error: AppError) -> Result<()> {
        let may_pass = error.may_pass();
        self.note(effect, error, move |effect, now| {
            if effect.expires_at.is_some_and(|at| at <= now) {
                end_expired(effect, now);
            } else if may_pass && effect.attempts < ATTEMPTS_MAX {
                effect.state = EffectState::Queued;
                effect.run_after = now.plus_ms(wait_ms(effect));
            } else {
                effect.state = EffectState::Failed;
                effect.finished_at = Some(now);
            }
        })
        .await
    }

    async fn unknown(&self, effect: Effect, error: AppError) -> Result<()> {
        self.note(effect, error, |effect, _| {
            effect.state = EffectState::Unknown;
        })
        .await
    }

    async fn note(
        &self,
        effect: Effect,
        error: AppError,
        end: impl FnOnce(&mut Effect, Timestamp) + Send + 'static,
    ) -> Result<()> {
        tracing::warn!(effect = %effect.id, kind = %effect.kind, %error, "effect not done");
        self.store
            .write(Act::by_system("effect.failed", "outbox"), move |w| {
                change(w, effect.id, |effect, now| {
                    effect.failure = Some(Failure {
                        code: error.code().into_owned(),
                        at: now,
                        cause: error.to_string(),
                    });
                    end(effect, now);
                    true
                })?;
                Ok(())
            })
            .await
    }
}

/// Time is up: sending it now would do harm or nothing.
fn end_expired(effect: &mut Effect, now: Timestamp) {
    effect.state = EffectState::Failed;
    effect.finished_at = Some(now);
    let expired = AppError::Conflict { why: "expired" };
    effect.failure.get_or_insert_with(|| Failure {
        code: expired.code().into_owned(),
        at: now,
        cause: expired.to_string(),
    });
}

/// 1 s, 2 s, 4 s … up to ten minutes; for what is urgent a second each time.
fn wait_ms(effect: &Effect) -> i64 {
    match effect.priority {
        Priority::Urgent => 1_000,
        Priority::Awaited | Priority::Bulk => {
            let tries = effect.attempts.max(effect.looks);
            (500_i64 << tries.min(11)).min(600_000)
        }
    }
}
