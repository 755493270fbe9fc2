//! The list of broadcasts, walked there and back, among many that the viewer does not see.

use super::*;
use crate::{
    app::App,
    kit::{Clock, Id, Random},
    outreach::{
        Content,
        broadcasts::{Audience, BroadcastState as State},
        listed::{Belongs, List, Listed},
    },
    store::{Act, Folder, Store},
};

const DAY: Timestamp = Timestamp::from_s(1_795_141_920);
const MINE: Option<SubjectId> = Some(SubjectId::from_bits(7));
const OTHERS: Option<SubjectId> = Some(SubjectId::from_bits(8));

/// Every second one is over. Who sends it is out of sight.
fn broadcast(n: u64, created_by: Option<SubjectId>) -> Broadcast {
    Broadcast {
        id: Id::from_bits(n + 1),
        name: n.to_string(),
        content: Content {
            text: "秋茶".to_owned(),
            attachments: Vec::new(),
        },
        audience: Audience::default(),
        state: match n % 2 {
            0 => State::Done,
            _ => State::Running,
        },
        created_by,
        created_at: DAY.plus_ms(i64::try_from(n).unwrap() * 1_000),
        send_at: None,
        begins_at: None,
        ends_at: None,
        senders: vec![MemberId::from_bits(99)],
        approval: None,
        stopped: None,
        tasks: 0,
    }
}

struct Bench {
    store: Store,
    _dir: tempfile::TempDir,
}

impl Bench {
    /// So many broadcasts, the last the newest; these are mine, all others out of my sight.
    fn with(n: u64, mine: &'static [u64]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path().join("data"));
        folder.create(&Random::seeded(1)).unwrap();
        let mut options = App::store_options();
        options.clock = Clock::manual(DAY);
        let store = Store::open(&folder, options).unwrap();
        store
            .write_blocking(Act::by_system("test.put", "test"), move |w| {
                for n in 0..n {
                    let by = if mine.contains(&n) { MINE } else { OTHERS };
                    w.put(&broadcast(n, by))?;
                }
                Ok::<_, AppError>(())
            })
            .unwrap();
        Self { store, _dir: dir }
    }

    fn page(
        &self,
        shown: Belongs<Broadcast>,
        (after, before): (Option<Cursor>, Option<Cursor>),
        most: usize,
    ) -> Listed<Broadcast> {
        let sight = Sight::of_members_for_test([]);
        let list: List<'_, Broadcast> = List {
            sight: &sight,
            own: MINE,
            parts: &[|_| true, |b| b.state == State::Done],
            shown,
        };
        let request = PageRequest {
            after,
            before,
            limit: Some(2),
        };
        let listed = self.store.read(|r| list.page_within(r, &request, most));
        listed.unwrap()
    }

    /// All that is shown from the first page to the last, and again back to the first.
    fn walked(&self, shown: Belongs<Broadcast>, most: usize) -> (Vec<String>, Vec<String>) {
        let names = |page: &Page<Broadcast>| -> Vec<String> {
            page.items.iter().map(|b| b.name.clone()).collect()
        };
        let mut page = self.page(shown, (None, None), most).page;
        let mut there = names(&page);
        while let Some(next) = page.next.clone() {
            page = self.page(shown, (Some(next), None), most).page;
            there.extend(names(&page));
        }
        let mut back = names(&page);
        while let Some(prev) = page.prev.clone() {
            page = self.page(shown, (None, Some(prev)), most).page;
            back.splice(0..0, names(&page));
        }
        (there, back)
    }
}

#[test]
fn what_is_old_and_own_is_reached_however_much_others_make() {
    let bench = Bench::with(40, &[0, 1, 2, 20, 39]);
    let wanted = ["39", "20", "2", "1", "0"].map(str::to_owned).to_vec();
    for most in [1, 3, 7, 39, 40, 1_000] {
        let (there, back) = bench.walked(|_| true, most);
        assert_eq!(there, wanted, "looking at {most}");
        assert_eq!(back, wanted, "looking at {most}, and back");
    }
    let (there, back) = bench.walked(|b| b.state == State::Done, 5);
    assert_eq!(there, ["20", "2", "0"].map(str::to_owned));
    assert_eq!(back, there);
}

#[test]
fn counts_are_exact_or_not_said() {
    let bench = Bench::with(40, &[0, 1, 2, 20, 39]);
    let first = bench.page(|_| true, (None, None), 1_000);
    assert_eq!(first.counts, Some(vec![5, 3]));
    assert_eq!((first.page.total, first.page.total_exact), (5, true));
    assert_eq!(first.page.offset, Some(0));
    let second = bench.page(|_| true, (first.page.next, None), 1_000);
    assert_eq!(second.page.offset, Some(2));
    let short = bench.page(|_| true, (None, None), 39);
    assert_eq!(short.counts, None);
    assert_eq!((short.page.total, short.page.total_exact), (2, false));
    assert_eq!(short.page.offset, None);
}

#[test]
fn nothing_is_a_page_too() {
    let bench = Bench::with(3, &[]);
    let listed = bench.page(|_| true, (None, None), 1_000);
    assert_eq!(listed.counts, Some(vec![0, 0]));
    assert_eq!((listed.page.next, listed.page.prev), (None, None));
}
