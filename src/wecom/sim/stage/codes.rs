//! People scan codes, are accepted, and begin to chat.

use serde::{Deserialize, Serialize};

use super::{Done, Refusal, customers::Pair};
use crate::wecom::sim::{
    callbacks::Notice,
    contact::{Request, Trait},
    firm::{GroupChat, GroupMember},
    state::World,
};

/// A group is full for those who come by code.
const FULL: usize = 200;

/// What people do with codes, and what is peculiar about members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum CodeVerb {
    /// Somebody scans a contact way: a new person by name, or a known one by id.
    ScanContactWay {
        /// The contact way.
        config_id: String,
        /// Name of a new person.
        #[serde(default)]
        name: String,
        /// A known person.
        #[serde(default)]
        external_userid: String,
        /// The member does not add the customer back yet.
        #[serde(default, deserialize_with = "super::lenient::flag")]
        half: bool,
    },
    /// A member accepts somebody who came by a contact way with consent.
    AcceptRequest {
        /// The request, as the scan answered it.
        request: String,
    },
    /// A member turns somebody down.
    RefuseRequest {
        /// The request, as the scan answered it.
        request: String,
    },
    /// Somebody scans a join way.
    ScanJoinWay {
        /// The join way.
        config_id: String,
        /// Name of a new person.
        #[serde(default)]
        name: String,
        /// A known person.
        #[serde(default)]
        external_userid: String,
    },
    /// Some of those whom a member has by a code had come by this contact way, which is younger
    /// than they are.
    CameByContactWay {
        /// The contact way.
        config_id: String,
        /// The member.
        userid: String,
        /// Every so many-th customer.
        #[serde(deserialize_with = "super::lenient::number")]
        every: u64,
    },
    /// Whoever is in the groups of this join way by a code had come by it.
    CameByJoinWay {
        /// The join way.
        config_id: String,
    },
    /// Customer and member begin to chat: the time for a welcome message is over.
    BeginChat {
        /// The member.
        userid: String,
        /// The customer.
        external_userid: String,
    },
    /// Another app of the firm sends its welcome message.
    OtherAppGreets {
        /// The member.
        userid: String,
        /// The customer.
        external_userid: String,
    },
    /// A customer refuses the archive of conversations.
    RefuseArchive {
        /// The customer.
        external_userid: String,
    },
    /// A customer agrees to the archive in the chat with a member.
    AgreeToArchive {
        /// The member.
        userid: String,
        /// The customer.
        external_userid: String,
    },
    /// Something about a member that calls stumble over.
    SetTrait {
        /// The member.
        userid: String,
        /// What.
        what: Trait,
        /// It is so, rather than not.
        #[serde(default, deserialize_with = "super::lenient::flag")]
        on: bool,
    },
    /// Another limit than WeCom's, to reach it sooner: `contact_ways`, `links`, `customers`,
    /// `members`, `departments`, `department_nodes`, `tag_nodes`, `group_wechat_members` and
    /// others.
    SetLimit {
        /// Of what.
        name: String,
        /// So many.
        #[serde(deserialize_with = "super::lenient::number")]
        max: u64,
    },
    /// A mini program is linked to the corp or not.
    LinkMiniProgram {
        /// The mini program.
        appid: String,
        /// Linked, as all are at first.
        #[serde(default, deserialize_with = "super::lenient::flag")]
        linked: bool,
    },
}

