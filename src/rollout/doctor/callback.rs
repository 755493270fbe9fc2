//! Callbacks: whether WeCom knows the address, uses our keys, and finds its way here.

use std::net::IpAddr;

use crate::{
    app::App,
    error::Result,
    kit::Timestamp,
    rollout::queries,
    sync::{
        self,
        connection::{self, Connection},
    },
    wecom::{
        callback::Refused,
        reach::{self, Barrier},
    },
};

use super::{Finding, Kind};

/// A firm at work has events more often than this, in milliseconds.
const QUIET_MS: i64 = 3 * 86_400_000;

/// Looks at what has come, and asks ourselves as WeCom would.
pub(super) async fn examine(
    app: &App,
    connection: &Connection,
    is_serving: bool,
) -> Result<Vec<Finding>> {
    if connection.callback.is_none() {
        return Ok(vec![Finding::of(Kind::CallbackKeysMissing)]);
    }
    let mut found = vec![heard(app, connection)?];
    found.extend(refusal(app));
    let address = queries::address(app)?;
    if address.is_empty() {
        found.push(Finding::of(Kind::OwnAddressMissing));
        return Ok(found);
    }
    if is_private(&address) {
        found.push(Finding::of(Kind::OwnAddressPrivate).with("address", &address));
    }
    if is_serving {
        found.push(ask_self(app, &address).await);
    }
    Ok(found)
}

fn heard(app: &App, connection: &Connection) -> Result<Finding> {
    let now = app.store.clock().now();
    let (checked, newest) = app.read(|r| {
        Ok::<_, crate::store::StoreError>((
            connection::verified_at(r, connection)?,
            sync::newest_event(r)?,
        ))
    })?;
    Ok(match (newest, checked) {
        (Some(at), _) if now.since_ms(at) <= QUIET_MS => {
            Finding::of(Kind::EventsCome).with("at", minutes(at))
        }
        (Some(at), _) => Finding::of(Kind::EventsStay).with("at", minutes(at)),
        (None, Some(at)) => Finding::of(Kind::CallbackChecked).with("at", minutes(at)),
        (None, None) => Finding::of(Kind::CallbackUnchecked),
    })
}

/// Date and time in UTC, for a reader whose language is not known yet.
fn minutes(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What the last refused call says about the keys at the other end.
fn refusal(app: &App) -> Option<Finding> {
    let (at, why) = app.sync.heard().last_refusal()?;
    Some(Finding::of(refusal_kind(&why)).with("at", minutes(at)))
}

/// The finding behind a refused call.
pub(in crate::rollout) fn refusal_kind(why: &Refused) -> Kind {
    match why {
        Refused::Signature => Kind::CallbackToken,
        Refused::Padding | Refused::Length | Refused::Blocks | Refused::Base64 => {
            Kind::CallbackAesKey
        }
        Refused::ReceiveId => Kind::CallbackCorp,
        _ => Kind::CallbackOdd,
    }
}

async fn ask_self(app: &App, address: &str) -> Finding {
    let Some((query, echo)) = sync::ask_self(app) else {
        return Finding::of(Kind::CallbackKeysMissing);
    };
    let asked = reach::ask(&format!("{address}{}?{query}", sync::CALLBACK)).await;
    let kind = match asked {
        Ok(answer) if answer == echo => Kind::OwnAddressFine,
        Ok(_) => Kind::OwnAddressElsewhere,
        Err(barrier) => barrier_kind(&barrier),
    };
    Finding::of(kind).with("address", address)
}

/// What keeps WeCom from finding its way here too.
fn barrier_kind(barrier: &Barrier) -> Kind {
    match barrier {
        Barrier::UnknownIssuer => Kind::OwnCertificateIssuer,
        Barrier::CertificateDate => Kind::OwnCertificateDate,
        Barrier::OtherName => Kind::OwnCertificateName,
        _ => Kind::OwnAddressSilent,
    }
}

/// Whether only this machine or this network can use the address.
fn is_private(address: &str) -> bool {
    let Some(place) = reach::place(address) else {
        return false;
    };
    match place.host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => place.host == "localhost" || !place.host.contains('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_wecom_would_not_take_is_named_by_its_fault() {
        for (barrier, kind) in [
            (Barrier::UnknownIssuer, Kind::OwnCertificateIssuer),
            (Barrier::CertificateDate, Kind::OwnCertificateDate),
            (Barrier::OtherName, Kind::OwnCertificateName),
            (Barrier::Silence, Kind::OwnAddressSilent),
        ] {
            assert_eq!(barrier_kind(&barrier), kind);
        }
    }

    #[test]
    fn addresses_that_wecom_cannot_reach_are_told_from_those_it_can() {
        for private in [
            "http://127.0.0.1:8080",
            "http://10.1.2.3",
            "http://qitai",
            "http://[::1]:1",
        ] {
            assert!(is_private(private), "{private}");
        }
        for public in ["https://qitai.example.com", "http://203.0.113.8:8080"] {
            assert!(!is_private(public), "{public}");
        }
    }
}
