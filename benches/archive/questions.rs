//! The questions with what brute force answers.

use std::fs;

use qitai::{
    kit::Random,
    search::{MessageQuery, MessageScope, Word},
};

use super::{
    PAGE,
    rows::{Line, Rows},
};

/// One question.
#[derive(Clone)]
pub struct Asked {
    pub class: String,
    pub text: String,
    pub query: MessageQuery,
    /// Hits in all.
    pub total: u64,
    /// The newest, by number.
    pub first: Vec<u64>,
}

impl Asked {
    /// As SQL, with the words that stand for its parameters.
    pub fn conditions(&self) -> Vec<String> {
        let mut all = Vec::new();
        if let [who] = self.query.with.as_slice() {
            all.push(format!("(sender = {who} OR receiver = {who})"));
        }
        all.extend(self.query.chat.map(|chat| format!("chat = {chat}")));
        all.extend(self.query.from_ms.map(|from| format!("at >= {from}")));
        all.extend(self.query.to_ms.map(|to| format!("at < {to}")));
        all
    }

    /// Its words, lower case.
    pub fn words(&self) -> Vec<String> {
        let words = self.query.words.iter();
        words.map(|word| word.text.to_ascii_lowercase()).collect()
    }
}

#[derive(serde::Deserialize)]
struct Question {
    kind: String,
    on: String,
    q: String,
    employee: Option<String>,
    room: Option<String>,
    ts_from: Option<i64>,
    ts_to: Option<i64>,
    expected_count: u64,
    #[serde(default)]
    top20_seq: Vec<u64>,
}

/// The questions of the file, or some of our own.
pub fn load(rows: &mut Rows) -> Vec<Asked> {
    match rows.folder() {
        Some(folder) => {
            let text = fs::read_to_string(folder.join("queries.jsonl")).unwrap();
            let all = text
                .lines()
                .map(|l| serde_json::from_str::<Question>(l).unwrap());
            let all: Vec<Question> = all.filter(|q| q.on == "messages").collect();
            all.into_iter().map(|q| asked(rows, q)).collect()
        }
        None => own(rows),
    }
}

fn asked(rows: &mut Rows, q: Question) -> Asked {
    let room = q.room.as_deref().filter(|room| !room.is_empty());
    let chat = room.map(|room| {
        rows.chat(&Line {
            seq: 0,
            from: String::new(),
            to: String::new(),
            room: room.to_owned(),
            ts_ms: 0,
            kind: String::new(),
            text: String::new(),
        })
    });
    let words = match q.kind.as_str() {
        "and2" => q.q.split_whitespace().map(Word::from).collect(),
        _ => vec![Word::from(q.q.as_str())],
    };
    let query = MessageQuery {
        words,
        with: q.employee.iter().map(|id| rows.number(id)).collect(),
        chat,
        from_ms: q.ts_from,
        to_ms: q.ts_to,
        ..MessageQuery::new(MessageScope::All, PAGE)
    };
    Asked {
        class: q.kind,
        text: q.q,
        query,
        total: q.expected_count,
        first: q.top20_seq,
    }
}

/// Twenty pieces each of one to four characters and of ten, found by brute force.
fn own(rows: &mut Rows) -> Vec<Asked> {
    let random = Random::seeded(2);
    let lines: Vec<Line> = rows.lines(rows.len).collect();
    let piece = |len: usize| loop {
        let line = &lines[usize::try_from(random.u64() % lines.len() as u64).unwrap()];
        let chars: Vec<char> = line.text().chars().collect();
        if chars.len() >= len {
            let from = usize::try_from(random.u64() % (chars.len() - len + 1) as u64).unwrap();
            return chars[from..from + len].iter().collect::<String>();
        }
    };
    let mut all = Vec::new();
    for len in [1, 2, 3, 4, 10] {
        for _ in 0..20 {
            let text = piece(len);
            let lower = text.to_ascii_lowercase();
            let fits = |line: &&Line| line.text().to_ascii_lowercase().contains(&lower);
            let found: Vec<u64> = lines
                .iter()
                .rev()
                .filter(fits)
                .map(|line| line.seq)
                .collect();
            all.push(Asked {
                class: format!("{len} characters"),
                query: MessageQuery {
                    words: vec![Word::from(text.as_str())],
                    ..MessageQuery::new(MessageScope::All, PAGE)
                },
                text,
                total: found.len() as u64,
                first: found.into_iter().take(PAGE).collect(),
            });
        }
    }
    all
}
