//! libpq's password file: lines of `host:port:database:user:password`, the first that fits.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use zeroize::Zeroizing;

use super::ServerError;
use crate::command::people::environment::Environment;

/// What a line has to fit.
pub struct Login<'a> {
    pub host: &'a str,
    pub port: u16,
    pub database: &'a str,
    pub user: &'a str,
}

/// The password for a login; `None` when the file is absent or knows none. A file that was named and is not there
/// counts as absent, as it does for libpq.
///
/// # Errors
/// [`ServerError::OpenPassfile`] when others may read it, [`ServerError::Read`].
pub fn find(
    named: Option<&str>,
    login: &Login<'_>,
    environment: &Environment,
) -> Result<Option<String>, ServerError> {
    let Some(path) = named.map(PathBuf::from).or_else(|| environment.in_home(".pgpass")) else {
        return Ok(None);
    };
    Ok(read_private(&path)?.and_then(|text| password(&text, login)))
}

fn read_private(path: &Path) -> Result<Option<Zeroizing<String>>, ServerError> {
    let failed = |source| ServerError::Read { path: path.to_owned(), source };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if !metadata.is_file() {
        return Ok(None);
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(ServerError::OpenPassfile { path: path.to_owned() });
    }
    fs::read_to_string(path).map(Zeroizing::new).map(Some).map_err(failed)
}

/// What the file's text says, the first line that fits.
pub(in crate::command::people) fn password(text: &str, login: &Login<'_>) -> Option<String> {
    // libpq looks for `localhost` when it connects through a Unix socket.
    let host = if login.host.starts_with('/') { "localhost" } else { login.host };
    let wanted = [host, &login.port.to_string(), login.database, login.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line)?;
        let (password, pattern) = fields.split_last()?;
        let fits = pattern.iter().zip(wanted).all(|(have, want)| have == "*" || have == want);
        fits.then(|| password.clone())
    })
}

/// The five fields of a line, where a backslash makes the next character plain; `None` when there are fewer.
fn fields(line: &str) -> Option<[String; 5]> {
    let mut fields: [String; 5] = Default::default();
    let mut index = 0;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => fields[index].extend(characters.next()),
            // The last field goes on to the end of the line, colons included.
            ':' if index < 4 => index += 1,
            plain => fields[index].push(plain),
        }
    }
    (index == 4).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        password(text, &Login { host: "db.example", port: 5432, database: "app", user: "me" })
    }

    #[test]
    fn the_first_line_that_fits_wins() {
        let text = "# db.example:5432:app:me:comment\nother:*:*:*:no\ndb.example:*:app:me:one\n*:*:*:*:two\n";
        assert_eq!(found(text).as_deref(), Some("one"));
        assert_eq!(found("*:5433:*:*:x\n*:*:*:*:any").as_deref(), Some("any"));
        assert_eq!(found("too:few:fields"), None);
    }

    #[test]
    fn backslashes_make_colons_plain_and_the_password_keeps_its_own() {
        assert_eq!(found("*:*:*:me:a\\:b\\\\c").as_deref(), Some("a:b\\c"));
        assert_eq!(found("*:*:*:me:a:b").as_deref(), Some("a:b"));
        let login = Login { host: "/run/postgresql", port: 1, database: "a:b", user: "me" };
        assert_eq!(password("localhost:1:a\\:b:me:secret", &login).as_deref(), Some("secret"));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pgpass");
        fs::write(&path, "*:*:*:*:secret\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read_private(&path), Err(ServerError::OpenPassfile { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(read_private(&path).unwrap().is_some());
        assert!(read_private(&directory.path().join("absent")).unwrap().is_none());
    }
}
