//! The index against brute force.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use proptest::prelude::*;

use super::{model::key, *};
use crate::{kit::Random, search::fold};

const TEXTS: [&str; 24] = [
    "好的",
    "收到，谢谢",
    "您的订单号是2024081500123，请查收",
    "老白茶的報價單我今天下午發給您",
    "電話13800136021，微信同號",
    "ＡＢＣ公司的合同 https://example.com/a?b=1",
    "哈哈哈哈哈",
    "👍",
    "👨‍👩‍👧 周末一起喝茶🍵🍵",
    "OK",
    "ok, see You Tomorrow",
    "的",
    "这款茶的价格是每斤380元，量大从优",
    "发票抬头：厦门海燕茶业有限公司",
    "客户说的的确是这个意思",
    "a\nb\tc  d",
    "İstanbul straße ÉCOLE",
    "明天上午十点开会，记得带上周报",
    "物流单号SF1234567890已发出",
    "謝謝，收到了",
    "报价单-2026.xlsx",
    "好的好的好的",
    "111111",
    "",
];
const T0: i64 = 1_700_000_000_000;

/// Everything that should be in the index.
#[derive(Default, Clone)]
struct Known(BTreeMap<u64, MessageDoc>);

fn below(random: &Random, n: usize) -> usize {
    usize::try_from(random.u64() % n as u64).unwrap()
}

fn pick<T: Clone>(random: &Random, all: &[T]) -> T {
    all[below(random, all.len())].clone()
}

fn message(random: &Random, seq: u64, at_ms: i64) -> MessageDoc {
    let from = below(random, 30) as u32;
    let mut text = pick(random, &TEXTS).to_owned();
    if below(random, 3) == 0 {
        text += pick(random, &TEXTS);
    }
    let mut parties = vec![from, 100 + below(random, 40) as u32];
    parties.extend((0..below(random, 4)).map(|_| below(random, 12) as u32));
    parties.sort_unstable();
    parties.dedup();
    MessageDoc {
        seq,
        at_ms,
        chat: below(random, 25) as u32,
        from,
        parties,
        kind: [1, 1, 1, 1, 2, 3][below(random, 6)],
        text,
    }
}

fn matches(query: &MessageQuery, doc: &MessageDoc) -> bool {
    let any = |list: &[u32]| list.iter().any(|party| doc.parties.contains(party));
    let text = fold(&doc.text);
    let word = |word: &Word| {
        let none = word.text.is_empty() && word.parties.is_empty() && word.also.is_empty();
        let says = |words: &String| !words.is_empty() && text.contains(&fold(words));
        none || says(&word.text) || any(&word.parties) || word.also.iter().any(says)
    };
    query.words.iter().all(word)
        && match &query.scope {
            MessageScope::All => true,
            MessageScope::Staff(staff) => any(staff),
        }
        && (query.with.is_empty() || any(&query.with))
        && (query.senders.is_empty() || query.senders.contains(&doc.from))
        && query.chat.is_none_or(|chat| chat == doc.chat)
        && query.sort.as_ref().is_none_or(|sort| sort.admits(doc.chat))
        && (query.kinds.is_empty() || query.kinds.contains(&doc.kind))
        && query.from_ms.is_none_or(|from| doc.at_ms >= from)
        && query.to_ms.is_none_or(|to| doc.at_ms < to)
        && query
            .only
            .as_ref()
            .is_none_or(|o| o.seqs.contains(&doc.seq))
}

/// Some conversations, perhaps none.
fn set(random: &Random) -> Arc<ChatSet> {
    let mut set = ChatSet::default();
    set.extend((0..below(random, 20)).map(|_| below(random, 26) as u32));
    Arc::new(set)
}

fn hit(doc: &MessageDoc) -> MessageHit {
    MessageHit {
        seq: doc.seq,
        at_ms: doc.at_ms,
        chat: doc.chat,
    }
}

impl Known {
    fn put(&mut self, docs: &[MessageDoc]) {
        self.0.extend(docs.iter().map(|doc| (doc.seq, doc.clone())));
    }

