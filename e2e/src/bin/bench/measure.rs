//! One run of one contestant: time, processor, memory.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a run took.
#[derive(Debug, Default, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// From start to end, by the wall's clock.
    pub seconds: f64,
    /// Of all processes that the contestant started; the servers' own are not among them.
    pub cpu_seconds: f64,
    /// What it cost PostgreSQL, in processor seconds.
    pub postgres_cpu_seconds: f64,
    /// What it cost the S3 server, in processor seconds.
    pub store_cpu_seconds: f64,
    /// Most memory of the largest process, MiB.
    pub peak_mib: f64,
    /// Bytes that lie in the bucket afterwards; 0 where nothing is stored.
    pub stored_bytes: u64,
}

/// Runs a line of bash, any part of which may fail it.
///
/// # Errors
/// When it fails, with what it printed.
pub fn shell(line: &str, variables: &[(String, String)]) -> Result<(), Box<dyn Error>> {
    let mut bash = Command::new("bash");
    finished(line, bash.args(["-c", &strict(line)]).envs(variables.iter().cloned()))
}

/// As [`shell`], measured.
///
/// # Errors
/// As those of [`shell`].
pub fn measured(
    line: &str,
    variables: &[(String, String)],
    scratch: &Path,
) -> Result<Measured, Box<dyn Error>> {
    let told = scratch.join("time");
    let mut time = Command::new("/usr/bin/time");
    time.args(["--format", "%e %U %S %M", "--output"]).arg(&told);
    finished(line, time.args(["bash", "-c", &strict(line)]).envs(variables.iter().cloned()))?;
    parse(&fs::read_to_string(&told)?).ok_or_else(|| "time(1) told something else than figures".into())
}

fn strict(line: &str) -> String {
    format!("set -euo pipefail; {line}")
}

fn finished(line: &str, command: &mut Command) -> Result<(), Box<dyn Error>> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("`{line}` ended with {}:\n{out}{err}", output.status).into())
}

fn parse(told: &str) -> Option<Measured> {
    let figures: Vec<f64> =
        told.lines().last()?.split_whitespace().map(|figure| figure.parse().ok()).collect::<Option<_>>()?;
    let [seconds, user, system, kib] = figures[..] else { return None };
    Some(Measured { seconds, cpu_seconds: user + system, peak_mib: kib / 1024.0, ..Measured::default() })
}

/// The one in the middle; of an even number, the lower of the two.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_time_tells_is_read() {
        let measured = parse("12.34 10.00 2.50 2048\n").unwrap();
        assert_eq!((measured.seconds, measured.cpu_seconds, measured.peak_mib), (12.34, 12.5, 2.0));
        assert_eq!(parse("Command exited with non-zero status 1\n"), None);
    }

    #[test]
    fn the_median_is_one_of_the_values() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.0);
    }
}
