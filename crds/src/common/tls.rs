//! How a connection to a database server is protected.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reference::{AuthorityRef, SecretReference};

/// The protection of the connection to a database server.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = kube::core::Rule::new(
        "self.mode != 'Disable' || (!has(self.caSecretRef) && !has(self.clientCertificateSecretRef))")
        .message("`mode: Disable` uses no certificates: remove `caSecretRef` and `clientCertificateSecretRef`, or choose VerifyFull"),
    validation = kube::core::Rule::new("self.mode != 'VerifyCa' || has(self.caSecretRef)")
        .message("`mode: VerifyCa` needs `caSecretRef`: without a private authority any public certificate would do; choose VerifyFull"),
)]
pub struct Tls {
    /// VerifyFull: the certificate's authority and host name are checked. VerifyCa: the authority only. Require:
    /// encrypted, nothing checked, so an attacker on the path can read the password. Disable: no encryption.
    #[serde(default)]
    pub mode: TlsMode,
    /// Secret with the authority that signed the server's certificate. Unset: the public authorities of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<AuthorityRef>,
    /// Secret of type kubernetes.io/tls with the client certificate to log in with. Unset: none is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_secret_ref: Option<SecretReference>,
}

/// What is checked about the server before a password is sent.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsMode {
    /// Encrypted; authority and host name are checked.
    #[default]
    VerifyFull,
    /// Encrypted; the authority is checked, the host name is not.
    VerifyCa,
    /// Encrypted; nothing is checked.
    Require,
    /// Not encrypted.
    Disable,
}
