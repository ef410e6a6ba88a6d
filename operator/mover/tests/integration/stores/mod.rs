//! Stores to test against: a directory, real servers of every protocol, and stores that lie or lose answers.
#![allow(dead_code, reason = "each test program uses its own part of this")]

pub mod azurite;
pub mod google;
mod programs;
pub mod proxy;

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::free_port;
use aws_lc_rs::digest;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use contract::{Addressing, S3Credentials, Secret, Storage};
use futures::future::BoxFuture;
use jiff::SignedDuration;
use mover::{
    clock::Clock,
    format::Id,
    store::{
        FilesystemStore, Listed, Name, Network, Overwrite, Patience, Place, Setup, SharedStore, Store,
        StoreError, StoreErrorKind, Stored, Verb, connect_with,
    },
};
use object_store::{
    ClientOptions, HeaderValue,
    aws::{AwsAuthorizer, AwsCredential},
    client::{DnsFuture, DnsResolver, HttpConnector as _, HttpRequest, HttpRequestBody, ReqwestConnector},
};
use programs::{Program, find};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// A versitygw over a temporary directory, stopped when dropped.
pub struct S3Server {
    program: Program,
    authority: Option<String>,
    directory: TempDir,
}

pub const BUCKET: &str = "coffer-test";
const ACCESS: &str = "test-access";
const SECRET: &str = "test-secret-key";

impl S3Server {
    /// One that keeps former versions of objects in buckets where that is switched on.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// One whose buckets are part of the host's name, below [`HOST`].
    pub fn start_with_virtual_hosts() -> Self {
        Self::start_with(&["--virtual-domain", HOST])
    }

    /// One that is asked over TLS, with a certificate that nobody else has signed.
    pub fn start_with_tls() -> Self {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (certificate, key) = (directory.path().join("crt"), directory.path().join("key"));
        fs::write(&certificate, certified.cert.pem()).expect("the certificate's file");
        fs::write(&key, certified.signing_key.serialize_pem()).expect("the key's file");
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        let mut server = Self::start_with(&["--cert", &text(&certificate), "--key", &text(&key)]);
        server.authority = Some(certified.cert.pem());
        server
    }

