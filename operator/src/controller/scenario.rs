//! A world for tests of whole drivers: an API server that answers from what it holds, a keeper that answers as it was
//! told to, and one list of all calls to both, in the order in which they came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::Secret;
use hyper::server::conn::http1;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use kube::Client;
use kube::client::Body;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{Feeds, vault};
use crate::clock::Clock;
use crate::cluster::Notes;
use crate::context::{Context, Root, Turns, VaultKeys};
use crate::keeper_client::{KeeperAddress, KeeperClient, Keepers};
use crate::metrics::Metrics;
use crate::settings::Settings;

/// Everything that a driver talks to.
pub struct World {
    pub context: Arc<Context>,
    held: Shared,
    servers: JoinSet<()>,
}

type Shared = Arc<Mutex<Held>>;

#[derive(Default)]
struct Held {
    /// Objects by resource, namespace and name: `jobs vaults/cj-1`.
    objects: BTreeMap<String, Value>,
    /// The newest version of any object.
    version: u64,
    calls: Vec<String>,
    /// Answers of the keeper by method and path.
    keeper: BTreeMap<String, Value>,
    /// Calls that are refused the next time, with status code and reason.
    refused: Vec<(String, u16, String)>,
}

impl Held {
    /// Gives an object the next version.
    fn stamp(&mut self, object: &mut Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
    }
}

impl World {
    /// A cluster without any object, known to the operator as one where it leads.
    pub fn new() -> Self {
        let held = Shared::default();
        let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let mut servers = JoinSet::new();
        let told = Arc::clone(&held);
        servers.spawn(async move {
            while let Some((request, answer)) = requests.next_request().await {
                answer.send_response(serve(&told, request).await);
            }
        });
        Self { context: Arc::new(context(Client::new(service, "default"))), held, servers }
    }

    /// Puts an object on the API server.
    pub fn hold(&self, resource: &str, object: &impl Serialize) {
        let mut object = serde_json::to_value(object).unwrap();
        let name = format!("{resource} {}", address_of(&object));
        let mut held = lock(&self.held);
        held.stamp(&mut object);
        held.objects.insert(name, object);
    }

    /// An object of the API server, such as `jobs vaults/cj-1`.
    pub fn object<K: DeserializeOwned>(&self, name: &str) -> K {
        let held = lock(&self.held);
        let object = held.objects.get(name).unwrap_or_else(|| panic!("{name} is not there"));
        serde_json::from_value(object.clone()).unwrap()
    }

    /// Refuses the next call that begins so.
    pub fn refuse(&self, call: &str, code: u16, reason: &str) {
        lock(&self.held).refused.push((call.to_owned(), code, reason.to_owned()));
    }

    /// The calls that change something, since they were last asked for, but for events.
    pub fn writes(&self) -> Vec<String> {
        let calls = std::mem::take(&mut lock(&self.held).calls);
        let reads = ["GET ", "LIST ", "keeper GET "];
        let told =
            |call: &String| !reads.iter().any(|read| call.starts_with(read)) && !call.contains(" events ");
        calls.into_iter().filter(told).collect()
    }

    /// Lets the keeper of a vault answer so to a call, such as `GET /v1/vault`.
    pub fn answer(&self, call: &str, answer: &impl Serialize) {
        lock(&self.held).keeper.insert(call.to_owned(), serde_json::to_value(answer).unwrap());
    }

    /// Starts a keeper and makes it reachable under the certificate of the vault's ConfigMap, which is made if it is not
    /// there.
    pub async fn start_keeper(&mut self, vault_uid: &str, namespace: &str, vault: &str) {
        let made = rcgen::generate_simple_self_signed(vec!["keeper".to_owned()]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let certificates = vec![made.cert.pem()];
        let url = format!("https://{}", listener.local_addr().unwrap());
        let local = KeeperAddress { url, certificates };
        let tls = acceptor(&made.cert.pem(), &made.signing_key.serialize_pem());
        let router = Router::new().fallback(keep).with_state(Arc::clone(&self.held));
        self.servers.spawn(listen(listener, tls, router));
        let name = format!("configmaps {namespace}/{vault}-keeper");
        if !lock(&self.held).objects.contains_key(&name) {
            let data = json!({"current": "1", "current.crt": made.cert.pem(), "current.born": "2026-01-01T00:00:00Z"});
            let metadata = json!({"name": format!("{vault}-keeper"), "namespace": namespace});
            self.hold("configmaps", &json!({"metadata": metadata, "data": data}));
        }
        let address = vault::address(&self.object(&name), namespace, vault).unwrap();
        let client = KeeperClient::new(&local, Secret::new("token"), Clock::default()).unwrap();
        self.context.keepers.remember(vault_uid, address, client);
    }
}

fn context(client: Client) -> Context {
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
            cluster_id: "c".into(),
        },
        metrics: Metrics::default(),
        keepers: Keepers::new(clock),
        root: Root { current: vec![7; 32], previous: None, version: "12345678".into() },
        turns: Turns::default(),
        new_vault_keys: || {
            Ok(VaultKeys { identity: Secret::new("AGE-SECRET-KEY"), catalogue: Secret::new("key") })
        },
        known: Feeds::default().known(),
    }
}

