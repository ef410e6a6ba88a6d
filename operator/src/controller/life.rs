//! What the ledger says of an instance beyond its object, as decisions about living ones need it. Pure.

use contract::{Life, Owner, OwnerView, PointState};
use crds::BackupInstance;
use crds::instance::{InstanceState, Protection};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use crate::keeper_client::Catalogue;

/// After protection was stopped, points begin to expire again only when somebody had this long to notice.
pub const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// What the ledger says of the instance of this UID: one view for each datasource that it has had.
pub fn views<'a>(
    catalogue: &'a Catalogue,
    instance_uid: &'a str,
) -> impl Iterator<Item = &'a OwnerView> + 'a {
    catalogue.owners.values().filter(move |view| uid(&view.owner) == Some(instance_uid))
}

/// UID of the instance that an owner is; a command line is none.
pub fn uid(owner: &Owner) -> Option<&str> {
    match owner {
        Owner::Instance { instance_uid, .. } => Some(instance_uid),
        Owner::Cli { .. } => None,
    }
}

/// Name of the record that must be named before an instance that was brought back is protected again.
pub fn resume_required<'a>(catalogue: &'a Catalogue, instance_uid: &'a str) -> Option<&'a str> {
    views(catalogue, instance_uid).find_map(|view| match &view.life {
        Life::ResumeRequired { record } => Some(record.as_str()),
        Life::Active | Life::Deleted { .. } | Life::Released => None,
    })
}

/// Whether the ledger says that another instance than the one of this UID holds a datasource: it is protected, waits to be
/// resumed, or was deleted and has points left.
pub fn is_held_by_another(catalogue: &Catalogue, instance_uid: &str, datasource: &str) -> bool {
    let is_of = |owner: &Owner| matches!(owner, Owner::Instance { instance_uid: uid, datasource_id, .. } if uid != instance_uid && datasource_id == datasource);
    let has_points = |owner: &Owner| {
        catalogue.points.values().any(|point| point.owner == *owner && point.state != PointState::Expired)
    };
    // A claim is exclusive: what was deleted beside it only has points that strayed to its server.
    let is_its_own = views(catalogue, instance_uid).any(|view| {
        let is_claimed = matches!(view.life, Life::Active | Life::ResumeRequired { .. });
        is_claimed
            && matches!(&view.owner, Owner::Instance { datasource_id, .. } if datasource_id == datasource)
    });
    !is_its_own
        && catalogue.owners.values().filter(|view| is_of(&view.owner)).any(|view| match view.life {
            Life::Active | Life::ResumeRequired { .. } => true,
            // One that was never claimed holds nothing.
            Life::Deleted { .. } => !view.spec.is_empty() && has_points(&view.owner),
            Life::Released => false,
        })
}

/// Whether the ledger has this owner as deleted.
pub fn is_deleted(catalogue: &Catalogue, owner: &Owner) -> bool {
    catalogue.owners.get(owner).is_some_and(|view| matches!(view.life, Life::Deleted { .. }))
}

/// The protection that holds: whatever its spec says, an instance that waits to be resumed is stopped.
pub fn protection(instance: &BackupInstance, record: Option<&str>) -> Protection {
    if record.is_some() { Protection::Stopped } else { instance.spec.protection }
}

/// Whether nothing of the instance may expire now: protection is stopped, or was until a moment ago. Until the status says
/// that it goes on, and from when, it is stopped still.
pub fn retention_rests(instance: &BackupInstance, catalogue: &Catalogue, now: Timestamp) -> bool {
    let uid = instance.uid().unwrap_or_default();
    let stopped = protection(instance, resume_required(catalogue, &uid)) == Protection::Stopped;
    let Some(status) = &instance.status else { return stopped };
    let was_stopped = status.state == Some(InstanceState::ProtectionStopped);
    stopped || was_stopped || status.retention_resume_time.as_ref().is_some_and(|time| now < time.0)
}

#[cfg(test)]
mod tests {
    use contract::Remains;
    use serde_json::json;

