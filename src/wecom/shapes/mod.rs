//! What goes over the wire: bodies as the WeCom documentation writes them, and answers in its
//! shapes, read back. The server here knows nothing but the one answer it is given.

mod contact;
mod msgaudit;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use serde_json::{Value, json};

use super::{Client, Patience, Settings, quota::Governor};
use crate::kit::{Clock, Secret};

/// A call that came in: method, path under `/cgi-bin/`, query without the token, body.
#[derive(Debug, Clone, Default, PartialEq)]
struct Came {
    method: String,
    path: String,
    query: String,
    body: Value,
}

#[derive(Default)]
struct Script {
    answer: Value,
    came: Came,
}

/// A server that gives one answer, and a client that asks it.
struct Wire {
    client: Client,
    script: Arc<Mutex<Script>>,
    server: ServerHandle,
}

async fn serve(
    request: HttpRequest,
    body: web::Bytes,
    script: web::Data<Mutex<Script>>,
) -> HttpResponse {
    let path = request.path().trim_start_matches("/cgi-bin/").to_owned();
    if path == "gettoken" {
        let token = json!({ "errcode": 0, "access_token": "t", "expires_in": "7200" });
        return HttpResponse::Ok().json(token);
    }
    let query = request.query_string().replace("access_token=t", "");
    let mut script = script.lock().unwrap();
    script.came = Came {
        method: request.method().to_string(),
        path,
        query: query.trim_start_matches('&').to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let mut answer = json!({ "errcode": 0, "errmsg": "ok", "x_new_field": { "n": [1, null] } });
    for (name, value) in script.answer.as_object().unwrap() {
        answer[name] = value.clone();
    }
    HttpResponse::Ok().json(answer)
}

impl Wire {
    fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let data = web::Data::from(script.clone());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/cgi-bin/", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .default_service(web::to(serve))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let settings = Settings {
            base_url,
            corpid: "ww0123456789abcdef".to_owned(),
            app_secret: Secret::new("s".to_owned()),
            contact_secret: None,
            sync_secret: None,
            archive_secret: None,
            proxy: None,
        };
        let patience = Patience {
            waits: vec![],
            timeout: Duration::from_secs(20),
        };
        let clock = Clock::system();
        let quota = Governor::new(clock.clone());
        let client = Client::new(settings, patience, clock, quota).unwrap();
        Self {
            client,
            script,
            server: handle,
        }
    }

    /// The client, against this answer.
    fn answering(&self, answer: Value) -> &Client {
        self.script.lock().unwrap().answer = answer;
        &self.client
    }

    /// Compares what came in with a POST of this body.
    fn posted(&self, path: &str, body: Value) {
        let came = self.script.lock().unwrap().came.clone();
        let expected = Came {
            method: "POST".to_owned(),
            path: format!("externalcontact/{path}"),
            query: String::new(),
            body,
        };
        assert_eq!(came, expected);
    }

    /// Compares what came in with a GET of this query.
    fn asked(&self, path: &str, query: &str) {
        let came = self.script.lock().unwrap().came.clone();
        let expected = Came {
            method: "GET".to_owned(),
            path: format!("externalcontact/{path}"),
            query: query.to_owned(),
            body: Value::Null,
        };
        assert_eq!(came, expected);
    }

    async fn stop(self) {
        self.server.stop(false).await;
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
