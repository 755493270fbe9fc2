//! Conditions of the archive's search, and who may ask by which.

use qitai::{org::Member, wecom::sim::firm};

use super::{
    archive_ledger::park,
    chats::{archive, text},
};
use crate::support::{TestApp, Visitor};

fn ids(visitor: &Visitor<'_>, query: &str) -> Vec<String> {
    let page = visitor.get(&format!("/api/v1/messages?{query}"));
    assert_eq!(page.status, 200, "{query}: {}", page.body);
    let page = page.json();
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Which messages there are alerts about is found by whoever handles alerts, and by nobody else.
#[test]
fn messages_with_alerts_are_found_by_whoever_handles_alerts() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let cast = firm::cast();
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    let admin = test.sign_in("admin");
    assert_eq!(ids(&admin, "flag=sensitive"), Vec::<String>::new());
    let list = [
        ("name", "飞单"),
        ("words", "转我微信"),
        ("severity", "high"),
        ("is_on", "on"),
    ];
    assert_eq!(admin.post("/sensitive/words/new", &list).status, 303);
    let said = |number, words| text(number, cast.store_staff, &[&customer], words);
    archive(&test, 1, [said(1, "钱转我微信吧"), said(2, "好的，收到")]);
    // The answer of before is not kept: the alert was raised since.
    test.wait_for("the alert is raised", || {
        (ids(&admin, "flag=sensitive") == ["1"]).then_some(())
    });
    assert_eq!(ids(&admin, "flag=recalled"), Vec::<String>::new());
    let page = admin.get("/archive?flag=sensitive").body;
    assert!(page.contains("钱转我微信吧") && !page.contains("好的，收到"));
    assert!(page.contains("命中敏感词"), "the condition is named");
    let both = admin.get("/archive?flag=sensitive&flag=recalled").body;
    assert!(!both.contains("钱转我微信吧"), "both have to hold");

    let staff = test.sign_in("staff");
    assert_eq!(ids(&staff, ""), ["2", "1"]);
    for refused in [
        "/api/v1/messages?flag=sensitive",
        "/archive?flag=sensitive",
        "/archive?flag=sensitive&q=%E6%94%B6%E5%88%B0",
        "/archive?flag=sensitive&by=chat",
    ] {
        assert_eq!(staff.get(refused).status, 403, "{refused}");
    }
    assert!(!staff.get("/archive").body.contains("命中敏感词"));
    assert_eq!(staff.get("/api/v1/messages?flag=odd").status, 400);
}

/// A department stands for the members in it and below whom one sees.
#[test]
fn messages_are_found_by_department() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let cast = firm::cast();
    let directory = test.app.read(|r| test.app.directory.get(r)).unwrap();
    let staff = directory.by_userid(cast.store_staff).unwrap();
    let home = directory.department_of(staff).unwrap().wecom_id;
    let under_home = directory.member_ids_under(home);
    let abroad = |member: &&Member| {
        let department = directory.department_of(member);
        department.is_some_and(|d| !directory.member_ids_under(d.wecom_id).contains(&staff.id))
            && !under_home.contains(&member.id)
            && member.is_here()
    };
    let other = directory.members().find(abroad).unwrap();
    let away = directory.department_of(other).unwrap().wecom_id;
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    let messages = [
        text(1, cast.store_staff, &[&customer], "您好"),
        text(2, &other.userid, &[cast.store_staff], "报表发我"),
    ];
    archive(&test, 1, messages);

    let admin = test.sign_in("admin");
    assert_eq!(ids(&admin, "department=1"), ["2", "1"], "all of the firm");
    assert_eq!(ids(&admin, &format!("department={home}")), ["2", "1"]);
    assert_eq!(ids(&admin, &format!("department={away}")), ["2"]);
    let both = format!("department={away}&staff={}", staff.id);
    assert_eq!(ids(&admin, &both), ["2"], "both took part");
    assert!(ids(&admin, "department=4000000000").is_empty());
    let page = admin.get(&format!("/archive?dept={away}")).body;
    assert!(page.contains("报表发我") && !page.contains("您好"));

    // Whoever does not see its members asks by it in vain.
    let visitor = test.sign_in("staff");
    assert_eq!(ids(&visitor, ""), ["2", "1"]);
    assert!(ids(&visitor, &format!("department={away}")).is_empty());
    let page = visitor.get(&format!("/archive?dept={away}")).body;
    assert!(!page.contains("报表发我"));
    let odd = visitor.get("/api/v1/messages?department=x");
    assert_eq!(odd.status, 400);
}

