//! Carries a history out in a cluster, and draws the picture of what people see there then.

use contract::{Life, Owner, PointState, Trigger};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::calendar::{NIGHT, at, day};
use super::picture::{DeletedLine, InstanceLine, Picture, PointLine};
use super::words::{Edit, Keep, Shape, SoftDelete};
use crate::simulation::cluster::{Cluster, vault_object};
use crate::simulation::pods::Play;

/// People work in the mornings.
pub const MORNING: i8 = 10;
/// Each look is so much later in its hour than the one before, so that no two instants of a history that are whole days apart
/// can be taken for each other.
const APART: i64 = 97;

/// When a look is made, by how many there were before it.
pub fn time_of(day: Date, hour: i8, looks: usize) -> Timestamp {
    at(day, hour) + SignedDuration::from_secs(APART * i64::try_from(looks).unwrap())
}

/// What the drivers stamp comes moments after the look began.
fn snapped(time: Timestamp) -> Timestamp {
    let today = day(time);
    let hour = if time < at(today, NIGHT) { MORNING } else { NIGHT };
    let since = time.duration_since(at(today, hour)).as_secs();
    at(today, hour) + SignedDuration::from_secs(since.div_euclid(APART) * APART)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().map(|text| snapped(text.parse().unwrap()))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap_or(0)).unwrap()
}

fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|held| held["type"] == type_)
}

/// A cluster that people work in.
pub struct People {
    pub cluster: Cluster,
    /// Instances and jobs that were made.
    made: usize,
    demands: usize,
    soft_delete: SoftDelete,
}

impl People {
    /// A vault, and nobody who uses it yet.
    pub async fn new(begin: Timestamp) -> Self {
        let cluster = Cluster::without_instances(vault_object()).await;
        let mut people = Self { cluster, made: 0, demands: 0, soft_delete: SoftDelete::Enabled(14) };
        people.look(begin, Play::Succeeds).await;
        people
    }

    /// Lets everything come to rest at this time.
    pub async fn look(&mut self, time: Timestamp, play: Play) {
        self.cluster.move_to(time);
        self.rest(play).await;
    }

    /// Lets everything come to rest now.
    pub async fn rest(&mut self, play: Play) {
        self.cluster.otherwise = play;
        self.cluster.settle().await;
    }

    /// Does what the edit says. `false`: admission would not have it.
    pub fn edit(&mut self, edit: Edit) -> bool {
        match edit {
            Edit::Policy { name, shape } => self.policy(name, shape),
            Edit::DeletePolicy { name } => {
                return self.delete_unless_used(&format!("backuppolicies shop/{name}"), true);
            }
            Edit::LosePolicy { name } => self.cluster.world.remove(&format!("backuppolicies shop/{name}")),
            Edit::Create { name, database, policy, deletion } => {
                let object = self.instance(name, database, policy, &format!("{deletion:?}"));
                if !self.cluster.world.has(&format!("backupinstances shop/{name}")) {
                    self.cluster.world.hold("backupinstances", &object);
                }
            }
            Edit::Follow { name, policy } => {
                self.change_instance(name, |spec| spec["policyRef"]["name"] = json!(policy));
            }
            Edit::Protect { name, protection } => {
                self.change_instance(name, |spec| spec["protection"] = json!(format!("{protection:?}")));
            }
            Edit::DeletionPolicy { name, deletion } => {
                self.change_instance(name, |spec| spec["deletionPolicy"] = json!(format!("{deletion:?}")));
            }
            Edit::Delete { name } => self.cluster.delete_instance(name),
            Edit::Undelete { name, database } => self.undelete(name, database),
            Edit::Resume { name } => {
                if let Some(record) = self.awaited(name) {
                    self.annotate(name, &record);
                }
            }
            Edit::ResumeWrongly { name } => self.annotate(name, "shop-nobody-00000000"),
            Edit::Consent(consents) => {
                let names = if consents { json!(["shop"]) } else { json!(["elsewhere"]) };
                self.change("backupvaults vaults/main", |spec| {
                    spec["access"]["allowedNamespaces"]["names"] = names
                });
            }
            Edit::SoftDelete(soft_delete) => self.soft_delete(soft_delete),
            Edit::DeleteVault => return self.delete_unless_used("backupvaults vaults/main", false),
            Edit::Demand { name, tag, .. } => self.demand(name, tag),
        }
        true
    }

