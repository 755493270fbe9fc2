//! The index against brute force.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::kit::Timestamp;

fn row(owner: u64, name: &str, texts: &[&str]) -> RowDoc {
    RowDoc {
        owner,
        name: name.to_owned(),
        texts: texts.iter().map(|t| (*t).to_owned()).collect(),
        pinyin_texts: texts.iter().map(|t| (*t).to_owned()).collect(),
        ..RowDoc::default()
    }
}

fn customer(no: u32, rows: Vec<RowDoc>) -> ObjectDocs {
    ObjectDocs {
        kind: Kind::Customer,
        object: u64::from(no) + 1000,
        no,
        rows,
    }
}

fn index(docs: &[ObjectDocs]) -> (tempfile::TempDir, People) {
    let dir = tempfile::tempdir().unwrap();
    let people = People::open(dir.path(), "folder", 0).unwrap();
    assert!(people.apply(docs, 0, 7).unwrap());
    (dir, people)
}

fn ask(text: &str) -> PeopleQuery {
    PeopleQuery {
        text: text.to_owned(),
        kind: Kind::Customer,
        scope: ScopeFilter::Everything,
        filters: Filters::default(),
        sort: Sort::Relevance,
        may_see_phones: false,
    }
}

fn nos(people: &People, query: &PeopleQuery) -> Vec<u32> {
    let hits = people.search(query, From::Start, 1000).unwrap();
    assert_eq!(hits.total, hits.items.len() as u64);
    hits.items.iter().map(|hit| hit.place.no).collect()
}

#[test]
fn a_customer_is_found_in_every_way_people_type() {
    let (_dir, people) = index(&[
        customer(
            1,
            vec![row(1, "王海燕", &["王姐-老白茶j-老", "姑苏雅集文化"])],
        ),
        customer(2, vec![row(1, "臺灣老陳", &["ＡＢＣ公司 税号9133"])]),
        customer(3, vec![row(1, "单雄信", &[])]),
    ]);
    for (typed, no) in [
        ("海燕", 1),
        ("燕", 1),
        ("老白", 1),
        ("wanghai", 1),
        ("haiyan", 1),
        ("why", 1),
        ("wang hy", 1),
        ("雅集 王", 1),
        ("台湾", 2),
        ("abc公司", 2),
        ("税号９１３３", 2),
        ("shanxiong", 3),
        ("dan", 3),
        ("sxx", 3),
        ("shanx", 3),
        ("danxiongxin", 3),
        ("yajiwenhua", 1),
        ("gusuya", 1),
        ("gsyj", 1),
        ("j-老", 1),
    ] {
        assert_eq!(nos(&people, &ask(typed)), [no], "{typed}");
    }
    for typed in ["燕海", "anghai", "海燕王", "xyz"] {
        assert_eq!(nos(&people, &ask(typed)), [] as [u32; 0], "{typed}");
    }
}

#[test]
fn a_phrase_never_runs_from_one_text_into_the_next() {
    let (_dir, people) = index(&[customer(1, vec![row(1, "甲乙", &["丙丁"])])]);
    assert_eq!(nos(&people, &ask("乙丙")), [] as [u32; 0]);
    assert_eq!(nos(&people, &ask("甲乙丙")), [] as [u32; 0]);
}

#[test]
fn a_masked_phone_is_found_by_what_masking_shows() {
    let mut with_phone = row(1, "王", &[]);
    with_phone.phones = vec!["+86 138-0013-6021".into()];
    let (_dir, people) = index(&[customer(1, vec![with_phone])]);
    let found = |text: &str, may_see_phones| {
        !nos(
            &people,
            &PeopleQuery {
                may_see_phones,
                ..ask(text)
            },
        )
        .is_empty()
    };
    for typed in [
        "6021",
        "13800136021",
        "138 0013 6021",
        "+8613800136021",
        "1386021",
        "138 **** 6021",
        "(138) 0013-6021",
    ] {
        assert!(found(typed, false), "{typed}");
    }
    for typed in ["0013", "1380", "136021", "021"] {
        assert!(!found(typed, false), "{typed}");
    }
    assert!(found("0013", true) && found("136021", true));
    assert!(!found("021", true), "three digits are too few");
}

