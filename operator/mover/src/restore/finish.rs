//! The last statements, about the database as a whole: what belongs to it, and its name.
//!
//! Names and texts that belong to the whole server are kept as bytes in the encoding of whichever database they were written
//! in. So what belongs to the database is said in a session of its own, which reads them as they were read, and only the
//! rest outside of it.

use std::time::Duration;

use super::{
    RestoreError, database,
    target::{Sessions, Target},
};
use crate::{
    format::{DatabaseEntry, PgText},
    postgres::{PgError, Session},
    schema::{Owners, Sql},
};

/// Somebody is connected to a database that is to be renamed. The server has waited for 5 s before it says so.
const IN_USE: &str = "55006";
const NAMING_ATTEMPTS: u32 = 4;
/// How long, and how often, it is asked what became of a commit whose answer was lost.
const ASKED: u32 = 10;
const ASKING_PAUSE: Duration = Duration::from_secs(2);

/// A database that is complete but for what belongs to it as a whole, and for its name.
pub struct Finished<'a> {
    /// As it is called while it is not finished.
    pub name: &'a PgText,
    pub own_name: &'a PgText,
    /// What it is known by whatever its name.
    pub oid: u32,
    pub source: &'a DatabaseEntry,
    pub owner: &'a PgText,
    pub owners: &'a Owners,
    /// Whether the session is a superuser's.
    pub may_become: bool,
}

