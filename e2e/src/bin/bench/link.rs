//! A way to a server on this machine that takes as long as one to another place: nothing gets lost, everything is late.
//! Forwarding takes processor time of its own, which is why a way without delay stands beside one with it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

/// Most that is read at once.
const CHUNK: usize = 64 * 1024;
/// Chunks under way in one direction: more bytes than a fast link carries in a few milliseconds.
const UNDER_WAY: usize = 128;

/// It forwards until the program ends.
pub struct Link {
    pub port: u16,
}

impl Link {
    /// Listens, and forwards every connection to `port`; everything travels for `one_way` in each direction.
    ///
    /// # Errors
    /// When nothing can be listened on.
    pub fn start(port: u16, one_way: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let own = listener.local_addr()?.port();
        thread::spawn(move || {
            for client in listener.incoming() {
                // A connection that fails ends alone; whoever made it reports it.
                let _ended = client.and_then(|client| forward(client, port, one_way));
            }
        });
        Ok(Self { port: own })
    }
}

fn forward(client: TcpStream, port: u16, one_way: Duration) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    delayed(client.try_clone()?, server.try_clone()?, one_way);
    delayed(server, client, one_way);
    Ok(())
}

/// One direction: what comes in goes out so much later.
fn delayed(from: TcpStream, to: TcpStream, one_way: Duration) {
    let (sender, receiver) = mpsc::sync_channel(UNDER_WAY);
    thread::spawn(move || read(from, one_way, &sender));
    thread::spawn(move || write(to, &receiver));
}

fn read(mut from: TcpStream, one_way: Duration, sender: &SyncSender<(Instant, Vec<u8>)>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        if sender.send((Instant::now() + one_way, chunk[..length].to_vec())).is_err() {
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
