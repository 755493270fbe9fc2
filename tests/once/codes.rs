//! P14 for live codes: contact ways and join ways made, changed and deleted at WeCom.

use qitai::{
    customers::{Group, GroupId, queries::GroupFilter},
    identity::{Permission, Viewer},
    livecodes::{
        AutoRoom, CodeKind, LiveCode, LiveCodeId, Room, Seat, Target, Way,
        actions::{self, SaveCode},
        draft::CodeDraft,
        queries, state_of,
    },
    org::{Member, MemberId},
    wecom::sim::CodeVerb,
    work::effects::{self as outbox, EffectId, EffectState},
};

use super::{
    effects::{Bench, CELLS, everything},
    wait_for,
};

pub(super) const KINDS: [&str; 6] = [
    "livecodes.way_create",
    "livecodes.way_update",
    "livecodes.way_delete",
    "livecodes.join_create",
    "livecodes.join_update",
    "livecodes.join_delete",
];

/// The group code that cells change.
const CHANGING: &str = "常变群码";
/// Members on the staff code that cells change: as many sets of them as there are cells.
const CHANGING_SEATS: usize = 9;

/// What a cell wants of a way.
#[derive(Debug)]
pub(super) enum Wish {
    /// It is at WeCom, once.
    Made(LiveCodeId, Target),
    /// All members of the code, so many, are on the direct one.
    Members(LiveCodeId, usize),
    /// New groups are made behind the last, or not.
    Grows(LiveCodeId, Target, bool),
    /// It is nowhere any more: our record, and WeCom's by this id.
    Gone(LiveCodeId, Target, String),
}

/// Members who may add customers, and groups, by what cells call them.
struct Cast {
    members: Vec<MemberId>,
    groups: Vec<GroupId>,
}

fn cast(bench: &Bench) -> Cast {
    let app = bench.firm.app();
    app.read(|r| {
        let viewer = Viewer::system("test");
        let sight = app.sight(r, &viewer, Permission::LiveCodeManage).unwrap();
        let serves = |m: &&Member| m.serves_customers && m.is_here();
        let mut members: Vec<&Member> = sight.directory.members().filter(serves).collect();
        members.sort_by_key(|m| m.no);
        // WeCom takes only those who are activated and verified: the sellers of the cast are.
        let selling = |m: &&&Member| !bench.firm.sim.customers_of(&m.userid).is_empty();
        let members = members.iter().filter(selling).map(|m| m.id).collect();
        let groups = qitai::customers::queries::groups(r, &sight, &GroupFilter::default());
        let groups: Vec<Group> = groups.unwrap();
        let groups = groups.into_iter().filter(|group| group.owner.is_some());
        Cast {
            members,
            groups: groups.map(|group| group.id).collect(),
        }
    })
}

fn seat(member: MemberId, is_spare: bool) -> Seat {
    Seat {
        member,
        weight: 1,
        daily_cap: None,
        is_spare,
    }
}

fn room(group: GroupId) -> Room {
    Room {
        group,
        threshold: 190,
    }
}

fn draft(kind: CodeKind, name: &str) -> CodeDraft {
    CodeDraft {
        kind,
        name: name.to_owned(),
        unit: None,
        channel: None,
        tags: Vec::new(),
        remark_prefix: String::new(),
        welcome: None,
        expires_at: None,
        seats: Vec::new(),
        skip_verify: true,
        schedule: Vec::new(),
        rooms: Vec::new(),
        auto_room: None,
    }
}

fn save(bench: &Bench, code: Option<LiveCodeId>, draft: CodeDraft) -> LiveCode {
    let viewer = Viewer::system("test");
    let app = bench.firm.app();
    let command = SaveCode {
        code,
        seen: None,
        draft,
        directory: app.read(|r| app.directory.get(r)).unwrap(),
    };
    let saved = app
        .store
        .write_blocking(viewer.change("test.codes"), move |w| {
            let allowed = viewer.allow(w, command)?;
            actions::save(w, allowed)
        });
    saved.unwrap()
}

