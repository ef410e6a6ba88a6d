//! `coffer` with clocks that a test can put ahead: ConfigMap `coffer-test-clock` beside the operator says how far, in
//! `offsetSeconds`. Everything else is the very library that is shipped. Never in a shipped image.

use std::process::ExitCode;

use coffer::command::{Raise, TestClock};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};

const CONFIG_MAP: &str = "coffer-test-clock";
const KEY: &str = "offsetSeconds";

fn main() -> ExitCode {
    coffer::command::main(Some(TestClock { follow }))
}

fn follow(client: Client, namespace: String, raise: Raise) -> BoxFuture<'static, ()> {
    async move {
        tracing::warn!("this program obeys a test clock: it must not hold backups that anybody needs");
        let config = watcher::Config::default().fields(&format!("metadata.name={CONFIG_MAP}"));
        let maps = watcher(Api::<ConfigMap>::namespaced(client, &namespace), config);
        let mut maps = std::pin::pin!(maps.default_backoff().applied_objects());
        while let Some(map) = maps.next().await {
            match map {
                Ok(map) => {
                    if let Some(seconds) = map.data.as_ref().and_then(|data| data.get(KEY)?.parse().ok()) {
                        raise(seconds);
                    }
                }
                Err(error) => tracing::warn!(%error, "the watch of the test clock was interrupted"),
            }
        }
    }
    .boxed()
}
