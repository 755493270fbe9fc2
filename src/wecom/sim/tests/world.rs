//! The made-up firm itself.

use std::net::SocketAddr;

use super::{
    super::{ArchiveOptions, SimOptions, Simulator, firm, state},
    NOW,
};

#[test]
fn the_same_seed_gives_the_same_firm_and_another_seed_another() {
    let all = |seed| {
        let world = state::World::new(seed, 500, NOW.ms() / 1000, ArchiveOptions::default());
        let customers: Vec<_> = (0..500).filter_map(|n| world.book.get(n)).collect();
        (customers, world.groups, world.tags)
    };
    assert!(all(7) == all(7));
    assert!(all(7) != all(8));
}

#[test]
fn the_cast_exists_in_its_departments() {
    let org = firm::org(1);
    let cast = firm::cast();
    for (userid, department) in [
        (cast.super_admin, 4),
        (cast.region_manager, cast.region),
        (cast.store_staff, cast.store),
        (cast.compliance, 6),
    ] {
        assert_eq!(org.members[userid].departments, [department], "{userid}");
    }
    assert_eq!(org.departments[&cast.store].name, "静安大悦城店");
    assert_eq!(org.departments[&cast.store].parent, cast.region);
    assert_eq!(org.sellers[0], cast.store_staff);
}

#[test]
fn an_external_userid_names_one_customer_only() {
    let world = state::World::new(3, 20_000, NOW.ms() / 1000, ArchiveOptions::default());
    for number in 0..20_000 {
        let customer = world.book.get(number).unwrap();
        assert_eq!(world.book.number(&customer.external_userid), Some(number));
        assert_eq!(
            customer.external_userid.starts_with("wo"),
            customer.kind == 2
        );
    }
    for unknown in ["", "wm", "wmQd7hCgAA000000", "woQd7hCgAA中文中文中文"] {
        assert_eq!(world.book.number(unknown), None, "{unknown}");
    }
}

#[actix_web::test]
async fn a_directory_remembers_its_world() {
    let dir = tempfile::tempdir().unwrap();
    let run = |seed, customers| {
        Simulator::start(SimOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed,
            customers,
            chats: ArchiveOptions::default(),
            now: NOW,
            dir: Some(dir.path().to_owned()),
        })
        .unwrap()
    };
    let first = run(9, 40);
    let (corpid, mine) = (first.corpid.clone(), first.customers_of("zhoumin"));
    first.set_trusted_ips(Some(&["203.0.113.7"]));
    first.stop();
    let second = run(10, 80);
    let client = super::client::client(&second);
    second.clock().advance_ms(60_000);
    let refused = client.departments().await.unwrap_err();
    assert_eq!(refused.errcode(), 60020, "what was set is remembered too");
    assert_eq!((second.seed(), second.customers()), (9, 40));
    assert_eq!(second.corpid, corpid);
    assert_eq!(second.customers_of("zhoumin"), mine);
}