#[test]
fn the_whole_name_comes_before_its_beginning_before_the_rest() {
    let (_dir, people) = index(&[
        customer(1, vec![row(1, "李娜", &["王海"])]),
        customer(2, vec![row(1, "小王海", &[])]),
        customer(3, vec![row(1, "王海燕", &[])]),
        customer(4, vec![row(1, "王海", &[])]),
    ]);
    assert_eq!(nos(&people, &ask("王海")), [4, 3, 2, 1]);
}

#[test]
fn remarks_come_before_companies_and_pinyin_ranks_like_characters() {
    let (_dir, people) = index(&[
        customer(1, vec![row(1, "李娜", &["老客户", "海燕茶业"])]),
        customer(2, vec![row(1, "李娜", &["海燕的朋友", "茶业"])]),
        customer(3, vec![row(1, "王海燕", &[])]),
        customer(4, vec![row(1, "海燕妮", &[])]),
        customer(5, vec![row(1, "海燕", &[])]),
    ]);
    assert_eq!(nos(&people, &ask("海燕")), [5, 4, 3, 2, 1]);
    assert_eq!(nos(&people, &ask("haiyan"))[..3], [5, 4, 3]);
    assert_eq!(nos(&people, &ask("hy"))[..3], [5, 4, 3]);
}

#[test]
fn a_number_in_a_text_is_found_as_it_is_written() {
    let (_dir, people) = index(&[customer(
        1,
        vec![row(1, "王", &["单号2024-0815", "0592 123"])],
    )]);
    for typed in ["2024-0815", "24-08", "0815", "0592 123", "２０２４-０８"] {
        assert_eq!(nos(&people, &ask(typed)), [1], "{typed}");
    }
    assert_eq!(nos(&people, &ask("20240815")), [] as [u32; 0]);
}

#[test]
fn a_tail_that_was_overtaken_by_a_rebuild_writes_nothing() {
    let (_dir, people) = index(&[customer(1, vec![row(1, "王", &[])])]);
    let docs = [customer(2, vec![row(1, "李", &[])])];
    people
        .rebuild(docs.into_iter().map(Ok::<_, SearchError>), 5)
        .unwrap();
    let late = [customer(3, vec![row(1, "张", &[])])];
    assert!(!people.apply(&late, 7, 9).unwrap());
    assert_eq!((people.cursor(), nos(&people, &ask(""))), (5, vec![2]));
    assert!(people.apply(&late, 5, 9).unwrap());
    assert_eq!(nos(&people, &ask("")).len(), 2);
}

#[test]
fn changes_survive_opening_again_and_replace_what_was() {
    let (dir, people) = index(&[
        customer(1, vec![row(1, "王海燕", &[]), row(2, "王海燕", &["茶"])]),
        customer(2, vec![row(1, "李", &[])]),
    ]);
    let changes = [
        customer(1, vec![row(2, "王小燕", &[])]),
        customer(2, Vec::new()),
    ];
    assert!(people.apply(&changes, 7, 8).unwrap());
    drop(people);
    let people = People::open(dir.path(), "folder", 8).unwrap();
    assert_eq!(people.cursor(), 8);
    assert_eq!(nos(&people, &ask("")), [1]);
    assert_eq!(nos(&people, &ask("小燕")), [1]);
    assert_eq!(nos(&people, &ask("海燕")), [] as [u32; 0]);
}

