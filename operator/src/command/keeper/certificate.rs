//! The certificate that a keeper shows, changed in place when its files change.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem};

use super::mounted::CertificateFiles;

/// Why mounted files are no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("failed to read the keeper's certificate as PEM")]
    Certificate(#[source] pem::Error),
    #[error("failed to read the keeper's private key as PEM")]
    PrivateKey(#[source] pem::Error),
    #[error("failed to use the keeper's certificate with its private key")]
    Pair(#[source] rustls::Error),
}

/// The certificate shown to whoever connects. Without one every handshake is refused, and the keeper waits.
#[derive(Default)]
pub struct Certificates {
    current: RwLock<Option<Arc<CertifiedKey>>>,
}

impl Certificates {
    /// Shows this certificate from the next handshake on.
    ///
    /// # Errors
    /// Any [`CertificateError`]; the certificate before stays in use.
    pub fn replace(&self, files: &CertificateFiles) -> Result<(), CertificateError> {
        let chain = CertificateDer::pem_slice_iter(files.certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(CertificateError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(files.private_key.as_bytes())
            .map_err(CertificateError::PrivateKey)?;
        let pair = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
            .map_err(CertificateError::Pair)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(pair));
        Ok(())
    }

    pub fn is_loaded(&self) -> bool {
        self.current.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Certificates").field("loaded", &self.is_loaded()).finish()
    }
}

/// TLS as a keeper serves it: 1.3 only, since every client is a Coffer of the same or the neighbouring release.
///
/// # Errors
/// When the cryptographic provider has no TLS 1.3.
pub fn server_config(certificates: Arc<Certificates>) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn files(certificate: &str, private_key: &str) -> CertificateFiles {
        CertificateFiles {
            certificate: Zeroizing::new(certificate.to_owned()),
            private_key: Zeroizing::new(private_key.to_owned()),
        }
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["keeper".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_bad_pair_is_refused_and_the_good_one_before_it_stays() {
        let certificates = Certificates::default();
        assert!(!certificates.is_loaded());
        let ((certificate, key), (_, other_key)) = (pair(), pair());
        certificates.replace(&files(&certificate, &key)).unwrap();
        let shown = certificates.current.read().unwrap().clone().unwrap();
        for (certificate, key) in
            [(certificate.as_str(), other_key.as_str()), ("", &key), (&certificate, "x")]
        {
            assert!(certificates.replace(&files(certificate, key)).is_err());
            let still = certificates.current.read().unwrap().clone().unwrap();
            assert!(Arc::ptr_eq(&shown, &still));
        }
    }
}
