//! Whole stories, from `kubectl apply` to a restored database, on a real Kubernetes.
//!
//! `cargo gate --only stories` boots clusters, builds the images and says where they are. On each cluster one story runs at
//! a time, since some of them take the operator away or move its clock.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what failed by panicking"
)]

mod as_people;
mod bad_yaml;
mod beside;
mod codes;
mod failures;
mod granted;
mod idle;
mod jobs;
mod lost_cluster;
mod main_job;
mod mover_killed;
mod namespaces;
mod new_year;
mod not_started;
mod operator_killed;
mod other_stores;
mod points;
mod policies;
mod protection_states;
mod scene;
mod secrecy;
mod soft_deleted;
mod stamped;
mod twelve_states;
mod undeletable;
mod uninstalled;
mod unreadable;
mod upgraded;
mod verified;
mod whole_server;
mod windows;
