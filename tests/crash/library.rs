//! WeCom's library as it has been seen: it hangs, takes all memory, answers nonsense, ends, or
//! dies of one message. The puller is back each time and leaves no gap, pages answer meanwhile,
//! and the administrator sees what is wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use qitai::{
    archive::{
        Parked, ingest, key_ring,
        link::{self, SetUp},
    },
    audit::checkpoints,
    identity::Viewer,
    search::{MessageQuery, MessageScope},
    wecom::archive::{PrivateKey, PublicKey, close_for_test, stand_in_for_test},
};
use serde_json::{Value, json};

use crate::{
    journeys::archive::kept,
    support::{TestApp, Visitor},
};

/// What the settings say of an archive that cannot be read.
const FAILING: &str = "拉取失败";
/// Messages that come at a time.
const MORE: u64 = 30;

/// A library of C with the functions of WeCom's, which does what stands in files beside it.
struct Library {
    dir: tempfile::TempDir,
    key: PublicKey,
    rows: String,
    /// What was written, by number.
    written: BTreeMap<u64, Value>,
}

impl Library {
    fn new(key: &PrivateKey) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(stand_in_for_test(), dir.path().join("library.so")).unwrap();
        Self {
            dir,
            key: PublicKey::from_pem(&key.public_pem()).unwrap(),
            rows: String::new(),
            written: BTreeMap::new(),
        }
    }

    fn path(&self) -> String {
        self.dir
            .path()
            .join("library.so")
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// Some more messages are there to be pulled.
    fn write_more(&mut self) {
        for _ in 0..MORE {
            self.write(None);
        }
        self.publish();
    }

    /// One more message, or one with these bytes in its place.
    fn write(&mut self, instead: Option<&str>) -> u64 {
        let seq = self.written.len() as u64 + 1;
        let (random, msgid) = (format!("random key {seq}"), format!("m{seq}"));
        let message = json!({ "msgid": msgid, "action": "send", "from": "zhoumin",
            "tolist": ["chenguoliang"], "roomid": "", "msgtime": 1_790_000_000_000 + seq,
            "msgtype": "text", "text": { "content": format!("第 {seq} 条") } });
        let closed = close_for_test(random.as_bytes(), message.to_string().as_bytes());
        let row = json!({ "seq": seq, "msgid": msgid, "publickey_ver": 1,
            "encrypt_random_key": self.key.seal(random.as_bytes()).unwrap(),
            "encrypt_chat_msg": instead.unwrap_or(&closed) });
        self.rows.push_str(&format!("{seq}\t{row}\n"));
        self.written.insert(seq, message);
        seq
    }

    /// In one step: the library may be reading.
    fn publish(&self) {
        self.put("chat", &self.rows);
    }

    fn put(&self, name: &str, text: &str) {
        let part = self.dir.path().join("part");
        fs::write(&part, text).unwrap();
        fs::rename(part, self.dir.path().join(name)).unwrap();
    }

    /// What `call` does from now on.
    fn say(&self, call: &str, what: &str) {
        self.put(&format!("say.{call}"), what);
    }

    /// Whether that is still to happen, where it happens once.
    fn is_to_happen(&self, call: &str) -> bool {
        self.dir.path().join(format!("say.{call}")).exists()
    }

    fn behave(&self) {
        fs::remove_file(self.dir.path().join("say.pull")).unwrap();
    }

    /// The processes that have it loaded.
    fn processes(&self) -> BTreeSet<String> {
        let entries = fs::read_dir("/proc").unwrap();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let has_it = |name: &String| {
            let maps = fs::read_to_string(format!("/proc/{name}/maps"));
            maps.is_ok_and(|maps| maps.contains(&self.path()))
        };
        names.filter(has_it).collect()
    }
}

/// A product that reads its archive by such a library.
fn start() -> (TestApp, Library) {
    let test = TestApp::with_customers(60);
    test.let_admins_read_chats();
    let key = PrivateKey::generate().unwrap();
    let mut library = Library::new(&key);
    library.write_more();
    key_ring::keep_for_test(&test.app, 1, &key);
    let viewer = Viewer::system("test");
    let set_up = SetUp {
        library: library.path(),
        digest: None,
        is_on: true,
        tells: false,
    };
    let act = viewer.change("archive.set_up");
    let done = test.app.store.write_blocking(act, move |w| {
        let allowed = viewer.allow(w, set_up)?;
        link::set_up(w, allowed)
    });
    done.unwrap();
    (test, library)
}

fn parked(test: &TestApp) -> Vec<u64> {
    test.app.read(|r| {
        let parked = r.all::<Parked>(None).unwrap();
        parked.map(|row| row.unwrap().seq).collect()
    })
}

