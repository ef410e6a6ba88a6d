//! The commands against an API server in memory: what they ask of it, what they print, how they end.

mod errors;
mod jobs;
mod looking;
mod returning;
mod rights;

use std::time::Duration;

use clap::Parser as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::output::Screen;
use super::{CommandLine, dispatch};
use crate::cluster::memory::{ApiServer, Calls};
use crate::command::people::Exit;

/// A person with a terminal of their own.
struct Desk {
    server: ApiServer,
    calls: Calls,
}

/// How a command went.
struct Ran {
    exit: Exit,
    out: String,
    err: String,
}

fn now() -> Timestamp {
    "2026-11-22T04:00:00Z".parse().unwrap()
}

impl Desk {
    fn new() -> Self {
        let calls = Calls::default();
        Self { server: ApiServer::new(calls.clone()), calls }
    }

    /// A cluster with one instance, as `instance` has it.
    fn with(instance: &Value) -> Self {
        let desk = Self::new();
        desk.server.hold("backupinstances", instance);
        desk
    }

    /// Runs a command line, without its `kubectl coffer`; in namespace shop unless it says another.
    async fn run(&self, line: &str) -> Ran {
        let words = ["kubectl-coffer"].into_iter().chain(line.split_whitespace());
        let line = CommandLine::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
        let namespace = line.cluster.namespace.clone().unwrap_or_else(|| "shop".to_owned());
        let cluster = Cluster::of(self.server.client.clone(), &namespace, now);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut screen = Screen { out: &mut out, err: &mut err, terminal: false };
        let ended = dispatch(&cluster, &line.command, &mut screen).await;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, mut err) = (text(out), text(err));
        let exit = ended.unwrap_or_else(|problem| {
            err.push_str(&problem.told());
            problem.exit()
        });
        Ran { exit, out, err }
    }

    /// The calls that change something, since they were last asked for.
    fn writes(&self) -> Vec<String> {
        let calls = self.calls.take();
        calls.into_iter().filter(|call| !call.starts_with("GET") && !call.starts_with("LIST")).collect()
    }
}

/// Lets the cluster's clock go on, so that whoever waits has looked again.
async fn later() {
    tokio::time::sleep(Duration::from_secs(5)).await;
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": message,
           "lastTransitionTime": "2026-11-20T00:00:00Z"})
}

/// An instance that is as it should be.
fn orders() -> Value {
    json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
        "metadata": {"name": "orders", "namespace": "shop", "uid": "i1", "generation": 2},
        "spec": {
            "vaultRef": {"name": "main", "namespace": "backups"},
            "policyRef": {"name": "nightly", "namespace": "backups"},
            "postgresql": {"host": "postgres.shop.svc", "port": 5432, "database": "orders",
                           "credentialsSecretRef": {"name": "orders-backup"},
                           "tls": {"mode": "VerifyFull", "caSecretRef": {"name": "postgres-ca"}}},
        },
        "status": {
            "observedGeneration": 2, "state": "ProtectionConfigured", "serverVersion": "17.2", "policyVersion": 3,
            "policySnapshot": {"name": "nightly", "version": 3, "spec": {
                "rules": [{"name": "Nightly", "schedule": {"cron": "0 2 * * *"}}],
                "retention": [{"name": "Default", "default": true, "keep": "P3M"}]}},
            "conditions": [
                condition("Ready", "True", "AsConfigured", "Vault, policy and consent are as they should be."),
                condition("BackupReady", "True", "ChecksPassed", "Every check passed."),
                condition("LastBackupSucceeded", "True", "LastBackupCompleted", "Job orders-20261122t0200z ended well."),
                condition("RecoveryPointFresh", "True", "PointFresh", "The newest point is young."),
            ],
            "checks": [{"name": "Credentials", "result": "Passed"}, {"name": "Privileges", "result": "Passed"}],
            "lastCheck": {"time": "2026-11-20T04:00:00Z", "inputs": "a", "result": "Passed"},
            "recoveryPoints": 12,
            "latestRecoveryPoint": {"name": "orders-20261122t020009z-ab34cd", "pointTime": "2026-11-22T02:00:09Z"},
            "lastBackup": {"jobName": "orders-20261122t0200z", "state": "Completed",
                           "completionTime": "2026-11-22T02:04:21Z"},
            "nextBackupTime": "2026-11-23T02:00:00Z",
            "jobs7d": {"completed": 7, "failed": 0, "expired": 0, "cancelled": 0},
        },
    })
}

/// The same instance with another status in places.
fn but(mut instance: Value, path: &str, value: Value) -> Value {
    let (parent, key) = path.rsplit_once('/').unwrap();
    instance.pointer_mut(parent).unwrap()[key] = value;
    instance
}
