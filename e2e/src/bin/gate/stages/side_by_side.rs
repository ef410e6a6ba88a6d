//! Stories side by side: each cluster plays one at a time, since stories take the operator away and move its clock, and
//! takes the next when it is done. Stories wait for most of their time, so that two cores have room for
//! three of them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use e2e::world::Setting;

use super::Context;
use crate::command::{self, CommandError, Tally};

/// Those that take longest, begun first, so that none is left alone at the end.
const LONG: [&str; 9] = [
    "new_year::",
    "lost_cluster::",
    "idle::",
    "bad_yaml::told::",
    "twelve_states::every_state",
    "failures::a_missing",
    "mover_killed::",
    "operator_killed::",
    "failures::row_b03",
];

/// Plays every story on one of the clusters, prints each as it ends, and remembers what came of all of them.
pub fn play(context: &Context, settings: &[Setting]) -> Result<Tally, CommandError> {
    let stories = Mutex::new(stories(context)?);
    let played = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for setting in settings {
            scope.spawn(|| play_on(context, setting, &stories, &played));
        }
    });
    let played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
    let played = doubted(context, &settings[0], played);
    for Played { story, tally } in &played {
        context.ended(story, tally.failed == 0);
    }
    summed(played.into_iter().map(|played| played.tally))
}

/// A story and what came of it.
struct Played {
    story: String,
    tally: Tally,
}

/// A single failure among all stories is played once more, alone: what fails for good fails again, and what does not is told as
/// unsteady beneath the table, for somebody to find out why. A full run gives no second chance.
fn doubted(context: &Context, setting: &Setting, mut played: Vec<Played>) -> Vec<Played> {
    let several = played.len() > 1;
    let mut failed = played.iter_mut().filter(|played| played.tally.failed > 0);
    if let (Some(doubted), None) = (failed.next(), failed.next())
        && several
        && !context.full
    {
        println!("{}: once more, alone", doubted.story);
        doubted.tally = play_one(context, setting, &doubted.story);
        if doubted.tally.failed == 0 {
            context.note(&format!("unsteady: {} passed only when it was played again", doubted.story));
        }
    }
    played
}

/// Takes one story after the other until none is left.
fn play_on(
    context: &Context,
    setting: &Setting,
    stories: &Mutex<VecDeque<String>>,
    played: &Mutex<Vec<Played>>,
) {
    loop {
        let next = stories.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(story) = next else { return };
        let tally = play_one(context, setting, &story);
        played.lock().unwrap_or_else(PoisonError::into_inner).push(Played { story, tally });
    }
}

fn play_one(context: &Context, setting: &Setting, story: &str) -> Tally {
    let begun = Instant::now();
    let arguments = ["--exact", "--include-ignored", "--nocapture", story];
    let (text, outcome) = command::test_unseen(runner(context, &arguments).envs(setting.variables()));
    let seconds = begun.elapsed().as_secs();
    match outcome {
        Ok(counted) => {
            println!("{story}: {seconds} s\n{}", said(&text));
            counted
        }
        Err(error) => {
            println!("{story}: FAILED after {seconds} s: {error}\n{text}");
            Tally { passed: 0, failed: 1 }
        }
    }
}

/// What a story itself printed, such as the seed that repeats it.
fn said(text: &str) -> String {
    let own = |line: &&str| line.starts_with("COFFER_") || line.starts_with("the ");
    text.lines().filter(own).map(|line| format!("  {line}\n")).collect()
}

fn summed(tallies: impl Iterator<Item = Tally>) -> Result<Tally, CommandError> {
    let mut sum = Tally::default();
    for tally in tallies {
        sum += tally;
    }
    if sum == Tally::default() {
        return Err(CommandError::NothingRan { line: "the stories".into() });
    }
    if sum.failed > 0 {
        return Err(CommandError::Failed {
            line: "the stories".into(),
            status: "failures".into(),
            tally: sum,
        });
    }
    Ok(sum)
}

/// The names of all stories, the long ones first; of those that are ignored only in a full run.
fn stories(context: &Context) -> Result<VecDeque<String>, CommandError> {
    let mut left = listed(context, &[])?;
    if !context.full {
        for ignored in listed(context, &["--ignored"])? {
            left.remove(&ignored);
        }
    }
    let wanted = |name: &String| {
        context.stories.is_empty() || context.stories.iter().any(|part| name.contains(part.as_str()))
    };
    left.retain(wanted);
    let is_of = |name: &String, prefix: &&str| name.starts_with(*prefix);
    let rank = |name: &String| LONG.iter().position(|long| is_of(name, long)).unwrap_or(LONG.len());
    let mut stories: Vec<String> = left.into_iter().collect();
    stories.sort_by_key(rank);
    Ok(stories.into())
}

fn listed(context: &Context, more: &[&str]) -> Result<BTreeSet<String>, CommandError> {
    let mut arguments = vec!["--list", "--format=terse"];
    arguments.extend(more);
    let text = command::output(&mut runner(context, &arguments))?;
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

fn runner(context: &Context, arguments: &[&str]) -> std::process::Command {
    let mut command =
        context.cargo(&["test", "--quiet", "--locked", "--package", "e2e", "--test", "stories", "--"]);
    command.args(arguments);
    command
}
