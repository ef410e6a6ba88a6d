//! One run of pg_dump.

use std::{io, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStderr, ChildStdout, Command},
    time::timeout,
};

use super::{DumpClient, hand_over::HandOver};
use crate::{backup::BackupError, postgres::Endpoint};

/// How long it may take to end when it is asked to: it first cancels what its session runs.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// Most of what it says that is kept, bytes: the end of it.
const SAID_LIMIT: usize = 32 * 1024;

/// What it is started for.
pub struct DumpRequest<'a> {
    pub client: &'a DumpClient,
    pub endpoint: &'a Endpoint,
    pub application: &'a str,
    pub snapshot: &'a str,
    /// The database's encoding: names and definitions come out as they are.
    pub encoding: &'a str,
    pub lock_timeout: Duration,
    /// Whether it may ask for subscriptions; where it may not, it would fail.
    pub with_subscriptions: bool,
}

/// A pg_dump that runs. It is killed when this is dropped; end it by [`DumpProcess::stop`] where there is time.
pub struct DumpProcess {
    child: Child,
    said: ChildStderr,
    /// Read by it through the file descriptors that it inherited.
    _hand_over: HandOver,
}

/// How it ended.
#[derive(Debug)]
pub struct DumpEnd {
    pub is_success: bool,
    /// What it said, at least the end of it.
    pub said: String,
}

impl DumpProcess {
    /// Starts it; the archive comes out of the pipe.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(request: &DumpRequest<'_>) -> Result<(Self, ChildStdout), BackupError> {
        let hand_over =
            HandOver::new(request.endpoint, request.application).map_err(BackupError::HandOver)?;
        let mut command = Command::new(&request.client.program);
        command
            .args(["-Fc", "-Z0", "--section=pre-data", "--section=post-data", "--no-blobs", "--no-password"])
            .arg(format!("--snapshot={}", request.snapshot))
            .arg(format!("--encoding={}", request.encoding))
            .arg(format!("--lock-wait-timeout={}", request.lock_timeout.as_millis()))
            .args((!request.with_subscriptions).then_some("--no-subscriptions"))
            .env_clear()
            .envs(hand_over.environment.iter().map(|(name, value)| (name, value)))
            // It lifts the time limits of role and database by itself, but asks one question before it does. Money and
            // backslashes in definitions are read again under these very settings.
            .env("PGOPTIONS", "-c statement_timeout=0 -c lc_monetary=C -c standard_conforming_strings=on")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let failed = |source: io::Error| BackupError::StartDump {
            program: request.client.program.display().to_string(),
            source,
        };
        let mut child = command.spawn().map_err(failed)?;
        let no_pipe = || failed(io::Error::other("it has no pipe"));
        let output = child.stdout.take().ok_or_else(no_pipe)?;
        let said = child.stderr.take().ok_or_else(no_pipe)?;
        Ok((Self { child, said, _hand_over: hand_over }, output))
    }

    /// Waits for its end. What it says is read all the while, so that it never waits for us.
    pub async fn end(&mut self) -> Result<DumpEnd, BackupError> {
        let said = read_end(&mut self.said).await;
        let status = self.child.wait().await;
        let failed = |error: io::Error| BackupError::Dump(format!("wait for it: {error}"));
        Ok(DumpEnd { is_success: status.map_err(failed)?.success(), said: said.map_err(failed)? })
    }

    /// Ends it, and with it the statement that its session runs.
    pub async fn stop(&mut self) {
        let process = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(process) = process
            && kill_process(process, Signal::TERM).is_ok()
            && timeout(END_TIMEOUT, self.child.wait()).await.is_ok()
        {
            return;
        }
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "pg_dump could not be ended");
        }
    }
}

/// Reads everything and keeps the end.
async fn read_end(input: &mut ChildStderr) -> io::Result<String> {
    let mut kept = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        let read = input.read(&mut buffer).await?;
        if read == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        kept.extend_from_slice(&buffer[..read]);
        if kept.len() > 2 * SAID_LIMIT {
            kept.drain(..kept.len() - SAID_LIMIT);
        }
    }
}
