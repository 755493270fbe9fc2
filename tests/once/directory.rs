//! P14 for the directory: members and departments made, changed and deleted at WeCom.

use qitai::{
    identity::Viewer,
    org::{
        self, DepartmentDraft, DepartmentId, MemberDraft, MemberState, Post,
        actions::{self, RemoveDepartment, SaveDepartment, SaveMember, SetState},
        queries::DepartmentTree,
    },
    store::Write,
    work::effects::{self as outbox, EffectId},
};

use super::effects::{Bench, CELLS, everything};

pub(super) const KINDS: [&str; 6] = [
    "org.member_create",
    "org.member_update",
    "org.member_delete",
    "org.department_create",
    "org.department_update",
    "org.department_delete",
];

/// The root department.
const ROOT: u64 = 1;

/// What a cell wants of the directory.
#[derive(Debug)]
pub(super) enum Wish {
    /// A member with this userid.
    Member(String),
    /// A member with this position.
    Position(String, String),
    /// No such member.
    NoMember(String),
    /// One department of this name.
    Department(DepartmentId, String),
    /// No department with this number.
    NoDepartment(u64),
}

/// Runs a verb as the system; what it planned is about this record.
fn planned<T: Send + 'static>(
    bench: &Bench,
    kind: &'static str,
    verb: impl FnOnce(&mut Write<'_>, &Viewer) -> qitai::error::Result<T> + Send + 'static,
    about: impl FnOnce(&T) -> String,
) -> (EffectId, T) {
    let viewer = Viewer::system("test");
    let app = bench.firm.app();
    let done = app
        .store
        .write_blocking(viewer.change("test.directory"), move |w| verb(w, &viewer))
        .unwrap();
    let record = kind.split(['.', '_']).nth(1).unwrap();
    let pending = app.read(|r| outbox::pending_about(r, record, &about(&done)));
    let newest = pending.unwrap().pop().expect("something is planned");
    assert_eq!(newest.kind, kind);
    (newest.id, done)
}

fn member(bench: &Bench, userid: &str) -> org::Member {
    let found = bench
        .firm
        .app()
        .read(|r| org::queries::member_by_userid(r, userid));
    found.unwrap().unwrap()
}

fn save_member(
    bench: &Bench,
    kind: &'static str,
    known: Option<&org::Member>,
    draft: MemberDraft,
) -> EffectId {
    let save = SaveMember {
        member: known.map(|member| member.id),
        seen: None,
        draft,
        state: None,
        standing: bench.firm.app().org_standing(),
    };
    let verb = move |w: &mut Write<'_>, viewer: &Viewer| {
        let allowed = viewer.allow(w, save)?;
        actions::save_member(w, allowed)
    };
    planned(bench, kind, verb, |saved| saved.member.id.to_string()).0
}

fn save_department(
    bench: &Bench,
    kind: &'static str,
    known: Option<DepartmentId>,
    name: &str,
) -> (EffectId, DepartmentId) {
    let save = SaveDepartment {
        department: known,
        seen: None,
        draft: DepartmentDraft {
            name: name.to_owned(),
            parent: ROOT,
            ..DepartmentDraft::default()
        },
        standing: bench.firm.app().org_standing(),
    };
    let verb = move |w: &mut Write<'_>, viewer: &Viewer| {
        let allowed = viewer.allow(w, save)?;
        actions::save_department(w, allowed)
    };
    let (id, saved) = planned(bench, kind, verb, |saved| saved.id.to_string());
    (id, saved.id)
}

fn tree(bench: &Bench) -> DepartmentTree {
    bench.firm.app().read(DepartmentTree::load).unwrap()
}

/// The department of this name.
fn named(bench: &Bench, name: &str) -> org::Department {
    let tree = tree(bench);
    let all = tree.flat();
    let mut found = all.iter().filter(|(_, d)| d.name == name);
    found.next().unwrap().1.clone()
}

