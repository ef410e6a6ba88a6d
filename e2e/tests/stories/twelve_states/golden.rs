//! Golden files: what kubectl shows of one state. `COFFER_GOLDEN=write` writes them anew; read what changed before you
//! commit it, as somebody would who has only this to go by.

use std::time::{Duration, Instant};
use std::{env, fs, thread};

use e2e::source;

use super::normal::{Names, description, table};
use crate::scene::setting;

/// Events follow the status they tell of.
const SETTLES: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(500);
/// So many looks in a row that show the same.
const SAME: usize = 4;

/// What has been compared, and what differed.
#[derive(Default)]
pub struct Gallery {
    seen: usize,
    wrong: Vec<String>,
}

/// An object that is in the state.
pub struct Portrait<'a> {
    /// The state's and the file's name.
    pub state: &'a str,
    pub kind: &'a str,
    pub name: &'a str,
    pub namespace: &'a str,
}

impl Gallery {
    /// Compares what kubectl shows with the file of the state, or writes it.
    pub fn show(&mut self, portrait: &Portrait<'_>, names: &Names<'_>) {
        self.seen += 1;
        let path = source::root().join(format!("e2e/tests/golden/{}.txt", portrait.state));
        if env::var("COFFER_GOLDEN").is_ok_and(|value| value == "write") {
            fs::write(&path, settled(portrait, names)).expect("a golden file is written");
            return;
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        let begin = Instant::now();
        let mut found = taken(portrait, names);
        while found != expected && begin.elapsed() < SETTLES {
            thread::sleep(PAUSE);
            found = taken(portrait, names);
        }
        if found != expected {
            self.wrong.push(format!("{}:\n{}", portrait.state, difference(&expected, &found)));
        }
    }

    /// Tells what differed.
    pub fn close(self) {
        assert!(
            self.wrong.is_empty(),
            "{} of {} states look otherwise (COFFER_GOLDEN=write writes the files anew):\n{}",
            self.wrong.len(),
            self.seen,
            self.wrong.join("\n")
        );
        println!("{} states look as they should", self.seen);
        assert!(self.seen >= 12, "only {} states were looked at", self.seen);
    }
}

fn settled(portrait: &Portrait<'_>, names: &Names<'_>) -> String {
    let (mut last, mut same) = (taken(portrait, names), 1);
    while same < SAME {
        thread::sleep(PAUSE);
        let next = taken(portrait, names);
        same = if next == last { same + 1 } else { 1 };
        last = next;
    }
    last
}

fn taken(portrait: &Portrait<'_>, names: &Names<'_>) -> String {
    let Portrait { kind, name, namespace, .. } = portrait;
    let kubectl = &setting().kubectl;
    let get = kubectl.run(&["get", kind, name, "-n", namespace]).expect("kubectl get");
    let wide = kubectl.run(&["get", kind, name, "-n", namespace, "-o", "wide"]).expect("kubectl get -o wide");
    let describe = kubectl.run(&["describe", kind, name, "-n", namespace]).expect("kubectl describe");
    let name = description(name, names);
    format!(
        "$ kubectl get {kind} {name}\n{}\n\n$ kubectl get {kind} {name} -o wide\n{}\n\n$ kubectl describe {kind} {name}\n{}\n",
        table(&get, names),
        table(&wide, names),
        description(&describe, names)
    )
}

/// The lines that only one of them has.
fn difference(expected: &str, found: &str) -> String {
    let only = |these: &str, those: &str, sign: char| {
        let lines = these.lines().filter(|line| !those.lines().any(|other| other == *line));
        lines.map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    [only(expected, found, '-'), only(found, expected, '+')].concat().join("\n")
}
