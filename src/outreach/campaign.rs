//! What broadcasts and moments are alike in: drafts belong to whoever writes them, whoever takes
//! part has all who send it in sight, and what happens at WeCom is asked about at pauses that
//! grow.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{self, Allowed, Permission, Scope, Viewer},
    kit::{Id, Timestamp},
    org::{Directory, MemberId, Sight},
    store::{Act, Entity, Index, Read, StoreError, SubjectId, Write},
    wecom::Client,
    work::effects::{self, Area, Effect, WriteMode},
};

use super::{Content, broadcasts::model::AHEAD_MS};

/// Pauses between two questions about what is out, ms; the last one goes on.
const PAUSES_MS: [i64; 7] = [
    15_000, 30_000, 60_000, 300_000, 900_000, 1_800_000, 3_600_000,
];

/// For the index of customers; behind it the next round goes on.
const INDEX_PATIENCE: Duration = Duration::from_secs(2);

/// How far one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is being written.
    Draft,
    /// Whom it reaches is being settled.
    Planning,
    /// A second person is asked.
    Waiting,
    /// It will be sent, or is.
    Going,
    /// It is being stopped, or over.
    Ending,
}

/// A broadcast or a moment.
pub(super) trait Campaign: Entity<Key = Id<Self>> {
    /// Why a draft that was sent is no draft any more.
    const SENT: &'static str;
    /// The account that made it; its scope bounds whom it reaches.
    fn maker(&self) -> Option<SubjectId>;
    /// The members who send it, once they are settled.
    fn senders(&self) -> &[MemberId];
    /// How far it is.
    fn stage(&self) -> Stage;
    /// All of them by time, newest first.
    fn by_time() -> &'static Index<Self>;
}

/// The account behind a viewer, as makers are named.
pub(super) fn own(viewer: &Viewer) -> Option<SubjectId> {
    viewer.account_id().map(|account| account.cast())
}

/// The account behind a command, as makers are named.
pub(super) fn maker_of<C>(allowed: &Allowed<C>) -> Option<SubjectId> {
    allowed.by().map(|account| account.cast())
}

/// The name of an account; empty if there is none.
pub(super) fn name_of(r: &Read<'_>, account: Option<SubjectId>) -> Result<String> {
    Ok(match account {
        Some(account) => identity::queries::account_name(r, account.cast())?.unwrap_or_default(),
        None => String::new(),
    })
}

fn are_seen<C: Campaign>(campaign: &C, sight: &Sight) -> bool {
    let senders = campaign.senders();
    sight.members().is_none()
        || (!senders.is_empty() && senders.iter().all(|member| sight.sees(*member)))
}

/// Whether somebody sees it: it is their own, or all who send it are in their sight.
pub(super) fn sees<C: Campaign>(campaign: &C, sight: &Sight, own: Option<SubjectId>) -> bool {
    let is_own = own.is_some() && campaign.maker() == own;
    let of_others = sight.members().is_none() || campaign.stage() != Stage::Draft;
    is_own || (of_others && are_seen(campaign, sight))
}

/// How many of these wait for somebody with this sight to approve them. Nobody decides about
/// their own.
pub(super) fn waiting<C: Campaign>(of: &[C], sight: &Sight, own: Option<SubjectId>) -> usize {
    let is_for =
        |one: &&C| one.stage() == Stage::Waiting && one.maker() != own && are_seen(*one, sight);
    of.iter().filter(is_for).count()
}

/// Those of these with which the worker can go on: customers are found by the index, and one that
/// is behind, or being rebuilt, does not know all.
pub(super) async fn ready<C: Campaign>(app: &App, mut active: Vec<C>) -> Vec<C> {
    let is_planning = |one: &C| one.stage() == Stage::Planning;
    if active.iter().any(is_planning) && !app.catches_up(INDEX_PATIENCE).await {
        active.retain(|one| !is_planning(one));
    }
    active
}

