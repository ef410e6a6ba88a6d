//! `host=db.example.com user=app password='it''s'`: libpq's keyword/value form. Backslashes escape, in and out of quotes.

use std::{iter::Peekable, str::Chars};

use super::{ConnectionString, ConnectionStringError};

/// Reads the whole text.
pub fn parse(text: &str) -> Result<ConnectionString, ConnectionStringError> {
    let mut parsed = ConnectionString::default();
    for (keyword, value) in keyword_values(text)? {
        parsed.set_libpq(&keyword, value)?;
    }
    Ok(parsed)
}

/// The keywords and values of a text, whatever they are, in its order.
///
/// # Errors
/// [`ConnectionStringError::MissingEquals`] or [`ConnectionStringError::UnclosedQuote`].
pub fn keyword_values(text: &str) -> Result<Vec<(String, String)>, ConnectionStringError> {
    let mut pairs = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        skip_blanks(&mut characters);
        if characters.peek().is_none() {
            return Ok(pairs);
        }
        let keyword = keyword(&mut characters)?;
        let value = value(&keyword, &mut characters)?;
        pairs.push((keyword, value));
    }
}

fn skip_blanks(characters: &mut Peekable<Chars<'_>>) {
    while characters.next_if(char::is_ascii_whitespace).is_some() {}
}

/// A keyword, the `=` after it, and the blanks around both.
fn keyword(characters: &mut Peekable<Chars<'_>>) -> Result<String, ConnectionStringError> {
    let mut keyword = String::new();
    while let Some(character) = characters.next_if(|next| *next != '=' && !next.is_ascii_whitespace()) {
        keyword.push(character);
    }
    skip_blanks(characters);
    if characters.next_if_eq(&'=').is_none() {
        // What stands here may be the rest of an unquoted password: it must not be shown.
        let shown = if super::is_libpq_keyword(&keyword) { keyword } else { "…".to_owned() };
        return Err(ConnectionStringError::MissingEquals(shown));
    }
    skip_blanks(characters);
    Ok(keyword)
}

fn value(keyword: &str, characters: &mut Peekable<Chars<'_>>) -> Result<String, ConnectionStringError> {
    let quoted = characters.next_if_eq(&'\'').is_some();
    let mut value = String::new();
    loop {
        match characters.peek().copied() {
            None if quoted => return Err(ConnectionStringError::UnclosedQuote(keyword.to_owned())),
            None => return Ok(value),
            Some('\'') if quoted => {
                characters.next();
                return Ok(value);
            }
            Some(blank) if !quoted && blank.is_ascii_whitespace() => return Ok(value),
            Some('\\') => {
                characters.next();
                value.extend(characters.next());
            }
            Some(character) => {
                characters.next();
                value.push(character);
            }
        }
    }
}
