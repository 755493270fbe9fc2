//! Word lists and alerts: types and pure rules.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    org::DepartmentId,
    search::fold,
    store::SubjectId,
};

/// See [`WordList`].
pub type WordListId = Id<WordList>;
/// See [`Alert`].
pub type AlertId = Id<Alert>;

/// Words that are looked for, by one department or by the firm.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct WordList {
    /// Ours.
    #[n(0)]
    pub id: WordListId,
    /// Name.
    #[n(1)]
    pub name: String,
    /// The words as typed.
    #[n(2)]
    pub words: Vec<String>,
    /// The department whose members' messages are looked at, with all below it; everybody's
    /// where there is none.
    #[n(3)]
    pub unit: Option<DepartmentId>,
    /// How much it matters.
    #[n(4)]
    pub severity: Severity,
    /// Whether it is in force.
    #[n(5)]
    pub is_on: bool,
    /// Behaviour that is looked for beside the words.
    #[n(6)]
    pub behaviours: Vec<Behaviour>,
    /// When it was last changed.
    #[n(7)]
    pub changed_at: Timestamp,
}

#[cfg(test)]
impl WordList {
    /// One of the firm's that looks for these words.
    pub(in crate::archive) fn for_test(words: &[&str]) -> Self {
        Self {
            id: Id::from_bits(7),
            name: "飞单".to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            unit: None,
            severity: Severity::High,
            is_on: true,
            behaviours: Vec::new(),
            changed_at: Timestamp::from_ms(0),
        }
    }
}

/// How much an alert matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Severity {
    /// To be looked at in time.
    #[n(0)]
    Low,
    /// To be looked at today.
    #[n(1)]
    Medium,
    /// To be looked at now.
    #[n(2)]
    High,
}

impl Severity {
    /// All of them, the gravest first.
    pub const ALL: [Self; 3] = [Self::High, Self::Medium, Self::Low];

    /// Stable code, also the catalogue key's end.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What somebody did, beside the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Behaviour {
    /// Sent a card (名片).
    #[n(0)]
    Card,
    /// Sent a red packet (红包).
    #[n(1)]
    RedPacket,
    /// Wrote a phone number.
    #[n(2)]
    Phone,
    /// Took a message back (撤回).
    #[n(3)]
    Recall,
    /// Deleted a customer (删除客户): no message says so, an event of WeCom's does.
    #[n(4)]
    DeleteCustomer,
}

impl Behaviour {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 5] = [
        Self::Card,
        Self::RedPacket,
        Self::Phone,
        Self::Recall,
        Self::DeleteCustomer,
    ];

    /// Stable code, also the catalogue key's end.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::RedPacket => "red_packet",
            Self::Phone => "phone",
            Self::Recall => "recall",
            Self::DeleteCustomer => "delete_customer",
        }
    }
}

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Cause {
    /// These words of the list, as typed there.
    #[n(0)]
    Words(#[n(0)] Vec<String>),
    /// Behaviour that the list looks for.
    #[n(1)]
    Behaviour(#[n(0)] Behaviour),
}

/// A message that somebody should look at, or something done without one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Alert {
    /// Ours.
    #[n(0)]
    pub id: AlertId,
    /// The list that looked.
    #[n(1)]
    pub list: WordListId,
    /// What it found.
    #[n(2)]
    pub cause: Cause,
    /// As the list says.
    #[n(3)]
    pub severity: Severity,
    /// The conversation, by number; none where there is no message.
    #[n(4)]
    pub chat: Option<u32>,
    /// The message; none for what is done without one.
    #[n(5)]
    pub seq: Option<u64>,
    /// When the message was sent, or the deed done.
    #[n(6)]
    pub sent_at: Timestamp,
    /// Who wrote or did it, by number.
    #[n(7)]
    pub from: u32,
    /// The members among sender and receivers, or who did it, by number.
    #[n(8)]
    pub staff: Vec<u32>,
    /// Under whose key the alert lies: whoever it is about.
    #[n(9)]
    pub subject: SubjectId,
    /// Where it stands.
    #[n(10)]
    pub state: AlertState,
    /// When it was raised.
    #[n(11)]
    pub raised_at: Timestamp,
    /// To whom it was done, by number, where there is no message.
    #[n(12)]
    pub whom: Option<u32>,
}

impl Alert {
    /// The alert with what the list finds now. One that is judged stays so unless there are
    /// words that nobody has judged: then it is to be looked at again, by anybody.
    pub(super) fn joined(mut self, found: &Self) -> Self {
        let mut has_more = false;
        if let (Cause::Words(known), Cause::Words(words)) = (&mut self.cause, &found.cause) {
            let mut seen: BTreeSet<String> = known.iter().map(|word| fold(word)).collect();
            let more = words.iter().filter(|word| seen.insert(fold(word)));
            let more: Vec<String> = more.cloned().collect();
            has_more = !more.is_empty();
            known.extend(more);
        }
        if self.state.is_closed() {
            if !has_more {
                return self;
            }
            self.state = AlertState::Open;
        }
        self.severity = self.severity.max(found.severity);
        self
    }
}

/// Where an alert stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum AlertState {
    /// Nobody has looked.
    #[n(0)]
    Open,
    /// Somebody is to look: an account, as a subject.
    #[n(1)]
    Assigned(#[n(0)] SubjectId),
    /// Judged, with a note, by this account at this time.
    #[n(2)]
    Closed(
        #[n(0)] Verdict,
        #[n(1)] String,
        #[n(2)] Option<SubjectId>,
        #[n(3)] Timestamp,
    ),
}

impl AlertState {
    /// Whether it was judged.
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(..))
    }

    /// Stable code, also the catalogue key's end.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Assigned(_) => "assigned",
            Self::Closed(..) => "closed",
        }
    }
}

/// What came of looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Verdict {
    /// A violation.
    #[n(0)]
    Violation,
    /// Nothing was wrong.
    #[n(1)]
    Harmless,
}

impl Verdict {
    /// Both, in the order of the form.
    pub const ALL: [Self; 2] = [Self::Violation, Self::Harmless];

    /// Stable code, also the catalogue key's end.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Violation => "violation",
            Self::Harmless => "harmless",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As alerts were stored while each had a message.
    #[derive(Encode)]
    struct Before {
        #[n(0)]
        id: AlertId,
        #[n(1)]
        list: WordListId,
        #[n(2)]
        cause: Cause,
        #[n(3)]
        severity: Severity,
        #[n(4)]
        chat: u32,
        #[n(5)]
        seq: u64,
        #[n(6)]
        sent_at: Timestamp,
        #[n(7)]
        from: u32,
        #[n(8)]
        staff: Vec<u32>,
        #[n(9)]
        subject: SubjectId,
        #[n(10)]
        state: AlertState,
        #[n(11)]
        raised_at: Timestamp,
    }

    #[test]
    fn an_alert_of_before_is_read() {
        let stored = minicbor::to_vec(Before {
            id: Id::from_bits(1),
            list: Id::from_bits(2),
            cause: Cause::Behaviour(Behaviour::Recall),
            severity: Severity::Low,
            chat: 3,
            seq: 4,
            sent_at: Timestamp::from_ms(5),
            from: 6,
            staff: vec![6],
            subject: Id::from_bits(7),
            state: AlertState::Open,
            raised_at: Timestamp::from_ms(8),
        });
        let alert: Alert = minicbor::decode(&stored.unwrap()).unwrap();
        assert_eq!((alert.chat, alert.seq), (Some(3), Some(4)));
        assert_eq!((alert.raised_at.ms(), alert.whom), (8, None));
    }
}
