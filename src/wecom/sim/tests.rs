//! Through the network, as a client sees it.

use std::{collections::BTreeSet, net::SocketAddr};

use serde_json::{Value, json};

use super::{Fault, SimHandle, SimOptions, Simulator, firm};
use crate::kit::Timestamp;

const NOW: Timestamp = Timestamp::from_s(1_795_000_000);

fn start(seed: u64, customers: u32) -> SimHandle {
    Simulator::start(SimOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        seed,
        customers,
        now: NOW,
        dir: None,
    })
    .unwrap()
}

struct Client<'a> {
    sim: &'a SimHandle,
    http: reqwest::Client,
    token: String,
}

impl<'a> Client<'a> {
    async fn new(sim: &'a SimHandle, secret: &str) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut client = Self {
            sim,
            http,
            token: String::new(),
        };
        let answer = client.token(&sim.corpid, secret).await;
        client.token = answer["access_token"].as_str().unwrap().to_owned();
        client
    }

    async fn app(sim: &'a SimHandle) -> Self {
        Self::new(sim, &sim.app_secret).await
    }

    fn url(&self, path: &str) -> String {
        let glue = if path.contains('?') { '&' } else { '?' };
        format!(
            "{}{path}{glue}access_token={}",
            self.sim.base_url, self.token
        )
    }

    async fn token(&self, corpid: &str, secret: &str) -> Value {
        self.raw(&format!("gettoken?corpid={corpid}&corpsecret={secret}"))
            .await
    }

    async fn raw(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.sim.base_url);
        self.http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.http
            .get(self.url(path))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(self.url(path)).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// All (userid, external userid) of `batch/get_by_user`; stops after a thousand pages.
    async fn batch(&self, userids: &[&str], limit: usize) -> (Vec<(String, String)>, usize) {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        for page in 1..=1000 {
            let body = json!({ "userid_list": userids, "cursor": cursor, "limit": limit });
            let answer = self.post("externalcontact/batch/get_by_user", body).await;
            assert_eq!(answer["errcode"], 0, "{answer}");
            for row in answer["external_contact_list"].as_array().unwrap() {
                rows.push((
                    row["follow_info"]["userid"].as_str().unwrap().to_owned(),
                    row["external_contact"]["external_userid"]
                        .as_str()
                        .unwrap()
                        .to_owned(),
                ));
            }
            cursor = answer["next_cursor"].as_str().unwrap().to_owned();
            if cursor.is_empty() {
                return (rows, page);
            }
        }
        panic!("the pages never end");
    }
}

fn code(answer: &Value) -> i64 {
    answer["errcode"].as_i64().unwrap()
}

#[test]
fn the_same_seed_gives_the_same_firm_and_another_seed_another() {
    let all = |seed| {
        let world = super::state::World::new(seed, 500, NOW.ms() / 1000);
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
    let world = super::state::World::new(3, 20_000, NOW.ms() / 1000);
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
async fn gettoken_checks_in_the_documented_order() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    for (path, expected) in [
        ("gettoken".to_owned(), 41004),
        ("gettoken?corpsecret=x".to_owned(), 41002),
        ("gettoken?corpid=wwx&corpsecret=x".to_owned(), 40013),
        (
            format!("gettoken?corpid={}&corpsecret=x", sim.corpid),
            40001,
        ),
    ] {
        assert_eq!(code(&client.raw(&path).await), expected, "{path}");
    }
    let again = client.token(&sim.corpid, &sim.app_secret).await;
    assert_eq!(
        again["access_token"],
        client.token.as_str(),
        "the same token while it is good"
    );
    assert_eq!(again["expires_in"], 7200);
}

#[actix_web::test]
async fn token_and_right_come_before_parameters() {
    let sim = start(1, 10);
    let mut client = Client::app(&sim).await;
    assert_eq!(code(&client.raw("externalcontact/list").await), 41001);
    let answer = client.raw("externalcontact/list?access_token=x").await;
    assert_eq!(
        answer,
        json!({
            "errcode": 40014, "errmsg": "invalid access_token", "external_userid": []
        })
    );
    sim.expire_tokens();
    assert_eq!(code(&client.get("externalcontact/list").await), 42001);

    let fresh = client.token(&sim.corpid, &sim.app_secret).await;
    client.token = fresh["access_token"].as_str().unwrap().to_owned();
    sim.clock().advance_ms(7_200_000);
    assert_eq!(
        code(&client.get("externalcontact/list").await),
        42001,
        "expires by the clock"
    );

    let contact = Client::new(&sim, &sim.contact_secret).await;
    assert_eq!(code(&contact.get("department/list").await), 48002);
    assert_eq!(
        code(
            &contact
                .post("externalcontact/get_corp_tag_list", json!({}))
                .await
        ),
        0
    );
    let sync = Client::new(&sim, &sim.sync_secret).await;
    assert_eq!(code(&sync.get("user/get?userid=zhoumin").await), 48009);
    assert_eq!(
        code(&sync.get("externalcontact/get_follow_user_list").await),
        48002
    );
    assert_eq!(code(&sync.post("user/list_id", json!({})).await), 0);
}

#[actix_web::test]
async fn an_unknown_path_is_404_without_a_body() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    let response = client.http.get(client.url("no/such")).send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(response.bytes().await.unwrap().len(), 0);
}

