//! What is written about codes, against a store.

use std::sync::Arc;

use crate::{
    app::App,
    error::Result,
    identity::Viewer,
    kit::{Clock, Random, Timestamp},
    org::MemberId,
    store::{Act, Folder, Store, Write},
    work::effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
};

use super::{
    CodeKind, LiveCode, LiveCodeId, Seat, Way,
    actions::{self, MendWays, SaveCode},
    draft::CodeDraft,
    queries,
};

/// 2026-11-20 10:32 in Shanghai.
pub(super) const NOW: Timestamp = Timestamp::from_ms(1_795_141_920_000);

pub(super) fn store() -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::at(dir.path().join("data"));
    folder.create(&Random::seeded(1)).unwrap();
    let mut options = App::store_options();
    options.clock = Clock::manual(NOW);
    (Store::open(&folder, options).unwrap(), dir)
}

pub(super) fn write<T: Send + 'static>(
    store: &Store,
    verb: impl FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
) -> T {
    let act = Act::by_system("test.put", "test");
    store.write_blocking(act, verb).unwrap()
}

fn allow(store: &Store, mode: WriteMode) {
    let settings = WriteSettings::default().with(Area::Outreach, mode);
    write(store, move |w| {
        let allowed = Viewer::system("test").allow(w, SaveWriteSettings { settings })?;
        effects::save_write_settings(w, allowed)
    });
}

pub(super) fn seat(member: u64) -> Seat {
    Seat {
        member: MemberId::from_bits(member),
        weight: 1,
        daily_cap: None,
        is_spare: false,
    }
}

pub(super) fn draft(seats: Vec<Seat>) -> CodeDraft {
    CodeDraft {
        kind: CodeKind::Staff,
        name: "收银台".to_owned(),
        unit: None,
        channel: None,
        tags: Vec::new(),
        remark_prefix: String::new(),
        welcome: None,
        expires_at: None,
        seats,
        skip_verify: true,
        schedule: Vec::new(),
        rooms: Vec::new(),
        auto_room: None,
    }
}

pub(super) fn save(store: &Store, code: Option<LiveCodeId>, draft: CodeDraft) -> LiveCode {
    write(store, move |w| {
        let command = SaveCode {
            code,
            seen: None,
            draft,
            directory: Arc::default(),
        };
        let allowed = Viewer::system("test").allow(w, command)?;
        actions::save(w, allowed)
    })
}

fn mend(store: &Store, code: LiveCodeId) -> usize {
    write(store, move |w| {
        let command = MendWays {
            code,
            directory: Arc::default(),
        };
        let allowed = Viewer::system("test").allow(w, command)?;
        actions::mend(w, allowed)
    })
}

fn ways(store: &Store, code: LiveCodeId) -> Vec<Way> {
    store.read(|r| queries::ways(r, code)).unwrap()
}

#[test]
fn what_was_changed_while_nothing_was_told_is_told_when_it_is_mended() {
    let (store, _dir) = store();
    let code = save(&store, None, draft(vec![seat(1)])).id;
    let made = ways(&store, code);
    assert_eq!(made.len(), 2);
    write(&store, move |w| {
        for way in made {
            let config_id = format!("at WeCom {}", way.id);
            w.put(&Way { config_id, ..way })?;
        }
        Ok(())
    });
    assert!(ways(&store, code).iter().all(|way| !way.is_behind));
    let mut other = draft(vec![seat(1)]);
    other.name = "茶台".to_owned();
    save(&store, Some(code), other);
    assert!(ways(&store, code).iter().all(|way| way.is_behind));

    allow(&store, WriteMode::On);
    assert_eq!(mend(&store, code), 2);
    for way in ways(&store, code) {
        let pending = store.read(|r| effects::pending_about(r, "live_way", &way.id.to_string()));
        let kinds: Vec<String> = pending.unwrap().into_iter().map(|e| e.kind).collect();
        assert_eq!(kinds, ["livecodes.way_update"]);
    }
    assert_eq!(mend(&store, code), 0, "it is under way");
}
