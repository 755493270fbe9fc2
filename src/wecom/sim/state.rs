//! The state of the made-up firm, and what moves it.

use std::collections::{BTreeMap, BTreeSet};

use super::firm::{self, Book, CorpTag, Department, GroupChat, Member, Org, Relation, TagGroup};

/// Everything WeCom would know about the firm.
#[derive(Debug, Clone)]
pub struct World {
    /// Departments and members.
    pub org: Org,
    /// Tag groups, deleted ones too.
    pub tags: Vec<TagGroup>,
    /// Customers.
    pub book: Book,
    /// Group chats by id.
    pub groups: BTreeMap<String, GroupChat>,
    /// Welcome codes given out.
    pub welcome_codes: BTreeMap<String, WelcomeCode>,
    made: u64,
}

/// A welcome code (欢迎语code): good for one `send_welcome_msg` within 20 seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WelcomeCode {
    /// The member who may greet.
    pub userid: String,
    /// The customer to be greeted.
    pub external_userid: String,
    /// When it was given out, in seconds since the epoch.
    pub made_at: i64,
    /// Somebody has greeted with it.
    pub used: bool,
}

impl World {
    /// The firm as it stands at `now_s` (seconds) with so many customers.
    pub fn new(seed: u64, customers: u32, now_s: i64) -> Self {
        let org = firm::org(seed);
        let tags = firm::tags(seed, now_s - 800 * 86_400);
        let book = Book::new(seed, customers, now_s, &org.sellers, &tags);
        let groups = firm::groups(seed, now_s, &org, &book);
        Self {
            org,
            tags,
            book,
            groups,
            welcome_codes: BTreeMap::new(),
            made: 0,
        }
    }

    /// Randomness for something new, the same after the same history.
    pub fn fresh(&mut self) -> firm::Rng {
        self.made += 1;
        firm::Rng::of(self.made, 50, 0)
    }

    /// A welcome code for `userid` to greet a customer, given out at `now_s` (seconds).
    pub fn welcome_code(&mut self, userid: &str, external_userid: &str, now_s: i64) -> String {
        let code = self.fresh().id("CALLBACKCODE", 52);
        let made = WelcomeCode {
            userid: userid.to_owned(),
            external_userid: external_userid.to_owned(),
            made_at: now_s,
            used: false,
        };
        self.welcome_codes.insert(code.clone(), made);
        code
    }

    /// `id` and everything below it; `None` if there is no such department.
    pub fn subtree(&self, id: u64) -> Option<BTreeSet<u64>> {
        self.org.departments.get(&id)?;
        let mut found = BTreeSet::from([id]);
        let mut open = vec![id];
        while let Some(parent) = open.pop() {
            for child in self.org.departments.values().filter(|d| d.parent == parent) {
                if found.insert(child.id) {
                    open.push(child.id);
                }
            }
        }
        Some(found)
    }

    /// The member who serves customers, under this userid (not case-sensitive).
    pub fn seller(&self, userid: &str) -> Option<&Member> {
        self.member(userid).filter(|m| m.serves_customers)
    }

    /// The member under this userid (not case-sensitive).
    pub fn member(&self, userid: &str) -> Option<&Member> {
        self.org.members.get(userid).or_else(|| {
            self.org
                .members
                .values()
                .find(|m| m.userid.eq_ignore_ascii_case(userid))
        })
    }

    /// Changes the relation of `userid` to a customer; false if there is none.
    pub fn edit_relation(
        &mut self,
        userid: &str,
        external_userid: &str,
        edit: impl FnOnce(&mut Relation),
    ) -> bool {
        let Some(number) = self.book.number(external_userid) else {
            return false;
        };
        let mut found = false;
        self.book.change(number, |customer| {
            if let Some(relation) = customer.relations.iter_mut().find(|r| r.userid == userid) {
                edit(relation);
                found = true;
            }
        });
        found
    }

    /// `userid` adds an existing customer.
    pub fn add_relation(&mut self, userid: &str, external_userid: &str, now_s: i64) -> bool {
        let known = self.member(userid).is_some();
        let Some(number) = self.book.number(external_userid).filter(|_| known) else {
            return false;
        };
        self.book.change(number, |customer| {
            if customer.relations.iter().all(|r| r.userid != userid) {
                let relation = Relation::fresh(userid, &customer.name, now_s);
                customer.relations.push(relation);
            }
        })
    }

