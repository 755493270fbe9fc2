//! Sample pages in both languages: empty, one, many, too long, hostile.

use actix_web::{
    HttpRequest, Responder,
    test::{TestRequest, call_service, init_service, read_body},
    web::{self as routes, ServiceConfig},
};
use askama::Template;

use super::*;
use crate::{
    error::Invalid,
    view,
    web::parts::{
        Chip, Choice, Empty, EmptyKind, Filter, Link, Pager, Progress, Step, StepState, Tab,
    },
};

pub(super) fn shell(name: &str) -> Shell {
    let item = |key, href, icon, on_tabbar| NavItem {
        key,
        href,
        icon,
        badge: None,
        on_tabbar,
    };
    let mut todo = item("list.total", "/todo", "inbox", true);
    todo.badge = Some(Badge {
        n: 42,
        is_more: true,
        bad: false,
    });
    Shell {
        firm: "云岭茶业".into(),
        user: Some(ShellUser {
            id: "a1".into(),
            name: name.into(),
            role_key: "shell.me",
        }),
        nav: vec![
            NavGroup {
                key: None,
                items: vec![item("keys.home", "/", "home", true), todo],
            },
            NavGroup {
                key: Some("shell.search"),
                items: vec![item("keys.customers", "/customers", "user", true)],
            },
        ],
        settings: Vec::new(),
        logo: None,
        seal: Some(SealFact {
            at: Timestamp::from_ms(NOW_MS - 5_520_000),
            intact: true,
        }),
        synced_at: Some(Timestamp::from_ms(NOW_MS - 120_000)),
        held: Some(Held {
            decide_at: Some("/settings/backup/resume"),
        }),
        unread: 0,
    }
}

pub(super) struct Row {
    id: String,
    name: String,
    remark: String,
    tags: Vec<(String, String)>,
    at: Timestamp,
}

#[derive(Template)]
#[template(path = "list.html", blocks = ["title", "list"])]
pub(super) struct ListPage {
    query: ListQuery,
    views: Vec<Tab>,
    filters: Vec<Filter>,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    pager: Pager,
    empty: Empty,
}
view!(ListPage, "list" => as_list);

#[derive(Template)]
#[template(path = "form.html", blocks = ["title", "form"])]
pub(super) struct MemberForm {
    form: FormState,
    depts: Vec<Choice>,
}
view!(MemberForm, "form" => as_form);

#[derive(Template)]
#[template(path = "bare.html", blocks = ["title"])]
pub(super) struct SignIn {
    form: FormState,
}
view!(SignIn);

#[derive(Template)]
#[template(path = "detail.html", blocks = ["title", "tab"])]
pub(super) struct Detail {
    name: String,
    phone: String,
    tags: Vec<(String, String)>,
    tabs: Vec<Tab>,
    steps: Vec<Step>,
    progress: Progress,
    at: Timestamp,
}
view!(Detail, "tab" => as_tab);

