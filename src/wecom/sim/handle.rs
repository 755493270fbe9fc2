//! The hand that steers a running simulator.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
};

use actix_web::dev::ServerHandle;

use super::{
    callbacks::{Delivery, Target, Unverified},
    contact::{Greeted, opengid},
    faults::{CallbackFault, Fault},
    limits::Window,
    messages::Sent,
    server::{Answered, Shared},
    stage::{
        ArchiveVerb, CustomerVerb, DirectoryVerb, GroupVerb, LoginVerb, Refusal, TagVerb, Verb,
    },
    tokens::App,
};
use crate::{kit::Clock, wecom::callback::KeyError};

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
    /// Secret of 会话内容存档.
    pub archive_secret: String,
    /// Secret of 微信客服.
    pub service_secret: String,
    /// Token of the callback URL.
    pub token: String,
    /// EncodingAESKey of the callback URL.
    pub encoding_aes_key: String,
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
            archive_secret: identity.archive,
            service_secret: identity.service,
            token: identity.token,
            encoding_aes_key: identity.encoding_aes_key,
            shared,
            server,
            thread: Some(thread),
        }
    }

    /// Address of the page on which people play the world outside.
    pub fn stage_url(&self) -> String {
        self.base_url.replace("/cgi-bin/", "/stage")
    }

    /// Address below which the pages are on which members sign in.
    pub fn login_url(&self) -> String {
        self.base_url.replace("/cgi-bin/", "")
    }

    /// The app trusts this domain (host with port) from now on, unless it does already.
    pub fn set_login_domain(&self, domain: &str) {
        if self.shared.world().login.domain.as_deref() != Some(domain) {
            let domain = domain.to_owned();
            self.done(LoginVerb::SetLoginDomain { domain });
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
            self.shared.callbacks.stop();
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

    /// Lets happen what has become due by the clock, and tells of it. Calls and deeds do the
    /// same; whoever moves the clock for people to watch calls this after it.
    pub fn pass_time(&self) {
        self.shared.pass_time();
    }

    /// Whether somebody else listens too: then callbacks tell what calls do to the directory,
    /// which the sync assistant does not hear of itself.
    pub fn set_echo(&self, on: bool) {
        self.shared.echo.store(on, Ordering::Relaxed);
    }

    /// Welcome messages that reached customers, the first one first.
    pub fn greeted(&self) -> Vec<Greeted> {
        self.shared.world().contact.greeted.clone()
    }

    /// The opengid by which mini programs know a group; `None` if there is no such group.
    pub fn opengid(&self, chat_id: &str) -> Option<String> {
        self.shared.world().groups.get(chat_id).map(opengid)
    }

    /// Lets a path, or each path by itself, be called so often within a window: 45009 to more.
    pub fn set_rate(&self, path: Option<&str>, window: Window, max: u64) {
        self.shared.limits.set_rate(path, window, max);
    }

    /// Answers 45033 to more than so many calls of one path at once.
    pub fn set_at_once(&self, max: Option<u32>) {
        self.shared.limits.set_at_once(max);
    }

    /// Trusts only these addresses, a minute from now on: 60020 to all others. `None` trusts
    /// everybody.
    pub fn set_trusted_ips(&self, list: Option<&[&str]>) {
        let list = list.map(|list| list.iter().map(|ip| (*ip).to_owned()).collect());
        self.shared
            .limits
            .set_trusted(list, self.shared.clock.now());
    }

    /// Disables an app or enables it again: 50003 to its calls meanwhile.
    pub fn set_enabled(&self, app: App, on: bool) {
        self.shared.limits.set_enabled(app, on);
    }

    /// The messages of the app that a member sees, the newest first.
    pub fn messages_of(&self, userid: &str) -> Vec<Sent> {
        let world = self.shared.world();
        world.messages.of_member(userid).cloned().collect()
    }

    /// How many calls of the API there have been.
    pub fn calls(&self) -> u64 {
        self.shared.calls()
    }

    /// The calls answered lately, the oldest first, at most some thousands.
    pub fn answered(&self) -> Vec<Answered> {
        self.shared.answered()
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

    /// Callbacks go to `url` from now on, with [`Self::token`] and
    /// [`Self::encoding_aes_key`]; nobody asks whether it answers.
    pub fn set_callback(&self, url: &str) {
        let target = self.target(url);
        let set = self.shared.callbacks.set_target(Some(target));
        set.expect("the simulator's own keys have the right shape");
    }

    /// Callbacks go to `target` from now on, or to nobody.
    ///
    /// # Errors
    /// When Token or EncodingAESKey cannot be used.
    pub fn set_callback_target(&self, target: Option<Target>) -> Result<(), KeyError> {
        self.shared.callbacks.set_target(target)
    }

    /// What the admin console does before it saves `url`: asks it to decrypt an echo.
    ///
    /// # Errors
    /// Says what is wrong with the answer.
    pub async fn verify_callback(&self, url: &str) -> Result<(), Unverified> {
        self.shared.callbacks.verify(&self.target(url)).await
    }

    /// The same with values of one's own, as somebody may have typed them.
    ///
    /// # Errors
    /// Says what is wrong with them, or with the answer.
    pub async fn verify_target(&self, target: &Target) -> Result<(), Unverified> {
        self.shared.callbacks.verify(target).await
    }

    fn target(&self, url: &str) -> Target {
        Target {
            url: url.to_owned(),
            token: self.token.clone(),
            encoding_aes_key: self.encoding_aes_key.clone(),
        }
    }

    /// Turns a fault on for callbacks of one event (`change_contact`) or all (`None`), on
    /// every `every`-th.
    pub fn inject_callback(&self, event: Option<&str>, every: u32, fault: CallbackFault) {
        self.shared.callbacks.faults().inject(event, every, fault);
    }

    /// Turns all faults of callbacks off.
    pub fn clear_callback_faults(&self) {
        self.shared.callbacks.faults().clear();
    }

    /// Callbacks that came to an end lately, the newest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.callbacks.recent()
    }

    /// How often anything was posted to the callback URL.
    pub fn callback_posts(&self) -> u64 {
        self.shared.callbacks.posted()
    }

    /// Waits until all callbacks on their way have come to an end.
    pub fn callbacks_settled(&self) -> impl Future<Output = ()> + use<> {
        self.shared.callbacks.settled()
    }

    /// Does what people do in clients and console: changes the firm, keeps it, tells of it.
    /// Answers the id of what was made.
    ///
    /// # Errors
    /// When it is impossible; then nothing has changed.
    pub fn act(&self, verb: impl Into<Verb>) -> Result<Option<String>, Refusal> {
        self.shared.act(&verb.into())
    }

    fn done(&self, verb: impl Into<Verb>) -> bool {
        self.act(verb).is_ok()
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

    /// A new public key of the archive, as PEM; the console answers its version. The same key
    /// again keeps its version.
    ///
    /// # Errors
    /// When it is no RSA key of 2048 bits.
    pub fn upload_archive_key(&self, pem: &str) -> Result<u32, Refusal> {
        let pem = pem.to_owned();
        let made = self.act(ArchiveVerb::UploadArchiveKey { pem })?;
        let version = made.and_then(|id| id.parse().ok());
        version.ok_or(Refusal::BadValue)
    }

    /// Fingerprints (SHA-256 in hex) of the archive's public keys, the first version first.
    pub fn archive_keys(&self) -> Vec<String> {
        self.shared.world().archive.keys()
    }

    /// The seq of the last archived message; they begin with 1.
    pub fn archived(&self) -> u64 {
        self.shared.world().archive.len()
    }

    /// The archived message with this seq, open, as JSON; `None` if there is none.
    pub fn archived_message(&self, seq: u64) -> Option<serde_json::Value> {
        let world = self.shared.world();
        let message = world.archive.message(seq, &world.book)?;
        Some(serde_json::Value::Object(message))
    }

    /// A customer takes another name; nobody is told. False if unknown.
    pub fn rename_customer(&self, external_userid: &str, name: &str) -> bool {
        self.done(CustomerVerb::RenameCustomer {
            external_userid: external_userid.to_owned(),
            name: name.to_owned(),
        })
    }

    /// A new customer adds a member. Answers the external userid.
    ///
    /// # Panics
    /// When there is no such member.
    pub fn add_customer(&self, userid: &str, name: &str) -> String {
        let added = self.act(CustomerVerb::AddCustomer {
            userid: userid.to_owned(),
            name: name.to_owned(),
            state: String::new(),
            half: false,
        });
        added.ok().flatten().expect("a known member")
    }

    /// A known customer adds a member; false if either is unknown or they have each other.
    pub fn add_relation(&self, userid: &str, external_userid: &str) -> bool {
        self.done(CustomerVerb::AddRelation {
            userid: userid.to_owned(),
            external_userid: external_userid.to_owned(),
            state: String::new(),
        })
    }

    /// A member deletes a customer; false if there is no relation.
    pub fn remove_relation(&self, userid: &str, external_userid: &str) -> bool {
        self.done(CustomerVerb::DeleteCustomer {
            userid: userid.to_owned(),
            external_userid: external_userid.to_owned(),
        })
    }

    /// Sets a member's remark of a customer; false if there is no relation.
    pub fn set_remark(&self, userid: &str, external_userid: &str, remark: &str) -> bool {
        self.done(CustomerVerb::SetRemark {
            userid: userid.to_owned(),
            external_userid: external_userid.to_owned(),
            remark: remark.to_owned(),
        })
    }

    /// Replaces the corp tags of a relation; false if there is none or a tag is unknown.
    pub fn set_tags(&self, userid: &str, external_userid: &str, tag_ids: &[String]) -> bool {
        self.done(CustomerVerb::SetTags {
            userid: userid.to_owned(),
            external_userid: external_userid.to_owned(),
            tag_ids: tag_ids.to_vec(),
        })
    }

    /// A member leaves the firm; false if unknown.
    pub fn member_leaves(&self, userid: &str) -> bool {
        let userid = userid.to_owned();
        self.done(DirectoryVerb::MemberLeaves { userid })
    }

    /// A member joins and may serve customers; false if the userid is taken or the department
    /// unknown.
    pub fn member_joins(&self, userid: &str, name: &str, department: u64) -> bool {
        self.done(DirectoryVerb::MemberJoins {
            userid: userid.to_owned(),
            name: name.to_owned(),
            department,
        })
    }

    /// A new department; its id, or `None` if the parent is unknown or has one of this name.
    pub fn add_department(&self, name: &str, parent: u64) -> Option<u64> {
        let name = name.to_owned();
        let made = self.act(DirectoryVerb::AddDepartment { name, parent });
        made.ok().flatten()?.parse().ok()
    }

    /// Removes an empty department.
    pub fn remove_department(&self, id: u64) -> bool {
        self.done(DirectoryVerb::RemoveDepartment { id })
    }

    /// A new tag; its group is made if there is none of this name. Answers the tag's id.
    ///
    /// # Panics
    /// When the group has a tag of this name, or a name is not acceptable.
    pub fn add_tag(&self, group: &str, name: &str) -> String {
        let made = self.act(TagVerb::AddTag {
            group: group.to_owned(),
            name: name.to_owned(),
        });
        made.ok().flatten().expect("a new tag with a good name")
    }

    /// Deletes a tag; customers lose it.
    pub fn remove_tag(&self, tag_id: &str) -> bool {
        let tag_id = tag_id.to_owned();
        self.done(TagVerb::RemoveTag { tag_id })
    }

    /// A group chat takes another name; false if unknown.
    pub fn rename_group(&self, chat_id: &str, name: &str) -> bool {
        self.done(GroupVerb::RenameGroup {
            chat_id: chat_id.to_owned(),
            name: name.to_owned(),
        })
    }

    /// A group chat is disbanded; false if unknown.
    pub fn disband_group(&self, chat_id: &str) -> bool {
        let chat_id = chat_id.to_owned();
        self.done(GroupVerb::DisbandGroup { chat_id })
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        self.end();
    }
}