    /// Another one that has what this one has now.
    pub fn copy(&self) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut copy = Command::new("cp");
        copy.args(["--archive", "--target-directory"]).arg(directory.path());
        copy.args(["root", "versions"].map(|part| self.directory.path().join(part)));
        assert!(copy.status().expect("cp starts").success(), "{copy:?}");
        Self::start_in(directory, &[])
    }

    fn start_with(more: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir_all(directory.path().join("root").join(BUCKET)).expect("the bucket's directory");
        fs::create_dir_all(directory.path().join("versions")).expect("the directory of versions");
        Self::start_in(directory, more)
    }

    fn start_in(directory: TempDir, more: &[&str]) -> Self {
        let (root, versions) = (directory.path().join("root"), directory.path().join("versions"));
        let port = free_port();
        let mut command = Command::new(find("COFFER_VERSITYGW", "versitygw-", "versitygw"));
        command
            .args(["--access", ACCESS, "--secret", SECRET, "--quiet", "--port"])
            .arg(format!("127.0.0.1:{port}"))
            .args(more)
            .arg("posix")
            .arg("--versioning-dir")
            .arg(&versions)
            .arg(&root);
        Self { program: Program::start(&mut command, port), authority: None, directory }
    }

    pub fn port(&self) -> u16 {
        self.program.port
    }

    pub fn storage(&self) -> Storage {
        Storage::S3 {
            bucket: BUCKET.into(),
            prefix: "team a/vault".into(),
            endpoint: Some(match self.authority {
                Some(_) => format!("https://localhost:{}", self.port()),
                None => format!("http://127.0.0.1:{}", self.port()),
            }),
            region: "us-east-1".into(),
            addressing: Addressing::Path,
            ca: self.authority.clone(),
            credentials: Some(S3Credentials {
                access_key_id: ACCESS.into(),
                secret_access_key: Secret::new(SECRET),
                session_token: None,
            }),
        }
    }

    /// The same by way of a proxy, in another bucket.
    pub fn storage_through(&self, proxy: &proxy::Proxy, name: &str) -> Storage {
        let mut storage = self.storage();
        if let Storage::S3 { endpoint, bucket, .. } = &mut storage {
            *endpoint = Some(format!("http://127.0.0.1:{}", proxy.port));
            *bucket = name.into();
        }
        storage
    }

    /// The same, after a change.
    pub fn changed(&self, change: impl FnOnce(&mut Storage)) -> SharedStore {
        let mut storage = self.storage();
        change(&mut storage);
        connect_with(&storage, &clock(), &Patience::NONE.into()).expect("a store")
    }

    pub fn store(&self) -> SharedStore {
        connect_with(&self.storage(), &clock(), &Network::default()).expect("a store")
    }

    /// The server behind a proxy that takes the first `losses` answers for itself and hangs up.
    pub fn forgetting(&self, losses: usize) -> SharedStore {
        let through = losing_proxy(self.port(), losses);
        let mut storage = self.storage();
        if let Storage::S3 { endpoint, .. } = &mut storage {
            *endpoint = Some(format!("http://127.0.0.1:{through}"));
        }
        connect_with(&storage, &clock(), &Network::default()).expect("a store")
    }

    /// The same store in another bucket.
    pub fn in_bucket(&self, name: &str) -> SharedStore {
        self.changed(|storage| {
            if let Storage::S3 { bucket, .. } = storage {
                *bucket = name.into();
            }
        })
    }

    /// Makes a bucket, with or without a lock for its objects.
    pub async fn make_bucket(&self, name: &str, lockable: bool) {
        let mut request = self.request(name, "");
        if lockable {
            let yes = HeaderValue::from_static("true");
            request.headers_mut().insert("x-amz-bucket-object-lock-enabled", yes);
        }
        self.send(request).await;
    }

    /// Switches a bucket's versioning on.
    pub async fn keep_versions(&self, name: &str) {
        let mut request = self.request(name, "?versioning=");
        *request.body_mut() = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                               <Status>Enabled</Status></VersioningConfiguration>"
            .to_owned()
            .into();
        self.send(request).await;
    }

    /// Locks whatever is written into a bucket for a day, and lets nobody lift it.
    pub async fn lock_by_default(&self, name: &str) {
        let mut request = self.request(name, "?object-lock=");
        let rule = "<ObjectLockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                    <ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                    <Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
        let sum = BASE64_STANDARD.encode(digest::digest(&digest::SHA256, rule.as_bytes()));
        request.headers_mut().insert("x-amz-checksum-sha256", sum.parse().expect("a header"));
        *request.body_mut() = rule.to_owned().into();
        self.send(request).await;
    }

    /// What a bucket answers when it is asked something, and with which status.
    pub async fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let mut request = self.request(path, "");
        *request.method_mut() = method.parse().expect("a method");
        self.answer(request).await
    }

    fn request(&self, bucket: &str, query: &str) -> HttpRequest {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = "PUT".parse().expect("a method");
        let uri = format!("http://127.0.0.1:{}/{bucket}{query}", self.port());
        *request.uri_mut() = uri.parse().expect("an address");
        request
    }

    /// Sends a request and expects it to be granted.
    async fn send(&self, request: HttpRequest) {
        let (status, said) = self.answer(request).await;
        assert!((200..300).contains(&status), "{status} {said}");
    }

    /// Signs a request and sends it; status and words of the answer.
    async fn answer(&self, mut request: HttpRequest) -> (u16, String) {
        let credential = AwsCredential { key_id: ACCESS.into(), secret_key: SECRET.into(), token: None };
        AwsAuthorizer::new(&credential, "s3", "us-east-1")
            .try_authorize(&mut request, None)
            .expect("a signature");
        let options = ClientOptions::new().with_allow_http(true);
        let client = ReqwestConnector::default().connect(&options).expect("a client");
        let answer = client.execute(request).await.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.into_body().bytes().await.expect("the whole answer");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    pub fn stop(&mut self) {
        self.program.stop();
    }

    /// The bucket, asked for by its own host name, which only this client knows.
    pub fn by_virtual_host(&self) -> SharedStore {
        let mut storage = self.storage();
        if let Storage::S3 { endpoint, addressing, .. } = &mut storage {
            *endpoint = Some(format!("http://{HOST}:{}", self.port()));
            *addressing = Addressing::VirtualHost;
        }
        let network = Network { resolver: Some(Arc::new(Nearby)), ..Network::default() };
        connect_with(&storage, &clock(), &network).expect("a store")
    }
}

