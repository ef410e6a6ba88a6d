//! What backup and restore have in common: progress, the signals, and the prompt for a password.

use std::io::{self, IsTerminal as _};

use console::Term;
use contract::{Failure, FailureCode, Limits, Secret, Stage};
use mover::postgres::Endpoint;
use mover::progress::ProgressSink;
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use super::progress::{Display, ProgressMode};
use super::server::Server;
use crate::command::signals;

/// The limits of a run that a person started: nothing but what was asked.
pub fn limits(lanes: u16, lock_timeout_seconds: u32) -> Limits {
    Limits { lanes, lock_timeout_seconds, bytes_per_second: None }
}

/// Drives a run, shows its progress, and asks it to stop at the first signal.
///
/// # Errors
/// When signals cannot be listened to; how the run itself ended is the inner result.
pub async fn watched<T>(
    sink: &ProgressSink,
    mode: ProgressMode,
    run: impl AsyncFnOnce(CancellationToken) -> T,
) -> Result<T, Problem> {
    let cancel = CancellationToken::new();
    let mut display = Display::new(mode);
    let work = run(cancel.clone());
    let listening = async {
        match signals::cancel_on_stop(cancel.clone()).await {
            Ok(()) => std::future::pending().await,
            Err(error) => Problem::Signals(error),
        }
    };
    let ended = tokio::select! {
        ended = work => Ok(ended),
        problem = listening => Err(problem),
        never = display.follow(sink) => match never {},
    };
    display.end(sink);
    ended
}

/// The server once it lets us in; a person is asked for the password if that is all that is missing.
///
/// # Errors
/// What kept us out.
pub async fn admitted(server: Server) -> Result<Server, Problem> {
    let refused = match knock(&server).await {
        Ok(()) => return Ok(server),
        Err(failure) => failure,
    };
    let Some(typed) = password_for(&server, &refused)? else {
        return Err(Problem::Failed(refused));
    };
    let server = server.with_password(typed);
    knock(&server).await?;
    Ok(server)
}

/// The server with the password that it wants, asked of a person if need be. Whether it then lets us in is for the caller
/// to see.
///
/// # Errors
/// When a person cannot be asked.
pub async fn introduced(server: Server) -> Result<Server, Problem> {
    let Err(refused) = knock(&server).await else {
        return Ok(server);
    };
    match password_for(&server, &refused)? {
        Some(typed) => Ok(server.with_password(typed)),
        None => Ok(server),
    }
}

async fn knock(server: &Server) -> Result<(), Failure> {
    let failed = |error: mover::postgres::PgError| error.failure(Stage::Connecting);
    let endpoint = Endpoint::new(&server.connection).map_err(failed)?;
    let session = endpoint.connect("coffer").await.map_err(failed)?;
    session.close().await;
    Ok(())
}

/// A password from the person at the terminal, if the server refused us for want of one; `None`: there is nothing to ask.
fn password_for(server: &Server, failure: &Failure) -> Result<Option<Secret>, Problem> {
    let refused = failure.code == FailureCode::AuthenticationFailed;
    if !refused || server.has_password || !io::stdin().is_terminal() {
        return Ok(None);
    }
    let terminal = Term::stderr();
    terminal.write_str(&format!("Password for {}: ", server.shown())).map_err(Problem::Output)?;
    terminal.read_secure_line().map(|line| Some(Secret::new(line))).map_err(Problem::Output)
}