/// Plans the effect of a cell.
pub(super) fn plan(bench: &mut Bench, kind: &'static str) -> (EffectId, Wish) {
    let n = bench.next;
    match kind {
        "org.member_create" => {
            let userid = format!("once{n}");
            let draft = MemberDraft {
                userid: userid.clone(),
                name: format!("新人{n}"),
                mobile: format!("139{n:08}"),
                posts: vec![Post {
                    department: ROOT,
                    is_leader: false,
                    order: 0,
                }],
                main_department: ROOT,
                ..MemberDraft::default()
            };
            let id = save_member(bench, kind, None, draft);
            (id, Wish::Member(userid))
        }
        "org.member_update" => {
            let known = member(bench, "changes");
            let position = format!("岗位{n}");
            let draft = MemberDraft {
                position: position.clone(),
                ..MemberDraft::of(&known)
            };
            let id = save_member(bench, kind, Some(&known), draft);
            (id, Wish::Position(known.userid, position))
        }
        "org.member_delete" => {
            let userid = format!("goes{}", n % CELLS);
            let set = SetState {
                member: member(bench, &userid).id,
                state: MemberState::Left,
                standing: bench.firm.app().org_standing(),
            };
            let verb = move |w: &mut Write<'_>, viewer: &Viewer| {
                let allowed = viewer.allow(w, set)?;
                actions::set_state(w, allowed)
            };
            let (id, _) = planned(bench, kind, verb, |saved| saved.member.id.to_string());
            (id, Wish::NoMember(userid))
        }
        "org.department_create" => {
            let name = format!("新部{n}");
            let (id, made) = save_department(bench, kind, None, &name);
            (id, Wish::Department(made, name))
        }
        "org.department_update" => {
            let tree = tree(bench);
            let known = tree.get(bench.changing).unwrap().id;
            let name = format!("改名{n}");
            let (id, _) = save_department(bench, kind, Some(known), &name);
            (id, Wish::Department(known, name))
        }
        _ => {
            let known = named(bench, &format!("撤部{}", n % CELLS));
            let remove = RemoveDepartment {
                department: known.id,
                standing: bench.firm.app().org_standing(),
            };
            let verb = move |w: &mut Write<'_>, viewer: &Viewer| {
                let allowed = viewer.allow(w, remove)?;
                actions::remove_department(w, allowed)
            };
            let (id, _) = planned(bench, kind, verb, |removed| removed.id.to_string());
            (id, Wish::NoDepartment(known.wecom_id))
        }
    }
}

/// Here and at WeCom it is what was wanted.
pub(super) fn same_everywhere(bench: &Bench, wish: &Wish) -> Result<(), String> {
    let client = bench.firm.app().wecom().unwrap();
    let runtime = bench.firm.runtime();
    let there = |userid: &str| runtime.block_on(client.member(userid)).unwrap();
    let departments = || runtime.block_on(client.departments()).unwrap();
    let is_right = match wish {
        Wish::Member(userid) => {
            let here = member(bench, userid);
            here.origin == org::Origin::Wecom
                && there(userid).is_some_and(|there| there.name == here.name)
        }
        Wish::Position(userid, position) => {
            member(bench, userid).position == *position
                && there(userid).is_some_and(|there| there.position.as_ref() == Some(position))
        }
        Wish::NoMember(userid) => !member(bench, userid).is_here() && there(userid).is_none(),
        Wish::Department(id, name) => {
            let known = tree(bench).find(*id).map(|found| found.wecom_id);
            let all = departments();
            let found: Vec<u64> = all
                .iter()
                .filter(|d| d.name == *name)
                .map(|d| d.id)
                .collect();
            found.len() == 1 && known == Some(found[0])
        }
        Wish::NoDepartment(number) => {
            tree(bench).get(*number).is_none() && departments().iter().all(|d| d.id != *number)
        }
    };
    match is_right {
        true => Ok(()),
        false => Err(format!("another here or there: {wish:?}")),
    }
}

#[test]
fn the_directory_is_told_once_whatever_fails_and_wherever_it_ends() {
    let mut bench = Bench::start();
    let sim = &bench.firm.sim;
    assert!(sim.member_joins("changes", "常变", ROOT));
    for n in 0..CELLS {
        assert!(sim.member_joins(&format!("goes{n}"), &format!("要走{n}"), ROOT));
        sim.add_department(&format!("撤部{n}"), ROOT).unwrap();
    }
    bench.changing = sim.add_department("改名", ROOT).unwrap();
    bench.firm.sync();
    everything(&mut bench, &KINDS);
    // What was refused for good is as WeCom has it after a full pass; another finds no more.
    bench.firm.sync();
    let head = bench.firm.app().store.snapshot().feed_head();
    bench.firm.sync();
    assert_eq!(bench.firm.app().store.snapshot().feed_head(), head);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}
