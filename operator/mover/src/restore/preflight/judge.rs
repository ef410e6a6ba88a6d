//! From what is known to what will be done, or why it cannot be. Pure.

use std::collections::HashSet;

use contract::{FailureCode, RestoreTarget, RunId};

use super::{ExistingDatabase, Facts, Objection, Outline, facts::WITH_SET_OPTION};
use crate::{
    format::{LocaleProvider, Manifest, PgText},
    restore::names,
    schema::Owners,
};

/// What is to be restored, and where to.
pub struct Request<'a> {
    pub run: &'a RunId,
    pub manifest: &'a Manifest,
    pub target: &'a RestoreTarget,
    /// Connections that the restore will hold at the same time.
    pub connections: u32,
    /// Whether only some objects are restored, which may go into a database that is in use.
    pub is_selection: bool,
}

/// What was found: nothing is in the way when there are no objections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub objections: Vec<Objection>,
    pub warnings: Vec<String>,
    pub place: Place,
    pub owners: Owners,
    /// Who will own the database.
    pub owner: PgText,
}

/// Where the rows go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A database that the restore makes, under a name that tells that it is not finished.
    New {
        name: PgText,
        /// This run left one before: it goes first.
        left_before: bool,
    },
    /// A database that somebody made, which is empty. `comment` is what it says now.
    Existing { name: PgText, comment: Option<PgText> },
    /// A database that is in use, and stays as it is but for what is added to it.
    InUse { name: PgText },
}

impl Place {
    pub fn name(&self) -> &PgText {
        match self {
            Self::New { name, .. } | Self::Existing { name, .. } | Self::InUse { name } => name,
        }
    }
}

/// Judges everything at once, so that one run shows all that is to be mended.
pub fn judge(request: &Request<'_>, facts: &Facts, outline: &Outline) -> Judged {
    let mut judge = Judge { request, facts, outline, objections: Vec::new(), warnings: Vec::new() };
    judge.server();
    let place = judge.place();
    judge.locale();
    let (owners, owner) = judge.roles();
    judge.ownership(&owners, &owner);
    judge.extensions();
    judge.tablespaces();
    for subscription in &outline.subscriptions {
        judge.warnings.push(format!(
            "subscription \"{subscription}\" is restored disabled; enable it when its publisher may send again"
        ));
    }
    Judged { objections: judge.objections, warnings: judge.warnings, place, owners, owner }
}

struct Judge<'a> {
    request: &'a Request<'a>,
    facts: &'a Facts,
    outline: &'a Outline,
    objections: Vec<Objection>,
    warnings: Vec<String>,
}

/// `DROP DATABASE … WITH (FORCE)`, without which nothing half-done could be taken away again, came with PostgreSQL 13.
const OLDEST_TARGET: u32 = 13;

