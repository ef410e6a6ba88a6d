//! What movers tell of their runs. Kept in memory only: a keeper that starts again hears of every living run within
//! seconds, and what has been decided is in the ledger.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::{Progress, RunId, RunView};
use jiff::{SignedDuration, Timestamp};

/// A run that has said nothing for this long is forgotten.
const SILENCE: SignedDuration = SignedDuration::from_hours(24);
/// More runs than one vault can have within [`SILENCE`]; beyond it the longest silent one is forgotten.
const MOST: usize = 20_000;

/// The runs that were heard of lately, and those that are over.
#[derive(Default)]
pub struct RunBook {
    runs: Mutex<HashMap<RunId, Entry>>,
}

#[derive(Clone)]
struct Entry {
    progress: Option<Progress>,
    heard: Timestamp,
    over: bool,
}

impl RunBook {
    /// Takes down how far a run is. News of an attempt before the one known of, or of a run that is over, are dropped:
    /// they come from a process that was given up.
    pub fn hear(&self, run: &RunId, progress: Progress, now: Timestamp) {
        let mut runs = self.lock();
        let entry = entry(&mut runs, run, now);
        let stale = entry.progress.as_ref().is_some_and(|known| known.attempt > progress.attempt);
        if !stale && !entry.over {
            entry.progress = Some(progress);
            entry.heard = now;
        }
    }

    /// Closes a run: its tokens are refused from now on.
    pub fn end(&self, run: &RunId, now: Timestamp) {
        let mut runs = self.lock();
        let entry = entry(&mut runs, run, now);
        entry.over = true;
        entry.progress = None;
    }

    pub fn is_over(&self, run: &RunId) -> bool {
        self.lock().get(run).is_some_and(|entry| entry.over)
    }

    /// The runs that are under way, in the order of their names.
    pub fn views(&self, now: Timestamp) -> Vec<RunView> {
        let runs = self.lock();
        let mut views: Vec<RunView> = runs
            .iter()
            .filter(|(_, entry)| now.duration_since(entry.heard) < SILENCE)
            .filter_map(|(run, entry)| {
                let progress = entry.progress.clone()?;
                Some(RunView { run: run.clone(), progress, heard: entry.heard })
            })
            .collect();
        views.sort_by(|one, other| one.run.cmp(&other.run));
        views
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Entry>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry<'a>(runs: &'a mut HashMap<RunId, Entry>, run: &RunId, now: Timestamp) -> &'a mut Entry {
    if !runs.contains_key(run) && runs.len() >= MOST {
        make_room(runs, now);
    }
    runs.entry(run.clone()).or_insert(Entry { progress: None, heard: now, over: false })
}

fn make_room(runs: &mut HashMap<RunId, Entry>, now: Timestamp) {
    runs.retain(|_, entry| now.duration_since(entry.heard) < SILENCE);
    while runs.len() >= MOST {
        let oldest = runs.iter().min_by_key(|(_, entry)| entry.heard).map(|(run, _)| run.clone());
        match oldest {
            Some(run) => runs.remove(&run),
            None => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use contract::Stage;

    use super::*;

    fn run(name: &str) -> RunId {
        RunId(name.into())
    }

    fn progress(attempt: u32, bytes_done: u64) -> Progress {
        Progress {
            attempt,
            stage: Stage::Data,
            started: None,
            bytes_done,
            bytes_total: 100,
            bytes_stored: 0,
            tables_done: 0,
            tables_total: 1,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn done(book: &RunBook, now: Timestamp) -> Vec<u64> {
        book.views(now).iter().map(|view| view.progress.bytes_done).collect()
    }

    #[test]
    fn a_given_up_attempt_no_longer_speaks_for_its_run() {
        let book = RunBook::default();
        book.hear(&run("a"), progress(2, 10), at(0));
        book.hear(&run("a"), progress(1, 90), at(1));
        assert_eq!(done(&book, at(2)), [10]);
    }

    #[test]
    fn a_run_that_is_over_is_silent_for_good() {
        let book = RunBook::default();
        book.hear(&run("a"), progress(1, 10), at(0));
        book.end(&run("a"), at(1));
        book.hear(&run("a"), progress(2, 20), at(2));
        assert!(book.is_over(&run("a")));
        assert!(!book.is_over(&run("b")));
        assert!(done(&book, at(3)).is_empty());
    }

    #[test]
    fn silence_of_a_day_is_forgotten() {
        let book = RunBook::default();
        book.hear(&run("a"), progress(1, 10), at(0));
        assert_eq!(done(&book, at(86_399)), [10]);
        assert!(done(&book, at(86_400)).is_empty());
    }

    #[test]
    fn the_book_has_a_last_page_and_the_longest_silent_run_makes_room() {
        let book = RunBook::default();
        for number in 0..=MOST {
            book.hear(&run(&number.to_string()), progress(1, 1), at(i64::try_from(number).unwrap()));
        }
        let views = book.views(at(0));
        assert_eq!(views.len(), MOST);
        assert!(views.iter().all(|view| view.run != run("0")));
    }
}
