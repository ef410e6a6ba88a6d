//! How far a run is, on standard error: a bar on a terminal, JSON lines for programs. Results go to standard output, so that
//! the two never mix.

mod line;
mod pace;

use std::convert::Infallible;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use contract::{Progress, Stage};
use indicatif::{ProgressBar, ProgressStyle};
use mover::progress::ProgressSink;

use super::output::bytes;
use line::Lines;
use pace::Pace;

/// Between two looks at the numbers: a bar is redrawn, a line may be written.
const BAR_PERIOD: Duration = Duration::from_millis(200);
const LINE_PERIOD: Duration = Duration::from_secs(1);
const TEMPLATE: &str = "{spinner} {prefix:<26} [{bar:30}] {msg}";

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, JSON lines elsewhere.
    #[default]
    Auto,
    /// A bar; where standard error is no terminal, nothing.
    Bar,
    /// JSON lines, one object a line.
    Json,
    /// Nothing.
    None,
}

/// The option that chooses it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct ProgressOption {
    /// How to show on standard error how far it is.
    #[arg(long = "progress", value_enum, default_value_t, value_name = "HOW")]
    pub mode: ProgressMode,
}

/// Progress as it is shown while a run lasts.
pub struct Display {
    begun: Instant,
    pace: Pace,
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    Lines(Lines),
    Nothing,
}

impl Display {
    pub fn new(mode: ProgressMode) -> Self {
        let shown = match mode {
            ProgressMode::Auto if io::stderr().is_terminal() => Shown::Bar(bar()),
            ProgressMode::Bar => Shown::Bar(bar()),
            ProgressMode::Auto | ProgressMode::Json => Shown::Lines(Lines::default()),
            ProgressMode::None => Shown::Nothing,
        };
        Self { begun: Instant::now(), pace: Pace::default(), shown }
    }

    /// Shows the newest numbers for as long as it is polled.
    pub async fn follow(&mut self, sink: &ProgressSink) -> Infallible {
        let mut tick = tokio::time::interval(match self.shown {
            Shown::Bar(_) => BAR_PERIOD,
            Shown::Lines(_) | Shown::Nothing => LINE_PERIOD,
        });
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.show(&sink.now());
        }
    }

    /// Tells programs the last numbers, and leaves a terminal as it was.
    pub fn end(mut self, sink: &ProgressSink) {
        let elapsed = self.begun.elapsed();
        match &mut self.shown {
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Lines(lines) => lines.last(&sink.now(), elapsed, &self.pace),
            Shown::Nothing => {}
        }
    }

    fn show(&mut self, progress: &Progress) {
        let elapsed = self.begun.elapsed();
        self.pace.note(elapsed, progress.bytes_done);
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_length(progress.bytes_total);
                bar.set_position(progress.bytes_done);
                bar.set_prefix(prefix(progress));
                bar.set_message(message(progress, &self.pace));
            }
            Shown::Lines(lines) => lines.next(progress, elapsed, &self.pace),
            Shown::Nothing => {}
        }
    }
}

/// A bar on standard error, without length until something is known.
pub fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn prefix(progress: &Progress) -> String {
    let stage = stage_word(progress.stage);
    if progress.tables_total == 0 {
        return stage.to_owned();
    }
    format!("{stage}, {}/{} tables", progress.tables_done, progress.tables_total)
}

/// `1.0 GiB of 4.0 GiB, 110.2 MiB/s, 28 s left`; what is not known is not said.
fn message(progress: &Progress, pace: &Pace) -> String {
    if progress.bytes_total == 0 {
        return String::new();
    }
    let mut text = format!("{} of {}", bytes(progress.bytes_done), bytes(progress.bytes_total));
    let rate = pace.bytes_per_second();
    if rate > 0 {
        text.push_str(&format!(", {}/s", bytes(rate)));
    }
    if let Some(seconds) = pace.seconds_left(progress.bytes_done, progress.bytes_total) {
        text.push_str(&format!(", {} left", duration(seconds)));
    }
    text
}

fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Starting => "starting",
        Stage::Connecting => "connecting",
        Stage::Preflight => "looking",
        Stage::Locking => "locking",
        Stage::Schema => "schema",
        Stage::Data => "rows",
        Stage::LargeObjects => "large objects",
        Stage::Indexes => "indexes",
        Stage::Committing => "committing",
        Stage::Accepting => "accepting",
        Stage::Finishing => "finishing",
    }
}

fn duration(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_what_is_known_and_nothing_else() {
        let sink = ProgressSink::new(1);
        let mut pace = Pace::default();
        assert_eq!(message(&sink.now(), &pace), "");
        sink.expect(4 << 30, 12);
        sink.stage(Stage::Data);
        assert_eq!(message(&sink.now(), &pace), "0 B of 4.0 GiB");
        pace.note(Duration::ZERO, 0);
        sink.bytes(1 << 30);
        sink.table();
        pace.note(Duration::from_secs(10), 1 << 30);
        assert_eq!(message(&sink.now(), &pace), "1.0 GiB of 4.0 GiB, 102.4 MiB/s, 30 s left");
        assert_eq!(prefix(&sink.now()), "rows, 1/12 tables");
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        for (seconds, told) in
            [(0, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (3_600, "1 h 00 min"), (90_061, "25 h 01 min")]
        {
            assert_eq!(duration(seconds), told);
        }
    }
}
