//! Coffer's control plane and command line. The binary is a thin shell around [`command::main`]; this library exists so
//! that tests reach the parts without starting a process.

pub mod command;
pub mod pinned;
pub mod token;
