//! The documented shapes of calls, kept in `tests/shapes`: the simulator takes each request,
//! and the client reads each answer and loses nothing of it.

#[path = "shapes_contact.rs"]
mod contact;

use std::{collections::HashMap, net::TcpListener, sync::Arc};

use actix_web::{App as Web, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client as Raw, code, start};
use crate::{
    kit::{Clock, Secret},
    wecom::{
        AttachmentUse, CardUpdate, Client, Content, DepartmentChange, Error, FileByUrl, ImportKind,
        Invitation, MailKind, MediaKind, MemberChange, Message, NewDepartment, NewFile, NewMember,
        Patience, Receivers, Settings, TagOwner, quota::Governor,
    },
};

const FILES: [(&str, &str); 6] = [
    (
        "conventions",
        include_str!("../../../../tests/shapes/conventions.jsonl"),
    ),
    (
        "directory",
        include_str!("../../../../tests/shapes/directory.jsonl"),
    ),
    (
        "messages",
        include_str!("../../../../tests/shapes/messages.jsonl"),
    ),
    (
        "media",
        include_str!("../../../../tests/shapes/media.jsonl"),
    ),
    (
        "login",
        include_str!("../../../../tests/shapes/login.jsonl"),
    ),
    (
        "customers",
        include_str!("../../../../tests/shapes/customers.jsonl"),
    ),
];

/// One line of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    #[serde(rename = "section")]
    _section: String,
    pub call: String,
    /// Whose token: the app's, or `sync` or `contact`.
    #[serde(default, rename = "as")]
    whose: String,
    #[serde(default)]
    query: HashMap<String, String>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    sim: i64,
    #[serde(default)]
    answer: Option<Value>,
    #[serde(default)]
    unread: Vec<String>,
}

