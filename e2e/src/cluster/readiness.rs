//! Waiting on conditions, each with a limit and with what was seen instead.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Error;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What a look at a condition found.
pub(crate) enum Look {
    /// It is true.
    Ready,
    /// It is not, and this was there instead.
    NotYet(String),
}

/// The look for a plain condition.
pub(crate) fn ready_if(condition: bool, seen: impl FnOnce() -> String) -> Look {
    if condition { Look::Ready } else { Look::NotYet(seen()) }
}

/// Looks until the condition is true.
///
/// # Errors
/// [`Error::TimedOut`] with what the last look saw; an error of a look at once.
pub(crate) async fn until(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Look, Error>,
) -> Result<(), Error> {
    let begin = Instant::now();
    loop {
        match look().await? {
            Look::Ready => return Ok(()),
            Look::NotYet(seen) if begin.elapsed() >= limit => {
                return Err(Error::TimedOut { what: what.to_owned(), limit, seen });
            }
            Look::NotYet(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Asks a health address over plain HTTP.
pub(crate) async fn answers_ok(address: SocketAddr, path: &str) -> Look {
    match tokio::time::timeout(Duration::from_secs(2), status_line(address, path)).await {
        Ok(Ok(line)) => ready_if(line.contains(" 200 "), || format!("{address}{path} answered {line:?}")),
        Ok(Err(error)) => Look::NotYet(format!("{address}: {error}")),
        Err(_) => Look::NotYet(format!("{address} does not answer")),
    }
}

async fn status_line(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_condition_that_never_holds_ends_with_what_was_seen() {
        let limit = Duration::from_millis(1);
        let mut looks = 0;
        let result = until("the moon", limit, async || {
            looks += 1;
            Ok(Look::NotYet(format!("look {looks}")))
        })
        .await;
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with("the moon did not come true within 0 s; last seen: look "), "{message}");
    }

    #[tokio::test]
    async fn a_condition_that_comes_true_is_waited_for() {
        let mut looks = 0;
        let result = until("the third look", Duration::from_secs(30), async || {
            looks += 1;
            Ok(ready_if(looks == 3, String::new))
        })
        .await;
        assert!(result.is_ok());
        assert_eq!(looks, 3);
    }
}
