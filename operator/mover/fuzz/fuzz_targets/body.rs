//! Feeds one body, the one that `COFFER_FUZZ_BODY` names:
//! `COFFER_FUZZ_BODY=archive cargo +nightly fuzz run body ../tests/data/fuzz/archive`.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use mover::fuzz::BODIES;

static BODY: OnceLock<fn(&[u8])> = OnceLock::new();

fn chosen() -> fn(&[u8]) {
    let wanted = std::env::var("COFFER_FUZZ_BODY").unwrap_or_default();
    let found = BODIES.iter().find(|(name, _)| *name == wanted);
    let names: Vec<&str> = BODIES.iter().map(|(name, _)| *name).collect();
    found.unwrap_or_else(|| panic!("COFFER_FUZZ_BODY must be one of {}", names.join(", "))).1
}

fuzz_target!(|bytes: &[u8]| BODY.get_or_init(chosen)(bytes));
