//! `postgresql://user:password@host:port/database?keyword=value`, and JDBC's name for the same.

use super::{ConnectionString, ConnectionStringError};

/// The rest after a scheme that is ours.
pub fn strip_scheme(text: &str) -> Option<&str> {
    let text = text.strip_prefix("jdbc:").unwrap_or(text);
    text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"))
}

/// Reads what follows the scheme.
pub fn parse(rest: &str) -> Result<ConnectionString, ConnectionStringError> {
    let mut parsed = ConnectionString::default();
    let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = before_query.split_once('/').unwrap_or((before_query, ""));
    let hosts = match authority.split_once('@') {
        Some((login, hosts)) => {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            parsed.set_libpq("user", decode(user)?)?;
            parsed.set_libpq("password", decode(password)?)?;
            hosts
        }
        None => authority,
    };
    set_address(&mut parsed, hosts)?;
    parsed.set_libpq("dbname", decode(database)?)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let keyword = pair.split('=').next().unwrap_or(pair);
        let keyword = decode(keyword)?;
        let (_, value) =
            pair.split_once('=').ok_or_else(|| ConnectionStringError::MissingEquals(keyword.clone()))?;
        set_parameter(&mut parsed, &keyword, decode(value)?)?;
    }
    Ok(parsed)
}

/// JDBC has parameters of its own by the dozen, in mixed case; libpq's are lower case and known.
fn set_parameter(
    parsed: &mut ConnectionString,
    keyword: &str,
    value: String,
) -> Result<(), ConnectionStringError> {
    if keyword.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    parsed.set_libpq(keyword, value)
}

fn set_address(parsed: &mut ConnectionString, address: &str) -> Result<(), ConnectionStringError> {
    if address.contains(',') {
        return Err(ConnectionStringError::SeveralHosts);
    }
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(ConnectionStringError::UnclosedBracket)?;
            (host, after.strip_prefix(':').unwrap_or(after))
        }
        None => address.split_once(':').unwrap_or((address, "")),
    };
    parsed.set_libpq("host", decode(host)?)?;
    parsed.set_libpq("port", decode(port)?)
}

/// Undoes percent-encoding. A `+` stays what it is, as in libpq.
fn decode(text: &str) -> Result<String, ConnectionStringError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return Err(ConnectionStringError::BadEscape);
        };
        let byte = hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low);
        match byte {
            None => return Err(ConnectionStringError::BadEscape),
            Some(0) => return Err(ConnectionStringError::ControlCharacter),
            Some(byte) => bytes.push(byte),
        }
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| ConnectionStringError::NotUtf8)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
