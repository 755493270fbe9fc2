//! The hand that steers a running simulator.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    thread::JoinHandle,
};

use actix_web::dev::ServerHandle;

use super::{faults::Fault, server::Shared};
use crate::kit::Clock;

/// A running simulator. Stops when dropped.
pub struct SimHandle {
    /// `http://127.0.0.1:PORT/cgi-bin/`
    pub base_url: String,
    /// Corp id (企业ID).
    pub corpid: String,
    /// Agent id of the firm's own app.
    pub agentid: u64,
    /// Secret of the firm's own app: reads the directory and customers.
    pub app_secret: String,
    /// Secret of 客户联系: reads customers only.
    pub contact_secret: String,
    /// Secret of 通讯录同步: reads ids of departments and members only.
    pub sync_secret: String,
    shared: Arc<Shared>,
    server: ServerHandle,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl SimHandle {
    pub(super) fn new(
        address: SocketAddr,
        shared: Arc<Shared>,
        server: ServerHandle,
        thread: JoinHandle<std::io::Result<()>>,
    ) -> Self {
        let identity = shared.identity.clone();
        let mut reached_at = address;
        if address.ip().is_unspecified() {
            reached_at.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        Self {
            base_url: format!("http://{reached_at}/cgi-bin/"),
            corpid: identity.corpid,
            agentid: identity.agentid,
            app_secret: identity.own,
            contact_secret: identity.contact,
            sync_secret: identity.sync,
            shared,
            server,
            thread: Some(thread),
        }
    }

    /// Stops the server and waits for its thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            // The answer comes when the server is down, which the join waits for anyway.
            drop(self.server.stop(false));
            let _ = thread.join();
        }
    }

    /// The seed of the firm, which a remembered one may have replaced.
    pub fn seed(&self) -> u64 {
        self.shared.options.seed
    }

    /// The number of customers at the start.
    pub fn customers(&self) -> u32 {
        self.shared.options.customers
    }

    /// The simulator's clock, to be moved.
    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    /// How many calls of the API there have been.
    pub fn calls(&self) -> u64 {
        self.shared.calls()
    }

    /// Turns a fault on for one path (`externalcontact/list`) or for all (`None`), on every
    /// `every`-th call.
    pub fn inject(&self, path: Option<&str>, every: u32, fault: Fault) {
        self.shared.faults.inject(path, every, fault);
    }

    /// Turns all faults off.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Makes every access token given out so far answer 42001.
    pub fn expire_tokens(&self) {
        self.shared.tokens().expire_all(self.shared.clock.now());
    }

    /// Makes every access token given out so far unknown: it answers 40014.
    pub fn forget_tokens(&self) {
        self.shared.tokens().forget_all();
    }

    fn now_s(&self) -> i64 {
        self.shared.clock.now().ms() / 1000
    }

    /// External userids of the customers of one member, in the order WeCom tells them.
    pub fn customers_of(&self, userid: &str) -> Vec<String> {
        let world = self.shared.world();
        let numbers = world.book.of_member(userid).into_iter().flatten();
        numbers
            .filter_map(|n| world.book.get(*n))
            .map(|c| c.external_userid)
            .collect()
    }

    /// Ids of all group chats.
    pub fn chat_ids(&self) -> Vec<String> {
        self.shared.world().groups.keys().cloned().collect()
    }

    /// A customer takes another name.
    pub fn rename_customer(&self, external_userid: &str, name: &str) -> bool {
        let mut world = self.shared.world();
        match world.book.number(external_userid) {
            Some(number) => world.book.change(number, |c| c.name = name.to_owned()),
            None => false,
        }
    }

    /// A new customer adds a member. Answers the external userid.
    pub fn add_customer(&self, userid: &str, name: &str) -> String {
        let now = self.now_s();
        self.shared.world().book.add(userid, name, now)
    }

    /// A member adds an existing customer; false if either is unknown.
    pub fn add_relation(&self, userid: &str, external_userid: &str) -> bool {
        let now = self.now_s();
        self.shared
            .world()
            .add_relation(userid, external_userid, now)
    }

    /// Ends a relation; false if there is none.
    pub fn remove_relation(&self, userid: &str, external_userid: &str) -> bool {
        self.shared.world().remove_relation(userid, external_userid)
    }

    /// Sets a member's remark of a customer; false if there is no relation.
    pub fn set_remark(&self, userid: &str, external_userid: &str, remark: &str) -> bool {
        let mut world = self.shared.world();
        world.edit_relation(userid, external_userid, |r| r.remark = remark.to_owned())
    }

    /// Replaces the corp tags of a relation; false if there is none.
    pub fn set_tags(&self, userid: &str, external_userid: &str, tag_ids: &[String]) -> bool {
        let mut world = self.shared.world();
        world.edit_relation(userid, external_userid, |r| r.tags = tag_ids.to_vec())
    }

    /// A member leaves the firm; false if unknown.
    pub fn member_leaves(&self, userid: &str) -> bool {
        self.shared.world().member_leaves(userid)
    }

    /// A member joins and may serve customers; false if the userid is taken or the department
    /// unknown.
    pub fn member_joins(&self, userid: &str, name: &str, department: u64) -> bool {
        self.shared.world().member_joins(userid, name, department)
    }

    /// A new department; its id, or `None` if the parent is unknown.
    pub fn add_department(&self, name: &str, parent: u64) -> Option<u64> {
        self.shared.world().add_department(name, parent)
    }

    /// Removes an empty department.
    pub fn remove_department(&self, id: u64) -> bool {
        self.shared.world().remove_department(id)
    }

    /// A new tag; its group is made if there is none of this name. Answers the tag's id.
    pub fn add_tag(&self, group: &str, name: &str) -> String {
        let now = self.now_s();
        self.shared.world().add_tag(group, name, now)
    }

    /// Deletes a tag; customers lose it.
    pub fn remove_tag(&self, tag_id: &str) -> bool {
        self.shared.world().remove_tag(tag_id)
    }

    /// A group chat takes another name; false if unknown.
    pub fn rename_group(&self, chat_id: &str, name: &str) -> bool {
        match self.shared.world().groups.get_mut(chat_id) {
            Some(group) => {
                group.name = name.to_owned();
                true
            }
            None => false,
        }
    }

    /// A group chat is disbanded; false if unknown.
    pub fn disband_group(&self, chat_id: &str) -> bool {
        self.shared.world().groups.remove(chat_id).is_some()
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        self.end();
    }
}
