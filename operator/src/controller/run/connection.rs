//! A tenant's Secrets as what a mover connects with. Pure: Secrets in, a connection or a named fault out.

use contract::{Connection, Credentials, Databases, Secret, Tls, TlsMode};
use crds::common::{self, DatabaseCredentialsRef};
use crds::instance::Postgresql;
use crds::{ErrorCode, Reason, secret_keys};
use k8s_openapi::api::core::v1;

/// The answer of the API server when a Secret was asked for.
#[derive(Clone)]
pub enum Found {
    Secret(Box<v1::Secret>),
    Absent,
    /// The operator may not read it.
    Forbidden,
}

/// Every Secret that a connection refers to. What is not referred to is `None`.
#[derive(Clone)]
pub struct Material {
    pub credentials: Found,
    pub authority: Option<Found>,
    pub client_certificate: Option<Found>,
}

/// The fields that name Secrets, as people know them.
const CREDENTIALS: &str = "credentialsSecretRef";
const AUTHORITY: &str = "tls.caSecretRef";
const CLIENT: &str = "tls.clientCertificateSecretRef";

/// What keeps a connection from being made up, for conditions and errors. Never holds a value of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub reason: Reason,
    pub code: ErrorCode,
    pub message: String,
}

/// Where a connection goes, from an instance or a restore's target.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    pub host: &'a str,
    pub port: i32,
    pub database: &'a str,
    pub credentials: &'a DatabaseCredentialsRef,
    pub tls: common::Tls,
    /// Namespace of the Secrets, for messages.
    pub namespace: &'a str,
    /// What lets the operator read Secrets there.
    pub bind_command: String,
}

/// Puts a connection together.
///
/// # Errors
/// The first [`Fault`], in the order credentials, authority, client certificate.
pub fn connection(place: &Place<'_>, material: &Material) -> Result<Connection, Fault> {
    Ok(Connection {
        host: place.host.to_owned(),
        port: u16::try_from(place.port)
            .map_err(|_| invalid(format!("port {} is no TCP port", place.port)))?,
        database: place.database.to_owned(),
        credentials: credentials(place, &material.credentials)?,
        tls: tls(place, material)?,
    })
}

/// Which databases of its server an instance protects.
pub fn databases(server: &Postgresql) -> Databases {
    match &server.databases {
        None => Databases::Connected,
        Some(selection) => Databases::Matching {
            include: selection.include.clone(),
            exclude: selection.exclude.clone().unwrap_or_default(),
        },
    }
}

fn credentials(place: &Place<'_>, found: &Found) -> Result<Credentials, Fault> {
    let reference = place.credentials;
    let secret = present(place, CREDENTIALS, &reference.name, found)?;
    if let Some(key) = &reference.uri_key {
        return Ok(Credentials::ConnectionString(Secret::new(text(
            secret,
            CREDENTIALS,
            &reference.name,
            key,
        )?)));
    }
    let username = text(secret, CREDENTIALS, &reference.name, reference.username_key())?;
    let password = text(secret, CREDENTIALS, &reference.name, reference.password_key())?;
    Ok(Credentials::Password { username, password: Secret::new(password) })
}

fn tls(place: &Place<'_>, material: &Material) -> Result<Tls, Fault> {
    let mode = match place.tls.mode {
        common::TlsMode::VerifyFull => TlsMode::VerifyFull,
        common::TlsMode::VerifyCa => TlsMode::VerifyCa,
        common::TlsMode::Require => TlsMode::Require,
        common::TlsMode::Disable => TlsMode::Disable,
    };
    let ca = match (&place.tls.ca_secret_ref, &material.authority) {
        (Some(reference), Some(found)) => {
            let secret = present(place, AUTHORITY, &reference.name, found)?;
            Some(text(secret, AUTHORITY, &reference.name, reference.key())?)
        }
        (Some(reference), None) => return Err(not_found(place, AUTHORITY, &reference.name)),
        (None, _) => None,
    };
    let client = match (&place.tls.client_certificate_secret_ref, &material.client_certificate) {
        (Some(reference), Some(found)) => {
            let secret = present(place, CLIENT, &reference.name, found)?;
            let certificate = text(secret, CLIENT, &reference.name, secret_keys::TLS_CERTIFICATE)?;
            let key = text(secret, CLIENT, &reference.name, secret_keys::TLS_PRIVATE_KEY)?;
            Some((certificate, Secret::new(key)))
        }
        (Some(reference), None) => return Err(not_found(place, CLIENT, &reference.name)),
        (None, _) => None,
    };
    Ok(Tls { mode, ca, client })
}

fn present<'a>(
    place: &Place<'_>,
    field: &str,
    name: &str,
    found: &'a Found,
) -> Result<&'a v1::Secret, Fault> {
    match found {
        Found::Secret(secret) => Ok(secret),
        Found::Absent => Err(not_found(place, field, name)),
        Found::Forbidden => Err(Fault {
            reason: Reason::SecretForbidden,
            code: ErrorCode::UserErrorMissingPermissionsOnSecretStore,
            message: format!(
                "The operator may not read Secret {}/{name}: run `{}`.",
                place.namespace, place.bind_command
            ),
        }),
    }
}

