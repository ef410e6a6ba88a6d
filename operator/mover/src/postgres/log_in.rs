//! From a connected socket to a session: TLS, start-up, authentication.

use std::{io, time::Duration};

use postgres_protocol::{
    authentication::{
        md5_hash,
        sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256},
    },
    message::frontend,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    Endpoint, PgError, ServerError, Session,
    address::{self, Address},
    endpoint::Server,
    session::Greeting,
    stream::Stream,
    tls::channel_binding,
    wire::{CONTROL_LIMIT, Wire},
};

/// How long TLS and authentication may take once a server took the connection.
const LOG_IN_TIMEOUT: Duration = Duration::from_secs(20);

/// Opens a session over one address.
pub async fn open(endpoint: &Endpoint, address: &Address, application: &str) -> Result<Session, PgError> {
    let stream = address::connect(address).await?;
    let logged_in = timeout(LOG_IN_TIMEOUT, log_in(endpoint, stream, address, application)).await;
    logged_in.map_err(|_| PgError::LogInTimedOut { address: address.to_string(), limit: LOG_IN_TIMEOUT })?
}

/// Begins TLS where it is wanted; on a Unix socket it never is, as in libpq.
pub(super) async fn secure(server: &Server, stream: Stream, address: &Address) -> Result<Stream, PgError> {
    match stream {
        Stream::Tcp(stream) if server.tls.is_on() => {
            let stream = ask_for_tls(stream, address).await?;
            let stream = server.tls.handshake(stream, &server.host, &address.to_string()).await?;
            Ok(Stream::Tls(Box::new(stream)))
        }
        Stream::Tcp(_) | Stream::Unix(_) | Stream::Tls(_) => Ok(stream),
    }
}

async fn log_in(
    endpoint: &Endpoint,
    stream: Stream,
    address: &Address,
    application: &str,
) -> Result<Session, PgError> {
    let server = endpoint.server();
    let stream = secure(server, stream, address).await?;
    let mut wire = Wire::new(stream);
    let parameters = [
        ("user", server.user.as_str()),
        ("database", endpoint.database()),
        ("application_name", application),
    ];
    encode(frontend::startup_message(parameters, &mut wire.out))?;
    let sent = wire.send().await;
    let answered = match sent {
        Ok(()) => wire.await_header().await.map(|_| ()),
        Err(error) => Err(error),
    };
    answered.map_err(|error| before_a_word(error, address))?;
    authenticate(&mut wire, server, address).await?;
    let greeting = Greeting::read(&mut wire).await?;
    Ok(Session::new(wire, greeting, endpoint.clone(), address.clone()))
}

/// A connection that is closed before anything was said on it tells about the address, not about a session.
fn before_a_word(error: PgError, address: &Address) -> PgError {
    match error {
        PgError::Lost(cause)
            if matches!(
                cause.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
            ) =>
        {
            PgError::HungUp { address: address.to_string() }
        }
        other => other,
    }
}

async fn ask_for_tls(mut stream: TcpStream, address: &Address) -> Result<TcpStream, PgError> {
    let mut request = bytes::BytesMut::new();
    frontend::ssl_request(&mut request);
    let lost = |error| before_a_word(PgError::Lost(error), address);
    stream.write_all(&request).await.map_err(lost)?;
    // Exactly one byte is read: anything that somebody slipped in after it reaches the handshake, which refuses it.
    match stream.read_u8().await.map_err(lost)? {
        b'S' => Ok(stream),
        b'N' => Err(PgError::TlsNotOffered { address: address.to_string() }),
        b'E' => Err(PgError::Tls {
            address: address.to_string(),
            reason: "the server answered the question for TLS with an error; it may be out of processes"
                .to_owned(),
        }),
        _ => Err(PgError::NotPostgres {
            address: address.to_string(),
            reason: "it did not understand the question for TLS",
        }),
    }
}

/// PostgreSQL does 4096 unless it is told otherwise; these take about a second.
const ROUNDS_LIMIT: u64 = 1_000_000;

/// What the server asks for before it lets anybody in.
const OK: u32 = 0;
const CLEARTEXT: u32 = 3;
const MD5: u32 = 5;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

/// How far the exchange by SCRAM is.
enum Scram {
    Unused,
    Running(ScramSha256),
    /// The server has shown that it knows the password, too.
    Proven,
}

async fn authenticate(wire: &mut Wire, server: &Server, address: &Address) -> Result<(), PgError> {
    let mut scram = Scram::Unused;
    loop {
        let header = wire.header().await?;
        match header.tag {
            b'R' => {}
            b'E' => return Err(refusal(wire, header.length).await?),
            // A notice, or the offer of an older protocol version: neither changes anything.
            b'N' | b'v' => {
                wire.body_cut(header.length, 0).await?;
                continue;
            }
            _ => {
                return Err(PgError::NotPostgres {
                    address: address.to_string(),
                    reason: "its first message is none that a server sends",
                });
            }
        }
        let body = wire.body(header.length, CONTROL_LIMIT).await?.to_vec();
        let Some((kind, data)) = body.split_first_chunk::<4>() else {
            return Err(PgError::Protocol("an authentication request is cut short".to_owned()));
        };
        match u32::from_be_bytes(*kind) {
            OK => return finished(&scram),
            CLEARTEXT => send_cleartext(wire, server)?,
            MD5 => send_md5(wire, server, data)?,
            SASL => scram = Scram::Running(begin_scram(wire, server, data)?),
            SASL_CONTINUE => continue_scram(wire, &mut scram, data)?,
            SASL_FINAL => finish_scram(&mut scram, data)?,
            other => return Err(unsupported(other)),
        }
        wire.send().await?;
    }
}

