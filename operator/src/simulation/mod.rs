//! Years of a whole operator in seconds: the real drivers, policies, keeper, ledger and vault, over an API server in memory
//! and a directory as storage. Only the pods are played: a mover here stores one row.
//!
//! ```text
//! cluster       all drivers, looked through until nothing is written any more; time moves only between
//! keeper_site   a real keeper over a directory
//! pods          what the mover of each Job does, as the script says
//! edits         what people do to policies, instances and vaults meanwhile
//! oracle        what must be left, reckoned day by day without the code that is tested
//! adoption      a cluster that is lost, and the one that takes its instances over
//! read_back     what `verifyEveryDays` reads, and how often
//! ```

mod adoption;
mod cluster;
mod edits;
mod keeper_site;
mod oracle;
mod pods;
mod read_back;
mod three_years;
