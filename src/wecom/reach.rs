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
    use std::io::{Read as _, Write as _};

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

    /// An authority of the test, a key, and what is issued for these names until then.
    fn issued(name: &str, year: i32) -> (rcgen::Certificate, rustls::ServerConfig) {
        use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
        let key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = authority.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(authority, key);
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![leaf.der().clone()], key);
        (root, config.unwrap())
    }

    /// A server that answers one handshake; its port.
    fn served(config: rustls::ServerConfig) -> u16 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let config = std::sync::Arc::new(config);
            let mut tls = rustls::ServerConnection::new(config).unwrap();
            // Whoever does not like the certificate breaks off; that is what is tested.
            let mut talk = rustls::Stream::new(&mut tls, &mut stream);
            let (mut asked, mut byte) = (Vec::new(), [0]);
            while !asked.ends_with(b"\r\n\r\n") {
                match talk.read(&mut byte) {
                    Ok(1) => asked.push(byte[0]),
                    _ => return,
                }
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            talk.write_all(answer).unwrap();
        });
        port
    }

    /// How a client that trusts `root` finds the server.
    async fn found(root: Option<&rcgen::Certificate>, port: u16) -> Option<Barrier> {
        let mut roots = rustls::RootCertStore::empty();
        if let Some(root) = root {
            roots.add(root.der().clone()).unwrap();
        }
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.with_no_client_auth())
            .no_proxy()
            .build()
            .unwrap();
        let asked = http.get(format!("https://localhost:{port}/")).send().await;
        asked.err().map(|error| barrier(error, false))
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_certificate_is_told_apart() {
        super::super::install_crypto_provider();
        let (root, good) = issued("localhost", 2100);
        assert_eq!(found(Some(&root), served(good)).await, None);
        let (root, expired) = issued("localhost", 2021);
        assert_eq!(
            found(Some(&root), served(expired)).await,
            Some(Barrier::CertificateDate)
        );
        let (root, other) = issued("other.example", 2100);
        assert_eq!(
            found(Some(&root), served(other)).await,
            Some(Barrier::OtherName)
        );
        let (_, unknown) = issued("localhost", 2100);
        assert_eq!(
            found(None, served(unknown)).await,
            Some(Barrier::UnknownIssuer)
        );
    }
}
