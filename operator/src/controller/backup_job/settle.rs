//! Asks the keeper what became of a run's point. A question that cannot be put is an answer, too.

use contract::{RunId, Settled};
use crds::BackupJob;
use kube::ResourceExt as _;

use super::facts::{Facts, Question};
use crate::context::Context;
use crate::controller::Error;
use crate::keeper_client::Trouble;

/// The keeper's answer.
///
/// # Errors
/// [`Error::Keeper`] when no call can be prepared at all.
pub async fn settle(
    job: &BackupJob,
    context: &Context,
    facts: &Facts,
    question: Question,
) -> Result<Result<Settled, Trouble>, Error> {
    let (Some(vault), Some(address)) = (&facts.vault, &facts.keeper) else {
        return Ok(Err(Trouble::Unreachable("The vault has no keeper at the moment.".into())));
    };
    let client = context.keeper(&vault.uid().unwrap_or_default(), address)?;
    let run = RunId(job.uid().unwrap_or_default());
    Ok(client.settle(&run, question.void).await.map_err(|error| Trouble::from(&error)))
}
