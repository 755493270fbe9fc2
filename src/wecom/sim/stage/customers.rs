//! Customers and members find each other and part.

use serde::{Deserialize, Serialize};

use super::{Done, Refusal, lenient::texts};
use crate::wecom::sim::{callbacks::Notice, contact::Trait, firm::Relation, state::World};

const EVENT: &str = "change_external_contact";

/// A relation by its two ends.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub userid: &'a str,
    pub external_userid: &'a str,
}

impl Pair<'_> {
    fn notice(&self, change: &'static str) -> Notice {
        Notice::new(EVENT, change)
            .id("UserID", self.userid)
            .id("ExternalUserID", self.external_userid)
    }
}

/// What customers and members do to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum CustomerVerb {
    /// Somebody new adds a member, by a contact way when there is a state.
    AddCustomer {
        /// The member.
        userid: String,
        /// Name of the new customer.
        name: String,
        /// Channel of the contact way, may be empty.
        #[serde(default)]
        state: String,
        /// The member does not add the customer back yet.
        #[serde(default, deserialize_with = "super::lenient::flag")]
        half: bool,
    },
    /// A known customer adds a member, perhaps again.
    AddRelation {
        /// The member.
        userid: String,
        /// The customer.
        external_userid: String,
        /// Channel of the contact way, may be empty.
        #[serde(default)]
        state: String,
    },
    /// The member adds a half friend back.
    AcceptCustomer {
        /// The member.
        userid: String,
        /// The customer.
        external_userid: String,
    },
    /// The member deletes the customer.
    DeleteCustomer {
        /// The member.
        userid: String,
        /// The customer.
        external_userid: String,
    },
    /// The customer deletes the member, who still sees the customer.
    DeleteFollower {
        /// The member.
        userid: String,
        /// The customer.
        external_userid: String,
    },
    /// The customer takes another name; nobody is told.
    RenameCustomer {
        /// The customer.
        external_userid: String,
        /// The new name.
        name: String,
    },
    /// The member edits the remark.
    SetRemark {
        /// The member.
        userid: String,
        /// The customer.
        external_userid: String,
        /// The new remark.
        #[serde(default)]
        remark: String,
    },
    /// The member chooses other corp tags.
    SetTags {
        /// The member.
        userid: String,
        /// The customer.
        external_userid: String,
        /// All tags of the relation.
        #[serde(default, deserialize_with = "texts")]
        tag_ids: Vec<String>,
    },
}

impl World {
    /// Does it; `now_s` in seconds.
    pub(super) fn with_customers(
        &mut self,
        verb: &CustomerVerb,
        now_s: i64,
    ) -> Result<Done, Refusal> {
        let pair = |userid, external_userid| Pair {
            userid,
            external_userid,
        };
        match verb {
            CustomerVerb::AddCustomer {
                userid,
                name,
                state,
                half,
            } => self.new_customer(userid, name, state, *half, now_s),
            CustomerVerb::AddRelation {
                userid,
                external_userid,
                state,
            } => self.known_customer_adds(pair(userid, external_userid), state, false, now_s),
            CustomerVerb::AcceptCustomer {
                userid,
                external_userid,
            } => self.accept(pair(userid, external_userid)),
            CustomerVerb::DeleteCustomer {
                userid,
                external_userid,
            } => self.delete_customer(pair(userid, external_userid)),
            CustomerVerb::DeleteFollower {
                userid,
                external_userid,
            } => self.delete_follower(pair(userid, external_userid)),
            CustomerVerb::RenameCustomer {
                external_userid,
                name,
            } => self.rename_customer(external_userid, name),
            CustomerVerb::SetRemark {
                userid,
                external_userid,
                remark,
            } => self.edit_in_client(pair(userid, external_userid), |relation| {
                relation.remark.clone_from(remark);
            }),
            CustomerVerb::SetTags {
                userid,
                external_userid,
                tag_ids,
            } => self.retag(pair(userid, external_userid), tag_ids),
        }
    }

    pub(super) fn new_customer(
        &mut self,
        userid: &str,
        name: &str,
        state: &str,
        half: bool,
        now_s: i64,
    ) -> Result<Done, Refusal> {
        let userid = self.known_member(userid)?;
        if name.is_empty() {
            return Err(Refusal::BadValue);
        }
        let external_userid = self.book.add(&userid, name, now_s);
        let pair = Pair {
            userid: &userid,
            external_userid: &external_userid,
        };
        self.edit_relation(&userid, &external_userid, |relation| {
            relation.state = state.to_owned();
            relation.half = half;
        });
        let notice = self.added(pair, half, now_s);
        Ok(Done::making(external_userid, [notice]))
    }

