//! When a check is made, and what its result means. Pure.

use std::hash::{DefaultHasher, Hasher as _};

use contract::{CheckReport, CheckResult as Reported, Connection, FailureCode, Outcome};
use crds::common::{ConditionType, Time};
use crds::instance::{Check, CheckResult, LastCheck};
use crds::{BackupInstance, Reason, annotations};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use super::observe::Seen;
use super::{datasource, sync};
use crate::clock::Now;
use crate::controller::run::connection::{Place, connection};
use crate::controller::run::pace::later;
use crate::controller::run::{AttemptState, Ending, Fault, Found, SeenAttempt, failure};
use crate::names;
use crate::settings::Settings;

/// A check that passed is made again after this long.
const WEEKLY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Where a backup has met another server than the check before it, the next one is made no sooner: clocks differ by minutes,
/// and several servers may stand behind one name.
const SUSPICION: SignedDuration = SignedDuration::from_mins(15);
/// A check that has not ended by then never will.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// What the checks come to.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one of them per look at an instance")]
pub enum Checked {
    /// No connection can be made up.
    Fault(Fault),
    /// A check is to be made.
    Due { name: String, connection: Box<Connection> },
    /// One is on its way; in the cluster's words if something is wrong with it.
    Running { blocked: Option<String> },
    /// One has just ended.
    Ended { result: Findings, remove: SeenAttempt },
    /// The last one stands.
    Standing { again: Timestamp },
}

/// The result of a check that has just ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    pub checks: Vec<Check>,
    pub last: LastCheck,
    pub datasource_id: Option<String>,
    pub relations: Option<i64>,
    pub server_version: Option<String>,
    pub size_bytes: Option<u64>,
    /// SQL statements; some of them where there are many.
    pub missing_grants: Vec<String>,
}

/// What is to be done about checks now.
pub fn checked(instance: &BackupInstance, seen: &Seen, settings: &Settings, now: Now) -> Checked {
    let Some(material) = &seen.material else {
        return Checked::Running { blocked: None };
    };
    let postgresql = &instance.spec.postgresql;
    let namespace = instance.namespace().unwrap_or_default();
    let place = Place {
        host: &postgresql.host,
        port: postgresql.port,
        database: postgresql.first_database(),
        credentials: &postgresql.credentials_secret_ref,
        tls: postgresql.tls(),
        namespace: &namespace,
        bind_command: settings.secret_reader_command(&namespace),
    };
    let connection = match connection(&place, material) {
        Ok(connection) => connection,
        Err(fault) => return Checked::Fault(fault),
    };
    let inputs = inputs(instance, seen);
    let last = instance.status.as_ref().and_then(|status| status.last_check.as_ref());
    let name = check_name(instance, &inputs, last);
    if let Some(attempt) = seen.checks.iter().find(|attempt| attempt.job_name == name) {
        return going_on(attempt, inputs, now);
    }
    match last {
        Some(last) if last.inputs == inputs && sync::asked(instance).is_none() => {
            let mut again = again(instance, last);
            if datasource::has_met_another(instance, seen, last.time.0) {
                again = again.min(later(last.time.0, SUSPICION));
            }
            if now.time < again {
                return Checked::Standing { again };
            }
        }
        Some(_) | None => {}
    }
    Checked::Due { name, connection: Box::new(connection) }
}

/// Jobs of checks that nobody waits for any more.
pub fn stale<'a>(seen: &'a Seen, wanted: Option<&str>) -> Vec<&'a SeenAttempt> {
    seen.checks.iter().filter(|attempt| !attempt.going && Some(attempt.job_name.as_str()) != wanted).collect()
}

/// The name of the check's Job that is now wanted: another for other inputs, and for each round.
pub fn check_name(instance: &BackupInstance, inputs: &str, last: Option<&LastCheck>) -> String {
    let before = (inputs, last.map(|last| last.time.0.to_string()));
    let round = match sync::asked(instance) {
        Some(request) => hash(&(before, request)),
        None => hash(&before),
    };
    names::check(&instance.uid().unwrap_or_default(), &round)
}

/// Everything that a check's result depends on, but the server itself.
pub fn inputs(instance: &BackupInstance, seen: &Seen) -> String {
    let spec = serde_json::to_string(&instance.spec.postgresql).unwrap_or_default();
    let material = seen.material.as_ref();
    let versions = material.map(|held| {
        [Some(&held.credentials), held.authority.as_ref(), held.client_certificate.as_ref()].map(version)
    });
    hash(&(spec, versions, instance.annotations().get(annotations::REVALIDATE)))
}

fn version(found: Option<&Found>) -> Option<String> {
    match found? {
        Found::Secret(secret) => Some(format!("{:?}/{:?}", secret.uid(), secret.resource_version())),
        Found::Absent | Found::Forbidden => None,
    }
}

