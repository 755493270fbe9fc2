//! Members confirm broadcasts and moments, customers are passed on, strangers open links.

use serde::{Deserialize, Serialize};

use super::{Done, Refusal};
use crate::wecom::sim::{contact::link_notice, state::World};

/// What people do about what apps have begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum ContactVerb {
    /// A member sends a broadcast of the firm.
    SendBroadcast {
        /// The broadcast.
        msgid: String,
        /// The member.
        userid: String,
    },
    /// A member sends a broadcast of their own (群发助手).
    MemberBroadcast {
        /// The member.
        userid: String,
        /// The words.
        text: String,
        /// Customers or groups.
        #[serde(default, deserialize_with = "super::lenient::texts")]
        to: Vec<String>,
    },
    /// A member publishes a moment of the firm.
    PublishMoment {
        /// The moment.
        moment_id: String,
        /// The member.
        userid: String,
    },
    /// A member publishes a moment of their own.
    MemberMoment {
        /// The member.
        userid: String,
        /// The words.
        text: String,
    },
    /// Somebody comments on or likes a member's moment.
    ReactToMoment {
        /// The moment.
        moment_id: String,
        /// Whose moment.
        userid: String,
        /// Who does it, customer or member.
        who: String,
        /// Likes rather than comments.
        #[serde(default, deserialize_with = "super::lenient::flag")]
        likes: bool,
    },
    /// What members do by themselves: `never`, `now`, `later:3600`.
    SetHabit {
        /// `broadcasts` or `moments`.
        of: String,
        /// The habit.
        habit: String,
    },
    /// How many broadcasts of the firm a customer receives: `day:1`, `week:7`, `month:4`,
    /// `month` for as many as it has days.
    SetBroadcastCap {
        /// The cap.
        cap: String,
    },
    /// How long WeCom takes to hand out broadcasts.
    SetDispatchTime {
        /// Seconds.
        #[serde(deserialize_with = "super::lenient::number")]
        seconds: u64,
    },
    /// A customer does not want to be passed on.
    RefuseTransfer {
        /// The customer.
        external_userid: String,
    },
    /// A customer agrees to be passed on before the time is over.
    AcceptTransfer {
        /// The customer.
        external_userid: String,
    },
    /// A stranger opens an acquisition link and adds the member behind it.
    OpenLink {
        /// The link.
        link_id: String,
        /// Name of the stranger.
        name: String,
        /// customer_channel of the address.
        #[serde(default)]
        channel: String,
    },
    /// A customer who came by a link writes.
    WriteByLink {
        /// The customer.
        external_userid: String,
    },
    /// A link is deleted in the console, or cannot be used for a while.
    BreakLink {
        /// The link.
        link_id: String,
        /// Deleted rather than unusable.
        #[serde(default, deserialize_with = "super::lenient::flag")]
        deleted: bool,
    },
    /// A part of what may still come by links is soon lost.
    LinkQuotaEnds {
        /// So many.
        #[serde(deserialize_with = "super::lenient::number")]
        quota: u64,
    },
    /// So many customers may still come by links.
    SetLinkBalance {
        /// So many.
        #[serde(deserialize_with = "super::lenient::number")]
        balance: u64,
    },
}

