//! What fuzzers call: one plain function for each parser of what people, Kubernetes or a network have written. Those of what
//! lies in storage or comes from a server are in [`mover::fuzz`].

use jiff::Timestamp;
use mover::fuzz::Body;
use policy::{keep::Keep, schedule::Schedule, tag::Calendar, zone::Zone};

use crate::command::people::fuzz as people;
use crate::token::{Keyring, VaultToken};

/// Every body of this crate and of `policy`.
pub const BODIES: &[Body] = &[
    ("keep", keep),
    ("cron", cron),
    ("intervals", intervals),
    ("zone", zone),
    ("token", token),
    ("server", people::server),
    ("service", people::service),
    ("passfile", people::passfile),
    ("location", people::location),
];

/// Zones whose clocks are moved in different ways.
const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"];
/// Slots that a schedule is asked for.
const SLOTS: usize = 5;

/// Some instant, and the zone that a byte stands for.
fn somewhere(choice: u8) -> (Timestamp, Zone) {
    let at = Timestamp::from_second(1_772_300_000).unwrap_or(Timestamp::UNIX_EPOCH);
    let name = ZONES[usize::from(choice) % ZONES.len()];
    (at, Zone::parse(name).unwrap_or_else(|_| Zone::utc()))
}

/// A retention time reads the same when it is written again, and no point expires before it was made.
fn keep(bytes: &[u8]) {
    let Ok(keep) = Keep::parse(&String::from_utf8_lossy(bytes)) else { return };
    assert_eq!(
        Keep::parse(&keep.to_string()),
        Ok(keep),
        "a retention time reads otherwise when it is written again"
    );
    let (at, zone) = somewhere(1);
    assert!(keep.expires(at, &zone) > at, "a point expires before it was made");
}

/// The first byte chooses the zone.
fn cron(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let (at, zone) = somewhere(*choice);
    if let Ok(schedule) = Schedule::cron(&String::from_utf8_lossy(text), zone) {
        ascending(&schedule, at);
    }
}

/// The first byte chooses the zone; each line is an interval.
fn intervals(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    let (at, zone) = somewhere(*choice);
    if let Ok(schedule) = Schedule::intervals(&lines, zone) {
        ascending(&schedule, at);
    }
}

fn ascending(schedule: &Schedule, after: Timestamp) {
    let mut last = after;
    for slot in schedule.slots_after(after).take(SLOTS) {
        assert!(slot > last, "slots are not in order");
        last = slot;
    }
}

/// Names of zones and times of day.
fn zone(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(zone) = Zone::parse(&text) {
        let _wall = zone.wall_clock(Timestamp::UNIX_EPOCH);
    }
    let _time = Calendar::parse_time(&text);
}

/// What stands behind `Authorization: Bearer`. Nobody has signed it.
fn token(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(token) = VaultToken::parse(&text) {
        let again = VaultToken::parse(token.to_secret().reveal());
        assert!(again.is_ok(), "a token reads otherwise when it is written again");
    }
    let Ok(own) = VaultToken::derive(&[7; 64], "vault") else { return };
    assert!(Keyring::new(own, None).claims(&text, Timestamp::UNIX_EPOCH).is_err(), "a token was forged");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use mover::fuzz::Run;

    use super::*;

    #[test]
    fn every_body_has_a_corpus_and_takes_a_thousand_inputs_of_it() {
        let own = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder");
        let corpus = Path::new(&own).join("tests/data/fuzz");
        let run = Run { bodies: BODIES, corpus: &corpus, seed: 1, only: None };
        for ran in run.rounds(1_000) {
            let ran = ran.unwrap_or_else(|failure| panic!("{failure}"));
            assert!(ran.seeds > 0, "{} has no corpus", ran.body);
        }
    }
}
