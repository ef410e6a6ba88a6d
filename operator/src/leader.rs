//! Leadership by a Lease, so that of two operators one works. It saves work and prevents nothing: what must happen once
//! is made safe by create-only names.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, Config};
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};

use crate::names::LEASE;

/// Seconds that a lease holds after its last renewal.
const HOLDS: u64 = 15;
/// Seconds before its end at which it is renewed.
const GRACE: u64 = 10;
/// The API server answers within this, or the try counts as failed.
const ANSWER: Duration = Duration::from_secs(3);
/// After a renewal that failed: with one answer before and one after it the lease has not ended yet.
const PATIENCE: Duration = Duration::from_secs(4);
/// Between two questions whose lease it is.
const AGAIN: Duration = Duration::from_secs(1);
/// How long an operator that stops tries to give its lease up.
const RELEASE: Duration = Duration::from_secs(5);

/// A claim on the lease.
pub struct Leadership {
    manager: LeaseManager,
    leases: Api<Lease>,
    pod: String,
}

impl Leadership {
    /// Prepares to claim the lease in `namespace` as `pod`, by connections of its own: an API server that falls silent
    /// must be noticed before the lease ends.
    ///
    /// # Errors
    /// Those of the API server.
    pub async fn prepare(mut config: Config, namespace: &str, pod: &str) -> Result<Self, LeaseManagerError> {
        config.connect_timeout = Some(ANSWER);
        config.read_timeout = Some(ANSWER);
        config.write_timeout = Some(ANSWER);
        Self::with_client(Client::try_from(config)?, namespace, pod).await
    }

    async fn with_client(client: Client, namespace: &str, pod: &str) -> Result<Self, LeaseManagerError> {
        let manager = LeaseManagerBuilder::new(client.clone(), LEASE)
            .with_namespace(namespace)
            .with_identity(pod)
            .with_field_manager(format!("coffer-{pod}"))
            .with_duration(HOLDS)
            .with_grace(GRACE)
            .build()
            .await?;
        Ok(Self { manager, leases: Api::namespaced(client, namespace), pod: pod.to_owned() })
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
        loop {
            match self.manager.changed().await {
                Ok(false) => return,
                Ok(true) => {}
                Err(error) => {
                    tracing::warn!(%error, "failed to renew the lease");
                    if !self.is_still_ours().await {
                        return;
                    }
                }
            }
        }
    }

    /// Asks whose the lease is, until there is an answer or it may be anybody's.
    async fn is_still_ours(&self) -> bool {
        let asked = Instant::now();
        loop {
            match self.leases.get(LEASE).await {
                Ok(lease) => {
                    let holder = lease.spec.and_then(|spec| spec.holder_identity);
                    return holder.as_ref() == Some(&self.pod);
                }
                Err(error) => tracing::warn!(%error, "failed to read the lease"),
            }
            if asked.elapsed() >= PATIENCE {
                return false;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Gives the lease up, so that the other replica need not wait for its end. It ends by itself if that cannot be done
    /// soon.
    pub async fn release(&self) {
        match tokio::time::timeout(RELEASE, self.manager.release()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "failed to release the lease"),
            Err(_) => tracing::warn!("failed to release the lease in time"),
        }
    }
}
