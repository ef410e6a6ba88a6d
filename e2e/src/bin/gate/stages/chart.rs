//! Chart, kustomize and GitOps files, as far as they can be judged without a cluster.

use super::{Context, tools};
use crate::command::{CommandError, Tally, test};

pub fn check(context: &Context) -> Result<Tally, CommandError> {
    let mut command = context.cargo(&[
        "test",
        "--quiet",
        "--locked",
        "--package",
        "e2e",
        "--test",
        "packaging",
        "--test",
        "argocd",
    ]);
    test(tools::with_servers(&mut command)?)
}
