//! What people write on the command line and in files of libpq.

use super::environment::Environment;
use super::ini;
use super::location::{EntryError, Location};
use super::server::{self, passfile, uri};

/// Nothing but a name: no file of the machine is read.
fn environment() -> Environment {
    Environment::from([("USER", "app")])
}

/// A server's URI. One that names a file of the machine is only taken apart.
pub fn server(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(parameters) = uri::parse(&text) else { return };
    let names_a_file =
        ["passfile", "sslrootcert", "sslcert", "sslkey"].iter().any(|name| parameters.get(name).is_some());
    if !names_a_file && let Ok(server) = server::resolve(&text, &environment()) {
        let _shown = server.shown();
    }
}

/// A service file.
pub fn service(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for (name, _) in ini::section(&text, "one").unwrap_or_default() {
        let _known = uri::judge(name);
    }
}

/// A password file.
pub fn passfile(bytes: &[u8]) {
    let login = passfile::Login { host: "db.example", port: 5432, database: "shop", user: "app" };
    let _found = passfile::password(&String::from_utf8_lossy(bytes), &login);
}

/// Where a vault is, and the storage that this means.
pub fn location(bytes: &[u8]) {
    let Ok(location) = String::from_utf8_lossy(bytes).parse::<Location>() else { return };
    let _storage: Result<_, EntryError> = location.storage(&environment());
}
