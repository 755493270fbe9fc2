//! Customers, computed from their number when asked for: a world of 200,000 costs no more
//! than the lists of who serves whom.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    model::{Customer, Relation, TagGroup},
    rng::{Rng, mix},
    tags,
    words::{
        CITIES, COMPOSED, FEMALE_GIVEN, FIRMS, GIVEN, MOBILE, NICK_PARTS, NICKNAMES, NOTES, STATES,
        SURNAMES, TEAS, TRADITIONAL,
    },
};

const OWNERS: u64 = 10;
const PERSON: u64 = 11;
const RELATION: u64 = 12;
const ID: u64 = 13;
const TWO_YEARS_S: usize = 2 * 365 * 86_400;
const ID_ABC: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// All customers: a rule that makes them, and what has been changed since.
#[derive(Debug, Clone)]
pub struct Book {
    seed: u64,
    now_s: i64,
    generated: u32,
    next: u32,
    sellers: Vec<String>,
    zipf: Vec<u32>,
    tags: Arc<Vec<TagGroup>>,
    by_member: BTreeMap<String, BTreeSet<u32>>,
    changed: HashMap<u32, Customer>,
}

impl Book {
    /// A book of `count` customers whose last relation was made at `now_s` (seconds).
    pub fn new(seed: u64, count: u32, now_s: i64, sellers: &[String], tags: &[TagGroup]) -> Self {
        let zipf = (1..=u32::try_from(sellers.len()).unwrap_or(u32::MAX))
            .map(|rank| 1_000_000 / (rank + 2))
            .collect();
        let mut book = Self {
            seed,
            now_s,
            generated: count,
            next: count,
            sellers: sellers.to_vec(),
            zipf,
            tags: Arc::new(tags.to_vec()),
            by_member: BTreeMap::new(),
            changed: HashMap::new(),
        };
        let mut lists: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); sellers.len()];
        for number in 0..count {
            for owner in book.owners(number) {
                lists[owner].insert(number);
            }
        }
        book.by_member = sellers.iter().cloned().zip(lists).collect();
        book
    }

    /// Numbers of the customers of one member, ascending.
    pub fn of_member(&self, userid: &str) -> Option<&BTreeSet<u32>> {
        self.by_member.get(userid).filter(|list| !list.is_empty())
    }

    /// How many customers there ever were.
    pub fn len(&self) -> u32 {
        self.next
    }

    /// Whether there never was one.
    pub fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// Customer number `number`.
    pub fn get(&self, number: u32) -> Option<Customer> {
        if let Some(customer) = self.changed.get(&number) {
            return Some(customer.clone());
        }
        (number < self.generated).then(|| self.make(number))
    }

    /// Customer number `number` as at the beginning, whatever has been changed since.
    pub fn original(&self, number: u32) -> Option<Customer> {
        (number < self.generated).then(|| self.make(number))
    }

    /// The number of an external userid.
    pub fn number(&self, external_userid: &str) -> Option<u32> {
        let coded = external_userid.as_bytes().get(10..16)?;
        let mut value = 0_u64;
        for byte in coded {
            let digit = ID_ABC.iter().position(|c| c == byte)?;
            value = (value << 6) | u64::try_from(digit).ok()?;
        }
        let number = u32::try_from(value ^ self.id_key()).ok()?;
        (number < self.next && self.external_userid(number) == external_userid).then_some(number)
    }

    /// Changes a customer and keeps the lists of who serves whom in step.
    pub fn change(&mut self, number: u32, edit: impl FnOnce(&mut Customer)) -> bool {
        let Some(mut customer) = self.get(number) else {
            return false;
        };
        for relation in &customer.relations {
            if let Some(list) = self.by_member.get_mut(&relation.userid) {
                list.remove(&number);
            }
        }
        edit(&mut customer);
        for relation in &customer.relations {
            self.by_member
                .entry(relation.userid.clone())
                .or_default()
                .insert(number);
        }
        self.changed.insert(number, customer);
        true
    }

    /// A new customer of `userid`, added at `now_s`. Answers the external userid.
    pub fn add(&mut self, userid: &str, name: &str, now_s: i64) -> String {
        let number = self.next;
        self.next += 1;
        let mut customer = self.make(number);
        customer.name = name.to_owned();
        customer.relations = vec![new_relation(userid, name, now_s)];
        let id = customer.external_userid.clone();
        self.by_member
            .entry(userid.to_owned())
            .or_default()
            .insert(number);
        self.changed.insert(number, customer);
        id
    }

    fn owners(&self, number: u32) -> Vec<usize> {
        let mut rng = Rng::of(self.seed, OWNERS, u64::from(number));
        let count = [1, 2, 3][rng.weighted(&[83, 14, 3])];
        let mut owners = Vec::with_capacity(count);
        if self.zipf.is_empty() {
            return owners;
        }
        for _ in 0..count {
            let owner = rng.weighted(&self.zipf);
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        owners
    }

    fn id_key(&self) -> u64 {
        mix(self.seed ^ ID) & 0xf_ffff_ffff
    }

    fn is_wecom(&self, number: u32) -> bool {
        Rng::of(self.seed, ID, u64::from(number)).chance(7)
    }

    fn external_userid(&self, number: u32) -> String {
        let prefix = if self.is_wecom(number) {
            "woQd7hCgAA"
        } else {
            "wmQd7hCgAA"
        };
        let mut coded = u64::from(number) ^ self.id_key();
        let mut digits = [b'A'; 6];
        for digit in digits.iter_mut().rev() {
            *digit = ID_ABC[(coded & 63) as usize];
            coded >>= 6;
        }
        let mut head = prefix.to_owned();
        head.extend(digits.iter().map(|d| char::from(*d)));
        Rng::of(self.seed, ID + 1, u64::from(number)).id(&head, 16)
    }

    fn make(&self, number: u32) -> Customer {
        let mut rng = Rng::of(self.seed, PERSON, u64::from(number));
        let wecom = self.is_wecom(number);
        let person = Person::draw(&mut rng);
        let name = if !wecom && rng.chance(15) {
            nickname(&mut rng)
        } else {
            person.spelled(&mut rng, wecom)
        };
        let gender = match rng.below(10) {
            0 | 1 => 0,
            _ => person.gender,
        };
        let firm = wecom.then(|| firm(&mut rng));
        let relations = self
            .owners(number)
            .into_iter()
            .enumerate()
            .map(|(i, owner)| self.relation(number, i, owner, &person, &name))
            .collect();
        Customer {
            external_userid: self.external_userid(number),
            name,
            kind: if wecom { 2 } else { 1 },
            gender,
            corp_name: firm,
            position: (wecom && rng.chance(60)).then(|| {
                rng.pick(&["采购经理", "行政主管", "总经理", "店长", "助理"])
                    .to_owned()
            }),
            unionid: (!wecom).then(|| rng.id("oUx", 25)),
            relations,
        }
    }

    fn relation(&self, number: u32, i: usize, owner: usize, who: &Person, name: &str) -> Relation {
        let index = (u64::from(number) << 2) | i as u64;
        let rng = &mut Rng::of(self.seed, RELATION, index);
        let ago = rng.below(TWO_YEARS_S);
        let way = WAYS[rng.weighted(&WAY_WEIGHTS)];
        Relation {
            userid: self.sellers[owner].clone(),
            remark: who.remark(rng, name),
            description: text_or_empty(rng, 30, NOTES),
            createtime: self.now_s - i64::try_from(ago).unwrap_or(0),
            tags: tags::draw(rng, &self.tags),
            personal_tags: if rng.chance(4) {
                vec!["爱喝茶".to_owned()]
            } else {
                Vec::new()
            },
            remark_corp_name: if rng.chance(12) {
                firm(rng)
            } else {
                String::new()
            },
            remark_mobiles: mobiles(rng),
            add_way: way,
            state: if way == 1 || way == 16 {
                text_or_empty(rng, 60, STATES)
            } else {
                String::new()
            },
            oper_userid: String::new(),
            half: false,
            deleted_by_customer: false,
        }
    }
}

