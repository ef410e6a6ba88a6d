//! Settings of a server that are no reason to refuse a backup, and worth a word before one.

use contract::FailureCode;

use super::probe::Standby;
use crate::backup::{Obstacle, ServerFacts};

/// A backup that has fewer connections than these still runs, with fewer lanes.
const WANTED_CONNECTIONS: u16 = 4;

/// A standby that cancels queries lets a backup try its segments again, until it does so too often.
pub fn standby(standby: &Standby) -> Option<Obstacle> {
    if standby.feedback || standby.waits_for_ever {
        return None;
    }
    Some(Obstacle {
        code: FailureCode::StandbyConflict,
        message: format!(
            "the standby cancels queries that the primary's changes have waited for {} on; set hot_standby_feedback = on \
             or a larger max_standby_streaming_delay there",
            standby.delay
        ),
    })
}

/// `free`: connections that are to spare.
pub fn connections(server: &ServerFacts, free: u16) -> Option<Obstacle> {
    if free >= WANTED_CONNECTIONS {
        return None;
    }
    let facts = server.connections;
    Some(Obstacle {
        code: FailureCode::TooManyConnections,
        message: format!(
            "{} of {} connections are in use, and only {free} are to spare; a backup needs two more than it has lanes: \
             raise max_connections, or use --lanes 1",
            facts.used, facts.most
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_is_warned_of_unless_it_waits_or_holds_the_primary_back() {
        let standby =
            |feedback, waits_for_ever| Standby { feedback, waits_for_ever, delay: "30s".to_owned() };
        assert!(super::standby(&standby(false, false)).is_some_and(|told| told.message.contains("30s")));
        assert_eq!(super::standby(&standby(true, false)), None);
        assert_eq!(super::standby(&standby(false, true)), None);
    }
}
