//! Who talks: the firm as it was when the history was made. It does not change when people
//! come and go later; what was said stays said.

use crate::wecom::sim::firm::{Book, GroupChat, Org, Rng, mix};

use std::collections::{BTreeMap, HashMap};

use super::plan::{Plan, TURNS};

const SCENE: u64 = 60;
const CONSENT: u64 = 61;
/// People of a room that a message names at most.
const ROOM_MAX: usize = 30;
/// Of a thousand customers, so many refuse at some time …
const REFUSE: u64 = 35;
/// … so many agree during the history (the others did before) …
const AGREE_LATE: u64 = 300;
/// … and so many were never asked.
const NEVER_ASKED: u64 = 60;

/// Everybody who talks.
#[derive(Debug)]
pub(super) struct Cast {
    seed: u64,
    sellers: Vec<Seller>,
    zipf: Vec<u32>,
    /// Customer groups.
    pub groups: Vec<Room>,
    /// Rooms of colleagues.
    pub rooms: Vec<Room>,
    /// Robots.
    pub robots: Vec<Person>,
    colleagues: Vec<(Person, u64)>,
    /// Of a thousand customers: who refuses, who agrees late.
    refuse: u64,
    late: u64,
    /// Where somebody agrees or refuses instead of what would be said there.
    turns: HashMap<u64, (usize, u32, bool)>,
    history: u64,
}

#[derive(Debug)]
struct Seller {
    person: Person,
    shop: String,
    customers: Vec<u32>,
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// Userid, external userid or robot id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A room.
#[derive(Debug, Clone)]
pub(super) struct Room {
    /// `wr…`
    pub id: String,
    /// Name.
    pub name: String,
    /// When made, seconds.
    pub made_s: i64,
    /// Who is in it, the owner first.
    pub people: Vec<Person>,
    /// How many of them are colleagues; they come first.
    pub colleagues: usize,
}

/// A conversation.
pub(super) struct Scene {
    /// What is talked about.
    pub pool: Pool,
    /// `A`, `B`, `C` …; in a single chat the two.
    pub people: Vec<Person>,
    /// The room, if it is one.
    pub room: Option<Room>,
    /// Name of a shop that may come up.
    pub shop: String,
}

/// What a conversation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pool {
    Customer,
    Group,
    Colleagues,
    Room,
}

/// Where a customer stands, by the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Agreed before the history began.
    Agreed,
    /// Never asked.
    NeverAsked,
    /// Agreed at this message.
    AgreedAt(u64),
    /// Refused at this message; talked before.
    RefusedAt(u64),
}

impl Cast {
    /// Everybody, at the beginning.
    pub fn new(
        seed: u64,
        org: &Org,
        book: &Book,
        groups: &BTreeMap<String, GroupChat>,
        plan: &Plan,
    ) -> Self {
        let person = |userid: &String| {
            org.members.get(userid).map(|m| Person {
                id: m.userid.clone(),
                name: m.name.clone(),
            })
        };
        let seller = |userid: &String| {
            let customers: Vec<u32> = book.of_member(userid)?.iter().copied().collect();
            let department = org.members.get(userid)?.departments.first()?;
            Some(Seller {
                person: person(userid)?,
                shop: shop(&org.departments.get(department)?.name),
                customers,
            })
        };
        let sellers: Vec<Seller> = org.sellers.iter().filter_map(seller).collect();
        let ranks = 1..=u32::try_from(sellers.len()).unwrap_or(u32::MAX);
        let active = org.members.values().filter(|m| m.status == 1);
        let share = plan.count * 1000 / u64::from(book.len().max(1));
        let mut cast = Self {
            seed,
            zipf: ranks.map(|rank| 1_000_000 / (rank + 3)).collect(),
            sellers,
            groups: groups.values().filter_map(customer_group).collect(),
            rooms: internal_rooms(seed, org, &person),
            robots: robots(seed),
            colleagues: active
                .filter_map(|m| Some((person(&m.userid)?, *m.departments.first()?)))
                .collect(),
            // Never more than there is talk.
            refuse: REFUSE.min(share / 60),
            late: AGREE_LATE.min(share / 30),
            turns: HashMap::new(),
            history: plan.count,
        };
        cast.place_turns();
        cast
    }

