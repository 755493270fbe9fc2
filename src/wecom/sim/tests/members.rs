//! Members, their tags and their files, written by the sync assistant.

use serde_json::{Value, json};

use super::{
    super::{CodeVerb, DirectoryVerb, SimHandle},
    Client,
    callbacks::Receiver,
    code, start,
};
use crate::wecom::event::Event;

/// A member as the documentation has it.
fn liang() -> Value {
    json!({
        "userid": "liang", "name": "梁冬", "mobile": "13900000002", "department": [101, 10],
        "order": [3, 0], "is_leader_in_dept": [0, 1], "main_department": 10, "position": "顾问",
        "gender": "1", "enable": 1, "to_invite": false, "direct_leader": ["chenlifeng"],
        "extattr": { "attrs": [{ "type": 0, "name": "工号", "text": { "value": "A18" } }] },
        "external_position": "顾问", "telephone": "0532-5550100", "alias": "Rain",
    })
}

async fn both(sim: &SimHandle) -> (Client<'_>, Client<'_>) {
    (
        Client::new(sim, &sim.sync_secret).await,
        Client::app(sim).await,
    )
}

#[actix_web::test]
async fn a_member_is_made_changed_and_deleted() {
    let sim = start(1, 20);
    let (sync, app) = both(&sim).await;
    assert_eq!(code(&app.post("user/create", liang()).await), 48002);
    let made = sync.post("user/create", liang()).await;
    assert_eq!(made, json!({ "errcode": 0, "errmsg": "created" }));
    let told = app.get("user/get?userid=LIANG").await;
    let expected = json!({
        "errcode": 0, "errmsg": "ok", "userid": "liang", "name": "梁冬",
        "department": [101, 10], "order": [3, 0], "is_leader_in_dept": [0, 1],
        "main_department": 10, "position": "顾问", "direct_leader": ["chenlifeng"],
        "telephone": "0532-5550100", "alias": "Rain", "status": 4,
        "extattr": { "attrs": [{ "type": 0, "name": "工号", "text": { "value": "A18" } }] },
        "external_position": "顾问",
        "external_profile": { "external_corp_name": "云岭茶业", "external_attr": [] },
    });
    assert_eq!(told, expected, "nothing private");
    let led = app.get("department/get?id=10").await;
    assert_eq!(
        led["department"]["department_leader"],
        json!(["chenguoliang", "liang"])
    );

    let change = json!({ "userid": "liang", "position": "高级顾问", "department": [102] });
    assert_eq!(code(&sync.post("user/update", change).await), 0);
    let told = app.get("user/get?userid=liang").await;
    assert_eq!(
        (
            &told["position"],
            &told["department"],
            &told["order"],
            &told["main_department"]
        ),
        (&json!("高级顾问"), &json!([102]), &json!([0]), &json!(102))
    );
    assert_eq!(told["alias"], "Rain", "what is not said stays");

    assert_eq!(
        code(&sync.get("user/delete?userid=shenjiayi").await),
        301_005
    );
    assert_eq!(code(&sync.get("user/delete?userid=liang").await), 0);
    assert_eq!(code(&sync.get("user/delete?userid=liang").await), 60111);
    assert_eq!(code(&app.get("user/get?userid=liang").await), 60111);
}

