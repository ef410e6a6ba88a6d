//! How far a run is: counted by many tasks, read by a bar on a terminal, sent to the custodian.

use std::{sync::Arc, time::Duration};

use contract::{Progress, RunId, Stage};
use jiff::Timestamp;
use tokio::{sync::watch, time::interval};

use crate::custody::Custody;

/// How often the custodian is told.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Where everything that works on a run says what it has done. Clones count into the same numbers.
#[derive(Clone)]
pub struct ProgressSink {
    sender: Arc<watch::Sender<State>>,
}

/// The newest numbers, for whoever shows them.
#[derive(Clone)]
pub struct ProgressWatch {
    receiver: watch::Receiver<State>,
}

/// What is told never goes backwards, though what was done may have to be done again.
#[derive(Debug, Clone)]
struct State {
    told: Progress,
    bytes_done: u64,
    tables_done: u64,
}

impl ProgressSink {
    /// For one attempt of a run. Nothing is done yet.
    pub fn new(attempt: u32) -> Self {
        let told = Progress {
            attempt,
            stage: Stage::Starting,
            started: None,
            bytes_done: 0,
            bytes_total: 0,
            bytes_stored: 0,
            tables_done: 0,
            tables_total: 0,
        };
        let (sender, _) = watch::channel(State { told, bytes_done: 0, tables_done: 0 });
        Self { sender: Arc::new(sender) }
    }

    pub fn watch(&self) -> ProgressWatch {
        ProgressWatch { receiver: self.sender.subscribe() }
    }

    /// The newest numbers.
    pub fn now(&self) -> Progress {
        self.sender.borrow().told.clone()
    }

    /// Once everything is read there is nothing to estimate any more.
    pub fn stage(&self, stage: Stage) {
        self.change(|state| {
            state.told.stage = stage;
            if matches!(stage, Stage::Committing | Stage::Accepting | Stage::Finishing) {
                state.told.bytes_total = state.told.bytes_done;
            }
        });
    }

    /// The snapshot was fixed, or a restore is about to write.
    pub fn started(&self, at: Timestamp) {
        self.change(|state| state.told.started = Some(at));
    }

    /// What there is to do. A first guess may be mended upwards.
    pub fn expect(&self, bytes: u64, tables: u64) {
        self.change(|state| {
            state.told.bytes_total = state.told.bytes_total.max(bytes);
            state.told.tables_total = state.told.tables_total.max(tables);
        });
    }

    /// So many bytes of rows were read or loaded.
    pub fn bytes(&self, done: u64) {
        self.change(|state| state.bytes_done = state.bytes_done.saturating_add(done));
    }

    /// So many bytes have to be done again.
    pub fn bytes_again(&self, again: u64) {
        self.change(|state| state.bytes_done = state.bytes_done.saturating_sub(again));
    }

    /// One more table is done.
    pub fn table(&self) {
        self.change(|state| state.tables_done = state.tables_done.saturating_add(1));
    }

    /// So many bytes are in storage, all in all.
    pub fn stored(&self, bytes: u64) {
        self.change(|state| state.told.bytes_stored = state.told.bytes_stored.max(bytes));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.sender.send_modify(|state| {
            change(state);
            state.told.bytes_done = state.told.bytes_done.max(state.bytes_done);
            state.told.bytes_total = state.told.bytes_total.max(state.told.bytes_done);
            state.told.tables_done = state.told.tables_done.max(state.tables_done);
            state.told.tables_total = state.told.tables_total.max(state.told.tables_done);
        });
    }
}

impl ProgressWatch {
    /// The newest numbers.
    pub fn now(&self) -> Progress {
        self.receiver.borrow().told.clone()
    }
}

/// Tells the custodian every few seconds, for as long as it is polled. One that cannot be reached is no reason to stop.
pub async fn report(custody: &impl Custody, run: &RunId, watch: ProgressWatch) {
    let mut tick = interval(REPORT_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(failure) = custody.progress(run, watch.now()).await {
            tracing::debug!(code = ?failure.code, message = failure.message, "the custodian was not told of the progress");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_told_never_go_backwards() {
        let sink = ProgressSink::new(2);
        sink.expect(1_000, 3);
        sink.bytes(600);
        sink.bytes_again(500);
        sink.bytes(100);
        assert_eq!(sink.now().bytes_done, 600, "200 bytes are done, and 600 were told");
        sink.bytes(600);
        sink.table();
        sink.stored(90);
        sink.stored(80);
        sink.expect(10, 1);
        let told = sink.now();
        assert_eq!((told.bytes_done, told.bytes_total, told.bytes_stored), (800, 1_000, 90));
        assert_eq!((told.attempt, told.tables_done, told.tables_total), (2, 1, 3));
        sink.bytes(500);
        assert_eq!(sink.now().bytes_total, 1_300, "more was there than the server had guessed");
        sink.expect(9_000, 3);
        sink.stage(Stage::Committing);
        assert_eq!(sink.now().bytes_total, 1_300, "less was there than the server had guessed");
    }
}
