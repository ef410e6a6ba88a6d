//! Waiting for a job to end, with its progress on standard error: a bar on a terminal, a line with each news elsewhere.

use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::{Instant, sleep};

use super::cluster::Cluster;
use super::job::Job;
use super::output::Screen;
use super::problem::Problem;
use super::times;
use crate::command::people::progress;

/// Between two looks at a job. Its status changes every 30 s at most, but for its end.
const PERIOD: Duration = Duration::from_secs(2);
/// So many looks in a row may go unanswered: a minute in which an API server restarts.
const PATIENCE: u32 = 30;
/// A line comes with so many percent more, or after this long.
const STEP: i32 = 10;
const SILENCE: Duration = Duration::from_secs(60);

/// The options of a command that can wait.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct WaitOptions {
    /// Wait until the job has ended, and show how far it is. The exit code is that of its outcome.
    #[arg(long)]
    pub wait: bool,
    /// How long to wait, such as 90s, 5m or 1h30m. Left out: as long as it takes. The job goes on.
    #[arg(long, value_name = "TIME", requires = "wait", value_parser = times::parse)]
    pub timeout: Option<Duration>,
}

/// The job once it has ended.
///
/// # Errors
/// When it cannot be read, is gone, or has not ended in time.
pub async fn until_ended(
    cluster: &Cluster,
    mut job: Job,
    timeout: Option<Duration>,
    screen: &mut Screen<'_>,
) -> Result<Job, Problem> {
    let begun = Instant::now();
    let mut display = Display::new(screen);
    let mut unanswered = 0;
    loop {
        display.show(screen, &job)?;
        if job.view().state.is_terminal() {
            return Ok(job);
        }
        let left = timeout.map_or(PERIOD, |timeout| timeout.saturating_sub(begun.elapsed()));
        if left.is_zero() {
            return Err(timed_out(&job, timeout.unwrap_or_default()));
        }
        sleep(left.min(PERIOD)).await;
        match job.again(cluster).await {
            Ok(newer) => (job, unanswered) = (newer, 0),
            Err(problem) if problem.may_pass() && unanswered < PATIENCE => unanswered += 1,
            Err(problem) => return Err(problem),
        }
    }
}

fn timed_out(job: &Job, after: Duration) -> Problem {
    let hint = format!("`kubectl coffer cancel {} -n {}` stops it", job.reference(), job.namespace());
    Problem::TimedOut { what: job.reference(), after, hint }
}

/// What has been shown.
struct Display {
    bar: Option<ProgressBar>,
    told: Option<Told>,
}

#[derive(Clone)]
struct Told {
    at: Instant,
    /// Everything but numbers.
    words: String,
    percent: Option<i32>,
}

impl Drop for Display {
    /// The terminal is left as it was.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Display {
    fn new(screen: &Screen<'_>) -> Self {
        Self { bar: screen.terminal.then(progress::bar), told: None }
    }

    fn show(&mut self, screen: &mut Screen<'_>, job: &Job) -> Result<(), Problem> {
        if let Some(bar) = &self.bar {
            show_bar(bar, job);
        } else if self.is_news(job) {
            screen.note(&format!("{}: {}", job.name(), job.standing()))?;
        }
        Ok(())
    }

    fn is_news(&mut self, job: &Job) -> bool {
        let view = job.view();
        let stage = view.progress.map(|progress| progress.stage);
        let message = if stage.is_some() { String::new() } else { job.standing() };
        let words = format!("{:?} {stage:?} {message}", view.state);
        let percent = view.progress.and_then(|progress| progress.percent);
        let now = Told { at: Instant::now(), words, percent };
        let is_news = self.told.as_ref().is_none_or(|told| {
            let further = now.percent.unwrap_or(0) >= told.percent.unwrap_or(0) + STEP;
            told.words != now.words || further || now.at.duration_since(told.at) >= SILENCE
        });
        if is_news {
            self.told = Some(now);
        }
        is_news
    }
}

fn show_bar(bar: &ProgressBar, job: &Job) {
    let view = job.view();
    let number = |count: i64| u64::try_from(count).unwrap_or(0);
    if let Some(progress) = view.progress {
        bar.set_length(number(progress.bytes_total.unwrap_or(0)));
        bar.set_position(number(progress.bytes_done));
    }
    bar.set_prefix(job.name());
    bar.set_message(job.standing());
    bar.tick();
}
