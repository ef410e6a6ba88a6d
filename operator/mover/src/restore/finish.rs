//! The last statements, about the database as a whole: what belongs to it, its name, or its end.

use std::time::Duration;

use contract::RunId;

use super::{RestoreError, database, names, target::Target};
use crate::{
    format::{DatabaseEntry, PgText},
    postgres::{PgError, Session},
    schema::{Owners, Sql},
};

/// Somebody is connected to a database that is to be renamed. The server has waited for 5 s before it says so.
const IN_USE: &str = "55006";
const NAMING_ATTEMPTS: u32 = 4;

/// How often, and at what distance, dropping an unfinished database is tried: half a minute in all.
const DROP_ATTEMPTS: u32 = 16;
const DROP_PAUSE: Duration = Duration::from_secs(2);

/// A database that is complete but for its name.
pub struct Finished<'a> {
    /// As it is called while it is not finished.
    pub name: &'a PgText,
    pub own_name: &'a PgText,
    pub source: &'a DatabaseEntry,
    pub owner: &'a PgText,
    pub owners: &'a Owners,
    /// Whether the session is a superuser's.
    pub may_become: bool,
}

impl Finished<'_> {
    /// Owner, privileges, settings, options, comment and name, in one transaction. What a setting or label is refused for
    /// is a warning. A database that somebody is connected to cannot be renamed: whoever looked into the unfinished one
    /// is asked to leave.
    pub async fn name(&self, session: &mut Session) -> Result<Vec<String>, RestoreError> {
        let mut attempt = 1;
        loop {
            match self.try_name(session).await {
                Err(RestoreError::Statement { source, .. })
                    if source.is(IN_USE) && attempt < NAMING_ATTEMPTS =>
                {
                    let what = format!("take back the naming of \"{}\"", self.own_name);
                    session.execute("ROLLBACK").await.map_err(RestoreError::statement(what))?;
                    self.clear(session).await?;
                    attempt += 1;
                }
                ended => return ended,
            }
        }
    }

    /// Ends the sessions of others in the unfinished database, as far as the role may.
    async fn clear(&self, session: &mut Session) -> Result<(), RestoreError> {
        let sql = Sql::default()
            .text("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = ")
            .literal(self.name.as_bytes());
        match session.execute(sql.into_bytes()).await {
            Err(source) if source.ends_session() => {
                let what = format!("end the sessions in \"{}\"", self.name);
                Err(RestoreError::Statement { what, source })
            }
            _ => Ok(()),
        }
    }

    async fn try_name(&self, session: &mut Session) -> Result<Vec<String>, RestoreError> {
        let what = |what: &str| RestoreError::statement(format!("{what} of \"{}\"", self.own_name));
        session.execute("BEGIN").await.map_err(what("begin the naming"))?;
        let owner = database::change_owner(self.name, self.owner);
        session.execute(owner).await.map_err(what("change the owner"))?;
        let grants =
            database::privileges(self.name, self.source, &self.source.owner, self.owners, self.may_become)
                .map_err(|source| RestoreError::Privileges { object: self.own_name.to_string(), source })?;
        for grant in grants {
            session.execute(grant).await.map_err(what("set the privileges"))?;
        }
        let warnings = self.settings(session).await?;
        if let Some(options) = database::options(self.name, self.source) {
            session.execute(options).await.map_err(what("set the options"))?;
        }
        let comment = self.source.comment.as_ref().map(PgText::as_bytes);
        session.execute(database::comment(self.name, comment)).await.map_err(what("set the comment"))?;
        let rename = database::rename(self.name, self.own_name);
        session.execute(rename).await.map_err(what("set the name"))?;
        session.execute("COMMIT").await.map_err(what("commit the naming"))?;
        Ok(warnings)
    }

    /// A setting may be of an extension that another version no longer has, or may need a superuser.
    async fn settings(&self, session: &mut Session) -> Result<Vec<String>, RestoreError> {
        let settings = self.source.settings.iter().map(|setting| {
            let sql = database::setting(self.name, setting, self.owners);
            (format!("setting {}", setting.setting), sql)
        });
        let labels = self.source.security_labels.iter().map(|label| {
            let sql = Sql::default().text("SECURITY LABEL FOR ").name(&label.provider).text(" ON DATABASE ");
            let sql = sql.name(self.name).text(" IS ").literal(label.label.as_bytes());
            (format!("security label of {}", label.provider), Some(sql.into_bytes()))
        });
        let mut warnings = Vec::new();
        for (what, sql) in settings.chain(labels) {
            let Some(sql) = sql else {
                warnings.push(format!("{what} was not understood and not restored"));
                continue;
            };
            let failed = || RestoreError::statement(format!("restore the {what}"));
            session.execute("SAVEPOINT setting").await.map_err(failed())?;
            match session.execute(sql).await {
                Ok(()) => session.execute("RELEASE SAVEPOINT setting").await.map_err(failed())?,
                Err(source) if !source.ends_session() => {
                    session.execute("ROLLBACK TO SAVEPOINT setting").await.map_err(failed())?;
                    warnings.push(format!("{what} was not restored: {source}"));
                }
                Err(source) => return Err(failed()(source)),
            }
        }
        Ok(warnings)
    }
}

