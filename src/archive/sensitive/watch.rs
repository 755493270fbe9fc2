//! The watch: looks at every message once, as it arrives.

use std::{collections::BTreeSet, sync::Arc};

use aho_corasick::{AhoCorasick, MatchKind};

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Id,
    org::{Directory, MemberId},
    search::fold,
    slice::WorkerFuture,
    store::{Act, Entity, Read, StoreError, Write},
    wecom::archive::Kind,
};

use super::{
    super::{
        model::{Party, PartyKind, Pull},
        queries::{self, Message},
        stretch::Content,
    },
    apart::Joined,
    model::{Alert, AlertState, Behaviour, Cause, WordList},
    phone::has_phone,
    tables::{ALERT_BY_MESSAGE, WatchPlace, alert_key, lists},
};

/// Feed entries that are looked through at once.
const ENTRIES: usize = 500;
/// Pulls of one write.
const PULLS: usize = 8;

/// Runs as long as the process.
pub(in crate::archive) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        let mut head = app.store.watch_feed();
        while !app.is_stopping() {
            while look(&app).await? {}
            // What is known of alerts grows here, so that no page waits for it.
            let known = app.clone();
            let followed = tokio::task::spawn_blocking(move || {
                known.read(|r| known.archive.alerted.follow(r))
            });
            followed.await.map_err(AppError::internal)??;
            tokio::select! {
                changed = head.changed() => changed.map_err(AppError::internal)?,
                () = app.stopped() => return Ok(()),
            }
        }
        Ok(())
    })
}

/// Looks at the next stretch of the feed; whether there is more.
pub(super) async fn look(app: &Arc<App>) -> Result<bool> {
    let step = app.clone();
    let found = tokio::task::spawn_blocking(move || step.read(|r| next(&step, r)));
    let Some((alerts, place, more)) = found.await.map_err(AppError::internal)?? else {
        return Ok(false);
    };
    let act = Act::by_system("alert.raise", "archive");
    app.write(act, move |w| {
        for alert in alerts {
            raise(w, alert)?;
        }
        Ok(w.put(&place)?)
    })
    .await?;
    Ok(more)
}

/// What the next entries of the feed give rise to, the place behind them, and whether there
/// are more; none if there are no pulls among them.
type Step = Option<(Vec<Alert>, WatchPlace, bool)>;

fn next(app: &App, r: &Read<'_>) -> Result<Step> {
    let place = r.get::<WatchPlace>(&super::super::tables::FIRM.to_owned())?;
    let mut place = place.unwrap_or_default();
    let from = place.feed;
    let mut pulls = Vec::new();
    let (mut seen, mut more) = (0, false);
    for entry in r.feed(from)? {
        if seen == ENTRIES || pulls.len() == PULLS {
            more = true;
            break;
        }
        let entry = entry?;
        (place.feed, seen) = (entry.n, seen + 1);
        if entry.kind == Pull::KIND
            && let Some(no) = entry.key_as::<u64>()
            && let Some(pull) = r.get::<Pull>(&no)?
        {
            pulls.push(pull);
        }
    }
    // Entries about other things move the place only now and then: each move is a write.
    if pulls.is_empty() && !more {
        return Ok(None);
    }
    let directory = app.directory.get(r)?;
    let sieve = Sieve::of(&directory, lists(r)?)?;
    let mut alerts = Vec::new();
    // Without a list nothing needs to be opened.
    for pull in pulls.iter().filter(|_| !sieve.lists.is_empty()) {
        for message in queries::messages_of_pull(r, pull)? {
            alerts.extend(sieve.alerts(r, &message)?);
        }
    }
    Ok(Some((alerts, place, more)))
}

/// Raises an alert; one that is known takes in what is new about it. Whether somebody has to
/// look who had not before.
pub(super) fn raise(w: &mut Write<'_>, mut alert: Alert) -> Result<bool, StoreError> {
    let known = w.read().find_key(&ALERT_BY_MESSAGE, &alert_key(&alert))?;
    let known = known.map(|id| w.get::<Alert>(&id)).transpose()?.flatten();
    if let Some(known) = known {
        let was_closed = known.state.is_closed();
        let grown = known.joined(&alert);
        let is_opened = was_closed && !grown.state.is_closed();
        w.put(&grown)?;
        return Ok(is_opened);
    }
    alert.id = w.new_id::<Alert>()?;
    alert.raised_at = w.now();
    w.put(&alert)?;
    Ok(true)
}

/// Lists in force, ready to be looked with.
pub(super) struct Sieve {
    lists: Vec<Ready>,
}

struct Ready {
    list: WordList,
    /// The words as they are typed, and those that may stand apart as they are joined.
    words: AhoCorasick,
    /// Which word of the list each of these is.
    meant: Vec<usize>,
    /// The members whose messages count; `None` for everybody's.
    members: Option<BTreeSet<MemberId>>,
}

impl Sieve {
    pub(super) fn of(directory: &Directory, lists: Vec<WordList>) -> Result<Self> {
        let in_force = lists.into_iter().filter(|list| list.is_on);
        let ready = in_force.map(|list| {
            let (mut forms, mut meant) = (Vec::new(), Vec::new());
            for (at, word) in list.words.iter().enumerate() {
                let (word, joined) = (fold(word), Joined::of(word).text);
                let other = Some(joined).filter(|joined| *joined != word && !joined.is_empty());
                for form in std::iter::once(word).chain(other) {
                    forms.push(form);
                    meant.push(at);
                }
            }
            let words = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .build(forms)
                .map_err(AppError::internal)?;
            let members = list.unit.map(|unit| match directory.tree.find(unit) {
                Some(unit) => directory.member_ids_under(unit.wecom_id),
                None => BTreeSet::new(),
            });
            Ok(Ready {
                list,
                words,
                meant,
                members,
            })
        });
        Ok(Self {
            lists: ready.collect::<Result<_>>()?,
        })
    }

