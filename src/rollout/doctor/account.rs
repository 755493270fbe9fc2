//! The account: whether Corp ID, AgentId and each secret are what they should be, and what
//! the secrets may really do. Only reads that change nothing are made.
//!
//! Source: WeCom documentation, 全局错误码 and 企业可信IP.

use std::time::Duration;

use crate::{
    kit::Clock,
    wecom::{Client, Error, Patience, Settings, quota::Governor},
};

use super::{Finding, Kind};

/// Time for one question; a page waits for all of them.
const PATIENCE: Duration = Duration::from_secs(4);
/// Our clock may differ by so much before it is worth a word, in milliseconds.
const CLOCK_FINE_MS: i64 = 30_000;
/// Above this, codes and certificates begin to fail, in milliseconds.
const CLOCK_USABLE_MS: i64 = 300_000;
/// Letters and digits behind `ww` or `wx`.
const CORP_ID_CHARS: usize = 16;

/// Asks WeCom about an account that may not be saved yet.
pub async fn examine(settings: Settings, agentid: u64, clock: Clock) -> Vec<Finding> {
    if !has_corp_id_shape(&settings.corpid) {
        return vec![Finding::of(Kind::CorpIdShape)];
    }
    let has_contact_secret = settings.contact_secret.is_some();
    let has_sync_secret = settings.sync_secret.is_some();
    let patience = Patience {
        waits: Vec::new(),
        timeout: PATIENCE,
    };
    let client = match Client::new(settings, patience, clock.clone(), Governor::new(clock)) {
        Ok(client) => client,
        Err(_) => return vec![Finding::of(Kind::ProxyWrong)],
    };
    let mut found = Vec::new();
    if directory(&client, &mut found).await {
        // One at a time costs more patience than a page has.
        let sync = async {
            match has_sync_secret {
                true => Some(client.try_sync_secret().await),
                false => None,
            }
        };
        let (agent, serving, sync) =
            futures_util::future::join3(client.agent(agentid), client.follow_users(), sync).await;
        found.push(match agent {
            Ok(agent) if agent.is_disabled() => Finding::of(Kind::AppDisabled),
            Ok(agent) if agent.sees_nobody() => Finding::of(Kind::RangeEmpty),
            Ok(agent) => Finding::of(Kind::AgentFine).with("name", agent.name),
            Err(error) => agent_trouble(&error),
        });
        found.extend(customers(serving, has_contact_secret));
        found.extend(sync.map(sync_secret));
    }
    found.extend(client.metrics().skew_ms().map(clock_finding));
    found
}