fn hash<T: std::hash::Hash>(value: &T) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn going_on(attempt: &SeenAttempt, inputs: String, now: Now) -> Checked {
    let ended = |ending: &Ending| Checked::Ended {
        result: result(ending, inputs.clone(), now),
        remove: attempt.clone(),
    };
    match &attempt.state {
        AttemptState::Ended(ending) => ended(ending),
        AttemptState::Suspended | AttemptState::Waiting { .. } | AttemptState::Running => {
            let old = attempt.created.is_some_and(|created| now.wall.duration_since(created) > PATIENCE);
            let blocked =
                if let AttemptState::Waiting { blocked } = &attempt.state { blocked.clone() } else { None };
            match blocked {
                Some(why) if old => {
                    let message = format!("The check's pod could not start: {why}");
                    let result = lost(Reason::PodBlocked, message, inputs, now);
                    Checked::Ended { result, remove: attempt.clone() }
                }
                None if old => ended(&Ending::default()),
                blocked => Checked::Running { blocked },
            }
        }
    }
}

/// When the last check is to be repeated: weekly, or after 1, 2, 5 and then every 15 minutes while it fails.
fn again(instance: &BackupInstance, last: &LastCheck) -> Timestamp {
    if last.result != CheckResult::Failed {
        return last.time.0.checked_add(WEEKLY).unwrap_or(Timestamp::MAX);
    }
    let conditions = instance.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let failing_since = conditions
        .iter()
        .find(|held| held.type_ == ConditionType::BackupReady.as_str() && held.status == "False")
        .map_or(last.time.0, |held| held.last_transition_time.0);
    let minutes = match last.time.0.duration_since(failing_since).as_mins() {
        ..1 => 1,
        1..3 => 2,
        3..8 => 5,
        8.. => 15,
    };
    last.time.0.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(Timestamp::MAX)
}

fn result(ending: &Ending, inputs: String, now: Now) -> Findings {
    let last = |result| LastCheck { time: Time(now.time), inputs: inputs.clone(), result };
    if let Some(Outcome::Checked(report)) = ending.report.as_ref().map(|report| &report.outcome) {
        let checks: Vec<Check> = report.items.iter().take(32).map(check).collect();
        return Findings {
            last: last(worst(&checks)),
            checks,
            datasource_id: report.datasource_id.clone(),
            relations: report.relations.and_then(|count| i64::try_from(count).ok()),
            server_version: server_version(report),
            size_bytes: report.size_bytes,
            missing_grants: missing_grants(report),
        };
    }
    let verdict = failure::verdict(ending);
    lost(verdict.reason, verdict.error.message, inputs, now)
}

/// A round that has found nothing, since its pod could not.
fn lost(reason: Reason, message: String, inputs: String, now: Now) -> Findings {
    let failed = Check {
        name: "Mover".into(),
        result: CheckResult::Failed,
        reason: Some(reason.as_str().to_owned()),
        message: Some(message),
    };
    Findings {
        checks: vec![failed],
        last: LastCheck { time: Time(now.time), inputs, result: CheckResult::Failed },
        datasource_id: None,
        relations: None,
        server_version: None,
        size_bytes: None,
        missing_grants: Vec::new(),
    }
}

/// As many as the status holds; a statement that would have to be cut is left out.
fn missing_grants(report: &CheckReport) -> Vec<String> {
    let fits = |statement: &&String| statement.chars().count() <= 512;
    report.missing_grants.iter().filter(fits).take(32).cloned().collect()
}

fn server_version(report: &CheckReport) -> Option<String> {
    report.server_version.as_ref().map(|version| version.chars().take(64).collect())
}

fn check(item: &contract::CheckItem) -> Check {
    let code = item.failure.as_ref().map_or(FailureCode::Internal, |failure| failure.code);
    let told = item.result != Reported::Passed && item.failure.is_some();
    Check {
        name: item.name.chars().take(64).collect(),
        result: match item.result {
            Reported::Passed => CheckResult::Passed,
            Reported::Warning => CheckResult::Warning,
            Reported::Failed => CheckResult::Failed,
            Reported::Skipped => CheckResult::Skipped,
        },
        reason: told.then(|| failure::meaning(code).0.as_str().to_owned()),
        message: item
            .failure
            .as_ref()
            .filter(|_| told)
            .map(|failure| failure.message.chars().take(2000).collect()),
    }
}

fn worst(checks: &[Check]) -> CheckResult {
    let any = |result| checks.iter().any(|check| check.result == result);
    if any(CheckResult::Failed) || checks.is_empty() {
        CheckResult::Failed
    } else if any(CheckResult::Warning) {
        CheckResult::Warning
    } else {
        CheckResult::Passed
    }
}

/// The first check that failed, as a reason and a sentence.
pub fn first_failure(checks: &[Check]) -> Option<(Reason, String)> {
    let failed = checks.iter().find(|check| check.result == CheckResult::Failed)?;
    let reason =
        failed.reason.as_deref().and_then(|reason| reason.parse().ok()).unwrap_or(Reason::ServerUnreachable);
    Some((reason, failed.message.clone().unwrap_or_else(|| format!("Check {} failed.", failed.name))))
}