#[actix_web::test]
async fn bad_parameters_get_the_named_errcodes() {
    let sim = start(1, 200);
    let client = Client::app(&sim).await;
    for (path, expected) in [
        ("externalcontact/list", 41009),
        ("externalcontact/list?userid=nobody", 60111),
        ("externalcontact/list?userid=shenjiayi", 84074),
        ("externalcontact/get", 41035),
        ("externalcontact/get?external_userid=wmnobody", 40096),
        ("user/get", 41009),
        ("user/get?userid=nobody", 60111),
        ("user/list", 40058),
        ("user/list?department_id=999", 60003),
        ("department/list?id=999", 60003),
        ("department/get", 40058),
        // A GET where a POST is expected loses its body.
        ("externalcontact/get_corp_tag_list", 40058),
    ] {
        let answer = client.get(path).await;
        assert_eq!(code(&answer), expected, "{path}: {answer}");
        assert!(
            answer["errmsg"].as_str().unwrap().contains("hint: ["),
            "{answer}"
        );
    }
    let many: Vec<&str> = vec!["zhoumin"; 101];
    for (path, body, expected) in [
        ("externalcontact/batch/get_by_user", json!({}), 40058),
        (
            "externalcontact/batch/get_by_user",
            json!({ "userid_list": many }),
            40058,
        ),
        (
            "externalcontact/batch/get_by_user",
            json!({ "userid_list": "zhoumin" }),
            40058,
        ),
        (
            "externalcontact/batch/get_by_user",
            json!({ "userid_list": ["zhoumin"], "limit": 101 }),
            40058,
        ),
        (
            "externalcontact/batch/get_by_user",
            json!({ "userid_list": ["zhoumin"], "cursor": "x" }),
            50100,
        ),
        (
            "externalcontact/batch/get_by_user",
            json!({ "userid_list": ["nobody"] }),
            60111,
        ),
        ("externalcontact/groupchat/list", json!({}), 40058),
        (
            "externalcontact/groupchat/list",
            json!({ "limit": 1001 }),
            40058,
        ),
        (
            "externalcontact/groupchat/get",
            json!({ "chat_id": "wrnone" }),
            90501,
        ),
        ("externalcontact/groupchat/get", json!([]), 40058),
    ] {
        let answer = client.post(path, body.clone()).await;
        assert_eq!(code(&answer), expected, "{path} {body}: {answer}");
    }
}

#[actix_web::test]
async fn the_directory_is_whole() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    let list = client.get("department/list").await;
    let departments = list["department"].as_array().unwrap();
    assert_eq!(departments[0]["parentid"], 0);
    let ids: BTreeSet<u64> = departments
        .iter()
        .map(|d| d["id"].as_u64().unwrap())
        .collect();
    let mut direct = BTreeSet::new();
    for id in &ids {
        let users = client
            .get(&format!("user/simplelist?department_id={id}"))
            .await;
        for user in users["userlist"].as_array().unwrap() {
            direct.insert(user["userid"].as_str().unwrap().to_owned());
        }
    }
    let all = client.get("user/list?department_id=1&fetch_child=1").await;
    assert_eq!(all["userlist"].as_array().unwrap().len(), direct.len());
    assert_eq!(direct.len(), 60);
    let region = client.get("department/simplelist?id=10").await;
    assert_eq!(region["department_id"].as_array().unwrap().len(), 7);
    let user = client.get("user/get?userid=ZhouMin").await;
    assert_eq!(
        (user["name"].as_str(), user["department"][0].as_u64()),
        (Some("周敏"), Some(101))
    );
}

#[actix_web::test]
async fn pages_together_are_the_list_without_pages() {
    let sim = start(5, 700);
    let client = Client::app(&sim).await;
    let follow = client.get("externalcontact/get_follow_user_list").await;
    let staff: Vec<&str> = follow["follow_user"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u.as_str().unwrap())
        .collect();
    let mut expected = BTreeSet::new();
    for userid in &staff {
        let list = client
            .get(&format!("externalcontact/list?userid={userid}"))
            .await;
        if code(&list) == 84061 {
            continue;
        }
        for id in list["external_userid"].as_array().unwrap() {
            expected.insert(((*userid).to_owned(), id.as_str().unwrap().to_owned()));
        }
    }
    let (rows, pages) = client.batch(&staff, 100).await;
    assert_eq!(pages, rows.len().div_ceil(100));
    assert_eq!(rows.len(), expected.len(), "no row twice");
    assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), expected);
    let customers: BTreeSet<&String> = expected.iter().map(|(_, c)| c).collect();
    assert_eq!(customers.len(), 700, "every customer is somebody's");
}

