//! What a point of a whole server has besides its databases, put back: roles that are missing, with their memberships and
//! settings, and who may set which parameter. A role that is there already stays as it is, and where it differs that is told.

mod facts;
mod plan;
mod statements;

pub use facts::Facts;
pub use plan::{Plan, plan};

use super::RestoreError;
use crate::{
    format::{DatabaseSetting, Globals, MembershipEntry, ParameterEntry, Passwords, PgText, RoleEntry},
    point::PointReader,
    postgres::{PgError, Session},
};

/// All of it, read from the point.
pub struct Stored {
    pub server_version: u32,
    pub bootstrap: PgText,
    pub passwords: Passwords,
    pub roles: Vec<RoleEntry>,
    pub memberships: Vec<MembershipEntry>,
    pub settings: Vec<DatabaseSetting>,
    pub parameters: Vec<ParameterEntry>,
}

impl Stored {
    /// `None`: the point is not of a whole server.
    pub async fn read(reader: &PointReader) -> Result<Option<Self>, RestoreError> {
        let globals = reader.globals().await.map_err(RestoreError::read("the globals"))?;
        let Some(Globals { server_version, bootstrap, passwords, lists, settings, parameters, .. }) = globals
        else {
            return Ok(None);
        };
        let roles = reader.list_of::<RoleEntry>(&lists).await;
        let memberships = reader.list_of::<MembershipEntry>(&lists).await;
        Ok(Some(Self {
            server_version,
            bootstrap,
            passwords,
            roles: roles.map_err(RestoreError::read("the list of roles"))?,
            memberships: memberships.map_err(RestoreError::read("the list of memberships"))?,
            settings,
            parameters,
        }))
    }
}

/// Makes what the plan says, all of it or nothing. Gives what was refused and can be done without, in sentences.
pub async fn make(session: &mut Session, plan: &Plan) -> Result<Vec<String>, RestoreError> {
    if plan.steps.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |what: &str| RestoreError::statement(what.to_owned());
    session.execute(BEGIN).await.map_err(failed("begin to make the roles"))?;
    let mut warnings = Vec::new();
    for step in &plan.steps {
        if !step.may_fail {
            session.execute(step.sql.clone()).await.map_err(failed(&step.what))?;
            continue;
        }
        session.execute("SAVEPOINT step").await.map_err(failed(&step.what))?;
        match session.execute(step.sql.clone()).await {
            Ok(()) => session.execute("RELEASE SAVEPOINT step").await.map_err(failed(&step.what))?,
            Err(source) if !source.ends_session() => {
                session.execute("ROLLBACK TO SAVEPOINT step").await.map_err(failed(&step.what))?;
                warnings.push(refused(&step.what, &source));
            }
            Err(source) => return Err(failed(&step.what)(source)),
        }
    }
    session.execute("COMMIT").await.map_err(failed("commit the roles"))?;
    Ok(warnings)
}

/// No log of the server shows a password, though it be one that cannot be read back.
const BEGIN: &str = "BEGIN; SET LOCAL log_statement = 'none'; SET LOCAL log_min_duration_statement = -1; \
     SET LOCAL log_min_error_statement = 'panic'";

fn refused(what: &str, source: &PgError) -> String {
    format!("not restored: {what}: {source}")
}