fn list_page(cx: &Cx, n: u32, name: &str) -> ListPage {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let tags = [
        (name.to_owned(), "warn".to_owned()),
        ("老白茶".to_owned(), String::new()),
        ("单丛".to_owned(), String::new()),
    ];
    let rows = (0..n).map(|i| Row {
        id: format!("id{i}"),
        name: if i == 0 {
            name.to_owned()
        } else {
            ["王海燕", "冯丽娜", "Cindy Liu", "祝家明"][(i % 4) as usize].to_owned()
        },
        remark: "王姐-老白茶".into(),
        tags: tags.iter().take((i % 4) as usize).cloned().collect(),
        at: Timestamp::from_ms(NOW_MS - i64::from(i) * 9_000_000),
    });
    let choice = |label: &str, is_on| Choice {
        value: label.to_owned(),
        label: label.to_owned(),
        count: Some(412),
        is_on,
    };
    let filter = |name, label: &str, many, on| Filter {
        name,
        label: label.to_owned(),
        choices: vec![
            choice("华东区", on),
            choice("华南区", false),
            choice(name, false),
        ],
        many,
    };
    ListPage {
        views: vec![
            Tab {
                label: "全部客户".into(),
                href: "/customers".into(),
                count: Some(48_216),
                is_current: false,
            },
            Tab {
                label: "近30天新增".into(),
                href: query.with("view", "new").to_string(),
                count: Some(1_553),
                is_current: true,
            },
            Tab {
                label: "我的客户".into(),
                href: query.with("view", "mine").to_string(),
                count: None,
                is_current: false,
            },
        ],
        filters: vec![
            filter("dept", "部门", false, true),
            filter("tag", "标签", true, false),
            filter("stage", "阶段", true, false),
        ],
        chips: vec![Chip {
            label: "部门".into(),
            value: format!("华东区 {}", if n == 1 { name } else { "" }),
            remove: query.without("dept").to_string(),
        }],
        pager: Pager {
            from: (n > 0).then_some(1),
            to: Some(n.into()),
            total: 1_553,
            total_exact: true,
            rows: n.into(),
            prev: None,
            next: Some(query.after("abc").to_string()),
        },
        rows: rows.collect(),
        empty: Empty {
            kind: EmptyKind::NothingMatches,
            title: "没有符合条件的客户".into(),
            hint: "部门 华东区，标签 单丛".into(),
            action: Some(Link {
                label: "清空条件".into(),
                href: "/customers".into(),
            }),
            other: None,
        },
        query,
    }
}

fn detail(name: &str) -> Detail {
    let step = |label: &str, state| Step {
        label: label.into(),
        state,
        href: None,
    };
    Detail {
        name: name.into(),
        phone: "13800136021".into(),
        tags: vec![(name.into(), "a".into())],
        tabs: vec![
            Tab {
                label: "动态".into(),
                href: "/customers/a1".into(),
                count: None,
                is_current: true,
            },
            Tab {
                label: "变更".into(),
                href: "/customers/a1?tab=changes".into(),
                count: Some(3),
                is_current: false,
            },
        ],
        steps: vec![
            step("新客户", StepState::Done),
            step("跟进中", StepState::Done),
            step("复购中", StepState::Current),
            step("沉默", StepState::Ahead),
        ],
        progress: Progress {
            done: 312,
            total: Some(1_280),
            left_ms: Some(40_000),
            failed: 2,
            failed_href: None,
        },
        at: Timestamp::from_ms(NOW_MS - 60_000),
    }
}

#[derive(serde::Deserialize)]
struct NewMember {
    name: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    dept: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    active: bool,
}

impl NewMember {
    fn parse(&self) -> Result<String> {
        let mut invalid = Invalid::default();
        if self.name.trim().is_empty() {
            invalid = invalid.with("name", "form.required");
        }
        if self.note.contains(HOSTILE)
            || self.dept == "none"
            || (self.active && self.phone.is_empty())
        {
            invalid = invalid.with("phone", "form.required");
        }
        invalid.into_result()?;
        Ok(self.name.clone())
    }
}

fn depts() -> Vec<Choice> {
    ["华东区", "华南区"]
        .map(|d| Choice {
            value: d.into(),
            label: d.into(),
            count: None,
            is_on: false,
        })
        .into()
}

async fn save(form: Form<NewMember>) -> Result<Shown<MemberForm>> {
    Ok(match form.state.catch(form.values.parse())? {
        Ok(name) => Shown::go_to("/customers").toast("list.total", ("total", name)),
        Err(form) => Shown::of(MemberForm {
            form,
            depts: depts(),
        })
        .invalid(),
    })
}

async fn customers(cx: Cx) -> Result<Shown<ListPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let n = query.get("n").and_then(|n| n.parse().ok()).unwrap_or(14);
    let name = if query.get("q") == Some("hostile") {
        HOSTILE
    } else {
        "王海燕"
    };
    let name = if query.get("q") == Some("long") {
        "很长的名字".repeat(20)
    } else {
        name.to_owned()
    };
    Ok(Shown::of(list_page(&cx, n, &name)))
}