const WAYS: [u16; 9] = [1, 2, 3, 4, 6, 10, 16, 201, 202];
const WAY_WEIGHTS: [u32; 9] = [52, 14, 10, 9, 5, 3, 2, 3, 2];

fn new_relation(userid: &str, remark: &str, createtime: i64) -> Relation {
    Relation {
        userid: userid.to_owned(),
        remark: remark.to_owned(),
        description: String::new(),
        createtime,
        tags: Vec::new(),
        personal_tags: Vec::new(),
        remark_corp_name: String::new(),
        remark_mobiles: Vec::new(),
        add_way: 1,
        state: String::new(),
        oper_userid: String::new(),
        half: false,
        deleted_by_customer: false,
    }
}

impl Relation {
    /// A relation made just now, with nothing written yet.
    pub fn fresh(userid: &str, remark: &str, createtime: i64) -> Self {
        new_relation(userid, remark, createtime)
    }
}

fn text_or_empty(rng: &mut Rng, percent: usize, texts: &[&str]) -> String {
    if rng.chance(percent) {
        rng.pick(texts).to_owned()
    } else {
        String::new()
    }
}

fn firm(rng: &mut Rng) -> String {
    let city = rng.pick(CITIES);
    let name = rng.pick(FIRMS);
    if rng.chance(50) {
        format!("{city}{name}有限公司")
    } else {
        name.to_owned()
    }
}