    fn newest(&self, query: &MessageQuery) -> Vec<MessageHit> {
        let mut found: Vec<&MessageDoc> = self.0.values().filter(|d| matches(query, d)).collect();
        found.sort_by_key(|doc| std::cmp::Reverse(key(doc.at_ms, doc.seq)));
        found.into_iter().map(hit).collect()
    }

    fn word(&self, random: &Random) -> Word {
        let docs: Vec<&MessageDoc> = self.0.values().collect();
        let chars: Vec<char> = pick(random, &docs).text.chars().collect();
        let from = below(random, chars.len() + 1);
        let len = [1, 1, 2, 2, 3, 4, 7, 13][below(random, 8)];
        let mut text: String = chars[from..].iter().take(len).collect();
        if below(random, 4) == 0 {
            text = text.to_uppercase();
        }
        if below(random, 12) == 0 {
            text.push('查');
        }
        let parties = (0..below(random, 10).saturating_sub(7)).map(|_| below(random, 30) as u32);
        let also = (0..below(random, 10).saturating_sub(8)).map(|_| {
            let chars = pick(random, &docs).text.chars();
            chars.take(2 + below(random, 6)).collect::<String>()
        });
        Word {
            text,
            parties: parties.collect(),
            also: also.filter(|text| text.chars().count() > 1).collect(),
        }
    }

    fn query(&self, random: &Random) -> MessageQuery {
        let some = |n: usize, most: usize| -> Vec<u32> {
            let len = if below(random, 4) == 0 {
                below(random, most)
            } else {
                0
            };
            (0..len).map(|_| below(random, n) as u32).collect()
        };
        let scope = match below(random, 4) {
            0 | 1 => MessageScope::All,
            _ => {
                let mut staff: Vec<u32> = (0..below(random, 8))
                    .map(|_| below(random, 30) as u32)
                    .collect();
                staff.sort_unstable();
                staff.dedup();
                MessageScope::Staff(staff.into())
            }
        };
        let times: Vec<i64> = self.0.values().map(|doc| doc.at_ms).collect();
        let time = || (below(random, 4) == 0).then(|| pick(random, &times));
        let only = (below(random, 6) == 0).then(|| {
            let some = self.0.values().filter(|_| below(random, 3) == 0);
            let missing = [(u64::MAX, T0), (2, i64::MAX)];
            Arc::new(
                some.map(|doc| (doc.seq, doc.at_ms))
                    .chain(missing)
                    .collect(),
            )
        });
        MessageQuery {
            words: (0..below(random, 4)).map(|_| self.word(random)).collect(),
            with: some(140, 9),
            senders: some(30, 9),
            chat: (below(random, 8) == 0).then(|| below(random, 26) as u32),
            sort: match below(random, 8) {
                0 => Some(MessageChatSort::In(set(random))),
                1 => Some(MessageChatSort::NotIn(set(random))),
                _ => None,
            },
            kinds: some(4, 3).iter().map(|kind| *kind as u8).collect(),
            from_ms: time(),
            to_ms: time(),
            only,
            page: MessagePage::Start,
            total: pick(
                random,
                &[
                    MessageTotal::Quick,
                    MessageTotal::Quick,
                    MessageTotal::Exact,
                ],
            ),
            ..MessageQuery::new(scope, 1 + below(random, 40))
        }
    }
}

/// Every page from the first to the last, and back again.
fn walk(
    messages: &Messages,
    query: &MessageQuery,
) -> (Vec<MessageHit>, Vec<MessageHit>, MessageHits) {
    let ask = |page| {
        let query = MessageQuery {
            page,
            ..query.clone()
        };
        messages.search(&query).unwrap()
    };
    let first = ask(MessagePage::Start);
    let mut all = first.items.clone();
    assert_eq!(first.prev, None);
    let (mut page, mut pages) = (first.clone(), 1);
    while let Some(next) = page.next {
        page = ask(MessagePage::After(next));
        assert_eq!(
            (page.total, page.total_exact),
            (first.total, first.total_exact)
        );
        assert!(page.prev.is_some() && !page.items.is_empty());
        all.extend(&page.items);
        pages += 1;
    }
    let mut sizes = vec![page.items.len()];
    let mut back: Vec<MessageHit> = page.items.iter().rev().copied().collect();
    while let Some(prev) = page.prev {
        page = ask(MessagePage::Before(prev));
        assert!(page.next.is_some());
        back.extend(page.items.iter().rev());
        sizes.push(page.items.len());
        pages -= 1;
    }
    assert_eq!(pages, 1, "{sizes:?} {query:?}");
    back.reverse();
    (all, back, first)
}

