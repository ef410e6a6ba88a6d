//! What points are said to be that tests write by hand.

use contract::{Decision, Owner, SourceServer, Trigger};
use jiff::Timestamp;
use mover::point::RecordDraft;

/// What a point is said to be that is written by hand: of nothing, unless its data stores are given.
pub fn draft(point_time: Timestamp) -> RecordDraft {
    RecordDraft {
        owner: Owner::Cli { datasource_id: "1/app".into() },
        decision: Decision {
            tag: "manual".into(),
            keep: None,
            time_zone: "UTC".into(),
            reason: "test".into(),
            keep_at_least: 1,
            policy: None,
            trigger: Trigger::Cli,
        },
        source: SourceServer {
            server_version: "15.18".into(),
            system_identifier: None,
            size_bytes: 1,
            standby: false,
        },
        point_time,
        data_stores: Vec::new(),
        coverage: Vec::new(),
        warnings: Vec::new(),
    }
}
