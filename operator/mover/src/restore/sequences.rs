//! Puts sequences where they were.

use super::RestoreError;
use crate::{
    format::SequenceEntry,
    postgres::Session,
    schema::{Sql, qualified},
};

/// How many are set by one statement.
const BATCH: usize = 500;

/// Sets every sequence's value.
pub async fn set(session: &mut Session, sequences: &[SequenceEntry]) -> Result<(), RestoreError> {
    for batch in sequences.chunks(BATCH) {
        let what = match batch {
            [only] => format!("set sequence {}.{}", only.schema, only.name),
            [first, ..] => format!("set {} sequences from {}.{} on", batch.len(), first.schema, first.name),
            [] => continue,
        };
        session.execute(statements(batch)).await.map_err(RestoreError::statement(what))?;
    }
    Ok(())
}

/// The statements that do.
pub fn statements(sequences: &[SequenceEntry]) -> Vec<u8> {
    let mut sql = Sql::default();
    for sequence in sequences {
        let name = qualified(&sequence.schema, &sequence.name);
        sql = sql.text("SELECT pg_catalog.setval(").literal(&name).text("::pg_catalog.regclass, ");
        sql = sql.number(sequence.last_value).text(if sequence.is_called { ", true);" } else { ", false);" });
    }
    sql.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_is_named_as_a_name_inside_a_text() {
        let sequence = SequenceEntry {
            schema: "a".into(),
            name: "it's \"s\"".into(),
            last_value: i64::MIN,
            is_called: false,
        };
        assert_eq!(
            String::from_utf8(statements(&[sequence])).unwrap(),
            "SELECT pg_catalog.setval('\"a\".\"it''s \"\"s\"\"\"'::pg_catalog.regclass, -9223372036854775808, false);"
        );
    }
}
