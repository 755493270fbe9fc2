//! The rows: read from a file each time, or made here.

use std::{
    collections::HashMap,
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use qitai::{kit::Random, search::MessageDoc};

use super::support::size;

/// One message of the file.
#[derive(serde::Deserialize, Clone)]
pub struct Line {
    /// WeCom's id of the message; empty if it was made here.
    #[serde(default)]
    #[allow(dead_code, reason = "only what is stored in the product needs it")]
    pub id: String,
    pub seq: u64,
    pub from: String,
    pub to: String,
    pub room: String,
    pub ts_ms: i64,
    #[serde(rename = "type")]
    pub kind: String,
    pub text: String,
}

impl Line {
    /// What is searched of it.
    pub fn text(&self) -> &str {
        // A recall names the message it takes back.
        if self.kind == "revoke" {
            ""
        } else {
            &self.text
        }
    }
}

/// All messages and the numbers of those who take part.
pub struct Rows {
    file: Option<PathBuf>,
    made: Vec<Line>,
    /// Messages in all.
    pub len: usize,
    /// Bytes of JSON of a message.
    pub json_bytes: f64,
    numbers: HashMap<String, u32>,
    chats: HashMap<(u32, u32), u32>,
}

impl Rows {
    pub fn open() -> Self {
        let mut rows = Self {
            file: None,
            made: Vec::new(),
            len: 0,
            json_bytes: 231.0,
            numbers: HashMap::new(),
            chats: HashMap::new(),
        };
        match env::var("QITAI_BENCH_DATA") {
            Ok(folder) => {
                let file = Path::new(&folder).join("messages.jsonl");
                let bytes = fs::metadata(&file).unwrap().len();
                let all = BufReader::new(fs::File::open(&file).unwrap())
                    .lines()
                    .count();
                rows.len = size("QITAI_BENCH_MESSAGES", all).min(all);
                rows.json_bytes = bytes as f64 / all as f64;
                rows.file = Some(file);
            }
            Err(_) => {
                rows.len = size("QITAI_BENCH_MESSAGES", 100_000);
                rows.made = made(rows.len);
            }
        }
        rows
    }

    /// The folder of the file.
    pub fn folder(&self) -> Option<&Path> {
        self.file.as_deref()?.parent()
    }

    /// The first `len` messages.
    pub fn lines(&self, len: usize) -> Box<dyn Iterator<Item = Line>> {
        match &self.file {
            Some(file) => {
                let lines =
                    BufReader::with_capacity(1 << 20, fs::File::open(file).unwrap()).lines();
                let lines = lines
                    .take(len)
                    .map(|l| serde_json::from_str(&l.unwrap()).unwrap());
                Box::new(lines)
            }
            None => {
                let made = self.made[..len].to_vec();
                Box::new(made.into_iter())
            }
        }
    }

    /// The number of somebody.
    pub fn number(&mut self, id: &str) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.numbers.len() as u32 + 1;
        self.numbers.insert(id.to_owned(), number);
        number
    }

    /// The number of a conversation: a room, or two who talk.
    pub fn chat(&mut self, line: &Line) -> u32 {
        let (a, b) = if line.room.is_empty() {
            let (a, b) = (self.number(&line.from), self.number(&line.to));
            (a.min(b), a.max(b))
        } else {
            (0, self.number(&line.room))
        };
        let next = self.chats.len() as u32 + 1;
        *self.chats.entry((a, b)).or_insert(next)
    }

    /// What the index is given for the first `len` messages.
    pub fn docs(&mut self, len: usize) -> impl Iterator<Item = MessageDoc> {
        self.lines(len).map(move |line| {
            let (from, to) = (self.number(&line.from), self.number(&line.to));
            MessageDoc {
                seq: line.seq,
                at_ms: line.ts_ms,
                chat: self.chat(&line),
                from,
                parties: vec![from, to],
                kind: line.kind.bytes().fold(0, u8::wrapping_add),
                text: line.text().to_owned(),
            }
        })
    }

    /// The numbers of all staff, those who came first before.
    pub fn staff(&self) -> Vec<u32> {
        let people = self.numbers.iter();
        let is_staff = |id: &str| !id.starts_with("wm") && !id.starts_with("wr");
        let mut staff: Vec<u32> = people
            .filter(|(id, _)| is_staff(id))
            .map(|(_, n)| *n)
            .collect();
        staff.sort_unstable();
        staff
    }
}

const WORDS: [&str; 42] = [
    "您好",
    "请问",
    "这款",
    "老白茶",
    "报价单",
    "什么时候",
    "发货",
    "可以",
    "好的",
    "收到",
    "谢谢",
    "今天",
    "明天",
    "下午",
    "价格",
    "优惠",
    "合同",
    "盖章",
    "发票",
    "抬头",
    "物流",
    "单号",
    "客户",
    "我们",
    "你们",
    "公司",
    "电话",
    "地址",
    "样品",
    "寄出",
    "到了",
    "没有",
    "问题",
    "确认",
    "一下",
    "麻烦",
    "OK",
    "WiFi",
    "的",
    "，",
    "後來",
    "ＯＫ",
];

/// Chats of 200 members with 5,000 customers over a year.
fn made(len: usize) -> Vec<Line> {
    let random = Random::seeded(1);
    let below = |n: usize| usize::try_from(random.u64() % n as u64).unwrap();
    let mut at = 1_704_067_200_000;
    let one = |seq: u64| {
        at += below(600_000) as i64;
        let (member, customer) = (
            format!("member{}", below(200).min(below(200))),
            format!("wm{}", below(5000)),
        );
        let (from, to) = if below(2) == 0 {
            (member, customer)
        } else {
            (customer, member)
        };
        let mut text: String = (0..=below(12))
            .map(|_| WORDS[below(WORDS.len()).min(below(WORDS.len()))])
            .collect();
        if below(10) == 0 {
            text += &format!("{:011}", 13_000_000_000 + below(1_000_000_000));
        }
        let kind = if below(6) > 0 { "text" } else { "image" };
        Line {
            id: String::new(),
            seq,
            from,
            to,
            room: if below(5) == 0 {
                format!("wr{}", below(300))
            } else {
                String::new()
            },
            ts_ms: at,
            text: if kind == "text" { text } else { String::new() },
            kind: kind.to_owned(),
        }
    };
    (1..=len as u64).map(one).collect()
}
