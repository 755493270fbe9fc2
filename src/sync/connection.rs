//! The firm's WeCom account: where it is, with which secrets, and who may change that.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    config::WecomConfig,
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::{Clock, Secret},
    store::{
        AuditView, Class, Entity, Read, SYSTEM_SUBJECT, StoreError, SubjectId, TableSpec, Write,
    },
    wecom::{self, callback::Keys, quota::Governor},
};

/// The one record's key.
const FIRM: &str = "wecom";

/// How to reach the firm's WeCom account (自建应用 and what goes with it).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Connection {
    /// Corp ID (企业ID).
    #[n(0)]
    pub corpid: String,
    /// AgentId of the self-built app.
    #[n(1)]
    pub agentid: u64,
    /// Secret of the self-built app.
    #[n(2)]
    pub app_secret: Secret<String>,
    /// Secret of Customer Contact (客户联系), where the firm still has it.
    #[n(3)]
    pub contact_secret: Option<Secret<String>>,
    /// Secret of the sync assistant (通讯录同步); without it the directory can't be written.
    #[n(9)]
    pub sync_secret: Option<Secret<String>>,
    /// What callbacks are signed and encrypted with.
    #[n(4)]
    pub callback: Option<CallbackKeys>,
}

/// Token and EncodingAESKey of the receiving server (接收事件服务器).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CallbackKeys {
    /// Token.
    #[n(0)]
    pub token: Secret<String>,
    /// EncodingAESKey, 43 characters.
    #[n(1)]
    pub aes_key: Secret<String>,
}

impl Entity for Connection {
    const KIND: &'static str = "wecom_connection";
    const TABLE: &'static str = "wecom-connection-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn audit_view(&self) -> AuditView {
        let mark = |is_set: bool| serde_json::Value::from(if is_set { "set" } else { "none" });
        vec![
            ("corpid", self.corpid.as_str().into()),
            ("agentid", self.agentid.into()),
            ("app_secret", mark(true)),
            ("contact_secret", mark(self.contact_secret.is_some())),
            ("sync_secret", mark(self.sync_secret.is_some())),
            ("callback", mark(self.callback.is_some())),
        ]
    }
}

/// The table.
pub(super) const TABLES: [TableSpec; 1] = [TableSpec::of::<Connection>()];

impl From<&WecomConfig> for Connection {
    fn from(config: &WecomConfig) -> Self {
        let callback = match (&config.callback_token, &config.callback_aes_key) {
            (Some(token), Some(aes_key)) => Some(CallbackKeys {
                token: token.clone(),
                aes_key: aes_key.clone(),
            }),
            _ => None,
        };
        Self {
            corpid: config.corpid.clone(),
            agentid: config.agentid,
            app_secret: config.app_secret.clone(),
            contact_secret: config.contact_secret.clone(),
            sync_secret: config.sync_secret.clone(),
            callback,
        }
    }
}

/// The connection as set up in the pages.
pub fn stored(r: &Read<'_>) -> Result<Option<Connection>, StoreError> {
    r.get::<Connection>(&FIRM.to_owned())
}

/// Connects the firm, or changes how.
#[derive(Debug, Clone)]
pub struct SaveConnection {
    /// The connection to be.
    pub connection: Connection,
}

impl Command for SaveConnection {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

/// Keeps the connection. It is in use as soon as the app connects again.
pub fn save(w: &mut Write<'_>, allowed: Allowed<SaveConnection>) -> Result<()> {
    let connection = allowed.into_command().connection;
    keys(&connection)?;
    Ok(w.put(&connection)?)
}

/// The connection in use.
pub struct Link {
    /// How it was set up.
    pub connection: Connection,
    /// Calls.
    pub client: wecom::Client,
    /// Opens callbacks, where the firm has set them up.
    pub(super) keys: Option<Keys>,
}

impl Link {
    /// `base_url` is the root of the server API, with a slash at its end.
    fn open(
        connection: Connection,
        base_url: String,
        clock: Clock,
        quota: Governor,
    ) -> Result<Self> {
        let settings = wecom::Settings {
            base_url,
            corpid: connection.corpid.clone(),
            app_secret: connection.app_secret.clone(),
            contact_secret: connection.contact_secret.clone(),
            sync_secret: connection.sync_secret.clone(),
        };
        Ok(Self {
            keys: keys(&connection)?,
            client: wecom::Client::new(settings, wecom::Patience::default(), clock, quota)?,
            connection,
        })
    }
}

/// What opens the callbacks of a connection.
fn keys(connection: &Connection) -> Result<Option<Keys>> {
    let open = |callback: &CallbackKeys| {
        let (token, aes_key) = (callback.token.expose(), callback.aes_key.expose());
        Keys::new(token, aes_key, &connection.corpid)
            .map_err(|_| AppError::field("aes_key", "connection.aes_key"))
    };
    connection.callback.as_ref().map(open).transpose()
}

/// Connects with what the configuration says, or else with what was set up in the pages.
/// Whatever calls are under way go on with the old connection.
pub fn connect(app: &App) -> Result<()> {
    let connection = match &app.config.wecom {
        Some(config) => Some(Connection::from(config)),
        None => app.read(stored)?,
    };
    let link = connection.map(|connection| {
        let base_url = app.config.wecom_base_url.clone();
        let clock = app.store.clock().clone();
        Link::open(connection, base_url, clock, app.sync.quota.clone())
    });
    app.sync.link.store(link.transpose()?.map(Arc::new));
    Ok(())
}
