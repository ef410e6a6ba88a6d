//! How far a run is, on standard error: a bar with rate and time left on a terminal, JSON lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use contract::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use mover::progress::ProgressWatch;

/// Between two JSON lines of the same stage.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(200);
const TEMPLATE: &str =
    "{spinner} {msg:<22} [{bar:30}] {bytes:>10} of {total_bytes:<10} {bytes_per_sec:>12}  left {eta}";

/// Where progress is shown.
pub enum Display {
    Bar(ProgressBar),
    Lines { last: Option<(Instant, Progress)> },
}

impl Display {
    pub fn new() -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines { last: None };
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(TICK);
        Self::Bar(bar)
    }

    /// Shows every change, for as long as it is polled or until none can come any more.
    pub async fn follow(&mut self, mut news: ProgressWatch) {
        loop {
            self.show(&news.now());
            if !news.changed().await {
                return;
            }
        }
    }

    /// Leaves the terminal as it was.
    pub fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }

    fn show(&mut self, progress: &Progress) {
        match self {
            Self::Bar(bar) => {
                // The total is an estimate; what is done may pass it.
                bar.set_length(progress.bytes_total.max(progress.bytes_done));
                bar.set_position(progress.bytes_done);
                bar.set_message(message(progress));
            }
            Self::Lines { last } => {
                let now = Instant::now();
                let due = last.as_ref().is_none_or(|(shown, before)| {
                    before.stage != progress.stage
                        || (before != progress && now.duration_since(*shown) >= LINE_INTERVAL)
                });
                if due {
                    write_line(progress);
                    *last = Some((now, progress.clone()));
                }
            }
        }
    }
}

fn message(progress: &Progress) -> String {
    if progress.tables_total == 0 {
        return format!("{:?}", progress.stage);
    }
    format!("{:?} {}/{} tables", progress.stage, progress.tables_done, progress.tables_total)
}

/// Progress that cannot be written is nobody's loss; the run goes on.
fn write_line(progress: &Progress) {
    let Ok(mut line) = serde_json::to_vec(progress) else { return };
    line.push(b'\n');
    if let Err(error) = io::stderr().lock().write_all(&line) {
        tracing::debug!(%error, "failed to write a line of progress");
    }
}
