//! A way to a server on this machine that takes as long as one to another place: nothing gets lost, everything is late.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

/// How long everything travels, each way.
const ONE_WAY: Duration = Duration::from_millis(1);
/// Most that is read at once.
const CHUNK: usize = 64 * 1024;
/// Chunks under way in one direction: more bytes than a fast link carries in [`ONE_WAY`].
const UNDER_WAY: usize = 128;

/// It forwards until the program ends.
pub struct Far {
    pub port: u16,
}

impl Far {
    /// Listens, and forwards every connection to `port`.
    ///
    /// # Errors
    /// When nothing can be listened on.
    pub fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let own = listener.local_addr()?.port();
        thread::spawn(move || {
            for client in listener.incoming() {
                // A connection that fails ends alone; whoever made it reports it.
                let _ended = client.and_then(|client| forward(client, port));
            }
        });
        Ok(Self { port: own })
    }
}

fn forward(client: TcpStream, port: u16) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    delayed(client.try_clone()?, server.try_clone()?);
    delayed(server, client);
    Ok(())
}

/// One direction: what comes in goes out [`ONE_WAY`] later.
fn delayed(from: TcpStream, to: TcpStream) {
    let (sender, receiver) = mpsc::sync_channel(UNDER_WAY);
    thread::spawn(move || read(from, &sender));
    thread::spawn(move || write(to, &receiver));
}

fn read(mut from: TcpStream, sender: &SyncSender<(Instant, Vec<u8>)>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        if sender.send((Instant::now() + ONE_WAY, chunk[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>) {
    for (due, chunk) in receiver {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&chunk).is_err() {
            return;
        }
    }
    // Whoever ended the other side ends this one; one that is gone already needs no telling.
    let _gone = to.shutdown(Shutdown::Write);
}
