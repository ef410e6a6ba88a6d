//! When to back up and how long to keep what, as pure functions.
//!
//! Nothing here reads a clock, a file, a network or an object: time is an argument, and the data of the time
//! zones are compiled in. The operator, the keeper and `coffer policy simulate` ask the same questions of the
//! same code.

pub mod choice;
pub mod keep;
pub mod retention;
pub mod schedule;
pub mod simulate;
pub mod spread;
pub mod tag;
pub mod window;
pub mod zone;

pub use keep::{Keep, KeepError, KeepRange, KeepRangeError};
pub use schedule::{Schedule, ScheduleError};
pub use window::{Due, Windows};
pub use zone::{Zone, ZoneError};
