//! What is said, made from its number whenever somebody asks: ten million messages take no
//! more room than one.

use serde_json::{Map, Value, json};

use super::{
    bodies::{self, Around},
    cast::{Cast, Person, Pool, Room, Scene},
    media::Library,
    plan::{Plan, TURNS},
    scripts::{self, Exchange},
    words::Words,
};
use crate::wecom::sim::firm::{Book, Rng, mix};

const EXCHANGE: u64 = 62;
const LINE: u64 = 63;
const NOISE: u64 = 64;
const NUMBER: u64 = 65;

/// The firm's chats, all of them, also those still to come.
#[derive(Debug)]
pub(super) struct Story {
    /// Decides everything.
    pub seed: u64,
    /// When.
    pub plan: Plan,
    /// Who.
    pub cast: Cast,
    /// Pictures, voices, documents.
    pub library: Library,
    /// Nobody sends files.
    pub words_only: bool,
}

/// One line of a conversation.
struct Line {
    exchange: u64,
    text: &'static str,
}

impl Story {
    /// Milliseconds at which message `index` of the history was written.
    pub fn at_ms(&self, index: u64) -> i64 {
        let noise = mix(self.seed ^ mix(NOISE) ^ index);
        self.plan.at_ms(index, noise >> 8)
    }

    /// msgid of the message with this number and time.
    pub fn msgid(&self, index: u64, at_ms: i64, is_external: bool) -> String {
        let number = mix(self.seed ^ mix(NUMBER) ^ index) >> 1;
        let suffix = if is_external { "_external" } else { "" };
        format!("{number}_{at_ms}{suffix}")
    }

    /// Message `index`; `at` tells when messages were written.
    pub fn message(&self, index: u64, at: &impl Fn(u64) -> i64, book: &Book) -> Map<String, Value> {
        let at_ms = at(index);
        if let Some((member, customer, agrees)) = self.cast.turn(index, book) {
            let msgid = self.msgid(index, at_ms, true);
            return consent(&member.id, &customer.id, agrees, msgid, at_ms);
        }
        let spot = self.plan.spot(index);
        let scene = self.cast.scene(spot.episode, &self.plan, book);
        let lines = self.lines(spot.episode, &scene);
        let line = &lines[spot.turn];
        let (who, said) = line.text.split_at(1);
        let sender = self.sender(who, &scene, line.exchange);
        let is_external = is_external(&scene);
        let words = Words {
            seed: self.seed,
            exchange: line.exchange,
            scene: &scene,
            at_ms,
        };
        let earlier = self.plan.before(index);
        let before = (spot.turn > 0 && !self.cast.is_turn(earlier)).then(|| {
            let text = &lines[spot.turn - 1].text;
            let (who, said) = text.split_at(1);
            let mut rng = Rng::of(self.seed, LINE, earlier);
            Before {
                msgid: self.msgid(earlier, at(earlier), is_external),
                name: self.sender(who, &scene, lines[spot.turn - 1].exchange).name,
                text: (!said.starts_with('!')).then(|| words.say(said, &mut rng)),
            }
        });
        let mut rng = Rng::of(self.seed, LINE, index);
        let around = Around {
            words: &words,
            library: &self.library,
            sender: &sender,
            before: before.as_ref(),
            index,
            at_ms,
        };
        let said = match self.words_only && bodies::has_file(said) {
            true => scripts::NO_FILE,
            false => said,
        };
        let mut message = bodies::say(said, &around, &mut rng);
        let msgid = self.msgid(index, at_ms, is_external);
        envelope(
            &mut message,
            msgid,
            &sender,
            &scene.people,
            scene.room.as_ref(),
            at_ms,
        );
        message
    }

    /// The lines of a conversation: exchanges one after the other.
    fn lines(&self, episode: u64, scene: &Scene) -> Vec<Line> {
        let mut rng = Rng::of(self.seed, EXCHANGE, episode);
        let pool: &[Exchange] = match scene.pool {
            Pool::Customer => scripts::CUSTOMER,
            Pool::Group => scripts::GROUP,
            Pool::Colleagues => scripts::COLLEAGUES,
            Pool::Room => scripts::ROOM,
        };
        let weights: Vec<u32> = pool.iter().map(|(weight, _)| *weight).collect();
        let wanted = usize::try_from(TURNS).unwrap_or(16);
        let mut lines: Vec<Line> = Vec::with_capacity(wanted);
        let mut last = usize::MAX;
        while lines.len() < wanted {
            let exchange = (episode << 4) | lines.len() as u64;
            let drawn = rng.weighted(&weights);
            // Nobody says the same twice in a row.
            if drawn == last {
                continue;
            }
            last = drawn;
            let texts = pool[drawn].1.iter();
            lines.extend(texts.map(|text| Line { exchange, text }));
        }
        lines.truncate(wanted);
        lines
    }

