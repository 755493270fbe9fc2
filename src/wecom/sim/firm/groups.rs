//! Group chats with customers.

use std::collections::BTreeMap;

use super::{
    customers::Book,
    model::{GroupChat, GroupMember},
    org::Org,
    rng::Rng,
};

const NAMES: &[&str] = &[
    "茶友群",
    "老白茶品鉴群",
    "会员福利群",
    "普洱收藏交流",
    "周末茶会",
];

/// One to three groups for each of the busier sellers.
pub fn generate(seed: u64, now_s: i64, org: &Org, book: &Book) -> BTreeMap<String, GroupChat> {
    let mut groups = BTreeMap::new();
    for (rank, owner) in org.sellers.iter().enumerate() {
        let mut rng = Rng::of(seed, 20, rank as u64);
        let count = if rank < 10 {
            1 + rng.below(3)
        } else {
            rng.below(2)
        };
        for _ in 0..count {
            let group = group(&mut rng, now_s, owner, org, book);
            groups.insert(group.chat_id.clone(), group);
        }
    }
    groups
}

fn group(rng: &mut Rng, now_s: i64, owner: &str, org: &Org, book: &Book) -> GroupChat {
    let age = 86_400 + rng.below(600 * 86_400);
    let create_time = now_s - i64::try_from(age).unwrap_or(0);
    let seller = org.members.get(owner);
    let department = seller
        .and_then(|m| m.departments.first())
        .and_then(|d| org.departments.get(d));
    let shop = department.map_or("", |d| d.name.trim_end_matches('店'));
    let chat_id = rng.id("wrQd7hCgAA", 22);
    let mut members = Vec::new();
    let colleagues = org
        .members
        .values()
        .filter(|m| m.userid == owner || department.is_some_and(|d| m.departments.contains(&d.id)));
    for member in colleagues {
        members.push(GroupMember {
            userid: member.userid.clone(),
            kind: 1,
            name: member.name.clone(),
            nickname: String::new(),
            join_time: create_time,
            join_scene: 1,
            state: String::new(),
        });
    }
    let numbers: Vec<u32> = book
        .of_member(owner)
        .into_iter()
        .flatten()
        .copied()
        .collect();
    let wanted = (5 + rng.below(80)).min(numbers.len());
    let first = rng.below(numbers.len() - wanted + 1);
    for customer in numbers[first..first + wanted]
        .iter()
        .filter_map(|n| book.get(*n))
    {
        members.push(GroupMember {
            userid: customer.external_userid,
            kind: 2,
            name: customer.name,
            nickname: String::new(),
            join_time: create_time + i64::try_from(rng.below(86_400)).unwrap_or(0),
            join_scene: [1, 2, 3][rng.below(3)],
            state: String::new(),
        });
    }
    GroupChat {
        name: if rng.chance(5) {
            String::new()
        } else {
            format!("{shop}{}{}", rng.pick(NAMES), 1 + rng.below(9))
        },
        owner: owner.to_owned(),
        notice: if rng.chance(40) {
            "文明交流，禁止广告".to_owned()
        } else {
            String::new()
        },
        create_time,
        status: 0,
        admins: members
            .iter()
            .filter(|m| m.kind == 1 && m.userid != owner)
            .take(1)
            .map(|m| m.userid.clone())
            .collect(),
        members,
        version: 0,
        chat_id,
    }
}
