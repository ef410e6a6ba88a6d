//! Feeds bodies with a corpus and what mutation makes of it.

use std::{
    fmt, fs, io,
    panic::catch_unwind,
    path::Path,
    time::{Duration, Instant},
};

use data_encoding::HEXLOWER;

use super::{Body, mutate};

/// What is to be run.
pub struct Run<'a> {
    pub bodies: &'a [Body],
    /// A directory with a directory of files for each body.
    pub corpus: &'a Path,
    pub seed: u64,
    /// Only the body of this name.
    pub only: Option<&'a str>,
}

/// A body that took everything it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub body: &'static str,
    /// Files of its corpus.
    pub seeds: usize,
    pub inputs: u64,
    /// The longest that one input took.
    pub slowest: Duration,
}

/// A body that panicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub body: &'static str,
    /// Which input it was, counted from 0: with the same seed it is the same one.
    pub number: u64,
    pub input: Vec<u8>,
}

/// When a body has had enough.
enum Enough {
    Inputs(u64),
    Time(Duration),
}

impl Run<'_> {
    /// Gives each body its share of the time, one after the other.
    pub fn for_time(&self, whole: Duration) -> impl Iterator<Item = Result<Ran, Failure>> + '_ {
        let share = whole / u32::try_from(self.chosen().count()).unwrap_or(u32::MAX).max(1);
        self.chosen().map(move |body| self.one(body, &Enough::Time(share)))
    }

    /// Gives each body so many inputs.
    pub fn rounds(&self, inputs: u64) -> Vec<Result<Ran, Failure>> {
        self.chosen().map(|body| self.one(body, &Enough::Inputs(inputs))).collect()
    }

    fn chosen(&self) -> impl Iterator<Item = &Body> {
        self.bodies.iter().filter(|(name, _)| self.only.is_none_or(|only| only == *name))
    }

    fn one(&self, (name, body): &Body, enough: &Enough) -> Result<Ran, Failure> {
        let corpus = seeds(&self.corpus.join(name));
        let start = Instant::now();
        let mut ran = Ran { body: name, seeds: corpus.len(), inputs: 0, slowest: Duration::ZERO };
        loop {
            let is_enough = match enough {
                Enough::Inputs(inputs) => ran.inputs >= *inputs,
                Enough::Time(time) => start.elapsed() >= *time,
            };
            if is_enough {
                return Ok(ran);
            }
            let input = mutate::input(&corpus, self.seed, name, ran.inputs);
            let begun = Instant::now();
            if catch_unwind(|| body(&input)).is_err() {
                return Err(Failure { body: name, number: ran.inputs, input });
            }
            ran.slowest = ran.slowest.max(begun.elapsed());
            ran.inputs += 1;
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { body, number, input } = self;
        write!(formatter, "{body} panicked at input {number}: {}", HEXLOWER.encode(input))
    }
}

/// The files of a corpus in the order of their names; none where there is no directory.
fn seeds(directory: &Path) -> Vec<Vec<u8>> {
    let read = || -> io::Result<Vec<Vec<u8>>> {
        let mut paths = fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        paths.iter().map(fs::read).collect()
    };
    read().unwrap_or_default()
}