    /// Ends a relation, from either side.
    pub fn remove_relation(&mut self, userid: &str, external_userid: &str) -> bool {
        let Some(number) = self.book.number(external_userid) else {
            return false;
        };
        let mut found = false;
        self.book.change(number, |customer| {
            let before = customer.relations.len();
            customer.relations.retain(|r| r.userid != userid);
            found = customer.relations.len() < before;
        });
        found
    }

    /// A member leaves the firm: gone from the directory, the relations end, the groups wait
    /// for an heir.
    pub fn member_leaves(&mut self, userid: &str) -> bool {
        if self.org.members.remove(userid).is_none() {
            return false;
        }
        self.org.sellers.retain(|s| s != userid);
        for department in self.org.departments.values_mut() {
            department.leaders.retain(|l| l != userid);
        }
        let served: Vec<u32> = self
            .book
            .of_member(userid)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        for number in served {
            self.book
                .change(number, |c| c.relations.retain(|r| r.userid != userid));
        }
        for group in self.groups.values_mut() {
            let before = group.members.len();
            group.members.retain(|m| m.userid != userid);
            group.version += u64::from(group.members.len() < before);
            if group.owner == userid {
                group.status = 1;
            }
        }
        true
    }

    /// A member joins, able to serve customers; false if the department is unknown or the
    /// userid taken.
    pub fn member_joins(&mut self, userid: &str, name: &str, department: u64) -> bool {
        if !self.org.departments.contains_key(&department) || self.member(userid).is_some() {
            return false;
        }
        let member = Member {
            userid: userid.to_owned(),
            name: name.to_owned(),
            departments: vec![department],
            leads: vec![false],
            position: "茶艺顾问".to_owned(),
            superior: None,
            alias: String::new(),
            status: 1,
            serves_customers: true,
        };
        self.org.members.insert(userid.to_owned(), member);
        self.org.sellers.push(userid.to_owned());
        true
    }

    /// A new department; its id, or `None` if the parent is unknown.
    pub fn add_department(&mut self, name: &str, parent: u64) -> Option<u64> {
        self.org.departments.get(&parent)?;
        let id = self
            .org
            .departments
            .keys()
            .next_back()
            .map_or(1, |last| last + 1);
        let name = name.to_owned();
        let department = Department {
            id,
            name,
            parent,
            order: 0,
            leaders: Vec::new(),
        };
        self.org.departments.insert(id, department);
        Some(id)
    }

    /// Removes an empty department; false if it is unknown, the root, or not empty.
    pub fn remove_department(&mut self, id: u64) -> bool {
        let used = self.org.departments.values().any(|d| d.parent == id)
            || self
                .org
                .members
                .values()
                .any(|m| m.departments.contains(&id));
        id != 1 && !used && self.org.departments.remove(&id).is_some()
    }

    /// A new tag in the group of this name, which is made if there is none. The tag's id.
    pub fn add_tag(&mut self, group: &str, name: &str, now_s: i64) -> String {
        let mut rng = self.fresh();
        let tag = CorpTag {
            id: rng.id("etQd7hCgAA", 22),
            name: name.to_owned(),
            order: 0,
            create_time: now_s,
            deleted: false,
        };
        let id = tag.id.clone();
        match self.tags.iter_mut().find(|g| g.name == group && !g.deleted) {
            Some(found) => found.tags.push(tag),
            None => self.tags.push(TagGroup {
                id: rng.id("etQd7hCgAA", 22),
                name: group.to_owned(),
                order: 0,
                create_time: now_s,
                tags: vec![tag],
                deleted: false,
            }),
        }
        id
    }

    /// Deletes a tag; the group goes with its last tag.
    pub fn remove_tag(&mut self, tag_id: &str) -> bool {
        let mut found = false;
        for group in &mut self.tags {
            for tag in group
                .tags
                .iter_mut()
                .filter(|t| t.id == tag_id && !t.deleted)
            {
                tag.deleted = true;
                found = true;
            }
            group.deleted = group.tags.iter().all(|t| t.deleted);
        }
        found
    }

    /// Whether customers may still carry this tag.
    pub fn live_tag(&self, tag_id: &str) -> Option<(&TagGroup, &CorpTag)> {
        self.tags.iter().find_map(|group| {
            let tag = group.tags.iter().find(|t| t.id == tag_id && !t.deleted)?;
            Some((group, tag))
        })
    }
}
