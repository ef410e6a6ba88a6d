//! Processor time of a server and of all that it has started, from proc(5).

use std::fs;
use std::io;

/// What the kernel counts processor time in, as it tells it: 100 a second on every machine that Linux runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one process has used: itself, and those of its children that have ended and were waited for.
#[derive(Debug, PartialEq)]
struct Usage {
    parent: u32,
    ticks: u64,
}

/// Seconds that a process has used since its start, with its children of today and those that have ended.
///
/// # Errors
/// When it is gone.
pub fn seconds(process: u32) -> io::Result<f64> {
    let own =
        usage(&fs::read_to_string(format!("/proc/{process}/stat"))?).ok_or(io::ErrorKind::InvalidData)?;
    let mut ticks = own.ticks;
    for entry in fs::read_dir("/proc")? {
        // Others come and go while this looks.
        let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else { continue };
        if let Some(child) = usage(&stat).filter(|child| child.parent == process) {
            ticks += child.ticks;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "hundredths of a second")]
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// Fields 4 and 14 to 17; the second, a name in brackets, may hold anything.
fn usage(stat: &str) -> Option<Usage> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let times = fields.get(11..15)?;
    let ticks = times.iter().map(|time| time.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Usage { parent: fields.get(1)?.parse().ok()?, ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_shifts_no_field() {
        let stat = "7 (a) b (c) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 300 4000 20 0 1 0 5 6 7";
        assert_eq!(usage(stat), Some(Usage { parent: 3, ticks: 4330 }));
        assert_eq!(usage("7 (gone"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let begun = seconds(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while seconds(std::process::id()).unwrap() <= begun {
            sum = std::hint::black_box(sum + 1);
        }
    }
}
