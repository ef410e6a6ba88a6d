//! TLS to a keeper: it must show one of the certificates that the vault's ConfigMap or an assignment names, byte for byte.
//!
//! Keepers have self-signed certificates, so there is no authority to ask, and host name and dates add nothing to the
//! equality of the whole certificate. What still has to be proved is that the peer holds the private key: the
//! handshake's signature is verified as in any other TLS connection.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Why no connection can be made with the certificates that were given.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    #[error("failed to read a pinned certificate as PEM")]
    ReadCertificate(#[source] rustls_pki_types::pem::Error),
    #[error("no certificate was given to pin the keeper's to")]
    NoCertificate,
    #[error("failed to set up TLS for the keeper")]
    Configure(#[source] rustls::Error),
}

/// A client configuration that trusts exactly the given PEM certificates as the server's own, and nothing else.
///
/// # Errors
/// [`PinError`] when a text holds no certificate, or there is none at all.
pub fn client_config(certificates: &[String]) -> Result<ClientConfig, PinError> {
    let pinned = certificates
        .iter()
        .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(PinError::ReadCertificate))
        .collect::<Result<Vec<_>, _>>()?;
    if pinned.is_empty() {
        return Err(PinError::NoCertificate);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Pinned { certificates: pinned, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(PinError::Configure)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

#[derive(Debug)]
struct Pinned {
    certificates: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.certificates.iter().any(|pinned| pinned.as_ref() == end_entity.as_ref()) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::UnknownIssuer.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::{ClientConnection, ServerConfig, ServerConnection};
    use rustls_pki_types::PrivateKeyDer;

    use super::*;

    struct Identity {
        certificate: String,
        key: String,
    }

    fn identity() -> Identity {
        let made = rcgen::generate_simple_self_signed(vec!["main-keeper.vaults.svc".to_owned()]).unwrap();
        Identity { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    fn server(shown: &Identity, key: &str) -> Result<ServerConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = vec![CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap()];
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
    }

    /// Runs the whole handshake in memory.
    fn handshake(pins: &[String], server: ServerConfig) -> Result<(), rustls::Error> {
        let name = ServerName::try_from("anything.example").unwrap();
        let mut client = ClientConnection::new(Arc::new(client_config(pins).unwrap()), name)?;
        let mut server = ServerConnection::new(Arc::new(server))?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn the_pinned_certificate_is_accepted_under_any_host_name() {
        let keeper = identity();
        let served = server(&keeper, &keeper.key).unwrap();
        assert!(handshake(std::slice::from_ref(&keeper.certificate), served).is_ok());
    }

    #[test]
    fn either_of_two_certificates_is_accepted_while_they_change() {
        let (current, next) = (identity(), identity());
        let pins = [current.certificate.clone(), next.certificate.clone()];
        for keeper in [&current, &next] {
            assert!(handshake(&pins, server(keeper, &keeper.key).unwrap()).is_ok());
        }
    }

    #[test]
    fn another_certificate_is_refused() {
        let (keeper, stranger) = (identity(), identity());
        let refused = handshake(&[keeper.certificate], server(&stranger, &stranger.key).unwrap());
        assert!(matches!(refused, Err(rustls::Error::InvalidCertificate(_))), "{refused:?}");
    }

    #[test]
    fn no_configuration_is_made_without_a_certificate() {
        assert!(matches!(client_config(&[]), Err(PinError::NoCertificate)));
        assert!(matches!(client_config(&["not PEM".to_owned()]), Err(PinError::ReadCertificate(_))));
    }
}
