//! Seeded histories of what people do to policies, instances and vaults, each played against the real drivers and against a
//! model of what the documents promise, and compared whenever the drivers have come to rest.
//!
//! ```text
//! words      what can happen, and what a policy is here
//! generator  a seed makes a history
//! calendar   slots, periods and ends, by days and months alone
//! model      what the documents promise; shares nothing with the code that is tested
//! owners     of the model: whose points they are, from the claim to the purge
//! picture    what is compared, and how the model draws it
//! people     carries a history out in a cluster, and draws the same picture of it
//! ```

mod calendar;
mod generator;
mod model;
mod owners;
mod people;
mod picture;
mod tests;
mod words;
