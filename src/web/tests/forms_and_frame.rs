//! What the frame promises for every route.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::HeaderMap},
    test::{TestRequest, init_service, try_call_service},
};

use super::*;
use crate::kit::limits;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// A token as a page of this session carries it.
    fn token(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"csrf\" content=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

async fn send(req: TestRequest) -> Answer {
    send_to(web(), req).await
}

async fn send_to(web: Data<Web>, req: TestRequest) -> Answer {
    let app = init_service(app(web, &[Arc::new(samples::add_routes)])).await;
    let answer: HttpResponse = match try_call_service(&app, req.to_request()).await {
        Ok(response) => response.into_parts().1,
        Err(error) => error.error_response(),
    };
    let (head, body) = answer.into_parts();
    let body = actix_web::body::to_bytes(body).await.unwrap();
    Answer {
        status: head.status(),
        headers: head.headers().clone(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path).insert_header((AS, "shen"))
}

fn post(path: &str, body: &str) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .insert_header((AS, "lin"))
        .insert_header(("host", "qitai.example"))
        .insert_header(("sec-fetch-site", "same-origin"))
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .set_payload(body.to_owned())
}

async fn token() -> String {
    send(
        TestRequest::get()
            .uri("/org/members")
            .insert_header((AS, "lin")),
    )
    .await
    .token()
}

#[actix_web::test]
async fn a_fragment_request_gets_the_block_a_history_request_the_page() {
    let hx = |req: TestRequest| req.insert_header(("hx-request", "true"));
    let part = send(hx(get("/customers")).insert_header(("hx-target", "list"))).await;
    assert!(
        part.body.starts_with("<title>客户 · 云岭茶业</title>"),
        "{}",
        part.body
    );
    assert!(part.body.contains("<div id=\"list\">") && !part.body.contains("<html"));
    assert!(part.header("vary").contains("HX-Request"));

    for whole in [
        hx(get("/customers")).insert_header(("hx-target", "unknown")),
        hx(get("/customers"))
            .insert_header(("hx-target", "list"))
            .insert_header(("hx-history-restore-request", "true")),
        get("/customers"),
    ] {
        let whole = send(whole).await;
        assert!(whole.body.contains("<html") && whole.body.contains("<div id=\"list\">"));
        assert!(whole.header("vary").contains("HX-Request"));
    }
}

#[actix_web::test]
async fn a_refused_form_comes_back_with_422_values_and_reasons() {
    let body = format!(
        "csrf={}&op=1&name=&phone=138&dept=&note=%3Cb%3E",
        token().await
    );
    let answer = send(post("/org/members", &body)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer
            .body
            .contains("<title>错误：新建成员 · 云岭茶业</title>")
    );
    assert!(answer.body.contains("value=\"138\"") && answer.body.contains("&#60;b&#62;"));
    assert!(
        answer
            .body
            .contains("aria-invalid=\"true\" aria-describedby=\"e-name\"")
    );
    assert!(answer.body.contains("href=\"#f-name\""));
}

#[actix_web::test]
async fn a_done_form_redirects_and_the_next_page_says_what_happened_once() {
    let body = format!("csrf={}&name=Lin&phone=&dept=&note=", token().await);
    let answer = send(post("/org/members", &body)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), "/customers");
    let cookie = answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let next = send(
        TestRequest::get()
            .uri("/customers")
            .insert_header((AS, "lin"))
            .insert_header(("cookie", cookie.as_str())),
    )
    .await;
    assert!(next.body.contains("<span>共 Lin 条</span>"));
    assert!(
        next.header("set-cookie").contains("qitai-flash=;"),
        "{}",
        next.header("set-cookie")
    );

    let forged = format!("{}x", cookie);
    let next = send(
        TestRequest::get()
            .uri("/customers")
            .insert_header((AS, "lin"))
            .insert_header(("cookie", forged.as_str())),
    )
    .await;
    assert!(!next.body.contains("共 Lin 条"));

    let hx = send(post("/org/members", &body).insert_header(("hx-request", "true"))).await;
    assert_eq!(
        (hx.status, hx.header("hx-redirect")),
        (StatusCode::OK, "/customers")
    );
}

