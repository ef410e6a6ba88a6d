//! The check before a backup: can it be made, and if not, what has to be done?
//!
//! ```text
//! probe, settings     what a source is; what of it is worth a warning
//! checklist           findings, in the order in which they depend on each other
//! several             the worst of each, where there are several databases
//! vault               the same of the place where backups go
//! ```

mod advice;
mod checklist;
mod probe;
mod settings;
mod several;
mod vault;

use contract::{CheckReport, Connection, Databases, FailureCode, Tls, TlsMode, datasource};

use crate::{
    backup::{DumpClient, Obstacle, obstacles},
    postgres::{Endpoint, PgError},
};
use checklist::Checklist;
pub use checklist::{Examination, Finding, what_to_do};
use probe::Probed;
pub use several::choose;
pub use vault::{VaultRequest, examine_vault};

/// Looks at the databases of a source that are asked for, for a report. It writes nothing anywhere.
pub async fn run(connection: &Connection, databases: &Databases) -> CheckReport {
    let first = examine(connection).await.report;
    match databases {
        Databases::Connected => first,
        asked => several::run(connection, asked, first).await,
    }
}

/// Looks at the connection's database, for people: everything that a report has, and what is no reason to refuse a backup.
pub async fn examine(connection: &Connection) -> Examination {
    let mut checklist = Checklist::default();
    let endpoint = match Endpoint::new(connection) {
        Ok(endpoint) => endpoint,
        Err(error) => return checklist.refused("Resolve", &error),
    };
    match endpoint.resolve().await {
        Ok(addresses) => checklist.passed("Resolve", listed(&addresses)),
        Err(error) => return checklist.refused("Resolve", &error),
    }
    let mut session = match endpoint.connect("coffer check").await {
        Ok(session) => session,
        Err(error) => return checklist.refused(met_at(&error), &error),
    };
    let probed = probe::probe(&mut session).await;
    let told = session.process_id();
    session.close().await;
    checklist.passed("Connect", format!("{}:{}", endpoint.host(), endpoint.port()));
    checklist.passed("Tls", protection(&connection.tls).to_owned());
    match probed {
        Ok(probed) => {
            let (who, where_to) = (endpoint.user(), endpoint.database());
            checklist.passed("LogIn", format!("role \"{who}\""));
            checklist.passed("Database", format!("\"{where_to}\""));
            judge(checklist, &probed, told, connection).await
        }
        Err(error) => checklist.refused("LogIn", &error),
    }
}

fn listed(addresses: &[impl std::fmt::Display]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn protection(tls: &Tls) -> &'static str {
    match tls.mode {
        TlsMode::VerifyFull => "certificate and name of the server are verified",
        TlsMode::VerifyCa => "the server's certificate is verified, its name is not",
        TlsMode::Require => "encrypted; nothing proves who the server is",
        TlsMode::Disable => "off",
    }
}

/// The check that a failure to connect belongs to.
fn met_at(error: &PgError) -> &'static str {
    match error {
        error if error.code() == FailureCode::DatabaseNotFound => "Database",
        PgError::ConnectionString(_)
        | PgError::InvalidConnection(_)
        | PgError::Resolve { .. }
        | PgError::ResolveTimedOut { .. } => "Resolve",
        PgError::Refused { .. }
        | PgError::TimedOut { .. }
        | PgError::Unreachable { .. }
        | PgError::HungUp { .. }
        | PgError::NotPostgres { .. } => "Connect",
        PgError::TlsNotOffered { .. } | PgError::Tls { .. } => "Tls",
        PgError::LogInTimedOut { .. }
        | PgError::Authentication(_)
        | PgError::Server(_)
        | PgError::Lost(_)
        | PgError::Protocol(_)
        | PgError::Answer(_) => "LogIn",
    }
}

async fn judge(mut checklist: Checklist, probed: &Probed, told: i32, connection: &Connection) -> Examination {
    let Probed { server, privileges, standby, .. } = probed;
    let client = DumpClient::for_server(server.major()).await;
    let newest_client = client.as_ref().map_or_else(|newest| *newest, |client| Some(client.major));
    let version = obstacles::version(server, newest_client).or_else(|| obstacles::with_oids(privileges));
    checklist.found("Version", format!("PostgreSQL {}", server.version_text), version, None);
    match client {
        Ok(client) => {
            checklist.passed("DumpClient", format!("{} of {}", client.program.display(), client.major));
        }
        Err(_) => checklist.skipped("DumpClient", "none is as new as the server"),
    }
    checklist.found("Pooler", "none".to_owned(), obstacles::pooler(server, told), None);
    checklist.found("Settings", "damaged pages are told".to_owned(), obstacles::damage_is_told(server), None);
    let readable = format!("role \"{}\" may read everything", privileges.role);
    checklist.found("Privileges", readable, obstacles::privileges(privileges), warning(probed));
    let hidden = obstacles::row_security(privileges);
    checklist.found("RowSecurity", "it hides no row from the role".to_owned(), hidden, None);
    checklist.found(
        "Relations",
        format!(
            "{} tables; the server has room for {} locks",
            privileges.tables,
            obstacles::usable_locks(server.locks)
        ),
        obstacles::relations(privileges, server.locks),
        None,
    );
    let free = obstacles::free_connections(server, 1);
    checklist.found(
        "Connections",
        format!("{free} of {} are to spare", server.connections.most),
        None,
        settings::connections(server, free),
    );
    match standby {
        Some(standby) => {
            let shown = format!("a standby; it gives queries {} before it cancels them", standby.delay);
            checklist.found("Standby", shown, None, settings::standby(standby));
        }
        None => checklist.passed("Standby", "no: a primary".to_owned()),
    }
    checklist.examination(CheckReport {
        items: Vec::new(),
        server_version: Some(server.version_text.clone()),
        datasource_id: Some(datasource::name(
            server.system_identifier.as_deref(),
            &connection.host,
            connection.port,
            Some(&connection.database),
        )),
        relations: Some(privileges.relations),
        size_bytes: Some(server.database_bytes),
        missing_grants: obstacles::grants(server.version, privileges),
    })
}

/// What will be missing from a backup that can be made.
fn warning(probed: &Probed) -> Option<Obstacle> {
    let mut missing = obstacles::coverage(&probed.server, &probed.privileges);
    missing.extend(probed.unreadable_large_objects.clone());
    let message = missing.join("; ");
    (!message.is_empty()).then_some(Obstacle { code: FailureCode::PrivilegesMissing, message })
}