/// A server that begins SCRAM has to end it: else it may not know the password at all.
fn finished(scram: &Scram) -> Result<(), PgError> {
    match scram {
        Scram::Unused | Scram::Proven => Ok(()),
        Scram::Running(_) => Err(PgError::Authentication(
            "the server ended SCRAM without proving that it knows the password".to_owned(),
        )),
    }
}

async fn refusal(wire: &mut Wire, length: usize) -> Result<PgError, PgError> {
    let body = wire.body_cut(length, CONTROL_LIMIT).await?;
    Ok(PgError::Server(Box::new(ServerError::from_body(&body))))
}

fn password(server: &Server) -> Result<&[u8], PgError> {
    match &server.password {
        Some(password) => Ok(password.reveal().as_bytes()),
        None => Err(PgError::Authentication("the server asks for a password and none is given".to_owned())),
    }
}

fn send_cleartext(wire: &mut Wire, server: &Server) -> Result<(), PgError> {
    if !wire.stream().is_private() {
        return Err(PgError::Authentication(
            "the server asks for the password in clear text and the connection has no TLS; turn TLS on, or use scram-sha-256 in pg_hba.conf"
                .to_owned(),
        ));
    }
    encode(frontend::password_message(password(server)?, &mut wire.out))
}

fn send_md5(wire: &mut Wire, server: &Server, data: &[u8]) -> Result<(), PgError> {
    let salt = *data
        .first_chunk::<4>()
        .ok_or_else(|| PgError::Protocol("a request for an MD5 password has no salt".to_owned()))?;
    let answer = md5_hash(server.user.as_bytes(), password(server)?, salt);
    encode(frontend::password_message(answer.as_bytes(), &mut wire.out))
}

fn begin_scram(wire: &mut Wire, server: &Server, data: &[u8]) -> Result<ScramSha256, PgError> {
    let offers = |name: &str| data.split(|byte| *byte == 0).any(|offered| offered == name.as_bytes());
    let certificate = match wire.stream() {
        Stream::Tls(stream) => channel_binding(stream),
        Stream::Tcp(_) | Stream::Unix(_) => None,
    };
    let (mechanism, binding) = match certificate {
        Some(hash) if offers(SCRAM_SHA_256_PLUS) => {
            (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(hash))
        }
        _ if !offers(SCRAM_SHA_256) => {
            let reason = "the server offers no SASL mechanism that is known here; scram-sha-256 is";
            return Err(PgError::Authentication(reason.to_owned()));
        }
        // "We could and you offer nothing": a server that did offer it sees that somebody took the offer out.
        Some(_) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
        None => (SCRAM_SHA_256, ChannelBinding::unsupported()),
    };
    let scram = ScramSha256::new(password(server)?, binding);
    encode(frontend::sasl_initial_response(mechanism, scram.message(), &mut wire.out))?;
    Ok(scram)
}

fn continue_scram(wire: &mut Wire, scram: &mut Scram, data: &[u8]) -> Result<(), PgError> {
    let Scram::Running(running) = scram else {
        return Err(PgError::Protocol("SCRAM goes on before it began".to_owned()));
    };
    bounded_rounds(data)?;
    running.update(data).map_err(scram_failed)?;
    encode(frontend::sasl_response(running.message(), &mut wire.out))
}

/// The rounds of hashing are the server's to choose, and are done at once: nothing could interrupt four thousand million.
fn bounded_rounds(data: &[u8]) -> Result<(), PgError> {
    let rounds = data.split(|byte| *byte == b',').find_map(|part| part.strip_prefix(b"i="));
    let rounds = rounds.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
    match rounds.filter(|rounds| *rounds > ROUNDS_LIMIT) {
        None => Ok(()),
        Some(rounds) => Err(PgError::Authentication(format!(
            "the server asks for {rounds} rounds of SCRAM, and {ROUNDS_LIMIT} are done at most; lower scram_iterations and \
             set the password again"
        ))),
    }
}

fn finish_scram(scram: &mut Scram, data: &[u8]) -> Result<(), PgError> {
    let Scram::Running(running) = scram else {
        return Err(PgError::Protocol("SCRAM ends before it began".to_owned()));
    };
    running.finish(data).map_err(scram_failed)?;
    *scram = Scram::Proven;
    Ok(())
}

fn scram_failed(error: io::Error) -> PgError {
    PgError::Authentication(format!(
        "SCRAM failed: {error}; check the password, and that nobody stands between"
    ))
}

fn unsupported(kind: u32) -> PgError {
    let name = match kind {
        2 => "Kerberos 5",
        7 | 8 => "GSSAPI",
        9 => "SSPI",
        _ => "a method that is not known here",
    };
    PgError::Authentication(format!(
        "the server asks for {name}; use scram-sha-256, a client certificate or md5 in pg_hba.conf"
    ))
}

fn encode(result: io::Result<()>) -> Result<(), PgError> {
    result.map_err(|error| PgError::InvalidConnection(format!("write the login: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_keep_a_login_busy_for_hours() {
        let asked = |rounds: &str| bounded_rounds(format!("r=nonce,s=c2FsdA==,i={rounds}").as_bytes());
        assert!(asked("4096").is_ok() && asked("1000000").is_ok());
        for rounds in ["1000001", "4294967295"] {
            assert!(matches!(asked(rounds), Err(PgError::Authentication(told)) if told.contains(rounds)));
        }
        // What is no number is for SCRAM itself to refuse.
        assert!(asked("many").is_ok() && bounded_rounds(b"e=other-error").is_ok());
    }
}