    fn policy(&self, name: &str, shape: Shape) {
        let address = format!("backuppolicies shop/{name}");
        if !self.cluster.world.has(&address) {
            let metadata = json!({"name": name, "namespace": "shop", "uid": name, "generation": 0});
            let object =
                json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy", "metadata": metadata});
            self.cluster.world.hold("backuppolicies", &object);
        }
        self.change(&address, |spec| *spec = policy_spec(&shape));
    }

    fn instance(&mut self, name: &str, database: &str, policy: &str, deletion: &str) -> Value {
        self.made += 1;
        let uid = format!("a{:07x}-0000-4000-8000-000000000000", self.made);
        json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
               "metadata": {"name": name, "namespace": "shop", "uid": uid, "generation": 1},
               "spec": {"vaultRef": {"name": "main", "namespace": "vaults"}, "policyRef": {"name": policy},
                        "deletionPolicy": deletion,
                        "postgresql": {"host": "db", "database": database, "credentialsSecretRef": {"name": "login"}}}})
    }

    fn demand(&mut self, instance: &str, tag: &str) {
        let name = format!("demand-{}", self.demands);
        self.demands += 1;
        let metadata = json!({"name": name, "namespace": "shop", "generation": 1,
                              "uid": format!("d{:07x}-0000-4000-8000-000000000000", self.demands)});
        let spec = json!({"instanceRef": {"name": instance}, "retentionTag": tag});
        let object = json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob", "metadata": metadata, "spec": spec});
        self.cluster.world.hold("backupjobs", &object);
    }

    /// As policy `coffer-in-use` judges: by what the status counts.
    fn delete_unless_used(&self, address: &str, is_carried_out: bool) -> bool {
        if !self.cluster.world.has(address) {
            return true;
        }
        let object: Value = self.cluster.world.object(address);
        let is_used = users(&object) != (0, 0);
        if !is_used && is_carried_out {
            self.cluster.world.remove(address);
        }
        !is_used
    }

    /// What is on for ever is not taken back: admission refuses it.
    fn soft_delete(&mut self, asked: SoftDelete) {
        if matches!(self.soft_delete, SoftDelete::AlwaysOn(_)) {
            return;
        }
        self.soft_delete = asked;
        let written = match asked {
            SoftDelete::Disabled => json!({"state": "Disabled"}),
            SoftDelete::Enabled(days) => json!({"state": "Enabled", "retentionDays": days}),
            SoftDelete::AlwaysOn(days) => json!({"state": "AlwaysOn", "retentionDays": days}),
        };
        self.change("backupvaults vaults/main", |spec| spec["softDelete"] = written);
    }

    fn undelete(&self, name: &str, database: &str) {
        let records: Vec<Value> = self.cluster.world.objects("deletedbackupinstances");
        let asked = |record: &&Value| {
            let owner = &record["status"]["owner"];
            owner["name"] == name && owner["datasourceId"] == format!("7/{database}")
        };
        for record in records.iter().filter(asked) {
            let address = format!("deletedbackupinstances vaults/{}", text(&record["metadata"]["name"]));
            self.change(&address, |spec| spec["undelete"] = json!(true));
        }
    }

    /// The record that an instance waits for, as the vault's ledger has it.
    fn awaited(&self, name: &str) -> Option<String> {
        let address = format!("backupinstances shop/{name}");
        if !self.cluster.world.has(&address) {
            return None;
        }
        let held: Value = self.cluster.world.object(&address);
        let own = |owner: &Owner| matches!(owner, Owner::Instance { instance_uid, .. } if held["metadata"]["uid"] == **instance_uid);
        let owners = self.cluster.site.keeper.vault().owners(0);
        owners.into_iter().filter(|view| own(&view.owner)).find_map(|view| match view.life {
            Life::ResumeRequired { record } => Some(record),
            _ => None,
        })
    }

    fn annotate(&self, name: &str, record: &str) {
        let address = format!("backupinstances shop/{name}");
        if self.cluster.world.has(&address) {
            let mut object: Value = self.cluster.world.object(&address);
            object["metadata"]["annotations"]["coffer.dev/resume"] = json!(record);
            self.cluster.world.hold("backupinstances", &object);
        }
    }

    fn change_instance(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let address = format!("backupinstances shop/{name}");
        if self.cluster.world.has(&address) {
            self.change(&address, change);
        }
    }

    /// Edits a spec, as the API server lets people do it.
    fn change(&self, address: &str, change: impl FnOnce(&mut Value)) {
        let mut object: Value = self.cluster.world.object(address);
        change(&mut object["spec"]);
        let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
        object["metadata"]["generation"] = json!(generation + 1);
        self.cluster.world.hold(address.split(' ').next().unwrap(), &object);
    }

    /// What people see.
    pub fn picture(&self) -> Picture {
        let list = |resource: &str| self.cluster.world.objects::<Value>(resource);
        let named = |object: &Value| text(&object["metadata"]["name"]);
        let jobs = list("backupjobs").into_iter().filter(|job| job["spec"]["slot"].is_null());
        let shown = list("recoverypoints");
        let shown_in = |namespace: &str| {
            shown.iter().filter(|point| point["metadata"]["namespace"] == namespace).count()
        };
        Picture {
            instances: list("backupinstances")
                .iter()
                .map(|held| (named(held), instance_line(held)))
                .collect(),
            points: self.points(),
            deleted: list("deletedbackupinstances").iter().map(deleted_line).collect(),
            jobs: jobs.map(|job| (named(&job), text(&job["status"]["state"]))).collect(),
            policies: list("backuppolicies").iter().map(|held| (named(held), users(held))).collect(),
            vault: users(&self.cluster.world.object("backupvaults vaults/main")),
            shown: (shown_in("shop"), shown_in("vaults")),
        }
    }

    fn points(&self) -> Vec<PointLine> {
        let mut points = self.cluster.site.keeper.vault().points(0);
        points.retain(|point| point.state != PointState::Expired);
        points.sort_by_key(|point| point.point_time);
        let line = |point: contract::PointView| {
            let Owner::Instance { instance, datasource_id, .. } = point.owner else {
                panic!("not an instance's")
            };
            let moment = match point.decision.trigger {
                Trigger::Slot { slot, .. } => slot,
                Trigger::OnDemand { requested } => requested,
                Trigger::Cli => panic!("nobody made it"),
            };
            PointLine {
                owner: (instance, datasource_id.trim_start_matches("7/").to_owned()),
                tag: point.decision.tag,
                moment: snapped(moment),
                end: point.expiration_time.map(snapped),
            }
        };
        points.into_iter().map(line).collect()
    }
}

