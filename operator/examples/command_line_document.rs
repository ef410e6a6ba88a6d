//! Prints docs/cli.md for `cargo generate`; with the argument `kubectl` docs/kubectl.md.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

fn main() {
    let document = match std::env::args().nth(1).as_deref() {
        Some("kubectl") => coffer::command::plugin_document(),
        _ => coffer::command::command_line_document(),
    };
    print!("{document}");
}
