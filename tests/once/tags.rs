//! P14 for the library of corp tags: groups with tags made at WeCom, and taken away again.

use qitai::{
    identity::Viewer,
    tags::{
        TagId,
        actions::{self, DropTags, MakeTags},
        queries,
    },
    work::effects::{self as outbox, EffectId, EffectState},
};

use super::{
    effects::{Bench, CELLS, everything},
    wait_for,
};

pub(super) const KINDS: [&str; 2] = ["tags.group_create", "tags.tag_delete"];

/// What a cell wants of the library.
#[derive(Debug)]
pub(super) enum Wish {
    /// One group of this name with both tags, known here by WeCom's ids.
    Made(String),
    /// No tag of this group.
    Gone(String),
}

/// Makes a group of two tags; the effect that tells WeCom, and the tags.
fn make(bench: &Bench, name: &str) -> (EffectId, Vec<TagId>) {
    let groups = vec![(name.to_owned(), vec!["甲".to_owned(), "乙".to_owned()])];
    let viewer = Viewer::system("test");
    let app = bench.firm.app();
    let made = app
        .store
        .write_blocking(viewer.change("test.tags"), move |w| {
            let allowed = viewer.allow(w, MakeTags { groups })?;
            actions::make(w, allowed)
        })
        .unwrap();
    (newest(bench, name), made)
}

/// The effect planned last for the group of this name.
fn newest(bench: &Bench, name: &str) -> EffectId {
    let pending = bench.firm.app().read(|r| {
        let groups = queries::groups(r).unwrap();
        let group = groups.iter().find(|g| g.group.name == name).unwrap();
        outbox::pending_about(r, "tag_group", &group.group.id.to_string())
    });
    pending.unwrap().pop().expect("something is planned").id
}

/// Plans the effect of a cell.
pub(super) fn plan(bench: &mut Bench, kind: &'static str) -> (EffectId, Wish) {
    if kind == KINDS[0] {
        let name = format!("新组{}", bench.next);
        let (id, _) = make(bench, &name);
        return (id, Wish::Made(name));
    }
    let name = format!("撤组{}", bench.next % CELLS);
    let tag = bench.firm.app().read(|r| {
        let groups = queries::groups(r).unwrap();
        let group = groups.into_iter().find(|g| g.group.name == name).unwrap();
        group.tags[0].id
    });
    let viewer = Viewer::system("test");
    let app = bench.firm.app();
    app.store
        .write_blocking(viewer.change("test.tags"), move |w| {
            let allowed = viewer.allow(w, DropTags { tags: vec![tag] })?;
            actions::drop_tags(w, allowed)
        })
        .unwrap();
    (newest(bench, &name), Wish::Gone(name))
}

/// Here and at WeCom it is what was wanted.
pub(super) fn same_everywhere(bench: &Bench, wish: &Wish) -> Result<(), String> {
    let client = bench.firm.app().wecom().unwrap();
    let there = bench.firm.runtime().block_on(client.corp_tags()).unwrap();
    let here = bench.firm.app().read(queries::groups).unwrap();
    let ids = |name: &str| {
        let here = here.iter().filter(|g| g.group.name == name);
        let mut here: Vec<String> = here
            .flat_map(|g| g.tags.iter().map(|tag| tag.wecom_id.clone()))
            .collect();
        let there = there.iter().filter(|g| g.group_name == name && !g.deleted);
        let mut there: Vec<String> = there
            .flat_map(|g| g.tag.iter().filter(|tag| !tag.deleted))
            .map(|tag| tag.id.clone())
            .collect();
        here.sort();
        there.sort();
        (here, there)
    };
    let (name, left) = match wish {
        Wish::Made(name) => (name, 2),
        Wish::Gone(name) => (name, 1),
    };
    let (here, there) = ids(name);
    match here == there && here.len() == left {
        true => Ok(()),
        false => Err(format!("{wish:?}: {here:?} here, {there:?} there")),
    }
}

#[test]
fn the_library_is_told_once_whatever_fails_and_wherever_it_ends() {
    let mut bench = Bench::start();
    for n in 0..CELLS {
        make(&bench, &format!("撤组{n}"));
    }
    wait_for("all groups are at WeCom", || {
        let app = bench.firm.app();
        app.effects.notify_one();
        bench.firm.clock.advance_ms(500);
        let tally = app.read(|r| outbox::tally(r, Some(KINDS[0]))).unwrap();
        (tally.of(EffectState::Done) >= CELLS as u64).then_some(())
    });
    everything(&mut bench, &KINDS);
    // After a full pass another finds nothing that differs.
    bench.firm.sync();
    let head = bench.firm.app().store.snapshot().feed_head();
    bench.firm.sync();
    assert_eq!(bench.firm.app().store.snapshot().feed_head(), head);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}