fn compare(messages: &Messages, known: &Known, random: &Random, rounds: usize) {
    for _ in 0..rounds {
        let query = known.query(random);
        let want = known.newest(&query);
        let (all, back, first) = walk(messages, &query);
        let wrong = |got: &[MessageHit]| (0..=want.len()).find(|n| got.get(*n) != want.get(*n));
        assert_eq!(wrong(&all), None, "{query:?}");
        assert_eq!(wrong(&back), None, "back: {query:?}");
        let (total, is_exact) = (first.total, first.total_exact);
        if is_exact {
            assert_eq!(total, want.len() as u64, "{query:?}");
        } else {
            assert!(
                query.total == MessageTotal::Quick && total == 1000 && want.len() > 1000,
                "{query:?}"
            );
        }
        let best = MessageQuery {
            order: MessageOrder::Relevance,
            ..query.clone()
        };
        let (ranked, back, _) = walk(messages, &best);
        assert!(ranked == back, "{query:?}");
        let by_seq = |hits: &[MessageHit]| {
            let mut hits = hits.to_vec();
            hits.sort_by_key(|hit| hit.seq);
            hits
        };
        assert!(by_seq(&ranked) == by_seq(&want), "{query:?}");
        chats(messages, &query, &want, random);
        let groups = [vec![], vec![2], vec![3, 1]];
        let of = |group: &[u8]| {
            let in_group = |hit: &&MessageHit| group.contains(&known.0[&hit.seq].kind);
            want.iter().filter(in_group).count() as u64
        };
        let expected = MessageTally {
            total: want.len() as u64,
            oldest_ms: want.last().map(|hit| hit.at_ms),
            newest_ms: want.first().map(|hit| hit.at_ms),
            groups: groups.iter().map(|group| of(group)).collect(),
        };
        assert_eq!(
            messages.tally(&query, &groups).unwrap(),
            expected,
            "{query:?}"
        );
    }
}

#[test]
fn a_total_within_a_scope_ends_at_a_thousand() {
    let dir = tempfile::tempdir().unwrap();
    let messages = open(&dir, 1);
    let docs: Vec<MessageDoc> = (1..=1_200).map(|seq| plain(seq, "好的")).collect();
    assert!(messages.apply(&[], &docs, 0, 1).unwrap());
    messages.commit().unwrap();
    let staff: Arc<[u32]> = vec![1, 2].into();
    let query = MessageQuery {
        words: vec!["好".into()],
        ..MessageQuery::new(MessageScope::Staff(staff), 20)
    };
    let quick = messages.search(&query).unwrap();
    assert_eq!((quick.total, quick.total_exact), (1_000, false));
    let total = MessageTotal::Exact;
    let exact = messages.search(&MessageQuery { total, ..query }).unwrap();
    assert_eq!((exact.total, exact.total_exact), (1_200, true));
}

fn chats(messages: &Messages, query: &MessageQuery, want: &[MessageHit], random: &Random) {
    let mut counts: HashMap<u32, (u64, MessageHit)> = HashMap::new();
    for hit in want {
        counts.entry(hit.chat).or_insert((0, *hit)).0 += 1;
    }
    let found = messages.by_chat(query).unwrap();
    assert!(found.complete);
    let got: HashMap<u32, (u64, MessageHit)> = found
        .chats
        .iter()
        .map(|c| (c.chat, (c.count, c.newest)))
        .collect();
    assert_eq!(got, counts, "{query:?}");
    assert!(
        found
            .chats
            .is_sorted_by_key(|c| std::cmp::Reverse(key(c.newest.at_ms, c.newest.seq)))
    );
    if query.chat.is_some() || want.is_empty() {
        return;
    }
    let one = pick(random, want);
    let seq = one.seq + u64::from(below(random, 3) == 0);
    let mut seqs: Vec<u64> = want
        .iter()
        .filter(|h| h.chat == one.chat)
        .map(|h| h.seq)
        .collect();
    seqs.sort_unstable();
    let position = seqs.binary_search(&seq).ok().map(|at| at as u64 + 1);
    let expected = InChat {
        position,
        total: seqs.len() as u64,
        earlier: seqs.iter().copied().filter(|s| *s < seq).max(),
        later: seqs.iter().copied().find(|s| *s > seq),
    };
    assert_eq!(
        messages.in_chat(query, one.chat, seq).unwrap(),
        expected,
        "{query:?}"
    );
}

