//! Stores what belongs to the server as a whole.

use super::{
    BackupError,
    facts::{globals::GlobalFacts, server::ServerFacts},
};
use crate::{
    format::{FORMAT, Globals, LeftOut, ListEntry, ListRef, Passwords},
    point::PointWriter,
};

/// Lists, and the document that names them. Gives what is missing, in a sentence.
pub async fn store(
    writer: &PointWriter,
    server: &ServerFacts,
    facts: GlobalFacts,
    left_out: Vec<LeftOut>,
) -> Result<Option<String>, BackupError> {
    let missing = missing_passwords(&facts);
    let (roles, memberships, tablespaces) =
        (facts.roles.len() as u64, facts.memberships.len() as u64, facts.tablespaces.len() as u64);
    let lists = [
        list(writer, facts.roles).await?,
        list(writer, facts.memberships).await?,
        list(writer, facts.tablespaces).await?,
    ];
    let globals = Globals {
        format: FORMAT,
        server_version: server.version,
        bootstrap: facts.bootstrap,
        passwords: facts.passwords,
        lists: lists.concat(),
        roles,
        memberships,
        tablespaces,
        settings: facts.settings,
        parameters: facts.parameters,
        left_out,
    };
    writer.add_globals(&globals).await?;
    Ok(missing)
}

async fn list<E: ListEntry>(writer: &PointWriter, entries: Vec<E>) -> Result<Vec<ListRef>, BackupError> {
    // People are shown nothing of these, so that it does not matter which data store they are said to be of.
    let mut list = writer.list(0);
    for entry in entries {
        list.push(entry).await?;
    }
    Ok(list.finish().await?)
}

fn missing_passwords(facts: &GlobalFacts) -> Option<String> {
    let logins = facts.roles.iter().filter(|role| role.may_log_in).count();
    (facts.passwords == Passwords::Closed && logins > 0).then(|| {
        format!(
            "the server does not show the passwords of its roles: {logins} that may log in come back without one"
        )
    })
}
