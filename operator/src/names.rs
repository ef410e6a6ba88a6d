//! The name of every object that the operator makes, in one place, with the limit that it keeps.
//!
//! Inputs are bounded by the API: vaults and instances have at most 40 characters, jobs at most 63. Uniqueness comes from
//! UIDs, numbers and times, never from cutting.

use contract::PointId;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The operator's root of all keeper and run tokens, in its own namespace.
pub const ROOT_SECRET: &str = "coffer-root";
/// The lease of the leading operator.
pub const LEASE: &str = "coffer-operator";
/// The only container of every pod.
pub const MOVER_CONTAINER: &str = "mover";
/// The keeper's container.
pub const KEEPER_CONTAINER: &str = "keeper";

/// Deployment, Service, ServiceAccount, ConfigMap and NetworkPolicy of a vault's keeper. At most 47 characters.
pub fn keeper(vault: &str) -> String {
    format!("{vault}-keeper")
}

/// ServiceAccount and NetworkPolicy of a vault's movers. At most 46 characters.
pub fn mover(vault: &str) -> String {
    format!("{vault}-mover")
}

/// The Secret with the keeper's private key and certificate number `number`.
pub fn keeper_certificate(vault: &str, number: u32) -> String {
    format!("{vault}-keeper-{number}")
}

/// The Secret with the vault's token. `version` tells one root secret from the next: a Secret is never changed.
pub fn keeper_token(vault: &str, version: &str) -> String {
    format!("{vault}-keeper-token-{version}")
}

/// The Secret with the keys of a SystemManaged vault. Whoever deletes it deletes every backup.
pub fn vault_keys(vault: &str) -> String {
    format!("{vault}-coffer-keys")
}

/// The Job of one attempt of a run, and its Secret. Pods get the name with a suffix of 6.
pub fn attempt(run_uid: &str, attempt: u32) -> String {
    format!("cj-{}-{attempt}", uid8(run_uid))
}

/// The Job of a check of an instance. `inputs` is the hash of what is checked: other inputs are another Job.
pub fn check(instance_uid: &str, inputs: &str) -> String {
    format!("cc-{}-{}", uid8(instance_uid), inputs.get(..8).unwrap_or(inputs))
}

/// The Job that reads a point of an instance back. There is one at a time.
pub fn verification(instance_uid: &str, point: &PointId) -> String {
    format!("cv-{}-{}", uid8(instance_uid), point.0.get(..8).unwrap_or(&point.0))
}

/// The BackupJob in the place of a point that was found damaged: `<instance>-instead-<8 of id>`, at most 57 characters.
pub fn substitute(instance: &str, point: &PointId) -> String {
    format!("{instance}-instead-{}", point.0.get(..8).unwrap_or(&point.0))
}

/// The BackupJob of a slot: `<instance>-<YYYYMMDD>t<HHMM>z`, at most 55 characters.
pub fn slot_job(instance: &str, slot: Timestamp) -> String {
    format!("{instance}-{}", slot.to_zoned(TimeZone::UTC).strftime("%Y%m%dt%H%Mz"))
}

/// The RecoveryPoint of a point: `<instance>-<YYYYMMDD>t<HHMMSS>z-<6 of id>`, at most 64 characters.
pub fn recovery_point(instance: &str, point_time: Timestamp, id: &PointId) -> String {
    let time = point_time.to_zoned(TimeZone::UTC).strftime("%Y%m%dt%H%M%Sz");
    format!("{instance}-{time}-{}", id.0.get(..6).unwrap_or(&id.0))
}

/// The DeletedBackupInstance of an instance that is gone: `<namespace>-<instance>-<uid8>`, cut in front of the UID to at most
/// 63 characters.
pub fn deleted_instance(namespace: &str, instance: &str, instance_uid: &str) -> String {
    let readable: String = format!("{namespace}-{instance}").chars().take(54).collect();
    format!("{}-{}", readable.trim_end_matches('-'), uid8(instance_uid))
}

/// The first eight hex digits of a UID, without its dashes.
fn uid8(uid: &str) -> String {
    uid.chars().filter(char::is_ascii_hexdigit).take(8).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn longest() -> String {
        format!("v{}", "a".repeat(39))
    }

    fn time() -> Timestamp {
        "2026-11-20T20:05:09.25Z".parse().unwrap()
    }

    #[test]
    fn names_read_as_documented() {
        assert_eq!(attempt(UID, 3), "cj-0f8fad5b-3");
        assert_eq!(check(UID, "6c1f00aa99"), "cc-0f8fad5b-6c1f00aa");
        assert_eq!(slot_job("orders", time()), "orders-20261120t2005z");
        let id = PointId("ab34cd9900".into());
        assert_eq!(recovery_point("orders", time(), &id), "orders-20261120t200509z-ab34cd");
        assert_eq!(keeper_certificate("main", 2), "main-keeper-2");
        assert_eq!(vault_keys("main"), "main-coffer-keys");
        assert_eq!(deleted_instance("shop", "orders", UID), "shop-orders-0f8fad5b");
        assert_eq!(deleted_instance(&"n".repeat(53), "-", UID), format!("{}-0f8fad5b", "n".repeat(53)));
    }

    #[test]
    fn the_longest_inputs_make_names_that_fit_labels_and_dns() {
        let id = PointId("f".repeat(32));
        let labels = [
            keeper(&longest()),
            mover(&longest()),
            keeper_certificate(&longest(), u32::MAX),
            keeper_token(&longest(), "12345678"),
            vault_keys(&longest()),
            // Pods of a Job are named after it with six characters more, and carry its name as a label.
            format!("{}-abcde", attempt(UID, u32::MAX)),
            format!("{}-abcde", check(UID, &"f".repeat(64))),
            slot_job(&longest(), time()),
            deleted_instance(&"n".repeat(63), &longest(), UID),
        ];
        for name in labels {
            assert!(name.len() <= 63, "{name} has {}", name.len());
        }
        assert!(recovery_point(&longest(), time(), &id).len() <= 253, "objects take DNS subdomains");
    }

    #[test]
    fn times_before_the_year_1000_and_short_ids_still_make_names() {
        let id = PointId("ab".into());
        let name = recovery_point("a", "0999-01-02T03:04:05Z".parse().unwrap(), &id);
        assert_eq!(name, "a-09990102t030405z-ab");
    }
}
