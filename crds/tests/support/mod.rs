//! What the tests of objects share.

pub mod case;
pub mod structure;
