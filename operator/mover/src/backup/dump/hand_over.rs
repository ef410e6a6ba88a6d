//! What pg_dump must know and nobody else may see: password, private key. They lie in memory files that have no name and
//! are gone when the last of the two processes is. Never in arguments, environment or on a disk.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Write as _},
    os::fd::{AsRawFd as _, OwnedFd},
};

use contract::TlsMode;
use rustix::fs::{MemfdFlags, Mode, fchmod, memfd_create};
use zeroize::Zeroizing;

use crate::postgres::{Endpoint, checks_certificate, public_authorities_pem};

/// Environment of pg_dump, and the files that it points to. The files have to live until the program has ended.
pub struct HandOver {
    pub environment: Vec<(&'static str, OsString)>,
    files: Vec<OwnedFd>,
}

impl HandOver {
    /// For a login to the endpoint's database.
    ///
    /// # Errors
    /// When the system gives no memory file.
    pub fn new(endpoint: &Endpoint, application: &str) -> io::Result<Self> {
        let mut hand_over = Self { environment: Vec::new(), files: Vec::new() };
        hand_over.set("PGHOST", endpoint.host());
        hand_over.set("PGPORT", endpoint.port().to_string());
        hand_over.set("PGUSER", endpoint.user());
        // From here, unlike from arguments, a name is never taken for a connection string.
        hand_over.set("PGDATABASE", endpoint.database());
        hand_over.set("PGAPPNAME", application);
        hand_over.set("PGCONNECT_TIMEOUT", "10");
        hand_over.set("PGGSSENCMODE", "disable");
        // Messages in English, so that they can be told apart.
        hand_over.set("LC_ALL", "C");
        hand_over.add_password(endpoint)?;
        hand_over.add_tls(endpoint)?;
        Ok(hand_over)
    }

    fn add_password(&mut self, endpoint: &Endpoint) -> io::Result<()> {
        // Without this, libpq would look for a password file in somebody's home.
        let line = match endpoint.password() {
            Some(password) => Zeroizing::new(format!("*:*:*:*:{}\n", *escape(password.reveal()))),
            None => Zeroizing::new(String::new()),
        };
        self.add_file("PGPASSFILE", &line)
    }

    fn add_tls(&mut self, endpoint: &Endpoint) -> io::Result<()> {
        let tls = endpoint.given_tls();
        let mode = match tls.mode {
            TlsMode::VerifyFull => "verify-full",
            TlsMode::VerifyCa => "verify-ca",
            TlsMode::Require if checks_certificate(tls) => "verify-ca",
            TlsMode::Require => "require",
            TlsMode::Disable => "disable",
        };
        self.set("PGSSLMODE", mode);
        if tls.mode == TlsMode::Disable && !endpoint.is_socket() {
            // Known from 16 on; before, the leader has already refused such a server.
            self.set("PGREQUIREAUTH", "!password");
        }
        match &tls.ca {
            Some(ca) => self.add_file("PGSSLROOTCERT", ca)?,
            None if checks_certificate(tls) => self.add_file("PGSSLROOTCERT", &public_authorities_pem())?,
            // A path that is not there keeps libpq from finding one in somebody's home.
            None => self.set("PGSSLROOTCERT", "/nonexistent"),
        }
        match &tls.client {
            Some((chain, key)) => {
                self.add_file("PGSSLCERT", chain)?;
                self.add_file("PGSSLKEY", key.reveal())
            }
            None => {
                self.set("PGSSLCERT", "/nonexistent");
                Ok(())
            }
        }
    }

    fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.environment.push((name, value.into()));
    }

    /// Makes a file that only this user may read, and that the program finds among its own open files.
    fn add_file(&mut self, name: &'static str, content: &str) -> io::Result<()> {
        let file = File::from(memfd_create("coffer", MemfdFlags::empty())?);
        fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        (&file).write_all(content.as_bytes())?;
        self.set(name, format!("/proc/self/fd/{}", file.as_raw_fd()));
        self.files.push(file.into());
        Ok(())
    }
}

/// A password file's way to write a colon and a backslash.
fn escape(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.replace('\\', "\\\\").replace(':', "\\:"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use contract::{Connection, Credentials, Secret, Tls};

    use super::*;

    fn endpoint(tls: Tls) -> Endpoint {
        Endpoint::new(&Connection {
            host: "db.example.com".into(),
            port: 5432,
            database: "orders".into(),
            credentials: Credentials::Password { username: "app".into(), password: Secret::new("a:b\\c") },
            tls,
        })
        .unwrap()
    }

    fn value(hand_over: &HandOver, name: &str) -> Option<String> {
        let found = hand_over.environment.iter().find(|(known, _)| *known == name)?;
        Some(found.1.to_string_lossy().into_owned())
    }

    #[test]
    fn the_password_is_in_a_private_file_and_nowhere_else() {
        let hand_over =
            HandOver::new(&endpoint(Tls { mode: TlsMode::Disable, ca: None, client: None }), "coffer")
                .unwrap();
        let path = value(&hand_over, "PGPASSFILE").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "*:*:*:*:a\\:b\\\\c\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!hand_over.environment.iter().any(|(_, value)| value.to_string_lossy().contains("a:b")));
        drop(hand_over);
        assert!(std::fs::read_to_string(&path).map_or(true, |text| !text.contains("a\\:b")));
    }

    #[test]
    fn the_tls_mode_is_never_weaker_than_our_own() {
        let modes = |mode, ca: Option<&str>| {
            let ca = ca.map(|_| rcgen::generate_simple_self_signed(vec!["db".into()]).unwrap().cert.pem());
            let hand_over = HandOver::new(&endpoint(Tls { mode, ca, client: None }), "coffer").unwrap();
            let root = value(&hand_over, "PGSSLROOTCERT").unwrap();
            (
                value(&hand_over, "PGSSLMODE").unwrap(),
                std::fs::read_to_string(root).is_ok_and(|pem| pem.contains("BEGIN")),
            )
        };
        assert_eq!(modes(TlsMode::VerifyFull, None), ("verify-full".into(), true), "the public authorities");
        assert_eq!(modes(TlsMode::VerifyCa, Some("own")), ("verify-ca".into(), true));
        assert_eq!(modes(TlsMode::Require, None), ("require".into(), false));
        assert_eq!(modes(TlsMode::Require, Some("own")), ("verify-ca".into(), true));
        assert_eq!(modes(TlsMode::Disable, None), ("disable".into(), false));
    }
}
