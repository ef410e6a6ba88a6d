//! `Host=db.example.com;Username=app;Password="a;b"`: the form of ADO.NET, with Npgsql's words.

use contract::{Secret, TlsMode};

use super::{ConnectionString, ConnectionStringError, some};

/// Whether a text is meant so: a `;` ends the first pair before a blank begins another one, or the first word is one
/// that only this form has.
pub fn looks_like(text: &str) -> bool {
    let Some((keyword, rest)) = text.split_once('=') else {
        return false;
    };
    let keyword = keyword.trim();
    if super::is_libpq_keyword(keyword) {
        return first_value_end(rest.trim_start()) == Some(';');
    }
    Word::from_text(keyword) != Word::Other || first_value_end(rest.trim_start()) == Some(';')
}

/// Reads the whole text. Words that say nothing about who logs in where are left out.
pub fn parse(text: &str) -> Result<ConnectionString, ConnectionStringError> {
    let mut parsed = ConnectionString::default();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|character: char| character == ';' || character.is_whitespace());
        if rest.is_empty() {
            return Ok(parsed);
        }
        let (keyword, after) =
            rest.split_once('=').ok_or_else(|| ConnectionStringError::MissingEquals("…".to_owned()))?;
        let word = Word::from_text(keyword.trim());
        let (value, after) = value(word, after)?;
        set(&mut parsed, word, value)?;
        rest = after;
    }
}

/// The words that matter, each under all the names that Npgsql knows it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Host,
    Port,
    Database,
    Username,
    Password,
    SslMode,
    Other,
}

impl Word {
    fn from_text(keyword: &str) -> Self {
        let plain: String =
            keyword.chars().filter(|character| *character != ' ').map(|c| c.to_ascii_lowercase()).collect();
        match plain.as_str() {
            "host" | "server" | "datasource" => Self::Host,
            "port" => Self::Port,
            "database" | "db" | "initialcatalog" => Self::Database,
            "username" | "userid" | "uid" | "user" => Self::Username,
            "password" | "pwd" | "psw" => Self::Password,
            "sslmode" => Self::SslMode,
            _ => Self::Other,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Host => "Host",
            Self::Port => "Port",
            Self::Database => "Database",
            Self::Username => "Username",
            Self::Password => "Password",
            Self::SslMode => "SSL Mode",
            Self::Other => "…",
        }
    }
}

fn set(parsed: &mut ConnectionString, word: Word, value: String) -> Result<(), ConnectionStringError> {
    match word {
        Word::Host => parsed.set_host(value)?,
        Word::Port => parsed.set_port(&value)?,
        Word::Database => parsed.database = some(value),
        Word::Username => parsed.user = some(value),
        Word::Password => parsed.password = some(value).map(Secret::new),
        Word::SslMode => parsed.tls = tls_mode(&value)?,
        Word::Other => {}
    }
    Ok(())
}

fn tls_mode(value: &str) -> Result<Option<TlsMode>, ConnectionStringError> {
    match value.to_ascii_lowercase().as_str() {
        "verifyfull" => Ok(Some(TlsMode::VerifyFull)),
        "verifyca" => Ok(Some(TlsMode::VerifyCa)),
        other => super::tls_mode(other),
    }
}

/// The value at the start of the text, and what follows it. In quotes, a doubled quote stands for one.
fn value(word: Word, text: &str) -> Result<(String, &str), ConnectionStringError> {
    let text = text.trim_start();
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"')) else {
        let (value, after) = text.split_once(';').unwrap_or((text, ""));
        return Ok((value.trim_end().to_owned(), after));
    };
    let mut value = String::new();
    let mut rest = &text[1..];
    loop {
        let end =
            rest.find(quote).ok_or_else(|| ConnectionStringError::UnclosedQuote(word.name().to_owned()))?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(quote) {
            Some(after) => {
                value.push(quote);
                rest = after;
            }
            None => break,
        }
    }
    let rest = rest.trim_start();
    match rest.strip_prefix(';') {
        Some(after) => Ok((value, after)),
        None if rest.is_empty() => Ok((value, rest)),
        None => Err(ConnectionStringError::AfterQuote(word.name().to_owned())),
    }
}

/// What ends the value at the start of the text: `;`, a blank that another pair follows, or nothing.
fn first_value_end(text: &str) -> Option<char> {
    let rest = match text.chars().next() {
        Some(quote @ ('\'' | '"')) => text[1..].split_once(quote)?.1,
        _ => text.trim_start_matches(|character: char| character != ';' && !character.is_whitespace()),
    };
    let rest = rest.trim_start();
    if rest.starts_with(';') { Some(';') } else { rest.chars().next().map(|_| ' ') }
}
