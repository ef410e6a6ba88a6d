//! Which of some names a statement mentions.

use std::collections::HashSet;

use crate::format::PgText;

/// The names among `wanted` that stand in the statement as identifiers, quoted or not; text values do not count. Says
/// more rather than less: a table of the same name counts too.
pub fn mentioned(statement: &[u8], wanted: &HashSet<PgText>) -> HashSet<PgText> {
    let mut found = HashSet::new();
    let mut rest = statement;
    while let Some(first) = rest.first() {
        let (name, after) = match first {
            b'\'' => (None, quoted(rest, b'\'').1),
            b'"' => {
                let (name, after) = quoted(rest, b'"');
                (Some(PgText::new(name)), after)
            }
            byte if is_letter(*byte) => {
                let end = rest.iter().position(|byte| !is_letter(*byte)).unwrap_or(rest.len());
                (Some(PgText::from(&rest[..end])), &rest[end..])
            }
            _ => (None, &rest[1..]),
        };
        rest = after;
        found.extend(name.filter(|name| wanted.contains(name)));
    }
    found
}

/// Bytes above ASCII belong to names in every encoding of a server.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// What stands between two marks, and what comes after the second; a doubled mark stands for one.
fn quoted(text: &[u8], mark: u8) -> (Vec<u8>, &[u8]) {
    let mut inside = Vec::new();
    let mut rest = text.get(1..).unwrap_or_default();
    loop {
        let end = rest.iter().position(|byte| *byte == mark).unwrap_or(rest.len());
        inside.extend_from_slice(&rest[..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
        if rest.first() != Some(&mark) {
            return (inside, rest);
        }
        inside.push(mark);
        rest = &rest[1..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(statement: &str, wanted: &[&str]) -> Vec<String> {
        let wanted = wanted.iter().map(|name| (*name).into()).collect();
        let mut found: Vec<String> =
            mentioned(statement.as_bytes(), &wanted).iter().map(ToString::to_string).collect();
        found.sort();
        found
    }

    #[test]
    fn names_are_found_quoted_or_not_and_text_values_are_not_names() {
        let grant = "GRANT SELECT ON TABLE app.t TO bob;\nGRANT ALL ON TABLE app.t TO \"Odd \"\"Role\";";
        assert_eq!(found(grant, &["bob", "Odd \"Role", "alice"]), ["Odd \"Role", "bob"]);
        assert_eq!(found("CREATE POLICY p ON t TO bobby USING (u = 'bob''s')", &["bob", "s"]), [""; 0]);
        assert_eq!(found("… TO jürgen", &["jürgen"]), ["jürgen"]);
    }

    proptest! {
        #[test]
        fn any_statement_is_searched_to_its_end(statement: Vec<u8>) {
            mentioned(&statement, &HashSet::from(["a".into()]));
        }
    }
}
