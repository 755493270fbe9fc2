//! The questions with what brute force answers.

use std::{
    collections::{HashMap, VecDeque},
    fs,
};

use aho_corasick::AhoCorasick;
use qitai::{
    kit::Random,
    search::{MessageDoc, MessageQuery, MessageScope, Word, fold},
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

    /// Its words as they are looked for.
    fn folded(&self) -> Vec<String> {
        let words = self.query.words.iter().map(|word| fold(&word.text));
        let mut words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Whether a message is among those asked for, its words aside.
    fn admits(&self, doc: &MessageDoc) -> bool {
        let query = &self.query;
        query.with.iter().all(|who| doc.parties.contains(who))
            && query.chat.is_none_or(|chat| doc.chat == chat)
            && query.from_ms.is_none_or(|from| doc.at_ms >= from)
            && query.to_ms.is_none_or(|to| doc.at_ms < to)
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
            id: String::new(),
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

/// Answers all questions by brute force: one look at every message, folded. Says how many
/// answers are others than those that came with the questions, which know nothing of folding.
pub fn answer(rows: &mut Rows, asked: &mut [Asked]) {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut words: Vec<String> = Vec::new();
    // Word to questions, and how many words a question has.
    let mut askers: Vec<Vec<usize>> = Vec::new();
    let mut wanted = Vec::new();
    for (n, question) in asked.iter().enumerate() {
        let own = question.folded();
        wanted.push(own.len());
        for word in own {
            let number = *numbers.entry(word.clone()).or_insert_with(|| {
                words.push(word);
                askers.push(Vec::new());
                askers.len() - 1
            });
            askers[number].push(n);
        }
    }
    let finder = AhoCorasick::new(&words).unwrap();
    let mut totals = vec![0u64; asked.len()];
    let mut newest = vec![VecDeque::new(); asked.len()];
    // In which message a word was seen last, and how many words of a question.
    let mut seen = vec![0u64; words.len()];
    let mut found = vec![(0u64, 0usize); asked.len()];
    let wordless: Vec<usize> = (0..asked.len()).filter(|n| wanted[*n] == 0).collect();
    for (turn, doc) in (1..).zip(rows.docs(rows.len)) {
        let text = fold(&doc.text);
        let mut whole = wordless.clone();
        for hit in finder.find_overlapping_iter(&text) {
            let word = hit.pattern().as_usize();
            if std::mem::replace(&mut seen[word], turn) == turn {
                continue;
            }
            for n in &askers[word] {
                let (last, many) = &mut found[*n];
                *many = if *last == turn { *many + 1 } else { 1 };
                *last = turn;
                if *many == wanted[*n] {
                    whole.push(*n);
                }
            }
        }
        for n in whole {
            if asked[n].admits(&doc) {
                totals[n] += 1;
                newest[n].push_front(doc.seq);
                newest[n].truncate(PAGE);
            }
        }
    }
    let mut others = 0;
    for ((asked, total), newest) in asked.iter_mut().zip(totals).zip(newest) {
        let first = Vec::from(newest);
        others += usize::from((asked.total, &asked.first) != (total, &first));
        (asked.total, asked.first) = (total, first);
    }
    if rows.folder().is_some() {
        println!("brute force: {others} answers are others than those that came along");
    }
}

/// Twenty pieces each of one to four characters and of ten.
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
            all.push(Asked {
                class: format!("{len} characters"),
                query: MessageQuery {
                    words: vec![Word::from(text.as_str())],
                    ..MessageQuery::new(MessageScope::All, PAGE)
                },
                text,
                total: 0,
                first: Vec::new(),
            });
        }
    }
    all
}
