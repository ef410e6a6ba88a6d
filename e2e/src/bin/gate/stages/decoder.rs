//! The decoder in Python, run in an environment of its own that is made once.

use std::process::Command;

use super::{Context, tools};
use crate::command::{self, CommandError, Tally, test};

pub fn check(context: &Context) -> Result<Tally, CommandError> {
    let home = tools::cached("tools/decoder-python")?;
    let python = home.join("bin/python");
    let requirements = context.root.join("e2e/decoder/requirements.txt");
    if !python.is_file() {
        check_program(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    }
    check_program(
        Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements),
    )?;
    let mut command = context.cargo(&[
        "test",
        "--quiet",
        "--locked",
        "--package",
        "mover",
        "--test",
        "decoder",
        "--",
        "--include-ignored",
    ]);
    test(tools::with_servers(command.env("COFFER_DECODER_PYTHON", python))?)
}

/// A preparation: it has to succeed and is not counted.
fn check_program(command: &mut Command) -> Result<(), CommandError> {
    command::check(command).map(|_| ())
}
