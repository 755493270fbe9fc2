//! `message/send`.

use serde_json::json;

use super::{SENDERS, Sent, card, content, receivers::Receivers};
use crate::wecom::sim::{
    check::{Call, Fail},
    directory::MEMBERS_MAX,
    fields::{Code, PARAM, ensure},
    routes::{Route, Wrote},
    state::World,
};

pub const ROUTES: &[Route] = &[Route::write("message/send", SENDERS, send)];

const BAD_AGENT: Code = (40056, "invalid agentid");
/// Messages of the app that one member sees within a minute and an hour; the others are
/// dropped and nobody is told.
const PER_MINUTE: usize = 30;
const PER_HOUR: usize = 1000;

/// The app's own agentid.
pub(super) fn agent(call: &Call<'_>) -> Result<(), Fail> {
    let fields = call.fields();
    ensure(fields.has("agentid"), (41011, "missing agentid"))?;
    let agentid = fields
        .number("agentid")
        .map_err(|_| Fail::from(BAD_AGENT))?;
    ensure(agentid.is_some_and(|id| id > 0), BAD_AGENT)?;
    ensure(
        agentid == Some(call.agentid),
        (301_002, "not allow operate another agent"),
    )
}

fn send(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let kind = fields.filled("msgtype", (40008, "invalid message type"))?;
    agent(call)?;
    let safe = fields.one_of("safe", &[0, 1, 2], PARAM)?.unwrap_or(0);
    ensure(safe < 2 || kind == "mpnews", PARAM)?;
    ensure(
        safe == 0 || kind != "news",
        (40074, "news not support safe"),
    )?;
    fields.one_of("enable_id_trans", &[0, 1], PARAM)?;
    let once = fields.flag("enable_duplicate_check")?.unwrap_or(false);
    let interval = fields.number("duplicate_check_interval")?.unwrap_or(1800);
    ensure(interval <= 14_400, PARAM)?;
    let to = Receivers::read(world, fields, call.app)?;
    let asked = asked(call, kind);
    let since = call.now_s - i64::try_from(interval).unwrap_or(0);
    let twin = world.messages.sent.iter().rev();
    let twin = twin
        .take_while(|sent| sent.at > since)
        .find(|sent| once && sent.asked == asked);
    let msgid = match twin {
        Some(twin) => twin.msgid.clone(),
        None => {
            let content = content::read(world, call, kind)?;
            let today = world.messages.persons_since(day_of(call.now_s));
            let more = today + to.users.len() <= MEMBERS_MAX * 200;
            ensure(more, (45009, "api freq out of limit"))?;
            let msgid = world.fresh().id("m", 48);
            let users = to.users.iter();
            let users = users.filter(|u| world.messages.takes_more(u, call.now_s));
            let sent = Sent {
                msgid: msgid.clone(),
                kind: kind.to_owned(),
                content,
                users: users.cloned().collect(),
                persons: to.users.len(),
                at: call.now_s,
                asked,
                recalled: false,
                updated: std::collections::BTreeMap::new(),
            };
            world.messages.sent.push(sent);
            msgid
        }
    };
    let mut answer = json!({
        "invaliduser": to.bad_users.join("|"), "invalidparty": to.bad_parties.join("|"),
        "invalidtag": to.bad_tags.join("|"), "unlicenseduser": "", "msgid": msgid,
    });
    let kind_of_card = call.body["template_card"]["card_type"].as_str();
    if kind == "template_card" && kind_of_card.is_some_and(card::is_interactive) {
        answer["response_code"] = json!(world.response_code(&msgid, call.now_s));
    }
    Ok(answer.into())
}

/// Receivers and content, without what decides how it is sent.
fn asked(call: &Call<'_>, kind: &str) -> String {
    let body = &call.body;
    json!([
        kind,
        body["touser"],
        body["toparty"],
        body["totag"],
        body[kind]
    ])
    .to_string()
}

/// When the day of this time began in Beijing.
pub(super) fn day_of(now_s: i64) -> i64 {
    let beijing = now_s + 8 * 3600;
    beijing - beijing.rem_euclid(86_400) - 8 * 3600
}

impl super::State {
    pub(super) fn persons_since(&self, at: i64) -> usize {
        let recent = self.sent.iter().rev().take_while(|sent| sent.at >= at);
        recent.map(|sent| sent.persons).sum()
    }

    fn takes_more(&self, userid: &str, now_s: i64) -> bool {
        let got_since = |at: i64| {
            let recent = self.sent.iter().rev().take_while(|sent| sent.at > at);
            recent.filter(|sent| sent.users.contains(userid)).count()
        };
        got_since(now_s - 60) < PER_MINUTE && got_since(now_s - 3600) < PER_HOUR
    }
}
