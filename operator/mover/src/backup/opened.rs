//! A database of a run from its snapshot to the last look at it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::{
    BackupError,
    commit::{Rows, Stored},
    facts::sequences::Sequence,
    lane::ReadDatabase,
    lock::Snapshot,
    one::{Looked, One, Planned, Preflight},
    reading::SharedLeader,
    schema::StoredSchema,
};

/// A database whose locks are held and whose rows are read.
pub struct Opened<'a> {
    pub one: One<'a>,
    pub preflight: Preflight,
    pub leader: SharedLeader,
    pub snapshot: Snapshot,
    point_time: Timestamp,
    sequences: Vec<Sequence>,
    schema: StoredSchema,
    pub planned: Planned,
}

impl<'a> Opened<'a> {
    /// Asks what is to be read.
    pub async fn plan(one: One<'a>, preflight: Preflight, looked: Looked) -> Result<Self, BackupError> {
        let Looked { leader, sequences, schema } = looked;
        let (snapshot, point_time) = (leader.snapshot, leader.point_time);
        let leader: SharedLeader = Arc::new(Mutex::new(leader.session));
        let planned = one.plan(&preflight, &leader).await?;
        Ok(Self { one, preflight, leader, snapshot, point_time, sequences, schema, planned })
    }

    /// Looks a last time, and lets the locks go.
    pub async fn finish(self, read: ReadDatabase) -> Result<Stored, BackupError> {
        let Self { one, preflight, leader, mut sequences, schema, planned, point_time, .. } = self;
        let Planned { large_objects, database, spellings, .. } = planned;
        let backwards = one.look_again(&preflight, &leader, &mut sequences, &spellings).await?;
        let (pages, totals) = read.lists.finish().await?;
        drop(read.leader);
        if let Some(leader) = Arc::into_inner(leader) {
            leader.into_inner().close().await;
        }
        let Preflight { server, mut coverage, mut warnings, .. } = preflight;
        coverage.extend(large_objects.missing());
        warnings.extend(backwards.into_iter().map(went_backwards));
        let rows = Rows { pages, totals, large_objects: large_objects.count, database, sequences };
        Ok(Stored { server, schema, rows, point_time, coverage, warnings })
    }
}

fn went_backwards(sequence: String) -> String {
    format!("sequence {sequence} was set back during the backup; the value further on is stored")
}
