//! Every parser against mutations of its corpus, on the toolchain that builds everything else.

use super::Context;
use crate::command::{CommandError, Tally, check};

/// The crates that have parsers, and seconds for all bodies of each: a minute together.
const CRATES: [(&str, u32); 2] = [("mover", 40), ("coffer", 20)];
/// How much longer the full gate takes.
const LONGER: u32 = 10;

/// With the same seed the inputs are the same, so that the gate is too. The full gate tries others each time, and prints the
/// seed that repeats them.
pub fn run(context: &Context) -> Result<Tally, CommandError> {
    let mut tally = Tally::default();
    for (package, seconds) in CRATES {
        let (seconds, seed) =
            if context.full { (seconds * LONGER, std::process::id()) } else { (seconds, 1) };
        let (seconds, seed) = (seconds.to_string(), seed.to_string());
        let arguments =
            ["run", "--quiet", "--locked", "--package", package, "--features", "fuzz", "--example", "fuzz"];
        let own = ["--", "--seconds", &seconds, "--seed", &seed];
        tally += check(context.cargo(&arguments).args(own))?;
    }
    Ok(tally)
}
