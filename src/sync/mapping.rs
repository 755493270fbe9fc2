//! From WeCom's words to ours.

use crate::{
    customers::{
        AddWay, CustomerKind, GroupState, JoinScene,
        sync::{CustomerFacts, GroupFacts, GroupPersonFacts, RelationFacts},
    },
    kit::Timestamp,
    org::{
        Gender, MemberState, Post,
        sync::{DepartmentFacts, MemberFacts},
    },
    tags::sync::{GroupFacts as TagGroupFacts, TagFacts},
    wecom,
};

pub(super) fn departments(told: Vec<wecom::Department>) -> Vec<DepartmentFacts> {
    let fact = |d: wecom::Department| DepartmentFacts {
        wecom_id: d.id,
        parent_wecom_id: d.parentid,
        name: d.name,
        name_en: d.name_en,
        order: d.order,
        leaders: d.department_leader,
    };
    told.into_iter().map(fact).collect()
}

pub(super) fn members(told: Vec<wecom::Member>) -> Vec<MemberFacts> {
    told.into_iter().map(member).collect()
}

pub(super) fn member(told: wecom::Member) -> MemberFacts {
    let post = |(i, department): (usize, &u64)| Post {
        department: *department,
        is_leader: told.is_leader_in_dept.get(i) == Some(&1),
        order: told.order.get(i).copied().unwrap_or(0),
    };
    let posts = told.department.iter().enumerate().map(post).collect();
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    MemberFacts {
        posts,
        userid: told.userid,
        name: told.name,
        alias: told.alias,
        position: told.position,
        main_department: Some(told.main_department).filter(|d| *d != 0),
        gender: told
            .gender
            .and_then(|g| g.parse().ok())
            .map(Gender::from_wecom),
        mobile: told.mobile,
        email: given(told.biz_mail).or(told.email),
        state: MemberState::from_wecom(told.status),
    }
}

pub(super) fn tag_groups(told: Vec<wecom::TagGroup>) -> Vec<TagGroupFacts> {
    let tag = |t: wecom::Tag| TagFacts {
        wecom_id: t.id,
        name: t.name,
        order: t.order,
    };
    let group = |g: wecom::TagGroup| TagGroupFacts {
        wecom_id: g.group_id,
        name: g.group_name,
        order: g.order,
        tags: g.tag.into_iter().filter(|t| !t.deleted).map(tag).collect(),
    };
    told.into_iter().filter(|g| !g.deleted).map(group).collect()
}

pub(super) fn customers(told: Vec<wecom::ContactOfMember>) -> Vec<(CustomerFacts, RelationFacts)> {
    told.into_iter()
        .map(|c| (customer(c.external_contact), relation(c.follow_info)))
        .collect()
}

pub(super) fn customer(told: wecom::ExternalContact) -> CustomerFacts {
    CustomerFacts {
        kind: CustomerKind::from_wecom(told.kind),
        gender: Gender::from_wecom(told.gender),
        external_userid: told.external_userid,
        name: told.name,
        avatar: told.avatar,
        unionid: told.unionid,
        position: told.position,
        corp_name: told.corp_name,
        corp_full_name: told.corp_full_name,
    }
}

pub(super) fn relation(told: wecom::FollowInfo) -> RelationFacts {
    let (tags, personal_tags) = match told.tags {
        // The listing tells corp and strategy tags only, by their ids.
        None => (told.tag_id, None),
        Some(tags) => {
            let (personal, corp): (Vec<_>, Vec<_>) = tags.into_iter().partition(|t| t.kind == 2);
            (
                corp.into_iter().map(|t| t.tag_id).collect(),
                Some(personal.into_iter().map(|t| t.tag_name).collect()),
            )
        }
    };
    RelationFacts {
        userid: told.userid,
        remark: told.remark,
        description: told.description,
        company: told.remark_corp_name,
        phones: told.remark_mobiles,
        tags,
        personal_tags,
        add_way: AddWay::from_wecom(told.add_way),
        channel: told.state,
        added_at: Timestamp::from_s(told.createtime),
    }
}

pub(super) fn group(told: wecom::Group, state: GroupState) -> GroupFacts {
    let person = |p: wecom::GroupMember| GroupPersonFacts {
        userid: p.userid,
        is_external: p.kind != 1,
        name: p.name,
        nickname: p.group_nickname,
        joined_at: Timestamp::from_s(p.join_time),
        scene: JoinScene::from_wecom(p.join_scene),
        channel: p.state,
    };
    GroupFacts {
        state,
        chat_id: told.chat_id,
        name: told.name,
        owner: told.owner,
        notice: told.notice,
        created_at: Timestamp::from_s(told.create_time),
        member_version: told.member_version,
        people: told.member_list.into_iter().map(person).collect(),
    }
}
