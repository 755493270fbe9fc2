//! Customers and who serves them.

use super::World;
use crate::wecom::sim::firm::Relation;

/// A welcome code (欢迎语code): good for one `send_welcome_msg` within 20 seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WelcomeCode {
    /// The member who may greet.
    pub userid: String,
    /// The customer to be greeted.
    pub external_userid: String,
    /// When it was given out, in seconds since the epoch.
    pub made_at: i64,
    /// Somebody has greeted with it, or the chat has begun.
    pub used: bool,
    /// Another app has begun to greet and is done at this time, seconds; 0 if none has.
    pub other_app_until: i64,
}

impl World {
    /// A welcome code for `userid` to greet a customer, given out at `now_s` (seconds).
    pub fn welcome_code(&mut self, userid: &str, external_userid: &str, now_s: i64) -> String {
        let code = self.fresh().id("CALLBACKCODE", 52);
        let made = WelcomeCode {
            userid: userid.to_owned(),
            external_userid: external_userid.to_owned(),
            made_at: now_s,
            used: false,
            other_app_until: 0,
        };
        self.welcome_codes.insert(code.clone(), made);
        code
    }

    /// Changes the relation of `userid` to a customer; false if there is none.
    pub fn edit_relation(
        &mut self,
        userid: &str,
        external_userid: &str,
        edit: impl FnOnce(&mut Relation),
    ) -> bool {
        let Some(number) = self.book.number(external_userid) else {
            return false;
        };
        let mut found = false;
        self.book.change(number, |customer| {
            if let Some(relation) = customer.relations.iter_mut().find(|r| r.userid == userid) {
                edit(relation);
                found = true;
            }
        });
        found
    }

    /// `userid` adds an existing customer.
    pub fn add_relation(&mut self, userid: &str, external_userid: &str, now_s: i64) -> bool {
        let known = self.member(userid).is_some();
        let Some(number) = self.book.number(external_userid).filter(|_| known) else {
            return false;
        };
        self.book.change(number, |customer| {
            if customer.relations.iter().all(|r| r.userid != userid) {
                let relation = Relation::fresh(userid, &customer.name, now_s);
                customer.relations.push(relation);
            }
        })
    }

    /// Ends a relation, from either side.
    pub fn remove_relation(&mut self, userid: &str, external_userid: &str) -> bool {
        let Some(number) = self.book.number(external_userid) else {
            return false;
        };
        let mut found = false;
        self.book.change(number, |customer| {
            let before = customer.relations.len();
            customer.relations.retain(|r| r.userid != userid);
            found = customer.relations.len() < before;
        });
        found
    }
}
