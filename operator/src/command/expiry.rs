//! When a point ends: the one place where a decision's `keep` is counted out on the calendar.

use jiff::Timestamp;
use mover::format::Record;
use policy::{Keep, Zone};

/// The instant from which a point may be deleted, stamped into the ledger when it is accepted; `None`: never.
///
/// # Errors
/// When the record's `keep` or time zone cannot be read; it was written by this program, so that says a newer one.
pub fn of_record(record: &Record) -> Result<Option<Timestamp>, String> {
    let decision = &record.decision;
    let Some(keep) = &decision.keep else {
        return Ok(None);
    };
    let keep = Keep::parse(keep).map_err(|error| error.to_string())?;
    let zone = Zone::parse(&decision.time_zone).map_err(|error| error.to_string())?;
    Ok(Some(keep.expires(record.point_time, &zone)))
}
