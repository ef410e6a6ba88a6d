//! The one binary of Coffer. What it does depends on the command that it is started with.

use std::process::ExitCode;

fn main() -> ExitCode {
    coffer::command::main(None)
}
