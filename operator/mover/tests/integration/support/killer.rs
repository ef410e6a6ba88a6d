//! A proxy before an S3 server that kills a process at its n-th write, before the write is passed on or after it was done.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Child, Command, ExitStatus},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// At which write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Counted from 1.
    Nth(usize),
    /// The first one whose object lies below this.
    Below(&'static str),
}

/// At which side of a write the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

/// The proxy, and the process that dies.
pub struct Killer {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: u16,
    at: At,
    moment: Moment,
    writes: AtomicUsize,
    victim: Mutex<Option<Child>>,
}

impl Killer {
    pub fn before(server: u16, at: At, moment: Moment) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (writes, victim) = (AtomicUsize::new(0), Mutex::new(None));
        let shared = Arc::new(Shared { server, at, moment, writes, victim });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), shared) = (client, Arc::clone(&accepting)) else { return };
                thread::spawn(move || pass(client, &shared));
            }
        });
        Self { port, shared }
    }

    /// Runs a process to its end, or to its death.
    pub fn run(&self, command: &mut Command) -> ExitStatus {
        *self.shared.victim.lock().unwrap() = Some(command.spawn().unwrap());
        loop {
            if let Some(victim) = self.shared.victim.lock().unwrap().as_mut()
                && let Some(ended) = victim.try_wait().unwrap()
            {
                return ended;
            }
            thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Shared {
    /// Whether a request is the write.
    fn is_it(&self, head: &[u8]) -> bool {
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        if !["PUT ", "POST ", "DELETE "].iter().any(|verb| line.starts_with(verb.as_bytes())) {
            return false;
        }
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        match self.at {
            At::Nth(wanted) => number == wanted,
            At::Below(place) => memchr::memmem::find(line, format!("/{place}/").as_bytes()).is_some(),
        }
    }

    fn kill(&self) {
        self.victim.lock().unwrap().as_mut().unwrap().kill().unwrap();
    }
}

/// One connection: its requests one by one, and the answers as they come.
fn pass(client: TcpStream, shared: &Arc<Shared>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.server)) else { return };
    let dies_of_the_answer = Arc::new(AtomicBool::new(false));
    let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let (answering, doomed) = (Arc::clone(shared), Arc::clone(&dies_of_the_answer));
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(read @ 1..) = from_server.read(&mut buffer) {
            if doomed.load(Ordering::SeqCst) {
                answering.kill();
                return;
            }
            if to_client.write_all(&buffer[..read]).is_err() {
                return;
            }
        }
        let _gone = to_client.shutdown(Shutdown::Both);
    });
    let (mut from_client, mut to_server) = (BufReader::new(client), server);
    while let Some((head, body)) = request(&mut from_client) {
        if shared.is_it(&head) {
            match shared.moment {
                Moment::Before => return shared.kill(),
                Moment::After => dies_of_the_answer.store(true, Ordering::SeqCst),
            }
        }
        if to_server.write_all(&head).and_then(|()| to_server.write_all(&body)).is_err() {
            return;
        }
    }
    let _gone = to_server.shutdown(Shutdown::Both);
}

/// A request's head and body; `None` at the connection's end.
fn request(from: &mut BufReader<TcpStream>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let start = head.len();
        if from.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&head[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some((head, body))
}