    /// What a message gives rise to.
    pub(super) fn alerts(&self, r: &Read<'_>, message: &Message) -> Result<Vec<Alert>, StoreError> {
        // Words that are gone are no reason for an alert.
        let is_gone = matches!(message.content, Content::Erased | Content::Deleted);
        if self.lists.is_empty() || is_gone {
            return Ok(Vec::new());
        }
        let text = message.text_to_index();
        let folded = fold(&text);
        let joined = Joined::of_folded(&folded).text;
        let found = self.lists.iter().map(|ready| {
            let causes = ready.causes(message, &text, [&folded, &joined]);
            (ready, causes)
        });
        let found: Vec<_> = found.filter(|(_, causes)| !causes.is_empty()).collect();
        // Who it is about is looked up only where something was found.
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let (mut staff, mut members) = (Vec::new(), Vec::new());
        for no in std::iter::once(&message.from).chain(&message.to) {
            let party = r.get::<Party>(no)?;
            if let Some(party) = party.filter(|party| party.kind == PartyKind::Member) {
                staff.push(*no);
                members.push(party.subject.cast());
            }
        }
        let mut alerts = Vec::new();
        for (ready, causes) in found {
            if !ready.is_about(&members) {
                continue;
            }
            for cause in causes {
                alerts.push(Alert {
                    id: Id::from_bits(0),
                    list: ready.list.id,
                    cause,
                    severity: ready.list.severity,
                    chat: Some(message.chat),
                    seq: Some(message.seq),
                    sent_at: message.at,
                    from: message.from,
                    staff: staff.clone(),
                    subject: message.subject,
                    state: AlertState::Open,
                    raised_at: message.at,
                    whom: None,
                });
            }
        }
        Ok(alerts)
    }
}

impl Ready {
    fn is_about(&self, members: &[MemberId]) -> bool {
        self.members
            .as_ref()
            .is_none_or(|own| members.iter().any(|member| own.contains(member)))
    }

    /// The words of the list that stand in a text, by place in the list.
    fn hits(&self, text: &str) -> impl Iterator<Item = usize> {
        let hits = self.words.find_overlapping_iter(text);
        hits.filter_map(|hit| self.meant.get(hit.pattern().as_usize()).copied())
    }

    fn causes(&self, message: &Message, text: &str, [folded, joined]: [&str; 2]) -> Vec<Cause> {
        let mut hits: BTreeSet<usize> = self.hits(folded).collect();
        if joined != folded {
            hits.extend(self.hits(joined));
        }
        let mut causes = Vec::new();
        if !hits.is_empty() {
            let words = hits.iter().filter_map(|at| self.list.words.get(*at));
            causes.push(Cause::Words(words.cloned().collect()));
        }
        let shown = self.list.behaviours.iter();
        let shown = shown.filter(|behaviour| shows(**behaviour, message.kind, text));
        causes.extend(shown.map(|behaviour| Cause::Behaviour(*behaviour)));
        causes
    }
}

fn shows(behaviour: Behaviour, kind: Kind, text: &str) -> bool {
    match behaviour {
        Behaviour::Card => kind == Kind::Card,
        Behaviour::RedPacket => matches!(kind, Kind::RedPacket | Kind::ExternalRedPacket),
        Behaviour::Phone => has_phone(text),
        Behaviour::Recall => kind == Kind::Revoke,
        // See `deleted`.
        Behaviour::DeleteCustomer => false,
    }
}

/// Looks through everything with one list; gives the number of new alerts.
#[cfg(test)]
pub(in crate::archive) fn raise_all_for_test(w: &mut Write<'_>, list: WordList) -> Result<usize> {
    let sieve = Sieve::of(&Directory::default(), vec![list])?;
    let mut found = Vec::new();
    for messages in queries::all_messages(&w.read(), (0, 0))? {
        for message in messages? {
            found.extend(sieve.alerts(&w.read(), &message)?);
        }
    }
    let mut raised = 0;
    for alert in found {
        raised += usize::from(raise(w, alert)?);
    }
    Ok(raised)
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::tests::{Archive, CUSTOMER, text},
        *,
    };

    #[test]
    fn words_are_found_however_far_apart_they_are_written() {
        let archive = Archive::new();
        let said = [
            "这个免 费 送",
            "这个免.费\u{200b}　送给你",
            "see you as soon as you can",
            "不免，费送到",
            "免费送，加 微 信",
        ];
        let said = (1..).zip(said);
        let said = said.map(|(seq, words)| text(seq, CUSTOMER, &["LinXiaoyu"], "", words));
        archive.pull(said.collect());
        let list = WordList::for_test(&["ass", "免 费送", "加微信", "费 送"]);
        assert_eq!(archive.raise(list), 4);
        let alerts: Vec<Alert> =
            archive.read(|r| r.all(None).unwrap().map(Result::unwrap).collect());
        // The words as the list has them.
        let found = alerts.into_iter().map(|alert| match alert.cause {
            Cause::Words(words) => (alert.seq, words.join("|")),
            Cause::Behaviour(_) => (None, String::new()),
        });
        let expected = [
            (1, "免 费送|费 送"),
            (2, "免 费送|费 送"),
            (4, "费 送"),
            (5, "免 费送|加微信|费 送"),
        ];
        let expected = expected.map(|(seq, words)| (Some(seq), words.to_owned()));
        // Alerts lie in the order of their ids, which is none.
        let mut found: Vec<_> = found.collect();
        found.sort();
        assert_eq!(found, expected);
    }
}