impl World {
    /// Does it; `now_s` in seconds.
    pub(super) fn with_contact(&mut self, verb: &ContactVerb, now_s: i64) -> Result<Done, Refusal> {
        let done = |good: bool| {
            if good {
                Ok(Done::default())
            } else {
                Err(Refusal::UnknownObject)
            }
        };
        match verb {
            ContactVerb::SendBroadcast { msgid, userid } => {
                done(self.send_broadcast(msgid, userid, now_s))
            }
            ContactVerb::MemberBroadcast { userid, text, to } => {
                let userid = self.known_member(userid)?;
                if text.is_empty() || to.is_empty() {
                    return Err(Refusal::BadValue);
                }
                let id = self.member_broadcast(&userid, text, to, now_s);
                Ok(Done::making(id, []))
            }
            ContactVerb::PublishMoment { moment_id, userid } => {
                done(self.publish_moment(moment_id, userid, now_s))
            }
            ContactVerb::MemberMoment { userid, text } => {
                let userid = self.known_member(userid)?;
                let id = self.member_moment(&userid, text, now_s);
                Ok(Done::making(id, []))
            }
            ContactVerb::ReactToMoment {
                moment_id,
                userid,
                who,
                likes,
            } => done(self.react((moment_id, userid), who, *likes, now_s)),
            ContactVerb::SetHabit { of, habit } => {
                let habit = habit.parse().map_err(|()| Refusal::BadValue)?;
                match of.as_str() {
                    "broadcasts" => self.contact.broadcasts.habit = habit,
                    "moments" => self.contact.moments.habit = habit,
                    _ => return Err(Refusal::BadValue),
                }
                Ok(Done::default())
            }
            ContactVerb::SetBroadcastCap { cap } => {
                let cap = cap.parse().map_err(|()| Refusal::BadValue)?;
                self.contact.broadcasts.cap = cap;
                Ok(Done::default())
            }
            ContactVerb::SetDispatchTime { seconds } => {
                let seconds = i64::try_from(*seconds).map_err(|_| Refusal::BadValue)?;
                self.contact.broadcasts.dispatch_s = seconds;
                Ok(Done::default())
            }
            ContactVerb::RefuseTransfer { external_userid } => {
                let told = self.refuse_transfer(external_userid);
                Ok(Done::telling([told.ok_or(Refusal::UnknownObject)?]))
            }
            ContactVerb::AcceptTransfer { external_userid } => {
                let told = self.accept_transfer(external_userid, now_s);
                Ok(Done::telling(told.ok_or(Refusal::UnknownObject)?))
            }
            ContactVerb::OpenLink {
                link_id,
                name,
                channel,
            } => self.come_by_link(link_id, name, channel, now_s),
            ContactVerb::WriteByLink { external_userid } => {
                let told = self.link_chat(external_userid, now_s);
                Ok(Done::telling(told.ok_or(Refusal::UnknownObject)?))
            }
            ContactVerb::BreakLink { link_id, deleted } => self.break_link(link_id, *deleted),
            ContactVerb::LinkQuotaEnds { quota } => {
                let ends_at = u64::try_from(now_s).unwrap_or(0) + 7 * 86_400;
                let told = link_notice("quota_expire_soon").number("ExpireTime", ends_at);
                Ok(Done::telling([told.number("ExpireQuotaNum", *quota)]))
            }
            ContactVerb::SetLinkBalance { balance } => {
                self.contact.links.balance = *balance;
                Ok(Done::default())
            }
        }
    }

    fn come_by_link(
        &mut self,
        link_id: &str,
        name: &str,
        channel: &str,
        now_s: i64,
    ) -> Result<Done, Refusal> {
        if name.is_empty() || channel.len() > 64 {
            return Err(Refusal::BadValue);
        }
        let opened = self.open_link(link_id, channel, now_s);
        let (userid, mut notices) = opened.ok_or(Refusal::UnknownObject)?;
        let added = self.new_customer(&userid, name, channel, false, now_s)?;
        let id = added.id.unwrap_or_default();
        notices.extend(added.notices);
        notices.extend(self.came_by_link(link_id, (&userid, &id), channel, now_s));
        Ok(Done::making(id, notices))
    }

    fn break_link(&mut self, link_id: &str, deleted: bool) -> Result<Done, Refusal> {
        let links = &mut self.contact.links.by_id;
        if !links.contains_key(link_id) {
            return Err(Refusal::UnknownObject);
        }
        let change = if deleted {
            links.remove(link_id);
            "delete_link"
        } else {
            "link_unavailable"
        };
        Ok(Done::telling([link_notice(change).id("LinkId", link_id)]))
    }
}
