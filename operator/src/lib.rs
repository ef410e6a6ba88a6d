//! Coffer's control plane and command line. The binary is a thin shell around [`command::main`]; this library exists so
//! that tests reach the parts without starting a process.

mod backoff;
mod clock;
mod cluster;
mod context;
mod controller;
mod health;
mod keeper_client;
mod leader;
mod metrics;
mod names;
mod settings;
#[cfg(test)]
mod simulation;
mod words;

pub mod command;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod pinned;
pub mod token;
