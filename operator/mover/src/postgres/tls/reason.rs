//! Why a handshake failed, in words that say what to do.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// A sentence for people.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the list of causes is open; the rest says what rustls says"
)]
pub fn explain(error: &io::Error, host: &str) -> String {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the server closed the connection during the handshake".to_owned()
            }
            _ => error.to_string(),
        };
    };
    match error {
        Error::InvalidCertificate(problem) => explain_certificate(problem, host),
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::HandshakeFailure,
        ) => format!("{error}; the server may want a client certificate"),
        Error::AlertReceived(AlertDescription::UnknownCA) => {
            format!("{error}; the server does not know the authority of the client certificate")
        }
        Error::InvalidMessage(_) => format!("{error}; the server answered with something other than TLS"),
        Error::PeerIncompatible(_) => format!("{error}; the server must speak TLS 1.2 or 1.3"),
        other => other.to_string(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the list of causes is open; the rest says what rustls says"
)]
fn explain_certificate(problem: &CertificateError, host: &str) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "its certificate is signed by an authority that is not known; give the authority's certificate as CA".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
            "its certificate is not for {host:?} ({problem}); connect by a name that it has, or use the TLS mode VerifyCa"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate has expired ({problem}); renew it on the server")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("its certificate does not hold yet ({problem}); check the clocks")
        }
        other => format!("its certificate cannot be accepted: {other}"),
    }
}
