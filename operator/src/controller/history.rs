//! What an instance's points tell of its slots: when a backup succeeded before, and which slots are used. It is read from
//! the vault's catalogue, since objects of jobs come and go. Pure.

use contract::{Owner, PointView, RunId, Trigger};
use jiff::Timestamp;

use crate::keeper_client::Catalogue;

/// The points that an instance has made, as far as the catalogue knows them. One that has expired or was found damaged
/// since was successful all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The slot of each point; of one on demand, when its job was taken up. In no order.
    pub successful: Vec<Timestamp>,
    /// The slots that points were made for, in no order.
    pub slots: Vec<Timestamp>,
}

impl History {
    /// The history of an instance, by its UID. The point of `without`, if there is one, is left out: no backup comes after
    /// itself.
    pub fn of(catalogue: &Catalogue, instance_uid: &str, without: Option<&RunId>) -> Self {
        let is_its_own = |point: &&PointView| matches!(&point.owner, Owner::Instance { instance_uid: uid, .. } if uid == instance_uid);
        let mut history = Self::default();
        for point in catalogue.points.values().filter(is_its_own) {
            if Some(&point.run) == without {
                continue;
            }
            match &point.decision.trigger {
                Trigger::Slot { slot, .. } => {
                    history.successful.push(*slot);
                    history.slots.push(*slot);
                }
                Trigger::OnDemand { requested } => history.successful.push(*requested),
                Trigger::Cli => history.successful.push(point.point_time),
            }
        }
        history
    }

    /// The newest slot that a point was made for, of those that have come. A clock that ran ahead leaves others.
    pub fn newest_slot(&self, now: Timestamp) -> Option<Timestamp> {
        self.slots.iter().copied().filter(|slot| *slot <= now).max()
    }
}

#[cfg(test)]
mod tests {
    use contract::{Decision, PointId, PointState, SourceServer, WriterId};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn point(number: u8, instance: &str, state: PointState, trigger: Trigger) -> PointView {
        PointView {
            id: PointId(format!("{number:032x}")),
            run: RunId(format!("run-{number}")),
            writer: WriterId("cd".repeat(16)),
            sequence: u64::from(number),
            owner: Owner::Instance {
                cluster_id: "c".into(),
                namespace: "shop".into(),
                namespace_uid: "n".into(),
                instance: "orders".into(),
                instance_uid: instance.into(),
                datasource_id: "7/orders".into(),
            },
            decision: Decision {
                tag: "Default".into(),
                keep: Some("P30D".into()),
                time_zone: "UTC".into(),
                reason: "No other retention rule applies.".into(),
                keep_at_least: 1,
                policy: None,
                trigger,
            },
            point_time: at("2026-11-20T20:00:30Z"),
            commit_time: at("2026-11-20T20:04:00Z"),
            expiration_time: None,
            overridden: None,
            removal: None,
            state,
            verified: contract::Verified::default(),
            source: SourceServer {
                server_version: "17.2".into(),
                system_identifier: None,
                size_bytes: 1,
                standby: false,
                role: None,
                program: None,
            },
            data_stores: Vec::new(),
            stored_bytes: 1,
            objects: 1,
            coverage: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn row_a35_every_accepted_point_counts_and_nothing_else() {
        let slot = |text: &str| Trigger::Slot { rule: "Daily".into(), slot: at(text) };
        let requested = at("2026-11-03T12:00:00Z");
        let points = [
            point(1, "i", PointState::Available, slot("2026-11-01T20:00:00Z")),
            point(2, "i", PointState::Damaged, slot("2026-11-02T20:00:00Z")),
            point(3, "i", PointState::Expired, slot("2026-10-01T20:00:00Z")),
            point(4, "i", PointState::Available, Trigger::OnDemand { requested }),
            point(5, "other", PointState::Available, slot("2026-11-05T20:00:00Z")),
            point(6, "i", PointState::Available, slot("2026-11-06T20:00:00Z")),
        ];
        let mut catalogue = Catalogue::default();
        catalogue.points.extend(points.into_iter().map(|point| (point.id.clone(), point)));
        let mut history = History::of(&catalogue, "i", Some(&RunId("run-6".into())));
        history.successful.sort_unstable();
        let expected =
            ["2026-10-01T20:00:00Z", "2026-11-01T20:00:00Z", "2026-11-02T20:00:00Z", "2026-11-03T12:00:00Z"];
        assert_eq!(history.successful, expected.map(at));
        let later = at("2026-12-01T00:00:00Z");
        assert_eq!(history.newest_slot(later), Some(at("2026-11-02T20:00:00Z")));
        let all = History::of(&catalogue, "i", None);
        assert_eq!(all.newest_slot(later), Some(at("2026-11-06T20:00:00Z")));
        let before = at("2026-11-06T19:59:59Z");
        assert_eq!(all.newest_slot(before), Some(at("2026-11-02T20:00:00Z")), "the other has not come");
    }
}
