//! Who has agreed to being archived (同意存档), towards whom, since when.
//!
//! Three sources: what people outside write in a conversation comes with its messages; that
//! somebody has agreed is told by an event, mostly before those; what WeCom knows beside that is
//! asked for every night and on demand. One row for each person and place says where things
//! stand; what was so before stays in it.

mod ask;
pub(super) mod export;
mod hear;
mod list;

use crate::store::{StoreError, Write};

use super::model::{Answer, Consent, Heard, Party, Said, Towards};

pub use ask::{AskConsents, KIND, ask_soon};
pub(super) use ask::{begin, run};
pub(super) use hear::hear;
pub use list::{count, customers, each, lines, of_parties};

/// Words that are remembered of one person and place.
const EARLIER_MAX: usize = 50;

/// The event of an agreement and the message it tells of have each a time of their own; so close
/// together they are one word, ms.
const SAME_WORD_MS: i64 = 5 * 60_000;

/// Keeps a word unless it changes nothing; whether it did.
pub(super) fn keep(
    w: &mut Write<'_>,
    party: &Party,
    towards: Towards,
    said: Said,
) -> Result<bool, StoreError> {
    let known = w.get::<Consent>(&(party.no, towards.number()))?;
    let before = known.map(words).unwrap_or_default();
    let mut words = before.clone();
    take_in(&mut words, said);
    if words == before {
        return Ok(false);
    }
    let Some(Said { answer, at, heard }) = words.pop() else {
        return Ok(false);
    };
    let excess = words.len().saturating_sub(EARLIER_MAX);
    words.drain(..excess);
    w.put(&Consent {
        party: party.no,
        towards,
        answer,
        at,
        heard,
        subject: party.subject,
        earlier: words,
    })?;
    Ok(true)
}

/// Everything that was said; the last word is the one that counts.
fn words(known: Consent) -> Vec<Said> {
    let mut words = known.earlier;
    words.push(Said {
        answer: known.answer,
        at: known.at,
        heard: known.heard,
    });
    words
}

/// Takes a word in among those before. What was said in a message or told by an event is not
/// undone by WeCom knowing less or older: its own list follows after a while. A message or an
/// event that comes late is filed before the word that counts. Of one word heard as an event and
/// as a message, the message stays: it is in the archive to be read.
fn take_in(words: &mut Vec<Said>, said: Said) {
    let is_same_word = |known: &Said| {
        known.answer == said.answer && known.at.since_ms(said.at).abs() <= SAME_WORD_MS
    };
    match said.heard {
        Heard::Event if words.iter().any(is_same_word) => return,
        Heard::Message => {
            words.retain(|known| known.heard != Heard::Event || !is_same_word(known));
        }
        Heard::Event | Heard::Asked => {}
    }
    let Some(last) = words.last() else {
        words.push(said);
        return;
    };
    let is_same = last.answer == said.answer;
    let knows_less = !said.answer.is_word() && last.answer.is_word();
    let is_older = last.answer.is_word() && said.at < last.at;
    if is_older && said.heard != Heard::Asked {
        if !words.contains(&said) {
            let earlier = &words[..words.len() - 1];
            let at = earlier.partition_point(|earlier| earlier.at <= said.at);
            words.insert(at, said);
        }
    } else if !is_same && !knows_less && !is_older {
        words.push(said);
    }
}

/// Catalogue key of an answer.
pub fn answer_word(answer: Answer) -> &'static str {
    match answer {
        Answer::Agreed => "archive.consent.agreed",
        Answer::Refused => "archive.consent.refused",
        Answer::ByDefault => "archive.consent.by_default",
        Answer::None => "archive.consent.unanswered",
        Answer::Unknown => "archive.consent.unknown",
    }
}

/// Whether somebody who stands like this can be asked to agree.
pub fn may_be_asked(answer: Answer) -> bool {
    matches!(answer, Answer::Refused | Answer::None)
}

