//! Randomness from the operating system.

use aws_lc_rs::rand;

use crate::format::Id;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("draw random bytes: the operating system gave none")]
pub struct RandomError;

/// A fresh id: of a vault, a writer, a reader.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn random_id() -> Result<Id, RandomError> {
    random().map(Id)
}

/// `N` fresh bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes)
}
