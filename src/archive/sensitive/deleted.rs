//! A member deletes a customer (删除客户): no message says so, an event of WeCom's does.
//!
//! Only the event counts. A sync that finds a relation gone cannot tell whether the member
//! deleted the customer, passed the customer on or left, or whether the firm's right to see it
//! ended; an event that never came raises nothing, and no sync, the first one neither, accuses
//! anybody. Nor does the event of a handing over (在职继承, 离职继承), which is the firm's doing.
//! The customer who deletes the member is another event, and no behaviour of the member's.
//!
//! Source: WeCom documentation, 删除企业客户事件.

use crate::{
    error::Result,
    kit::Id,
    org::{self, queries::DepartmentTree},
    store::{StoreError, Write},
    sync::pilot::Pilot,
    wecom::event::{CustomerChange, CustomerEvent, Event, Received},
};

use super::{
    super::ingest,
    model::{Alert, AlertState, Behaviour, Cause, WordList},
    tables::lists,
    watch::raise,
};

/// Where the event comes from when somebody else took over.
const BY_TRANSFER: &str = "DELETE_BY_TRANSFER";

/// Raises an alert for each list in force that looks for it, in the write that stores the
/// event; the same event again raises none.
pub(in crate::archive) fn hear(w: &mut Write<'_>, received: &Received) -> Result<()> {
    let Event::Customer(event) = &received.event else {
        return Ok(());
    };
    let CustomerChange::DeletedByMember { source } = &event.change else {
        return Ok(());
    };
    if source.as_deref() == Some(BY_TRANSFER) {
        return Ok(());
    }
    let lists = looking(w, event)?;
    if lists.is_empty() {
        return Ok(());
    }
    let by = ingest::party_of_userid(w, &event.userid)?;
    let whom = ingest::party_with_id(w, &event.external_userid)?;
    for list in lists {
        raise(
            w,
            Alert {
                id: Id::from_bits(0),
                list: list.id,
                cause: Cause::Behaviour(Behaviour::DeleteCustomer),
                severity: list.severity,
                chat: None,
                seq: None,
                sent_at: received.at,
                from: by.no,
                staff: vec![by.no],
                subject: whom.subject,
                state: AlertState::Open,
                raised_at: received.at,
                whom: Some(whom.no),
            },
        )?;
    }
    Ok(())
}

