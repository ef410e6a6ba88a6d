//! What only comes after the rows, and which the role may not do, is found out before them: hours of loading are not for a
//! grant that fails. Superusers may do everything.

use super::{RestoreError, pre_data::Rest};
use crate::{
    postgres::{Session, sqlstate},
    schema::{Entry, Kind, Owners, SessionState},
};

/// How many refusals are named.
const NAMED: usize = 10;

/// Tries grants, event triggers and publications in a transaction that is rolled back.
///
/// # Errors
/// With every statement that the role lacks the right for.
pub async fn foresee(session: &mut Session, rest: &Rest, owners: &Owners) -> Result<(), RestoreError> {
    let what = "try what comes after the rows";
    let say = async |session: &mut Session, sql: &str| {
        session.execute(sql).await.map_err(RestoreError::statement(what))
    };
    say(session, "BEGIN").await?;
    let mut refused = Vec::new();
    let publications = rest.after_rows.iter().filter(|entry| entry.kind == Kind::Publication);
    let triggers = rest.event_triggers.iter().filter(|entry| entry.kind == Kind::EventTrigger);
    // An event trigger would fire on what is tried after it.
    for entry in rest.grants.iter().chain(publications).chain(triggers) {
        say(session, "SAVEPOINT tried").await?;
        match attempt(session, entry, owners).await? {
            Some(refusal) => {
                say(session, "ROLLBACK TO SAVEPOINT tried").await?;
                refused.push(format!("{entry}: {refusal}"));
            }
            None if entry.kind == Kind::EventTrigger => say(session, "ROLLBACK TO SAVEPOINT tried").await?,
            None => say(session, "RELEASE SAVEPOINT tried").await?,
        }
        if refused.len() == NAMED {
            break;
        }
    }
    say(session, "ROLLBACK").await?;
    if refused.is_empty() { Ok(()) } else { Err(RestoreError::NotAllowed(refused)) }
}

/// The server's words where the role lacks a right; what else may go wrong now is another matter after the rows.
async fn attempt(
    session: &mut Session,
    entry: &Entry,
    owners: &Owners,
) -> Result<Option<String>, RestoreError> {
    for statement in SessionState::default().statements(entry, owners)? {
        match session.execute(&statement.sql).await {
            Err(error) if error.ends_session() => {
                return Err(RestoreError::Statement { what: format!("try {entry}"), source: error });
            }
            Err(error) if error.is(sqlstate::INSUFFICIENT_PRIVILEGE) => return Ok(Some(error.to_string())),
            Err(_) => {
                // The transaction can go on only from the savepoint.
                let back = session.execute("ROLLBACK TO SAVEPOINT tried").await;
                back.map_err(RestoreError::statement(format!("try {entry}")))?;
                return Ok(None);
            }
            Ok(()) => {}
        }
    }
    Ok(None)
}
