//! What an error of the file system means to us.

use std::{io, path::Path};

use rustix::io::Errno;

use crate::store::{StoreError, StoreErrorKind, Verb};

pub(super) fn classify(verb: Verb, object: &str, root: &Path, error: &io::Error) -> StoreError {
    let kind = kind(error);
    let message =
        if kind == StoreErrorKind::Full { format!("{error}; {}", space(root)) } else { error.to_string() };
    StoreError::new(verb, object, kind, message)
}

/// The vault's directory itself cannot be looked at.
pub(super) fn root(verb: Verb, object: &str, root: &Path, error: &io::Error) -> StoreError {
    let kind = kind(error);
    let kind = if kind == StoreErrorKind::NotFound { StoreErrorKind::BucketMissing } else { kind };
    StoreError::new(verb, object, kind, format!("directory {}: {error}", root.display()))
}

fn kind(error: &io::Error) -> StoreErrorKind {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NOTDIR) => StoreErrorKind::NotFound,
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => StoreErrorKind::Full,
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => StoreErrorKind::AccessDenied,
        Some(
            Errno::IO | Errno::STALE | Errno::TIMEDOUT | Errno::NOTCONN | Errno::HOSTDOWN | Errno::NODEV,
        ) => StoreErrorKind::Unreachable,
        Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => StoreErrorKind::Misconfigured,
        _ => StoreErrorKind::Unexpected,
    }
}

fn space(root: &Path) -> String {
    match rustix::fs::statvfs(root) {
        Ok(space) => format!(
            "{} of {} MiB are free",
            space.f_bavail.saturating_mul(space.f_frsize) >> 20,
            space.f_blocks.saturating_mul(space.f_frsize) >> 20
        ),
        Err(error) => format!("how much is free cannot be told: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_volume_says_how_much_is_free() {
        let error = classify(Verb::Create, "data/x", Path::new("/"), &Errno::NOSPC.into());
        assert_eq!(error.kind, StoreErrorKind::Full);
        assert!(error.message.contains("MiB are free"), "{error}");
    }

    #[test]
    fn a_missing_root_is_not_a_missing_object() {
        let error = root(Verb::Get, "vault.json", Path::new("/nowhere"), &Errno::NOENT.into());
        assert_eq!(error.kind, StoreErrorKind::BucketMissing);
    }
}