impl Finished<'_> {
    /// Owner, privileges, settings and labels, said inside the database. What a setting or label is refused for is a
    /// warning.
    pub async fn give(&self, sessions: &Sessions) -> Result<Vec<String>, RestoreError> {
        let mut session = sessions.for_statements().await.map_err(RestoreError::Connect)?;
        session
            .execute("BEGIN")
            .await
            .map_err(self.what("begin to give away what belongs to it, the database"))?;
        let owner = database::change_owner(self.name, self.owner);
        session.execute(owner).await.map_err(self.what("change the owner"))?;
        let grants =
            database::privileges(self.name, self.source, &self.source.owner, self.owners, self.may_become)
                .map_err(|source| RestoreError::Privileges { object: self.own_name.to_string(), source })?;
        for grant in grants {
            session.execute(grant).await.map_err(self.what("set the privileges"))?;
        }
        let warnings = self.settings(&mut session).await?;
        // Nobody who was let in looks into it before it has its name.
        session.execute(database::limit(self.name, 0)).await.map_err(self.what("close the database"))?;
        session.execute("COMMIT").await.map_err(self.what("commit the privileges and settings"))?;
        session.close().await;
        Ok(warnings)
    }

    /// The comment, where only a session inside the database can say it. The database has its name already: what is refused
    /// is a warning.
    pub async fn describe(&self, sessions: &Sessions) -> Option<String> {
        let comment = self.source.comment.as_ref().filter(|comment| !is_utf8(comment))?;
        let described = async {
            let mut session = sessions.for_statements().await?;
            session.execute(database::comment(self.own_name, Some(comment.as_bytes()))).await?;
            session.close().await;
            Ok::<_, PgError>(())
        };
        let error = described.await.err()?;
        Some(format!("the comment of the database was not restored: {error}"))
    }

    /// Ends the sessions of others in the unfinished database, as far as the role may.
    async fn clear(&self, session: &mut Session) -> Result<(), RestoreError> {
        let sql = Sql::default()
            .text(
                "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datid = ",
            )
            .number(self.oid);
        match session.execute(sql.into_bytes()).await {
            Err(source) if source.ends_session() => Err(self.what("end the sessions")(source)),
            _ => Ok(()),
        }
    }

    /// Says all of it in a transaction that others share.
    async fn say(&self, session: &mut Session) -> Result<(), RestoreError> {
        let open = database::limit(self.name, self.source.connection_limit);
        session.execute(open).await.map_err(self.what("open the database"))?;
        if let Some(options) = database::options(self.name, self.source) {
            session.execute(options).await.map_err(self.what("set the options"))?;
        }
        // A comment that cannot be said here is said afterwards; the mark of what is unfinished goes with the name.
        let comment = self.source.comment.as_ref().filter(|comment| is_utf8(comment)).map(PgText::as_bytes);
        session.execute(database::comment(self.name, comment)).await.map_err(self.what("set the comment"))?;
        let rename = database::rename(self.name, self.own_name);
        session.execute(rename).await.map_err(self.what("set the name"))?;
        let named = name_of(session, self.oid).await.map_err(self.what("look at the name"))?;
        if named.as_ref() == Some(self.own_name) {
            return Ok(());
        }
        // Dropped, and another made under the unfinished name: not what was loaded and checked.
        let source = PgError::Answer("the database is not the one that was restored".to_owned());
        Err(self.what("set the name")(source))
    }

    fn what(&self, what: &str) -> impl FnOnce(PgError) -> RestoreError {
        RestoreError::statement(format!("{what} of \"{}\"", self.own_name))
    }

    /// A setting may be of an extension that another version no longer has, or may need a superuser.
    async fn settings(&self, session: &mut Session) -> Result<Vec<String>, RestoreError> {
        let is_missing = |role: &PgText| self.owners.is_missing(role);
        let (lost, kept): (Vec<_>, Vec<_>) =
            self.source.settings.iter().partition(|setting| setting.role.as_ref().is_some_and(is_missing));
        let settings = kept.into_iter().map(|setting| {
            let sql = database::setting(self.name, setting);
            (format!("setting {}", setting.setting), sql)
        });
        let labels = self.source.security_labels.iter().map(|label| {
            let sql = Sql::default().text("SECURITY LABEL FOR ").name(&label.provider).text(" ON DATABASE ");
            let sql = sql.name(self.name).text(" IS ").literal(label.label.as_bytes());
            (format!("security label of {}", label.provider), Some(sql.into_bytes()))
        });
        let lost = lost.into_iter().filter_map(|setting| {
            let role = setting.role.as_ref()?;
            Some(format!(
                "setting {} was that of \"{role}\" alone, which is missing: not restored",
                setting.setting
            ))
        });
        let mut warnings: Vec<String> = lost.collect();
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

/// Options, comments and names of all, in one transaction. A database that somebody is connected to cannot be renamed: whoever
/// looked into an unfinished one is asked to leave.
pub async fn name(all: &[Finished<'_>], target: &Target) -> Result<(), RestoreError> {
    let mut session = target.maintenance().await.map_err(RestoreError::Connect)?;
    let mut attempt = 1;
    loop {
        match try_name(all, &mut session, target).await {
            Err(RestoreError::Statement { source, .. }) if source.is(IN_USE) && attempt < NAMING_ATTEMPTS => {
                session.execute("ROLLBACK").await.map_err(what(all, "take back the naming"))?;
                for finished in all {
                    finished.clear(&mut session).await?;
                }
                attempt += 1;
            }
            ended => {
                session.close().await;
                return ended;
            }
        }
    }
}

async fn try_name(all: &[Finished<'_>], session: &mut Session, target: &Target) -> Result<(), RestoreError> {
    session.execute("BEGIN").await.map_err(what(all, "begin the naming"))?;
    for finished in all {
        finished.say(session).await?;
    }
    match session.execute("COMMIT").await {
        Ok(()) => Ok(()),
        Err(lost) if lost.ends_session() => was_named(all, target, session.process_id(), lost).await,
        Err(source) => Err(what(all, "commit the naming")(source)),
    }
}

/// Whether a commit took place whose answer was lost. Its session is ended first, lest it take place later. It was of all or
/// of none: the first one tells.
async fn was_named(
    all: &[Finished<'_>],
    target: &Target,
    process: i32,
    lost: PgError,
) -> Result<(), RestoreError> {
    let ended = format!(
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid = {process} \
         AND usename = current_user AND application_name = pg_catalog.current_setting('application_name')"
    );
    let Some(first) = all.first() else { return Ok(()) };
    for _ in 0..ASKED {
        let asked = async {
            let mut session = target.maintenance().await?;
            let is_gone = session.query(&ended).await?.is_empty();
            let name = name_of(&mut session, first.oid).await?;
            session.close().await;
            Ok::<_, PgError>(is_gone.then_some(name))
        };
        match asked.await {
            Ok(Some(Some(name))) if name == *first.own_name => return Ok(()),
            Ok(Some(_)) => break,
            Ok(None) => {}
            Err(error) => tracing::info!(%error, "it is asked again whether the database has its name"),
        }
        tokio::time::sleep(ASKING_PAUSE).await;
    }
    Err(what(all, "commit the naming")(lost))
}

fn what(all: &[Finished<'_>], what: &str) -> impl FnOnce(PgError) -> RestoreError {
    let names: Vec<String> = all.iter().map(|finished| format!("\"{}\"", finished.own_name)).collect();
    RestoreError::statement(format!("{what} of {}", names.join(", ")))
}

fn is_utf8(text: &PgText) -> bool {
    std::str::from_utf8(text.as_bytes()).is_ok()
}

/// The name of a database; `None`: there is none of this OID.
async fn name_of(session: &mut Session, oid: u32) -> Result<Option<PgText>, PgError> {
    let sql = format!("SELECT datname FROM pg_catalog.pg_database WHERE oid = {oid}");
    session.query(sql).await?.first().map(|row| row.text(0)).transpose()
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