    use super::*;
    use crate::controller::deleted_instance;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn instance(protection: &str, status: serde_json::Value) -> BackupInstance {
        serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
            "metadata": {"name": "orders", "namespace": "shop", "uid": "i1"},
            "spec": {"vaultRef": {"name": "main"}, "policyRef": {"name": "daily"}, "protection": protection,
                     "postgresql": {"host": "db", "database": "app", "credentialsSecretRef": {"name": "db"}}},
            "status": status,
        }))
        .unwrap()
    }

    fn catalogue(life: Life) -> Catalogue {
        let owner = Owner::Instance {
            cluster_id: "c".into(),
            namespace: "shop".into(),
            namespace_uid: "n".into(),
            instance: "orders".into(),
            instance_uid: "i1".into(),
            datasource_id: "7/orders".into(),
        };
        let view =
            OwnerView { sequence: 1, owner: owner.clone(), spec: String::new(), life, adopted_by: None };
        let mut catalogue = Catalogue::default();
        catalogue.owners.insert(owner, view);
        catalogue
    }

    #[test]
    fn an_instance_that_was_brought_back_is_stopped_whatever_its_spec_says() {
        let back = catalogue(Life::ResumeRequired { record: "shop-orders-1".into() });
        let record = resume_required(&back, "i1");
        assert_eq!(record, Some("shop-orders-1"));
        assert_eq!(protection(&instance("Enabled", json!({})), record), Protection::Stopped);
        assert_eq!(resume_required(&back, "another"), None);
        let gone =
            Life::Deleted { time: at("2026-11-20T10:00:00Z"), points: Remains::Kept, reason: "".into() };
        for life in [Life::Active, Life::Released, gone] {
            assert_eq!(resume_required(&catalogue(life), "i1"), None);
        }
    }

    #[test]
    fn row_a08_a_datasource_is_anothers_while_that_one_lives_or_has_points() {
        let held =
            |life: Life, uid: &str, datasource: &str| is_held_by_another(&catalogue(life), uid, datasource);
        let waits = || Life::ResumeRequired { record: "r".into() };
        let gone =
            Life::Deleted { time: at("2026-11-20T10:00:00Z"), points: Remains::Kept, reason: "".into() };
        assert!(held(Life::Active, "i2", "7/orders") && held(waits(), "i2", "7/orders"));
        assert!(!held(Life::Active, "i1", "7/orders"), "it is its own");
        assert!(!held(Life::Active, "i2", "7/stock"), "it is another one");
        assert!(
            !held(Life::Released, "i2", "7/orders") && !held(gone.clone(), "i2", "7/orders"),
            "nothing is left"
        );

        // Its points hold the database for one that was protected as it, and not against whoever has claimed it since.
        let has_points = |spec: &str| {
            let mut catalogue = catalogue(gone.clone());
            let of = |uid: &str| {
                let mut view = catalogue.owners.values().next().cloned().expect("an owner");
                if let Owner::Instance { instance_uid, .. } = &mut view.owner {
                    uid.clone_into(instance_uid);
                }
                view
            };
            let (mut left, claimed) = (of("i1"), OwnerView { life: Life::Active, ..of("i2") });
            spec.clone_into(&mut left.spec);
            let point = deleted_instance::tests::point(1, left.owner.clone(), PointState::Available);
            catalogue.points.insert(point.id.clone(), point);
            catalogue.owners.extend([left, claimed].map(|view| (view.owner.clone(), view)));
            catalogue
        };
        assert!(is_held_by_another(&has_points("{}"), "i3", "7/orders"));
        let mut stray = has_points("");
        stray.owners.retain(|owner, _| uid(owner) == Some("i1"));
        assert!(!is_held_by_another(&stray, "i3", "7/orders"), "it was never protected as that");
        assert!(!is_held_by_another(&has_points("{}"), "i2", "7/orders"), "it has the claim");
    }

    #[test]
    fn row_a16_nothing_expires_from_the_stop_until_a_day_after_the_resume() {
        let now = at("2026-11-20T10:00:00Z");
        let active = catalogue(Life::Active);
        let resumed = json!({"state": "ProtectionConfigured", "retentionResumeTime": "2026-11-20T10:00:01Z"});
        let cases = [
            ("Stopped", json!({}), true),
            ("Enabled", json!({"state": "ProtectionStopped"}), true),
            ("Suspended", json!({"state": "ProtectionStopped"}), true),
            ("Enabled", resumed.clone(), true),
            ("Suspended", json!({"state": "BackupsSuspended"}), false),
            ("Enabled", json!({"state": "ProtectionConfigured"}), false),
        ];
        for (protection, status, rests) in cases {
            assert_eq!(
                retention_rests(&instance(protection, status.clone()), &active, now),
                rests,
                "{status}"
            );
        }
        let over = at("2026-11-20T10:00:01Z");
        assert!(!retention_rests(&instance("Enabled", resumed), &active, over));
        let back = catalogue(Life::ResumeRequired { record: "r".into() });
        assert!(retention_rests(&instance("Enabled", json!({"state": "ProtectionConfigured"})), &back, now));
    }
}