#[test]
fn an_index_that_does_not_fit_is_begun_anew() {
    let (dir, people) = index(&[customer(1, vec![row(1, "王", &[])])]);
    drop(people);
    let cursor = |folder: &str, head| People::open(dir.path(), folder, head).unwrap().cursor();
    assert_eq!(cursor("folder", 9), 7);
    assert_eq!(cursor("folder", 6), 0, "ahead of the feed");
    let (dir, people) = index(&[customer(1, vec![row(1, "王", &[])])]);
    drop(people);
    assert_eq!(People::open(dir.path(), "other", 9).unwrap().cursor(), 0);
}

/// Whatever happens to the files, opening gives either all answers or an empty index.
#[test]
fn damage_is_noticed_when_opening_or_does_no_harm() {
    let docs = [
        customer(1, vec![row(1, "王海燕", &["老白茶"])]),
        customer(2, vec![row(1, "李娜", &["岩茶"])]),
        customer(3, vec![row(1, "张三", &[])]),
        customer(4, vec![row(1, "李四", &[])]),
    ];
    let (dir, people) = index(&docs);
    assert!(people.apply(&[customer(2, Vec::new())], 7, 8).unwrap());
    drop(people);
    let whole = dir.path().join("people-1");
    let files: Vec<_> = std::fs::read_dir(&whole)
        .unwrap()
        .map(|f| f.unwrap())
        .collect();
    let (mut noticed, mut harmless) = (0, 0);
    for file in files {
        let name = file.file_name();
        let good = std::fs::read(file.path()).unwrap();
        let flips = (0..8).map(|part| {
            let mut bad = good.clone();
            if let Some(byte) = bad.get_mut(good.len() * part / 8) {
                *byte ^= 0x05;
            }
            Some(bad)
        });
        let half = good[..good.len() / 2].to_vec();
        for bad in flips.chain([Some(half), Some(Vec::new()), None]) {
            let copy = tempfile::tempdir().unwrap();
            let target = copy.path().join("people-1");
            copy_dir(&whole, &target);
            match &bad {
                Some(bad) => std::fs::write(target.join(&name), bad).unwrap(),
                None => std::fs::remove_file(target.join(&name)).unwrap(),
            }
            let people = People::open(copy.path(), "folder", 9).unwrap();
            match people.cursor() {
                0 => noticed += 1,
                8 => {
                    harmless += 1;
                    assert_eq!(nos(&people, &ask("")), [1, 3, 4], "{name:?}");
                    assert_eq!(nos(&people, &ask("海燕")), [1], "{name:?}");
                }
                other => panic!("cursor {other} after damage to {name:?}"),
            }
        }
    }
    assert!(noticed > harmless, "{noticed} noticed, {harmless} harmless");
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn a_rebuild_replaces_everything() {
    let (_dir, people) = index(&[customer(1, vec![row(1, "王", &[])])]);
    let docs = [customer(2, vec![row(1, "李", &[])])];
    let built = people
        .rebuild(docs.into_iter().map(Ok::<_, SearchError>), 12)
        .unwrap();
    assert_eq!((built, people.cursor()), (1, 12));
    assert_eq!(nos(&people, &ask("")), [2]);
}

fn texts() -> impl Strategy<Value = String> {
    let char = prop::sample::select(
        "王海燕李单曾臺台灣湾茶ABabＡ1２ "
            .chars()
            .collect::<Vec<_>>(),
    );
    prop::collection::vec(char, 1..6).prop_map(|chars| chars.into_iter().collect())
}

#[derive(Debug, Clone)]
struct Person {
    rows: Vec<(u64, String, String, bool)>,
}

fn persons() -> impl Strategy<Value = Vec<Person>> {
    let row = (0u64..4, texts(), texts(), any::<bool>());
    let person = prop::collection::vec(row, 1..4).prop_map(|rows| Person { rows });
    prop::collection::vec(person, 1..12)
}

fn docs(persons: &[Person]) -> Vec<ObjectDocs> {
    (1u32..)
        .zip(persons)
        .map(|(no, person)| {
            let rows = person
                .rows
                .iter()
                .enumerate()
                .map(|(i, (owner, name, remark, ended))| RowDoc {
                    ended: *ended,
                    added_at: Timestamp::from_ms(i64::from(no % 3) * 1000 + i as i64),
                    ..row(*owner, name, &[remark])
                })
                .collect();
            customer(no, rows)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// What LIKE finds on folded text, and nothing else, within any scope.
    #[test]
    fn hits_are_those_of_brute_force(
        persons in persons(), typed in texts(),
        scope in prop::option::of(prop::collection::btree_set(0u64..4, 0..4)),
    ) {
        // A word of letters alone also matches pinyin.
        let letters = |w: &str| w.bytes().all(|b| b.is_ascii_lowercase());
        prop_assume!(!fold(&typed).split_whitespace().any(letters));
        let (_dir, people) = index(&docs(&persons));
        let words: Vec<String> = fold(&typed).split_whitespace().map(str::to_owned).collect();
        let seen = |owner: &u64| scope.as_ref().is_none_or(|s: &BTreeSet<u64>| s.contains(owner));
        let matches = |(owner, name, remark, _): &(u64, String, String, bool)| {
            seen(owner) && words.iter().all(|w| fold(name).contains(w) || fold(remark).contains(w))
        };
        let want: BTreeSet<u32> = (1u32..)
            .zip(&persons)
            .filter(|(_, p)| p.rows.iter().any(matches))
            .map(|(no, _)| no)
            .collect();
        let want_rows = persons.iter().flat_map(|p| &p.rows).filter(|r| matches(r)).count();
        let scope = scope.clone().map_or(ScopeFilter::Everything, ScopeFilter::Members);
        let query = PeopleQuery { scope, ..ask(&typed) };
        let hits = people.search(&query, From::Start, 100).unwrap();
        let got: BTreeSet<u32> = hits.items.iter().map(|h| h.place.no).collect();
        prop_assert_eq!(&got, &want);
        prop_assert_eq!((hits.total, hits.rows), (want.len() as u64, want_rows as u64));
    }

    /// Pages forwards and backwards give everybody once, in one order.
    #[test]
    fn pages_cover_the_list(
        persons in persons(), limit in 1usize..5,
        sort in prop::sample::select(vec![Sort::Relevance, Sort::NewestAdded, Sort::OldestAdded, Sort::Name]),
        typed in prop::sample::select(vec!["", "王", "a", "湾"]),
    ) {
        let (_dir, people) = index(&docs(&persons));
        let query = PeopleQuery { sort, ..ask(typed) };
        let all = people.search(&query, From::Start, 100).unwrap().items;
        prop_assert!(!typed.is_empty() || all.len() == persons.len());
        prop_assume!(!all.is_empty());
        prop_assert!(all.is_sorted_by_key(|hit| hit.place));
        let mut forwards = Vec::new();
        let mut from = From::Start;
        loop {
            let page = people.search(&query, from, limit).unwrap();
            prop_assert_eq!(page.offset as usize, forwards.len());
            forwards.extend(page.items.iter().copied());
            let Some(last) = page.items.last().filter(|_| page.has_next) else { break };
            from = From::After(last.place);
        }
        prop_assert_eq!(&forwards, &all);
        for (i, hit) in all.iter().enumerate() {
            let next_to = |at: Option<usize>| at.and_then(|at| all.get(at)).map(|hit| hit.object);
            let around = Around {
                offset: i as u64,
                total: all.len() as u64,
                prev: next_to(i.checked_sub(1)),
                next: next_to(Some(i + 1)),
            };
            prop_assert_eq!(people.around(&query, hit.object).unwrap(), Some(around));
        }
        prop_assert_eq!(people.around(&query, 1).unwrap(), None);
        let last = all.last().unwrap().place;
        let before = people.search(&query, From::Before(last), limit).unwrap();
        let end = all.len() - 1;
        prop_assert_eq!(&before.items[..], &all[end.saturating_sub(limit)..end]);
        prop_assert_eq!(before.offset as usize, end.saturating_sub(limit));
        prop_assert!(before.has_next);
    }

    /// Filters, tab counts and tag counts are those of brute force, within any scope.
    #[test]
    fn filters_and_counts_are_those_of_brute_force(
        persons in persons(),
        scope in prop::option::of(prop::collection::btree_set(0u64..4, 0..4)),
        owners in prop::option::of(prop::collection::btree_set(0u64..4, 0..3)),
        ended in prop::option::of(any::<bool>()),
        tags in prop::collection::vec(0u64..4, 0..2), tags_all in prop::collection::vec(0u64..4, 0..2),
        from in prop::option::of(0i64..3000),
    ) {
        let tags_of = |(owner, name, ..): &(u64, String, String, bool)| [*owner % 3, name.len() as u64 % 4];
        let added_of = |no: u32, i: usize| i64::from(no % 3) * 1000 + i as i64;
        let mut docs = docs(&persons);
        for (docs, person) in docs.iter_mut().zip(&persons) {
            for (doc, row) in docs.rows.iter_mut().zip(&person.rows) {
                doc.tags = tags_of(row).into();
            }
        }
        let (_dir, people) = index(&docs);
        let seen = |owner: u64| scope.as_ref().is_none_or(|s: &BTreeSet<u64>| s.contains(&owner));
        let selects = |no: u32, i: usize, row: &(u64, String, String, bool)| {
            let has = |tag: &u64| tags_of(row).contains(tag);
            seen(row.0)
                && owners.as_ref().is_none_or(|o| o.contains(&row.0))
                && ended.is_none_or(|ended| ended == row.3)
                && (tags.is_empty() || tags.iter().any(has))
                && tags_all.iter().all(has)
                && from.is_none_or(|from| added_of(no, i) >= from)
        };
        let want: BTreeSet<u32> = (1u32..)
            .zip(&persons)
            .filter(|(no, p)| p.rows.iter().enumerate().any(|(i, row)| selects(*no, i, row)))
            .map(|(no, _)| no)
            .collect();
        let filters = Filters {
            owners: owners.clone(), ended, tags: tags.clone(), tags_all: tags_all.clone(),
            added_from: from.map(Timestamp::from_ms),
            ..Filters::default()
        };
        let in_scope = scope.clone().map_or(ScopeFilter::Everything, ScopeFilter::Members);
        let query = PeopleQuery { scope: in_scope.clone(), filters: filters.clone(), ..ask("") };
        let got: BTreeSet<u32> = nos(&people, &query).into_iter().collect();
        prop_assert_eq!(&got, &want);
        let counts = people.counts(Kind::Customer, &in_scope, &[filters]).unwrap();
        prop_assert_eq!(counts, [want.len() as u64]);
        for tag in 0..4u64 {
            let want = persons.iter().filter(|p| {
                p.rows.iter().any(|row| seen(row.0) && tags_of(row).contains(&tag))
            });
            let got = people.tag_counts(&in_scope).unwrap().get(&tag).copied().unwrap_or(0);
            prop_assert_eq!(got, want.count() as u64, "tag {}", tag);
        }
    }

    /// Lost means: no active row in scope.
    #[test]
    fn lost_are_those_without_an_active_row(persons in persons()) {
        let (_dir, people) = index(&docs(&persons));
        let filters = Filters { lost: true, ..Filters::default() };
        let got: BTreeSet<u32> =
            nos(&people, &PeopleQuery { filters: filters.clone(), ..ask("") }).into_iter().collect();
        let want: BTreeSet<u32> = (1u32..)
            .zip(&persons)
            .filter(|(_, p)| p.rows.iter().all(|r| r.3))
            .map(|(no, _)| no)
            .collect();
        prop_assert_eq!(got.len() as u64, people.counts(Kind::Customer, &ScopeFilter::Everything, &[filters]).unwrap()[0]);
        prop_assert_eq!(got, want);
    }
}
