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
        customer(1, vec![row(1, "王海燕", &["王姐-老白茶", "姑苏雅集文化"])]),
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

#[test]
fn a_damaged_file_is_noticed_when_opening() {
    let (dir, people) = index(&[customer(1, vec![row(1, "王海燕", &["老白茶"])])]);
    drop(people);
    let files: Vec<_> = std::fs::read_dir(dir.path().join("people"))
        .unwrap()
        .collect();
    let mut tried = 0;
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "meta.json" {
            continue;
        }
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 0xff;
        std::fs::write(&path, &bad).unwrap();
        let copy = tempfile::tempdir().unwrap();
        copy_dir(&dir.path().join("people"), &copy.path().join("people"));
        assert_eq!(
            People::open(copy.path(), "folder", 9).unwrap().cursor(),
            0,
            "{name}"
        );
        std::fs::write(&path, &good).unwrap();
        tried += 1;
    }
    assert!(tried > 3);
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

    /// What LIKE finds on folded text, and nothing else, within any scope. Only letters are
    /// left out: they also match pinyin.
    #[test]
    fn hits_are_those_of_brute_force(
        persons in persons(), typed in texts(),
        scope in prop::option::of(prop::collection::btree_set(0u64..4, 0..4)),
    ) {
        prop_assume!(!typed.chars().any(|c| fold(&c.to_string()).is_ascii() && c != ' '));
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
    fn pages_cover_the_list(persons in persons(), limit in 1usize..5, by_name: bool) {
        let (_dir, people) = index(&docs(&persons));
        let sort = if by_name { Sort::Name } else { Sort::NewestAdded };
        let query = PeopleQuery { sort, ..ask("") };
        let all = people.search(&query, From::Start, 100).unwrap().items;
        prop_assert_eq!(all.len(), persons.len());
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
        let last = all.last().unwrap().place;
        let before = people.search(&query, From::Before(last), 100).unwrap();
        prop_assert_eq!(&before.items[..], &all[..all.len() - 1]);
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
