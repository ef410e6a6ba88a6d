//! One session with a server, by the simple protocol: statements go out as text, rows come back as text, and COPY in
//! both directions streams through one buffer.

use std::collections::HashMap;

use postgres_protocol::message::frontend;

use super::{
    CancelHandle, CopyIn, CopyOut, Endpoint, PgError, Row, ServerError,
    address::Address,
    wire::{CONTROL_LIMIT, Header, ROW_LIMIT, Wire},
};

/// Most bytes of rows that [`Session::query`] collects.
const RESULT_LIMIT: usize = 64 * 1024 * 1024;
/// Most settings of which a server may tell by itself; PostgreSQL has a dozen.
const PARAMETERS_LIMIT: usize = 1_000;
/// Most warnings that are kept.
const WARNINGS_LIMIT: usize = 100;

/// An open session. Whoever drops it between a statement and its end leaves it unusable; the server notices that the
/// connection is gone. To end a running statement at once use [`Session::cancel_handle`].
pub struct Session {
    wire: Wire,
    greeting: Greeting,
    endpoint: Endpoint,
    address: Address,
    /// A statement was sent and its end was not read.
    is_busy: bool,
    warnings: Vec<ServerError>,
}

/// What a server says of itself before the first statement.
#[derive(Default)]
pub(super) struct Greeting {
    pub process_id: i32,
    pub secret_key: i32,
    parameters: HashMap<String, String>,
    transaction: u8,
}

/// Whether a transaction is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    Idle,
    Open,
    /// An error was met in it: only a rollback is taken.
    Failed,
}

