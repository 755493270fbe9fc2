//! One finding.

use serde::Serialize;

use crate::web::{
    Lang,
    words::{self, Args, ToArg},
};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Works, but not as it should, or not for long.
    Warn,
    /// Does not work.
    Bad,
}

impl Level {
    /// Stable code, also the catalogue key's end and the tone on pages.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $topic:literal $level:ident $code:literal;)+) => {
        /// Everything that can be found. The words stand under `doctor.found.<code>`:
        /// `what` it is, and for all but good news the `fix`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind {
            $($(#[$doc])* $name,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What it is about: `machine`, `network`, `account`, `callback`,
            /// `archive`.
            pub const fn topic(self) -> &'static str {
                match self { $(Self::$name => $topic,)+ }
            }

            /// How bad it is.
            pub const fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)+ }
            }

            /// Catalogue key of the sentence that says what it is.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$name => concat!("doctor.found.", $code, ".what"),)+ }
            }
        }
    };
}

kinds! {
    /// The version that runs.
    Version = "machine" Ok "version";
    /// The store cannot be opened.
    StoreUnusable = "machine" Bad "store_unusable";
    /// The data folder is there and ours alone.
    FolderFine = "machine" Ok "folder_fine";
    /// There is no data folder.
    FolderMissing = "machine" Bad "folder_missing";
    /// Others on the machine may look into the data folder.
    FolderOpen = "machine" Bad "folder_open";
    /// The data folder cannot be written.
    FolderReadOnly = "machine" Bad "folder_read_only";
    /// The key file is there and ours alone.
    KeyFine = "machine" Ok "key_fine";
    /// There is no key file.
    KeyMissing = "machine" Bad "key_missing";
    /// Others on the machine may read the key file.
    KeyOpen = "machine" Bad "key_open";
    /// The key file belongs to somebody else.
    KeyForeign = "machine" Warn "key_foreign";
    /// There is room on the disk.
    DiskFine = "machine" Ok "disk_fine";
    /// The disk is filling up.
    DiskLow = "machine" Warn "disk_low";
    /// The disk is all but full.
    DiskFull = "machine" Bad "disk_full";
    /// The zone of the machine.
    Zone = "machine" Ok "zone";
    /// Pages are reached without TLS from elsewhere.
    ListensPlain = "machine" Bad "listens_plain";
    /// Certificate and key of our own door fit each other.
    DoorFine = "machine" Ok "door_fine";
    /// A file of our own door's TLS is missing or cannot be used.
    DoorBroken = "machine" Bad "door_broken";

    /// Calls go through a proxy.
    ProxyInUse = "network" Ok "proxy_in_use";
    /// The address of the proxy is none.
    ProxyWrong = "network" Bad "proxy_wrong";
    /// The proxy does not answer.
    ProxyUnreachable = "network" Bad "proxy_unreachable";
    /// The proxy wants a name and a password.
    ProxyCredentials = "network" Bad "proxy_credentials";
    /// The address of WeCom's server is none.
    AddressWrong = "network" Bad "address_wrong";
    /// The name has addresses.
    NameKnown = "network" Ok "name_known";
    /// The name has no address.
    NameUnknown = "network" Bad "name_unknown";
    /// WeCom's server answers.
    Reached = "network" Ok "reached";
    /// Nobody takes the connection.
    ConnectionRefused = "network" Bad "connection_refused";
    /// Nobody answers in time.
    NoAnswer = "network" Bad "no_answer";
    /// The certificate is of an unknown issuer.
    UnknownIssuer = "network" Bad "unknown_issuer";
    /// The certificate does not fit this machine's date.
    CertificateDate = "network" Bad "certificate_date";
    /// The certificate is for another name.
    CertificateName = "network" Bad "certificate_name";
    /// TLS fails otherwise.
    TlsFails = "network" Bad "tls_fails";
    /// The way is barred otherwise.
    Barred = "network" Bad "barred";

    /// No account is connected.
    NotConnected = "account" Warn "not_connected";
    /// The Corp ID has not the shape of one.
    CorpIdShape = "account" Bad "corp_id_shape";
    /// WeCom does not know the Corp ID.
    CorpIdWrong = "account" Bad "corp_id_wrong";
    /// WeCom does not accept the app's secret.
    SecretWrong = "account" Bad "secret_wrong";
    /// The secret belongs to another corp.
    SecretOfOtherCorp = "account" Bad "secret_of_other_corp";
    /// Too many tries.
    TooManyTries = "account" Bad "too_many_tries";
    /// The corp is disbanded or banned.
    CorpGone = "account" Bad "corp_gone";
    /// WeCom is busy.
    Busy = "account" Warn "busy";
    /// Corp ID and secret fit.
    TokenFine = "account" Ok "token_fine";
    /// The address of this server is not among the trusted IPs.
    IpNotTrusted = "account" Bad "ip_not_trusted";
    /// It is.
    IpTrusted = "account" Ok "ip_trusted";
    /// The secret is one of a system app.
    SecretOfOtherApp = "account" Bad "secret_of_other_app";
    /// The secret is the one of the directory sync assistant.
    SecretOfSync = "account" Bad "secret_of_sync";
    /// The app is disabled.
    AppDisabled = "account" Bad "app_disabled";
    /// Nobody is in the visible range.
    RangeEmpty = "account" Bad "range_empty";
    /// The directory can be read.
    DirectoryFine = "account" Ok "directory_fine";
    /// The AgentId is of the app whose secret it is.
    AgentFine = "account" Ok "agent_fine";
    /// It is another app's.
    AgentWrong = "account" Bad "agent_wrong";
    /// Customers can be read.
    CustomersFine = "account" Ok "customers_fine";
    /// The app may not read customers.
    CustomersNotGranted = "account" Bad "customers_not_granted";
    /// Nobody may serve customers.
    NobodyServes = "account" Warn "nobody_serves";
    /// WeCom does not accept the secret of Customer Contact.
    ContactSecretWrong = "account" Bad "contact_secret_wrong";
    /// The secret given for Customer Contact may not read customers.
    ContactSecretOfOtherApp = "account" Bad "contact_secret_of_other_app";
    /// WeCom does not accept the secret of contacts sync.
    SyncSecretWrong = "account" Bad "sync_secret_wrong";
    /// The secret given for contacts sync is another app's.
    SyncSecretOfOtherApp = "account" Bad "sync_secret_of_other_app";
    /// The directory can be written.
    DirectoryWritable = "account" Ok "directory_writable";
    /// The server answers, but not like WeCom.
    StrangeAnswer = "account" Bad "strange_answer";
    /// No answer while asking.
    LostContact = "account" Warn "lost_contact";
    /// WeCom refuses for a reason that has no sentence of its own.
    Refused = "account" Bad "refused";
    /// The clocks agree.
    ClockFine = "account" Ok "clock_fine";
    /// They differ a little.
    ClockOff = "account" Warn "clock_off";
    /// They differ so much that signatures and certificates fail.
    ClockWrong = "account" Bad "clock_wrong";

    /// There are no keys for callbacks.
    CallbackKeysMissing = "callback" Bad "callback_keys_missing";
    /// WeCom has not checked the address yet.
    CallbackUnchecked = "callback" Warn "callback_unchecked";
    /// It has.
    CallbackChecked = "callback" Ok "callback_checked";
    /// A call was refused because the Token is another.
    CallbackToken = "callback" Bad "callback_token";
    /// A call was refused because the EncodingAESKey is another.
    CallbackAesKey = "callback" Bad "callback_aes_key";
    /// A call was refused because it was meant for another corp.
    CallbackCorp = "callback" Bad "callback_corp";
    /// A call was refused because it was none of WeCom's.
    CallbackOdd = "callback" Warn "callback_odd";
    /// Events have come.
    EventsCome = "callback" Ok "events_come";
    /// None has come for a long time.
    EventsStay = "callback" Warn "events_stay";
    /// Nobody has said under which address this server is reached.
    OwnAddressMissing = "callback" Warn "own_address_missing";
    /// The address is one that only this machine or this network reaches.
    OwnAddressPrivate = "callback" Warn "own_address_private";
    /// The address leads here.
    OwnAddressFine = "callback" Ok "own_address_fine";
    /// Somebody else answers there.
    OwnAddressElsewhere = "callback" Bad "own_address_elsewhere";
    /// Nobody answers there.
    OwnAddressSilent = "callback" Warn "own_address_silent";
    /// The certificate there is of an unknown issuer.
    OwnCertificateIssuer = "callback" Bad "own_certificate_issuer";
    /// The certificate there is not valid now.
    OwnCertificateDate = "callback" Bad "own_certificate_date";
    /// The certificate there is for another name.
    OwnCertificateName = "callback" Bad "own_certificate_name";

    /// The archive is read, and nothing is about to be lost.
    ArchiveFine = "archive" Ok "archive_fine";
    /// The archive has never answered.
    ArchiveNever = "archive" Bad "archive_never";
    /// The archive has not answered for long.
    ArchiveSilent = "archive" Bad "archive_silent";
    /// The archive lags so far behind that messages will be lost.
    ArchiveBehind = "archive" Bad "archive_behind";
    /// Files of messages have not been fetched and will be lost.
    ArchiveFiles = "archive" Warn "archive_files";
    /// Messages are locked whose files will be lost.
    ArchiveLocked = "archive" Warn "archive_locked";
}