fn mobiles(rng: &mut Rng) -> Vec<String> {
    let count = [0, 1, 2][rng.weighted(&[45, 50, 5])];
    (0..count)
        .map(|_| format!("{}{:08}", rng.pick(MOBILE), rng.below(100_000_000)))
        .collect()
}

/// The name behind a customer, whatever they call themselves in WeChat.
struct Person {
    surname: &'static str,
    given: String,
    gender: u8,
}

impl Person {
    fn draw(rng: &mut Rng) -> Self {
        let total: u32 = SURNAMES.iter().map(|s| s.1).sum();
        let mut at = rng.below(total as usize);
        let mut surname = "王";
        for (name, weight) in SURNAMES {
            if at < *weight as usize {
                surname = name;
                break;
            }
            at -= *weight as usize;
        }
        let (given, gender) = given(rng);
        Self {
            surname,
            given,
            gender,
        }
    }

    fn spelled(&self, rng: &mut Rng, formal: bool) -> String {
        let full = format!("{}{}", self.surname, self.given);
        match rng.below(100) {
            0..4 => full.chars().map(traditional).collect(),
            4..8 if !formal => format!("{}{}", self.surname, self.title()),
            8..10 if !formal => format!("{full} "),
            _ => full,
        }
    }

    fn title(&self) -> &'static str {
        if self.gender == 2 { "女士" } else { "先生" }
    }

    fn remark(&self, rng: &mut Rng, name: &str) -> String {
        let familiar = if self.gender == 2 { "姐" } else { "哥" };
        let Self { surname, given, .. } = self;
        let tea = rng.pick(TEAS);
        match rng.below(100) {
            0..35 => format!("{surname}{given}"),
            35..50 => format!("{surname}{familiar}-{tea}"),
            50..58 => format!("{surname}{}", self.title()),
            58..64 => format!("{surname}{given}-{tea}"),
            64..68 => format!("{surname}总"),
            68..70 => format!("A{surname}{given}（{tea}）"),
            _ => name.to_owned(),
        }
    }
}

/// A given name and its gender.
fn given(rng: &mut Rng) -> (String, u8) {
    if rng.chance(40) {
        let index = rng.below(GIVEN.len());
        return (
            GIVEN[index].to_owned(),
            if index < FEMALE_GIVEN { 2 } else { 1 },
        );
    }
    let male = rng.below(2);
    let (first, second) = COMPOSED[male];
    let given = format!("{}{}", rng.pick(first), rng.pick(second));
    (given, if male == 1 { 1 } else { 2 })
}

fn nickname(rng: &mut Rng) -> String {
    if rng.chance(40) {
        return rng.pick(NICKNAMES).to_owned();
    }
    let (first, second) = NICK_PARTS;
    let mut name = format!("{}{}", rng.pick(first), rng.pick(second));
    if rng.chance(15) {
        name.push_str(rng.pick(&["88", "🍵", "~", "_2023", "🌿", " (忙)"]));
    }
    name
}

fn traditional(c: char) -> char {
    TRADITIONAL
        .iter()
        .find(|(s, _)| *s == c)
        .map_or(c, |(_, t)| *t)
}
