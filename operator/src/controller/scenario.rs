//! A world for tests of whole drivers: an API server that answers from what it holds, a keeper that answers as it was
//! told to, and one list of all calls to both, in the order in which they came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use contract::Secret;
use hyper::server::conn::http1;
use hyper::{Method, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use kube::Client;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::adoption::Refusals;
use super::recovery_point::Memory;
use super::{Feeds, vault};
use crate::clock::Clock;
use crate::cluster::memory::{ApiServer, Calls};
use crate::cluster::{Index, Notes};
use crate::context::{Context, Root, Turns, VaultKeys};
use crate::keeper_client::{KeeperAddress, KeeperClient, Keepers};
use crate::metrics::Metrics;
use crate::settings::Settings;

/// Everything that a driver talks to.
pub struct World {
    pub context: Arc<Context>,
    server: ApiServer,
    calls: Calls,
    keeper: Arc<Keeper>,
    keepers: JoinSet<()>,
    /// How often each resource had changed when its watch told last.
    told: Mutex<BTreeMap<&'static str, u64>>,
}

/// What the keeper of a vault says.
struct Keeper {
    /// Answers by method and path.
    answers: Mutex<BTreeMap<String, Value>>,
    /// What was sent with the calls, in their order.
    bodies: Mutex<Vec<Value>>,
}

impl World {
    /// A cluster without any object, known to the operator as one where it leads.
    pub fn new() -> Self {
        Self::in_cluster("c")
    }

    /// As [`World::new`], in a cluster of this id, where everything that is made has a UID of its own.
    pub fn elsewhere(id: &str) -> Self {
        let world = Self::in_cluster(id);
        world.server.number_from(1 << 24);
        world
    }

    fn in_cluster(id: &str) -> Self {
        let calls = Calls::default();
        let server = ApiServer::new(calls.clone());
        let keeper = Arc::new(Keeper { answers: Mutex::default(), bodies: Mutex::default() });
        let context = Arc::new(context(server.client.clone(), id));
        Self { context, server, calls, keeper, keepers: JoinSet::new(), told: Mutex::default() }
    }

    /// Puts an object on the API server.
    pub fn hold(&self, resource: &str, object: &impl Serialize) {
        self.server.hold(resource, object);
    }

    /// Takes an object from the API server, such as `jobs vaults/cj-1`, as if somebody had deleted it.
    pub fn remove(&self, name: &str) {
        self.server.drop(name);
    }

    /// An object of the API server, such as `jobs vaults/cj-1`.
    pub fn object<K: DeserializeOwned>(&self, name: &str) -> K {
        self.server.object(name)
    }

    /// All objects of a resource of the API server, such as `jobs`.
    pub fn objects<K: DeserializeOwned>(&self, resource: &str) -> Vec<K> {
        self.server.objects(resource)
    }

    /// Whether there is an object, such as `jobs vaults/cj-1`.
    pub fn has(&self, name: &str) -> bool {
        self.server.has(name)
    }

    /// Lets every watch tell what the API server holds.
    pub fn watch(&self) {
        let known = &self.context.known;
        self.tell(&known.vaults, "backupvaults");
        self.tell(&known.policies, "backuppolicies");
        self.tell(&known.instances, "backupinstances");
        self.tell(&known.backup_jobs, "backupjobs");
        self.tell(&known.restore_jobs, "restorejobs");
        self.tell(&known.points, "recoverypoints");
        self.tell(&known.deleted_instances, "deletedbackupinstances");
        self.tell(&known.namespaces, "namespaces");
    }

    /// Lets one watch tell, unless nothing has changed since it last did.
    fn tell<K>(&self, index: &Index<K>, resource: &'static str)
    where
        K: kube::Resource<DynamicType = ()> + DeserializeOwned,
    {
        let changes = self.server.changes(resource);
        let before = self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(resource, changes);
        if before != Some(changes) {
            index.hold_only(self.objects(resource));
        }
    }

    /// The UID that the next object gets which is made.
    pub fn next_uid(&self) -> String {
        self.server.next_uid()
    }

    /// Refuses the next call that begins so.
    pub fn refuse(&self, call: &str, code: u16, reason: &str) {
        self.server.refuse(call, code, reason);
    }

    /// The calls that change something, since they were last asked for, but for events.
    pub fn writes(&self) -> Vec<String> {
        let reads = ["GET ", "LIST ", "keeper GET "];
        let told =
            |call: &String| !reads.iter().any(|read| call.starts_with(read)) && !call.contains(" events ");
        self.calls.take().into_iter().filter(told).collect()
    }

    /// Lets the keeper of a vault answer so to a call, such as `GET /v1/vault`.
    pub fn answer(&self, call: &str, answer: &impl Serialize) {
        self.keeper.answers().insert(call.to_owned(), serde_json::to_value(answer).unwrap());
    }

    /// What the keeper was told since it was last asked for.
    pub fn told(&self) -> Vec<Value> {
        std::mem::take(&mut *self.keeper.bodies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Starts a keeper that answers as it is told to.
    pub async fn start_keeper(&mut self, vault_uid: &str, namespace: &str, vault: &str) {
        let router = Router::new().fallback(keep).with_state(Arc::clone(&self.keeper));
        self.serve_keeper(vault_uid, namespace, vault, router, Secret::new("token")).await;
    }

    /// Makes a keeper reachable under the certificate of the vault's ConfigMap, which is made if it is not there.
    pub async fn serve_keeper(
        &mut self,
        vault_uid: &str,
        namespace: &str,
        vault: &str,
        router: Router,
        token: Secret,
    ) {
        let made = rcgen::generate_simple_self_signed(vec!["keeper".to_owned()]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let certificates = vec![made.cert.pem()];
        let url = format!("https://{}", listener.local_addr().unwrap());
        let local = KeeperAddress { url, certificates };
        let tls = acceptor(&made.cert.pem(), &made.signing_key.serialize_pem());
        let calls = self.calls.clone();
        let router = router.layer(middleware::from_fn(move |request: Request, next: Next| {
            calls.note(format!("keeper {} {}", request.method(), request.uri().path()));
            next.run(request)
        }));
        self.keepers.spawn(listen(listener, tls, router));
        let name = format!("configmaps {namespace}/{vault}-keeper");
        if !self.server.has(&name) {
            let data = json!({"current": "1", "current.crt": made.cert.pem(),
                              "current.born": self.context.clock.now().wall});
            let metadata = json!({"name": format!("{vault}-keeper"), "namespace": namespace});
            self.hold("configmaps", &json!({"metadata": metadata, "data": data}));
        }
        let address = vault::address(&self.object(&name), namespace, vault).unwrap();
        let client = KeeperClient::new(&local, token, self.context.clock.clone()).unwrap();
        self.context.keepers.remember(vault_uid, address, client);
    }
}

fn context(client: Client, cluster_id: &str) -> Context {
    let clock = Clock::default();
    Context {
        notes: Notes::new(client.clone(), "coffer-0"),
        client,
        clock: clock.clone(),
        settings: Settings {
            namespace: "coffer-system".into(),
            pod: "coffer-0".into(),
            service_account: "coffer".into(),
            image: "coffer.local/coffer:1".into(),
            image_pull_policy: "IfNotPresent".into(),
            cluster_id: cluster_id.into(),
        },
        metrics: Metrics::default(),
        keepers: Keepers::new(clock),
        root: Root { current: vec![7; 32], previous: None, version: "12345678".into() },
        turns: Turns::default(),
        asked: Memory::default(),
        not_adopted: Refusals::default(),
        new_vault_keys: || {
            Ok(VaultKeys { identity: Secret::new("AGE-SECRET-KEY"), catalogue: Secret::new("key") })
        },
        known: Feeds::default().known(),
    }
}

impl Keeper {
    fn answers(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keeper's answer; without one it is as if it would not.
async fn keep(
    State(keeper): State<Arc<Keeper>>,
    method: Method,
    uri: Uri,
    body: String,
) -> axum::response::Response {
    let call = format!("{method} {}", uri.path());
    if let Ok(body) = serde_json::from_str(&body) {
        keeper.bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    }
    match keeper.answers().get(&call) {
        Some(answer) => axum::Json(answer).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn acceptor(certificate: &str, key: &str) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn listen(listener: TcpListener, tls: TlsAcceptor, router: Router) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, router) = (tls.clone(), router.clone());
        connections.spawn(async move {
            if let Ok(stream) = tls.accept(stream).await {
                let service = TowerToHyperService::new(router);
                // A client that goes away is no failure of the test.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        });
    }
}
