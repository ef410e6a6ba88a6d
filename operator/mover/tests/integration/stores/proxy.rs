//! A proxy in front of a server of a store that does something to one request.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
};

/// What befalls a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused, and never reaches the server.
    Refused(u16, &'static str),
    /// It is done, and the answer says that it was refused.
    DoneAndRefused(u16, &'static str),
    /// Nobody answers, and the server never sees it.
    Hang,
    /// It is done, and nobody answers.
    DoneAndHang,
    /// The connection ends before the server sees it.
    Cut,
    /// The connection ends when the server has seen half of what is sent.
    CutInRequest,
    /// It is done, and the connection ends in the middle of the answer.
    CutInAnswer,
    /// It is done, and the connection ends.
    DoneAndCut,
    /// It is granted, with an answer that has no end, and the server never sees it.
    Endless,
    /// It is refused, with an answer that has no end.
    EndlessRefusal,
}

/// Which requests something befalls, counted from 1.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub fault: Fault,
    pub at: usize,
    /// All that follow, too.
    pub lasts: bool,
}

/// Changes the head of every request, as a server does that overlooks a part of it.
type Rewrite = fn(&str) -> String;

/// Passes requests on to a server of this machine, one a connection.
pub struct Proxy {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    seen: usize,
    plan: Option<Plan>,
    /// The first line of every request.
    lines: Vec<String>,
    /// A method that the server does not allow.
    forbidden: Option<&'static str>,
    /// The server that answers listings, where it is another one.
    lister: Option<u16>,
}

impl Proxy {
    pub fn before(server: u16) -> Self {
        Self::rewriting(server, str::to_owned)
    }

    pub fn rewriting(server: u16, rewrite: Rewrite) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A connection that ends early is what clients have to live with here.
                std::thread::spawn(move || serve(client, server, rewrite, &state));
            }
        });
        Self { port, state }
    }

    /// From now on this befalls requests, counted anew.
    pub fn plan(&self, plan: Option<Plan>) {
        let mut state = self.state();
        (state.seen, state.plan) = (0, plan);
    }

    /// The first lines of all requests so far.
    pub fn lines(&self) -> Vec<String> {
        self.state().lines.clone()
    }

    /// From now on requests of this method are refused, as by a server that must not change anything.
    pub fn forbid(&self, method: Option<&'static str>) {
        self.state().forbidden = method;
    }

    /// From now on another server answers listings: one that has what this one had a while ago.
    pub fn list_from(&self, server: Option<u16>) {
        self.state().lister = server;
    }

    /// How many requests came since the plan was made.
    pub fn seen(&self) -> usize {
        self.state().seen
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// What befalls the next request, and which server it goes to.
    fn next(&mut self, line: String, server: u16) -> (Option<Fault>, u16) {
        self.seen += 1;
        let seen = self.seen;
        let planned = self.plan.filter(|plan| plan.at == seen || plan.lasts && plan.at < seen);
        let is_forbidden = self.forbidden.is_some_and(|method| line.starts_with(method));
        let forbidden = is_forbidden.then_some(Fault::Refused(403, "AccessDenied"));
        let server = self.lister.filter(|_| line.contains("list-type=2")).unwrap_or(server);
        self.lines.push(line);
        (forbidden.or(planned.map(|plan| plan.fault)), server)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no thread fails while it counts")
}

fn serve(mut client: TcpStream, server: u16, rewrite: Rewrite, state: &Mutex<State>) -> io::Result<()> {
    let Some((head, body)) = request(&mut client)? else { return Ok(()) };
    let line = head.lines().next().unwrap_or_default().to_owned();
    let (fault, server) = lock(state).next(line, server);
    let head = rewrite(&head);
    let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    let done = || exchange(server, &head, &body);
    match fault {
        None => client.write_all(&done()?),
        Some(Fault::Refused(status, code)) => client.write_all(&refusal(status, code)),
        Some(Fault::DoneAndRefused(status, code)) => {
            done()?;
            client.write_all(&refusal(status, code))
        }
        Some(Fault::Hang) => until_gone(&mut client),
        Some(Fault::DoneAndHang) => {
            done()?;
            until_gone(&mut client)
        }
        Some(Fault::Cut) => client.shutdown(Shutdown::Both),
        Some(Fault::CutInRequest) => {
            let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
            upstream.write_all(head.as_bytes())?;
            upstream.write_all(&body[..body.len() / 2])?;
            upstream.shutdown(Shutdown::Both)?;
            client.shutdown(Shutdown::Both)
        }
        Some(Fault::CutInAnswer) => {
            let answer = done()?;
            client.write_all(&answer[..answer.len() / 2])?;
            client.shutdown(Shutdown::Both)
        }
        Some(Fault::DoneAndCut) => {
            done()?;
            client.shutdown(Shutdown::Both)
        }
        Some(Fault::Endless) => endless(&mut client, "200 OK"),
        Some(Fault::EndlessRefusal) => endless(&mut client, "500 Internal Server Error"),
    }
}

/// The head of a request, with its empty line, and its body.
fn request(client: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 << 10];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let count = client.read(&mut piece)?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece[..count]);
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
    });
    while body.len() < length.unwrap_or(0) {
        let count = client.read(&mut piece)?;
        if count == 0 {
            return Ok(None);
        }
        body.extend_from_slice(&piece[..count]);
    }
    Ok(Some((head, body)))
}

/// The server's whole answer.
fn exchange(server: u16, head: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
    upstream.write_all(head.as_bytes())?;
    upstream.write_all(body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn refusal(status: u16, code: &str) -> Vec<u8> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>planned</Message></Error>");
    format!(
        "HTTP/1.1 {status} Refused\r\ncontent-type: application/xml\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn until_gone(client: &mut TcpStream) -> io::Result<()> {
    while client.read(&mut [0; 1 << 10])? > 0 {}
    Ok(())
}

fn endless(client: &mut TcpStream, status: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    client.write_all(head.as_bytes())?;
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    loop {
        client.write_all(chunk.as_bytes())?;
    }
}
