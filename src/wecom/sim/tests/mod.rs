//! Through the network, as a client sees it.

mod archive;
mod callbacks;
mod checks;
mod client;
mod contact;
mod directory;
mod errcodes;
mod faults;
mod login;
mod media;
mod members;
mod messages;
mod reads;
mod shapes;
mod stage;
mod world;
mod writes;

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{ArchiveOptions, SimHandle, SimOptions, Simulator};
use crate::kit::Timestamp;

const NOW: Timestamp = Timestamp::from_s(1_795_000_000);

fn start(seed: u64, customers: u32) -> SimHandle {
    Simulator::start(SimOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        seed,
        customers,
        chats: ArchiveOptions::default(),
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

    /// Uploads a file; the multipart body is made by hand, as small clients do.
    async fn upload(&self, path: &str, filename: &str, bytes: &[u8]) -> Value {
        let mut body = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"media\"; \
             filename=\"{filename}\"\r\ncontent-type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--edge--\r\n");
        let request = self
            .http
            .post(self.url(path))
            .header("content-type", "multipart/form-data; boundary=edge")
            .body(body);
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
