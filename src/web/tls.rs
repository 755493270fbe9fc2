//! TLS at our own door: certificate and key from PEM files, exchanged without a restart.
//!
//! HTTP/1.1 only, as everywhere here. Connections that are open keep the certificate they
//! began with; the next handshake has the new one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

/// The certificate cannot be used. The message names the file and what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is missing, or not what it should be.
    #[error("{path}: {why}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Certificate and key are of different pairs.
    #[error("{cert} is not the certificate of the key {key}", cert = cert.display(), key = key.display())]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// The certificate in use, and where it comes from.
#[derive(Debug)]
pub struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    seen: ArcSwap<Option<(SystemTime, SystemTime)>>,
}

impl Certificates {
    /// Reads both files.
    ///
    /// # Errors
    /// When they cannot be used together.
    pub fn load(cert: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let current = read(cert, key)?;
        Ok(Arc::new(Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            current: ArcSwap::from_pointee(current),
            seen: ArcSwap::from_pointee(changed_at(cert, key)),
        }))
    }

    /// Reads both files again. What cannot be used is not put into use.
    ///
    /// # Errors
    /// When they cannot be used together.
    pub fn reload(&self) -> Result<(), TlsError> {
        let seen = changed_at(&self.cert, &self.key);
        self.current.store(Arc::new(read(&self.cert, &self.key)?));
        self.seen.store(Arc::new(seen));
        Ok(())
    }

    /// Whether either file is another than the one in use.
    pub fn is_stale(&self) -> bool {
        changed_at(&self.cert, &self.key) != **self.seen.load()
    }

    /// The configuration of a server with these certificates.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let mut config = builder
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn changed_at(cert: &Path, key: &Path) -> Option<(SystemTime, SystemTime)> {
    let at = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    Some((at(cert)?, at(key)?))
}

fn read(cert: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let wrong = |path: &Path, why: String| TlsError::File {
        path: path.to_owned(),
        why,
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|why| wrong(cert, why.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(cert, "has no certificate in it".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|why| wrong(key, why.to_string()))?;
    let signing = aws_lc_rs::sign::any_supported_type(&private)
        .map_err(|_| wrong(key, "is a kind of key that is not supported".to_owned()))?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        // A kind of key that cannot be compared is found out by the first handshake.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(certified)
        }
        Err(_) => Err(TlsError::Mismatch {
            cert: cert.to_owned(),
            key: key.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a fresh pair; gives the certificate's bytes.
    fn write_pair(cert: &Path, key: &Path) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(cert, made.cert.pem()).unwrap();
        std::fs::write(key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    }

    #[test]
    fn another_pair_is_taken_up_and_a_broken_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("c.pem"), dir.path().join("k.pem"));
        assert!(Certificates::load(&cert, &key).is_err(), "nothing is there");
        let first = write_pair(&cert, &key);
        let certificates = Certificates::load(&cert, &key).unwrap();
        let in_use = || certificates.current.load().cert[0].to_vec();
        assert_eq!(in_use(), first);
        let second = write_pair(&cert, &key);
        certificates.reload().unwrap();
        assert_eq!(in_use(), second);
        std::fs::write(&key, "nonsense").unwrap();
        assert!(certificates.reload().is_err());
        write_pair(&cert, &dir.path().join("other.pem"));
        assert!(certificates.reload().is_err());
        assert_eq!(in_use(), second, "the good one stays");
        std::fs::remove_file(&key).unwrap();
        assert!(certificates.is_stale());
    }
}