impl Judge<'_> {
    fn object(&mut self, code: FailureCode, sentence: String) {
        self.objections.push(Objection { code, sentence });
    }

    fn server(&mut self) {
        let (facts, manifest) = (self.facts, self.request.manifest);
        let least = (manifest.server_version / 10_000).max(OLDEST_TARGET);
        if facts.major < least {
            self.object(
                FailureCode::TargetVersionUnsupported,
                format!(
                    "the target runs PostgreSQL {} and the point was taken from {}: restore into version {least} or newer",
                    facts.version, manifest.server_version_text
                ),
            );
        }
        if facts.is_standby {
            self.object(
                FailureCode::TargetPrivilegesMissing,
                "the target is a standby, which takes no writes: restore into its primary".to_owned(),
            );
        }
        let wanted = i64::from(self.request.connections);
        if facts.free_connections < wanted {
            self.object(
                FailureCode::TooManyConnections,
                format!(
                    "the target has {} free connections and the restore needs {wanted}: raise max_connections, or use \
                     fewer lanes",
                    facts.free_connections.max(0)
                ),
            );
        }
    }

    fn place(&mut self) -> Place {
        let wanted = &self.request.target.database;
        if wanted.len() > names::NAME_LIMIT {
            let sentence = format!(
                "the name \"{wanted}\" is longer than the {} bytes that PostgreSQL keeps: choose a shorter one",
                names::NAME_LIMIT
            );
            self.object(FailureCode::BadAssignment, sentence);
        }
        if self.facts.existing.is_some() && self.request.is_selection {
            return Place::InUse { name: wanted.as_str().into() };
        }
        if let Some(existing) = &self.facts.existing {
            self.existing(wanted, existing);
            return Place::Existing { name: wanted.as_str().into(), comment: existing.comment.clone() };
        }
        if !self.facts.may_create_databases {
            self.object(
                FailureCode::TargetPrivilegesMissing,
                format!(
                    "role \"{0}\" may not create databases: run ALTER ROLE \"{0}\" CREATEDB, or create an empty database \
                     \"{wanted}\" that it owns",
                    self.facts.user
                ),
            );
        }
        let name = names::incomplete_database(wanted, self.request.run);
        let left_before = match &self.facts.unfinished {
            None => false,
            Some(comment) => {
                let comment = comment.as_ref().map(ToString::to_string).unwrap_or_default();
                let is_ours = names::is_unfinished_by(&comment, self.request.run);
                if !is_ours {
                    self.object(
                        FailureCode::TargetExists,
                        format!(
                            "a database \"{name}\" is there already and this run did not leave it: drop or rename it"
                        ),
                    );
                }
                is_ours
            }
        };
        Place::New { name: name.as_str().into(), left_before }
    }

    fn existing(&mut self, wanted: &str, existing: &ExistingDatabase) {
        if !existing.contents.is_empty() {
            let comment = existing.comment.as_ref().map(ToString::to_string).unwrap_or_default();
            let who = if names::is_unfinished_by(&comment, self.request.run) {
                ", which an earlier attempt of this restore left"
            } else {
                ""
            };
            self.object(
                FailureCode::TargetNotEmpty,
                format!(
                    "database \"{wanted}\" is not empty{who}: it holds {}; restore under another name, or drop it first",
                    existing.contents.join(", ")
                ),
            );
        }
        if !existing.is_owned && !self.facts.is_superuser {
            self.object(
                FailureCode::TargetPrivilegesMissing,
                format!(
                    "role \"{}\" does not own database \"{wanted}\": make it the owner, or let the restore create the \
                     database",
                    self.facts.user
                ),
            );
        }
    }

    fn locale(&mut self) {
        let source = &self.request.manifest.database;
        if let Some(existing) = &self.facts.existing {
            if existing.encoding != source.encoding {
                self.object(
                    FailureCode::TargetEncodingMismatch,
                    format!(
                        "database \"{}\" has the encoding {} and the point {}: create it with ENCODING '{}' TEMPLATE \
                         template0",
                        self.request.target.database, existing.encoding, source.encoding, source.encoding
                    ),
                );
            }
            if existing.collate != source.collate || existing.ctype != source.ctype {
                self.warnings.push(format!(
                    "the existing database has the locale {} / {}, the point {} / {}: texts may sort in another order",
                    existing.collate, existing.ctype, source.collate, source.ctype
                ));
            }
        } else if source.locale_provider == LocaleProvider::Icu && !self.facts.has_icu {
            self.object(
                FailureCode::TargetEncodingMismatch,
                "the point's database uses ICU and the target was built without it: use a server with ICU"
                    .to_owned(),
            );
        }
    }

    /// Whose objects go to whom, and who gets the database.
    fn roles(&mut self) -> (Owners, PgText) {
        let manifest = self.request.manifest;
        let mut owners = Owners::default();
        let asked: Option<PgText> = self.request.target.owner.as_deref().map(Into::into);
        let is_there = |role: &PgText| self.facts.roles.contains_key(role);
        let mut missing: Vec<String> = Vec::new();
        if let Some(asked) = asked.as_ref().filter(|asked| !is_there(asked)) {
            missing.push(format!("\"{asked}\" (the owner that was asked for)"));
        }
        let mut warnings = Vec::new();
        for role in missing_roles(manifest, self.facts) {
            match (&asked, self.outline.named.get(&role)) {
                (None, _) => missing.push(format!("\"{role}\"")),
                (Some(_), Some(by)) => missing.push(format!("\"{role}\" (named by {by})")),
                (Some(asked), None) => {
                    warnings
                        .push(format!("role \"{role}\" is missing: what it owned belongs to \"{asked}\""));
                    owners.replace(role, asked.clone());
                }
            }
        }
        if let Some(asked) = asked.as_ref().filter(|_| !self.facts.is_superuser) {
            for role in self.outline.owners.iter().filter(|role| self.is_closed(role) && *role != asked) {
                warnings.push(format!(
                    "role \"{}\" may not give anything to \"{role}\": what that owned belongs to \"{asked}\"",
                    self.facts.user
                ));
                owners.pass_on(role.clone(), asked.clone());
            }
        }
        self.warnings.extend(warnings);
        if !missing.is_empty() {
            let advice = if asked.is_some() { "" } else { ", or name an owner who gets what they own" };
            self.object(
                FailureCode::RoleMissing,
                format!("roles are missing on the target: {}; create them{advice}", missing.join(", ")),
            );
        }
        let owner = asked.unwrap_or_else(|| manifest.database.owner.clone());
        (owners, owner)
    }

    /// Whether a role is there and the session may not become it.
    fn is_closed(&self, role: &PgText) -> bool {
        self.facts.roles.get(role).is_some_and(|role| !role.is_open)
    }

    /// Giving objects away takes the right to become their owner.
    fn ownership(&mut self, owners: &Owners, owner: &PgText) {
        if self.facts.is_superuser {
            return;
        }
        let new_owners: HashSet<&PgText> =
            self.outline.owners.iter().map(|before| owners.of(before)).chain([owner]).collect();
        let mut closed: Vec<&PgText> = new_owners.into_iter().filter(|role| self.is_closed(role)).collect();
        closed.sort();
        if !closed.is_empty() {
            let user = &self.facts.user;
            // Where membership has options, those of an earlier grant stay unless they are named.
            let options =
                if self.facts.major >= WITH_SET_OPTION { " WITH INHERIT TRUE, SET TRUE" } else { "" };
            let mut grants: Vec<String> =
                closed.iter().map(|role| format!("GRANT \"{role}\" TO \"{user}\"{options}")).collect();
            if self.facts.major < WITH_SET_OPTION {
                grants.push(format!("ALTER ROLE \"{user}\" INHERIT"));
            }
            self.object(
                FailureCode::TargetPrivilegesMissing,
                format!("role \"{user}\" may not give objects to their owners: run {}", grants.join("; ")),
            );
        }
    }

    fn extensions(&mut self) {
        let wanted = self.request.manifest.extensions.iter();
        let missing: Vec<String> = wanted
            .filter(|extension| !self.facts.extensions.contains(&extension.name))
            .map(|extension| format!("\"{}\" {}", extension.name, extension.version))
            .collect();
        if !missing.is_empty() {
            self.object(
                FailureCode::ExtensionMissing,
                format!("extensions are not installed on the target: {}; install them", missing.join(", ")),
            );
        }
    }

    fn tablespaces(&mut self) {
        let manifest = self.request.manifest;
        let own = Some(&manifest.database.tablespace)
            .filter(|_| self.facts.existing.is_none())
            .filter(|name| !name.is_empty() && name.as_bytes() != b"pg_default");
        let wanted: Vec<&PgText> = manifest.tablespaces.iter().chain(own).collect();
        let missing: Vec<String> = wanted
            .iter()
            .filter(|name| !self.facts.tablespaces.contains_key(**name))
            .map(|name| format!("\"{name}\""))
            .collect();
        if !missing.is_empty() {
            self.object(
                FailureCode::TablespaceMissing,
                format!("tablespaces are missing on the target: {}; create them, or name those that are to be taken instead, such as \
                     pg_default",
                    missing.join(", ")),
            );
        }
        let closed: Vec<String> = wanted
            .iter()
            .filter(|name| self.facts.tablespaces.get(**name) == Some(&false))
            .map(|name| format!("GRANT CREATE ON TABLESPACE \"{name}\" TO \"{}\"", self.facts.user))
            .collect();
        if !closed.is_empty() {
            self.object(
                FailureCode::TargetPrivilegesMissing,
                format!("tablespaces are closed to role \"{}\": run {}", self.facts.user, closed.join("; ")),
            );
        }
    }
}

/// The roles that the point names and the target does not have.
pub fn missing_roles(manifest: &Manifest, facts: &Facts) -> Vec<PgText> {
    let named = manifest.roles.iter().filter(|role| !facts.roles.contains_key(*role));
    named.cloned().collect()
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
