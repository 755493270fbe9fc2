//! P14 for templates that groups greet with: made, changed and deleted at WeCom. WeCom has no
//! list of them, so one whose making has no clear answer is left to a person, and never made
//! twice.

use std::collections::BTreeSet;

use qitai::{
    identity::Viewer,
    outreach::{
        materials::{self, Body, MaterialId, actions::SaveMaterial},
        welcome::groups::{
            GroupWelcome, GroupWelcomeId,
            actions::{self, DeleteGroupWelcome, RetryGroupWelcome, SaveGroupWelcome},
            queries::{self, At},
        },
    },
    store::Write,
    wecom::{self, sim::Fault},
    work::effects::EffectId,
};

use super::{
    effects::{Bench, CELLS, everything, everything_untold},
    wait_for,
};

pub(super) const KINDS: [&str; 3] = [
    "outreach.group_welcome_create",
    "outreach.group_welcome_update",
    "outreach.group_welcome_delete",
];

/// How the words of the template begin that cells change.
const CHANGING: &str = "常变";

/// What a cell wants of a template.
#[derive(Debug)]
pub(super) enum Wish {
    /// WeCom has it with these words.
    Says(GroupWelcomeId, String),
    /// It is nowhere any more: our record, and WeCom's by this id.
    Gone(GroupWelcomeId, String),
}

fn write<T: Send + 'static>(
    bench: &Bench,
    verb: impl FnOnce(&mut Write<'_>, &Viewer) -> qitai::error::Result<T> + Send + 'static,
) -> T {
    let viewer = Viewer::system("test");
    let app = bench.firm.app();
    app.store
        .write_blocking(viewer.change("test.group_welcomes"), move |w| {
            verb(w, &viewer)
        })
        .unwrap()
}

fn save(
    bench: &Bench,
    id: Option<GroupWelcomeId>,
    text: &str,
    asset: Option<MaterialId>,
) -> GroupWelcomeId {
    let app = bench.firm.app();
    let command = SaveGroupWelcome {
        id,
        text: text.to_owned(),
        asset,
        notify: true,
        directory: app.read(|r| app.directory.get(r)).unwrap(),
    };
    write(bench, move |w, viewer| {
        let allowed = viewer.allow(w, command)?;
        actions::save(w, allowed)
    })
}

fn delete(bench: &Bench, id: GroupWelcomeId) {
    let app = bench.firm.app();
    let command = DeleteGroupWelcome {
        id,
        directory: app.read(|r| app.directory.get(r)).unwrap(),
    };
    write(bench, move |w, viewer| {
        let allowed = viewer.allow(w, command)?;
        actions::delete(w, allowed)
    });
}

fn retry(bench: &Bench, id: GroupWelcomeId) -> bool {
    let app = bench.firm.app();
    let command = RetryGroupWelcome {
        id,
        directory: app.read(|r| app.directory.get(r)).unwrap(),
    };
    write(bench, move |w, viewer| {
        let allowed = viewer.allow(w, command)?;
        actions::retry(w, allowed)
    })
}

fn template(bench: &Bench, id: GroupWelcomeId) -> Option<GroupWelcome> {
    let app = bench.firm.app();
    app.read(|r| r.get::<GroupWelcome>(&id)).unwrap()
}

fn named(bench: &Bench, name: &str) -> GroupWelcome {
    let all = bench.firm.app().read(queries::all).unwrap();
    let is_it = |t: &GroupWelcome| t.text.split(' ').next() == Some(name);
    all.into_iter().find(is_it).unwrap()
}

fn standing(bench: &Bench, id: GroupWelcomeId) -> At {
    let app = bench.firm.app();
    app.read(|r| {
        let template = r.get::<GroupWelcome>(&id).unwrap().unwrap();
        queries::standing(r, &template).unwrap().at
    })
}

/// Waits until a template stands so.
fn stands(bench: &Bench, id: GroupWelcomeId, at: At) {
    wait_for("the template stands as it is to be", || {
        bench.firm.app().effects.notify_one();
        bench.firm.clock.advance_ms(500);
        (standing(bench, id) == at).then_some(())
    });
}

/// The effect planned last for a template.
fn newest(bench: &Bench, id: GroupWelcomeId) -> EffectId {
    let pending = bench.firm.app().read(|r| queries::pending(r, id)).unwrap();
    pending.last().expect("something is planned").id
}

fn there(bench: &Bench, template_id: &str) -> Option<wecom::Material> {
    let client = bench.firm.app().wecom().unwrap();
    let asked = client.group_welcome(template_id);
    bench.firm.runtime().block_on(asked).ok()
}

/// Plans the effect of a cell.
pub(super) fn plan(bench: &mut Bench, kind: &'static str) -> (EffectId, Wish) {
    let n = bench.next;
    match kind {
        "outreach.group_welcome_create" => {
            let text = format!("%NICKNAME%，欢迎第{n}位");
            let id = save(bench, None, &text, None);
            (newest(bench, id), Wish::Says(id, text))
        }
        "outreach.group_welcome_update" => {
            let id = named(bench, CHANGING).id;
            let text = format!("{CHANGING} 第{n}次");
            save(bench, Some(id), &text, None);
            (newest(bench, id), Wish::Says(id, text))
        }
        _ => {
            let template = named(bench, &format!("撤{}", n % CELLS));
            delete(bench, template.id);
            let wish = Wish::Gone(template.id, template.template_id);
            (newest(bench, template.id), wish)
        }
    }
}