/// Why an object is ready, or not.
fn ready(object: &Value) -> String {
    condition(object, "Ready").map(|held| text(&held["reason"])).unwrap_or_default()
}

/// What status counts.
fn users(object: &Value) -> (usize, usize) {
    (count(&object["status"]["instances"]), count(&object["status"]["deletedInstances"]))
}

fn instance_line(object: &Value) -> InstanceLine {
    let status = &object["status"];
    let is_true = |type_: &str| condition(object, type_).is_some_and(|held| held["status"] == "True");
    InstanceLine {
        state: text(&status["state"]),
        ready: ready(object),
        is_policy_missing: is_true("PolicyMissing"),
        waits: is_true("ResumeRequired"),
        resumes: time(&status["retentionResumeTime"]),
        points: count(&status["recoveryPoints"]),
    }
}

fn deleted_line(object: &Value) -> ((String, String), DeletedLine) {
    let status = &object["status"];
    let database = text(&status["owner"]["datasourceId"]).trim_start_matches("7/").to_owned();
    let line = DeletedLine {
        state: text(&status["state"]),
        ready: ready(object),
        points: count(&status["recoveryPoints"]),
        purge: time(&status["scheduledPurgeTime"]),
    };
    ((text(&status["owner"]["name"]), database), line)
}

fn policy_spec(shape: &Shape) -> Value {
    let keep = |Keep(count, unit): Keep| format!("P{count}{unit}");
    let days: Vec<String> = shape.days.iter().map(|day| day.to_sunday_zero_offset().to_string()).collect();
    let hour = if shape.is_sound { 20 } else { 61 };
    let mut retention = vec![json!({"name": "Default", "default": true, "keep": keep(shape.default)})];
    let first = |(name, period, priority, kept): (&str, &str, i32, Keep)| json!({"name": name, "priority": priority, "criteria": [{"first": period}], "keep": keep(kept)});
    retention.extend(shape.monthly.map(|kept| first(("Monthly", "Month", 10, kept))));
    retention.extend(shape.weekly.map(|kept| first(("Weekly", "Week", 20, kept))));
    json!({"rules": [{"name": "Rule", "schedule": {"cron": format!("0 {hour} * * {}", days.join(","))},
                      "startWindowMinutes": shape.window_minutes}],
           "retention": retention, "keepAtLeast": shape.floor})
}

/// The day after.
pub fn tomorrow(today: Date) -> Date {
    today.checked_add(1.day()).unwrap()
}
