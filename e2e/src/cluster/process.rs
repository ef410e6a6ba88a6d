//! Processes, known by their number and the moment they began, so that a number used again is never mistaken.

use std::fs;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// One process. Two processes never have the same identity while the machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Its number.
    pub pid: i32,
    /// When it began, in the kernel's clock ticks since the machine started.
    pub began: u64,
}

impl Identity {
    /// The process that has this number now; `None` if there is none, or it has ended and waits to be collected.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        parse_stat(pid, &stat)
    }

    /// Whether this very process still runs.
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal to this very process; one that has ended is left alone, and so is whatever has its number now.
    pub fn signal(self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        // The descriptor is taken first and the identity checked after: from then on it cannot mean another process.
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if self.is_alive() {
            // It fails only if the process ends in this moment, which is what the caller wants.
            let _ended = pidfd_send_signal(process, signal);
        }
    }
}

/// Field 3 is the state and field 22 the start; field 2, the name, may hold spaces and closing parentheses.
fn parse_stat(pid: i32, stat: &str) -> Option<Identity> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    let began = fields.nth(18)?.parse().ok()?;
    Some(Identity { pid, began })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let tail = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(parse_stat(7, &format!("7 (a) Z ( b) S {tail}")), Some(Identity { pid: 7, began: 4242 }));
    }

    #[test]
    fn an_ended_process_that_nobody_collected_is_not_alive() {
        let tail = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(parse_stat(7, &format!("7 (sh) Z {tail}")), None);
    }

    #[test]
    fn a_number_used_again_is_not_signalled() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let identity = Identity::of(pid).unwrap();
        Identity { began: identity.began + 1, ..identity }.signal(Signal::KILL);
        assert!(child.try_wait().unwrap().is_none());
        assert!(identity.is_alive());
        identity.signal(Signal::KILL);
        child.wait().unwrap();
        assert!(!identity.is_alive());
    }
}