#[actix_web::test]
async fn every_field_of_a_member_has_its_errcode() {
    let sim = start(1, 20);
    let (sync, _) = both(&sim).await;
    let long = |n| "长".repeat(n);
    for (field, value, expected) in [
        ("userid", json!(null), 41009),
        ("userid", json!(".x"), 40003),
        ("userid", json!("ZhouMin"), 60102),
        ("name", json!(null), 60112),
        ("name", json!(""), 60112),
        ("name", json!(long(65)), 60112),
        ("alias", json!(long(65)), 40058),
        ("mobile", json!("139x"), 60103),
        ("mobile", json!("13900001000"), 60104),
        ("mobile", json!(null), 60129),
        ("email", json!("nobody"), 60105),
        ("email", json!("zhoumin@mail.example.com"), 60106),
        ("biz_mail", json!("x"), 60143),
        ("biz_mail", json!("ZhouMin@yunling.example.com"), 60145),
        ("department", json!([999]), 60003),
        ("department", json!("101"), 41019),
        ("department", json!(vec![101; 101]), 60110),
        ("order", json!([1]), 40058),
        ("is_leader_in_dept", json!([1]), 60132),
        ("main_department", json!(102), 40058),
        ("direct_leader", json!(["a", "b"]), 60257),
        ("direct_leader", json!(["nobody"]), 60111),
        ("position", json!(long(129)), 301_012),
        ("telephone", json!("12x"), 301_013),
        ("gender", json!("3"), 40058),
        ("address", json!(long(129)), 40058),
        ("avatar_mediaid", json!("nothing"), 301_015),
        ("external_position", json!(long(13)), 90106),
    ] {
        let mut body = liang();
        body[field] = value;
        let answer = sync.post("user/create", body).await;
        assert_eq!(code(&answer), expected, "{field}: {answer}");
    }
    let change = json!({ "userid": "zhoumin", "new_userid": "zm" });
    assert_eq!(code(&sync.post("user/update", change).await), 301_036);
    let unknown = json!({ "userid": "nobody", "name": "x" });
    assert_eq!(code(&sync.post("user/update", unknown).await), 60111);
}

#[actix_web::test]
async fn many_are_deleted_together_or_not_at_all() {
    let sim = start(1, 20);
    let (sync, app) = both(&sim).await;
    for (list, expected) in [
        (json!([]), 40031),
        (json!(["sunlili", "nobody"]), 40031),
        (json!(vec!["sunlili"; 201]), 40032),
        (json!(["sunlili", "zengqiang"]), 0),
    ] {
        let answer = sync
            .post("user/batchdelete", json!({ "useridlist": list }))
            .await;
        assert_eq!(code(&answer), expected, "{answer}");
        let there = code(&app.get("user/get?userid=sunlili").await) == 0;
        assert_eq!(there, expected != 0);
    }
}

#[actix_web::test]
async fn members_are_found_by_other_names() {
    let sim = start(1, 20);
    let (sync, app) = both(&sim).await;
    let openid = app
        .post("user/convert_to_openid", json!({ "userid": "zhoumin" }))
        .await["openid"]
        .clone();
    let back = app
        .post("user/convert_to_userid", json!({ "openid": openid }))
        .await;
    assert_eq!(back["userid"], "zhoumin");
    let mobile = json!({ "mobile": "13900001000" });
    let by_mobile = app.post("user/getuserid", mobile).await;
    assert_eq!(by_mobile["userid"], "yunzhengde");
    for (path, body, expected) in [
        (
            "user/convert_to_openid",
            json!({ "userid": "xiaoxue" }),
            43004,
        ),
        ("user/convert_to_userid", json!({ "openid": "x" }), 40073),
        ("user/getuserid", json!({ "mobile": "13911111111" }), 46004),
        (
            "user/get_userid_by_email",
            json!({ "email": "zhoumin@yunling.example.com" }),
            0,
        ),
        (
            "user/get_userid_by_email",
            json!({ "email": "zhoumin@mail.example.com", "email_type": 2 }),
            0,
        ),
        (
            "user/get_userid_by_email",
            json!({ "email": "zhoumin@mail.example.com" }),
            46004,
        ),
        ("user/get_active_stat", json!({ "date": "2026-11-17" }), 0),
        (
            "user/get_active_stat",
            json!({ "date": "2026-10-01" }),
            40058,
        ),
        (
            "batch/invite",
            json!({ "user": [], "party": [], "tag": [] }),
            82001,
        ),
        ("batch/invite", json!({ "user": ["nobody"] }), 81013),
    ] {
        let answer = app.post(path, body.clone()).await;
        assert_eq!(code(&answer), expected, "{path} {body}: {answer}");
    }
    let invited = sync
        .post(
            "batch/invite",
            json!({ "user": ["xiaoxue", "nobody"], "party": [4, 999] }),
        )
        .await;
    assert_eq!(
        (&invited["invaliduser"], &invited["invalidparty"]),
        (&json!(["nobody"]), &json!([999]))
    );
    assert_eq!(code(&sync.get("corp/get_join_qrcode?size_type=4").await), 0);
    assert_eq!(
        code(&sync.get("corp/get_join_qrcode?size_type=5").await),
        40058
    );
    assert!(app.get("getcallbackip").await["ip_list"].is_array());
}

