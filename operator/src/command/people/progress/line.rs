//! Progress for programs: `{"progress":{...}}`, one object a line, never more than one a second.

use std::io::{self, Write as _};
use std::time::Duration;

use contract::{Progress, Stage};
use serde::Serialize;

use super::pace::Pace;

/// Between two lines of the same stage. A line comes also when nothing has moved: it shows that the run lives.
const INTERVAL: Duration = Duration::from_secs(5);

/// What a line says. The names are promised in docs/cli.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    stage: Stage,
    elapsed_seconds: u64,
    /// Rows and large objects, before compression.
    bytes_done: u64,
    /// An estimate until everything is read; 0 where it is not known yet.
    bytes_total: u64,
    /// What has reached storage, compressed; 0 in restores and checks.
    bytes_stored: u64,
    bytes_per_second: u64,
    /// Of the bytes that are left, at the pace of the last seconds.
    seconds_left: Option<u64>,
    tables_done: u64,
    tables_total: u64,
}

#[derive(Serialize)]
struct Document {
    progress: Line,
}

/// Decides which numbers are worth a line.
#[derive(Default)]
pub struct Lines {
    told: Option<(Duration, Progress)>,
}

impl Lines {
    /// The numbers as they are now; called once a second.
    pub fn next(&mut self, progress: &Progress, elapsed: Duration, pace: &Pace) {
        if self.is_due(progress, elapsed) {
            self.write(progress, elapsed, pace);
        }
    }

    /// The numbers at the end, unless they were told.
    pub fn last(&mut self, progress: &Progress, elapsed: Duration, pace: &Pace) {
        if self.told.as_ref().is_none_or(|(_, told)| told != progress) {
            self.write(progress, elapsed, pace);
        }
    }

    fn is_due(&self, progress: &Progress, elapsed: Duration) -> bool {
        self.told
            .as_ref()
            .is_none_or(|(at, told)| told.stage != progress.stage || elapsed.saturating_sub(*at) >= INTERVAL)
    }

    fn write(&mut self, progress: &Progress, elapsed: Duration, pace: &Pace) {
        self.told = Some((elapsed, progress.clone()));
        let document = Document { progress: line(progress, elapsed, pace) };
        let Ok(mut text) = serde_json::to_vec(&document) else { return };
        text.push(b'\n');
        // Progress that cannot be written is nobody's loss; the run goes on.
        if let Err(error) = io::stderr().lock().write_all(&text) {
            tracing::debug!(%error, "failed to write a line of progress");
        }
    }
}

fn line(progress: &Progress, elapsed: Duration, pace: &Pace) -> Line {
    Line {
        stage: progress.stage,
        elapsed_seconds: elapsed.as_secs(),
        bytes_done: progress.bytes_done,
        bytes_total: progress.bytes_total,
        bytes_stored: progress.bytes_stored,
        bytes_per_second: pace.bytes_per_second(),
        seconds_left: pace.seconds_left(progress.bytes_done, progress.bytes_total),
        tables_done: progress.tables_done,
        tables_total: progress.tables_total,
    }
}

#[cfg(test)]
mod tests {
    use mover::progress::ProgressSink;
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_line_comes_at_once_with_a_new_stage_and_every_few_seconds() {
        let sink = ProgressSink::new(1);
        let mut lines = Lines::default();
        assert!(lines.is_due(&sink.now(), at(0)));
        lines.told = Some((at(0), sink.now()));
        sink.bytes(10);
        assert!(!lines.is_due(&sink.now(), at(4)), "the same stage, a moment later");
        assert!(lines.is_due(&sink.now(), at(5)));
        sink.stage(Stage::Data);
        assert!(lines.is_due(&sink.now(), at(1)));
    }

    #[test]
    fn the_names_in_a_line_are_those_that_are_promised() {
        let sink = ProgressSink::new(1);
        sink.stage(Stage::Data);
        sink.expect(3_000, 2);
        sink.bytes(1_000);
        sink.stored(300);
        let mut pace = Pace::default();
        pace.note(at(0), 0);
        pace.note(at(2), 1_000);
        let document = Document { progress: line(&sink.now(), at(2), &pace) };
        let expected = json!({"progress": {
            "stage": "Data", "elapsedSeconds": 2, "bytesDone": 1000, "bytesTotal": 3000, "bytesStored": 300,
            "bytesPerSecond": 500, "secondsLeft": 4, "tablesDone": 0, "tablesTotal": 2,
        }});
        assert_eq!(serde_json::to_value(document).unwrap(), expected);
    }
}
