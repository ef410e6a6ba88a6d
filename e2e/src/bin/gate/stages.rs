//! The stages of the gate, cheapest first.

mod alerts;
mod chart;
mod code;
mod decoder;
mod fuzz;
mod pooler;
mod postgres;
mod side_by_side;
mod stories;
mod tools;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::command::{CommandError, Tally};

/// One stage: what it is for, what it stands on, and how it is run.
pub struct Stage {
    pub name: &'static str,
    pub purpose: &'static str,
    pub needs: &'static [&'static str],
    pub run: fn(&Context) -> Result<Tally, CommandError>,
}

pub const STAGES: &[Stage] = &[
    Stage { name: "format", purpose: "the code is formatted", needs: &[], run: code::format },
    Stage {
        name: "tools",
        purpose: "Debian packages and Go tools are there, built from pinned modules",
        needs: &[],
        run: tools::ensure,
    },
    Stage { name: "lints", purpose: "no lint fires in any crate or test", needs: &[], run: code::lints },
    Stage {
        name: "rooms",
        purpose: "crates depend one way, licences and sources are allowed",
        needs: &[],
        run: code::rooms,
    },
    Stage {
        name: "generated",
        purpose: "generated files are what the code generates",
        needs: &["lints"],
        run: code::generated,
    },
    Stage {
        name: "tests",
        purpose: "unit and component tests, with real PostgreSQL and servers of every kind of storage",
        needs: &["tools"],
        run: code::tests,
    },
    Stage {
        name: "cases",
        purpose: "every case of the register has its test; how many there are of each letter",
        needs: &["lints"],
        run: code::cases,
    },
    Stage {
        name: "features",
        purpose: "every test that names a row names one there is; how many rows have a test",
        needs: &[],
        run: code::features,
    },
    Stage {
        name: "alerts",
        purpose: "each alert rule fires where it should and nowhere else",
        needs: &["tools"],
        run: alerts::run,
    },
    Stage {
        name: "chart",
        purpose: "chart, kustomize and GitOps files hold",
        needs: &["tools"],
        run: chart::check,
    },
    Stage {
        name: "decoder",
        purpose: "a decoder in Python, written from FORMAT.md alone, reads what the mover wrote",
        needs: &["tests"],
        run: decoder::check,
    },
    Stage {
        name: "fuzz",
        purpose: "no parser panics on mutations of its corpus, nor believes in sizes that are only announced",
        needs: &["tests"],
        run: fuzz::run,
    },
    Stage {
        name: "shipped",
        purpose: "the shipped binary has no test clock",
        needs: &["tests"],
        run: stories::shipped_binary,
    },
    Stage {
        name: "cluster",
        purpose: "a Kubernetes boots, two do not disturb each other, nothing of them is left",
        needs: &["tools"],
        run: stories::boot,
    },
    Stage {
        name: "stories",
        purpose: "whole stories on a real Kubernetes",
        needs: &["tools"],
        run: stories::play,
    },
];

/// What every stage may use.
pub struct Context {
    /// The top of the source tree.
    pub root: PathBuf,
    /// Also run what is long.
    pub full: bool,
    /// Of the stories those whose names contain one of these; all of them when it is empty.
    pub stories: Vec<String>,
    notes: Mutex<Vec<String>>,
    ended: Mutex<BTreeMap<String, bool>>,
}

impl Context {
    pub fn new(full: bool, stories: Vec<String>) -> Self {
        Self { root: e2e::source::root(), full, stories, notes: Mutex::default(), ended: Mutex::default() }
    }

    /// Remembers whether a test passed. Of two of one name both must.
    pub fn ended(&self, path: &str, passed: bool) {
        let name = path.rsplit("::").next().unwrap_or(path).to_owned();
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        *ended.entry(name).or_insert(true) &= passed;
    }

    /// Whether each test passed of which that is known, by its name without its module.
    pub fn outcomes(&self) -> BTreeMap<String, bool> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has a line shown again beneath the table of the stages.
    pub fn note(&self, line: &str) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }

    /// The lines to show beneath the table.
    pub fn notes(&self) -> String {
        self.notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|line| format!("{line}\n"))
            .collect()
    }

    /// cargo at the top of the tree, with the lock file as it is.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).args(arguments);
        command
    }
}
