//! When a keeper's certificate is made, shown to clients and taken into use. Pure but for the making itself.
//!
//! ```text
//! month   0        8                 9               12
//!         current  next is pinned    next is shown   the first ends
//! ```

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use zeroize::Zeroizing;

use super::config::Certificates;
use crate::names;

const DAY: i64 = 24 * 3600;
const VALID: SignedDuration = SignedDuration::from_secs(365 * DAY);
const PIN_NEXT: SignedDuration = SignedDuration::from_secs(243 * DAY);
const SHOW_NEXT: SignedDuration = SignedDuration::from_secs(273 * DAY);
/// Clocks of nodes differ: a certificate begins a little before it is made.
const EARLY: SignedDuration = SignedDuration::from_hours(1);

/// A certificate with its private key.
pub struct Identity {
    pub certificate: String,
    pub private_key: Zeroizing<String>,
}

/// What is to be done about a keeper's certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    Nothing,
    /// Make the first one.
    First,
    /// Make the next one, with this number, and let clients pin it.
    PinNext(u32),
    /// Let the keeper show the next one.
    ShowNext(Certificates),
}

/// What the dates ask for.
pub fn renewal(certificates: Option<&Certificates>, wall: Timestamp) -> Renewal {
    let Some(certificates) = certificates else { return Renewal::First };
    let age = wall.duration_since(certificates.current.born);
    match &certificates.next {
        None if age >= PIN_NEXT => Renewal::PinNext(certificates.current.number.saturating_add(1)),
        Some(next) if age >= SHOW_NEXT => {
            Renewal::ShowNext(Certificates { current: next.clone(), next: None })
        }
        None | Some(_) => Renewal::Nothing,
    }
}

/// When a certificate ends that was made at `born`.
pub fn ends(born: Timestamp) -> Option<Timestamp> {
    born.checked_add(VALID).ok()
}

/// Makes a self-signed certificate for the keeper of a vault.
///
/// # Errors
/// Those of the generator.
pub fn make(vault: &str, namespace: &str, wall: Timestamp) -> Result<Identity, rcgen::Error> {
    let host = format!("{}.{namespace}.svc", names::keeper(vault));
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::new(vec![host])?;
    parameters.distinguished_name.push(DnType::CommonName, names::keeper(vault));
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // The generator takes calendar days.
    let (year, month, day) = date(wall.checked_sub(EARLY).unwrap_or(wall));
    parameters.not_before = rcgen::date_time_ymd(year, month, day);
    let (year, month, day) = date(ends(wall).unwrap_or(wall));
    parameters.not_after = rcgen::date_time_ymd(year, month, day);
    let certificate = parameters.self_signed(&key)?;
    Ok(Identity { certificate: certificate.pem(), private_key: Zeroizing::new(key.serialize_pem()) })
}

fn date(time: Timestamp) -> (i32, u8, u8) {
    let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    (i32::from(date.year()), part(date.month()), part(date.day()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::vault::config::Certificate;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn certificate(number: u32, born: &str) -> Certificate {
        Certificate { number, pem: "pem".into(), born: at(born) }
    }

    fn certificates(next: bool) -> Certificates {
        let next = next.then(|| certificate(2, "2026-09-01T00:00:00Z"));
        Certificates { current: certificate(1, "2026-01-01T00:00:00Z"), next }
    }

    #[test]
    fn a_certificate_is_renewed_at_eight_months_and_shown_a_month_later() {
        let shown = Certificates { current: certificate(2, "2026-09-01T00:00:00Z"), next: None };
        let cases = [
            (false, "2026-08-31T00:00:00Z", Renewal::Nothing),
            (false, "2026-09-01T00:00:00Z", Renewal::PinNext(2)),
            (true, "2026-09-20T00:00:00Z", Renewal::Nothing),
            (true, "2026-10-01T00:00:00Z", Renewal::ShowNext(shown)),
        ];
        for (next, wall, expected) in cases {
            assert_eq!(renewal(Some(&certificates(next)), at(wall)), expected, "{wall}");
        }
        assert_eq!(renewal(None, at("2026-01-01T00:00:00Z")), Renewal::First);
    }

    #[test]
    fn a_made_certificate_can_be_pinned() {
        let identity = make("main", "vaults", at("2026-01-01T00:00:00Z")).unwrap();
        assert!(crate::pinned::client_config(&[identity.certificate]).is_ok());
        assert!(identity.private_key.contains("PRIVATE KEY"));
    }
}
