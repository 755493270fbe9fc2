//! A small client of the W3C WebDriver protocol: one headless Chromium through chromedriver.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long a page may take to come to be as expected.
const PATIENCE: Duration = Duration::from_secs(30);
/// The key under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with a fresh profile; it goes when dropped.
pub struct Browser {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    session: String,
    driver: Child,
    _profile: tempfile::TempDir,
}

/// An element on the page.
pub struct Element<'b> {
    browser: &'b Browser,
    id: String,
}

impl Browser {
    /// A browser on a desk, with a window of this size.
    pub fn start(width: u32, height: u32) -> Self {
        Self::with(
            vec![format!("--window-size={width},{height}")],
            &Value::Null,
        )
    }

    /// A browser on a phone, 390 px wide, with touch.
    pub fn phone() -> Self {
        let metrics = json!({ "width": 390, "height": 844, "pixelRatio": 2, "touch": true });
        Self::with(Vec::new(), &json!({ "deviceMetrics": metrics }))
    }

    /// Starts chromedriver on a free port, and a browser.
    fn with(more: Vec<String>, emulation: &Value) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed by tests/run");
        let output = driver.stdout.take().expect("its output is piped");
        let port = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            })
            .expect("chromedriver names its port");
        let profile = tempfile::tempdir().unwrap();
        let mut args = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--lang=zh-CN".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        args.extend(more);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let root = format!("http://127.0.0.1:{port}/session");
        let mut options = json!({
            "args": args,
            "prefs": { "intl.accept_languages": "zh-CN,zh" },
        });
        if !emulation.is_null() {
            options["mobileEmulation"] = emulation.clone();
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let answer = runtime.block_on(send(&http, reqwest::Method::POST, &root, Some(&wanted)));
        let id = answer.expect("a browser starts")["sessionId"]
            .as_str()
            .unwrap()
            .to_owned();
        let session = format!("{root}/{id}");
        Self {
            runtime,
            http,
            session,
            driver,
            _profile: profile,
        }
    }

    fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let address = format!("{}{path}", self.session);
        self.runtime
            .block_on(send(&self.http, method, &address, body))
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call(reqwest::Method::POST, path, Some(body))
    }

    /// Opens an address.
    pub fn goto(&self, address: &str) {
        self.post("/url", &json!({ "url": address })).unwrap();
    }

    /// The address shown.
    pub fn address(&self) -> String {
        let address = self.call(reqwest::Method::GET, "/url", None).unwrap();
        address.as_str().unwrap().to_owned()
    }

    /// The first element that matches; waits until there is one.
    pub fn find(&self, css: &str) -> Element<'_> {
        let found = || {
            let query = json!({ "using": "css selector", "value": css });
            let found = self.post("/element", &query).ok()?;
            Some(found[ELEMENT].as_str()?.to_owned())
        };
        let id = self.until(&format!("{css} is there"), found);
        Element { browser: self, id }
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
            .unwrap()
    }

    /// The page's text.
    pub fn text(&self) -> String {
        self.run("return document.body.innerText")
            .as_str()
            .unwrap_or("")
            .to_owned()
    }

    /// Waits until the page's text has this.
    pub fn wait_for_text(&self, text: &str) {
        self.until(&format!("the page says {text}"), || {
            self.text().contains(text).then_some(())
        });
    }

    /// What the console has said since it was last asked: script errors, refused inline code.
    pub fn console(&self) -> Vec<String> {
        let lines = self.post("/se/log", &json!({ "type": "browser" })).unwrap();
        let lines = lines.as_array().cloned().unwrap_or_default();
        let message = |line: &Value| Some(line["message"].as_str()?.to_owned());
        lines.iter().filter_map(message).collect()
    }

    /// A command of the browser's own protocol, e.g. to compose text as an input method does.
    pub fn devtools(&self, command: &str, parameters: &Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", &body).unwrap();
    }

    /// Goes back as the reader does.
    pub fn back(&self) {
        self.post("/back", &json!({})).unwrap();
    }

    /// Presses keys for the page as a whole; `ctrl` holds Control down.
    pub fn press(&self, key: &str, ctrl: bool) {
        let key_action = |kind: &str, value: &str| json!({ "type": kind, "value": value });
        let mut actions = vec![key_action("keyDown", key), key_action("keyUp", key)];
        if ctrl {
            actions.insert(0, key_action("keyDown", "\u{e009}"));
            actions.push(key_action("keyUp", "\u{e009}"));
        }
        let body = json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] });
        self.post("/actions", &body).unwrap();
    }

    /// Polls until it is so.
    pub fn until<T>(&self, what: &str, mut so: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(value) = so() {
                return value;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "gave up waiting: {what}\n{}",
                self.text()
            );
            let pause = async { tokio::time::sleep(Duration::from_millis(50)).await };
            self.runtime.block_on(pause);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver may be gone already; then so is its browser.
        drop(self.call(reqwest::Method::DELETE, "", None));
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

impl Element<'_> {
    fn post(&self, verb: &str, body: &Value) {
        self.browser
            .post(&format!("/element/{}/{verb}", self.id), body)
            .unwrap();
    }

    /// Clicks it.
    pub fn click(&self) {
        self.post("click", &json!({}));
    }

    /// Types into it.
    pub fn type_text(&self, text: &str) {
        self.post("value", &json!({ "text": text }));
    }
}

async fn send(
    http: &reqwest::Client,
    method: reqwest::Method,
    address: &str,
    body: Option<&Value>,
) -> Result<Value, String> {
    let mut request = http.request(method, address);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.map_err(|e| e.to_string())?;
    let ok = answer.status().is_success();
    let mut answer: Value = answer.json().await.map_err(|e| e.to_string())?;
    let value = answer["value"].take();
    if ok {
        Ok(value)
    } else {
        Err(value.to_string())
    }
}
