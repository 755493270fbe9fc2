//! One typed configuration: file < environment < flags. Unknown keys are errors.
//!
//! Only what is needed to start stands here; what people change belongs in the settings
//! pages, where it is audited.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::kit::Secret;

/// Where Qitai keeps its data unless told otherwise.
const DATA_DEFAULT: &str = "data";
/// Where it listens unless told otherwise.
const LISTEN_DEFAULT: &str = "127.0.0.1:8080";

/// Everything needed to start.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The name shown before the directory is known.
    pub firm: Option<String>,
    /// The firm's WeCom account; none leaves it to the settings pages.
    pub wecom: Option<WecomConfig>,
    /// What speaks with the chat archive; none leaves it to the settings pages.
    pub archive: Option<ArchiveSource>,
    /// Root of WeCom's server API, with a slash at its end; WeCom's own unless told otherwise.
    pub wecom_base_url: String,
    /// The HTTP proxy for calls to WeCom; the environment's, if there is none.
    pub proxy: Option<Secret<String>>,
    /// Root of the pages on which members sign in, where they are not WeCom's own.
    pub wecom_login_url: Option<String>,
    /// The address people reach Qitai at, e.g. `https://qitai.example`; as each request has it
    /// unless told.
    pub public_url: Option<String>,
    /// Whether TLS ends at a reverse proxy in front, which then sets the forwarded headers.
    pub behind_proxy: bool,
    /// TLS at our own door; none serves plain HTTP.
    pub tls: Option<TlsFiles>,
}

impl Config {
    /// Whether pages are reached over TLS: always, but for plain HTTP on loopback.
    pub fn is_secure(&self) -> bool {
        self.behind_proxy || self.tls.is_some()
    }
}

/// Where certificate and key lie, both PEM. They are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those between it and the root.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How to reach the firm's WeCom account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WecomConfig {
    /// Corp ID (企业ID).
    pub corpid: String,
    /// AgentId of the self-built app.
    #[serde(default)]
    pub agentid: u64,
    /// Secret of the self-built app (应用密钥): directory, and customers where allowed.
    pub app_secret: Secret<String>,
    /// Secret of Customer Contact (客户联系), for firms that still have it.
    pub contact_secret: Option<Secret<String>>,
    /// Secret of the sync assistant (通讯录同步), to write to the directory.
    pub sync_secret: Option<Secret<String>>,
    /// Secret of the chat archive (会话内容存档).
    pub archive_secret: Option<Secret<String>>,
    /// Token of the receiving server (接收事件服务器).
    pub callback_token: Option<Secret<String>>,
    /// EncodingAESKey of the receiving server.
    pub callback_aes_key: Option<Secret<String>>,
}

/// What speaks with the chat archive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveSource {
    /// The official library, at this path.
    Library(PathBuf),
    /// A server that offers the library's calls over HTTP.
    Url(String),
}

/// The file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    firm: Option<String>,
    #[serde(default)]
    behind_proxy: bool,
    wecom: Option<WecomConfig>,
    archive: Option<ArchiveSource>,
    wecom_base_url: Option<String>,
    proxy: Option<Secret<String>>,
    wecom_login_url: Option<String>,
    public_url: Option<String>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
}

/// What environment and flags may override; clap reads both.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Overrides {
    /// Configuration file (default: qitai.toml in the working folder, if there).
    #[arg(long, env = "QITAI_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Data folder.
    #[arg(long, env = "QITAI_DATA", value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, env = "QITAI_LISTEN", value_name = "ADDR", global = true)]
    pub listen: Option<SocketAddr>,
    /// HTTP proxy for calls to WeCom, by environment only: it may hold a password, and a
    /// command line can be seen by everybody on the machine.
    #[arg(skip)]
    pub proxy: Option<Secret<String>>,
}

impl Overrides {
    /// The same with what only the environment may hold.
    pub fn with_environment(mut self) -> Self {
        let proxy = std::env::var("QITAI_PROXY").ok().filter(|p| !p.is_empty());
        self.proxy = self.proxy.or(proxy.map(Secret::new));
        self
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {why}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// A certificate without its key, or the other way round.
    #[error("tls_cert and tls_key belong together: give both, or neither")]
    HalfTls,
    /// The file is not what is expected; the message names key and line.
    #[error("{path}: {why}", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Config {
    /// Reads the file, if any, and lets the overrides win.
    pub fn load(overrides: &Overrides) -> Result<Self, ConfigError> {
        let file = match &overrides.config {
            Some(path) => File::read(path)?,
            None if Path::new("qitai.toml").exists() => File::read(Path::new("qitai.toml"))?,
            None => File::default(),
        };
        let listen = overrides.listen.or(file.listen);
        let tls = match (file.tls_cert, file.tls_key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            _ => return Err(ConfigError::HalfTls),
        };
        Ok(Self {
            data: overrides
                .data
                .clone()
                .or(file.data)
                .unwrap_or_else(|| DATA_DEFAULT.into()),
            listen: listen.unwrap_or_else(|| {
                LISTEN_DEFAULT
                    .parse()
                    .expect("the default address is an address")
            }),
            firm: file.firm,
            wecom: file.wecom,
            archive: file.archive,
            wecom_base_url: with_slash(
                file.wecom_base_url
                    .unwrap_or_else(|| crate::wecom::BASE_URL.to_owned()),
            ),
            proxy: overrides.proxy.clone().or(file.proxy),
            wecom_login_url: file.wecom_login_url,
            public_url: file.public_url,
            behind_proxy: file.behind_proxy,
            tls,
        })
    }
}

fn with_slash(mut url: String) -> String {
    if !url.ends_with('/') {
        url.push('/');
    }
    url
}

impl File {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|why| ConfigError::Read {
            path: path.to_owned(),
            why,
        })?;
        toml::from_str(&text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            why: describe(&text, &error),
        })
    }
}

/// The parser's message with its line, without quoting the line: it may hold a secret.
fn describe(text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .map(|span| text[..span.start].matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let config = Some(file.path().to_owned());
        Config::load(&Overrides {
            config,
            ..Overrides::default()
        })
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "data = 'a'\nlisten = '127.0.0.1:1'").unwrap();
        let overrides = Overrides {
            config: Some(file.path().to_owned()),
            data: Some("b".into()),
            ..Overrides::default()
        };
        let config = Config::load(&overrides).unwrap();
        assert_eq!((config.data, config.listen.port()), ("b".into(), 1));
    }

    #[test]
    fn unknown_keys_are_errors_with_their_line() {
        let error = load("data = 'a'\ncolour = 'red'").unwrap_err().to_string();
        assert!(
            error.contains("line 2") && error.contains("colour"),
            "{error}"
        );
    }

    #[test]
    fn certificate_and_key_belong_together() {
        assert!(load("tls_cert = 'a.pem'").is_err());
        let config = load("tls_cert = 'a.pem'\ntls_key = 'b.pem'").unwrap();
        assert!(config.is_secure());
        assert!(!load("").unwrap().is_secure());
    }

    #[test]
    fn a_message_never_quotes_a_secret() {
        let error = load("[wecom]\ncorpid = 'ww1'\napp_secret = 'hunter2' x").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let config = load("[wecom]\ncorpid = 'ww1'\napp_secret = 'hunter2'").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