#[actix_web::test]
async fn no_change_without_a_token_of_this_session_and_the_browsers_word() {
    let good = token().await;
    let stranger = send(TestRequest::get().uri("/login")).await.token();
    let refused = [
        post("/org/members", "name=Lin"),
        post("/org/members", "csrf=abc&name=Lin"),
        post("/org/members", &format!("csrf={stranger}&name=Lin")),
        post("/org/members", &format!("csrf={good}&name=Lin"))
            .insert_header(("sec-fetch-site", "cross-site")),
        post("/org/members", &format!("csrf={good}&name=Lin"))
            .insert_header(("content-type", "text/plain")),
        TestRequest::post()
            .uri("/org/members")
            .insert_header((AS, "lin"))
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .set_payload(format!("csrf={good}&name=Lin")),
        TestRequest::delete()
            .uri("/api/v1/things")
            .insert_header((AS, "lin")),
    ];
    for req in refused {
        let answer = send(req).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.body.contains("没有执行"));
    }
    let by_header =
        send(post("/org/members", "name=Lin").insert_header(("x-csrf-token", good.as_str()))).await;
    assert_eq!(by_header.status, StatusCode::SEE_OTHER);
}

#[actix_web::test]
async fn before_sign_in_a_cookie_of_its_own_binds_the_form() {
    let page = send(TestRequest::get().uri("/login")).await;
    let cookie = page
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert!(cookie.starts_with("qitai-form="));
    let sign_in = |with: &str| {
        TestRequest::post()
            .uri("/login")
            .insert_header(("host", "qitai.example"))
            .insert_header(("origin", "https://qitai.example"))
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .insert_header(("cookie", with))
            .set_payload(format!("csrf={}", page.token()))
    };
    assert_eq!(send(sign_in(&cookie)).await.status, StatusCode::SEE_OTHER);
    assert_eq!(send(sign_in("a=b")).await.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn bearer_requests_need_no_token_but_cookie_and_bearer_together_are_refused() {
    let api = || {
        TestRequest::post()
            .uri("/api/v1/things")
            .insert_header(("authorization", "Bearer good"))
    };
    assert_eq!(send(api()).await.status, StatusCode::OK);
    let both = send(api().insert_header(("cookie", "qitai=x"))).await;
    assert_eq!(both.status, StatusCode::BAD_REQUEST);
    assert!(both.body.contains("bad_request.two_credentials"));
    let open = TestRequest::post()
        .uri("/open/callback")
        .set_payload("<xml/>");
    assert_eq!(send(open).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn errors_are_a_page_a_toast_or_problem_json_with_the_requests_number() {
    let page = send(get("/customers/gone")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("class=\"rail\"") && page.body.contains("没有找到"));
    assert!(page.body.contains(page.header("x-request-id")));

    let outside = send(TestRequest::get().uri("/nowhere")).await;
    assert_eq!(outside.status, StatusCode::NOT_FOUND);
    assert!(!outside.body.contains("class=\"rail\"") && outside.body.contains("没有这个页面"));

    let part = send(get("/customers/gone").insert_header(("hx-request", "true"))).await;
    assert_eq!(part.header("hx-reswap"), "none");
    assert!(
        part.body.contains("hx-swap-oob=\"beforeend:#toasts\"") && part.body.contains("toast--bad")
    );

    let api = send(get("/api/v1/things").insert_header(("accept-language", "en"))).await;
    assert_eq!(api.header("content-type"), "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&api.body).unwrap();
    assert_eq!(problem["code"], "not_found.thing");
    assert_eq!(problem["title"], "Not found");
    assert_eq!(problem["request_id"], api.header("x-request-id"));
    assert_eq!(problem["status"], 404);
}

#[actix_web::test]
async fn a_panic_is_a_page_and_tells_nothing_of_itself() {
    let answer = send(get("/customers/panic")).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.body.contains("页面出了问题") && !answer.body.contains("a bug"));
    assert!(
        answer
            .header("content-security-policy")
            .starts_with("default-src 'none'")
    );
}

#[actix_web::test]
async fn a_wrong_method_a_large_body_and_a_failing_session_store_are_told_plainly() {
    let answer = send(get("/me/preferences")).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(answer.body.contains("这个地址不能这样访问"));

    let large = format!(
        "csrf={}&note={}",
        token().await,
        "x".repeat(crate::kit::limits::FORM_BYTES_MAX)
    );
    let answer = send(post("/org/members", &large)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.body.contains("64.0 KB"));

    let answer = send(
        TestRequest::get()
            .uri("/customers")
            .insert_header((AS, "broken")),
    )
    .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[actix_web::test]
async fn every_answer_carries_the_security_headers() {
    for path in [
        "/customers",
        "/login",
        "/nowhere",
        "/healthz",
        "/api/v1/things",
        "/customers/gone",
    ] {
        let answer = send(get(path)).await;
        for name in [
            "content-security-policy",
            "x-content-type-options",
            "referrer-policy",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
            "permissions-policy",
            "x-request-id",
        ] {
            assert!(!answer.header(name).is_empty(), "{path} {name}");
        }
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.header("strict-transport-security").is_empty());
    }
    let over_tls = Data::new(Web {
        secure: true,
        ..plain_web()
    });
    let answer = send_to(over_tls, TestRequest::get().uri("/login")).await;
    assert!(!answer.header("strict-transport-security").is_empty());
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-qitai-form=")
            && cookie.contains("Secure")
            && cookie.contains("HttpOnly")
    );
}

#[actix_web::test]
async fn assets_are_kept_for_a_year_and_pages_are_compressed() {
    let page = send(get("/customers")).await;
    let (_, rest) = page.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let css = rest.split('"').next().unwrap().to_owned();
    let answer = send(get(&css)).await;
    assert!(answer.header("cache-control").contains("immutable"));
    assert!(answer.header("content-type").starts_with("text/css"));
    let again = send(get(&css).insert_header(("if-none-match", answer.header("etag")))).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert_eq!(
        send(get("/static/app.0000.css")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[actix_web::test]
async fn looks_are_kept_by_a_cookie_and_the_page_returns_to_itself() {
    let body = format!(
        "csrf={}&theme=dark&lang=en&back=%2Fcustomers%3Fq%3Da",
        token().await
    );
    let answer = send(post("/me/preferences", &body)).await;
    assert_eq!(answer.header("location"), "/customers?q=a");
    let cookie = answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let page = send(get("/customers").insert_header(("cookie", cookie.as_str()))).await;
    assert!(page.body.contains("<html lang=\"en\" data-theme=\"dark\""));
    let away = format!("csrf={}&back=https%3A%2F%2Fevil.example", token().await);
    assert_eq!(
        send(post("/me/preferences", &away))
            .await
            .header("location"),
        "/"
    );
}

/// A body with these parts: name, file name if it is a file, content.
fn multipart(path: &str, parts: &[(&str, Option<&str>, &str)]) -> TestRequest {
    let mut body = String::new();
    for (name, file, content) in parts {
        let file = file.map_or(String::new(), |f| format!("; filename=\"{f}\""));
        body.push_str(&format!(
            "--sep\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n"
        ));
    }
    body.push_str("--sep--\r\n");
    post(path, &body).insert_header(("content-type", "multipart/form-data; boundary=sep"))
}

#[actix_web::test]
async fn a_file_comes_with_its_fields_and_leaves_nothing_behind() {
    let token = token().await;
    let parts = [
        ("csrf", None, token.as_str()),
        ("note", None, "一\r\n二"),
        ("file", Some("C:\\\\x\\\\名单.csv"), "a,b"),
    ];
    let answer = send(multipart("/upload", &parts)).await;
    assert_eq!(answer.body, "一\n二|名单.csv 3|a,b");
    let none = [
        ("csrf", None, token.as_str()),
        ("note", None, "x"),
        ("file", Some(""), ""),
    ];
    assert_eq!(send(multipart("/upload", &none)).await.body, "x||");
    let folder = &plain_web().uploads;
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[actix_web::test]
async fn a_file_without_our_token_in_front_is_refused() {
    let token = token().await;
    let late = [("note", None, "x"), ("csrf", None, token.as_str())];
    let wrong = [("csrf", None, "AAAA"), ("note", None, "x")];
    for parts in [&late[..], &wrong, &[]] {
        assert_eq!(send(multipart("/upload", parts)).await.status, 403);
    }
    // Elsewhere a body with parts is no form of ours, whatever token is in it.
    let good = [("csrf", None, token.as_str())];
    assert_eq!(send(multipart("/login", &good)).await.status, 403);
    let foreign = multipart("/upload", &good).insert_header(("sec-fetch-site", "cross-site"));
    assert_eq!(send(foreign).await.status, 403);
}

#[actix_web::test]
async fn unknown_fields_and_second_files_are_refused() {
    let token = token().await;
    let csrf = ("csrf", None, token.as_str());
    let unknown = [csrf, ("note", None, "x"), ("admin", None, "1")];
    assert_eq!(send(multipart("/upload", &unknown)).await.status, 400);
    let two = [csrf, ("a", Some("a"), "1"), ("b", Some("b"), "2")];
    assert_eq!(send(multipart("/upload", &two)).await.status, 400);
    let long = "x".repeat(limits::FORM_BYTES_MAX + 1);
    let long = [csrf, ("note", None, long.as_str())];
    assert_eq!(send(multipart("/upload", &long)).await.status, 413);
}
