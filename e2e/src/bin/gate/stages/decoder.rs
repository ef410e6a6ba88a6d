//! The decoder in Python, run in an environment of its own that its script makes once.

use std::process::Command;

use super::{Context, tools};
use crate::command::{self, CommandError, Tally};

/// The script writes a vault with the mover, reads it with the decoder, and compares every row. The full gate has it fill more
/// than one pack.
pub fn check(context: &Context) -> Result<Tally, CommandError> {
    ensure_python()?;
    let mut script = Command::new("sh");
    script.current_dir(&context.root).arg("e2e/decoder/test_decoder.sh");
    if context.full {
        script.env("COFFER_DECODER_ROWS", "900000");
    }
    command::check(tools::with_servers(&mut script)?)
}

/// Debian's Python comes without what makes environments.
fn ensure_python() -> Result<(), CommandError> {
    let there = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if there.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    tools::apt_get("python3-venv")
}
