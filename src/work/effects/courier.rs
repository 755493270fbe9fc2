//! The courier: sends queued effects, a few at a time, and finds out about those that had no
//! clear answer.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::{AppError, Result},
    kit::Timestamp,
    store::{Act, Store},
    work::Failure,
};

use super::{
    EffectKind, EffectSpec, Outside, Refusal, Seen, WriteMode, WriteSettings,
    effect::{self, Effect, EffectId, EffectState, Priority, change},
};

#[cfg(any(test, feature = "faults"))]
use super::faults::{Bug, Faults, Step};

/// Effects on their way at once.
const SENDING_MAX: usize = 8;
/// So many more, if they are urgent: a slow bulk call must not cost a welcome message.
const URGENT_MAX: usize = 4;
/// How often the line is looked at without being woken.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often old effects are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);
/// Old effects forgotten in one write.
const TIDY: usize = 1_000;
/// Attempts after which an effect that keeps failing for a passing reason is given up.
const ATTEMPTS_MAX: u32 = 12;
/// After a crash nobody knows what WeCom answered last. It may have begun a penalty of a
/// minute, so nothing is sent again within one, in milliseconds.
const AFTER_CRASH_MS: i64 = 60_000;
/// Looks after which an effect without a clear answer is left to a person.
const LOOKS_MAX: u32 = 8;

