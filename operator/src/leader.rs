//! Leadership by a Lease, so that of two operators one works. It saves work and prevents nothing: what must happen once
//! is made safe by create-only names.

use std::time::{Duration, Instant};

use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};

use crate::names::LEASE;

/// Seconds that a lease holds after its last renewal.
const HOLDS: u64 = 15;
/// Seconds before its end at which it is renewed.
const GRACE: u64 = 5;

/// A claim on the lease.
pub struct Leadership {
    manager: LeaseManager,
}

impl Leadership {
    /// Prepares to claim the lease in `namespace` as `pod`.
    ///
    /// # Errors
    /// Those of the API server.
    pub async fn prepare(client: Client, namespace: &str, pod: &str) -> Result<Self, LeaseManagerError> {
        let manager = LeaseManagerBuilder::new(client, LEASE)
            .with_namespace(namespace)
            .with_identity(pod)
            .with_field_manager(format!("coffer-{pod}"))
            .with_duration(HOLDS)
            .with_grace(GRACE)
            .build()
            .await?;
        Ok(Self { manager })
    }

    /// Waits until this replica leads.
    pub async fn acquire(&self) {
        loop {
            match self.manager.changed().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "failed to claim the lease");
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            }
        }
    }

    /// Keeps the lease, and returns when it is lost: taken, or not renewed in time by this machine's own reckoning.
    pub async fn hold(&self) {
        let mut failing: Option<Instant> = None;
        loop {
            match self.manager.changed().await {
                Ok(false) => return,
                Ok(true) => failing = None,
                Err(error) => {
                    let since = *failing.get_or_insert_with(Instant::now);
                    tracing::warn!(%error, "failed to renew the lease");
                    if since.elapsed() > Duration::from_secs(HOLDS - GRACE) {
                        return;
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Gives the lease up, so that the other replica need not wait for its end.
    pub async fn release(&self) {
        if let Err(error) = self.manager.release().await {
            tracing::warn!(%error, "failed to release the lease");
        }
    }
}
