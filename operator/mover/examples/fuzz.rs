//! Feeds every parser of this crate with seeded mutations of its corpus, on any toolchain:
//! `fuzz [--seconds 60] [--seed 1] [--body NAME]`, with `--features fuzz`.

use std::{error::Error, path::Path};

use mover::fuzz::program;

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo does not name the crate's folder")?;
    let corpus = Path::new(&own).join("tests/data/fuzz");
    program(mover::fuzz::BODIES, &corpus, std::env::args().skip(1), |line| println!("{line}"))
}