    fn sender(&self, who: &str, scene: &Scene, exchange: u64) -> Person {
        let at = match who {
            "R" => {
                let robot = usize::try_from(exchange & 1).unwrap_or(0);
                return self.cast.robots[robot].clone();
            }
            "A" => 0,
            "B" => 1,
            _ => 2,
        };
        scene.people[at.min(scene.people.len() - 1)].clone()
    }
}

/// What was said just before.
pub(super) struct Before {
    /// Its id.
    pub msgid: String,
    /// Who said it.
    pub name: String,
    /// What, if it was a text.
    pub text: Option<String>,
}

fn is_external(scene: &Scene) -> bool {
    matches!(scene.pool, Pool::Customer | Pool::Group)
}

/// The head of a message around its body.
pub(super) fn envelope(
    message: &mut Map<String, Value>,
    msgid: String,
    sender: &Person,
    people: &[Person],
    room: Option<&Room>,
    at_ms: i64,
) {
    message.insert("msgid".to_owned(), json!(msgid));
    if message
        .get("action")
        .is_some_and(|action| action == "switch")
    {
        message.insert("time".to_owned(), json!(at_ms));
        message.insert("user".to_owned(), json!(sender.id));
        return;
    }
    message.entry("action").or_insert_with(|| json!("send"));
    message.insert("from".to_owned(), json!(sender.id));
    message.insert("msgtime".to_owned(), json!(at_ms));
    let present = room.map_or(people, |room| room.people.as_slice());
    let mut to: Vec<&str> = Vec::with_capacity(present.len());
    for person in present {
        if person.id != sender.id && !to.contains(&person.id.as_str()) {
            to.push(&person.id);
        }
    }
    message.insert("tolist".to_owned(), json!(to));
    // Calls have no room at all.
    let kind = message.get("msgtype").and_then(Value::as_str);
    if !matches!(kind, Some("meeting_voice_call" | "voip_doc_share")) {
        let id = room.map_or("", |room| room.id.as_str());
        message.insert("roomid".to_owned(), json!(id));
    }
}

/// A customer agrees or refuses.
pub(super) fn consent(
    userid: &str,
    external_userid: &str,
    agrees: bool,
    msgid: String,
    at_ms: i64,
) -> Map<String, Value> {
    let (kind, time) = match agrees {
        true => ("agree", "agree_time"),
        false => ("disagree", "disagree_time"),
    };
    let message = json!({
        "msgid": msgid, "action": "send", "from": external_userid, "tolist": [userid],
        "roomid": "", "msgtime": at_ms, "msgtype": kind,
        kind: { "userid": external_userid, time: at_ms / 1000 * 1000 },
    });
    match message {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

impl Story {
    /// Type and body of what somebody writes on the stage.
    pub fn written(
        &self,
        writing: super::Writing<'_>,
        sender: &Person,
        index: u64,
        at_ms: i64,
    ) -> Map<String, Value> {
        let scene = Scene {
            pool: Pool::Customer,
            people: vec![sender.clone(), sender.clone()],
            room: None,
            shop: String::new(),
        };
        let words = Words {
            seed: self.seed,
            exchange: index,
            scene: &scene,
            at_ms,
        };
        let around = Around {
            words: &words,
            library: &self.library,
            sender,
            before: None,
            index: self.plan.count + index,
            at_ms,
        };
        let mut rng = Rng::of(self.seed, LINE, u64::MAX - index);
        let mut message = match writing.kind {
            "" | "text" => Map::from_iter([
                ("msgtype".to_owned(), json!("text")),
                ("text".to_owned(), json!({ "content": writing.text })),
            ]),
            kind => bodies::say(&format!("!{kind}:{{tea}}.pdf"), &around, &mut rng),
        };
        if let (Some(file), false) = (message.get_mut("file"), writing.text.is_empty()) {
            file["filename"] = json!(writing.text);
        }
        message
    }
}
