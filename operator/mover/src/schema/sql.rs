//! SQL put together from words, names and values. All of it is bytes: a name is in the database's encoding, whatever that
//! is.

use crate::format::PgText;

/// A statement under construction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sql(Vec<u8>);

impl Sql {
    /// Words of SQL as they are.
    pub fn text(mut self, words: &str) -> Self {
        self.0.extend_from_slice(words.as_bytes());
        self
    }

    /// SQL that somebody else wrote, as it is.
    pub fn raw(mut self, sql: &[u8]) -> Self {
        self.0.extend_from_slice(sql);
        self
    }

    /// A name, always in quotes, so that no list of keywords is needed.
    pub fn name(mut self, name: &PgText) -> Self {
        quote(name.as_bytes(), b'"', &mut self.0);
        self
    }

    /// A name with its schema's before it.
    pub fn qualified(self, namespace: &PgText, name: &PgText) -> Self {
        self.name(namespace).text(".").name(name)
    }

    /// Names with commas between them.
    pub fn names<'a>(mut self, names: impl IntoIterator<Item = &'a PgText>) -> Self {
        for (at, name) in names.into_iter().enumerate() {
            self = self.text(if at == 0 { "" } else { ", " }).name(name);
        }
        self
    }

    /// A text value, for sessions whose standard_conforming_strings is on.
    pub fn literal(mut self, text: &[u8]) -> Self {
        quote(text, b'\'', &mut self.0);
        self
    }

    pub fn number(self, number: impl Into<i64>) -> Self {
        self.text(&number.into().to_string())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A name as SQL writes it.
pub fn identifier(name: &PgText) -> Vec<u8> {
    Sql::default().name(name).into_bytes()
}

/// A name with its schema's before it.
pub fn qualified(namespace: &PgText, name: &PgText) -> Vec<u8> {
    Sql::default().qualified(namespace, name).into_bytes()
}

/// A text as SQL writes it, where standard_conforming_strings is on.
pub fn literal(text: &[u8]) -> Vec<u8> {
    Sql::default().literal(text).into_bytes()
}

/// Doubling the mark is enough: no server encoding has an ASCII byte inside a longer character.
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
        assert_eq!(Sql::default().name(&odd).as_bytes(), b"\"we\"\"ird'\\ \xe4\n\"");
        assert_eq!(Sql::default().literal(odd.as_bytes()).as_bytes(), b"'we\"ird''\\ \xe4\n'");
        let statement = Sql::default().text("SELECT ").names([&"a".into(), &"b".into()]);
        let statement = statement.text(" FROM ").qualified(&"a.b".into(), &odd).text(" LIMIT ").number(-1);
        assert_eq!(
            statement.into_bytes(),
            b"SELECT \"a\", \"b\" FROM \"a.b\".\"we\"\"ird'\\ \xe4\n\" LIMIT -1"
        );
    }
}
