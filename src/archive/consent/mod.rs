//! Who has agreed to being archived (同意存档), towards whom, since when.
//!
//! Two sources: what people outside write in a conversation comes with its messages; what
//! WeCom knows beside that is asked for every night and on demand. One row for each person and
//! place says where things stand; what was so before stays in it.

mod ask;
pub(super) mod export;
mod list;

use crate::store::{StoreError, Write};

use super::model::{Answer, Consent, Heard, Party, Said, Towards};

pub use ask::{AskConsents, KIND, ask_soon};
pub(super) use ask::{begin, run};
pub use list::{count, customers, each, lines, of_parties};

/// Words that are remembered of one person and place.
const EARLIER_MAX: usize = 50;

/// Keeps a word unless it changes nothing; whether it did. What was said in a message is not
/// undone by WeCom knowing less or older: its own list follows the messages after a while.
pub(super) fn keep(
    w: &mut Write<'_>,
    party: &Party,
    towards: Towards,
    said: Said,
) -> Result<bool, StoreError> {
    let known = w.get::<Consent>(&(party.no, towards.number()))?;
    let mut earlier = Vec::new();
    if let Some(known) = known {
        let is_same = known.answer == said.answer;
        let knows_less = !said.answer.is_word() && known.answer.is_word();
        let is_older = known.answer.is_word() && said.at < known.at;
        if is_older && said.heard == Heard::Message {
            return file(w, known, said);
        }
        if is_same || knows_less || is_older {
            return Ok(false);
        }
        earlier = known.earlier;
        earlier.push(Said {
            answer: known.answer,
            at: known.at,
            heard: known.heard,
        });
        let excess = earlier.len().saturating_sub(EARLIER_MAX);
        earlier.drain(..excess);
    }
    let Said { answer, at, heard } = said;
    w.put(&Consent {
        party: party.no,
        towards,
        answer,
        at,
        heard,
        subject: party.subject,
        earlier,
    })?;
    Ok(true)
}

/// Files a word that was said in a message before the one that counts, and came later: it
/// could not be opened until now.
fn file(w: &mut Write<'_>, mut known: Consent, said: Said) -> Result<bool, StoreError> {
    if known.earlier.contains(&said) {
        return Ok(false);
    }
    let at = known
        .earlier
        .partition_point(|earlier| earlier.at <= said.at);
    known.earlier.insert(at, said);
    let excess = known.earlier.len().saturating_sub(EARLIER_MAX);
    known.earlier.drain(..excess);
    w.put(&known)?;
    Ok(true)
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

/// Whether a word came from WeCom's list.
pub fn was_asked(consent: &Consent) -> bool {
    consent.heard == Heard::Asked
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
        assert!(was_asked(&consent));
        assert!(store.check().unwrap().is_clean());
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
