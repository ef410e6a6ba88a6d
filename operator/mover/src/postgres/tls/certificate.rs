//! The two things that have to be read out of an X.509 certificate by hand: how it was signed, and when it holds.
//!
//! ```text
//! Certificate = SEQUENCE { tbs, signatureAlgorithm SEQUENCE { OID, .. }, signature }
//! tbs         = SEQUENCE { [0] version, serial, algorithm, issuer, validity SEQUENCE { Time, Time }, .. }
//! ```

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512};
use jiff::{civil::DateTime, tz::TimeZone};

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const EXPLICIT_VERSION: u8 = 0xa0;

/// 1.2.840.113549.1.1, whose last number is left out: signatures by RSA.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// 1.2.840.10045.4: signatures by ECDSA.
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate<'a> {
    signature_algorithm: &'a [u8],
    /// Seconds since 1970, the first and the last at which it holds.
    validity: (i64, i64),
}

impl<'a> Certificate<'a> {
    /// `None` where it is not a certificate in DER form.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let (certificate, _) = take(der, SEQUENCE)?;
        let (tbs, rest) = take(certificate, SEQUENCE)?;
        let (algorithm, _) = take(rest, SEQUENCE)?;
        let (signature_algorithm, _) = take(algorithm, OBJECT_ID)?;
        let tbs = take(tbs, EXPLICIT_VERSION).map_or(tbs, |(_, rest)| rest);
        let (_, _, rest) = element(tbs)?; // serial number
        let (_, rest) = take(rest, SEQUENCE)?; // algorithm
        let (_, rest) = take(rest, SEQUENCE)?; // issuer
        let (validity, _) = take(rest, SEQUENCE)?;
        let (first, rest) = time(validity)?;
        let (last, _) = time(rest)?;
        Some(Self { signature_algorithm, validity: (first, last) })
    }

    /// The hash function of its signature, as RFC 5929 wants it: at least SHA-256.
    pub fn hash_algorithm(&self) -> Option<&'static Algorithm> {
        if let Some(last) = self.signature_algorithm.strip_prefix(RSA) {
            return match last {
                [4 | 5 | 11] => Some(&SHA256),
                [12] => Some(&SHA384),
                [13] => Some(&SHA512),
                _ => None,
            };
        }
        match self.signature_algorithm.strip_prefix(ECDSA)? {
            [1] | [3, 2] => Some(&SHA256),
            [3, 3] => Some(&SHA384),
            [3, 4] => Some(&SHA512),
            _ => None,
        }
    }

    /// Whether it holds at this second.
    pub fn holds_at(&self, second: i64) -> bool {
        (self.validity.0..=self.validity.1).contains(&second)
    }
}

/// The content of the element at the start, if it has this tag, and what follows the element.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(der)?;
    (found == tag).then_some((content, rest))
}

/// The element at the start: its tag, its content, and what follows. Lengths are of at most 4 bytes.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (short, mut rest) = rest.split_first()?;
    let mut length = usize::from(*short);
    if *short >= 0x80 {
        let count = usize::from(*short & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(count)?;
        length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// A time as `YYMMDDHHMMSSZ` (1950 to 2049) or `YYYYMMDDHHMMSSZ`, and what follows it.
fn time(der: &[u8]) -> Option<(i64, &[u8])> {
    let (tag, content, rest) = element(der)?;
    let digits = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let text = match tag {
        UTC_TIME => {
            let century = if digits.get(..2)? >= "50" { "19" } else { "20" };
            format!("{century}{digits}")
        }
        GENERALIZED_TIME => digits.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%S", &text).ok()?;
    Some((time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn self_signed(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["db.example.com".into()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2024, 2, 29);
        parameters.not_after = rcgen::date_time_ymd(2051, 1, 1);
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn signature_and_validity_are_read() {
        for (algorithm, hash) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, Some(&SHA256)),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Some(&SHA384)),
            (&rcgen::PKCS_RSA_SHA256, Some(&SHA256)),
            (&rcgen::PKCS_ED25519, None),
        ] {
            let der = self_signed(algorithm);
            let certificate = Certificate::parse(&der).unwrap();
            assert_eq!(certificate.hash_algorithm(), hash);
            // 2024-02-29 and 2051-01-01, the latter in the longer form of a time.
            assert_eq!(certificate.validity, (1_709_164_800, 2_556_144_000));
            assert!(certificate.holds_at(1_709_164_800) && !certificate.holds_at(1_709_164_799));
        }
    }

    #[test]
    fn a_certificate_cut_anywhere_is_none_or_the_same() {
        let der = self_signed(&rcgen::PKCS_ECDSA_P256_SHA256);
        for length in 0..der.len() {
            assert_eq!(Certificate::parse(&der[..length]), None);
        }
    }
}