/// Catalogue key of how a word became known.
pub fn heard_word(heard: Heard) -> &'static str {
    match heard {
        Heard::Message => "consents.heard.message",
        Heard::Asked => "consents.heard.asked",
        Heard::Event => "consents.heard.event",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::App,
        archive::model::PartyKind,
        kit::{Id, Random, Timestamp},
        store::{Act, Folder, Store},
    };

    fn said(answer: Answer, at: i64, heard: Heard) -> Said {
        Said {
            answer,
            at: Timestamp::from_ms(at),
            heard,
        }
    }

    #[test]
    fn the_newest_word_counts_and_those_before_stay() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path().join("data"));
        folder.create(&Random::seeded(1)).unwrap();
        let store = Store::open(&folder, App::store_options()).unwrap();
        let party = Party {
            no: 7,
            kind: PartyKind::Wechat,
            wecom_id: "wm1".to_owned(),
            subject: Id::from_bits(77),
            name: String::new(),
            asked_at: None,
        };
        let told = [
            (said(Answer::None, 100, Heard::Asked), true),
            (said(Answer::None, 200, Heard::Asked), false),
            (said(Answer::Agreed, 50, Heard::Message), true),
            // WeCom's list is behind.
            (said(Answer::None, 300, Heard::Asked), false),
            (said(Answer::Refused, 40, Heard::Asked), false),
            (said(Answer::Agreed, 50, Heard::Asked), false),
            (said(Answer::Refused, 400, Heard::Asked), true),
            // It could not be opened until now.
            (said(Answer::Refused, 30, Heard::Message), true),
            (said(Answer::Agreed, 390, Heard::Message), true),
            (said(Answer::Agreed, 390, Heard::Message), false),
        ];
        for (said, changes) in told {
            let party = party.clone();
            let act = Act::by_system("archive.consents", "archive");
            let kept =
                store.write_blocking(act, move |w| Ok(keep(w, &party, Towards::Member(3), said)?));
            assert_eq!(kept.unwrap(), changes, "{said:?}");
        }
        let consent = store.read(|r| {
            let key = (7, Towards::Member(3).number());
            r.get::<Consent>(&key).unwrap().unwrap()
        });
        assert_eq!(consent.answer, Answer::Refused);
        let before: Vec<Answer> = consent.earlier.iter().map(|said| said.answer).collect();
        assert_eq!(
            before,
            [
                Answer::Refused,
                Answer::None,
                Answer::Agreed,
                Answer::Agreed
            ]
        );
        assert_eq!(consent.heard, Heard::Asked);
        assert!(store.check().unwrap().is_clean());
    }

    /// The words after those told, one after another: answer, time and source.
    fn told(told: &[(Answer, i64, Heard)]) -> Vec<(Answer, i64, Heard)> {
        let mut words = Vec::new();
        for (answer, at_s, heard) in told {
            take_in(&mut words, said(*answer, at_s * 1_000, *heard));
        }
        let plain = |said: &Said| (said.answer, said.at.ms() / 1_000, said.heard);
        words.iter().map(plain).collect()
    }

    #[test]
    fn an_event_counts_at_once_and_is_the_same_word_as_its_message() {
        use Answer::{Agreed, None};
        use Heard::{Asked, Event, Message};
        let nothing = (None, 100, Asked);
        let event = (Agreed, 203, Event);
        let message = (Agreed, 200, Message);
        assert_eq!(told(&[nothing, event]), [nothing, event]);
        assert_eq!(told(&[nothing, event, event]), [nothing, event]);
        for order in [[event, message], [message, event]] {
            assert_eq!(told(&order), [message]);
            let [first, second] = order;
            assert_eq!(told(&[nothing, first, second]), [nothing, message]);
        }
        assert_eq!(told(&[event, (Agreed, 203, Asked)]), [event]);
        assert_eq!(told(&[(Agreed, 200, Asked), event]), [(Agreed, 200, Asked)]);
        assert_eq!(told(&[event, (None, 300, Asked)]), [event]);
    }

    #[test]
    fn an_event_that_comes_late_or_again_reorders_nothing() {
        use Answer::{Agreed, Refused};
        use Heard::{Event, Message};
        let agreed = (Agreed, 1_000, Message);
        let refused = (Refused, 1_002, Message);
        // The event's own clock is a little behind what happened since.
        let event = (Agreed, 1_003, Event);
        for order in [
            [agreed, refused, event],
            [agreed, event, refused],
            [event, agreed, refused],
            [event, refused, agreed],
        ] {
            assert_eq!(told(&order), [agreed, refused], "{order:?}");
        }
        // Its message cannot be opened yet, and the refusal came long after.
        let refused = (Refused, 9_000, Message);
        assert_eq!(told(&[refused, event]), [event, refused]);
        assert_eq!(told(&[refused, event, event]), [event, refused]);
        assert_eq!(told(&[refused, event, agreed]), [agreed, refused]);
        assert_eq!(told(&[event, refused, event]), [event, refused]);
    }

    #[test]
    fn a_place_is_the_number_it_is_kept_under() {
        for towards in [
            Towards::Member(0),
            Towards::Member(u32::MAX),
            Towards::Room(1),
            Towards::Room(u32::MAX),
        ] {
            assert_eq!(Towards::of_number(towards.number()), towards);
        }
    }
}