/// What nobody can read yet is listed with all that is known of it, for whoever sees the firm.
#[test]
fn undecrypted_messages_are_listed_for_those_who_see_the_whole_firm() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let cast = firm::cast();
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    archive(
        &test,
        1,
        [text(1, cast.store_staff, &[&customer], "您好，收到")],
    );
    let officer = test.sign_in("compliance");
    let none = officer.get("/archive?flag=undecrypted").body;
    assert!(none.contains("没有未解密的消息"), "{none}");
    for seq in 2..=25 {
        park(&test, seq);
    }

    let list = officer.get("/archive?flag=undecrypted").body;
    for shown in [
        "24 条未解密的消息",
        "m25",
        "第 9 版",
        "本机没有这一版的私钥",
        "请超级管理员处理",
        "2026-01-01 12:00",
    ] {
        assert!(list.contains(shown), "{shown}: {list}");
    }
    assert!(!list.contains("您好，收到") && !list.contains("/settings/archive#keys"));
    assert!(!list.contains("没有起作用"));
    // The page after the first, by its link.
    let next = list.split("rel=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    let next = officer.get(&next).body;
    assert!(next.contains("m5<") && !next.contains("m25<"), "{next}");
    // Whoever keeps the keys is led to them.
    let admin = test.sign_in("admin");
    let list = admin.get("/archive?flag=undecrypted").body;
    assert!(list.contains("/settings/archive#keys"), "{list}");
    assert!(
        admin
            .get("/settings/archive")
            .body
            .contains("/archive?flag=undecrypted")
    );

    // Days are those on which they came; what cannot be asked is said.
    let that_day = officer.get("/archive?flag=undecrypted&from=2026-01-01&to=2026-01-01");
    assert!(that_day.body.contains("24 条未解密的消息"));
    let later = officer
        .get("/archive?flag=undecrypted&from=2026-01-02")
        .body;
    assert!(later.contains("这段时间收到的消息都已解密"), "{later}");
    let words = officer.get("/archive?flag=undecrypted&flag=recalled&q=a&type=text");
    assert!(words.body.contains("24 条未解密的消息"));
    let aside = "条件「内容、类型、标记」没有起作用";
    assert!(words.body.contains(aside), "{}", words.body);

    // The way there: from the search, its filter, and the ledger.
    let all = officer.get("/archive").body;
    assert!(all.contains("href=\"/archive?flag=undecrypted\""), "{all}");
    assert!(all.contains("value=\"undecrypted\""));
    let ledger = officer.get("/archive/ledger").body;
    assert!(
        ledger.contains("href=\"/archive?flag=undecrypted\""),
        "{ledger}"
    );
    let of_day = "/archive?flag=undecrypted&amp;from=2026-01-01&amp;to=2026-01-01";
    assert!(ledger.contains(of_day), "{ledger}");

    // It is read as a search is.
    let trail = admin.get("/compliance/audit").body;
    assert!(trail.contains("搜索聊天记录"), "{trail}");
    let before = test.audit_size();
    let api = officer
        .get("/api/v1/messages?flag=undecrypted&limit=2")
        .json();
    assert!(test.audit_size() > before, "durable before it is shown");
    assert_eq!(
        (&api["total"], &api["total_exact"]),
        (&24.into(), &true.into())
    );
    let first = &api["items"][0];
    assert_eq!(first["state"], "undecrypted");
    assert_eq!(
        (&first["id"], &first["from"]),
        (&"25".into(), &serde_json::Value::Null)
    );
    let known = &first["undecrypted"];
    assert_eq!(
        (&known["msgid"], &known["why"]),
        (&"m25".into(), &"no_key".into())
    );
    assert_eq!(
        (&known["key_version"], known["received_at"].is_i64()),
        (&9.into(), true)
    );
    let cursor = api["next_cursor"].as_str().unwrap();
    let next = format!("flag=undecrypted&limit=2&cursor={cursor}");
    assert_eq!(ids(&officer, &next), ["23", "22"]);
    assert_eq!(
        officer.get("/api/v1/messages/25").json()["state"],
        "undecrypted"
    );
    assert_eq!(officer.get("/api/v1/messages/99").status, 404);
    let both = officer.get("/api/v1/messages?flag=undecrypted&q=a");
    assert_eq!(both.status, 400);
    assert!(
        both.body.contains("未解密的消息只能按时间筛选"),
        "{}",
        both.body
    );

    // Nobody knows whose they are: who sees some members is refused, and not offered it.
    for login in ["staff", "manager"] {
        let visitor = test.sign_in(login);
        for refused in [
            "/archive?flag=undecrypted",
            "/archive?flag=undecrypted&by=chat",
            "/api/v1/messages?flag=undecrypted",
        ] {
            let page = visitor.get(refused);
            assert_eq!(page.status, 403, "{login} {refused}");
            assert!(page.body.contains("管理全公司"), "{}", page.body);
        }
        assert_eq!(visitor.get("/api/v1/messages/25").status, 404);
        assert!(!visitor.get("/archive").body.contains("undecrypted"));
    }
}