async fn customer(id: routes::Path<String>) -> Result<Shown<Detail>> {
    match id.as_str() {
        "gone" => Err(AppError::NotFound { what: "customer" }),
        "panic" => panic!("a bug"),
        "hostile" => Ok(Shown::of(detail(HOSTILE))),
        _ => Ok(Shown::of(detail("王海燕"))),
    }
}

async fn phone(req: HttpRequest) -> impl Responder {
    let cx = Cx::of(&req).unwrap();
    let part = Revealed {
        phone: "13800136021".into(),
        open: req.method() == "POST",
    };
    actix_web::HttpResponse::Ok()
        .content_type("text/html")
        .body(part.render_with_values(&cx).unwrap())
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"{% import "parts/basic.html" as ui %}{% if open %}{{ ui::revealed("phone", phone|phone, "/customers/a1/phone") }}{% else %}{{ ui::masked("phone", phone|phone_masked, "/customers/a1/phone", "手机号") }}{% endif %}"##
)]
struct Revealed {
    phone: String,
    open: bool,
}

pub(super) fn add_routes(config: &mut ServiceConfig) {
    config
        .route("/customers", routes::get().to(customers))
        .route("/customers/{id}", routes::get().to(customer))
        .route("/customers/{id}/phone", routes::to(phone))
        .route(
            "/org/members",
            routes::get().to(async || {
                Shown::of(MemberForm {
                    form: FormState::empty(),
                    depts: depts(),
                })
            }),
        )
        .route("/org/members", routes::post().to(save))
        .route(
            "/login",
            routes::get().to(async || {
                Shown::of(SignIn {
                    form: FormState::empty(),
                })
            }),
        )
        .route(
            "/login",
            routes::post().to(async || Shown::<SignIn>::go_to("/")),
        )
        .route(
            "/upload",
            routes::post().to(async |form: Upload<Note>| {
                let (file, kept) = match &form.file {
                    Some(file) => (
                        format!("{} {}", file.name, file.bytes),
                        std::fs::read_to_string(file.path()).unwrap_or_default(),
                    ),
                    None => Default::default(),
                };
                format!("{}|{file}|{kept}", form.values.note)
            }),
        )
        .route("/open/callback", routes::post().to(async || "ok"))
        .route(
            "/api/v1/things",
            routes::get()
                .to(async || -> Result<&'static str> { Err(AppError::NotFound { what: "thing" }) }),
        )
        .route("/api/v1/things", routes::post().to(async || "made"));
}

/// The fields beside a file.
#[derive(serde::Deserialize)]
struct Note {
    note: String,
}

#[actix_web::test]
async fn every_sample_renders_in_both_languages_and_no_name_becomes_markup() {
    let app = init_service(app(web(), &[Arc::new(add_routes)])).await;
    for lang in ["zh-CN", "en"] {
        for path in [
            "/customers?n=0",
            "/customers?n=1&q=hostile",
            "/customers?n=20",
            "/customers?n=3&q=long",
            "/customers/hostile",
            "/customers/a1",
            "/customers/gone",
            "/org/members",
            "/login",
            "/nowhere",
        ] {
            for user in [Some(HOSTILE), None] {
                let mut req = TestRequest::get()
                    .uri(path)
                    .insert_header(("accept-language", lang));
                if let Some(user) = user {
                    req = req.insert_header((AS, user));
                }
                let answer = call_service(&app, req.to_request()).await;
                let body = String::from_utf8(read_body(answer).await.to_vec()).unwrap();
                assert!(body.contains(&format!("<html lang=\"{lang}\"")), "{path}");
                assert!(
                    !body.contains("<script>") && !body.contains("<img"),
                    "{path}: markup from a name"
                );
                assert!(
                    !body.contains(" style="),
                    "{path}: the policy forbids inline styles"
                );
                assert!(
                    !body.contains(" onclick=") && !body.contains("javascript:"),
                    "{path}"
                );
                assert!(body.trim_end().ends_with("</html>"), "{path}");
                assert_eq!(body.matches("<h1").count(), 1, "{path}: one main heading");
            }
        }
    }
}