    /// Where customers agree and refuse.
    fn place_turns(&mut self) {
        let mut turns = HashMap::new();
        for (at, seller) in self.sellers.iter().enumerate() {
            for number in &seller.customers {
                match self.standing(*number) {
                    Standing::AgreedAt(index) => {
                        turns.entry(index).or_insert((at, *number, true));
                    }
                    Standing::RefusedAt(index) => {
                        turns.entry(index).or_insert((at, *number, false));
                    }
                    Standing::Agreed | Standing::NeverAsked => {}
                }
            }
        }
        self.turns = turns;
    }

    /// Where customer `number` stands.
    pub fn standing(&self, number: u32) -> Standing {
        let drawn = mix(self.seed ^ mix(CONSENT) ^ u64::from(number));
        let (share, place) = (drawn % 1000, mix(drawn));
        let within = |from: u64, to: u64| from + place % (to - from).max(1);
        let n = self.history;
        let refuse = self.refuse;
        if share < refuse {
            Standing::RefusedAt(within(n / 3, n))
        } else if share < refuse + self.late {
            Standing::AgreedAt(within(0, n * 2 / 3))
        } else if share >= 1000 - NEVER_ASKED {
            Standing::NeverAsked
        } else {
            Standing::Agreed
        }
    }

    /// Who agrees (true) or refuses at this message, and towards whom.
    pub fn turn(&self, index: u64, book: &Book) -> Option<(Person, Person, bool)> {
        let (seller, number, agrees) = self.turns.get(&index)?;
        let seller = self.sellers[*seller].person.clone();
        Some((seller, customer(book, *number)?, *agrees))
    }

    /// Whether somebody agrees or refuses at this message.
    pub fn is_turn(&self, index: u64) -> bool {
        self.turns.contains_key(&index)
    }

    /// Whether messages from `first` to `last` with this customer are archived.
    fn may_talk(&self, number: u32, first: u64, last: u64) -> bool {
        match self.standing(number) {
            Standing::Agreed | Standing::NeverAsked => true,
            Standing::AgreedAt(at) => first > at,
            Standing::RefusedAt(at) => last < at,
        }
    }

    /// Conversation number `episode`.
    pub fn scene(&self, episode: u64, plan: &Plan, book: &Book) -> Scene {
        let mut rng = Rng::of(self.seed, SCENE, episode);
        let pool = match rng.below(100) {
            0..68 if !self.sellers.is_empty() => Pool::Customer,
            68..82 if !self.groups.is_empty() => Pool::Group,
            82..91 => Pool::Colleagues,
            _ => Pool::Room,
        };
        match pool {
            Pool::Customer => self
                .with_customer(&mut rng, episode, plan, book)
                .unwrap_or_else(|| self.between_colleagues(&mut rng)),
            Pool::Group => in_room(&mut rng, &self.groups, pool),
            Pool::Colleagues => self.between_colleagues(&mut rng),
            Pool::Room => in_room(&mut rng, &self.rooms, pool),
        }
    }

    fn with_customer(
        &self,
        rng: &mut Rng,
        episode: u64,
        plan: &Plan,
        book: &Book,
    ) -> Option<Scene> {
        let seller = &self.sellers[rng.weighted(&self.zipf)];
        let all = &seller.customers;
        let (first, last) = (plan.index(episode, 0), plan.index(episode, TURNS - 1));
        // Some customers write much more than others.
        let from = rng.below(all.len() + 1) * rng.below(all.len() + 1) / (all.len() + 1);
        for at in from..from + 8 {
            let number = *all.get(at % all.len())?;
            if self.may_talk(number, first, last) {
                return Some(Scene {
                    pool: Pool::Customer,
                    people: vec![seller.person.clone(), customer(book, number)?],
                    room: None,
                    shop: seller.shop.clone(),
                });
            }
        }
        None
    }

    fn between_colleagues(&self, rng: &mut Rng) -> Scene {
        let all = &self.colleagues;
        let (a, department) = &all[rng.below(all.len())];
        let near: Vec<&Person> = all
            .iter()
            .filter(|(p, d)| d == department && p != a)
            .map(|(p, _)| p)
            .collect();
        let b = match near.is_empty() || rng.chance(25) {
            true => {
                let others: Vec<&Person> = all.iter().map(|(p, _)| p).filter(|p| *p != a).collect();
                others[rng.below(others.len())]
            }
            false => near[rng.below(near.len())],
        };
        Scene {
            pool: Pool::Colleagues,
            people: vec![a.clone(), b.clone()],
            room: None,
            shop: shop(""),
        }
    }
}

