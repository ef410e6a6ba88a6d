//! What a keeper that starts is told of its ledger: an entry that must be there, or storage was rolled back. Pure.
//!
//! The newest entry that was seen is in the vault's status. The keeper's ConfigMap follows it by leaps: an entry or two
//! per backup is no reason to write. A keeper that starts on a storage from before the last leap is found out all the same,
//! since the operator compares it with the status; it is then started anew with the newest entry, and no longer takes what
//! it has found for the whole.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use contract::{Head, KeeperConfig, KeyState};
use crds::BackupVault;
use k8s_openapi::api::apps::v1::Deployment;

use super::findings::is_rolled_back;
use super::observe::Seen;
use super::workload;

/// So many entries the ConfigMap stays behind the status at most: those of some twenty backups.
const LEAP: u64 = 64;

/// The newest entry of the ledger that was ever seen.
pub fn newest(vault: &BackupVault, seen: &Seen) -> Option<Head> {
    let told = vault.status.as_ref().and_then(|status| status.ledger.as_ref()).map(|head| Head {
        sequence: u64::try_from(head.sequence).unwrap_or_default(),
        hash: head.hash.clone(),
    });
    // A status that somebody emptied does not make the loss of a ledger a beginning.
    told.or_else(|| written(seen))
}

/// The entry that the ConfigMap is to name while nothing else in it changes.
pub fn mounted(vault: &BackupVault, seen: &Seen) -> Option<Head> {
    let newest = newest(vault, seen);
    match (&newest, written(seen)) {
        (Some(newest), Some(written))
            if is_near(newest, &written) && is_behind(vault, seen) != Some(true) =>
        {
            Some(written)
        }
        _ => newest,
    }
}

fn is_near(newest: &Head, written: &Head) -> bool {
    newest.sequence.checked_sub(written.sequence).is_some_and(|entries| entries < LEAP)
}

/// The entry that the ConfigMap names.
fn written(seen: &Seen) -> Option<Head> {
    let data = seen.config_map.as_ref()?.data.as_ref()?;
    let text = data.get(contract::files::KEEPER_CONFIG_KEY)?;
    serde_json::from_str::<KeeperConfig>(text).ok()?.known_head
}

/// Whether storage is behind what was seen; `None` while the keeper has not said what it holds.
fn is_behind(vault: &BackupVault, seen: &Seen) -> Option<bool> {
    let Some(Ok(view)) = &seen.keeper else { return None };
    if is_rolled_back(vault, view) {
        return Some(true);
    }
    (view.key == KeyState::Open && view.head.is_some()).then_some(false)
}

/// Tells one configuration from the next, so that the keeper starts anew with it. The head counts only while storage is
/// behind it.
pub fn config_hash(vault: &BackupVault, seen: &Seen, config: &KeeperConfig) -> String {
    let [without, with] =
        [None, newest(vault, seen)].map(|known_head| hash(&KeeperConfig { known_head, ..config.clone() }));
    let deployed = seen.deployment.as_ref().and_then(deployed_hash);
    match is_behind(vault, seen) {
        Some(true) => with,
        // It is being started, maybe for this: what it will say decides.
        None if deployed == Some(&with) => with,
        Some(false) | None => without,
    }
}

fn deployed_hash(deployment: &Deployment) -> Option<&String> {
    deployment.spec.template.metadata.as_ref()?.annotations.as_ref()?.get(workload::CONFIG_HASH)
}

fn hash(config: &KeeperConfig) -> String {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(config).unwrap_or_default().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use contract::VaultView;
    use crds::BackupVaultStatus;
    use crds::vault::LedgerHead;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::super::config::keeper_config;
    use super::super::tests::{vault as new_vault, view};
    use super::*;

    fn head(sequence: u64) -> Head {
        Head { sequence, hash: format!("h{sequence}") }
    }

    /// A vault of which this entry was seen.
    fn vault(sequence: i64) -> BackupVault {
        let ledger = LedgerHead { sequence, hash: format!("h{sequence}") };
        let status = BackupVaultStatus { ledger: Some(ledger), ..BackupVaultStatus::default() };
        BackupVault { status: Some(status), ..new_vault() }
    }

    /// A keeper whose ConfigMap names one entry, and whose storage ends at another.
    fn seen(written: u64, shown: u64) -> Seen {
        let config = keeper_config(&new_vault(), Some(head(written))).unwrap();
        let text = serde_json::to_string(&config).unwrap();
        let map = json!({"metadata": {}, "data": {contract::files::KEEPER_CONFIG_KEY: text}});
        let view = VaultView { head: Some(head(shown)), ..view(KeyState::Open) };
        Seen {
            config_map: Some(serde_json::from_value::<ConfigMap>(map).unwrap()),
            keeper: Some(Ok(view)),
            ..Seen::default()
        }
    }

    fn hash_of(vault: &BackupVault, seen: &Seen) -> String {
        config_hash(vault, seen, &keeper_config(&new_vault(), None).unwrap())
    }

    fn deployed(hash: &str) -> Option<Deployment> {
        let annotations = json!({workload::CONFIG_HASH: hash});
        let template = json!({"metadata": {"annotations": annotations}});
        serde_json::from_value(json!({"metadata": {}, "spec": {"selector": {}, "template": template}}))
            .unwrap()
    }

    #[test]
    fn the_config_map_follows_the_head_by_leaps() {
        for (newest, named) in [(7, 7), (8, 7), (70, 7), (71, 71), (500, 500)] {
            assert_eq!(mounted(&vault(newest), &seen(7, 500)), Some(head(named)), "{newest}");
        }
        let mut first = seen(7, 8);
        first.config_map = None;
        assert_eq!(mounted(&vault(8), &first), Some(head(8)), "the first entry is named at once");
        assert_eq!(mounted(&new_vault(), &seen(7, 8)), Some(head(7)), "a lost status makes no beginning");
    }

    #[test]
    fn a_storage_behind_the_status_starts_its_keeper_anew_with_the_newest_entry() {
        let vault = vault(9);
        let behind = seen(7, 8);
        assert_eq!(mounted(&vault, &behind), Some(head(9)), "the one that the keeper does not find");
        let (usual, told) = (hash_of(&vault, &seen(7, 9)), hash_of(&vault, &behind));
        assert_ne!(usual, told);
        let mut forked = seen(7, 9);
        if let Some(Ok(view)) = &mut forked.keeper {
            view.head = Some(Head { sequence: 9, hash: "another".into() });
        }
        assert_eq!(hash_of(&vault, &forked), told, "another entry of the same number is another history");
        let mut starting = seen(9, 8);
        starting.keeper = None;
        starting.deployment = deployed(&told);
        assert_eq!(hash_of(&vault, &starting), told, "it is not started again and again");
        starting.deployment = deployed(&usual);
        assert_eq!(hash_of(&vault, &starting), usual);
        assert_eq!(hash_of(&vault, &seen(9, 12)), usual, "the newer state was brought back");
    }
}
