//! Everything that can be known before the first write: whether the target can take the point, and where it goes. The
//! target is only looked at; every objection comes with what to do.

mod facts;
mod judge;
mod mentions;
mod outline;

use contract::FailureCode;

#[cfg(test)]
use facts::Role;
#[cfg(any(test, feature = "fuzz"))]
pub(super) use mentions::mentioned;

pub use facts::{ExistingDatabase, Facts, Question};
pub use judge::{Judged, Place, Request, judge, missing_roles};
pub use outline::Outline;

/// One reason why the target cannot take the restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    pub code: FailureCode,
    /// What is wrong and what to do.
    pub sentence: String,
}