impl World {
    /// Does it; `now_s` in seconds.
    pub(super) fn with_codes(&mut self, verb: &CodeVerb, now_s: i64) -> Result<Done, Refusal> {
        match verb {
            CodeVerb::ScanContactWay {
                config_id,
                name,
                external_userid,
                half,
            } => self.scan_contact_way(config_id, (name, external_userid), *half, now_s),
            CodeVerb::AcceptRequest { request } => self.accept_request(request, now_s),
            CodeVerb::RefuseRequest { request } => {
                let requests = &mut self.contact.requests;
                requests.remove(request).ok_or(Refusal::UnknownObject)?;
                Ok(Done::default())
            }
            CodeVerb::ScanJoinWay {
                config_id,
                name,
                external_userid,
            } => self.scan_join_way(config_id, (name, external_userid), now_s),
            CodeVerb::CameByContactWay {
                config_id,
                userid,
                every,
            } => self.came_by_contact_way(config_id, userid, *every),
            CodeVerb::CameByJoinWay { config_id } => self.came_by_join_way(config_id),
            CodeVerb::BeginChat {
                userid,
                external_userid,
            } => self.of_code(userid, external_userid, |code| code.used = true),
            CodeVerb::OtherAppGreets {
                userid,
                external_userid,
            } => self.of_code(userid, external_userid, |code| {
                code.other_app_until = now_s + 2;
            }),
            CodeVerb::RefuseArchive { external_userid } => {
                let customer = self.customer(external_userid)?;
                let id = customer.external_userid;
                self.contact.archive_refused.insert(id.clone());
                if let Some(relation) = customer.relations.first() {
                    self.consent_in_chat(&relation.userid, &id, false, now_s);
                }
                Ok(Done::default())
            }
            CodeVerb::AgreeToArchive {
                userid,
                external_userid,
            } => {
                let pair = Pair {
                    userid,
                    external_userid,
                };
                let told = self.agreed_to_archive(pair, now_s)?;
                self.contact.archive_refused.remove(external_userid);
                self.consent_in_chat(userid, external_userid, true, now_s);
                Ok(Done::telling([told]))
            }
            CodeVerb::SetTrait { userid, what, on } => {
                let userid = self.known_member(userid)?;
                self.set_trait(&userid, *what, *on);
                Ok(Done::default())
            }
            CodeVerb::SetLimit { name, max } => {
                self.contact.limits.insert(name.clone(), *max);
                Ok(Done::default())
            }
            CodeVerb::LinkMiniProgram { appid, linked } => {
                let unlinked = &mut self.contact.unlinked_programs;
                if *linked {
                    unlinked.remove(appid);
                } else {
                    unlinked.insert(appid.clone());
                }
                Ok(Done::default())
            }
        }
    }

    /// Changes what is known about the last welcome code of a relation.
    fn of_code(
        &mut self,
        userid: &str,
        external_userid: &str,
        change: impl FnOnce(&mut crate::wecom::sim::state::WelcomeCode),
    ) -> Result<Done, Refusal> {
        let codes = self.welcome_codes.values_mut();
        let of_pair = codes.filter(|c| c.userid == userid && c.external_userid == external_userid);
        let last = of_pair.max_by_key(|code| code.made_at);
        change(last.ok_or(Refusal::NoRelation)?);
        Ok(Done::default())
    }

    fn scan_contact_way(
        &mut self,
        config_id: &str,
        who: (&str, &str),
        half: bool,
        now_s: i64,
    ) -> Result<Done, Refusal> {
        let ways = &self.contact.ways.by_id;
        let way = ways.get(config_id).ok_or(Refusal::UnknownObject)?.clone();
        if way.is_expired(now_s) {
            return Err(Refusal::UnknownObject);
        }
        let (name, id) = who;
        let known = (!id.is_empty()).then(|| self.customer(id)).transpose()?;
        if known.is_none() && name.is_empty() {
            return Err(Refusal::BadValue);
        }
        let people = self.people(&way.users, &way.parties).into_iter();
        let serving = people.filter(|userid| self.seller(userid).is_some());
        let load = |userid: &String| self.book.of_member(userid).map_or(0, |c| c.len());
        let firm = known.as_ref().and_then(|c| c.corp_name.clone());
        let chosen = firm.as_ref().filter(|_| way.is_exclusive);
        let chosen = chosen.and_then(|firm| way.chosen.get(firm)).cloned();
        let least = serving.min_by_key(load);
        let userid = chosen.or(least).ok_or(Refusal::UnknownMember)?;
        if let (Some(firm), Some(way)) = (firm, self.contact.ways.by_id.get_mut(config_id)) {
            way.chosen.entry(firm).or_insert_with(|| userid.clone());
        }
        if way.is_temp {
            return self.begin_temp_chat(&way, &userid, who, now_s);
        }
        if !way.skip_verify {
            let request = format!("{:016x}", self.fresh().bits());
            let asked = Request {
                userid,
                name: name.to_owned(),
                external_userid: id.to_owned(),
                state: way.state,
            };
            self.contact.requests.insert(request.clone(), asked);
            return Ok(Done::making(request, []));
        }
        self.comes_by_way(&userid, who, &way.state, half, now_s)
    }