/// A customer is picked by name or pinyin, within the scope and without script.
#[test]
fn messages_are_narrowed_to_a_customer_who_is_found_by_name() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let cast = firm::cast();
    let sim = test.sim.as_ref().unwrap();
    let all = sim.customers_of(cast.store_staff);
    for (customer, name) in [(0, "欧阳芳雪"), (1, "欧阳芳雪二"), (2, "欧阳芳雪三")] {
        assert!(sim.rename_customer(&all[customer], name));
    }
    // One whom the member does not see: of somebody in another store.
    let directory = test.app.read(|r| test.app.directory.get(r)).unwrap();
    let of_others = directory.members().filter(|m| m.userid != cast.store_staff);
    let mut of_others = of_others.map(|m| (m.userid.clone(), sim.customers_of(&m.userid)));
    let foreign = of_others.find_map(|(userid, customers)| {
        let mut customers = customers.into_iter();
        Some((userid, customers.find(|customer| !all.contains(customer))?))
    });
    let (colleague, foreign) = foreign.unwrap();
    assert!(sim.rename_customer(&foreign, "欧阳芳雪四"));
    test.sync();
    let own = cast.store_staff;
    archive(
        &test,
        1,
        [
            text(1, &all[0], &[own], "上次的退款到了吗"),
            text(2, own, &[&all[1]], "退款三天内到账"),
            text(3, &foreign, &[&colleague], "别店的订单"),
        ],
    );
    let officer = test.sign_in("compliance");
    let part = officer.part("/archive?who=oyfx", "who").body;
    assert!(part.contains("欧阳芳雪四"), "{part}");
    let unseen = part.split(">欧阳芳雪四<").next().unwrap();
    let unseen = unseen.rsplit("name=\"customer\" value=\"").next().unwrap();
    let unseen = unseen.split('"').next().unwrap();
    let staff = test.sign_in("staff");
    let page = staff.get("/archive").body;
    assert!(page.contains("name=\"who\"") && !page.contains("欧阳芳雪三"));
    // What was typed opens the list; only those who ever wrote are in it.
    let before = test.audit_size();
    let page = staff.get("/archive?who=ouyangfangxue&type=text").body;
    assert!(test.audit_size() > before, "looking is a search");
    let field = page.split("name=\"who\"").nth(1).unwrap();
    let field = field.split("pop__foot").next().unwrap();
    assert!(page.contains("<details class=\"dd\" open>"), "{page}");
    assert!(
        field.contains(">欧阳芳雪<") && field.contains(">欧阳芳雪二<"),
        "{field}"
    );
    for absent in ["欧阳芳雪三", "欧阳芳雪四"] {
        assert!(!field.contains(absent), "{field}");
    }
    let chosen = field.split(">欧阳芳雪<").next().unwrap();
    let id = chosen.rsplit("name=\"customer\" value=\"").next().unwrap();
    let id = id.split('"').next().unwrap();

    let page = staff
        .get(&format!("/archive?who=oyfx&customer={id}&type=text"))
        .body;
    assert!(page.contains("上次的退款到了吗") && !page.contains("退款三天内到账"));
    let ticked = format!("name=\"customer\" value=\"{id}\" checked");
    assert!(page.contains(&ticked), "{page}");
    assert!(!page.contains("<details class=\"dd\" open>"));
    let chip = "<em>客户</em><span class=\"clip\">欧阳芳雪</span><a href=\"/archive?type=text\"";
    assert!(page.contains(chip), "{page}");
    // A part of the page, as it is typed.
    let part = staff
        .part(&format!("/archive?who=oyfx&customer={id}"), "who")
        .body;
    assert!(
        part.contains("<div id=\"who\"") && part.contains("欧阳芳雪二"),
        "{part}"
    );
    assert!(
        part.contains(&ticked) && !part.contains("上次的退款"),
        "{part}"
    );
    let none = staff.part("/archive?who=%E8%B0%81%E4%B9%9F%E4%B8%8D%E6%98%AF", "who");
    assert!(none.body.contains("存档里没有这样的客户"), "{}", none.body);
    // Digits look for nobody by a phone number.
    let phone = staff.part("/archive?who=13800136021", "who").body;
    assert!(phone.contains("存档里没有这样的客户"), "{phone}");

    // Out of scope is as if not there.
    let page = staff.get(&format!("/archive?customer={unseen}")).body;
    assert!(page.contains("不在范围内的客户") && !page.contains("欧阳芳雪四"));
    assert!(!page.contains("别店的订单"));
}

