//! An API server in memory, for tests of whoever talks to one: it answers from what it holds, and writes down every call
//! in the order in which they came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::{Method, Request, Response, StatusCode, Uri};
use kube::Client;
use kube::client::Body;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Calls in the order in which they came, such as `POST backupjobs shop/orders-1`. Others may write into it.
#[derive(Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    /// One more call.
    pub fn note(&self, call: String) {
        lock(&self.0).push(call);
    }

    /// The calls since they were last asked for.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0))
    }
}

/// The server, which lives as long as this.
pub struct ApiServer {
    /// Talks to it.
    pub client: Client,
    held: Arc<Mutex<Held>>,
    _answering: JoinSet<()>,
}

/// Whoever asks for a review of itself.
pub const USER: &str = "jane@example.com";

#[derive(Default)]
struct Held {
    /// Objects by resource, namespace and name: `jobs vaults/cj-1`.
    objects: BTreeMap<String, Value>,
    /// Logs of pods by namespace and name.
    logs: BTreeMap<String, String>,
    /// The newest version of any object.
    version: u64,
    /// How often anything changed, by resource.
    changes: BTreeMap<String, u64>,
    calls: Calls,
    /// Calls that are refused the next time.
    refused: Vec<Refusal>,
}

struct Refusal {
    call: String,
    code: u16,
    reason: String,
    message: String,
}

impl Held {
    /// Gives an object the next version.
    fn stamp(&mut self, object: &mut Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
    }

    /// Puts an object in the place of the one of this name.
    fn put(&mut self, name: &str, object: Value) {
        self.note_change(name);
        self.objects.insert(name.to_owned(), object);
    }

    fn take(&mut self, name: &str) {
        self.note_change(name);
        self.objects.remove(name);
    }

    fn note_change(&mut self, name: &str) {
        *self.changes.entry(resource_of(name).to_owned()).or_default() += 1;
    }

    /// All objects whose names begin so, in the order of their names.
    fn beginning_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let from = self.objects.range(prefix.to_owned()..);
        from.take_while(move |(name, _)| name.starts_with(prefix))
    }
}

impl ApiServer {
    /// A cluster without any object.
    pub fn new(calls: Calls) -> Self {
        let held = Arc::new(Mutex::new(Held { calls, ..Held::default() }));
        let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let mut answering = JoinSet::new();
        let told = Arc::clone(&held);
        answering.spawn(async move {
            while let Some((request, answer)) = requests.next_request().await {
                answer.send_response(serve(&told, request).await);
            }
        });
        Self { client: Client::new(service, "default"), held, _answering: answering }
    }

    /// Numbers what is made from here on, so that no UID is one of another cluster.
    pub fn number_from(&self, version: u64) {
        lock(&self.held).version = version;
    }

    /// Puts an object on the server.
    pub fn hold(&self, resource: &str, object: &impl Serialize) {
        let mut object = serde_json::to_value(object).unwrap();
        let name = format!("{resource} {}", address_of(&object));
        let mut held = lock(&self.held);
        held.stamp(&mut object);
        held.put(&name, object);
    }

    /// Gives a pod its log.
    pub fn log(&self, pod: &str, text: &str) {
        lock(&self.held).logs.insert(pod.to_owned(), text.to_owned());
    }

    /// Takes an object away, such as `pods vaults/cj-1`.
    pub fn drop(&self, name: &str) {
        lock(&self.held).take(name);
    }

    /// Whether there is an object, such as `jobs vaults/cj-1`.
    pub fn has(&self, name: &str) -> bool {
        lock(&self.held).objects.contains_key(name)
    }

    /// An object, such as `jobs vaults/cj-1`.
    pub fn object<K: DeserializeOwned>(&self, name: &str) -> K {
        let held = lock(&self.held);
        let object = held.objects.get(name).unwrap_or_else(|| panic!("{name} is not there"));
        K::deserialize(object).unwrap()
    }

    /// All objects of a resource, such as `jobs`.
    pub fn objects<K: DeserializeOwned>(&self, resource: &str) -> Vec<K> {
        let held = lock(&self.held);
        let prefix = format!("{resource} ");
        held.beginning_with(&prefix).map(|(_, object)| K::deserialize(object).unwrap()).collect()
    }

    /// How often anything of a resource has changed.
    pub fn changes(&self, resource: &str) -> u64 {
        lock(&self.held).changes.get(resource).copied().unwrap_or(0)
    }

    /// The UID that the next object gets which is made.
    pub fn next_uid(&self) -> String {
        uid(lock(&self.held).version + 1)
    }

    /// Refuses the next call that begins so.
    pub fn refuse(&self, call: &str, code: u16, reason: &str) {
        self.refuse_with(call, code, reason, "no");
    }

    /// Refuses the next call that begins so, in these words.
    pub fn refuse_with(&self, call: &str, code: u16, reason: &str, message: &str) {
        lock(&self.held).refused.push(Refusal {
            call: call.to_owned(),
            code,
            reason: reason.to_owned(),
            message: message.to_owned(),
        });
    }
}

/// The UID of the object that was made as so many-th.
fn uid(version: u64) -> String {
    format!("{version:08x}-0000-4000-8000-000000000000")
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of `jobs vaults/cj-1` the first word.
fn resource_of(name: &str) -> &str {
    name.split(' ').next().unwrap_or_default()
}

fn address_of(object: &Value) -> String {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text("namespace"), text("name"))
}