    pub(super) fn known_customer_adds(
        &mut self,
        pair: Pair<'_>,
        state: &str,
        half: bool,
        now_s: i64,
    ) -> Result<Done, Refusal> {
        let userid = self.known_member(pair.userid)?;
        let pair = Pair {
            userid: &userid,
            ..pair
        };
        let customer = self.customer(pair.external_userid)?;
        match customer.relations.iter().find(|r| r.userid == userid) {
            Some(relation) if !relation.deleted_by_customer => return Err(Refusal::AlreadyThere),
            Some(_) => {}
            None => {
                self.add_relation(&userid, pair.external_userid, now_s);
            }
        }
        self.edit_relation(&userid, pair.external_userid, |relation| {
            relation.deleted_by_customer = false;
            relation.state = state.to_owned();
            relation.half = half;
        });
        Ok(Done::telling([self.added(pair, half, now_s)]))
    }

    fn accept(&mut self, pair: Pair<'_>) -> Result<Done, Refusal> {
        if !self.relation(pair)?.half {
            return Err(Refusal::AlreadyThere);
        }
        self.edit_relation(pair.userid, pair.external_userid, |r| r.half = false);
        let state = self.relation(pair)?.state.clone();
        // The second event for the same customer brings no second welcome code.
        let notice = pair.notice("add_external_contact").text("State", &state);
        Ok(Done::telling([notice]))
    }

    fn delete_customer(&mut self, pair: Pair<'_>) -> Result<Done, Refusal> {
        self.relation(pair)?;
        self.remove_relation(pair.userid, pair.external_userid);
        Ok(Done::telling([pair.notice("del_external_contact")]))
    }

    fn delete_follower(&mut self, pair: Pair<'_>) -> Result<Done, Refusal> {
        if self.relation(pair)?.deleted_by_customer {
            return Err(Refusal::AlreadyThere);
        }
        // WeCom goes on to show the customer to the member.
        self.edit_relation(pair.userid, pair.external_userid, |r| {
            r.deleted_by_customer = true;
        });
        Ok(Done::telling([pair.notice("del_follow_user")]))
    }

    fn rename_customer(&mut self, id: &str, name: &str) -> Result<Done, Refusal> {
        let number = self.book.number(id).ok_or(Refusal::UnknownCustomer)?;
        self.book.change(number, |c| c.name = name.to_owned());
        Ok(Done::default())
    }

    fn edit_in_client(
        &mut self,
        pair: Pair<'_>,
        edit: impl FnOnce(&mut Relation),
    ) -> Result<Done, Refusal> {
        let state = self.relation(pair)?.state.clone();
        self.edit_relation(pair.userid, pair.external_userid, edit);
        let notice = pair.notice("edit_external_contact").text("State", &state);
        Ok(Done::telling([notice]))
    }

    fn retag(&mut self, pair: Pair<'_>, tags: &[String]) -> Result<Done, Refusal> {
        if tags.iter().any(|tag| self.live_tag(tag).is_none()) {
            return Err(Refusal::UnknownTag);
        }
        self.edit_in_client(pair, |relation| relation.tags = tags.to_vec())
    }

    /// The userid as the directory spells it.
    pub(super) fn known_member(&self, userid: &str) -> Result<String, Refusal> {
        let member = self.member(userid).ok_or(Refusal::UnknownMember)?;
        Ok(member.userid.clone())
    }

    /// A code to greet with; none where the administrator has set up a message.
    fn code_for(&mut self, pair: Pair<'_>, now_s: i64) -> String {
        if self.is(pair.userid, Trait::ConsoleWelcome) {
            return String::new();
        }
        self.welcome_code(pair.userid, pair.external_userid, now_s)
    }

    /// A customer has agreed to the archive of conversations.
    pub(super) fn agreed_to_archive(
        &mut self,
        pair: Pair<'_>,
        now_s: i64,
    ) -> Result<Notice, Refusal> {
        self.relation(pair)?;
        let code = self.code_for(pair, now_s);
        let notice = pair.notice("msg_audit_approved");
        Ok(notice.text("WelcomeCode", &code))
    }

    fn added(&mut self, pair: Pair<'_>, half: bool, now_s: i64) -> Notice {
        let code = self.code_for(pair, now_s);
        let change = if half {
            "add_half_external_contact"
        } else {
            "add_external_contact"
        };
        let state = self.relation(pair).map(|r| r.state).unwrap_or_default();
        pair.notice(change)
            .text("State", &state)
            .text("WelcomeCode", &code)
    }

    pub(super) fn customer(
        &self,
        external_userid: &str,
    ) -> Result<crate::wecom::sim::firm::Customer, Refusal> {
        let number = self.book.number(external_userid);
        number
            .and_then(|number| self.book.get(number))
            .ok_or(Refusal::UnknownCustomer)
    }

    fn relation(&self, pair: Pair<'_>) -> Result<Relation, Refusal> {
        let customer = self.customer(pair.external_userid)?;
        let mut relations = customer.relations.into_iter();
        relations
            .find(|r| r.userid == pair.userid)
            .ok_or(Refusal::NoRelation)
    }
}
