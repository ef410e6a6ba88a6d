//! What the tests of objects share.

pub mod case;
pub mod defaults;
pub mod structure;