/// The lines of a file.
pub(super) fn lines(file: &str) -> Vec<Shape> {
    let lines = file.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

/// Asks the simulator everything a file has, from the top.
pub(super) async fn ask_all(file: &str) {
    let sim = start(1, 20);
    sim.set_callback("http://127.0.0.1:1/nobody");
    let app = Raw::app(&sim).await;
    let sync = Raw::new(&sim, &sim.sync_secret).await;
    let contact = Raw::new(&sim, &sim.contact_secret).await;
    let mut wrong = Vec::new();
    for (n, shape) in lines(file).into_iter().enumerate() {
        let client = match shape.whose.as_str() {
            "sync" => &sync,
            "contact" => &contact,
            _ => &app,
        };
        let query: Vec<String> = shape
            .query
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let path = match query.is_empty() {
            true => shape.call.clone(),
            false => format!("{}?{}", shape.call, query.join("&")),
        };
        let got = match &shape.body {
            Some(body) => client.post(&path, body.clone()).await,
            None => client.get(&path).await,
        };
        if code(&got) != shape.sim {
            wrong.push(format!("line {}: {path}: {got}", n + 1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[actix_web::test]
async fn the_simulator_takes_every_request() {
    for (_, file) in FILES {
        ask_all(file).await;
    }
}

/// A server that knows nothing but one answer for each call.
pub(super) struct Parrot {
    pub client: Client,
    server: ServerHandle,
}

impl Parrot {
    pub(super) fn start(answer: Value) -> Self {
        let answer = Arc::new(answer);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = HttpServer::new(move || {
            let answer = Arc::clone(&answer);
            Web::new()
                .app_data(web::PayloadConfig::new(1 << 20))
                .default_service(web::to(move |request: HttpRequest, _: Bytes| {
                    let answer = Arc::clone(&answer);
                    async move {
                        if request.path().ends_with("/gettoken") {
                            let token = json!({
                                "errcode": 0, "errmsg": "ok",
                                "access_token": "tok-1", "expires_in": 7200,
                            });
                            return HttpResponse::Ok().json(token);
                        }
                        let query = request.query_string();
                        assert!(query.contains("access_token=tok-1"), "{query}");
                        HttpResponse::Ok().json(&*answer)
                    }
                }))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let settings = Settings {
            base_url: format!("http://{address}/cgi-bin/"),
            corpid: "ww0123456789abcdef".to_owned(),
            app_secret: Secret::new("s".to_owned()),
            contact_secret: None,
            sync_secret: None,
            archive_secret: None,
            proxy: None,
        };
        let clock = Clock::manual(super::NOW);
        let patience = Patience {
            waits: Vec::new(),
            ..Patience::default()
        };
        let quota = Governor::new(clock.clone());
        Self {
            client: Client::new(settings, patience, clock, quota).unwrap(),
            server: handle,
        }
    }

    pub(super) async fn stop(self) {
        self.server.stop(false).await;
    }
}

/// All numbers but errcode as text.
pub(super) fn numbers_as_text(value: &Value) -> Value {
    match value {
        Value::Number(n) => json!(n.to_string()),
        Value::Array(items) => items.iter().map(numbers_as_text).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match name.as_str() {
                "errcode" => (name.clone(), value.clone()),
                _ => (name.clone(), numbers_as_text(value)),
            })
            .collect(),
        other => other.clone(),
    }
}

/// Every value that must come out again.
pub(super) fn leaves(value: &Value, unread: &[String], found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let known = !matches!(name.as_str(), "errcode" | "errmsg" | "next_cursor");
                if known && !unread.contains(name) {
                    leaves(value, unread, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, unread, found)),
        Value::String(text) => found.extend(text.split('|').map(str::to_owned)),
        Value::Number(n) => found.push(n.to_string()),
        Value::Bool(_) | Value::Null => {}
    }
}

/// Has the typed call of each line read its answer in both forms.
pub(super) async fn read_all(file: &str, typed: impl AsyncFn(&Client, &str) -> String) {
    let mut wrong = Vec::new();
    for shape in lines(file) {
        let Some(answer) = &shape.answer else {
            continue;
        };
        let mut read = Vec::new();
        for form in [answer.clone(), numbers_as_text(answer)] {
            let parrot = Parrot::start(form);
            read.push(typed(&parrot.client, &shape.call).await);
            parrot.stop().await;
        }
        if read[0] != read[1] {
            wrong.push(format!("{}: numbers as text: {read:?}", shape.call));
        }
        let mut expected = Vec::new();
        leaves(answer, &shape.unread, &mut expected);
        for value in expected {
            if !read[0].contains(&value) {
                wrong.push(format!("{}: {value} is lost in {}", shape.call, read[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn message() -> Message {
    Message {
        to: Receivers::one("zhoumin"),
        content: Content::text("a"),
        safe: false,
        once_within_s: None,
    }
}

fn file() -> NewFile {
    NewFile {
        name: "a.png".to_owned(),
        content_type: "image/png".to_owned(),
        bytes: Bytes::from_static(b"123456"),
    }
}

/// The answer as the typed call reads it.
async fn typed(client: &Client, call: &str) -> String {
    let app = TagOwner::App;
    let one = ["liang".to_owned()];
    macro_rules! read {
        ($call:expr) => {
            format!(
                "{:?}",
                $call.await.unwrap_or_else(|e| panic!("{call}: {e}"))
            )
        };
    }
    match call {
        "getcallbackip" => read!(client.callback_addresses()),
        "get_api_domain_ip" => read!(client.api_addresses()),
        "get_jsapi_ticket" => read!(client.jsapi_ticket()),
        "ticket/get" => read!(client.agent_ticket()),
        "department/create" => {
            let department = NewDepartment {
                name: "a".to_owned(),
                name_en: None,
                parentid: 1,
                order: None,
                id: None,
            };
            read!(client.create_department(&department))
        }
        "department/update" => read!(client.update_department(&DepartmentChange::default())),
        "department/get" => read!(client.department(5)),
        "department/list" => read!(client.departments()),
        "department/simplelist" => read!(client.department_places()),
        "department/delete" => read!(client.delete_department(5)),
        "user/create" => read!(client.create_member(&NewMember::default())),
        "user/update" => read!(client.update_member(&MemberChange::default())),
        "user/get" => read!(client.member("chenyu")),
        "user/list" => read!(client.members(5)),
        "user/simplelist" => read!(client.member_names(5)),
        "user/list_id" => read!(client.member_places().all()),
        "user/delete" => read!(client.delete_member("chenyu")),
        "user/batchdelete" => read!(client.delete_members(&one)),
        "user/convert_to_openid" => read!(client.member_openid("chenyu")),
        "user/convert_to_userid" => read!(client.userid_of_openid("o")),
        "user/getuserid" => read!(client.userid_of_mobile("13900000002")),
        "user/get_userid_by_email" => read!(client.userid_of_mail("a@b.cn", MailKind::Corp)),
        "user/get_active_stat" => read!(client.active_members("2026-03-01")),
        "batch/invite" => read!(client.invite(&Invitation::default())),
        "corp/get_join_qrcode" => read!(client.join_code(1)),
        "tag/create" => read!(client.create_directory_tag(app, "值班", Some(12))),
        "tag/update" => read!(client.rename_directory_tag(app, 12, "a")),
        "tag/delete" => read!(client.delete_directory_tag(app, 12)),
        "tag/get" => read!(client.directory_tag(app, 12)),
        "tag/list" => read!(client.directory_tags(app)),
        "tag/addtagusers" => read!(client.tag_members(app, 12, &one, &[])),
        "tag/deltagusers" => read!(client.untag_members(app, 12, &one, &[])),
        "batch/syncuser" => read!(client.import(ImportKind::SyncMembers, "med-1", false)),
        "batch/replaceuser" => read!(client.import(ImportKind::ReplaceMembers, "med-1", false)),
        "batch/replaceparty" => {
            read!(client.import(ImportKind::ReplaceDepartments, "med-1", false))
        }
        "batch/getresult" => read!(client.import_state("job-1")),
        "message/send" => read!(client.send_message(1_000_002, &message())),
        "message/update_template_card" => {
            let update = CardUpdate::Button("a".to_owned());
            read!(client.update_card(1_000_002, "rc-1", &one, &update))
        }
        "message/recall" => read!(client.recall_message("m-1")),
        "message/get_statistics" => read!(client.message_counts(false)),
        "media/upload" => read!(client.upload(MediaKind::Image, &file())),
        "media/uploadimg" => read!(client.upload_picture(&file())),
        "media/upload_attachment" => {
            let used_for = AttachmentUse::Moment;
            read!(client.upload_attachment(MediaKind::Image, used_for, &file()))
        }
        "media/upload_by_url" => {
            let by_url = FileByUrl {
                kind: "file".to_owned(),
                filename: "a".to_owned(),
                url: "https://a.cn".to_owned(),
                md5: String::new(),
            };
            read!(client.upload_by_url(&by_url))
        }
        "media/get_upload_by_url_result" => read!(client.upload_by_url_state("ujob-1")),
        "auth/getuserinfo" => read!(client.code_owner("code-1")),
        "auth/getuserdetail" => {
            read!(client.private_details(&Secret::new("ut-1".to_owned())))
        }
        other => contact::typed(client, other).await,
    }
}

#[actix_web::test]
async fn the_client_loses_no_field_of_any_answer() {
    for (_, file) in FILES {
        read_all(file, typed).await;
    }
}

#[actix_web::test]
async fn a_refusal_is_read_with_its_hint_and_the_address_it_saw() {
    let parrot = Parrot::start(json!({
        "errcode": 41037,
        "errmsg": "missing contact way type, \
            hint: [1712040216_61_9e1fdf3207c6203bd6763e139247adaa], from ip: 203.0.113.7, \
            more info at https://open.work.weixin.qq.com/devtool/query?e=41037",
    }));
    let refused = parrot.client.contact_way("c").await.unwrap_err();
    let Error::Refused {
        errcode,
        hint,
        seen_ip,
        ..
    } = &refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(*errcode, 41037);
    assert_eq!(hint, "1712040216_61_9e1fdf3207c6203bd6763e139247adaa");
    assert_eq!(seen_ip.unwrap().to_string(), "203.0.113.7");
    parrot.stop().await;
}