fn in_room(rng: &mut Rng, rooms: &[Room], pool: Pool) -> Scene {
    let room = rooms[rng.below(rooms.len())].clone();
    let mut people = room.people.clone();
    // The owner, or now and then a colleague, speaks for the firm; the others come as they come.
    let speaker = if rng.chance(70) {
        0
    } else {
        rng.below(room.colleagues)
    };
    people.swap(0, speaker);
    let from = match pool {
        Pool::Group => room.colleagues.max(1).min(people.len() - 1),
        _ => 1,
    };
    let rest = people.len() - from;
    let (b, c) = (from + rng.below(rest), from + rng.below(rest));
    let speakers = [0, b, c].map(|at| people[at].clone());
    Scene {
        pool,
        people: speakers.into_iter().collect(),
        shop: shop(&room.name),
        room: Some(room),
    }
}

/// The shop in a name, or one that everybody knows.
fn shop(name: &str) -> String {
    match name.split_once('店') {
        Some((shop, _)) => format!("{shop}店"),
        None => "静安大悦城店".to_owned(),
    }
}

/// A customer by number, as of the beginning.
pub(super) fn customer(book: &Book, number: u32) -> Option<Person> {
    let customer = book.original(number)?;
    Some(Person {
        id: customer.external_userid,
        name: customer.name,
    })
}

/// A customer group as people talk in it; `None` if there are too few.
pub(super) fn customer_group(group: &GroupChat) -> Option<Room> {
    let mut people: Vec<(bool, Person)> = group
        .members
        .iter()
        .map(|m| {
            (
                m.kind != 1,
                Person {
                    id: m.userid.clone(),
                    name: m.name.clone(),
                },
            )
        })
        .collect();
    // The owner, colleagues, customers.
    people.sort_by_key(|(is_customer, person)| (*is_customer, person.id != group.owner));
    people.truncate(ROOM_MAX);
    let colleagues = people.iter().filter(|(external, _)| !external).count();
    (colleagues > 0 && people.len() > colleagues + 1).then(|| Room {
        id: group.chat_id.clone(),
        name: group.name.clone(),
        made_s: group.create_time,
        people: people.into_iter().map(|(_, person)| person).collect(),
        colleagues,
    })
}

fn internal_rooms(seed: u64, org: &Org, person: &impl Fn(&String) -> Option<Person>) -> Vec<Room> {
    let mut rng = Rng::of(seed, SCENE + 5, 0);
    let mut rooms = Vec::new();
    let mut add = |name: String, who: Vec<&String>, rng: &mut Rng| {
        let people: Vec<Person> = who.into_iter().filter_map(person).take(ROOM_MAX).collect();
        let id = rng.id("wrQd7hCgAB", 22);
        if people.len() > 2 {
            rooms.push(Room {
                id,
                name,
                made_s: 1_735_700_000 + i64::try_from(rng.below(20_000_000)).unwrap_or(0),
                colleagues: people.len(),
                people,
            });
        }
    };
    for department in org.departments.values() {
        let inside = org.members.values().filter(|m| {
            let below = |d: &u64| {
                org.departments
                    .get(d)
                    .is_some_and(|d| d.parent == department.id)
            };
            m.departments.contains(&department.id)
                || (department.id >= 10 && m.departments.iter().any(below))
        });
        let inside: Vec<&String> = inside.map(|m| &m.userid).collect();
        add(format!("{}工作群", department.name), inside, &mut rng);
    }
    let leads = org.members.values().filter(|m| m.leads.contains(&true));
    let leads: Vec<&String> = leads.map(|m| &m.userid).collect();
    add("全国店长群".to_owned(), leads, &mut rng);
    rooms
}

fn robots(seed: u64) -> Vec<Person> {
    let mut rng = Rng::of(seed, SCENE + 6, 0);
    let named = ["库存助手", "工单助手"];
    named
        .map(|name| Person {
            id: rng.id("wbQd7hCgAA", 22),
            name: name.to_owned(),
        })
        .into_iter()
        .collect()
}
