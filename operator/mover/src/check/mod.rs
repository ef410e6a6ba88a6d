//! The check of a source: can a backup be made of it, and if not, what has to be done? It writes nothing anywhere.

mod probe;
mod several;

use contract::{CheckItem, CheckReport, CheckResult, Connection, Databases, Failure, FailureCode, Stage};

use crate::{
    backup::{DumpClient, Obstacle, obstacles},
    postgres::{Endpoint, PgError},
};
use probe::Probed;

/// The checks in the order in which they depend on each other.
const NAMES: [&str; 8] =
    ["Resolve", "Connect", "Tls", "LogIn", "Version", "Pooler", "Privileges", "Relations"];

/// Looks at a source: the databases that are asked for.
pub async fn run(connection: &Connection, databases: &Databases) -> CheckReport {
    let first = of_one(connection).await;
    match databases {
        Databases::Connected => first,
        asked => several::run(connection, asked, first).await,
    }
}

/// Looks at the connection's database.
async fn of_one(connection: &Connection) -> CheckReport {
    let mut checklist = Checklist::default();
    let endpoint = match Endpoint::new(connection) {
        Ok(endpoint) => endpoint,
        Err(error) => return checklist.refused("Resolve", &error),
    };
    if let Err(error) = endpoint.resolve().await {
        return checklist.refused("Resolve", &error);
    }
    let mut session = match endpoint.connect("coffer check").await {
        Ok(session) => session,
        Err(error) => return checklist.refused(met_at(&error), &error),
    };
    let probed = probe::probe(&mut session).await;
    let told = session.process_id();
    session.close().await;
    match probed {
        Ok(probed) => {
            let client = DumpClient::for_server(probed.server.major()).await;
            let newest = client.map_or_else(|newest| newest, |client| Some(client.major));
            judge(checklist, &probed, told, newest, connection)
        }
        Err(error) => {
            for name in ["Resolve", "Connect", "Tls"] {
                checklist.passed(name);
            }
            checklist.refused("LogIn", &error)
        }
    }
}

/// The check that a failure to connect belongs to.
fn met_at(error: &PgError) -> &'static str {
    match error {
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

fn judge(
    mut checklist: Checklist,
    probed: &Probed,
    told: i32,
    newest_client: Option<u32>,
    connection: &Connection,
) -> CheckReport {
    let Probed { server, privileges, .. } = probed;
    for name in ["Resolve", "Connect", "Tls", "LogIn"] {
        checklist.passed(name);
    }
    let version = obstacles::version(server, newest_client).or_else(|| obstacles::with_oids(privileges));
    checklist.found("Version", version, None);
    checklist.found("Pooler", obstacles::pooler(server, told), None);
    let denied = obstacles::privileges(privileges).or_else(|| obstacles::row_security(privileges));
    checklist.found("Privileges", denied, warning(probed));
    checklist.found("Relations", obstacles::relations(privileges, server.locks), None);
    CheckReport {
        items: checklist.items,
        server_version: Some(server.version_text.clone()),
        datasource_id: server
            .system_identifier
            .as_ref()
            .map(|system| format!("{system}/{}", connection.database)),
        relations: Some(privileges.relations),
        size_bytes: Some(server.database_bytes),
        missing_grants: obstacles::grants(server.version, privileges),
    }
}

/// What will be missing from a backup that can be made.
fn warning(probed: &Probed) -> Option<Obstacle> {
    let mut missing = obstacles::coverage(&probed.server, &probed.privileges);
    missing.extend(probed.unreadable_large_objects.clone());
    let message = missing.join("; ");
    (!message.is_empty()).then_some(Obstacle { code: FailureCode::PrivilegesMissing, message })
}

/// Items as they are found.
#[derive(Default)]
struct Checklist {
    items: Vec<CheckItem>,
}

impl Checklist {
    fn passed(&mut self, name: &str) {
        self.add(name, CheckResult::Passed, None);
    }

    fn found(&mut self, name: &str, obstacle: Option<Obstacle>, warning: Option<Obstacle>) {
        let failure =
            |found: Obstacle| Failure { code: found.code, stage: Stage::Preflight, message: found.message };
        match (obstacle, warning) {
            (Some(obstacle), _) => self.add(name, CheckResult::Failed, Some(failure(obstacle))),
            (None, Some(warning)) => self.add(name, CheckResult::Warning, Some(failure(warning))),
            (None, None) => self.passed(name),
        }
    }

    /// Nothing after this one can be looked at; everything before it was well.
    fn refused(mut self, at: &str, error: &PgError) -> CheckReport {
        for name in NAMES.iter().take_while(|name| **name != at) {
            if !self.items.iter().any(|item| item.name == *name) {
                self.passed(name);
            }
        }
        let failure = Failure { code: error.code(), stage: Stage::Connecting, message: error.to_string() };
        self.add(at, CheckResult::Failed, Some(failure));
        for name in NAMES.iter().skip_while(|name| **name != at).skip(1) {
            self.add(name, CheckResult::Skipped, None);
        }
        CheckReport {
            items: self.items,
            server_version: None,
            datasource_id: None,
            relations: None,
            size_bytes: None,
            missing_grants: Vec::new(),
        }
    }

    fn add(&mut self, name: &str, result: CheckResult, failure: Option<Failure>) {
        self.items.push(CheckItem { name: name.to_owned(), result, failure });
    }
}