fn open(dir: &tempfile::TempDir, head: u64) -> Messages {
    Messages::open(dir.path(), "folder", head).unwrap()
}

fn deleted(messages: &Messages) -> bool {
    messages
        .view()
        .parts
        .iter()
        .any(|part| part.alive().is_some())
}

#[test]
fn every_answer_is_that_of_brute_force() {
    let random = Random::seeded(11);
    let dir = tempfile::tempdir().unwrap();
    let messages = open(&dir, 0);
    let mut known = Known::default();
    let mut place = 0;
    let mut apply = |messages: &Messages, deletes: &[u64], docs: &[MessageDoc]| {
        assert!(messages.apply(deletes, docs, place, place + 1).unwrap());
        place += 1;
        assert_eq!(messages.commit().unwrap(), place);
    };
    // Time does not quite follow the numbers.
    for batch in 0..6u64 {
        let docs: Vec<MessageDoc> = (1..=500)
            .map(|n| {
                let seq = batch * 500 + n;
                let at = T0 + i64::try_from(seq).unwrap() * 700 + below(&random, 3000) as i64;
                message(&random, seq * 3, at)
            })
            .collect();
        known.put(&docs);
        apply(&messages, &[], &docs);
    }
    compare(&messages, &known, &random, 100);
    // Late messages of long ago, some with low numbers.
    let late: Vec<MessageDoc> = (0..120u64)
        .map(|n| {
            let seq = if n < 60 { n * 30 + 1 } else { 20_000 + n };
            message(&random, seq, T0 + below(&random, 2_000_000) as i64)
        })
        .collect();
    known.put(&late);
    apply(&messages, &[], &late);
    assert!(!deleted(&messages), "nothing was replaced");
    compare(&messages, &known, &random, 30);
    // Some go, some are replaced, some go and come again in one call.
    let gone: Vec<u64> = known.0.keys().copied().filter(|seq| seq % 7 == 0).collect();
    let again: Vec<MessageDoc> = known
        .0
        .values()
        .filter(|doc| doc.seq % 5 == 0)
        .map(|doc| message(&random, doc.seq, doc.at_ms))
        .collect();
    known.0.retain(|seq, _| seq % 7 != 0);
    known.put(&again);
    apply(&messages, &gone, &again);
    assert_eq!(messages.len(), known.0.len() as u64);
    compare(&messages, &known, &random, 100);
    drop(messages);
    let messages = open(&dir, 100);
    assert_eq!(messages.place(), 8);
    messages.check().unwrap();
    compare(&messages, &known, &random, 30);
    let docs = known
        .0
        .values()
        .cloned()
        .map(Ok::<_, crate::search::SearchError>);
    assert_eq!(messages.rebuild(docs, 5).unwrap(), known.0.len() as u64);
    assert_eq!((messages.place(), messages.applied()), (5, 5));
    compare(&messages, &known, &random, 30);
    messages.wipe().unwrap();
    compare_empty(&messages);
}

fn compare_empty(messages: &Messages) {
    let mut query = MessageQuery::new(MessageScope::All, 20);
    assert_eq!((messages.place(), messages.len()), (0, 0));
    for words in [vec![], vec![Word::from("好")]] {
        query.words = words;
        for order in [MessageOrder::Newest, MessageOrder::Relevance] {
            query.order = order;
            let hits = messages.search(&query).unwrap();
            assert!(hits.items.is_empty() && hits.total == 0 && hits.total_exact);
        }
        assert!(messages.by_chat(&query).unwrap().complete);
        assert_eq!(messages.in_chat(&query, 1, 1).unwrap(), InChat::default());
    }
}