#[actix_web::test]
async fn only_who_made_a_tag_may_change_it() {
    let sim = start(1, 20);
    let (sync, app) = both(&sim).await;
    let made = app.post("tag/create", json!({ "tagname": "值班" })).await;
    assert_eq!((code(&made), &made["errmsg"]), (0, &json!("created")));
    let id = made["tagid"].clone();
    for (body, expected) in [
        (json!({}), 41018),
        (json!({ "tagname": "" }), 40072),
        (json!({ "tagname": "长".repeat(33) }), 40072),
        (json!({ "tagname": "值班" }), 40071),
        (json!({ "tagname": "x", "tagid": 1 }), 40068),
    ] {
        let answer = app.post("tag/create", body.clone()).await;
        assert_eq!(code(&answer), expected, "{body}: {answer}");
    }
    let users = json!({ "tagid": id, "userlist": ["zhoumin", "nobody"], "partylist": [4, 99] });
    assert_eq!(
        code(&sync.post("tag/addtagusers", users.clone()).await),
        81011
    );
    let added = app.post("tag/addtagusers", users).await;
    assert_eq!(
        added,
        json!({ "errcode": 0, "errmsg": "ok", "invalidlist": "nobody", "invalidparty": [99] })
    );
    for (body, expected) in [
        (json!({ "tagid": id }), 40035),
        (json!({ "tagid": id, "userlist": "zhoumin" }), 40035),
        (json!({ "tagid": id, "userlist": ["nobody"] }), 40070),
        (json!({ "tagid": 77, "userlist": ["zhoumin"] }), 40068),
        (json!({ "userlist": ["zhoumin"] }), 41017),
    ] {
        let answer = app.post("tag/addtagusers", body.clone()).await;
        assert_eq!(code(&answer), expected, "{body}: {answer}");
    }
    let told = app.get(&format!("tag/get?tagid={id}")).await;
    assert_eq!(
        told["userlist"],
        json!([{ "userid": "zhoumin", "name": "周敏" }])
    );
    assert_eq!(told["partylist"], json!([4]));
    let rest = json!({ "tagid": id, "userlist": ["zhoumin"] });
    let removed = app.post("tag/deltagusers", rest).await;
    assert_eq!(removed, json!({ "errcode": 0, "errmsg": "deleted" }));
    let renamed = json!({ "tagid": id, "tagname": "值班表" });
    assert_eq!(app.post("tag/update", renamed).await["errmsg"], "updated");
    assert_eq!(
        app.get("tag/list").await["taglist"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        sync.get("tag/list").await["taglist"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        code(&app.get("tag/delete?tagid=1").await),
        81011,
        "made in the console"
    );
    assert_eq!(code(&sync.get("tag/delete?tagid=1").await), 0);
    let gone = app.get(&format!("tag/delete?tagid={id}")).await;
    assert_eq!(gone["errmsg"], "deleted");
}

/// Uploads a CSV and has it imported; the answer to the call, and the result.
async fn import(client: &Client<'_>, call: &str, csv: &str) -> (Value, Value) {
    let file = client
        .upload("media/upload?type=file", "导入.csv", csv.as_bytes())
        .await;
    assert_eq!(code(&file), 0, "{file}");
    let body = json!({ "media_id": file["media_id"], "to_invite": false });
    let job = client.post(call, body).await;
    let Some(id) = job["jobid"].as_str() else {
        return (job, Value::Null);
    };
    let running = client.get(&format!("batch/getresult?jobid={id}")).await;
    assert!(running["status"].as_u64().unwrap() < 3, "{running}");
    client.sim.clock().advance_ms(2000);
    let result = client.get(&format!("batch/getresult?jobid={id}")).await;
    (job, result)
}

#[actix_web::test]
async fn files_of_members_are_imported() {
    let sim = start(1, 20);
    let (sync, app) = both(&sim).await;
    let csv = "\u{feff}姓名,帐号,手机号,邮箱,所在部门,职位\n\
               梁冬,liang,13900000002,,101;10,顾问\n\
               周敏,zhoumin,,zhoumin@mail.example.com,101,店长助理\n\
               坏号,bad,139x,,101,\n";
    let (_, result) = import(&sync, "batch/syncuser", csv).await;
    assert_eq!(
        (
            &result["status"],
            &result["type"],
            &result["total"],
            &result["percentage"]
        ),
        (&json!(3), &json!("sync_user"), &json!(3), &json!(100))
    );
    let codes: Vec<i64> = result["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(code)
        .collect();
    assert_eq!(codes, [0, 0, 60103], "{result}");
    let liang = app.get("user/get?userid=liang").await;
    assert_eq!(liang["department"], json!([101, 10]));
    assert_eq!(
        app.get("user/get?userid=zhoumin").await["position"],
        "店长助理"
    );
    // One who would be alone is protected from the import.
    let alone = "姓名,帐号,手机号,所在部门\n梁冬,liang,13900000002,101\n";
    let (_, result) = import(&sync, "batch/replaceuser", alone).await;
    assert_eq!(
        (&result["status"], &result["result"]),
        (&json!(3), &json!([]))
    );
    assert_eq!(code(&app.get("user/get?userid=zhoumin").await), 0);
    for (csv, expected) in [
        ("姓名,手机号\n梁冬,13900000002\n", 40092),
        ("姓名,帐号,手机号,所在部门\n", 40092),
        ("姓名,帐号,手机号,所在部门\n甲,a,,101\n", 40092),
        (
            "姓名,帐号,手机号,所在部门\n甲,a,13911111111,101\n乙,A,13922222222,101\n",
            302_003,
        ),
    ] {
        let (job, _) = import(&sync, "batch/syncuser", csv).await;
        assert_eq!(code(&job), expected, "{csv}");
    }
    let nothing = json!({ "media_id": "none" });
    assert_eq!(code(&sync.post("batch/syncuser", nothing).await), 40007);
    assert_eq!(code(&sync.get("batch/getresult?jobid=none").await), 40088);
}

#[actix_web::test]
async fn a_file_that_would_delete_too_many_deletes_nobody() {
    let sim = start(1, 20);
    let receiver = Receiver::of(&sim);
    let (sync, app) = both(&sim).await;
    let alone = "姓名,帐号,手机号,所在部门\n梁冬,liang,13900000002,101\n";
    let (job, result) = import(&sync, "batch/replaceuser", alone).await;
    assert_eq!(result["result"], json!([]));
    let Event::BatchJob(ended) = receiver.event(&sim).await else {
        panic!("another event");
    };
    assert_eq!(json!(ended.id), job["jobid"]);
    assert_eq!(ended.errcode, 45026);
    assert_eq!(code(&app.get("user/get?userid=zhoumin").await), 0);
    receiver.stop().await;
}

#[actix_web::test]
async fn the_results_of_five_imports_are_kept() {
    let sim = start(1, 20);
    let (sync, _) = both(&sim).await;
    let csv = "姓名,帐号,手机号,所在部门\n梁冬,liang,13900000002,101\n";
    let mut jobs = Vec::new();
    for _ in 0..6 {
        let (job, _) = import(&sync, "batch/syncuser", csv).await;
        jobs.push(job["jobid"].as_str().unwrap().to_owned());
    }
    for (job, expected) in jobs.iter().zip([40089, 0, 0, 0, 0, 0]) {
        let answer = sync.get(&format!("batch/getresult?jobid={job}")).await;
        assert_eq!(code(&answer), expected, "{answer}");
    }
}

#[actix_web::test]
async fn a_firm_and_its_departments_and_tags_grow_to_their_limits() {
    let sim = start(1, 20);
    let (sync, app) = both(&sim).await;
    let limit = |name: &str, max: u64| {
        let name = name.to_owned();
        sim.act(CodeVerb::SetLimit { name, max }).unwrap();
    };
    limit("members", 1);
    assert_eq!(code(&sync.post("user/create", liang()).await), 45024);
    let department = json!({ "name": "新店", "parentid": 1 });
    for (name, max) in [("departments", 1), ("department_nodes", 1)] {
        limit(name, max);
        let answer = sync.post("department/create", department.clone()).await;
        assert_eq!(code(&answer), 81001, "{name}");
        limit(name, 30_000);
    }
    assert_eq!(code(&sync.post("department/create", department).await), 0);
    let tag = json!({ "tagname": "值班", "tagid": 12 });
    assert_eq!(code(&app.post("tag/create", tag).await), 0);
    limit("tag_nodes", 1);
    let two = json!({ "tagid": 12, "userlist": ["zhoumin", "sunlili"] });
    assert_eq!(code(&app.post("tag/addtagusers", two).await), 81003);
    let one = json!({ "tagid": 12, "userlist": ["zhoumin"] });
    assert_eq!(code(&app.post("tag/addtagusers", one).await), 0);
}

#[actix_web::test]
async fn a_file_of_departments_replaces_the_tree_as_far_as_it_is_empty() {
    let sim = start(1, 20);
    let (sync, app) = both(&sim).await;
    assert_eq!(
        code(
            &sync
                .post(
                    "department/create",
                    json!({ "name": "空", "parentid": 1, "id": 900 })
                )
                .await
        ),
        0
    );
    let csv = "部门名称,部门ID,父部门ID,排序\n\
               云岭茶业,1,0,100000000\n新店,950,940,1\n新区,940,1,5\n华东大区,10,1,90\n";
    let (_, result) = import(&sync, "batch/replaceparty", csv).await;
    let actions: Vec<(u64, u64)> = result["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| {
            (
                l["partyid"].as_u64().unwrap(),
                l["action"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        actions,
        [(1, 0), (940, 1), (10, 2), (950, 1), (900, 0)],
        "{result}"
    );
    assert_eq!(code(&app.get("department/get?id=900").await), 60003);
    assert_eq!(
        code(&app.get("department/get?id=101").await),
        0,
        "has members"
    );
    for (csv, expected) in [
        ("部门名称,部门ID,父部门ID\n甲,7,7\n", 302_004),
        ("部门名称,部门ID,父部门ID\n甲,7,8\n", 302_004),
        ("部门名称,部门ID,父部门ID\n甲,7,1\n乙,7,1\n", 302_006),
        ("部门名称,部门ID,父部门ID\n甲,7,1\n甲,8,1\n", 302_007),
    ] {
        let (job, _) = import(&sync, "batch/replaceparty", csv).await;
        assert_eq!(code(&job), expected, "{csv}");
    }
}

#[actix_web::test]
async fn a_userid_made_by_wecom_is_changed_once() {
    let sim = start(1, 20);
    let (sync, app) = both(&sim).await;
    let joined = sim
        .act(DirectoryVerb::MemberJoins {
            userid: String::new(),
            name: "新人".to_owned(),
            department: 101,
        })
        .unwrap()
        .unwrap();
    let change = |from: &str, to: &str| json!({ "userid": from, "new_userid": to });
    assert_eq!(
        code(&sync.post("user/update", change(&joined, "zhoumin")).await),
        60102
    );
    assert_eq!(
        code(&sync.post("user/update", change(&joined, "xinren")).await),
        0
    );
    assert_eq!(
        code(&app.get(&format!("user/get?userid={joined}")).await),
        60111
    );
    assert_eq!(app.get("user/get?userid=xinren").await["name"], "新人");
    assert_eq!(
        code(&sync.post("user/update", change("xinren", "x2")).await),
        301_036
    );

    assert_eq!(code(&sync.post("user/create", liang()).await), 0);
    let activate = |userid: &str| DirectoryVerb::ActivateMember {
        userid: userid.to_owned(),
    };
    assert!(sim.act(activate("liang")).is_ok() && sim.act(activate("liang")).is_err());
    let mobile = json!({ "userid": "liang", "mobile": "13900000003" });
    assert_eq!(
        code(&sync.post("user/update", mobile).await),
        0,
        "ignored, and nobody is told"
    );
    let found = sync
        .post("user/getuserid", json!({ "mobile": "13900000002" }))
        .await;
    assert_eq!(found["userid"], "liang");
}

/// Nobody hears what the sync assistant itself has done; another subscriber would.
#[actix_web::test]
async fn changes_by_calls_are_told_to_others_only() {
    let sim = start(1, 20);
    let (sync, _) = both(&sim).await;
    assert_eq!(code(&sync.post("user/create", liang()).await), 0);
    sim.callbacks_settled().await;
    assert!(sim.deliveries().is_empty());
    sim.set_echo(true);
    let moved = json!({ "userid": "liang", "department": [102] });
    assert_eq!(code(&sync.post("user/update", moved).await), 0);
    sim.callbacks_settled().await;
    let told = &sim.deliveries()[0];
    assert_eq!((told.event, told.change), ("change_contact", "update_user"));
}