/// Here and at WeCom it is what was wanted.
pub(super) fn same_everywhere(bench: &Bench, wish: &Wish) -> Result<(), String> {
    let is_right = match wish {
        Wish::Says(id, text) => {
            let template_id = template(bench, *id).unwrap().template_id;
            let said = there(bench, &template_id).and_then(|there| there.text);
            said.is_some_and(|said| said.content == *text) && standing(bench, *id) == At::InForce
        }
        Wish::Gone(id, template_id) => {
            template(bench, *id).is_none() && there(bench, template_id).is_none()
        }
    };
    match is_right {
        true => Ok(()),
        false => Err(format!("another here or there: {wish:?}")),
    }
}

#[test]
fn templates_are_made_at_most_once_and_what_nobody_can_tell_is_left_to_a_person() {
    let mut bench = Bench::start();
    everything_untold(&mut bench, &KINDS[..1]);
    // No two of ours are the same one there.
    let all = bench.firm.app().read(queries::all).unwrap();
    let made: Vec<&str> = all
        .iter()
        .filter(|template| template.is_made())
        .map(|template| template.template_id.as_str())
        .collect();
    let each: BTreeSet<&str> = made.iter().copied().collect();
    assert_eq!(each.len(), made.len());
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}

#[test]
fn templates_are_changed_once_whatever_fails_and_wherever_it_ends() {
    let mut bench = Bench::start();
    let id = save(&bench, None, CHANGING, None);
    stands(&bench, id, At::InForce);
    everything(&mut bench, &KINDS[1..2]);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}

#[test]
fn templates_are_deleted_once_whatever_fails_and_wherever_it_ends() {
    let mut bench = Bench::start();
    let ids: Vec<GroupWelcomeId> = (0..CELLS)
        .map(|n| save(&bench, None, &format!("撤{n}"), None))
        .collect();
    for id in ids {
        stands(&bench, id, At::InForce);
    }
    everything(&mut bench, &KINDS[2..]);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}

fn link(bench: &Bench, id: Option<MaterialId>, seen: u32, title: &str) -> MaterialId {
    let app = bench.firm.app();
    let command = SaveMaterial {
        id,
        seen,
        folder: None,
        title: title.to_owned(),
        body: Body::Link {
            url: "https://example.com/brew".to_owned(),
            desc: "水温与时间".to_owned(),
            cover: None,
        },
        directory: app.read(|r| app.directory.get(r)).unwrap(),
    };
    write(bench, move |w, viewer| {
        let allowed = viewer.allow(w, command)?;
        materials::actions::save(w, allowed)
    })
}

#[test]
fn an_asset_that_changes_is_written_again_by_itself() {
    let mut bench = Bench::start();
    let asset = link(&bench, None, 0, "冲泡指南");
    let id = save(&bench, None, "欢迎", Some(asset));
    stands(&bench, id, At::InForce);
    let title = |bench: &Bench| {
        let template_id = template(bench, id).unwrap().template_id;
        there(bench, &template_id).unwrap().link.unwrap().title
    };
    assert_eq!(title(&bench), "冲泡指南");
    link(&bench, Some(asset), 1, "冲泡指南（新）");
    assert_eq!(standing(&bench, id), At::NotWritten, "WeCom has the older");
    // The first look of a process comes at once.
    bench.firm.kill();
    bench.firm.open();
    stands(&bench, id, At::InForce);
    assert_eq!(title(&bench), "冲泡指南（新）");
}

#[test]
fn one_that_somebody_else_deleted_waits_for_a_person() {
    let bench = Bench::start();
    let id = save(&bench, None, "欢迎", None);
    stands(&bench, id, At::InForce);
    let before = template(&bench, id).unwrap().template_id;
    let client = bench.firm.app().wecom().unwrap();
    let deleted = client.delete_group_welcome(&before);
    assert!(bench.firm.runtime().block_on(deleted).unwrap());
    save(&bench, Some(id), "您好", None);
    stands(&bench, id, At::Gone);
    assert!(retry(&bench, id));
    stands(&bench, id, At::InForce);
    let now = template(&bench, id).unwrap().template_id;
    assert!(now != before && there(&bench, &now).is_some());
    assert!(!retry(&bench, id), "there is nothing to be done");
}

#[test]
fn what_wecom_refuses_is_tried_again_when_a_person_says_so() {
    let bench = Bench::start();
    let call = "externalcontact/group_welcome_template/add";
    bench.firm.sim.inject(Some(call), 1, Fault::Errcode(41055));
    let id = save(&bench, None, "欢迎", None);
    stands(&bench, id, At::Failed);
    bench.firm.sim.clear_faults();
    assert!(retry(&bench, id));
    stands(&bench, id, At::InForce);
    // Deleted before WeCom knew of it: nothing is left, and nothing was said.
    bench.firm.sim.inject(Some(call), 1, Fault::Errcode(41055));
    let other = save(&bench, None, "多余", None);
    stands(&bench, other, At::Failed);
    delete(&bench, other);
    assert!(template(&bench, other).is_none());
}