/// A card is found by the name on it, as long as the person is called so, by whoever may know.
#[test]
fn cards_are_found_by_the_name_that_their_bubble_shows() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let cast = firm::cast();
    let sim = test.sim.as_ref().unwrap();
    let all = sim.customers_of(cast.store_staff);
    let directory = test.app.read(|r| test.app.directory.get(r)).unwrap();
    let of_others = directory.members().filter(|m| m.userid != cast.store_staff);
    let mut of_others = of_others.flat_map(|m| sim.customers_of(&m.userid));
    let foreign = of_others.find(|customer| !all.contains(customer)).unwrap();
    assert!(sim.rename_customer(&all[0], "欧阳芳雪"));
    assert!(sim.rename_customer(&foreign, "欧阳芳霏"));
    test.sync();
    let colleague = directory.by_userid(cast.region_manager).unwrap();
    let card = |number: u64, userid: &str| {
        let mut message = text(number, &all[1], &[cast.store_staff], "");
        message["msgtype"] = "card".into();
        message["card"] = serde_json::json!({ "corpname": "微信联系人", "userid": userid });
        message.as_object_mut().unwrap().remove("text");
        message
    };
    let mut record = text(5, &all[1], &[cast.store_staff], "");
    record["msgtype"] = "chatrecord".into();
    let nested = serde_json::json!({ "corpname": "", "userid": all[0] }).to_string();
    record["chatrecord"] = serde_json::json!({ "title": "转发的名片", "item": [
        { "type": "card", "msgtime": 1_767_240_000, "content": nested, "from_chatroom": false },
    ]});
    let messages = [
        text(1, &all[1], &[cast.store_staff], "我推给您"),
        card(2, &all[0]),
        card(3, &colleague.userid),
        card(4, &foreign),
        record,
    ];
    archive(&test, 1, messages);
    let (staff, officer) = (test.sign_in("staff"), test.sign_in("compliance"));
    assert_eq!(ids(&staff, "q=欧阳芳雪"), ["5", "2"]);
    assert_eq!(ids(&staff, "q=oyfx"), ["5", "2"]);
    assert_eq!(ids(&staff, "q=欧阳芳雪+联系人"), ["2"]);
    assert_eq!(ids(&staff, &format!("q={}", colleague.name)), ["3"]);
    let page = staff.get("/archive?q=欧阳芳雪").body;
    assert!(
        page.contains("<p><mark>欧阳芳雪</mark> 微信联系人</p>"),
        "{page}"
    );
    // A name that its bubble hides finds it for nobody who may not know it.
    assert_eq!(ids(&staff, "q=欧阳芳霏"), [""; 0]);
    assert_eq!(ids(&officer, "q=欧阳芳霏"), ["4"]);
    // Ids are not words.
    assert_eq!(ids(&officer, &format!("q={}", all[0])), [""; 0]);
    // Whoever is renamed is found by the new name.
    assert!(sim.rename_customer(&all[0], "司马芳雪"));
    test.sync();
    assert_eq!(ids(&staff, "q=司马芳雪"), ["5", "2"]);
    assert_eq!(ids(&staff, "q=欧阳芳雪"), [""; 0]);
}

