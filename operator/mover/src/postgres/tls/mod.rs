//! TLS to a PostgreSQL server: which authorities are believed, what is checked, and what a failure means.

mod certificate;
mod reason;
mod verifier;

use std::sync::Arc;

use contract::{Tls, TlsMode};
use rustls::{
    ClientConfig, RootCertStore,
    client::{Resumption, danger::ServerCertVerifier},
    crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::PgError;
pub(super) use certificate::Certificate;
use verifier::{NoVerifier, Verifier};

/// The protocol's name in the handshake, so that a server of another protocol cannot be talked to by mistake.
const PROTOCOL: &[u8] = b"postgresql";
/// Longest PEM text of certificates or a key.
const PEM_LIMIT: usize = 4 * 1024 * 1024;

/// How connections to one server are protected. Cheap to clone.
#[derive(Clone)]
pub struct TlsSettings {
    /// `None`: not at all.
    config: Option<Arc<ClientConfig>>,
}

impl TlsSettings {
    /// Reads certificates and keys. `Require` with a CA is as strict as `VerifyCa`, as in libpq.
    ///
    /// # Errors
    /// When a PEM text does not hold what it should.
    pub fn new(tls: &Tls) -> Result<Self, PgError> {
        if tls.mode == TlsMode::Disable {
            return Ok(Self { config: None });
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(format!("prepare TLS: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(verifier(tls, provider)?);
        let mut config = match &tls.client {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = certificates(chain, "the client certificate")?;
                let key = private_key(key.reveal())?;
                config.with_client_auth_cert(chain, key).map_err(|error| {
                    invalid(format!(
                        "use the client certificate: {error}; check that certificate and key belong together"
                    ))
                })?
            }
        };
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Self { config: Some(Arc::new(config)) })
    }

    /// Whether TLS is wanted.
    pub fn is_on(&self) -> bool {
        self.config.is_some()
    }

    /// Begins TLS on a stream whose server has agreed to it. `host` is the name that the certificate must have.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        host: &str,
        address: &str,
    ) -> Result<TlsStream<TcpStream>, PgError> {
        let failed = |reason| PgError::Tls { address: address.to_owned(), reason };
        let config = self.config.clone().ok_or_else(|| failed("TLS is turned off".to_owned()))?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| failed(format!("{host:?} is neither a DNS name nor an IP address")))?;
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| failed(reason::explain(&error, host)))
    }
}

/// What ties a login to this very TLS connection (RFC 5929, `tls-server-end-point`): the hash of the server's
/// certificate by the hash function of its signature. `None` where the signature has no such function.
pub(super) fn channel_binding(stream: &TlsStream<TcpStream>) -> Option<Vec<u8>> {
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates()?.first()?;
    let algorithm = Certificate::parse(certificate)?.hash_algorithm()?;
    Some(aws_lc_rs::digest::digest(algorithm, certificate).as_ref().to_vec())
}

/// PEM text of the public authorities, for a program that has to be told.
pub(crate) fn public_authorities_pem() -> String {
    let mut pem = String::new();
    for certificate in TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let text = data_encoding::BASE64.encode(certificate);
        for line in text.as_bytes().chunks(64) {
            pem.extend(line.iter().copied().map(char::from));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

fn verifier(tls: &Tls, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, PgError> {
    let algorithms = provider.signature_verification_algorithms;
    let trusted = match &tls.ca {
        Some(pem) => certificates(pem, "the CA bundle")?,
        None if tls.mode == TlsMode::Require => return Ok(Arc::new(NoVerifier { algorithms })),
        None => Vec::new(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in if trusted.is_empty() { TLS_SERVER_ROOT_CERTS } else { &trusted } {
        // A server's own certificate may be no authority; it is then only believed when it is shown itself.
        if roots.add(certificate.clone()).is_err() && Certificate::parse(certificate).is_none() {
            return Err(invalid("read the CA bundle: it holds something that is no certificate".to_owned()));
        }
    }
    let check_name = tls.mode == TlsMode::VerifyFull;
    Ok(Arc::new(Verifier { roots, shown_itself: trusted, check_name, algorithms }))
}

fn certificates(pem: &str, what: &str) -> Result<Vec<CertificateDer<'static>>, PgError> {
    if pem.len() > PEM_LIMIT {
        return Err(invalid(format!("read {what}: it is longer than {PEM_LIMIT} bytes")));
    }
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid(format!("read {what}: {error}; it must be certificates in PEM form")))?;
    if certificates.is_empty() {
        return Err(invalid(format!("read {what}: it holds no certificate in PEM form")));
    }
    Ok(certificates)
}

fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, PgError> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
        invalid("read the client key: it holds no unencrypted private key in PEM form".to_owned())
    })
}

fn invalid(message: String) -> PgError {
    PgError::InvalidConnection(message)
}
