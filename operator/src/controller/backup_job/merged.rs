//! The slots that one job stands for: its own, and those that were due at the same time or came due while it waited. They
//! are kept in an annotation, so that a restart of the operator loses none. Pure.

use crds::backup_job::Slot;
use crds::{BackupJob, annotations};
use kube::ResourceExt as _;

/// A policy has at most ten rules, and of each only the newest slot counts.
const MOST: usize = 10;

/// Every slot of a job, its own first. None for a job on demand.
pub fn slots(job: &BackupJob) -> Vec<Slot> {
    let Some(own) = &job.spec.slot else { return Vec::new() };
    let others = job.annotations().get(annotations::MERGED_SLOTS);
    // The operator alone writes the annotation; what it cannot read was put there by somebody else.
    let others: Vec<Slot> = others.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let others = others.into_iter().filter(|other| other != own).take(MOST);
    [own.clone()].into_iter().chain(others).collect()
}

/// The annotation of a job that stands for these slots besides its own: of each rule the newest. `None`: for none.
pub fn annotation(others: &[Slot]) -> Option<String> {
    let mut newest: Vec<Slot> = Vec::new();
    for slot in others {
        match newest.iter_mut().find(|held| held.rule == slot.rule) {
            Some(held) if held.time.0 < slot.time.0 => *held = slot.clone(),
            Some(_) => {}
            None => newest.push(slot.clone()),
        }
    }
    newest.truncate(MOST);
    (!newest.is_empty()).then(|| serde_json::to_string(&newest).expect("names and times are JSON"))
}

/// The rules of these slots but `winner`, each once, in their order.
pub fn other_rules(slots: &[Slot], winner: &str) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    for slot in slots.iter().filter(|slot| slot.rule != winner) {
        if !rules.contains(&slot.rule) {
            rules.push(slot.rule.clone());
        }
    }
    rules.truncate(MOST);
    rules
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn slot(rule: &str, hour: u8) -> Slot {
        serde_json::from_value(json!({"rule": rule, "time": format!("2026-11-20T{hour:02}:00:00Z")})).unwrap()
    }

    fn job(annotation: Option<String>) -> BackupJob {
        let mut job: BackupJob = serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob", "metadata": {"name": "j"},
            "spec": {"instanceRef": {"name": "orders"}, "slot": slot("Daily", 20)},
        }))
        .unwrap();
        job.metadata.annotations =
            annotation.map(|text| BTreeMap::from([(annotations::MERGED_SLOTS.to_owned(), text)]));
        job
    }

    #[test]
    fn row_e10_what_a_job_stands_for_survives_in_its_annotation() {
        let others = [slot("Hourly", 20), slot("Weekly", 20), slot("Hourly", 21)];
        let held = slots(&job(annotation(&others)));
        assert_eq!(held, [slot("Daily", 20), slot("Hourly", 21), slot("Weekly", 20)]);
        assert_eq!(other_rules(&held, "Weekly"), ["Daily", "Hourly"]);
        assert_eq!(annotation(&[]), None);
    }

    #[test]
    fn an_annotation_of_somebody_else_takes_no_slot_away() {
        for text in ["", "[1]", "{\"rule\": \"x\"}"] {
            assert_eq!(slots(&job(Some(text.into()))), [slot("Daily", 20)], "{text}");
        }
        assert_eq!(
            slots(&job(annotation(&[slot("Daily", 20)]))),
            [slot("Daily", 20)],
            "its own is told once"
        );
    }
}
