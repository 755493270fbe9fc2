//! The firm's WeCom account: where it is, with which secrets, and who may change that.

use std::sync::Arc;

use aws_lc_rs::digest;
use minicbor::{Decode, Encode};

use crate::{
    app::App,
    config::{Config, WecomConfig},
    error::{AppError, Invalid, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::{Clock, Id, Random, Secret, Timestamp},
    store::{
        AuditView, Class, Entity, Read, SYSTEM_SUBJECT, StoreError, SubjectId, TableSpec, Write,
    },
    wecom::{
        self,
        callback::{KeyError, Keys},
        quota::Governor,
    },
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
    /// Secret of the chat archive (会话内容存档), where the firm has one.
    #[n(10)]
    pub archive_secret: Option<Secret<String>>,
    /// What callbacks are signed and encrypted with.
    #[n(4)]
    pub callback: Option<CallbackKeys>,
    /// Keys that take over as soon as WeCom uses them; until then both are good.
    #[n(5)]
    pub next_callback: Option<CallbackKeys>,
    /// When somebody last changed it.
    #[n(6)]
    pub changed_at: Option<Timestamp>,
    /// Who that was.
    #[n(7)]
    pub changed_by: Option<SubjectId>,
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
            ("archive_secret", mark(self.archive_secret.is_some())),
            ("callback", mark(self.callback.is_some())),
            ("next_callback", mark(self.next_callback.is_some())),
        ]
    }
}

impl CallbackKeys {
    /// Fresh ones: 32 and 43 random letters and digits, as WeCom's console makes them.
    pub fn new(random: &Random) -> Self {
        Self {
            token: Secret::new(letters(random, TOKEN_CHARS)),
            aes_key: Secret::new(letters(random, AES_KEY_CHARS)),
        }
    }

    /// Tells these keys from others without telling anything of them.
    fn fingerprint(&self) -> [u8; 8] {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(self.token.expose().as_bytes());
        hash.update(&[0]);
        hash.update(self.aes_key.expose().as_bytes());
        let mut short = [0; 8];
        short.copy_from_slice(&hash.finish().as_ref()[..8]);
        short
    }
}

const TOKEN_CHARS: usize = 32;
const AES_KEY_CHARS: usize = 43;

/// Random letters and digits, all equally likely.
fn letters(random: &Random, count: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(count);
    while text.len() < count {
        // The 62 letters fit four times below 248; what lies above would favour the first.
        let byte = usize::from(random.bytes::<1>()[0]);
        if byte < ALPHABET.len() * 4 {
            text.push(char::from(ALPHABET[byte % ALPHABET.len()]));
        }
    }
    text
}

/// That WeCom has checked the callback address with these keys.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct CallbackCheck {
    /// Of the keys that were used.
    #[cbor(n(0), with = "minicbor::bytes")]
    fingerprint: [u8; 8],
    /// When it last did.
    #[n(1)]
    at: Timestamp,
}

impl Entity for CallbackCheck {
    const KIND: &'static str = "callback_check";
    const TABLE: &'static str = "wecom-callback-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
}

/// The tables.
pub(super) const TABLES: [TableSpec; 2] = [
    TableSpec::of::<Connection>(),
    TableSpec::of::<CallbackCheck>(),
];

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
            archive_secret: config.archive_secret.clone(),
            callback,
            next_callback: None,
            changed_at: None,
            changed_by: None,
        }
    }
}

/// The connection as set up in the pages.
pub fn stored(r: &Read<'_>) -> Result<Option<Connection>, StoreError> {
    r.get::<Connection>(&FIRM.to_owned())
}

/// When WeCom last checked the callback address with the keys in use.
pub fn verified_at(r: &Read<'_>, connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let check = r.get::<CallbackCheck>(&FIRM.to_owned())?;
    let now = connection.callback.as_ref().map(CallbackKeys::fingerprint);
    Ok(check
        .filter(|check| Some(check.fingerprint) == now)
        .map(|check| check.at))
}

/// Connects the firm, or changes how.
#[derive(Debug, Clone)]
pub struct Connect {
    /// Corp ID (企业ID).
    pub corpid: String,
    /// AgentId of the self-built app.
    pub agentid: u64,
    /// Secret of the self-built app; none keeps the one there is.
    pub app_secret: Option<Secret<String>>,
    /// Secret of Customer Contact.
    pub contact_secret: Keep,
    /// Secret of the sync assistant.
    pub sync_secret: Keep,
}

