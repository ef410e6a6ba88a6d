//! The decoder in Python, run in an environment of its own that its script makes once.

use std::process::Command;

use super::{Context, tools};
use crate::command::{self, CommandError, Tally};

/// The script writes a vault with the mover, reads it with the decoder, and compares every row.
pub fn check(context: &Context) -> Result<Tally, CommandError> {
    let mut script = Command::new("sh");
    script.current_dir(&context.root).arg("e2e/decoder/test_decoder.sh");
    command::check(tools::with_servers(&mut script)?)
}
