//! Which ended jobs of an instance are removed. Pure. Only what the operator made is ever removed; what a person or Git
//! made is theirs.

use crds::BackupJob;
use crds::policy::JobHistory;
use jiff::Timestamp;

/// The jobs beyond the policy's history, oldest first: of those that ended well and of the others apart.
pub fn surplus<'a>(jobs: impl IntoIterator<Item = &'a BackupJob>, keep: &JobHistory) -> Vec<&'a BackupJob> {
    let (mut good, mut bad): (Vec<&BackupJob>, Vec<&BackupJob>) = jobs
        .into_iter()
        .filter(|job| job.is_scheduled() && job.is_terminal() && job.metadata.deletion_timestamp.is_none())
        .partition(|job| job.state().is_success());
    let mut surplus = beyond(&mut good, keep.completed);
    surplus.extend(beyond(&mut bad, keep.failed));
    surplus.sort_by_key(|job| slot(job));
    surplus
}

fn beyond<'a>(jobs: &mut Vec<&'a BackupJob>, keep: i32) -> Vec<&'a BackupJob> {
    jobs.sort_by_key(|job| std::cmp::Reverse(slot(job)));
    jobs.iter().skip(usize::try_from(keep).unwrap_or(0)).copied().collect()
}

fn slot(job: &BackupJob) -> Option<Timestamp> {
    job.spec.slot.as_ref().map(|slot| slot.time.0)
}

#[cfg(test)]
mod tests {
    use kube::ResourceExt as _;
    use serde_json::json;

    use super::*;

    fn job(day: u8, scheduled: bool, state: &str) -> BackupJob {
        let mut spec = json!({"instanceRef": {"name": "orders"}});
        if scheduled {
            spec["slot"] = json!({"rule": "Nightly", "time": format!("2026-11-{day:02}T20:00:00Z")});
        } else {
            spec["retentionTag"] = json!("Default");
        }
        serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob",
            "metadata": {"name": format!("job-{day}"), "namespace": "shop"}, "spec": spec, "status": {"state": state},
        }))
        .unwrap()
    }

    #[test]
    fn the_newest_stay_and_good_and_bad_are_counted_apart() {
        let jobs = [
            job(1, true, "Failed"),
            job(2, true, "Completed"),
            job(3, true, "Completed"),
            job(4, true, "CompletedWithWarnings"),
            job(5, true, "Running"),
            job(6, false, "Completed"),
        ];
        let keep = JobHistory { completed: 2, failed: 1 };
        let names: Vec<String> = surplus(&jobs, &keep).iter().map(|job| job.name_any()).collect();
        assert_eq!(names, ["job-2"], "what a person made and what still runs stays");
        let none = JobHistory { completed: 0, failed: 0 };
        assert_eq!(surplus(&jobs, &none).len(), 4);
    }
}
