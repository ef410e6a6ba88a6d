//! How any kind is run: what wakes it, how errors are answered, what is logged and counted, once for each reconcile.

use std::future::Future;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use kube::runtime::controller::{Action, Config, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt as _};
use std::convert::Infallible;
use std::fmt::Debug;
use std::time::Duration;

use super::queue::Queue;
use super::{Error, Wake};
use crate::backoff::Backoff;
use crate::cluster::{Address, Class, Held};
use crate::context::Context;

/// A person has to act, or a version to change: looking again is only to notice that somebody has.
const SLOWLY: Duration = Duration::from_secs(60);
const CONCURRENCY: u16 = 16;

struct Shared {
    context: Arc<Context>,
    backoff: Backoff<Address>,
    queue: Queue,
    kind: &'static str,
}

/// Runs one controller until `wakes` ends; reconciles that have begun are finished.
pub async fn run_controller<K, F, R>(
    kind: &'static str,
    store: Store<Held<K>>,
    wakes: impl Stream<Item = ObjectRef<Held<K>>> + Send + 'static,
    context: Arc<Context>,
    reconcile: F,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    F: Fn(Arc<K>, Arc<Context>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Wake, Error>> + Send + 'static,
{
    let queue = Queue::new(context.metrics.queue_depth(kind));
    let shared = Arc::new(Shared { context, backoff: Backoff::default(), queue, kind });
    let (waiting, objects) = (Arc::clone(&shared), store.clone());
    let step = move |held: Arc<Held<K>>, shared: Arc<Shared>| {
        let reconcile = reconcile.clone();
        Box::pin(async move { once(&held, &shared, reconcile).await })
    };
    let queue = wakes.map(move |wake: ObjectRef<Held<K>>| {
        let address = (wake.namespace.clone().unwrap_or_default(), wake.name.clone());
        waiting.queue.woken(address, objects.get(&wake).is_some());
        Ok::<_, Infallible>(wake)
    });
    let config = Config::default().concurrency(CONCURRENCY);
    applier(step, answer, shared, store, queue, config).for_each(|_| std::future::ready(())).await;
}

async fn once<K, F, R>(held: &Held<K>, shared: &Shared, reconcile: F) -> Result<Action, Error>
where
    K: Resource<DynamicType = ()> + Clone,
    F: Fn(Arc<K>, Arc<Context>) -> R,
    R: Future<Output = Result<Wake, Error>>,
{
    let address = (held.namespace().unwrap_or_default(), held.name_any());
    shared.queue.taken(&address);
    let object = match &held.0 {
        Ok(object) => Arc::new(object.clone()),
        Err(invalid) => {
            return Err(Error::Unreadable { kind: shared.kind, message: invalid.error.clone() });
        }
    };
    let timer = shared.context.metrics.reconcile_started(shared.kind);
    let wake = reconcile(object, Arc::clone(&shared.context)).await;
    drop(timer);
    let wake = wake?;
    shared.backoff.succeeded(&address);
    Ok(wake.action(shared.context.clock.now()))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is kube's")]
fn answer<K: Resource<DynamicType = ()>>(held: Arc<Held<K>>, error: &Error, shared: Arc<Shared>) -> Action {
    let address = (held.namespace().unwrap_or_default(), held.name_any());
    let class = error.class();
    if !matches!(class, Class::Ending | Class::Stale) {
        shared.context.metrics.reconcile_failed(shared.kind, error.name());
        let causes = causes(error);
        let (kind, (namespace, name)) = (shared.kind, &address);
        tracing::warn!(kind, namespace, name, error = causes, ?class, "a reconcile failed");
    }
    let chance = uuid::Uuid::new_v4().as_u64_pair().0;
    let delay = shared.backoff.failed(address, chance);
    match class {
        // The watch tells of the change at any moment, and wakes the object sooner than this.
        Class::Retry | Class::Stale => Action::requeue(delay),
        Class::Blocked | Class::Bug => Action::requeue(delay.max(SLOWLY)),
        Class::Ending => Action::await_change(),
    }
}

/// An error with everything behind it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
