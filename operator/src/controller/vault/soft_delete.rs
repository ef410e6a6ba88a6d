//! How long a deleted instance can be brought back: what the spec asks for, and what the ledger has promised. Pure.

use contract::{KeyState, Pledges};
use crds::vault::{SOFT_DELETE_DAYS, SoftDelete, SoftDeleteState};
use crds::{BackupVault, BackupVaultStatus};

use super::observe::Seen;

/// What the spec says, or what holds where it says nothing.
fn asked(vault: &BackupVault) -> (SoftDeleteState, i32) {
    match &vault.spec.soft_delete {
        Some(soft_delete) => (soft_delete.state, soft_delete.retention_days.unwrap_or(SOFT_DELETE_DAYS)),
        None => (SoftDeleteState::Enabled, SOFT_DELETE_DAYS),
    }
}

/// Days for which an instance that is deleted now can be brought back; `None`: not at all. What was pledged holds, whatever
/// the spec says.
pub fn days(vault: &BackupVault, pledges: Pledges) -> Option<i32> {
    let asked = match asked(vault) {
        (SoftDeleteState::Disabled, _) => None,
        (SoftDeleteState::Enabled | SoftDeleteState::AlwaysOn, days) => Some(days),
    };
    asked.max(pledges.soft_delete_days.map(i32::from))
}

/// What is to be pledged: only what the spec says is for ever, and only where it is more than the ledger has.
pub fn pledge(vault: &BackupVault, seen: &Seen) -> Option<Pledges> {
    let Some(Ok(view)) = &seen.keeper else { return None };
    let (SoftDeleteState::AlwaysOn, days) = asked(vault) else { return None };
    let days = u16::try_from(days).ok().filter(|_| view.key == KeyState::Open)?;
    (Some(days) > view.pledges.soft_delete_days).then_some(Pledges { soft_delete_days: Some(days) })
}

/// What the spec must say, where it says less than the ledger has promised.
pub fn weaker(vault: &BackupVault, pledges: Pledges) -> Option<String> {
    let pledged = i32::from(pledges.soft_delete_days?);
    let (state, days) = asked(vault);
    (state != SoftDeleteState::AlwaysOn || days < pledged).then(|| {
        format!(
            "The ledger has promised that deleted instances can be brought back for {pledged} days, always. The promise is kept; \
             write `softDelete: {{state: AlwaysOn, retentionDays: {pledged}}}` into the spec."
        )
    })
}

/// What status shows: the stronger of spec and ledger. While the keeper is not heard what was shown stays the least.
pub fn in_force(vault: &BackupVault, pledges: Option<Pledges>, before: &BackupVaultStatus) -> SoftDelete {
    let (state, days) = asked(vault);
    let shown = before.soft_delete.as_ref().filter(|shown| shown.state == SoftDeleteState::AlwaysOn);
    let pledged = match pledges {
        Some(pledges) => pledges.soft_delete_days.map(i32::from),
        None => shown.and_then(|shown| shown.retention_days),
    };
    match pledged {
        Some(pledged) => {
            SoftDelete { state: SoftDeleteState::AlwaysOn, retention_days: Some(days.max(pledged)) }
        }
        // Not promised before the ledger has it.
        None if state == SoftDeleteState::AlwaysOn => {
            SoftDelete { state: SoftDeleteState::Enabled, retention_days: Some(days) }
        }
        None => {
            let retention_days = (state != SoftDeleteState::Disabled).then_some(days);
            SoftDelete { state, retention_days }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn vault(soft_delete: Value) -> BackupVault {
        serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupVault", "metadata": {"name": "main", "namespace": "vaults"},
            "spec": {"storage": {"s3": {"bucket": "backups"}}, "encryption": {"mode": "SystemManaged"},
                     "softDelete": soft_delete},
        }))
        .unwrap()
    }

    fn pledged(days: u16) -> Pledges {
        Pledges { soft_delete_days: Some(days) }
    }

    #[test]
    fn row_a20_days_are_fourteen_unless_said_otherwise_and_never_fewer_than_pledged() {
        let cases = [
            (json!(null), Pledges::default(), Some(14)),
            (json!({"state": "Enabled"}), Pledges::default(), Some(14)),
            (json!({"state": "Enabled", "retentionDays": 30}), Pledges::default(), Some(30)),
            (json!({"state": "Disabled"}), Pledges::default(), None),
            (json!({"state": "Disabled"}), pledged(20), Some(20)),
            (json!({"state": "AlwaysOn", "retentionDays": 20}), pledged(40), Some(40)),
            (json!({"state": "AlwaysOn", "retentionDays": 60}), pledged(40), Some(60)),
        ];
        for (spec, pledges, expected) in cases {
            assert_eq!(days(&vault(spec.clone()), pledges), expected, "{spec}");
        }
    }

    #[test]
    fn a_weaker_spec_is_told_what_was_promised() {
        assert_eq!(weaker(&vault(json!(null)), Pledges::default()), None);
        assert_eq!(weaker(&vault(json!({"state": "AlwaysOn", "retentionDays": 30})), pledged(30)), None);
        for spec in
            [json!(null), json!({"state": "Enabled", "retentionDays": 90}), json!({"state": "AlwaysOn"})]
        {
            let message = weaker(&vault(spec), pledged(30)).expect("an objection");
            assert!(message.contains("{state: AlwaysOn, retentionDays: 30}"), "{message}");
        }
    }

    #[test]
    fn status_shows_a_promise_only_once_the_ledger_has_it_and_from_then_on() {
        let (none, always) = (BackupVaultStatus::default(), vault(json!({"state": "AlwaysOn"})));
        let shown = in_force(&always, Some(Pledges::default()), &none);
        assert_eq!((shown.state, shown.retention_days), (SoftDeleteState::Enabled, Some(14)));
        let promised = in_force(&always, Some(pledged(14)), &none);
        assert_eq!((promised.state, promised.retention_days), (SoftDeleteState::AlwaysOn, Some(14)));
        let before = BackupVaultStatus { soft_delete: Some(promised.clone()), ..none.clone() };
        assert_eq!(in_force(&vault(json!(null)), None, &before), promised, "while the keeper is away");
        assert_eq!(in_force(&vault(json!({"state": "Disabled"})), None, &none).retention_days, None);
    }
}
