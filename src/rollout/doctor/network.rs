//! The way to WeCom's server, step by step: proxy, name, connection, TLS.

use crate::{
    config::Config,
    wecom::reach::{self, Barrier},
};

use super::{Finding, Kind};

/// Addresses that are named of a host.
const ADDRESSES_SHOWN: usize = 3;

/// Goes the way once.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let address = &config.wecom_base_url;
    let Some(place) = reach::place(address) else {
        return vec![Finding::of(Kind::AddressWrong).with("address", address)];
    };
    let mut found = Vec::new();
    match &config.proxy {
        Some(proxy) => match reach::proxy_place(proxy) {
            Some(place) => found.push(Finding::of(Kind::ProxyInUse).with("proxy", place)),
            None => return vec![Finding::of(Kind::ProxyWrong)],
        },
        // Behind a proxy the name is the proxy's to look up.
        None => match reach::addresses(&place).await {
            Ok(addresses) => {
                let shown = addresses.iter().take(ADDRESSES_SHOWN);
                let shown: Vec<String> = shown.map(ToString::to_string).collect();
                found.push(
                    Finding::of(Kind::NameKnown)
                        .with("host", &place.host)
                        .with("addresses", shown.join(", ")),
                );
            }
            Err(_) => {
                return vec![Finding::of(Kind::NameUnknown).with("host", &place.host)];
            }
        },
    }
    let knocked = reach::knock(address, config.proxy.as_ref()).await;
    let kind = match &knocked {
        Ok(()) => Kind::Reached,
        Err(barrier) => kind_of(barrier),
    };
    let mut last = Finding::of(kind)
        .with("host", &place.host)
        .with("port", place.port);
    if let Err(Barrier::Other(why)) = knocked {
        last = last.with("why", why);
    }
    found.push(last);
    found
}

fn kind_of(barrier: &Barrier) -> Kind {
    match barrier {
        Barrier::Name => Kind::NameUnknown,
        Barrier::Refused => Kind::ConnectionRefused,
        Barrier::Silence => Kind::NoAnswer,
        Barrier::UnknownIssuer => Kind::UnknownIssuer,
        Barrier::CertificateDate => Kind::CertificateDate,
        Barrier::OtherName => Kind::CertificateName,
        Barrier::Tls => Kind::TlsFails,
        Barrier::ProxyAddress => Kind::ProxyWrong,
        Barrier::ProxyUnreachable => Kind::ProxyUnreachable,
        Barrier::ProxyCredentials => Kind::ProxyCredentials,
        Barrier::Other(_) => Kind::Barred,
    }
}
