//! The API server's audit log, read for what Coffer writes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

/// A request of one of Coffer's accounts that has changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub time: Timestamp,
    /// The account without the words that all accounts begin with, such as `coffer-system:coffer`.
    pub account: String,
    pub verb: String,
    /// With its subresource, such as `backupjobs/status`.
    pub resource: String,
    pub namespace: String,
    pub name: String,
}

/// A log that is followed from when this was opened.
#[derive(Debug)]
pub struct Audit {
    file: File,
    /// The begin of a line whose end is not there yet.
    rest: Vec<u8>,
    /// Namespaces whose accounts are Coffer's.
    namespaces: Vec<String>,
    newest: Option<Timestamp>,
    writes: Vec<Write>,
}

const ACCOUNT: &str = "system:serviceaccount:";
const CHANGING: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

impl Audit {
    /// Follows the log from its end. `namespaces` are those in which every account is one of Coffer's.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn follow(log: &Path, namespaces: &[&str]) -> io::Result<Self> {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::End(0))?;
        let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
        Ok(Self { file, rest: Vec::new(), namespaces, newest: None, writes: Vec::new() })
    }

    /// Reads what has been added.
    ///
    /// # Errors
    /// The log cannot be read, or a line of it is no audit event.
    pub fn read(&mut self) -> io::Result<()> {
        self.file.read_to_end(&mut self.rest)?;
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let whole: Vec<u8> = self.rest.drain(..end).collect();
        for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.take(serde_json::from_slice(line)?);
        }
        Ok(())
    }

    /// When the API server last answered anybody, by its own clock; `None`: not since the log is followed.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Coffer's writes since the log is followed, but for renewed leases.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    fn take(&mut self, event: Event) {
        self.newest = self.newest.max(Some(event.stage_timestamp));
        let Some(account) = event.user.username.strip_prefix(ACCOUNT) else { return };
        let Some(object) = event.object_ref else { return };
        let is_coffers =
            account.split(':').next().is_some_and(|name| self.namespaces.iter().any(|own| own == name));
        let has_changed = event.response_status.is_some_and(|status| (200..300).contains(&status.code));
        // Whoever asks for its rights or identity has written nothing.
        let is_question = object.api_group.ends_with("authorization.k8s.io")
            || object.api_group.ends_with("authentication.k8s.io");
        let is_renewal = object.resource == "leases";
        if !is_coffers
            || !has_changed
            || !CHANGING.contains(&event.verb.as_str())
            || is_question
            || is_renewal
        {
            return;
        }
        let resource = match object.subresource {
            subresource if subresource.is_empty() => object.resource,
            subresource => format!("{}/{subresource}", object.resource),
        };
        self.writes.push(Write {
            time: event.request_received_timestamp,
            account: account.to_owned(),
            verb: event.verb,
            resource,
            namespace: object.namespace,
            name: object.name,
        });
    }
}

/// How often each account wrote what, and each write in its order.
#[must_use]
pub fn table(writes: &[Write]) -> String {
    let mut counts: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for write in writes {
        *counts.entry((&write.account, &write.verb, &write.resource)).or_default() += 1;
    }
    let mut text = format!("{} writes\n", writes.len());
    for ((account, verb, resource), count) in counts {
        let _ = writeln!(text, "{count:>4}  {verb:<7} {resource:<28} {account}");
    }
    for Write { time, verb, resource, namespace, name, .. } in writes {
        let _ = writeln!(text, "{time:.3}  {verb:<7} {resource} {namespace}/{name}");
    }
    text
}

/// As the API server writes it; what is not read here is left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    verb: String,
    user: User,
    #[serde(default)]
    object_ref: Option<Object>,
    #[serde(default)]
    response_status: Option<Answer>,
    request_received_timestamp: Timestamp,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Object {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    code: u16,
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    fn line(account: &str, verb: &str, resource: &str, code: u16) -> String {
        let group = if resource == "selfsubjectreviews" { "authentication.k8s.io" } else { "coffer.dev" };
        let event = json!({
            "kind": "Event", "stage": "ResponseComplete", "verb": verb, "user": {"username": account},
            "objectRef": {"resource": resource, "namespace": "shop", "name": "orders", "subresource": "status", "apiGroup": group},
            "responseStatus": {"code": code},
            "requestReceivedTimestamp": "2026-11-20T20:00:00.000001Z", "stageTimestamp": "2026-11-20T20:00:01.5Z",
        });
        format!("{event}\n")
    }

    #[test]
    fn what_coffer_has_changed_is_told_and_nothing_else() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        let operator = "system:serviceaccount:coffer-system:coffer";
        log.write_all(line(operator, "patch", "earlier", 200).as_bytes()).unwrap();
        let mut audit = Audit::follow(log.path(), &["coffer-system", "vault-1"]).unwrap();
        audit.read().unwrap();
        assert_eq!((audit.newest(), audit.writes()), (None, &[][..]), "it is followed from its end");
        for (account, verb, resource, code) in [
            (operator, "patch", "backupjobs", 200),
            ("system:serviceaccount:vault-1:main-keeper", "create", "secrets", 201),
            (operator, "get", "backupjobs", 200),
            (operator, "patch", "backupjobs", 409),
            (operator, "update", "leases", 200),
            (operator, "create", "selfsubjectreviews", 201),
            ("system:serviceaccount:coffer-system-2:coffer", "patch", "backupjobs", 200),
            ("system:serviceaccount:kube-system:job-controller", "patch", "jobs", 200),
            ("admin", "patch", "backupjobs", 200),
        ] {
            log.write_all(line(account, verb, resource, code).as_bytes()).unwrap();
        }
        let last = line(operator, "delete", "jobs", 200);
        let (begin, end) = last.split_at(40);
        log.write_all(begin.as_bytes()).unwrap();
        audit.read().unwrap();
        assert_eq!(audit.writes().len(), 2, "a line that is not whole yet waits");
        log.write_all(end.as_bytes()).unwrap();
        audit.read().unwrap();
        let told: Vec<String> =
            audit.writes().iter().map(|write| format!("{} {}", write.verb, write.resource)).collect();
        assert_eq!(told, ["patch backupjobs/status", "create secrets/status", "delete jobs/status"]);
        assert_eq!(audit.newest().unwrap().to_string(), "2026-11-20T20:00:01.5Z");
        let table = table(audit.writes());
        assert!(table.starts_with("3 writes\n") && table.contains("vault-1:main-keeper"), "{table}");
    }
}
