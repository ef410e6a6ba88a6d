//! Whether what a policy keeps is what a vault takes. Pure.

use crds::BackupVault;
use jiff::Timestamp;
use kube::ResourceExt as _;
use policy::{Keep, KeepRange, Zone};

/// The vault's range; `None` when its ends are no range, which admission refuses.
pub fn range(vault: &BackupVault) -> Option<KeepRange> {
    let range = &vault.spec.retention;
    KeepRange::new(Keep::parse(&range.minimum).ok()?, Keep::parse(&range.maximum).ok()?).ok()
}

/// Why the vault would not take a point of this time that is kept so long, as a sentence; `None`: it takes it.
pub fn refusal(
    vault: &BackupVault,
    tag: &str,
    keep: Keep,
    point_time: Timestamp,
    zone: &Zone,
) -> Option<String> {
    let error = range(vault)?.check(keep, point_time, zone).err()?;
    let name = vault.name_any();
    Some(format!("Retention rule {tag}: {error}, or have `retention` of BackupVault {name} changed."))
}