/// Where the buckets of [`S3Server::start_with_virtual_hosts`] are.
const HOST: &str = "s3.test";

/// Knows the one host name that a bucket has in tests: it is this machine.
#[derive(Debug)]
struct Nearby;

impl DnsResolver for Nearby {
    fn resolve(&self, host: &str) -> DnsFuture {
        let known = host == format!("{BUCKET}.{HOST}");
        Box::pin(async move {
            if known { Ok(vec![Ipv4Addr::LOCALHOST.into()]) } else { Err("there is no such host".into()) }
        })
    }
}

pub fn clock() -> Clock {
    Clock::system(SignedDuration::ZERO)
}

pub fn directory_store() -> (TempDir, SharedStore) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = Arc::new(FilesystemStore::open(directory.path(), &clock()).expect("a store"));
    (directory, store)
}

/// Writes whatever it was told to write only on a condition.
pub struct Dishonest {
    pub inner: SharedStore,
    /// Many a store knows `If-None-Match` and overlooks `If-Match`.
    pub honours_create: bool,
}

/// Gives every object one and the same ETag, as a bucket has others than the one it was copied from.
pub struct Stamping {
    pub inner: SharedStore,
    pub stamp: &'static str,
}

/// Loses the answers of the first create-only writes, after they were stored.
pub struct Forgetful {
    pub inner: SharedStore,
    pub losses: AtomicUsize,
    pub lost: Mutex<Vec<Name>>,
}

/// Counts how often each part of an object was asked for.
pub struct Counting {
    pub inner: SharedStore,
    /// By the object and where in it the part begins.
    pub ranges: Mutex<BTreeMap<(Name, u64), u32>>,
}

/// Passes calls on to `inner`, unchanged.
macro_rules! passed_on {
    ($($method:ident)+) => { $(passed_on!(@ $method);)+ };
    (@ create) => {
        fn create<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
            self.inner.create(name, bytes)
        }
    };
    (@ replace) => {
        fn replace<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
            self.inner.replace(name, bytes)
        }
    };
    (@ get) => {
        fn get<'a>(&'a self, name: &'a Name, limit: u64) -> BoxFuture<'a, Result<Bytes, StoreError>> {
            self.inner.get(name, limit)
        }
    };
    (@ get_range) => {
        fn get_range<'a>(
            &'a self,
            name: &'a Name,
            offset: u64,
            length: u64,
        ) -> BoxFuture<'a, Result<Bytes, StoreError>> {
            self.inner.get_range(name, offset, length)
        }
    };
    (@ head) => {
        fn head<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Stored, StoreError>> {
            self.inner.head(name)
        }
    };
    (@ list) => {
        fn list<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
            self.inner.list(place)
        }
    };
    (@ delete) => {
        fn delete<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<(), StoreError>> {
            self.inner.delete(name)
        }
    };
    (@ clear_unfinished) => {
        fn clear_unfinished<'a>(&'a self, writer: Id) -> BoxFuture<'a, Result<(), StoreError>> {
            self.inner.clear_unfinished(writer)
        }
    };
    (@ overwrite) => {
        fn overwrite<'a>(
            &'a self,
            name: &'a Name,
            former: &'a Stored,
            bytes: Bytes,
        ) -> BoxFuture<'a, Result<Overwrite, StoreError>> {
            self.inner.overwrite(name, former, bytes)
        }
    };
    (@ description) => {
        fn setup(&self) -> BoxFuture<'_, Setup> {
            self.inner.setup()
        }
        fn skew_seconds(&self) -> Option<i64> {
            self.inner.skew_seconds()
        }
        fn location(&self) -> String {
            self.inner.location()
        }
    };
}