fn plain(seq: u64, text: &str) -> MessageDoc {
    MessageDoc {
        seq,
        at_ms: T0 + i64::try_from(seq).unwrap(),
        parties: vec![1],
        text: text.to_owned(),
        ..MessageDoc::default()
    }
}

fn seqs(messages: &Messages, query: &MessageQuery) -> Vec<u64> {
    let hits = messages.search(query).unwrap();
    hits.items.iter().map(|hit| hit.seq).collect()
}

fn containing(text: &str) -> MessageQuery {
    MessageQuery {
        words: vec![Word::from(text)],
        ..MessageQuery::new(MessageScope::All, 100)
    }
}

#[test]
fn a_crash_before_the_commit_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let messages = open(&dir, 0);
    assert!(messages.apply(&[], &[plain(1, "一")], 0, 4).unwrap());
    assert_eq!((messages.place(), messages.applied()), (0, 4));
    assert_eq!(seqs(&messages, &containing("一")), [] as [u64; 0]);
    messages.commit().unwrap();
    // Applied twice before one commit, and once more after it.
    for (text, from, to) in [("二", 4, 5), ("三", 5, 6)] {
        let docs = [plain(2, text), plain(1, text)];
        assert!(messages.apply(&[], &docs, from, to).unwrap());
    }
    drop(messages);
    let messages = open(&dir, 9);
    assert_eq!((messages.place(), messages.applied()), (4, 4));
    for (text, from, to) in [("二", 4, 5), ("三", 5, 6)] {
        let docs = [plain(2, text), plain(1, text), plain(2, text)];
        assert!(messages.apply(&[], &docs, from, to).unwrap());
    }
    assert_eq!(messages.commit().unwrap(), 6);
    assert_eq!(messages.len(), 2);
    assert_eq!(seqs(&messages, &containing("三")), [2, 1]);
    assert_eq!(seqs(&messages, &containing("二")), [] as [u64; 0]);
}

/// In how many documents of the files a character stands, deleted ones included.
fn in_files(messages: &Messages, c: &str) -> u64 {
    let (_, fields) = super::fields::schema();
    let term = tantivy::Term::from_field_text(fields.single, c);
    messages.view().searcher.doc_freq(&term).unwrap()
}

#[test]
fn the_words_of_what_was_deleted_leave_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let messages = open(&dir, 0);
    let docs: Vec<MessageDoc> = (1..=200).map(|seq| plain(seq, "平常的话")).collect();
    assert!(messages.apply(&[], &docs, 0, 1).unwrap());
    let secret = [plain(900, "龘靐齉"), plain(901, "平常的话")];
    assert!(messages.apply(&[], &secret, 1, 2).unwrap());
    messages.commit().unwrap();
    assert_eq!(in_files(&messages, "龘"), 1);
    assert!(messages.apply(&[900, 7], &[], 2, 3).unwrap());
    messages.commit().unwrap();
    assert_eq!(seqs(&messages, &containing("龘")), [] as [u64; 0]);
    assert_eq!(in_files(&messages, "龘"), 1, "hidden, not gone");
    messages.expunge().unwrap();
    assert!(!deleted(&messages));
    assert_eq!(in_files(&messages, "龘"), 0);
    assert_eq!((messages.len(), messages.expunge().unwrap()), (200, 0));
    drop(messages);
    let messages = open(&dir, 3);
    assert_eq!((messages.place(), messages.len()), (3, 200));
    messages.check().unwrap();
    // Everything may go.
    let all: Vec<u64> = (1..=901).collect();
    assert!(messages.apply(&all, &[], 3, 4).unwrap());
    messages.commit().unwrap();
    messages.expunge().unwrap();
    assert!(messages.is_empty());
    assert!(messages.apply(&[], &[plain(1, "又来")], 4, 5).unwrap());
    messages.commit().unwrap();
    assert_eq!(seqs(&messages, &containing("又来")), [1]);
}