/// What the server sends in answer to a statement.
#[derive(Debug)]
pub(super) enum Answer<'a> {
    Row(&'a [u8]),
    CopyOut {
        is_binary: bool,
    },
    CopyIn,
    CopyDone,
    /// The tag of a finished command, such as `COPY 5`.
    Complete(&'a [u8]),
    Failed(Box<ServerError>),
    /// All statements sent are dealt with.
    Ready,
    /// The shape of the rows to come, or an empty statement.
    Nothing,
}

impl Session {
    pub(super) fn new(wire: Wire, greeting: Greeting, endpoint: Endpoint, address: Address) -> Self {
        Self { wire, greeting, endpoint, address, is_busy: false, warnings: Vec::new() }
    }

    /// Runs one or more statements and drops their rows.
    ///
    /// # Errors
    /// What the server reports, or that the connection was lost.
    pub async fn execute(&mut self, sql: impl AsRef<[u8]>) -> Result<(), PgError> {
        self.each(sql, |_| Ok(())).await
    }

    /// Runs one or more statements and collects the rows of all of them, 64 MiB at most.
    ///
    /// # Errors
    /// As [`Self::execute`]; and when there is more.
    pub async fn query(&mut self, sql: impl AsRef<[u8]>) -> Result<Vec<Row>, PgError> {
        let mut rows = Vec::new();
        let mut size = 0;
        self.each(sql, |body| {
            size += body.len();
            if size > RESULT_LIMIT {
                return Err(PgError::Answer(format!("more than {RESULT_LIMIT} bytes of rows")));
            }
            rows.push(Row::from_body(body)?);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Runs one or more statements and hands over each row, so that a long answer is never in memory as a whole.
    ///
    /// # Errors
    /// As [`Self::execute`]; and the first error of `take`, after which the session cannot be used any more.
    pub async fn query_each(
        &mut self,
        sql: impl AsRef<[u8]>,
        mut take: impl FnMut(Row) -> Result<(), PgError>,
    ) -> Result<(), PgError> {
        self.each(sql, |body| take(Row::from_body(body)?)).await
    }

    /// Runs a statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`Self::execute`]; and when there is none, or more than one.
    pub async fn query_one(&mut self, sql: impl AsRef<[u8]>) -> Result<Row, PgError> {
        let mut rows = self.query(sql).await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            (None, _) => Err(PgError::Answer("no row came where one was expected".to_owned())),
            (Some(_), false) => Err(PgError::Answer("several rows came where one was expected".to_owned())),
        }
    }

    /// Runs statements one of which is a `COPY ... TO STDOUT`. Rows of statements before it are in
    /// [`CopyOut::rows_before`]; statements after it are run when the data have been read.
    ///
    /// # Errors
    /// As [`Self::execute`]; and when no COPY was among them.
    pub async fn copy_out(&mut self, sql: impl AsRef<[u8]>) -> Result<CopyOut<'_>, PgError> {
        self.start(sql.as_ref()).await?;
        CopyOut::begin(self).await
    }

    /// Runs a `COPY ... FROM STDIN`.
    ///
    /// # Errors
    /// As [`Self::execute`]; and when it is something else.
    pub async fn copy_in(&mut self, sql: impl AsRef<[u8]>) -> Result<CopyIn<'_>, PgError> {
        self.start(sql.as_ref()).await?;
        CopyIn::begin(self).await
    }

    /// The process that serves this session, as it was told at log-in. A proxy that shares connections makes one up.
    pub fn process_id(&self) -> i32 {
        self.greeting.process_id
    }

    /// A setting that the server reports by itself: `server_version`, `server_encoding`, `client_encoding`, ...
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.greeting.parameters.get(name).map(String::as_str)
    }

    pub fn transaction_status(&self) -> TransactionStatus {
        match self.greeting.transaction {
            b'T' => TransactionStatus::Open,
            b'E' => TransactionStatus::Failed,
            _ => TransactionStatus::Idle,
        }
    }

    /// Warnings of statements since the last call.
    pub fn take_warnings(&mut self) -> Vec<ServerError> {
        std::mem::take(&mut self.warnings)
    }

    /// What can end the running statement from elsewhere.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle::new(
            self.endpoint.clone(),
            self.address.clone(),
            self.greeting.process_id,
            self.greeting.secret_key,
        )
    }

    /// Says good-bye. A session that is dropped instead ends too, when the server next looks at its socket.
    pub async fn close(mut self) {
        self.terminate().await;
    }

    /// As [`Self::close`]; the session cannot be used afterwards.
    pub async fn terminate(&mut self) {
        if !self.is_busy {
            frontend::terminate(&mut self.wire.out);
            // Nothing is lost when the server is gone already.
            let _already_gone = self.wire.send().await;
        }
        self.is_busy = true;
        let _already_gone = self.wire.shut_down().await;
    }

    async fn each(
        &mut self,
        sql: impl AsRef<[u8]>,
        mut take: impl FnMut(&[u8]) -> Result<(), PgError>,
    ) -> Result<(), PgError> {
        self.start(sql.as_ref()).await?;
        let mut failed = None;
        loop {
            match self.answer().await {
                Ok(Answer::Row(body)) => take(body)?,
                Ok(Answer::Failed(error)) => failed = Some(PgError::Server(error)),
                Ok(Answer::Ready) => return failed.map_or(Ok(()), Err),
                Ok(Answer::CopyIn | Answer::CopyOut { .. }) => {
                    return Err(PgError::Answer("a COPY began where none was expected".to_owned()));
                }
                Ok(Answer::Complete(_) | Answer::Nothing | Answer::CopyDone) => {}
                // A server that ends a session says why and closes the connection.
                Err(lost) => return Err(failed.unwrap_or(lost)),
            }
        }
    }

    /// Sends statements.
    async fn start(&mut self, sql: &[u8]) -> Result<(), PgError> {
        if self.is_busy {
            return Err(PgError::Answer(
                "an earlier statement of this session was given up half-way".to_owned(),
            ));
        }
        if sql.contains(&0) {
            return Err(PgError::Answer("a statement holds a NUL".to_owned()));
        }
        let length = i32::try_from(sql.len() + 5)
            .map_err(|_| PgError::Answer("a statement is longer than 2 GiB".to_owned()))?;
        self.is_busy = true;
        self.wire.out.extend_from_slice(b"Q");
        self.wire.out.extend_from_slice(&length.to_be_bytes());
        self.wire.out.extend_from_slice(sql);
        self.wire.out.extend_from_slice(&[0]);
        self.wire.send().await
    }

    /// The next message that is part of an answer. What the server says in between is taken note of.
    pub(super) async fn answer(&mut self) -> Result<Answer<'_>, PgError> {
        let header = loop {
            let header = self.wire.header().await?;
            if !self.note(header).await? {
                break header;
            }
        };
        if header.tag == b'E' {
            let body = self.wire.body_cut(header.length, CONTROL_LIMIT).await?;
            return Ok(Answer::Failed(Box::new(ServerError::from_body(&body))));
        }
        let limit = if header.tag == b'D' { ROW_LIMIT } else { CONTROL_LIMIT };
        let body = self.wire.body(header.length, limit).await?;
        Ok(match header.tag {
            b'D' => Answer::Row(body),
            b'C' => Answer::Complete(body.strip_suffix(&[0]).unwrap_or(body)),
            b'H' => Answer::CopyOut { is_binary: body.first() == Some(&1) },
            b'G' => Answer::CopyIn,
            b'c' => Answer::CopyDone,
            b'T' | b'I' => Answer::Nothing,
            b'Z' => {
                self.greeting.transaction = body.first().copied().unwrap_or(b'I');
                self.is_busy = false;
                Answer::Ready
            }
            other => {
                let tag = char::from(other);
                return Err(PgError::Protocol(format!("a message {tag:?} came where none was expected")));
            }
        })
    }

    /// Takes one message of those that come between answers at any time.
    pub(super) async fn between(&mut self) -> Result<(), PgError> {
        let header = self.wire.header().await?;
        if self.note(header).await? {
            return Ok(());
        }
        Err(PgError::Protocol("an answer came where a notice was expected".to_owned()))
    }

    /// Takes note of what the server says by itself; `false` for a message that is part of an answer.
    async fn note(&mut self, header: Header) -> Result<bool, PgError> {
        match header.tag {
            b'N' => {
                let body = self.wire.body_cut(header.length, CONTROL_LIMIT).await?;
                self.keep_warning(ServerError::from_body(&body));
            }
            b'S' => {
                let body = self.wire.body(header.length, CONTROL_LIMIT).await?;
                self.greeting.set_parameter(body);
            }
            b'A' => drop(self.wire.body_cut(header.length, 0).await?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    fn keep_warning(&mut self, notice: ServerError) {
        // What it says may quote a row.
        tracing::debug!(severity = notice.severity, sqlstate = notice.sqlstate, "the server gives notice");
        if notice.severity == "WARNING" && self.warnings.len() < WARNINGS_LIMIT {
            self.warnings.push(notice);
        }
    }
}

impl Greeting {
    /// Reads up to the first ReadyForQuery.
    pub async fn read(wire: &mut Wire) -> Result<Self, PgError> {
        let mut greeting = Self::default();
        loop {
            let header = wire.header().await?;
            let body = wire.body_cut(header.length, CONTROL_LIMIT).await?;
            match header.tag {
                b'S' => greeting.set_parameter(&body),
                b'K' => {
                    let Some(&[a, b, c, d, e, f, g, h]) = body.first_chunk::<8>() else {
                        return Err(PgError::Protocol("the key to cancel with is cut short".to_owned()));
                    };
                    greeting.process_id = i32::from_be_bytes([a, b, c, d]);
                    greeting.secret_key = i32::from_be_bytes([e, f, g, h]);
                }
                b'Z' => {
                    greeting.transaction = body.first().copied().unwrap_or(b'I');
                    return Ok(greeting);
                }
                b'E' => return Err(PgError::Server(Box::new(ServerError::from_body(&body)))),
                b'N' | b'v' => {}
                other => {
                    let tag = char::from(other);
                    return Err(PgError::Protocol(format!(
                        "a message {tag:?} came before the session began"
                    )));
                }
            }
        }
    }

    /// Name and value, each ended by a NUL.
    fn set_parameter(&mut self, body: &[u8]) {
        let mut parts = body.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        if let (Some(name), Some(value)) = (parts.next(), parts.next())
            && (self.parameters.len() < PARAMETERS_LIMIT || self.parameters.contains_key(&*name))
        {
            self.parameters.insert(name.into_owned(), value.into_owned());
        }
    }
}