/// Leaves an existing database as its maker made it: with its own comment, owner, privileges and settings.
pub async fn leave(
    session: &mut Session,
    name: &PgText,
    comment: Option<&PgText>,
    source: &DatabaseEntry,
) -> Result<Vec<String>, RestoreError> {
    let sql = database::comment(name, comment.map(PgText::as_bytes));
    session
        .execute(sql)
        .await
        .map_err(RestoreError::statement(format!("give \"{name}\" its comment back")))?;
    if source.settings.is_empty() {
        return Ok(Vec::new());
    }
    let settings: Vec<String> = source.settings.iter().map(|setting| setting.setting.to_string()).collect();
    let settings = settings.join(", ");
    Ok(vec![format!("the database was there already and keeps its own settings; the point's are {settings}")])
}

/// Drops a database that this run never finished, whoever is connected to it. A server that is coming back is waited for.
pub async fn drop_unfinished(target: &Target, name: &PgText, run: &RunId) -> Result<(), PgError> {
    let mut attempt = 1;
    loop {
        match try_drop(target, name, run).await {
            Err(error) if error.code().is_retryable() && attempt < DROP_ATTEMPTS => {
                tokio::time::sleep(DROP_PAUSE).await;
                attempt += 1;
            }
            ended => return ended,
        }
    }
}

async fn try_drop(target: &Target, name: &PgText, run: &RunId) -> Result<(), PgError> {
    let mut session = target.maintenance().await?;
    let comment = Sql::default()
        .text("SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database WHERE datname = ")
        .literal(name.as_bytes());
    for row in session.query(comment.into_bytes()).await? {
        // Without a comment it was made a moment ago, by us: a name like this is nobody else's.
        let comment = row.optional_text(0)?;
        if comment.is_some_and(|comment| !names::is_unfinished_by(&comment.to_lossy(), run)) {
            return Err(PgError::Answer("its comment says that another run made it".to_owned()));
        }
    }
    // A database with subscriptions, disabled ones too, cannot be dropped. Whether there are any only superusers may see.
    let _harmless = drop_subscriptions(target, name).await;
    session.execute(database::drop(name)).await?;
    session.close().await;
    Ok(())
}

async fn drop_subscriptions(target: &Target, name: &PgText) -> Result<(), PgError> {
    let mut session = target.look_into(&name.to_lossy()).await?;
    let subscriptions = session
        .query(
            "SELECT subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid \
             WHERE d.datname = pg_catalog.current_database()",
        )
        .await?;
    for row in subscriptions {
        let subscription = row.text(0)?;
        let alter = Sql::default().text("ALTER SUBSCRIPTION ").name(&subscription);
        session.execute(alter.text(" SET (slot_name = NONE)").into_bytes()).await?;
        session.execute(Sql::default().text("DROP SUBSCRIPTION ").name(&subscription).into_bytes()).await?;
    }
    session.close().await;
    Ok(())
}