/// What becomes of a value that may be absent.
#[derive(Debug, Clone)]
pub enum Keep {
    /// It stays as it is.
    AsIs,
    /// It is taken away.
    Nothing,
    /// It is replaced.
    This(Secret<String>),
}

impl Keep {
    fn of(self, known: Option<Secret<String>>) -> Option<Secret<String>> {
        match self {
            Self::AsIs => known,
            Self::Nothing => None,
            Self::This(secret) => Some(secret),
        }
    }
}

/// Sets the keys of the receiving server.
#[derive(Debug, Clone)]
pub struct SetCallback {
    /// The keys.
    pub keys: CallbackKeys,
}

/// Sets the secret of the chat archive, or takes it away.
#[derive(Debug, Clone)]
pub struct SetArchiveSecret {
    /// The secret.
    pub secret: Keep,
}

/// Makes new keys for the receiving server. The ones in use stay good until WeCom uses the
/// new ones.
#[derive(Debug, Clone, Copy)]
pub struct RotateCallback;

macro_rules! for_super_admins {
    ($($command:ty),+) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
            const WHAT: &'static str = "settings";
            /// Whoever changes the connection decides whom the firm's data goes to.
            const STEP_UP: bool = true;
            fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                Ok(scope.is_everything())
            }
        }
    )+};
}
for_super_admins!(Connect, SetCallback, SetArchiveSecret, RotateCallback);

/// Keeps the account. Keys for callbacks are made with it. It is in use as soon as the app
/// connects again.
pub fn connect_account(w: &mut Write<'_>, allowed: Allowed<Connect>) -> Result<()> {
    let by = allowed.by().map(Id::cast);
    let Connect {
        corpid,
        agentid,
        app_secret,
        contact_secret,
        sync_secret,
    } = allowed.into_command();
    let known = stored(&w.read())?;
    let secret = app_secret.or(known.as_ref().map(|c| c.app_secret.clone()));
    let app_secret = secret.ok_or(AppError::field("app_secret", "form.required"))?;
    let callback = known.as_ref().and_then(|c| c.callback.clone());
    let callback = callback.unwrap_or_else(|| CallbackKeys::new(w.random()));
    let mut connection = Connection {
        corpid,
        agentid,
        app_secret,
        contact_secret: contact_secret.of(known.as_ref().and_then(|c| c.contact_secret.clone())),
        sync_secret: sync_secret.of(known.as_ref().and_then(|c| c.sync_secret.clone())),
        archive_secret: known.as_ref().and_then(|c| c.archive_secret.clone()),
        callback: Some(callback),
        next_callback: known.as_ref().and_then(|c| c.next_callback.clone()),
        changed_at: known.as_ref().and_then(|c| c.changed_at),
        changed_by: known.as_ref().and_then(|c| c.changed_by),
    };
    keys(&connection)?;
    // The same again is no change, and leaves no trace of one.
    if known.as_ref() != Some(&connection) {
        sign(&mut connection, w.now(), by);
        w.put(&connection)?;
    }
    Ok(())
}

/// Keeps the keys that were entered at WeCom.
pub fn set_callback(w: &mut Write<'_>, allowed: Allowed<SetCallback>) -> Result<()> {
    let by = allowed.by().map(Id::cast);
    let mut connection = known(w)?;
    let keys_given = Some(allowed.into_command().keys);
    if connection.callback != keys_given {
        connection.callback = keys_given;
        connection.next_callback = None;
        keys(&connection)?;
        sign(&mut connection, w.now(), by);
        w.put(&connection)?;
    }
    Ok(())
}

/// Keeps the secret of the chat archive.
pub fn set_archive_secret(w: &mut Write<'_>, allowed: Allowed<SetArchiveSecret>) -> Result<()> {
    let by = allowed.by().map(Id::cast);
    let mut connection = known(w)?;
    let secret = allowed.into_command().secret;
    let secret = secret.of(connection.archive_secret.clone());
    if connection.archive_secret != secret {
        connection.archive_secret = secret;
        sign(&mut connection, w.now(), by);
        w.put(&connection)?;
    }
    Ok(())
}

/// Makes new keys beside those in use.
pub fn rotate_callback(w: &mut Write<'_>, allowed: Allowed<RotateCallback>) -> Result<()> {
    let by = allowed.by().map(Id::cast);
    let mut connection = known(w)?;
    connection.next_callback = Some(CallbackKeys::new(w.random()));
    sign(&mut connection, w.now(), by);
    Ok(w.put(&connection)?)
}