fn staff(bench: &Bench, name: &str, seats: Vec<Seat>) {
    let mut new = draft(CodeKind::Staff, name);
    new.seats = seats;
    save(bench, None, new);
}

fn group(bench: &Bench, name: &str, rooms: Vec<Room>) {
    let mut new = draft(CodeKind::Group, name);
    new.rooms = rooms;
    save(bench, None, new);
}

fn named(bench: &Bench, name: &str) -> LiveCode {
    let all = bench.firm.app().read(|r| {
        let all = r.all::<LiveCode>(None).unwrap();
        all.map(|code| code.unwrap()).collect::<Vec<_>>()
    });
    let is_it = |code: &LiveCode| code.name.split(' ').next() == Some(name);
    all.into_iter().find(is_it).unwrap()
}

fn way(bench: &Bench, code: LiveCodeId, target: Target) -> Option<Way> {
    let ways = bench.firm.app().read(|r| queries::ways(r, code)).unwrap();
    ways.into_iter().find(|way| way.target == target)
}

/// The effect planned last for a way.
fn newest(bench: &Bench, way: &Way) -> EffectId {
    let app = bench.firm.app();
    let pending = app.read(|r| outbox::pending_about(r, "live_way", &way.id.to_string()));
    pending.unwrap().pop().expect("something is planned").id
}

/// Plans the effect of a cell.
pub(super) fn plan(bench: &mut Bench, kind: &'static str) -> (EffectId, Wish) {
    let Cast { members, groups } = cast(bench);
    let n = bench.next % CELLS;
    let (code, target, wish) = match kind {
        "livecodes.way_create" => {
            let code = named(bench, &format!("员工码{n}"));
            let mut draft = CodeDraft::of(&code);
            draft.seats.push(seat(members[2], true));
            save(bench, Some(code.id), draft);
            let target = Target::Member(members[2]);
            (code.id, target, Wish::Made(code.id, target))
        }
        "livecodes.way_update" => {
            let code = named(bench, "常变员工码");
            let mut draft = CodeDraft::of(&code);
            // Other members each time: never those of an earlier cell, whether it failed or not.
            for (at, seat) in draft.seats.iter_mut().enumerate() {
                seat.is_spare = at > 0 && bench.next >> (at - 1) & 1 == 0;
            }
            let regular = draft.seats.iter().filter(|seat| !seat.is_spare).count();
            save(bench, Some(code.id), draft);
            (code.id, Target::Direct, Wish::Members(code.id, regular))
        }
        "livecodes.way_delete" => {
            let code = named(bench, &format!("员工码{n}"));
            let target = Target::Member(members[1]);
            let config_id = way(bench, code.id, target).unwrap().config_id;
            let mut draft = CodeDraft::of(&code);
            draft.seats.retain(|seat| seat.member != members[1]);
            save(bench, Some(code.id), draft);
            (code.id, target, Wish::Gone(code.id, target, config_id))
        }
        "livecodes.join_create" => {
            let code = named(bench, &format!("群码{n}"));
            let mut draft = CodeDraft::of(&code);
            draft.rooms.push(room(groups[2]));
            save(bench, Some(code.id), draft);
            let target = Target::Group(groups[2]);
            (code.id, target, Wish::Made(code.id, target))
        }
        "livecodes.join_update" => {
            let code = named(bench, CHANGING);
            let mut draft = CodeDraft::of(&code);
            let grows = draft.auto_room.is_none();
            draft.auto_room = grows.then(|| AutoRoom {
                name: "新群".to_owned(),
                first_no: 5,
            });
            // Another name each time: never that of an earlier cell, whether it failed or not.
            draft.name = format!("{CHANGING} {}", bench.next);
            save(bench, Some(code.id), draft);
            let target = Target::Group(groups[0]);
            (code.id, target, Wish::Grows(code.id, target, grows))
        }
        _ => {
            let code = named(bench, &format!("群码{n}"));
            let target = Target::Group(groups[1]);
            let config_id = way(bench, code.id, target).unwrap().config_id;
            let mut draft = CodeDraft::of(&code);
            draft.rooms.retain(|room| room.group != groups[1]);
            save(bench, Some(code.id), draft);
            (code.id, target, Wish::Gone(code.id, target, config_id))
        }
    };
    let way = way(bench, code, target).unwrap();
    (newest(bench, &way), wish)
}

