//! Level 4: the point in a database of its own.

use contract::{Failure, PointView, RunId};
use mover::progress::ProgressSink;
use mover::restore::Comparison;
use mover::verify::{self, Rehearsal, Scratch};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Arguments;
use super::point::Verified;
use crate::command::people::environment::Environment;
use crate::command::people::problem::Problem;
use crate::command::people::running;
use crate::command::people::server;
use crate::command::people::session::Session;

/// A lock in a database of its own is never waited for long.
const LOCK_TIMEOUT_SECONDS: u32 = 60;
const MAINTENANCE_DATABASE: &str = "postgres";

/// Where points are restored to be compared.
pub struct Place {
    connection: contract::Connection,
    owner: Option<String>,
    jobs: u16,
}

/// What became of a point on the scratch server.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// Which of several databases.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    #[serde(flatten)]
    comparison: Comparison,
    differences: Vec<String>,
    warnings: Vec<String>,
}

impl Place {
    /// The server of the command line, once it lets us in; `None`: none is named.
    ///
    /// # Errors
    /// What kept us out.
    pub async fn of(arguments: &Arguments, environment: &Environment) -> Result<Option<Self>, Problem> {
        let Some(uri) = arguments.scratch.as_deref().filter(|_| arguments.level == 4) else {
            return Ok(None);
        };
        let mut server = server::resolve(uri, environment)?;
        if !server.names_database {
            MAINTENANCE_DATABASE.clone_into(&mut server.connection.database);
        }
        let connection = running::admitted(server).await?.connection;
        Ok(Some(Self { connection, owner: arguments.owner.clone(), jobs: arguments.jobs }))
    }

    /// Restores a point whose stored bytes are sound, and adds what was seen.
    ///
    /// # Errors
    /// When the run was told to stop.
    pub async fn rehearse(
        &self,
        session: &Session,
        point: &PointView,
        verified: &mut Verified,
        sink: &ProgressSink,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let run = RunId(uuid::Uuid::new_v4().to_string());
        let deadline = session.deadline();
        let custody = session.custody(deadline);
        let mut failed = None;
        for store in &point.data_stores {
            let scratch = Scratch {
                connection: self.connection.clone(),
                database: Some(store.database.clone()),
                owner: self.owner.clone(),
                limits: running::limits(self.jobs, LOCK_TIMEOUT_SECONDS),
                deadline,
            };
            let cancel = cancel.clone();
            match verify::rehearse(&scratch, &point.id, &custody, &run, sink, cancel, &session.clock).await {
                Ok(seen) => {
                    let database = Some(store.database.clone()).filter(|_| point.data_stores.len() > 1);
                    verified.restored.push(Restored { database, ..seen.into() });
                }
                Err(failure) => {
                    failed = Some(failure);
                    break;
                }
            }
        }
        session.end_reading(&run).await;
        match failed {
            Some(failure) if cancel.is_cancelled() => Err(failure),
            failed => {
                verified.not_checked = failed;
                Ok(())
            }
        }
    }
}

impl From<Rehearsal> for Restored {
    fn from(seen: Rehearsal) -> Self {
        Self {
            database: None,
            differences: seen.comparison.differences(),
            warnings: seen.warnings.into_iter().chain(seen.comparison.remarks()).collect(),
            comparison: seen.comparison,
        }
    }
}

impl Restored {
    pub fn has_differences(&self) -> bool {
        !self.differences.is_empty()
    }

    /// For people: what differs, and what they should know.
    pub fn sentences(&self) -> Vec<String> {
        let warnings = self.warnings.iter().map(|warning| format!("warning: {warning}"));
        let sentences = self.differences.iter().cloned().chain(warnings);
        match &self.database {
            None => sentences.collect(),
            Some(name) => sentences.map(|sentence| format!("database {name}: {sentence}")).collect(),
        }
    }
}