/// One finding, with the values that its sentences name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    kind: Kind,
    args: Vec<(&'static str, String)>,
}

impl Finding {
    /// A finding without values.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            args: Vec::new(),
        }
    }

    /// With a value for the sentence.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.args.push((name, value.to_string()));
        self
    }

    /// What was found.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        self.kind.level()
    }

    /// What it is about.
    pub fn topic(&self) -> &'static str {
        self.kind.topic()
    }

    /// The values of the sentence.
    pub fn args(&self) -> &[(&'static str, String)] {
        &self.args
    }

    /// What it is, in words.
    pub fn what(&self, lang: Lang) -> String {
        words::fill(lang, self.kind.what(), self.words()).into_owned()
    }

    /// What mends it; empty for good news.
    pub fn fix(&self, lang: Lang) -> String {
        let key = format!("doctor.found.{}.fix", self.kind.code());
        match words::known(&key) {
            true => words::fill(lang, &key, self.words()).into_owned(),
            false => String::new(),
        }
    }

    fn words(&self) -> Args {
        let args = self.args.iter();
        args.map(|(name, value)| (*name, value.to_arg())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_says_what_it_is_and_all_but_good_ones_what_to_do() {
        for kind in Kind::ALL {
            let fix = format!("doctor.found.{}.fix", kind.code());
            assert!(words::known(kind.what()), "{}", kind.code());
            assert_eq!(words::known(&fix), kind.level() != Level::Ok, "{fix}");
        }
    }
}
