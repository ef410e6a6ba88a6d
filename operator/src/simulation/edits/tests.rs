//! Plays histories, and compares after each step.

use std::collections::BTreeSet;
use std::ops::Range;
use std::thread;

use jiff::civil::{Date, date};

use super::calendar::NIGHT;
use super::generator::history;
use super::model::Model;
use super::people::{MORNING, People, time_of, tomorrow};
use super::words::{Edit, Step};
use crate::simulation::pods::Play;

/// The first day of every history, a Monday ahead of the machine's clock.
const FIRST: Date = date(2031, 1, 6);

/// A history that is being played.
struct Played {
    seed: u64,
    steps: Vec<Step>,
    /// How many of them are done.
    done: usize,
    /// `None`: only the model plays.
    people: Option<People>,
    model: Model,
    day: Date,
    looks: usize,
    /// What there was on the way.
    reached: BTreeSet<String>,
}

/// What failed can be played again alone.
impl Drop for Played {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("COFFER_SEED={} fails at step {} of:", self.seed, self.done);
            for (number, step) in self.steps.iter().enumerate().take(self.done + 1) {
                println!("{number:>3} {step:?}");
            }
        }
    }
}

impl Played {
    async fn new(seed: u64) -> Self {
        let mut played = Self::alone(seed);
        played.people = Some(People::new(time_of(FIRST, 1, 0)).await);
        played
    }

    /// The model plays alone.
    fn alone(seed: u64) -> Self {
        let (steps, model) = (history(seed), Model::new());
        Self { seed, steps, done: 0, people: None, model, day: FIRST, looks: 1, reached: BTreeSet::new() }
    }

    async fn play(&mut self) {
        while let Some(step) = self.steps.get(self.done).cloned() {
            match step {
                Step::Edit(edit) => self.edit(edit).await,
                Step::Nights(nights) => self.nights(&nights).await,
            }
            self.done += 1;
        }
        self.storage_holds_nothing_else().await;
    }

    async fn edit(&mut self, edit: Edit) {
        self.look(MORNING, Play::Succeeds).await;
        let now = time_of(self.day, MORNING, self.looks - 1);
        let play = if let Edit::Demand { play, .. } = edit { play } else { Play::Succeeds };
        let is_taken = self.model.edit(edit, now);
        self.model.look(now, play);
        if let Some(people) = &mut self.people {
            assert_eq!(people.edit(edit), is_taken, "whether {edit:?} is admitted at {now}");
            people.rest(play).await;
        }
        if !is_taken {
            self.reached.insert("refused".into());
        }
        self.compare(&format!("after {edit:?} at {now}"));
    }

    /// Who is away, or has nothing due before the last night, does not look.
    async fn nights(&mut self, nights: &[Option<Play>]) {
        for (number, night) in nights.iter().enumerate() {
            let weekday = self.day.weekday();
            let is_due = self.model.policies.values().any(|shape| shape.days.contains(&weekday));
            if let Some(play) = night.filter(|_| is_due || number + 1 == nights.len()) {
                self.look(NIGHT, play).await;
            }
            self.day = tomorrow(self.day);
        }
    }

    async fn look(&mut self, hour: i8, play: Play) {
        let now = time_of(self.day, hour, self.looks);
        self.looks += 1;
        self.model.look(now, play);
        if let Some(people) = &mut self.people {
            people.look(now, play).await;
        }
        self.compare(&format!("at {now}"));
    }

    fn compare(&mut self, when: &str) {
        let promised = self.model.picture();
        if let Some(people) = &self.people {
            assert_eq!(people.picture(), promised, "{when}");
        }
        for held in promised.instances.values() {
            self.reached.extend([held.state.clone(), held.ready.clone()]);
            self.reached.extend(held.is_policy_missing.then(|| "policy missing".to_owned()));
            self.reached.extend(held.waits.then(|| "brought back".to_owned()));
        }
        for held in promised.deleted.values() {
            self.reached.extend([held.state.clone(), held.ready.clone()]);
        }
        self.reached.extend(promised.jobs.into_values().map(|state| format!("job {state}")));
        self.reached.extend(self.model.points.iter().any(|point| point.is_gone).then(|| "gone".to_owned()));
    }

    /// An hour after their tombstones the data of points are gone, and no sooner.
    async fn storage_holds_nothing_else(&mut self) {
        self.look(MORNING, Play::Succeeds).await;
        let left = self.model.points.iter().filter(|point| !point.is_gone).count();
        self.look(MORNING + 2, Play::Succeeds).await;
        if let Some(People { cluster, .. }) = &self.people {
            cluster.site.keeper.sweep().await;
            assert_eq!(cluster.site.writers(), left, "of the others nothing is in storage");
        }
    }
}

/// Plays the histories of these seeds on every processor; `COFFER_SEED` chooses one instead.
fn play_all(seeds: Range<u64>) {
    let seeds: Vec<u64> = match std::env::var("COFFER_SEED") {
        Ok(text) => vec![text.parse().expect("COFFER_SEED is a number")],
        Err(_) => seeds.collect(),
    };
    let lanes = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for lane in 0..lanes {
            let own: Vec<u64> = seeds.iter().copied().skip(lane).step_by(lanes).collect();
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                for seed in own {
                    runtime.block_on(async { Played::new(seed).await.play().await });
                }
            });
        }
    });
}

/// The histories of every run, and those of the full gate.
const SOME: Range<u64> = 0..20;
const MANY: Range<u64> = 1_000..2_000;

#[test]
fn histories_of_edits_end_where_the_documents_say() {
    play_all(SOME);
}

#[test]
#[ignore = "long: a thousand histories, each of weeks"]
fn a_thousand_histories_of_edits_end_where_the_documents_say() {
    play_all(MANY);
}

/// Histories that never came to what they are to try would agree with anything.
#[tokio::test]
async fn the_histories_come_to_every_state_that_the_documents_have() {
    let common = [
        "AsConfigured",
        "BackupsSuspended",
        "ConfiguringProtectionFailed",
        "DuplicateDatasource",
        "NamespaceNotAllowed",
        "PointsExpire",
        "PointsRetained",
        "PolicyNotReady",
        "ProtectionConfigured",
        "ProtectionError",
        "ProtectionStopped",
        "PurgeScheduled",
        "brought back",
        "gone",
        "job Completed",
        "job Expired",
        "job Failed",
        "job Pending",
        "policy missing",
        "refused",
    ];
    let rare = ["InstanceInTheWay", "PolicyNotFound", "RetentionOutsideVault"];
    for (seeds, expected) in [(SOME, common.to_vec()), (MANY, [&common[..], &rare].concat())] {
        let mut reached = BTreeSet::new();
        for seed in seeds.clone() {
            let mut played = Played::alone(seed);
            played.play().await;
            reached.append(&mut played.reached);
        }
        let missed: Vec<&str> = expected.into_iter().filter(|word| !reached.contains(*word)).collect();
        assert!(missed.is_empty(), "seeds {seeds:?} do not come to {missed:?}");
    }
}