/// `ww` or `wx` and sixteen letters and digits.
pub fn has_corp_id_shape(corpid: &str) -> bool {
    let rest = corpid.strip_prefix("ww").or(corpid.strip_prefix("wx"));
    rest.is_some_and(|rest| {
        rest.len() == CORP_ID_CHARS && rest.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// The first question: it takes a token, so it tells about Corp ID and secret, and then about
/// address, kind of secret and visible range. Whether it is worth asking on.
async fn directory(client: &Client, found: &mut Vec<Finding>) -> bool {
    let told = client.departments().await;
    let has_token = match &told {
        Ok(_) => true,
        Err(error) => call_of(error) != TOKEN_CALL && matches!(error, Error::Refused { .. }),
    };
    if has_token {
        found.push(Finding::of(Kind::TokenFine));
    }
    match told {
        Ok(departments) => {
            found.push(Finding::of(Kind::IpTrusted));
            found.push(match departments.len() {
                0 => Finding::of(Kind::RangeEmpty),
                n => Finding::of(Kind::DirectoryFine).with("n", n),
            });
            true
        }
        Err(error) => {
            found.push(trouble(&error, Kind::SecretOfOtherApp));
            false
        }
    }
}

const TOKEN_CALL: &str = "gettoken";

fn call_of(error: &Error) -> &'static str {
    match error {
        Error::Transport { call, .. }
        | Error::NotSent { call, .. }
        | Error::Held { call, .. }
        | Error::Status { call, .. }
        | Error::BadAnswer { call, .. }
        | Error::Refused { call, .. } => call,
    }
}

/// What an error means; `forbidden` is what «the token may not make this call» means here.
fn trouble(error: &Error, forbidden: Kind) -> Finding {
    let (errcode, seen_ip) = match error {
        Error::Refused {
            errcode, seen_ip, ..
        } => (*errcode, *seen_ip),
        Error::Transport { .. } | Error::NotSent { .. } => {
            return Finding::of(Kind::LostContact);
        }
        Error::Held { errcode, .. } => return Finding::of(Kind::Busy).with("errcode", errcode),
        Error::Status { status, .. } => {
            return Finding::of(Kind::StrangeAnswer).with("why", format!("HTTP {status}"));
        }
        Error::BadAnswer { what, .. } => {
            return Finding::of(Kind::StrangeAnswer).with("why", what);
        }
    };
    let kind = match errcode {
        40013 => Kind::CorpIdWrong,
        40001 => Kind::SecretWrong,
        40091 => Kind::SecretOfOtherCorp,
        45009 if call_of(error) == TOKEN_CALL => Kind::TooManyTries,
        301007 => Kind::CorpGone,
        -1 | 6000 | 45009 | 45033 => Kind::Busy,
        60020 => {
            let ip = seen_ip.map_or("?".to_owned(), |ip| ip.to_string());
            return Finding::of(Kind::IpNotTrusted).with("ip", ip);
        }
        48001 | 48002 | 84074 => forbidden,
        48009 => Kind::SecretOfSync,
        50003 | 60031 => Kind::AppDisabled,
        60011 | 50002 => Kind::RangeEmpty,
        _ => {
            return Finding::of(Kind::Refused)
                .with("errcode", errcode)
                .with("call", call_of(error));
        }
    };
    Finding::of(kind).with("errcode", errcode)
}

fn agent_trouble(error: &Error) -> Finding {
    match error {
        Error::Refused {
            errcode: 301_002 | 40056,
            ..
        } => Finding::of(Kind::AgentWrong),
        other => trouble(other, Kind::AgentWrong),
    }
}

fn customers(serving: Result<Vec<String>, Error>, has_contact_secret: bool) -> Vec<Finding> {
    let serving = match serving {
        Ok(serving) => serving,
        Err(error) => {
            let kind = match has_contact_secret {
                true => Kind::ContactSecretOfOtherApp,
                false => Kind::CustomersNotGranted,
            };
            let found = trouble(&error, kind);
            // The app's own secret has passed before.
            return vec![match found.kind() {
                Kind::SecretWrong | Kind::SecretOfOtherCorp if has_contact_secret => {
                    Finding::of(Kind::ContactSecretWrong)
                }
                _ => found,
            }];
        }
    };
    vec![match serving.len() {
        0 => Finding::of(Kind::NobodyServes),
        n => Finding::of(Kind::CustomersFine).with("n", n),
    }]
}

fn sync_secret(told: Result<(), Error>) -> Finding {
    let Err(error) = told else {
        return Finding::of(Kind::DirectoryWritable);
    };
    let found = trouble(&error, Kind::SyncSecretOfOtherApp);
    match found.kind() {
        Kind::SecretWrong | Kind::SecretOfOtherCorp => Finding::of(Kind::SyncSecretWrong),
        _ => found,
    }
}

fn clock_finding(skew_ms: i64) -> Finding {
    let kind = match skew_ms.abs() {
        off if off <= CLOCK_FINE_MS => Kind::ClockFine,
        off if off <= CLOCK_USABLE_MS => Kind::ClockOff,
        _ => Kind::ClockWrong,
    };
    Finding::of(kind).with("seconds", skew_ms.abs() / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corp_id_has_its_shape() {
        assert!(has_corp_id_shape("ww0123456789abcdef"));
        assert!(has_corp_id_shape("wx0123456789abcdef"));
        for wrong in [
            "",
            "ww0123",
            "1000002",
            "xx0123456789abcdef",
            "ww0123456789abcde ",
            "企业",
        ] {
            assert!(!has_corp_id_shape(wrong), "{wrong}");
        }
    }
}
