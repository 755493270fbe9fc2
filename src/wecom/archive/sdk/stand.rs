//! The library that does what it is told, in a folder of its own, with a host that uses it.

use std::{fs, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    kit::Secret,
    wecom::archive::{Backend, Host, PublicKey, Settings, close_for_test, stand_in_for_test},
};

/// A library with a folder of its own, and a host that uses it.
pub(crate) struct Stand {
    pub(crate) dir: TempDir,
    pub(crate) host: Host,
}

impl Stand {
    pub(crate) fn new() -> Self {
        Self::with(Duration::from_secs(60), None)
    }

    pub(crate) fn with(timeout: Duration, proxy: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("library.so");
        fs::copy(stand_in_for_test(), &path).unwrap();
        fs::write(dir.path().join("chat"), "").unwrap();
        let host = Host::start(Settings {
            backend: Backend::Library { path, digest: None },
            corpid: "ww0123456789abcdef".to_owned(),
            secret: Secret::new("secret".to_owned()),
            proxy: proxy.map(|proxy| Secret::new(proxy.to_owned())),
            timeout,
        });
        Self { dir, host }
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// What happens at a call instead of the usual.
    pub(crate) fn say(&self, call: &str, what: &str) {
        self.write(&format!("say.{call}"), what);
    }

    /// So many messages, closed for this key.
    pub(crate) fn chat(&self, count: u64, key: &PublicKey) {
        self.chat_with(count, &[], key);
    }

    /// The same; the library dies of those with these numbers.
    pub(crate) fn chat_with(&self, count: u64, lethal: &[u64], key: &PublicKey) {
        let line = |seq: u64| {
            let random = format!("random key {seq}");
            let text = json!({ "msgid": format!("m{seq}"), "action": "send", "from": "a",
                "tolist": ["b"], "roomid": "", "msgtime": seq, "msgtype": "text",
                "text": { "content": format!("消息 {seq}") } });
            let closed = match lethal.contains(&seq) {
                true => "POISON POISON POISON".to_owned(),
                false => close_for_test(random.as_bytes(), text.to_string().as_bytes()),
            };
            let row = json!({ "seq": seq, "msgid": format!("m{seq}"), "publickey_ver": 3,
                "encrypt_random_key": key.seal(random.as_bytes()).unwrap(),
                "encrypt_chat_msg": closed });
            format!("{seq}\t{row}\n")
        };
        self.write("chat", (1..=count).map(line).collect::<String>());
    }

    /// How often messages were asked for.
    pub(crate) fn pulls(&self) -> u64 {
        fs::metadata(self.dir.path().join("pulls")).map_or(0, |file| file.len())
    }

    pub(crate) async fn kill(&self) {
        let id = i32::try_from(self.host.process_id().await.unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
    }
}
