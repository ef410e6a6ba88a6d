//! Another end for one point: an early removal that can be taken back, and an end of its own.

use std::collections::HashSet;

use contract::{OverrideRequest, Owner, PointId, RemoveRequest};
use jiff::Timestamp;

use super::{
    Vault, VaultError, floor::kept_as_last_good, owners::refuse_earlier_than_pledged, restores::cut,
};
use crate::{
    format::{Id, Promise, StatePoint},
    ledger::{LedgerHead, Refused, State},
};

impl Vault {
    /// Lets a point go before its time: it counts for no floor any more, and may get its tombstone once the purge's time is
    /// over. Asked again, or for a later purge, it changes nothing.
    ///
    /// The newest good points of its owner stay, as with [`Vault::tombstone`].
    ///
    /// # Errors
    /// [`Refused`], with nothing changed; a failure of storage.
    pub async fn remove(&self, point: &PointId, request: &RemoveRequest) -> Result<LedgerHead, VaultError> {
        let point = Id::try_from(point).map_err(|_| VaultError::Id { what: "the point's" })?;
        self.may_delete_by_clock().await?;
        let there = self.newer_ones_there(point, request.keep_at_least).await?;
        let request = RemoveRequest { reason: cut(&request.reason), ..request.clone() };
        let clock = self.clock().clone();
        let decide = move |state: &State| remove(state, point, &request, &there, clock.now()).into();
        Ok(self.inner.ledger.append(decide).await?)
    }

    /// Gives a point another end than the one it was stamped with, and takes a removal back that has not been carried out.
    /// Asked again, it changes nothing.
    ///
    /// # Errors
    /// [`Refused`], with nothing changed; a failure of storage.
    pub async fn override_end(
        &self,
        point: &PointId,
        request: &OverrideRequest,
    ) -> Result<LedgerHead, VaultError> {
        let point = Id::try_from(point).map_err(|_| VaultError::Id { what: "the point's" })?;
        let request = OverrideRequest { reason: cut(&request.reason), ..request.clone() };
        let clock = self.clock().clone();
        let decide = move |state: &State| override_end(state, point, &request, clock.now()).into();
        Ok(self.inner.ledger.append(decide).await?)
    }
}

fn remove(
    state: &State,
    point: Id,
    request: &RemoveRequest,
    there: &HashSet<Id>,
    now: Timestamp,
) -> Result<Vec<Promise>, Refused> {
    let found = point_of_instance(state, point)?;
    let purge = request.purge.unwrap_or(now);
    let is_going = found.removal.as_ref().is_some_and(|removal| removal.purge <= purge);
    if found.tombstoned.is_some() || is_going {
        return Ok(Vec::new());
    }
    refuse_earlier_than_pledged(state, purge, now)?;
    if let Some(keep) = kept_as_last_good(state, found, request.keep_at_least, there) {
        return Err(Refused::KeptAsLastGood { point, keep });
    }
    Ok(vec![Promise::Removed { point, purge, reason: request.reason.clone() }])
}

fn override_end(
    state: &State,
    point: Id,
    request: &OverrideRequest,
    now: Timestamp,
) -> Result<Vec<Promise>, Refused> {
    let found = point_of_instance(state, point)?;
    if found.tombstoned.is_some() {
        return Err(Refused::Expired { point });
    }
    let is_so = found
        .overridden
        .as_ref()
        .is_some_and(|end| end.until == request.until && end.reason == request.reason);
    if is_so && found.removal.is_none() {
        return Ok(Vec::new());
    }
    if found.promised_end().is_none_or(|end| request.until < end) {
        // Shortening is a removal by another name.
        refuse_earlier_than_pledged(state, request.until, now)?;
    }
    Ok(vec![Promise::Override { point, until: request.until, reason: request.reason.clone() }])
}

fn point_of_instance(state: &State, point: Id) -> Result<&StatePoint, Refused> {
    let found = state.point(point).ok_or(Refused::NotFound { point })?;
    match found.point.owner {
        Owner::Cli { .. } => Err(Refused::OwnedByCommandLine { point }),
        Owner::Instance { .. } => Ok(found),
    }
}