fn known(w: &Write<'_>) -> Result<Connection> {
    stored(&w.read())?.ok_or(AppError::Unavailable {
        why: "wecom_missing",
    })
}

fn sign(connection: &mut Connection, now: Timestamp, by: Option<SubjectId>) {
    connection.changed_at = Some(now);
    connection.changed_by = by;
}

/// WeCom has checked the address with keys of this connection. New keys take over from the
/// old ones with their first check.
pub(super) fn note_check(w: &mut Write<'_>, used: &CallbackKeys, from_file: bool) -> Result<bool> {
    let mut promoted = false;
    if !from_file
        && let Some(mut connection) = stored(&w.read())?
        && connection.next_callback.as_ref() == Some(used)
    {
        connection.callback = connection.next_callback.take();
        w.put(&connection)?;
        promoted = true;
    }
    w.put(&CallbackCheck {
        fingerprint: used.fingerprint(),
        at: w.now(),
    })?;
    Ok(promoted)
}

/// The connection in use.
pub struct Link {
    /// How it was set up.
    pub connection: Connection,
    /// Calls.
    pub client: wecom::Client,
    /// Open callbacks, where the firm has set them up: those in use, then those to come.
    pub(super) keys: Vec<(CallbackKeys, Keys)>,
}

impl Link {
    fn open(
        connection: Connection,
        config: &Config,
        clock: Clock,
        quota: Governor,
    ) -> Result<Self> {
        let settings = settings(&connection, config);
        Ok(Self {
            keys: keys(&connection)?,
            client: wecom::Client::new(settings, wecom::Patience::default(), clock, quota)?,
            connection,
        })
    }

    /// Whether callbacks can be opened.
    pub fn hears(&self) -> bool {
        !self.keys.is_empty()
    }
}

/// How the client reaches the account of a connection.
pub fn settings(connection: &Connection, config: &Config) -> wecom::Settings {
    wecom::Settings {
        base_url: config.wecom_base_url.clone(),
        corpid: connection.corpid.clone(),
        app_secret: connection.app_secret.clone(),
        contact_secret: connection.contact_secret.clone(),
        sync_secret: connection.sync_secret.clone(),
        archive_secret: connection.archive_secret.clone(),
        proxy: config.proxy.clone(),
    }
}

/// What opens the callbacks of a connection.
fn keys(connection: &Connection) -> Result<Vec<(CallbackKeys, Keys)>> {
    let open = |callback: &CallbackKeys| {
        let (token, aes_key) = (callback.token.expose(), callback.aes_key.expose());
        let keys = Keys::new(token, aes_key, &connection.corpid).map_err(|why| match why {
            KeyError::Token => AppError::field("token", "connection.token"),
            KeyError::AesKeyLength { chars } => {
                let mut wrong = Invalid::default().with("aes_key", "connection.aes_key_length");
                wrong.problems[0].args.push(("chars", chars.to_string()));
                AppError::Invalid(wrong)
            }
            KeyError::AesKeyCharacters => AppError::field("aes_key", "connection.aes_key"),
        })?;
        Ok((callback.clone(), keys))
    };
    let both = [&connection.callback, &connection.next_callback];
    both.into_iter().flatten().map(open).collect()
}

/// Connects with what the configuration says, or else with what was set up in the pages.
/// Whatever calls are under way go on with the old connection.
pub fn connect(app: &App) -> Result<()> {
    let link = in_use(app)?.map(|connection| {
        let clock = app.store.clock().clone();
        Link::open(connection, &app.config, clock, app.sync.quota.clone())
    });
    app.sync.link.store(link.transpose()?.map(Arc::new));
    app.sync.quota.lift_refusals();
    Ok(())
}

/// The connection that counts: the configuration's before that of the pages.
pub fn in_use(app: &App) -> Result<Option<Connection>> {
    Ok(match &app.config.wecom {
        Some(config) => Some(Connection::from(config)),
        None => app.read(stored)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_have_the_shape_that_wecom_wants_and_are_never_the_same() {
        let random = Random::system();
        let (one, two) = (CallbackKeys::new(&random), CallbackKeys::new(&random));
        for made in [&one, &two] {
            let (token, aes_key) = (made.token.expose(), made.aes_key.expose());
            assert!(Keys::new(token, aes_key, "ww1").is_ok());
        }
        assert_ne!(one, two);
        assert_ne!(one.fingerprint(), two.fingerprint());
    }
}