    fn begin_temp_chat(
        &mut self,
        way: &crate::wecom::sim::contact::Way,
        userid: &str,
        (name, id): (&str, &str),
        now_s: i64,
    ) -> Result<Done, Refusal> {
        let id = if id.is_empty() {
            self.stranger(name, now_s)
        } else {
            let customer = self.customer(id)?;
            let meant = way.unionid.is_empty() || customer.unionid.as_ref() == Some(&way.unionid);
            if !meant {
                return Err(Refusal::BadValue);
            }
            customer.external_userid
        };
        let lasts_s = i64::try_from(way.chat_expires_in).unwrap_or(i64::MAX);
        let key = (userid.to_owned(), id.clone());
        let until = now_s.saturating_add(lasts_s);
        self.contact.ways.temp_chats.insert(key, until);
        Ok(Done::making(id, []))
    }

    /// Somebody outside who is nobody's customer.
    fn stranger(&mut self, name: &str, now_s: i64) -> String {
        let nobody = self.org.members.keys().next().cloned().unwrap_or_default();
        let id = self.book.add(&nobody, name, now_s);
        self.remove_relation(&nobody, &id);
        id
    }

    fn comes_by_way(
        &mut self,
        userid: &str,
        (name, id): (&str, &str),
        state: &str,
        half: bool,
        now_s: i64,
    ) -> Result<Done, Refusal> {
        if id.is_empty() {
            return self.new_customer(userid, name, state, half, now_s);
        }
        let pair = Pair {
            userid,
            external_userid: id,
        };
        let done = self.known_customer_adds(pair, state, half, now_s)?;
        Ok(Done {
            id: Some(id.to_owned()),
            ..done
        })
    }

    fn accept_request(&mut self, request: &str, now_s: i64) -> Result<Done, Refusal> {
        let asked = self.contact.requests.get(request);
        let asked = asked.ok_or(Refusal::UnknownObject)?.clone();
        let who = (asked.name.as_str(), asked.external_userid.as_str());
        let done = self.comes_by_way(&asked.userid, who, &asked.state, false, now_s)?;
        self.contact.requests.remove(request);
        Ok(done)
    }

    fn scan_join_way(
        &mut self,
        config_id: &str,
        (name, id): (&str, &str),
        now_s: i64,
    ) -> Result<Done, Refusal> {
        let ways = &self.contact.join_ways;
        let way = ways.get(config_id).ok_or(Refusal::UnknownObject)?.clone();
        if id.is_empty() && name.is_empty() {
            return Err(Refusal::BadValue);
        }
        if !id.is_empty() {
            self.customer(id)?;
            let inside = |group: &GroupChat| group.members.iter().any(|m| m.userid == id);
            let mut groups = way.chats.iter().filter_map(|chat| self.groups.get(chat));
            if groups.any(inside) {
                return Err(Refusal::AlreadyThere);
            }
        }
        let room = |chat: &&String| {
            let group = self.groups.get(*chat);
            group.is_some_and(|group| group.members.len() < FULL)
        };
        let (chat_id, mut notices) = match way.chats.iter().find(room) {
            Some(chat_id) => (chat_id.clone(), Vec::new()),
            None if way.auto_create => self.next_group(config_id, now_s)?,
            None => return Err(Refusal::NoRoom),
        };
        let id = if id.is_empty() {
            self.stranger(name, now_s)
        } else {
            id.to_owned()
        };
        notices.extend(self.join_group(&chat_id, &id, true, now_s)?.notices);
        if let Some(group) = self.groups.get_mut(&chat_id) {
            let came = group.members.iter_mut().filter(|m| m.userid == id);
            came.for_each(|member: &mut GroupMember| member.state.clone_from(&way.state));
        }
        Ok(Done::making(chat_id, notices))
    }

    /// All groups of a join way are full: a new one, with the owner of the last.
    fn next_group(
        &mut self,
        config_id: &str,
        now_s: i64,
    ) -> Result<(String, Vec<Notice>), Refusal> {
        let ways = &mut self.contact.join_ways;
        let way = ways.get_mut(config_id).ok_or(Refusal::UnknownObject)?;
        let last = way.chats.last().and_then(|chat| self.groups.get(chat));
        let owner = last.ok_or(Refusal::UnknownGroup)?.owner.clone();
        let name = format!("{}{}", way.base_name, way.base_id);
        way.base_id += 1;
        let made = self.create_group(&owner, &name, &[], now_s)?;
        let chat_id = made.id.unwrap_or_default();
        if let Some(way) = self.contact.join_ways.get_mut(config_id) {
            way.chats.push(chat_id.clone());
            // The fullest one makes room in the list.
            if way.chats.len() > 5 {
                way.chats.remove(0);
            }
        }
        Ok((chat_id, made.notices))
    }
}