#[actix_web::test]
async fn a_customer_reads_the_same_from_both_calls() {
    let sim = start(5, 300);
    let client = Client::app(&sim).await;
    let body = json!({ "userid_list": ["zhoumin"], "limit": 5 });
    let answer = client.post("externalcontact/batch/get_by_user", body).await;
    for row in answer["external_contact_list"].as_array().unwrap() {
        let id = row["external_contact"]["external_userid"].as_str().unwrap();
        let one = client
            .get(&format!("externalcontact/get?external_userid={id}"))
            .await;
        assert_eq!(one["external_contact"], row["external_contact"]);
        let followers = one["follow_user"].as_array().unwrap();
        let mine = followers.iter().find(|f| f["userid"] == "zhoumin").unwrap();
        assert_eq!(mine["remark"], row["follow_info"]["remark"]);
        let tags: Vec<&Value> = mine["tags"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|t| t["type"] == 1)
            .map(|t| &t["tag_id"])
            .collect();
        assert_eq!(json!(tags), row["follow_info"]["tag_id"]);
    }
}

#[actix_web::test]
async fn groups_page_and_name_their_members() {
    let sim = start(5, 300);
    let client = Client::app(&sim).await;
    let mut ids = Vec::new();
    let mut cursor = Value::from("");
    while cursor.is_string() {
        let body = json!({ "limit": 3, "cursor": cursor });
        let page = client.post("externalcontact/groupchat/list", body).await;
        for group in page["group_chat_list"].as_array().unwrap() {
            ids.push(group["chat_id"].as_str().unwrap().to_owned());
        }
        cursor = page["next_cursor"].clone();
    }
    assert_eq!(ids, sim.chat_ids());
    let body = json!({ "chat_id": ids[0], "need_name": 1 });
    let named = client.post("externalcontact/groupchat/get", body).await;
    let bare = client
        .post(
            "externalcontact/groupchat/get",
            json!({ "chat_id": ids[0] }),
        )
        .await;
    let members = named["group_chat"]["member_list"].as_array().unwrap();
    assert!(members.iter().all(|m| m["name"].is_string()));
    assert!(members.iter().any(|m| m["type"] == 2));
    assert!(bare["group_chat"]["member_list"][0].get("name").is_none());
}

#[actix_web::test]
async fn the_world_moves() {
    let sim = start(5, 300);
    let client = Client::app(&sim).await;
    let get = async |id: &str| {
        client
            .get(&format!("externalcontact/get?external_userid={id}"))
            .await
    };

    let new = sim.add_customer("zhoumin", "尉迟敬德");
    assert_eq!(get(&new).await["external_contact"]["name"], "尉迟敬德");
    assert!(sim.rename_customer(&new, "momo"));
    assert!(sim.set_remark("zhoumin", &new, "尉迟-普洱"));
    let tag = sim.add_tag("等级", "钻石");
    assert!(sim.set_tags("zhoumin", &new, std::slice::from_ref(&tag)));
    let answer = get(&new).await;
    assert_eq!(answer["external_contact"]["name"], "momo");
    assert_eq!(answer["follow_user"][0]["remark"], "尉迟-普洱");
    assert_eq!(answer["follow_user"][0]["tags"][0]["tag_name"], "钻石");
    assert!(sim.remove_tag(&tag));
    assert_eq!(get(&new).await["follow_user"][0]["tags"], json!([]));
    let body = json!({ "tag_id": [tag] });
    let deleted = client.post("externalcontact/get_corp_tag_list", body).await;
    assert_eq!(deleted["tag_group"][0]["tag"][0]["deleted"], true);

    assert!(sim.add_relation("chenlifeng", &new));
    assert!(sim.remove_relation("zhoumin", &new));
    assert!(!sim.customers_of("zhoumin").contains(&new));
    assert!(sim.remove_relation("chenlifeng", &new));
    assert_eq!(code(&get(&new).await), 84061);

    assert!(sim.member_leaves("zhoumin"));
    assert_eq!(code(&client.get("user/get?userid=zhoumin").await), 60111);
    assert!(sim.customers_of("zhoumin").is_empty());
    let store = sim.add_department("无锡恒隆店", 10).unwrap();
    assert!(sim.member_joins("xinren", "新人", store));
    assert_eq!(
        code(&client.get("externalcontact/list?userid=xinren").await),
        84061
    );
    assert!(!sim.remove_department(store), "not while somebody is in it");
    assert!(sim.member_leaves("xinren"));
    assert!(sim.remove_department(store));

    let chat = sim.chat_ids().remove(0);
    assert!(sim.rename_group(&chat, "新茶友"));
    let answer = client
        .post("externalcontact/groupchat/get", json!({ "chat_id": chat }))
        .await;
    assert_eq!(answer["group_chat"]["name"], "新茶友");
    assert!(sim.disband_group(&chat));
    let answer = client
        .post("externalcontact/groupchat/get", json!({ "chat_id": chat }))
        .await;
    assert_eq!(code(&answer), 90501);
}