/// Takes due effects from the line until told to stop.
pub struct Courier<C> {
    store: Arc<Store>,
    kinds: Vec<EffectKind<C>>,
    wake: Arc<Notify>,
    stop: CancellationToken,
    #[cfg(any(test, feature = "faults"))]
    faults: Arc<Faults>,
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

impl<C: Outside> Courier<C> {
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
            #[cfg(any(test, feature = "faults"))]
            faults: Arc::default(),
        }
    }

    /// With places to stop at and bugs.
    #[cfg(any(test, feature = "faults"))]
    pub fn with_faults(mut self, faults: Arc<Faults>) -> Self {
        self.faults = faults;
        self
    }

    /// Runs until stopped; what is on its way then is waited for.
    pub async fn run(self, on: Arc<C>) -> Result<()> {
        let courier = Arc::new(self);
        let mut under_way = UnderWay::default();
        let mut tidied = None::<tokio::time::Instant>;
        courier.move_in().await?;
        while !courier.stop.is_cancelled() {
            if tidied.is_none_or(|at| at.elapsed() > TIDY_EVERY) {
                courier.tidy().await?;
                tidied = Some(tokio::time::Instant::now());
            }
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

    /// In a restored folder nobody knows what has been carried out since the backup.
    async fn move_in(&self) -> Result<()> {
        let act = Act::by_system("effect.failed", "outbox");
        let n = self.store.write(act, |w| Ok(effect::move_in(w)?)).await?;
        if n > 0 {
            tracing::warn!(
                n,
                "the folder was restored: unfinished effects wait for a person"
            );
        }
        Ok(())
    }

    async fn tidy(&self) -> Result<()> {
        let act = || Act::by_system("effect.tidy", "outbox");
        while self
            .store
            .write(act(), |w| Ok(effect::tidy(w, TIDY)?))
            .await?
            > 0
        {}
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
            under_way.begin(effect.id, async move {
                courier.look(&on, effect, AFTER_CRASH_MS).await
            });
        }
        let mut due = self.due(on, now, under_way.ids.len())?;
        // What was put back in line a moment ago is free only when its task has been heard of:
        // else the end of that task would let go of the next one.
        due.retain(|effect| !under_way.ids.contains(&effect.id));
        if due.is_empty() {
            return Ok(());
        }
        #[cfg(any(test, feature = "faults"))]
        {
            self.faults.pass(Step::BeforeSending).await;
            if self.faults.has(Bug::SendBeforeMarked) {
                for effect in due {
                    let (courier, on) = (self.clone(), on.clone());
                    under_way.begin(effect.id, async move { courier.send(&on, effect).await });
                }
                return Ok(());
            }
        }
        for effect in self.mark_sending(on, due).await? {
            let (courier, on) = (self.clone(), on.clone());
            under_way.begin(effect.id, async move { courier.send(&on, effect).await });
        }
        Ok(())
    }

    /// What may leave now: in line, allowed by the firm, and within quota. Every kind gets its
    /// share of the room, so that no flood of one keeps the others waiting.
    fn due(&self, on: &Arc<C>, now: Timestamp, under_way: usize) -> Result<Vec<Effect>> {
        let allowed = self.store.read(WriteSettings::load)?;
        let mut due: Vec<Effect> = Vec::new();
        for priority in Priority::ALL {
            let max = match priority {
                Priority::Urgent => SENDING_MAX + URGENT_MAX,
                Priority::Awaited | Priority::Bulk => SENDING_MAX,
            };
            let may_go = |spec: &EffectSpec| {
                allowed.mode(spec.area) == WriteMode::On && on.not_before(spec, priority).is_none()
            };
            let mut lines = Vec::new();
            for kind in self.kinds.iter().filter(|kind| may_go(&kind.spec)) {
                let line = self
                    .store
                    .read(|r| effect::due(r, kind.spec.name, priority, now, max))?;
                lines.push(line.into_iter());
            }
            let mut lanes: HashSet<(String, String)> =
                due.iter().map(|e| e.about.clone()).collect();
            while due.len() + under_way < max {
                let before = due.len();
                for line in &mut lines {
                    let room = due.len() + under_way < max;
                    if let Some(effect) = room.then(|| line.next()).flatten()
                        && lanes.insert(effect.about.clone())
                    {
                        due.push(effect);
                    }
                }
                if due.len() == before && lines.iter().all(|line| line.len() == 0) {
                    break;
                }
            }
        }
        Ok(due)
    }

    /// Makes durable that these are on their way, before any of them is. What has expired or
    /// was stopped meanwhile is left out.
    async fn mark_sending(&self, on: &Arc<C>, due: Vec<Effect>) -> Result<Vec<Effect>> {
        let on = on.clone();
        self.store
            .write(Act::by_system("effect.send", "outbox"), move |w| {
                on.keep(w)?;
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
            return self.refused(on, effect, unknown).await;
        };
        #[cfg(any(test, feature = "faults"))]
        {
            if self.faults.has(Bug::DoneBeforeSent) {
                self.happened(on, kind, effect.clone(), Vec::new()).await?;
            }
            self.faults.pass(Step::Sending).await;
        }
        // A task of its own, so that a panic in it is an unclear end and no more.
        let sent = tokio::spawn((kind.send)(on.clone(), effect.clone())).await;
        #[cfg(any(test, feature = "faults"))]
        self.faults.pass(Step::AfterCall).await;
        match sent {
            Ok(Ok(answer)) => self.happened(on, kind, effect, answer).await,
            Ok(Err(Refusal::NotDone(error))) => self.not_done(on, effect, error, 0).await,
            Ok(Err(Refusal::Refused(error))) => self.refused(on, effect, error).await,
            Ok(Err(Refusal::Later { until, error })) => self.later(on, effect, until, error).await,
            Ok(Err(Refusal::Unclear(error))) => {
                tracing::warn!(effect = %effect.id, kind = kind.spec.name, %error, "no clear answer");
                self.look(on, effect, 0).await
            }
            Err(panic) => {
                tracing::error!(effect = %effect.id, kind = kind.spec.name, %panic, "effect panicked");
                self.look(on, effect, 0).await
            }
        }
    }

    /// Looks whether an effect without a clear answer has happened. If not, it is not sent
    /// again before `pause_ms` are over.
    async fn look(&self, on: &Arc<C>, effect: Effect, pause_ms: i64) -> Result<()> {
        let unclear = || AppError::Unavailable { why: "unclear" };
        let Some(kind) = self.kind(&effect) else {
            return self.unknown(on, effect, unclear()).await;
        };
        #[cfg(any(test, feature = "faults"))]
        if self.faults.has(Bug::ResendWithoutLooking) {
            return self.not_done(on, effect, unclear(), pause_ms).await;
        }
        let Some(look) = kind.look else {
            // Twice is the same as once: again, later.
            return self.again(on, effect, unclear(), pause_ms).await;
        };
        let looked = tokio::spawn(look(on.clone(), effect.clone())).await;
        match looked.unwrap_or_else(|panic| Err(AppError::internal(panic))) {
            Ok(Seen::Happened(answer)) => self.happened(on, kind, effect, answer).await,
            Ok(Seen::NotThere) => self.not_done(on, effect, unclear(), pause_ms).await,
            Ok(Seen::CannotTell) => self.unknown(on, effect, unclear()).await,
            Err(AppError::Later { why, retry_after_s }) => {
                let wait = i64::try_from(retry_after_s).unwrap_or(3_600) * 1_000;
                let later = AppError::Later { why, retry_after_s };
                self.note(on, effect, later, move |effect, now| {
                    effect.run_after = now.plus_ms(wait);
                })
                .await
            }
            Err(error) if error.may_pass() && effect.looks < LOOKS_MAX => {
                self.note(on, effect, error, |effect, now| {
                    effect.looks += 1;
                    effect.run_after = now.plus_ms(wait_ms(effect));
                })
                .await
            }
            Err(error) => self.unknown(on, effect, error).await,
        }
    }

    /// Of what twice is the same as once, and may have happened. What is worth nothing after the
    /// pause is sent again without one, at the risk of a longer penalty; where its time is over,
    /// nobody can tell any more whether it happened.
    async fn again(
        &self,
        on: &Arc<C>,
        effect: Effect,
        error: AppError,
        pause_ms: i64,
    ) -> Result<()> {
        let now = self.store.clock().now();
        let is_over = |at: Timestamp| effect.expires_at.is_some_and(|until| until <= at);
        if is_over(now) {
            return self.unknown(on, effect, error).await;
        }
        let pause_ms = match is_over(now.plus_ms(pause_ms)) {
            true => 0,
            false => pause_ms,
        };
        self.not_done(on, effect, error, pause_ms).await
    }

    fn kind(&self, effect: &Effect) -> Option<EffectKind<C>> {
        let found = self.kinds.iter().find(|kind| kind.spec.name == effect.kind);
        found.copied()
    }

    async fn happened(
        &self,
        on: &Arc<C>,
        kind: EffectKind<C>,
        effect: Effect,
        answer: Vec<u8>,
    ) -> Result<()> {
        #[cfg(any(test, feature = "faults"))]
        self.faults.pass(Step::BeforeEnd).await;
        let (arrived, id, happened) = (kind.arrived, effect.id, effect.clone());
        let keeper = on.clone();
        let noted = self
            .store
            .write(Act::by_system("effect.done", "outbox"), move |w| {
                keeper.keep(w)?;
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
        #[cfg(any(test, feature = "faults"))]
        self.faults.pass(Step::AfterEnd).await;
        match noted {
            // What follows here was refused: a person has to see it, and it is never sent again.
            Err(error) if !self.store.has_failed() => self.unknown(on, effect, error).await,
            noted => noted,
        }
    }

    /// It did not happen: again later, if that may help, but not before `pause_ms` are over.
    async fn not_done(
        &self,
        on: &Arc<C>,
        effect: Effect,
        error: AppError,
        pause_ms: i64,
    ) -> Result<()> {
        let may_pass = error.may_pass();
        let held = self.kind(&effect);
        let held = held.and_then(|kind| on.not_before(&kind.spec, effect.priority));
        self.note(on, effect, error, move |effect, now| {
            if effect.expires_at.is_some_and(|at| at <= now) {
                end_expired(effect, now);
            } else if may_pass && effect.attempts < ATTEMPTS_MAX {
                effect.state = EffectState::Queued;
                effect.run_after = now.plus_ms(wait_ms(effect).max(pause_ms));
                if let Some(until) = held {
                    // The whole API waits: that is no fault of this effect.
                    effect.attempts = effect.attempts.saturating_sub(1);
                    effect.run_after = effect.run_after.max(until);
                }
            } else {
                effect.state = EffectState::Failed;
                effect.finished_at = Some(now);
            }
        })
        .await
    }

    /// It did not happen, and as it is it never will.
    async fn refused(&self, on: &Arc<C>, effect: Effect, error: AppError) -> Result<()> {
        self.note(on, effect, error, |effect, now| {
            effect.state = EffectState::Failed;
            effect.finished_at = Some(now);
        })
        .await
    }

    /// It was not its turn.
    async fn later(
        &self,
        on: &Arc<C>,
        effect: Effect,
        until: Timestamp,
        error: AppError,
    ) -> Result<()> {
        self.note(on, effect, error, move |effect, now| {
            if effect.expires_at.is_some_and(|at| at <= now) {
                return end_expired(effect, now);
            }
            effect.state = EffectState::Queued;
            effect.attempts = effect.attempts.saturating_sub(1);
            effect.run_after = until.max(now.plus_ms(1));
        })
        .await
    }

    async fn unknown(&self, on: &Arc<C>, effect: Effect, error: AppError) -> Result<()> {
        self.note(on, effect, error, |effect, _| {
            effect.state = EffectState::Unknown;
        })
        .await
    }

    async fn note(
        &self,
        on: &Arc<C>,
        effect: Effect,
        error: AppError,
        end: impl FnOnce(&mut Effect, Timestamp) + Send + 'static,
    ) -> Result<()> {
        #[cfg(any(test, feature = "faults"))]
        self.faults.pass(Step::BeforeEnd).await;
        tracing::warn!(effect = %effect.id, kind = %effect.kind, %error, "effect not done");
        let on = on.clone();
        let noted = self
            .store
            .write(Act::by_system("effect.failed", "outbox"), move |w| {
                on.keep(w)?;
                change(w, effect.id, |effect, now| {
                    effect.failure = Some(Failure::of(&error, now));
                    end(effect, now);
                    true
                })?;
                Ok(())
            })
            .await;
        #[cfg(any(test, feature = "faults"))]
        self.faults.pass(Step::AfterEnd).await;
        noted
    }
}

/// Time is up: sending it now would do harm or nothing.
fn end_expired(effect: &mut Effect, now: Timestamp) {
    effect.state = EffectState::Failed;
    effect.finished_at = Some(now);
    let expired = AppError::Conflict { why: "expired" };
    effect
        .failure
        .get_or_insert_with(|| Failure::of(&expired, now));
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