/// Waits until everything that was written is here, and compares; `lethal` is parked.
fn is_whole(test: &TestApp, library: &Library, lethal: &[u64]) {
    let all = library.written.len() as u64;
    test.wait_after_crash("everything is here", || {
        test.app.archive.wake.notify_one();
        let cursor = test.app.read(ingest::cursor).unwrap();
        (cursor.seq == all && cursor.failure.is_none()).then_some(())
    });
    let mut wanted = library.written.clone();
    wanted.retain(|seq, _| !lethal.contains(seq));
    assert_eq!(kept(test), wanted);
    assert_eq!(parked(test), lethal);
    let cursor = test.app.read(ingest::cursor).unwrap();
    assert_eq!((cursor.messages, cursor.skipped), (wanted.len() as u64, 0));
    test.wait_after_crash("everything is found", || {
        test.app.is_caught_up().then_some(())
    });
    let query = MessageQuery::new(MessageScope::All, 1_000);
    let hits = test.app.messages.search(&query).unwrap().items;
    let found: Vec<u64> = hits.iter().map(|hit| hit.seq).collect();
    let (found, count): (BTreeSet<u64>, _) = (found.iter().copied().collect(), found.len());
    assert_eq!((found.len(), found), (count, wanted.into_keys().collect()));
    assert!(test.app.read(checkpoints::verify).unwrap().is_intact());
}

/// Pages that have nothing to do with the library, and those of the archive.
fn pages_answer(admin: &Visitor<'_>) {
    for page in [
        "/customers",
        "/archive",
        "/settings/archive",
        "/archive/ledger",
    ] {
        assert_eq!(admin.get(page).status, 200, "{page}");
    }
}

/// The administrator sees that nothing can be read for now, and why.
fn is_seen_to_fail(test: &TestApp, admin: &Visitor<'_>) {
    test.wait_after_crash("the failure is seen", || {
        test.app.archive.wake.notify_one();
        let page = admin.get("/settings/archive").body;
        (page.contains(FAILING) && page.contains("网络或服务暂时不可用")).then_some(())
    });
}

#[test]
fn a_library_that_ends_leaks_or_babbles_is_started_again_and_nothing_is_missed() {
    let (test, mut library) = start();
    let admin = test.sign_in("admin");
    is_whole(&test, &library, &[]);
    for trouble in ["abort", "exit", "leak", "babble"] {
        library.say("pull", trouble);
        library.write_more();
        is_seen_to_fail(&test, &admin);
        pages_answer(&admin);
        let before = library.written.len() as u64 - MORE;
        assert_eq!(kept(&test).len() as u64, before, "{trouble}");
        library.behave();
        is_whole(&test, &library, &[]);
        let page = admin.get("/settings/archive").body;
        assert!(!page.contains(FAILING), "{trouble}: {page}");
    }
    // The same while messages are being opened costs none of them.
    for trouble in ["once abort", "once exit", "once leak", "once babble"] {
        library.say("open", trouble);
        library.write_more();
        is_whole(&test, &library, &[]);
        assert!(!library.is_to_happen("open"), "{trouble}");
    }
}

#[test]
fn a_library_that_hangs_holds_up_no_page_and_is_ended() {
    let (test, mut library) = start();
    let admin = test.sign_in("admin");
    is_whole(&test, &library, &[]);
    library.write_more();
    // On a machine that is slow enough the patience may be over before the pages are there.
    let hung = (0..5).find_map(|_| {
        library.say("pull", "once hang");
        test.wait_after_crash("the library hangs", || {
            test.app.archive.wake.notify_one();
            (!library.is_to_happen("pull")).then_some(())
        });
        let hanging = library.processes();
        pages_answer(&admin);
        let is_hanging = hanging == library.processes() && !hanging.is_empty();
        is_hanging.then_some(hanging)
    });
    let hung = hung.expect("pages came while the library hung");
    library.say("pull", "code 10002");
    is_seen_to_fail(&test, &admin);
    library.behave();
    is_whole(&test, &library, &[]);
    assert!(hung.is_disjoint(&library.processes()), "{hung:?} goes on");
}

#[test]
fn a_lethal_message_is_kept_closed_and_all_others_come() {
    let (test, mut library) = start();
    let admin = test.sign_in("admin");
    let mut lethal = Vec::new();
    // First, in the middle, and last of what comes; never many in a row.
    for _ in 0..2 {
        lethal.push(library.write(Some("POISON of which the library dies")));
        library.write_more();
    }
    lethal.push(library.write(Some("POISON of which the library dies")));
    library.publish();
    is_whole(&test, &library, &lethal);
    // Nor is what comes later held up.
    library.write_more();
    is_whole(&test, &library, &lethal);
    pages_answer(&admin);
    let page = admin.get("/settings/archive").body;
    let closed = "href=\"/archive?flag=undecrypted\">3</a>";
    assert!(page.contains(closed), "{page}");
}