#[actix_web::test]
async fn customers_who_leave_while_paging_hide_no_others() {
    let sim = start(5, 300);
    let client = Client::app(&sim).await;
    let mine = sim.customers_of("zhoumin");
    let body = json!({ "userid_list": ["zhoumin"], "limit": 10 });
    let page = client.post("externalcontact/batch/get_by_user", body).await;
    assert!(sim.remove_relation("zhoumin", &mine[0]));
    let body = json!({ "userid_list": ["zhoumin"], "limit": 10, "cursor": page["next_cursor"] });
    let page = client.post("externalcontact/batch/get_by_user", body).await;
    let first = &page["external_contact_list"][0]["external_contact"]["external_userid"];
    assert_eq!(first, mine[10].as_str());
}

#[actix_web::test]
async fn errcodes_are_injected_where_and_as_often_as_told() {
    let sim = start(1, 50);
    let client = Client::app(&sim).await;
    sim.inject(Some("department/list"), 2, Fault::Errcode(45009));
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(code(&client.get("department/list").await));
        assert_eq!(code(&client.get("department/simplelist").await), 0);
    }
    assert_eq!(codes, [0, 45009, 0, 45009]);
    sim.clear_faults();
    assert_eq!(code(&client.get("department/list").await), 0);
}

#[actix_web::test]
async fn answers_break_as_told() {
    let sim = start(1, 50);
    let client = Client::app(&sim).await;
    let url = client.url("department/list");
    sim.inject(None, 1, Fault::Status(502));
    assert_eq!(client.http.get(&url).send().await.unwrap().status(), 502);
    sim.clear_faults();
    sim.inject(None, 1, Fault::HalfBody);
    let response = client.http.get(&url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err(), "the body breaks off");
    sim.clear_faults();
    sim.inject(None, 1, Fault::WrongTypes);
    let twisted = client.get("department/list").await;
    assert_eq!(code(&twisted), 0);
    assert!(twisted["department"][0]["name"].is_number());
    sim.clear_faults();
    sim.inject(None, 1, Fault::UnknownFields);
    let extended = client.get("department/list").await;
    assert!(extended["department"][0]["x_new_field"].is_object());
    assert_eq!(extended["department"][0]["name"], "云岭茶业");
}

#[actix_web::test]
async fn cursors_loop_and_pages_shift_as_told() {
    let sim = start(1, 200);
    let client = Client::app(&sim).await;
    let (plain, _) = client.batch(&["zhoumin"], 10).await;
    sim.inject(None, 1, Fault::ShiftingPages);
    let (shifted, pages) = client.batch(&["zhoumin"], 10).await;
    assert!(pages > 1 && shifted.len() > plain.len(), "rows come twice");
    let unique: BTreeSet<_> = shifted.into_iter().collect();
    assert_eq!(unique, plain.into_iter().collect());
    sim.clear_faults();

    sim.inject(None, 1, Fault::LoopingCursor);
    let mut firsts = Vec::new();
    let mut cursor = Value::from("");
    for _ in 0..12 {
        let body = json!({ "userid_list": ["zhoumin"], "limit": 50, "cursor": cursor });
        let page = client.post("externalcontact/batch/get_by_user", body).await;
        firsts
            .push(page["external_contact_list"][0]["external_contact"]["external_userid"].clone());
        cursor = page["next_cursor"].clone();
        assert_ne!(cursor, "");
    }
    assert!(
        firsts[1..].contains(&firsts[0]),
        "the first page comes again"
    );
}

#[actix_web::test]
async fn a_directory_remembers_its_world() {
    let dir = tempfile::tempdir().unwrap();
    let run = |seed, customers| {
        Simulator::start(SimOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed,
            customers,
            now: NOW,
            dir: Some(dir.path().to_owned()),
        })
        .unwrap()
    };
    let first = run(9, 40);
    let (corpid, mine) = (first.corpid.clone(), first.customers_of("zhoumin"));
    first.stop();
    let second = run(10, 80);
    assert_eq!((second.seed(), second.customers()), (9, 40));
    assert_eq!(second.corpid, corpid);
    assert_eq!(second.customers_of("zhoumin"), mine);
}
