//! The stages of a job's newest attempt, each with when it began and ended. Pure.

use crds::common::{Attempt, JobState, Stage, SubTask, Time};
use jiff::Timestamp;

use super::outcome::open_attempt;

/// Where a job is now.
pub struct Whereabouts<'a> {
    pub stage: Option<Stage>,
    pub state: JobState,
    pub attempts: &'a [Attempt],
}

/// Notes the stage that the job has come to. The first stage of another attempt begins the list anew; an attempt that ended
/// while the job goes on leaves its last stage Failed.
pub fn follow(tasks: &mut Vec<SubTask>, at: &Whereabouts<'_>, now: Timestamp) {
    if at.state.is_terminal() {
        return close(tasks, at.state, now);
    }
    if open_attempt(at.attempts).is_none() {
        return close(tasks, JobState::Failed, now);
    }
    let Some(stage) = at.stage else { return };
    let newest = tasks.last();
    if newest.is_some_and(|task| task.name == stage.as_str() && task.completion_time.is_none()) {
        return;
    }
    if stage == Stage::Starting {
        tasks.clear();
    }
    close(tasks, JobState::Completed, now);
    // Several databases pass the same stages one after the other: the first time counts.
    if tasks.iter().any(|task| task.name == stage.as_str()) {
        return reopen(tasks, stage);
    }
    tasks.push(SubTask {
        name: stage.as_str().to_owned(),
        state: JobState::Running,
        start_time: Some(Time(now)),
        completion_time: None,
    });
}

/// A stage that comes again goes to the end of the list, with the time at which it first began.
fn reopen(tasks: &mut Vec<SubTask>, stage: Stage) {
    if let Some(place) = tasks.iter().position(|task| task.name == stage.as_str()) {
        let task = tasks.remove(place);
        tasks.push(SubTask { state: JobState::Running, completion_time: None, ..task });
    }
}

fn close(tasks: &mut [SubTask], state: JobState, now: Timestamp) {
    if let Some(open) = tasks.last_mut().filter(|task| task.completion_time.is_none()) {
        open.state = state;
        open.completion_time = Some(Time(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::run::outcome;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    struct Job {
        tasks: Vec<SubTask>,
        attempts: Vec<Attempt>,
    }

    impl Job {
        fn new() -> Self {
            let mut attempts = Vec::new();
            outcome::attempt(&mut attempts, 1, "cj-1", at(0));
            Self { tasks: Vec::new(), attempts }
        }

        fn passes(&mut self, stage: Stage, state: JobState, now: i64) -> &mut Self {
            let at_stage = Whereabouts { stage: Some(stage), state, attempts: &self.attempts };
            follow(&mut self.tasks, &at_stage, at(now));
            self
        }

        fn told(&self) -> Vec<(&str, JobState, i64)> {
            let end = |task: &SubTask| task.completion_time.as_ref().map_or(-1, |time| time.0.as_second());
            self.tasks.iter().map(|task| (task.name.as_str(), task.state, end(task))).collect()
        }
    }

    #[test]
    fn row_a44_each_stage_is_told_with_its_begin_and_end_and_a_look_between_changes_nothing() {
        let mut job = Job::new();
        job.passes(Stage::Starting, JobState::Pending, 1)
            .passes(Stage::Starting, JobState::Pending, 2)
            .passes(Stage::Data, JobState::Running, 3)
            .passes(Stage::Accepting, JobState::Completed, 9);
        let done = JobState::Completed;
        assert_eq!(job.told(), [("Starting", done, 3), ("Data", done, 9)]);
        assert_eq!(job.tasks[1].start_time, Some(Time(at(3))));
    }

    #[test]
    fn a_failed_attempt_leaves_its_stage_failed_and_the_next_one_begins_anew() {
        let mut job = Job::new();
        job.passes(Stage::Data, JobState::Running, 3);
        job.attempts[0].end_time = Some(Time(at(4)));
        job.passes(Stage::Data, JobState::Running, 4).passes(Stage::Data, JobState::Running, 5);
        assert_eq!(job.told(), [("Data", JobState::Failed, 4)]);
        outcome::attempt(&mut job.attempts, 2, "cj-2", at(6));
        job.passes(Stage::Starting, JobState::Running, 6);
        assert_eq!(job.told(), [("Starting", JobState::Running, -1)]);
        job.passes(Stage::Starting, JobState::Cancelled, 7);
        assert_eq!(job.told(), [("Starting", JobState::Cancelled, 7)]);
    }

    #[test]
    fn a_stage_that_comes_again_is_one_entry() {
        let mut job = Job::new();
        for (second, stage) in
            [Stage::Schema, Stage::Data, Stage::Schema, Stage::Data].into_iter().enumerate()
        {
            job.passes(stage, JobState::Running, i64::try_from(second).unwrap());
        }
        assert_eq!(job.told(), [("Schema", JobState::Completed, 3), ("Data", JobState::Running, -1)]);
        assert_eq!(job.tasks[1].start_time, Some(Time(at(1))));
    }
}
