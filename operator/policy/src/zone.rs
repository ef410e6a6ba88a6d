//! Time zones by name: IANA or Windows, from the tables compiled into the program.

mod suggest;
mod windows;

use std::fmt;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A time zone that is known to exist.
///
/// The data come with the program and not from the machine, so that two replicas on different images never
/// disagree about a slot. Cloning is cheap. Two zones are equal when their IANA names are.
#[derive(Clone)]
pub struct Zone {
    name: String,
    time_zone: TimeZone,
}

/// Why a `timeZone` was refused, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// The field is there and empty.
    #[error("`timeZone` is empty: leave the field out for UTC, or write an IANA name such as Europe/Berlin")]
    Empty,
    /// Something like `UTC+3` or `EST5EDT4`: an offset has no daylight saving rules and no name.
    #[error(
        "`timeZone` must be a name, not an offset or rule such as {given:?}: \
         write an IANA name such as Europe/Berlin, or Etc/GMT-3 for three hours east of Greenwich"
    )]
    Offset {
        /// What the field said, shortened.
        given: String,
    },
    /// No zone has this name.
    #[error("`timeZone` {given:?} is not the name of a time zone: {hint}")]
    Unknown {
        /// What the field said, shortened.
        given: String,
        /// The nearest known name, or which kinds of names are accepted.
        hint: String,
    },
}

impl Zone {
    /// Coordinated Universal Time, the zone of every rule that names none.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), time_zone: TimeZone::UTC }
    }

    /// Reads the value of a `timeZone` field: an IANA name (`Europe/Berlin`) or a Windows name
    /// (`W. Europe Standard Time`). Upper and lower case do not matter.
    ///
    /// # Errors
    ///
    /// [`ZoneError`] when the name is empty, an offset, or unknown; its message suggests the nearest name.
    pub fn parse(name: &str) -> Result<Self, ZoneError> {
        if name.trim().is_empty() {
            return Err(ZoneError::Empty);
        }
        let known = |name: &str| database().get(name).ok().filter(|zone| !zone.is_unknown());
        let found = known(name).or_else(|| windows::iana_name(name).and_then(known));
        let Some(time_zone) = found else {
            return Err(refuse(name));
        };
        let name = time_zone.iana_name().unwrap_or("UTC").to_owned();
        Ok(Self { name, time_zone })
    }

    /// Like [`Zone::parse`], where an absent field means UTC.
    ///
    /// # Errors
    ///
    /// Those of [`Zone::parse`].
    pub fn parse_or_utc(name: Option<&str>) -> Result<Self, ZoneError> {
        name.map_or_else(|| Ok(Self::utc()), Self::parse)
    }

    /// The IANA name, in its customary spelling. A Windows name has become the IANA name it stands for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules of the zone.
    pub fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    /// What a clock on the wall shows at this instant.
    pub fn wall_clock(&self, at: Timestamp) -> civil::DateTime {
        self.time_zone.to_datetime(at)
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Zone({})", self.name)
    }
}

impl std::str::FromStr for Zone {
    type Err = ZoneError;

    fn from_str(name: &str) -> Result<Self, ZoneError> {
        Self::parse(name)
    }
}

/// The compiled-in zones. The machine's own directory of zones is never read.
pub(crate) fn database() -> &'static TimeZoneDatabase {
    static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    &DATABASE
}

fn refuse(name: &str) -> ZoneError {
    let given: String = name.chars().take(64).collect();
    if looks_like_an_offset(name) {
        return ZoneError::Offset { given };
    }
    let hint = suggest::nearest_name(name).map_or_else(
        || {
            "write an IANA name such as Europe/Berlin or a Windows name such as W. Europe Standard Time"
                .to_owned()
        },
        |nearest| format!("did you mean {nearest:?}?"),
    );
    ZoneError::Unknown { given, hint }
}

/// `UTC+3`, `+02:00`, `EST5EDT4`: letters, digits and signs, but no slash and no space, and at least one digit.
fn looks_like_an_offset(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | ':' | ',' | '.');
    name.chars().all(allowed) && name.chars().any(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_zone_is_utc() {
        assert_eq!(Zone::parse_or_utc(None), Ok(Zone::utc()));
        assert_eq!(Zone::parse("Etc/UTC").unwrap().name(), "Etc/UTC");
    }

    #[test]
    fn iana_and_windows_names_of_one_place_give_one_zone_in_any_case() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        for name in ["europe/BERLIN", "W. Europe Standard Time", "w. europe standard time"] {
            assert_eq!(Zone::parse(name), Ok(berlin.clone()), "{name}");
        }
        assert_eq!(Zone::parse("Pacific Standard Time").unwrap().name(), "America/Los_Angeles");
        assert_eq!(
            Zone::parse("UTC+12").unwrap().name(),
            "Etc/GMT-12",
            "a Windows name, though it looks otherwise"
        );
    }

    #[test]
    fn every_bundled_name_is_accepted_and_keeps_its_spelling() {
        for name in database().available() {
            assert_eq!(Zone::parse(name.as_str()).unwrap().name(), name.as_str());
        }
    }

    #[test]
    fn what_is_no_zone_is_refused_with_the_field_and_a_way_out() {
        let table = [
            ("", "`timeZone` is empty"),
            ("  ", "`timeZone` is empty"),
            ("UTC+3", "Etc/GMT-3"),
            ("+02:00", "must be a name"),
            ("EST5EDT4", "must be a name"),
            ("Local", "IANA name such as"),
            ("../etc/passwd", "`timeZone` \"../etc/passwd\""),
            ("/usr/share/zoneinfo/Europe/Berlin", "is not the name of a time zone"),
            ("Etc/Unknown", "is not the name of a time zone"),
            ("Europe/Berln", "did you mean \"Europe/Berlin\"?"),
            ("Berlin", "did you mean \"Europe/Berlin\"?"),
            ("new york", "did you mean \"America/New_York\"?"),
            ("Pacific Standart Time", "did you mean \"Pacific Standard Time\"?"),
            ("Ｅurope/Berlin", "did you mean \"Europe/Berlin\"?"),
        ];
        for (name, expected) in table {
            let error = Zone::parse(name).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
            assert!(error.contains("`timeZone`"), "{name}: {error}");
        }
    }

    #[test]
    fn a_very_long_name_is_refused_without_being_repeated_whole() {
        let error = Zone::parse(&"x".repeat(100_000)).unwrap_err().to_string();
        assert!(error.len() < 300, "{}", error.len());
    }
}
