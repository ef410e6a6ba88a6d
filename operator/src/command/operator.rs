//! `coffer operator`: reconciles Coffer's kinds. Started by the Deployment of the chart.

use std::process::ExitCode;

/// Flags of the operator.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs until it is told to stop.
pub async fn run(_arguments: Arguments) -> ExitCode {
    tracing::error!("the operator's controllers are not part of this build");
    ExitCode::FAILURE
}
