//! One binary, several commands.
fn main() {}
