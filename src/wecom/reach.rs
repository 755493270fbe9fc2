//! Whether an address can be reached at all, and if not, at which step it fails.

use std::{error::Error as _, io, net::IpAddr, time::Duration};

use crate::kit::Secret;

use super::client::{describe, http_client};

/// Time for one look; a page waits for it.
const PATIENCE: Duration = Duration::from_secs(4);
/// Bytes of an answer that are looked at.
const ECHO_BYTES_MAX: usize = 4096;

/// At which step the way to a server ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Barrier {
    /// The name has no address.
    Name,
    /// Nobody takes the connection.
    Refused,
    /// Nobody answers in time.
    Silence,
    /// The certificate is of an issuer that nobody knows: often a device that opens TLS.
    UnknownIssuer,
    /// The certificate is not valid at the time of this machine's clock.
    CertificateDate,
    /// The certificate is for another name.
    OtherName,
    /// TLS fails otherwise.
    Tls,
    /// The address given as proxy is none.
    ProxyAddress,
    /// The proxy cannot be reached.
    ProxyUnreachable,
    /// The proxy wants a name and a password.
    ProxyCredentials,
    /// Anything else, in the words of the library.
    Other(String),
}

/// Where a base address leads: host, port, and whether it is by TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// By TLS.
    pub is_tls: bool,
}

/// The place of an address; `None` if it is none.
pub fn place(address: &str) -> Option<Place> {
    let url = reqwest::Url::parse(address).ok()?;
    Some(Place {
        host: url.host_str()?.trim_matches(['[', ']']).to_owned(),
        port: url.port_or_known_default()?,
        is_tls: url.scheme() == "https",
    })
}

/// A proxy's place without its credentials, for people.
pub fn proxy_place(proxy: &Secret<String>) -> Option<String> {
    let place = place(proxy.expose())?;
    Some(format!("{}:{}", place.host, place.port))
}

/// The addresses of a name.
///
/// # Errors
/// [`Barrier::Name`].
pub async fn addresses(place: &Place) -> Result<Vec<IpAddr>, Barrier> {
    let looked_up = tokio::net::lookup_host((place.host.as_str(), place.port));
    let found = tokio::time::timeout(PATIENCE, looked_up)
        .await
        .map_err(|_| Barrier::Name)?
        .map_err(|_| Barrier::Name)?;
    let mut found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    found.dedup();
    match found.is_empty() {
        true => Err(Barrier::Name),
        false => Ok(found),
    }
}

/// Asks whoever is there for anything at all.
///
/// # Errors
/// At which step the way ends.
pub async fn knock(address: &str, proxy: Option<&Secret<String>>) -> Result<(), Barrier> {
    let http = http_client(PATIENCE, proxy).map_err(|_| Barrier::ProxyAddress)?;
    match http.get(address).send().await {
        Ok(answer) if answer.status().as_u16() == 407 => Err(Barrier::ProxyCredentials),
        Ok(_) => Ok(()),
        Err(error) => Err(barrier(error, proxy.is_some())),
    }
}

/// What an address of our own answers to a question.
///
/// # Errors
/// At which step the way ends.
pub async fn ask(address: &str) -> Result<String, Barrier> {
    let http = http_client(PATIENCE, None).map_err(|_| Barrier::ProxyAddress)?;
    let answer = http.get(address).send().await;
    let mut answer = answer.map_err(|error| barrier(error, false))?;
    let mut body = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > ECHO_BYTES_MAX {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn barrier(error: reqwest::Error, by_proxy: bool) -> Barrier {
    if let Some(found) = tls_barrier(&error) {
        return found;
    }
    let kind = io_kind(&error);
    let is_connect = error.is_connect();
    let is_timeout = error.is_timeout();
    let text = describe(error);
    let lower = text.to_ascii_lowercase();
    if lower.contains("proxy authorization required") || lower.contains("407") {
        return Barrier::ProxyCredentials;
    }
    if by_proxy && is_connect {
        return Barrier::ProxyUnreachable;
    }
    if lower.contains("dns error") {
        return Barrier::Name;
    }
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => Barrier::Refused,
        _ if is_timeout => Barrier::Silence,
        _ => Barrier::Other(text),
    }
}

/// What `look` finds in an error or in one of its causes.
fn in_chain<T>(
    error: &reqwest::Error,
    look: impl Fn(&(dyn std::error::Error + 'static)) -> Option<T>,
) -> Option<T> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = look(error) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// An I/O error with those it holds: `source` passes over them.
fn io_errors(outer: &io::Error) -> impl Iterator<Item = &io::Error> {
    std::iter::successors(Some(outer), |error| {
        error.get_ref()?.downcast_ref::<io::Error>()
    })
}

fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    in_chain(error, |cause| {
        let mut kinds = io_errors(cause.downcast_ref::<io::Error>()?).map(io::Error::kind);
        kinds.find(|kind| *kind != io::ErrorKind::Other)
    })
}

fn tls_barrier(error: &reqwest::Error) -> Option<Barrier> {
    use rustls::CertificateError as Certificate;
    let tls = |error: &rustls::Error| match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            Certificate::UnknownIssuer => Barrier::UnknownIssuer,
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. } => Barrier::CertificateDate,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                Barrier::OtherName
            }
            _ => Barrier::Tls,
        },
        _ => Barrier::Tls,
    };
    in_chain(error, |cause| {
        if let Some(found) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls(found));
        }
        io_errors(cause.downcast_ref::<io::Error>()?)
            .find_map(|error| error.get_ref()?.downcast_ref::<rustls::Error>())
            .map(tls)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_without_its_password() {
        let proxy = Secret::new("http://user:hunter2@proxy.example:3128".to_owned());
        assert_eq!(proxy_place(&proxy).as_deref(), Some("proxy.example:3128"));
        assert_eq!(proxy_place(&Secret::new("nonsense".to_owned())), None);
    }

    #[test]
    fn places_have_the_port_of_their_scheme() {
        let place = |address| place(address).map(|p| (p.host, p.port, p.is_tls));
        assert_eq!(
            place("https://qyapi.weixin.qq.com/cgi-bin/"),
            Some(("qyapi.weixin.qq.com".to_owned(), 443, true))
        );
        assert_eq!(
            place("http://[::1]:8080"),
            Some(("::1".to_owned(), 8080, false))
        );
    }
}