/// What a path names.
struct Target {
    resource: String,
    /// Empty: of all namespaces, or of a kind without.
    namespace: String,
    name: Option<String>,
    subresource: Option<String>,
}

impl Target {
    /// Of `/api/v1/…` and `/apis/GROUP/VERSION/…`.
    fn of(uri: &Uri) -> Self {
        let mut parts: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
        parts.drain(..parts.len().min(if parts.first() == Some(&"api") { 2 } else { 3 }));
        let namespaced = parts.first() == Some(&"namespaces") && parts.len() > 2;
        let namespace = if namespaced { parts.drain(..2).nth(1) } else { None };
        let part = |at: usize| parts.get(at).map(|part| (*part).to_owned());
        Self {
            resource: part(0).unwrap_or_default(),
            namespace: namespace.unwrap_or_default().to_owned(),
            name: part(1),
            subresource: part(2),
        }
    }
}

async fn serve(held: &Mutex<Held>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect_bytes().await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Target { resource, namespace, name, subresource } = Target::of(&head.uri);
    let mut held = lock(held);
    if resource == "selfsubjectreviews" {
        return ok(&json!({"metadata": {}, "status": {"userInfo": {"username": USER}}}));
    }
    let own = body["metadata"]["name"].as_str().map(str::to_owned);
    let object = name.or(own).map(|name| format!("{resource} {namespace}/{name}"));
    let call = match (&object, &subresource) {
        (None, _) => format!("LIST {resource} {namespace}"),
        (Some(object), None) => format!("{} {object}", head.method),
        (Some(object), Some(sub)) => {
            format!("{} {}", head.method, object.replacen(' ', &format!("/{sub} "), 1))
        }
    };
    held.calls.note(call.clone());
    if let Some(at) = held.refused.iter().position(|refusal| call.starts_with(&refusal.call)) {
        let Refusal { code, reason, message, .. } = held.refused.remove(at);
        return refusal(code, &reason, &message, None);
    }
    match (object, subresource.as_deref()) {
        (Some(object), Some("log")) => log(&held, &object),
        (Some(object), subresource) => change(&mut held, &head.method, &object, subresource.is_some(), body),
        (None, _) => list(&held, &resource, &namespace, head.uri.query().unwrap_or_default()),
    }
}

fn log(held: &Held, pod: &str) -> Response<Body> {
    match held.logs.get(pod.trim_start_matches("pods ")) {
        Some(text) => Response::new(Body::from(text.clone().into_bytes())),
        None => not_there(pod),
    }
}

fn change(held: &mut Held, method: &Method, object: &str, status: bool, body: Value) -> Response<Body> {
    let there = held.objects.contains_key(object);
    match (method.as_str(), there) {
        ("GET", true) => ok(&held.objects[object]),
        ("GET" | "DELETE", false) => not_there(object),
        ("POST", true) => refusal(409, "AlreadyExists", "no", None),
        ("DELETE", true) => {
            held.take(object);
            ok(&json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}))
        }
        _ => {
            let mut found = held.objects.get(object).cloned().unwrap_or_else(|| json!({}));
            let seen = &body["metadata"]["resourceVersion"];
            if !seen.is_null() && *seen != found["metadata"]["resourceVersion"] {
                return refusal(409, "Conflict", "no", None);
            }
            if status {
                // An applied status is whole.
                found["status"] = body["status"].clone();
            } else {
                merge(&mut found, body);
            }
            held.stamp(&mut found);
            if found["metadata"]["uid"].is_null() {
                found["metadata"]["uid"] = json!(uid(held.version));
            }
            let answer = ok(&found);
            held.put(object, found);
            answer
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
    let selector = |which: &str| -> Vec<(String, String)> {
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == which);
        let text = found.map(|(_, value)| value.into_owned()).unwrap_or_default();
        text.split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    };
    let (labels, fields) = (selector("labelSelector"), selector("fieldSelector"));
    let label = |object: &Value, key: &str| object["metadata"]["labels"][key].as_str().map(str::to_owned);
    let field = |object: &Value, key: &str| {
        object.pointer(&format!("/{}", key.replace('.', "/"))).and_then(Value::as_str).map(str::to_owned)
    };
    let fits = |object: &&Value| {
        labels.iter().all(|(key, value)| label(object, key).as_ref() == Some(value))
            && fields.iter().all(|(key, value)| field(object, key).as_ref() == Some(value))
    };
    let prefix =
        if namespace.is_empty() { format!("{resource} ") } else { format!("{resource} {namespace}/") };
    let of_kind = held.beginning_with(&prefix).map(|(_, object)| object);
    let items: Vec<&Value> = of_kind.filter(fits).collect();
    ok(&json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}))
}

fn ok(object: &Value) -> Response<Body> {
    Response::new(Body::from(serde_json::to_vec(object).unwrap()))
}

/// Unlike a path that no kind has, an object that is not there is named.
fn not_there(object: &str) -> Response<Body> {
    refusal(404, "NotFound", "no", object.rsplit_once('/').map(|(_, name)| name))
}

fn refusal(code: u16, reason: &str, message: &str, name: Option<&str>) -> Response<Body> {
    let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                            "message": message, "reason": reason, "code": code});
    if let Some(name) = name {
        status["details"] = json!({"name": name});
    }
    let mut response = ok(&status);
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}
