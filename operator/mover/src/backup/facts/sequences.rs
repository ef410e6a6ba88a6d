//! The values of sequences. They belong to no snapshot, so they are read twice.

use super::is_ours;
use crate::{
    format::PgText,
    postgres::{PgError, Row, Session, sqlstate},
    schema::Sql,
};

/// How many sequences are read by one statement.
const BATCH: usize = 200;

/// A sequence and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    pub oid: u32,
    pub schema: PgText,
    pub name: PgText,
    pub increment: i64,
    pub value: Value,
}

/// Where a sequence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    pub last: i64,
    /// Whether `last` was given out; else it is the next one.
    pub is_called: bool,
}

/// Reads all sequences of the snapshot with their present values.
pub async fn read(session: &mut Session) -> Result<Vec<Sequence>, PgError> {
    let mut sequences = Vec::new();
    session
        .query_each(list_query(), |row| {
            sequences.push(Sequence {
                oid: row.parse(0)?,
                schema: row.text(1)?,
                name: row.text(2)?,
                increment: row.parse(3)?,
                value: Value { last: 0, is_called: false },
            });
            Ok(())
        })
        .await?;
    let mut gone = vec![false; sequences.len()];
    for (batch, gone) in sequences.chunks_mut(BATCH).zip(gone.chunks_mut(BATCH)) {
        read_values(session, batch, gone, |sequence, value| sequence.value = value).await?;
    }
    // One that was dropped since the snapshot has no value any more; pg_dump will say what that means.
    let mut gone = gone.into_iter();
    sequences.retain(|_| !gone.next().unwrap_or(false));
    Ok(sequences)
}

/// Reads all values again and keeps the one that is furthest in the sequence's direction; the names of those that went
/// backwards.
pub async fn read_again(session: &mut Session, sequences: &mut [Sequence]) -> Result<Vec<String>, PgError> {
    let mut backwards = Vec::new();
    for batch in sequences.chunks_mut(BATCH) {
        let mut gone = vec![false; batch.len()];
        read_values(session, batch, &mut gone, |sequence, value| {
            if is_further(value, sequence.value, sequence.increment) {
                sequence.value = value;
            } else if value != sequence.value {
                backwards.push(format!("{}.{}", sequence.schema, sequence.name));
            }
        })
        .await?;
    }
    Ok(backwards)
}

/// Whether a value is nearer to the end that the sequence runs to.
fn is_further(value: Value, than: Value, increment: i64) -> bool {
    let ahead = if increment < 0 { value.last < than.last } else { value.last > than.last };
    ahead || (value.last == than.last && value.is_called && !than.is_called)
}

/// Identity columns and serials have sequences too; those of an extension are only read where it wants them kept. A standby
/// does not let the sequences of unlogged tables be read, which have no values there.
fn list_query() -> String {
    format!(
        "SELECT c.oid, n.nspname, c.relname, s.seqincrement FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {} AND c.relpersistence <> 't' \
         AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery()) ORDER BY c.oid",
        is_ours()
    )
}

/// Reads values under a savepoint, so that no lock on a sequence outlives it. Where one of them is gone, they are read
/// one by one.
async fn read_values(
    session: &mut Session,
    sequences: &mut [Sequence],
    gone: &mut [bool],
    mut take: impl FnMut(&mut Sequence, Value),
) -> Result<(), PgError> {
    match values(session, sequences).await {
        Ok(rows) => return apply(&rows, sequences, &mut take),
        Err(error) if is_gone(&error) => {}
        Err(error) => return Err(error),
    }
    for (sequence, gone) in sequences.iter_mut().zip(gone) {
        match values(session, std::slice::from_ref(sequence)).await {
            Ok(rows) => apply(&rows, std::slice::from_mut(sequence), &mut take)?,
            Err(error) if is_gone(&error) => *gone = true,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn values(session: &mut Session, sequences: &[Sequence]) -> Result<Vec<Row>, PgError> {
    let mut sql = Sql::default().text("SAVEPOINT sequences; ");
    for (at, sequence) in sequences.iter().enumerate() {
        let separator = if at == 0 { "SELECT " } else { " UNION ALL SELECT " };
        // The name may be another sequence's by now.
        sql = sql.text(separator).text("tableoid, last_value, is_called FROM ");
        sql = sql.qualified(&sequence.schema, &sequence.name);
    }
    let sql = sql.text("; ").text(RELEASE);
    let rows = session.query(sql.into_bytes()).await;
    if rows.as_ref().is_err_and(|error| !error.ends_session()) {
        session.execute(RELEASE).await?;
    }
    rows
}

const RELEASE: &str = "ROLLBACK TO SAVEPOINT sequences; RELEASE SAVEPOINT sequences";

fn apply(
    rows: &[Row],
    sequences: &mut [Sequence],
    take: &mut impl FnMut(&mut Sequence, Value),
) -> Result<(), PgError> {
    for (row, sequence) in rows.iter().zip(sequences) {
        if row.parse::<u32>(0)? != sequence.oid {
            return Err(PgError::Answer("the value of another sequence".to_owned()));
        }
        take(sequence, Value { last: row.parse(1)?, is_called: row.boolean(2)? });
    }
    Ok(())
}

fn is_gone(error: &PgError) -> bool {
    error.is(sqlstate::UNDEFINED_TABLE) || error.is(sqlstate::INVALID_SCHEMA_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(last: i64, is_called: bool) -> Value {
        Value { last, is_called }
    }

    #[test]
    fn the_value_nearer_to_the_sequences_end_is_kept() {
        assert!(is_further(value(6, true), value(5, true), 1));
        assert!(!is_further(value(5, true), value(6, false), 1));
        assert!(is_further(value(5, true), value(5, false), 1), "5 was given out meanwhile");
        assert!(!is_further(value(5, false), value(5, true), 1));
        assert!(is_further(value(-6, true), value(-5, true), -2));
        assert!(!is_further(value(-4, true), value(-5, true), -2));
    }
}