#[test]
fn what_was_applied_before_a_rebuild_is_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let messages = open(&dir, 0);
    assert!(messages.apply(&[], &[plain(1, "一")], 0, 3).unwrap());
    messages.commit().unwrap();
    assert!(messages.apply(&[], &[plain(2, "二")], 3, 4).unwrap());
    let docs = [plain(1, "一")].map(Ok::<_, crate::search::SearchError>);
    messages.rebuild(docs.into_iter(), 3).unwrap();
    assert!(!messages.apply(&[], &[plain(3, "三")], 4, 5).unwrap());
    assert_eq!((messages.commit().unwrap(), messages.applied()), (3, 3));
    assert!(messages.apply(&[], &[plain(2, "二")], 3, 4).unwrap());
    messages.commit().unwrap();
    assert_eq!(
        seqs(&messages, &MessageQuery::new(MessageScope::All, 9)),
        [2, 1]
    );
}

#[test]
fn an_index_of_another_folder_or_ahead_of_the_feed_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let messages = open(&dir, 0);
    assert!(messages.apply(&[], &[plain(1, "一")], 0, 7).unwrap());
    messages.commit().unwrap();
    drop(messages);
    assert_eq!(open(&dir, 7).place(), 7);
    assert_eq!(open(&dir, 6).place(), 0);
    let messages = open(&dir, 9);
    assert!(messages.apply(&[], &[plain(1, "一")], 0, 7).unwrap());
    messages.commit().unwrap();
    drop(messages);
    let other = Messages::open(dir.path(), "other", 9).unwrap();
    assert!(other.place() == 0 && other.is_empty());
}

#[test]
fn damage_is_found_when_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let messages = open(&dir, 0);
    let docs: Vec<MessageDoc> = (1..200).map(|n| plain(n, "老白茶的报价单")).collect();
    assert!(messages.apply(&[], &docs, 0, 1).unwrap());
    messages.commit().unwrap();
    messages.check().unwrap();
    let folder = std::fs::read_dir(dir.path().join("messages-1")).unwrap();
    let positions = folder.map(|f| f.unwrap().path());
    let positions = positions.filter(|p| p.extension().is_some_and(|e| e == "pos"));
    for path in positions {
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[7] ^= 1;
        // In place: the index has the file open.
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(messages.check().is_err());
}

#[test]
fn the_best_match_says_the_word_often_and_little_else() {
    let dir = tempfile::tempdir().unwrap();
    let messages = open(&dir, 0);
    let docs = [
        plain(1, "茶叶茶叶茶叶"),
        plain(2, "今天下午把茶叶寄给您，请注意查收"),
        plain(3, "茶叶到了"),
        plain(4, "茶叶收到"),
        MessageDoc {
            parties: vec![9],
            ..plain(5, "您好")
        },
    ];
    assert!(messages.apply(&[], &docs, 0, 1).unwrap());
    messages.commit().unwrap();
    let mut query = MessageQuery {
        order: MessageOrder::Relevance,
        ..containing("茶叶")
    };
    assert_eq!(seqs(&messages, &query), [1, 4, 3, 2]);
    query.words[0].parties = vec![9];
    assert_eq!(seqs(&messages, &query), [1, 4, 3, 2, 5]);
    query.order = MessageOrder::Newest;
    assert_eq!(seqs(&messages, &query), [5, 4, 3, 2, 1]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the texts are, a word is found in those that contain it, folded.
    #[test]
    fn contains_means_contains(
        texts in prop::collection::vec("[ab的茶 ＡＢİ臺台]{0,9}|\\PC{0,9}", 1..30),
        words in prop::collection::vec("[ab的茶 ＡＢİ臺台]{1,4}|\\PC{1,2}", 1..20),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let messages = open(&dir, 0);
        let docs: Vec<MessageDoc> = (1..).zip(&texts).map(|(n, t)| plain(n, t)).collect();
        prop_assert!(messages.apply(&[], &docs, 0, 1).unwrap());
        messages.commit().unwrap();
        for word in &words {
            let mut want: Vec<u64> = docs
                .iter()
                .filter(|doc| fold(&doc.text).contains(&fold(word)))
                .map(|doc| doc.seq)
                .collect();
            want.reverse();
            prop_assert_eq!(seqs(&messages, &containing(word)), want, "{:?}", word);
        }
    }
}