fn not_found(place: &Place<'_>, field: &str, name: &str) -> Fault {
    Fault {
        reason: Reason::SecretNotFound,
        code: ErrorCode::UserErrorInvalidSecret,
        message: format!(
            "There is no Secret {name} in namespace {}: create it, or name another in `{field}`.",
            place.namespace
        ),
    }
}

/// Bytes of a value, and of a bundle of authorities, of which those of whole clouds have 200 KiB. All of them together have
/// to fit into the Secret of a run, which Kubernetes limits to 1 MiB.
const LARGEST: usize = 64 * 1024;
const LARGEST_BUNDLE: usize = 512 * 1024;

/// A value as text that is not empty.
fn text(secret: &v1::Secret, field: &str, name: &str, key: &str) -> Result<String, Fault> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key)).ok_or_else(|| Fault {
        reason: Reason::SecretKeyMissing,
        code: ErrorCode::UserErrorInvalidSecret,
        message: format!("Secret {name} has no key {key:?}: add it, or name another in `{field}`."),
    })?;
    let largest = if field == AUTHORITY { LARGEST_BUNDLE } else { LARGEST };
    if bytes.0.len() > largest {
        let size = bytes.0.len() / 1024;
        return Err(invalid(format!(
            "Key {key:?} of Secret {name} has {size} KiB, and {} are the most: write only what is needed.",
            largest / 1024
        )));
    }
    match std::str::from_utf8(&bytes.0) {
        Ok("") => Err(invalid(format!("Key {key:?} of Secret {name} is empty: write the value into it."))),
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(invalid(format!(
            "Key {key:?} of Secret {name} is not text in UTF-8: write it again as text."
        ))),
    }
}

fn invalid(message: String) -> Fault {
    Fault { reason: Reason::SecretInvalid, code: ErrorCode::UserErrorSecretValueInUnsupportedFormat, message }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    fn place(reference: &DatabaseCredentialsRef) -> Place<'_> {
        Place {
            host: "db.shop.svc",
            port: 5432,
            database: "orders",
            credentials: reference,
            tls: common::Tls::default(),
            namespace: "shop",
            bind_command: "kubectl create rolebinding".into(),
        }
    }

    fn reference(uri_key: Option<&str>) -> DatabaseCredentialsRef {
        DatabaseCredentialsRef {
            name: "login".into(),
            username_key: None,
            password_key: None,
            uri_key: uri_key.map(Into::into),
        }
    }

    fn material(data: &[(&str, &[u8])]) -> Material {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec()))).collect();
        let secret = v1::Secret { data: Some(data), ..v1::Secret::default() };
        Material { credentials: Found::Secret(Box::new(secret)), authority: None, client_certificate: None }
    }

    fn reason(material: &Material) -> Reason {
        connection(&place(&reference(None)), material).unwrap_err().reason
    }

    #[test]
    fn row_b04_user_and_password_become_a_log_in() {
        let made =
            connection(&place(&reference(None)), &material(&[("username", b"app"), ("password", b"pw")]))
                .unwrap();
        assert_eq!(
            made.credentials,
            Credentials::Password { username: "app".into(), password: Secret::new("pw") }
        );
        assert_eq!(made.tls.mode, TlsMode::VerifyFull, "encryption is the default");
    }

    #[test]
    fn a_uri_stands_for_both() {
        let made =
            connection(&place(&reference(Some("uri"))), &material(&[("uri", b"postgresql://x")])).unwrap();
        assert_eq!(made.credentials, Credentials::ConnectionString(Secret::new("postgresql://x")));
    }

    #[test]
    fn every_fault_of_a_secret_has_its_reason() {
        let absent = |found| Material { credentials: found, authority: None, client_certificate: None };
        assert_eq!(reason(&absent(Found::Absent)), Reason::SecretNotFound);
        assert_eq!(reason(&absent(Found::Forbidden)), Reason::SecretForbidden);
        assert_eq!(reason(&material(&[("username", b"app")])), Reason::SecretKeyMissing);
        assert_eq!(reason(&material(&[("username", b""), ("password", b"x")])), Reason::SecretInvalid);
        assert_eq!(reason(&material(&[("username", b"\xff"), ("password", b"x")])), Reason::SecretInvalid);
    }

    #[test]
    fn row_b04_no_fault_shows_a_value() {
        let fault = connection(
            &place(&reference(None)),
            &material(&[("username", b"hunter2\xff"), ("password", b"x")]),
        )
        .unwrap_err();
        assert!(!format!("{fault:?}").contains("hunter2"));
    }

    #[test]
    fn an_authority_that_is_asked_for_must_be_there() {
        let login = reference(None);
        let mut place = place(&login);
        place.tls.ca_secret_ref = Some(common::AuthorityRef { name: "ca".into(), key: None });
        let mut material = material(&[("username", b"app"), ("password", b"pw")]);
        material.authority = Some(Found::Absent);
        assert_eq!(connection(&place, &material).unwrap_err().reason, Reason::SecretNotFound);
    }
}