/// A word means everybody whom it may name, however many they are, and names are typed as people
/// type them.
#[test]
fn names_are_found_as_people_type_them() {
    let test = TestApp::with_customers(60);
    test.let_admins_read_chats();
    let own = firm::cast().store_staff;
    let sim = test.sim.as_ref().unwrap();
    let directory = test.app.read(|r| test.app.directory.get(r)).unwrap();
    let all: std::collections::BTreeSet<String> = directory
        .members()
        .flat_map(|member| sim.customers_of(&member.userid))
        .collect();
    assert!(all.len() > 55, "{}", all.len());
    let mine = sim.customers_of(own);
    for (n, customer) in all.iter().enumerate() {
        assert!(sim.rename_customer(customer, &format!("欧阳第{n}")));
    }
    for (n, name) in [(0, "欧阳若霞"), (1, "Jessica L.")] {
        assert!(sim.rename_customer(&mine[n], name));
    }
    test.sync();
    archive(
        &test,
        1,
        [
            text(1, &mine[0], &[own], "退款到了吗"),
            text(2, &mine[1], &[own], "退款单号发我"),
            text(3, own, &[&mine[1]], "好的"),
        ],
    );
    let officer = test.sign_in("compliance");
    // 退款: %E9%80%80%E6%AC%BE, 若霞: %E8%8B%A5%E9%9C%9E.
    for (typed, found) in [
        ("ouyang+%E9%80%80%E6%AC%BE", vec!["1"]),
        ("ou+yang+%E9%80%80%E6%AC%BE", vec!["1"]),
        ("%E8%8B%A5%E9%9C%9E", vec!["1"]),
        ("ruoxia+%E9%80%80%E6%AC%BE", vec!["1"]),
        ("Jessica+L.", vec!["3", "2"]),
        ("jessica+l.+%E9%80%80%E6%AC%BE", vec!["2"]),
        ("Jessica+X.", vec![]),
    ] {
        assert_eq!(ids(&officer, &format!("q={typed}")), found, "{typed}");
    }
    let hold = "/compliance/retention/holds/new?q=%E6%AC%A7%E9%98%B3";
    assert!(officer.get(hold).body.contains("欧阳若霞"));

    // What narrows nothing is said, and cannot be saved as if it did.
    let odd = officer.get("/archive?from=2026-13-45&flag=zzz").body;
    assert!(odd.contains("from=2026-13-45") && odd.contains("flag=zzz"));
    assert!(odd.contains("没有按它筛选") && !odd.contains("保存这个搜索"));
    let good = officer.get("/archive?from=2020-01-01").body;
    assert!(!good.contains("没有按它筛选") && good.contains("保存这个搜索"));
    let backwards = officer.get("/archive?from=2026-02-01&to=2026-01-01").body;
    assert!(backwards.contains("开始日期在结束日期之后"), "{backwards}");
    let words: Vec<String> = (1..=18).map(|n| format!("w{n}")).collect();
    let many = officer.get(&format!("/archive?q={}", words.join("+"))).body;
    assert!(many.contains("没有参与查找：w17 w18"), "{many}");
}
