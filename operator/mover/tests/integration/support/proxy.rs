//! A proxy before a server. It holds what the server sends back, cuts connections, and leads new ones to another server.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::Server;

/// How long a test waits for the proxy to see something.
const PATIENCE: Duration = Duration::from_secs(60);

/// Passes connections on. All of them end when this is dropped.
pub struct Proxy {
    pub port: u16,
    control: watch::Sender<Control>,
    seen: Arc<Seen>,
    _running: JoinSet<()>,
}

/// What the connections are told.
#[derive(Debug, Clone)]
struct Control {
    server: u16,
    /// Bytes that servers may send, over all connections; the others wait here.
    allowance: u64,
    /// Connections from this number on do not wait.
    held_below: u64,
    delay: Duration,
    /// Connections with a smaller number are cut.
    cut_below: u64,
    cut: Option<u64>,
}

/// What went through.
#[derive(Default)]
struct Seen {
    connections: AtomicU64,
    /// Bytes that servers have sent.
    bytes: AtomicU64,
    /// The same, connection by connection.
    by_connection: Mutex<HashMap<u64, u64>>,
    held: tokio::sync::Notify,
}

impl Proxy {
    /// Before a server, letting everything through.
    pub async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let control = Control {
            server: server.port,
            allowance: u64::MAX,
            held_below: u64::MAX,
            delay: Duration::ZERO,
            cut_below: 0,
            cut: None,
        };
        let (control, told) = watch::channel(control);
        let seen = Arc::<Seen>::default();
        let mut running = JoinSet::new();
        running.spawn(accept(listener, told, Arc::clone(&seen)));
        Self { port, control, seen, _running: running }
    }

    /// Holds all answers once so many more bytes of them have passed. What the clients send goes on.
    pub fn hold_after(&self, bytes: u64) {
        let passed = self.seen.bytes.load(Ordering::SeqCst);
        self.control.send_modify(|control| {
            control.allowance = passed + bytes;
            control.held_below = u64::MAX;
        });
    }

    /// Connections that come from now on are not held.
    pub fn let_new_ones_through(&self) {
        let below = self.connections();
        self.control.send_modify(|control| control.held_below = below);
    }

    /// Waits until there are more connections than these.
    pub async fn until_more_than(&self, connections: u64) {
        let more = async {
            while self.connections() <= connections {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, more).await.expect("another connection to come");
    }

    /// Waits until an answer is held.
    pub async fn until_held(&self) {
        timeout(PATIENCE, self.seen.held.notified()).await.expect("enough answers to be held");
    }

    /// Lets everything through again.
    pub fn resume(&self) {
        self.control.send_modify(|control| control.allowance = u64::MAX);
    }

    /// Each read of an answer takes this much longer.
    pub fn delay(&self, delay: Duration) {
        self.control.send_modify(|control| control.delay = delay);
    }

    /// Cuts all connections there are.
    pub fn cut_all(&self) {
        let below = self.connections();
        self.control.send_modify(|control| control.cut_below = below);
    }

    /// Cuts the connection over which most has come.
    pub fn cut_busiest(&self) {
        let busiest = self
            .seen
            .by_connection
            .lock()
            .unwrap()
            .iter()
            .max_by_key(|(_, bytes)| **bytes)
            .map(|(number, _)| *number);
        self.control.send_modify(|control| control.cut = busiest);
    }

    /// Leads new connections elsewhere.
    pub fn redirect(&self, server: &Server) {
        let port = server.port;
        self.control.send_modify(|control| control.server = port);
    }

    /// How many connections have come.
    pub fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, told: watch::Receiver<Control>, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let number = seen.connections.fetch_add(1, Ordering::SeqCst);
        connections.spawn(pass(client, number, told.clone(), Arc::clone(&seen)));
    }
}

async fn pass(client: TcpStream, number: u64, mut told: watch::Receiver<Control>, seen: Arc<Seen>) {
    let port = told.borrow().server;
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let answering = answer(from_server, to_client, number, told.clone(), &seen);
    let is_cut = |control: &Control| number < control.cut_below || control.cut == Some(number);
    tokio::select! {
        _ = async { tokio::join!(ask(from_client, to_server), answering) } => {}
        _ = told.wait_for(is_cut) => {}
    }
}

async fn ask(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let _ended = tokio::io::copy(&mut from, &mut to).await;
    let _gone = to.shutdown().await;
}

async fn answer(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    number: u64,
    mut told: watch::Receiver<Control>,
    seen: &Seen,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        *seen.by_connection.lock().unwrap().entry(number).or_default() += read as u64;
        let passed = seen.bytes.fetch_add(read as u64, Ordering::SeqCst);
        let passes = |control: &Control| control.allowance >= passed || control.held_below <= number;
        let is_held = !passes(&told.borrow());
        if is_held {
            seen.held.notify_one();
            if told.wait_for(passes).await.is_err() {
                return;
            }
        }
        let delay = told.borrow().delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    let _gone = to.shutdown().await;
}
