//! Names and texts inside SQL. All are bytes: a name is in the database's encoding, whatever that is.

use crate::format::PgText;

/// A name as SQL writes it, always in quotes, so that no list of keywords is needed.
pub fn identifier(name: &PgText) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(name.as_bytes().len() + 2);
    quote(name.as_bytes(), b'"', &mut quoted);
    quoted
}

/// A name with its schema's before it.
pub fn qualified(namespace: &PgText, name: &PgText) -> Vec<u8> {
    let mut quoted = identifier(namespace);
    quoted.push(b'.');
    quote(name.as_bytes(), b'"', &mut quoted);
    quoted
}

/// A text as SQL writes it, where standard_conforming_strings is on.
pub fn literal(text: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    quote(text, b'\'', &mut quoted);
    quoted
}

/// Doubling a quote is enough: no server encoding has an ASCII byte inside a longer character.
fn quote(text: &[u8], mark: u8, into: &mut Vec<u8>) {
    into.push(mark);
    for byte in text {
        if *byte == mark {
            into.push(mark);
        }
        into.push(*byte);
    }
    into.push(mark);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_inside_a_name_or_a_text_is_doubled_and_nothing_else_changes() {
        let odd = PgText::new(b"we\"ird'\\ \xe4\n".to_vec());
        assert_eq!(identifier(&odd), b"\"we\"\"ird'\\ \xe4\n\"");
        assert_eq!(literal(odd.as_bytes()), b"'we\"ird''\\ \xe4\n'");
        assert_eq!(qualified(&PgText::new(b"a.b".to_vec()), &odd), b"\"a.b\".\"we\"\"ird'\\ \xe4\n\"");
    }
}