/// Stops one by itself, if it can still be stopped. While the firm does not let Qitai write, WeCom
/// cannot be told: then later.
pub(super) async fn end<C: Campaign>(
    app: &App,
    act: Act,
    id: Id<C>,
    stop: impl FnOnce(&mut Write<'_>, C) -> Result<()> + Send + 'static,
) -> Result<()> {
    let ended = app
        .write(act, move |w| {
            let found = w.get::<C>(&id)?;
            let can_end =
                |one: &C| matches!(one.stage(), Stage::Planning | Stage::Waiting | Stage::Going);
            match found.filter(can_end) {
                Some(found) => stop(w, found),
                None => Ok(()),
            }
        })
        .await;
    match ended {
        Err(AppError::Conflict { .. }) => Ok(()),
        ended => {
            app.effects.notify_one();
            ended
        }
    }
}

/// One that the viewer sees.
pub(super) fn one<C: Campaign>(
    r: &Read<'_>,
    sight: &Sight,
    own: Option<SubjectId>,
    id: Id<C>,
) -> Result<C> {
    let found = r.get::<C>(&id)?.filter(|found| sees(found, sight, own));
    found.ok_or(AppError::NotFound { what: C::KIND })
}

/// Whether somebody with this scope may take part: all who send it lie in it.
pub(super) fn takes_part<C: Campaign>(
    r: &Read<'_>,
    directory: &Arc<Directory>,
    scope: &Scope,
    id: Id<C>,
) -> Result<bool, StoreError> {
    let sight = Sight::new(directory.clone(), scope);
    let found = r.get::<C>(&id)?;
    Ok(found.is_some_and(|found| are_seen(&found, &sight)))
}

/// The one that a command is about.
pub(super) fn found<C: Campaign>(w: &Write<'_>, id: Id<C>) -> Result<C> {
    w.get::<C>(&id)?.ok_or(AppError::NotFound { what: C::KIND })
}

/// A draft of the asking account; one of somebody else is not there.
pub(super) fn own_draft<C: Campaign>(w: &Write<'_>, by: Option<SubjectId>, id: Id<C>) -> Result<C> {
    let draft = found::<C>(w, id)?;
    if draft.maker() != by {
        return Err(AppError::NotFound { what: C::KIND });
    }
    match draft.stage() {
        Stage::Draft => Ok(draft),
        _ => Err(AppError::Conflict { why: C::SENT }),
    }
}

/// What colleagues call it: the name given, or the beginning of the text.
pub(super) fn name_or_text(name: &str, content: &Content) -> String {
    match name.trim() {
        "" => content.text.trim().chars().take(16).collect(),
        name => name.to_owned(),
    }
}

/// Whether it may be sent, at this time.
///
/// # Errors
/// [`AppError::Invalid`] for a time out of range; [`AppError::Conflict`] `writing_off`.
pub(super) fn may_begin(w: &Write<'_>, at: Option<Timestamp>) -> Result<()> {
    if let Some(at) = at {
        if at < w.now().plus_ms(-60_000) {
            return Err(AppError::field("at", "broadcasts.time_past"));
        }
        if at > w.now().plus_ms(AHEAD_MS) {
            return Err(AppError::field("at", "broadcasts.time_far"));
        }
    }
    match is_writing_off(w)? {
        true => Err(AppError::Conflict { why: "writing_off" }),
        false => Ok(()),
    }
}

/// Whether nothing can be planned at WeCom for now.
pub(super) fn is_writing_off(w: &Write<'_>) -> Result<bool, StoreError> {
    Ok(effects::mode(&w.read(), Area::Outreach)? == WriteMode::Off)
}

/// The sight of whoever made it, as it is now.
///
/// # Errors
/// [`AppError::Unauthenticated`] or [`AppError::Forbidden`] if the account is gone, or its right.
pub(super) fn sight_of_maker<C: Campaign>(app: &App, r: &Read<'_>, campaign: &C) -> Result<Sight> {
    let now = app.store.clock().now();
    let viewer = match campaign.maker() {
        Some(account) => Viewer::on_behalf(r, account.cast(), C::KIND, now)?,
        None => Viewer::system(C::KIND),
    };
    app.sight(r, &viewer, Permission::BroadcastSend)
}

/// Until WeCom is asked again, after so many questions, ms.
pub(super) fn pause(looks: u32) -> i64 {
    let place = usize::try_from(looks).unwrap_or(usize::MAX);
    PAUSES_MS[place.min(PAUSES_MS.len() - 1)]
}

/// What an effect keeps of its own, as bytes.
pub(super) fn bytes<T: minicbor::Encode<()>>(value: &T) -> Result<Vec<u8>> {
    minicbor::to_vec(value).map_err(AppError::internal)
}

/// WeCom's client for an effect.
pub(super) fn client(app: &App, effect: &Effect) -> Result<Client> {
    let client = app.wecom().ok_or(AppError::Unavailable {
        why: "wecom_missing",
    })?;
    Ok(client.at(effect.priority.into()))
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn pauses_grow_and_the_last_one_goes_on() {
        let pauses: Vec<i64> = (0..20).map(pause).collect();
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!((pauses[0], pauses[19]), (15_000, 3_600_000));
    }
}