/// Here and at WeCom it is what was wanted.
pub(super) fn same_everywhere(bench: &Bench, wish: &Wish) -> Result<(), String> {
    let client = bench.firm.app().wecom().unwrap();
    let runtime = bench.firm.runtime();
    let contact = |id: &str| runtime.block_on(client.contact_way(id)).unwrap();
    let join = |id: &str| runtime.block_on(client.join_way(id)).unwrap();
    let is_right = match wish {
        Wish::Made(code, target @ Target::Group(_)) => {
            let way = way(bench, *code, *target).unwrap();
            join(&way.config_id).is_some_and(|there| there.way.state == state_of(*code))
        }
        Wish::Made(code, target) => {
            let way = way(bench, *code, *target).unwrap();
            let there = contact(&way.config_id);
            there.is_some_and(|there| {
                there.kind == 1
                    && there.state == state_of(*code)
                    && there.remark.starts_with(&way.id.to_string())
            })
        }
        Wish::Members(code, n) => {
            let way = way(bench, *code, Target::Direct).unwrap();
            contact(&way.config_id).is_some_and(|there| there.user.len() == *n)
        }
        Wish::Grows(code, target, grows) => {
            let way = way(bench, *code, *target).unwrap();
            let there = join(&way.config_id);
            there.is_some_and(|there| there.way.auto_create_room == i64::from(*grows))
        }
        Wish::Gone(code, target, config_id) => {
            let is_there = match target {
                Target::Group(_) => join(config_id).is_some(),
                Target::Direct | Target::Member(_) => contact(config_id).is_some(),
            };
            way(bench, *code, *target).is_none() && !is_there
        }
    };
    match is_right {
        true => Ok(()),
        false => Err(format!("another here or there: {wish:?}")),
    }
}

/// Waits until so many effects of a kind are done.
fn made(bench: &Bench, kind: &str, n: usize) {
    wait_for("all ways are at WeCom", || {
        let app = bench.firm.app();
        app.effects.notify_one();
        bench.firm.clock.advance_ms(500);
        let tally = app.read(|r| outbox::tally(r, Some(kind))).unwrap();
        (tally.of(EffectState::Done) >= n as u64).then_some(())
    });
}

fn more_codes(bench: &Bench) {
    let limit = CodeVerb::SetLimit {
        name: "contact_ways".to_owned(),
        max: 100_000,
    };
    bench.firm.sim.act(limit).unwrap();
}

#[test]
fn contact_ways_are_made_once_whatever_fails_and_wherever_it_ends() {
    let mut bench = Bench::start();
    more_codes(&bench);
    let Cast { members, .. } = cast(&bench);
    let both = || vec![seat(members[0], false), seat(members[1], true)];
    let all = members.iter().take(CHANGING_SEATS);
    staff(
        &bench,
        "常变员工码",
        all.map(|id| seat(*id, false)).collect(),
    );
    for n in 0..CELLS {
        staff(&bench, &format!("员工码{n}"), both());
    }
    made(&bench, KINDS[0], 3 * CELLS + CHANGING_SEATS + 1);
    everything(&mut bench, &KINDS[..3]);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}

#[test]
fn join_ways_are_made_whatever_fails_and_wherever_it_ends() {
    let mut bench = Bench::start();
    more_codes(&bench);
    let Cast { groups, .. } = cast(&bench);
    group(&bench, CHANGING, vec![room(groups[0])]);
    for n in 0..CELLS {
        let rooms = vec![room(groups[0]), room(groups[1])];
        group(&bench, &format!("群码{n}"), rooms);
    }
    made(&bench, KINDS[3], 2 * CELLS + 1);
    everything(&mut bench, &KINDS[3..]);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}
