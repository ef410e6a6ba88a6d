//! Log lines: JSON, one object a line, on standard output for pods; short text on standard error for people.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// What decides how much is logged, in the syntax of `tracing`'s filter: `info`, `coffer=debug,mover=info`.
const VARIABLE: &str = "COFFER_LOG";

/// Logs of a pod. Called once, before anything else.
pub fn for_pods() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter("info"))
        .init();
}

/// Logs of a command that a person started: nothing but warnings, unless asked for more.
pub fn for_people() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .with_env_filter(filter("error"))
        .init();
}

fn filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(default))
}