impl Store for Dishonest {
    passed_on! { replace get get_range head list delete clear_unfinished description }

    fn create<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        if self.honours_create { self.inner.create(name, bytes) } else { self.inner.replace(name, bytes) }
    }

    fn overwrite<'a>(
        &'a self,
        name: &'a Name,
        _former: &'a Stored,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Overwrite, StoreError>> {
        Box::pin(async move { self.inner.replace(name, bytes).await.map(Overwrite::Done) })
    }
}

impl Store for Forgetful {
    passed_on! { replace get get_range head list delete clear_unfinished overwrite description }

    fn create<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(async move {
            let stored = self.inner.create(name, bytes).await?;
            let lose = |left: usize| left.checked_sub(1);
            if self.losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose).is_ok() {
                self.lost.lock().expect("the list").push(name.clone());
                return Err(StoreError::new(
                    Verb::Create,
                    name,
                    StoreErrorKind::Unreachable,
                    "the answer was lost",
                ));
            }
            Ok(stored)
        })
    }
}

impl Store for Stamping {
    passed_on! { replace get get_range delete clear_unfinished overwrite description }

    fn create<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(async move { self.inner.create(name, bytes).await.map(|stored| self.stamped(stored)) })
    }

    fn head<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(async move { self.inner.head(name).await.map(|stored| self.stamped(stored)) })
    }

    fn list<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        Box::pin(async move {
            let mut all = self.inner.list(place).await?;
            all.iter_mut().for_each(|listed| listed.etag = Some(self.stamp.into()));
            Ok(all)
        })
    }
}

impl Stamping {
    fn stamped(&self, stored: Stored) -> Stored {
        Stored { etag: Some(self.stamp.into()), ..stored }
    }
}

/// A server that ends every connection after the handshake: its port, and its own certificate as authority.
pub async fn tls_server() -> (u16, String, JoinSet<()>) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider's versions")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .expect("a key that fits");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            drop(acceptor.accept(client).await);
        }
    });
    (port, certified.cert.pem(), server)
}

/// Passes bytes both ways, but hangs up on the first `losses` connections once the server has answered.
fn losing_proxy(server: u16, losses: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (Ok(mut client), Ok(mut upstream)) = (client, TcpStream::connect(("127.0.0.1", server)))
            else {
                return;
            };
            let (mut from_client, mut to_server) =
                (client.try_clone().expect("a socket"), upstream.try_clone().expect("a socket"));
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from_client, &mut to_server);
                let _ = to_server.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                if number < losses {
                    // The whole request was answered: what it asked for is done.
                    let _ = upstream.read(&mut [0; 1]);
                    let _ = client.shutdown(Shutdown::Both);
                } else {
                    let _ = std::io::copy(&mut upstream, &mut client);
                }
            });
        }
    });
    port
}

impl Store for Counting {
    passed_on! { create replace get head list delete clear_unfinished overwrite description }

    fn get_range<'a>(
        &'a self,
        name: &'a Name,
        offset: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        *self.ranges.lock().expect("the counts").entry((name.clone(), offset)).or_default() += 1;
        self.inner.get_range(name, offset, length)
    }
}