/// The lists in force that look for what this member did. Of members outside the pilot nothing
/// is kept.
fn looking(w: &Write<'_>, event: &CustomerEvent) -> Result<Vec<WordList>, StoreError> {
    let r = w.read();
    let mut lists = lists(&r)?;
    lists.retain(|list| list.is_on && list.behaviours.contains(&Behaviour::DeleteCustomer));
    if lists.is_empty() || !Pilot::load(&r)?.has_userid(&r, &event.userid)? {
        return Ok(Vec::new());
    }
    let tree = DepartmentTree::load(&r)?;
    let member = org::queries::member_by_userid(&r, &event.userid)?;
    let posts = member.map_or_else(Vec::new, |member| member.posts);
    lists.retain(|list| {
        list.unit.is_none_or(|unit| {
            let mut above = posts.iter().flat_map(|post| tree.path(post.department));
            above.any(|department| department.id == unit)
        })
    });
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        archive::{model::Party, tests::Archive},
        kit::Timestamp,
        org::{
            DepartmentId, MemberState, Post,
            sync::{DepartmentFacts, MemberFacts, apply_departments, apply_members},
        },
        store::Act,
    };

    const CUSTOMER: &str = "wmT7kQCAAAx3Yb9nQZr5LwUe1VhJdPgA";
    /// Departments: the firm, a region, a shop of it, and another region.
    const TREE: [(u64, u64); 4] = [(1, 0), (2, 1), (3, 2), (4, 1)];

    fn write(archive: &Archive, verb: impl FnOnce(&mut Write<'_>) -> Result<()> + Send + 'static) {
        let act = Act::by_system("wecom.event", "callback");
        archive.store.write_blocking(act, verb).unwrap();
    }

    /// A firm with one member in the shop.
    fn firm() -> Archive {
        let archive = Archive::new();
        let departments = TREE.map(|(wecom_id, parent_wecom_id)| DepartmentFacts {
            wecom_id,
            parent_wecom_id,
            name: wecom_id.to_string(),
            ..DepartmentFacts::default()
        });
        let member = MemberFacts {
            userid: "LinXiaoyu".to_owned(),
            name: "林小雨".to_owned(),
            alias: None,
            position: None,
            posts: vec![Post {
                department: 3,
                is_leader: false,
                order: 0,
            }],
            main_department: Some(3),
            gender: None,
            mobile: None,
            email: None,
            state: MemberState::Active,
        };
        write(&archive, move |w| {
            apply_departments(w, &departments, true)?;
            apply_members(w, &[member])?;
            Ok(())
        });
        archive
    }

    fn unit(archive: &Archive, wecom_id: u64) -> DepartmentId {
        let tree = archive.read(DepartmentTree::load).unwrap();
        tree.get(wecom_id).unwrap().id
    }

    /// Keeps a list that looks for this.
    fn look(archive: &Archive, id: u64, change: impl FnOnce(&mut WordList)) {
        let mut list = WordList {
            id: Id::from_bits(id),
            name: id.to_string(),
            behaviours: vec![Behaviour::DeleteCustomer],
            ..WordList::for_test(&[])
        };
        change(&mut list);
        write(archive, move |w| Ok(w.put(&list)?));
    }

    fn tell(archive: &Archive, userid: &str, at_s: i64, source: Option<&str>) {
        let received = Received {
            to: "ww1".to_owned(),
            from: "sys".to_owned(),
            at: Timestamp::from_s(at_s),
            agentid: None,
            event: Event::Customer(CustomerEvent {
                userid: userid.to_owned(),
                external_userid: CUSTOMER.to_owned(),
                change: CustomerChange::DeletedByMember {
                    source: source.map(str::to_owned),
                },
            }),
        };
        write(archive, move |w| hear(w, &received));
    }

    /// The alerts by list, and when it was done.
    fn raised(archive: &Archive) -> Vec<(u64, i64)> {
        let mut raised: Vec<(u64, i64)> = archive.read(|r| {
            let all = r.all::<Alert>(None).unwrap().map(Result::unwrap);
            all.map(|alert| (alert.list.bits(), alert.sent_at.ms() / 1_000))
                .collect()
        });
        raised.sort_unstable();
        raised
    }

    #[test]
    fn each_list_that_looks_for_it_raises_one_alert_about_it() {
        let archive = firm();
        tell(&archive, "LinXiaoyu", 10, None);
        let (region, shop, other) = (unit(&archive, 2), unit(&archive, 3), unit(&archive, 4));
        look(&archive, 1, |_| {});
        look(&archive, 2, |list| list.unit = Some(region));
        look(&archive, 3, |list| list.unit = Some(shop));
        look(&archive, 4, |list| list.unit = Some(other));
        look(&archive, 5, |list| list.is_on = false);
        look(&archive, 6, |list| list.behaviours = vec![Behaviour::Card]);
        assert_eq!(raised(&archive), [], "nothing is looked for in the past");
        // WeCom compares userids without case, and tells some things twice.
        for userid in ["LinXiaoyu", "linxiaoyu"] {
            tell(&archive, userid, 20, None);
        }
        assert_eq!(raised(&archive), [(1, 20), (2, 20), (3, 20)]);
        archive.read(|r| {
            let alert = r.all::<Alert>(None).unwrap().next().unwrap().unwrap();
            assert_eq!((alert.chat, alert.seq), (None, None));
            assert_eq!(alert.staff, [alert.from]);
            let party = |no: u32| r.get::<Party>(&no).unwrap().unwrap().wecom_id;
            assert_eq!(party(alert.from), "LinXiaoyu");
            assert_eq!(party(alert.whom.unwrap()), CUSTOMER);
        });
        // Added again, and deleted again.
        tell(&archive, "LinXiaoyu", 30, None);
        assert_eq!(raised(&archive).len(), 6);
        archive.check();
    }

    #[test]
    fn passing_a_customer_on_is_no_deed_of_the_member() {
        let archive = firm();
        look(&archive, 1, |_| {});
        tell(&archive, "LinXiaoyu", 10, Some(BY_TRANSFER));
        assert_eq!(raised(&archive), []);
        // Somebody of whom the directory has not heard yet belongs to the firm alone.
        let shop = unit(&archive, 3);
        look(&archive, 2, |list| list.unit = Some(shop));
        tell(&archive, "newcomer", 20, None);
        assert_eq!(raised(&archive), [(1, 20)]);
    }
}