fn lock(held: &Shared) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn address_of(object: &Value) -> String {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text("namespace"), text("name"))
}

/// Resource, namespace, name and subresource of a path. Of the kinds without a namespace the tests have but Namespace.
fn target(uri: &Uri) -> (String, String, Option<String>, Option<String>) {
    let parts: Vec<&str> = uri.path().split('/').skip_while(|part| *part != "namespaces").skip(1).collect();
    let part = |at: usize| parts.get(at).map(|part| (*part).to_owned());
    if parts.len() == 1 {
        return ("namespaces".into(), String::new(), part(0), None);
    }
    (part(1).unwrap_or_default(), part(0).unwrap_or_default(), part(2), part(3))
}

async fn serve(held: &Shared, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect_bytes().await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (resource, namespace, name, subresource) = target(&head.uri);
    let mut held = lock(held);
    let own = body["metadata"]["name"].as_str().map(str::to_owned);
    let object = name.clone().or(own).map(|name| format!("{resource} {namespace}/{name}"));
    let call = match (&object, &subresource) {
        (None, _) => format!("LIST {resource} {namespace}"),
        (Some(object), None) => format!("{} {object}", head.method),
        (Some(object), Some(sub)) => {
            format!("{} {}", head.method, object.replacen(' ', &format!("/{sub} "), 1))
        }
    };
    held.calls.push(call.clone());
    if let Some(at) = held.refused.iter().position(|(refused, _, _)| call.starts_with(refused)) {
        let (_, code, reason) = held.refused.remove(at);
        return refusal(code, &reason);
    }
    match object {
        Some(object) => change(&mut held, &head.method, &object, subresource.is_some(), body),
        None => list(&held, &resource, &namespace, head.uri.query().unwrap_or_default()),
    }
}

fn change(held: &mut Held, method: &Method, object: &str, status: bool, body: Value) -> Response<Body> {
    let there = held.objects.contains_key(object);
    match (method.as_str(), there) {
        ("GET", true) => ok(&held.objects[object]),
        ("GET" | "DELETE", false) => refusal(404, "NotFound"),
        ("POST", true) => refusal(409, "AlreadyExists"),
        ("DELETE", true) => {
            held.objects.remove(object);
            ok(&json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}))
        }
        _ => {
            let mut found = held.objects.get(object).cloned().unwrap_or_else(|| json!({}));
            let seen = &body["metadata"]["resourceVersion"];
            if !seen.is_null() && *seen != found["metadata"]["resourceVersion"] {
                return refusal(409, "Conflict");
            }
            if status {
                // An applied status is whole.
                found["status"] = body["status"].clone();
            } else {
                merge(&mut found, body);
            }
            if found["metadata"]["uid"].is_null() {
                found["metadata"]["uid"] = json!(format!("uid of {object}"));
            }
            held.stamp(&mut found);
            held.objects.insert(object.to_owned(), found.clone());
            ok(&found)
        }
    }
}

/// A merge patch, which also does for the few things that are applied.
fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

fn list(held: &Held, resource: &str, namespace: &str, query: &str) -> Response<Body> {
    let selector = url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "labelSelector")
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default();
    let wanted: Vec<(&str, &str)> = selector.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let fits = |object: &&Value| {
        wanted.iter().all(|(key, value)| object["metadata"]["labels"][*key].as_str() == Some(*value))
    };
    let prefix = format!("{resource} {namespace}/");
    let of_kind = held.objects.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(_, object)| object);
    let items: Vec<&Value> = of_kind.filter(fits).collect();
    ok(&json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}))
}

fn ok(object: &Value) -> Response<Body> {
    Response::new(Body::from(serde_json::to_vec(object).unwrap()))
}

fn refusal(code: u16, reason: &str) -> Response<Body> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                        "message": "no", "reason": reason, "code": code});
    let mut response = ok(&status);
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

/// The keeper's answer; without one it is as if it would not.
async fn keep(State(held): State<Shared>, method: Method, uri: Uri) -> axum::response::Response {
    let call = format!("{method} {}", uri.path());
    let mut held = lock(&held);
    held.calls.push(format!("keeper {call}"));
    match held.keeper.get(&call) {
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
