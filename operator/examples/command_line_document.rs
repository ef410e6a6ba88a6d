//! Prints docs/cli.md for `cargo generate`.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

fn main() {
    print!("{}", coffer::command::command_line_document());
}
