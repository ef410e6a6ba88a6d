//! The runner as a program: `fuzz [--seconds 60] [--seed 1] [--body NAME]`.

use std::{error::Error, path::Path, time::Duration};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::{Body, Run};

/// Address space that all parsers together must do with: one that believes in announced sizes ends the process.
const MEMORY: u64 = 1 << 30;

/// Feeds the bodies for as long as the arguments say and tells `print` of each.
///
/// # Errors
/// The first input at which a body panicked: the same seed gives the same inputs. Arguments that are not known.
pub fn program(
    bodies: &[Body],
    corpus: &Path,
    mut arguments: impl Iterator<Item = String>,
    print: impl Fn(&str),
) -> Result<(), Box<dyn Error>> {
    let (mut seconds, mut seed, mut only) = (60, 1, None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--seconds" => seconds = value.parse()?,
            "--seed" => seed = value.parse()?,
            "--body" => only = Some(value),
            _ => return Err(format!("{name} is not known").into()),
        }
    }
    setrlimit(Resource::As, Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) })?;
    let run = Run { bodies, corpus, seed, only: only.as_deref() };
    print(&format!("seed {seed}"));
    let mut inputs = 0;
    for ran in run.for_time(Duration::from_secs(seconds)) {
        let ran = ran.map_err(|failure| failure.to_string())?;
        let slowest = ran.slowest.as_secs_f64() * 1e3;
        print(&format!(
            "{:12} {:9} inputs, {} seeds, slowest {slowest:.1} ms",
            ran.body, ran.inputs, ran.seeds
        ));
        inputs += ran.inputs;
    }
    print(&format!("{inputs} inputs, no panic"));
    Ok(())
}
