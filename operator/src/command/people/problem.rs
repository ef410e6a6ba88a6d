//! Why a command for people ended without doing what it was asked, and how that is told.

use std::io::{self, Write as _};

use contract::{Failure, FailureCode};
use mover::check;
use serde_json::json;

use super::exit::Exit;
use super::identity::IdentityError;
use super::location::EntryError;
use super::output::{Format, printable, with_causes};
use super::policy::PolicyError;
use super::server::ServerError;

/// Everything that can stop a command.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// What was asked is no part of this release, or contradicts itself.
    #[error("{0}")]
    Usage(String),
    #[error("{}", .0.message)]
    Failed(Failure),
    #[error("failed to print the result")]
    Output(#[source] io::Error),
    #[error("failed to listen to signals")]
    Signals(#[source] io::Error),
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Problem {
    pub fn exit(&self) -> Exit {
        match self {
            Self::Server(_) | Self::Entry(_) | Self::Usage(_) | Self::Identity(_) | Self::Policy(_) => {
                Exit::Usage
            }
            Self::Failed(failure) => failure.code.into(),
            Self::Output(_) | Self::Signals(_) => Exit::Failed,
        }
    }

    /// Tells the person, or the program, on standard error.
    pub fn tell(&self, format: Format) {
        // Nobody is left to be told when standard error is closed.
        let _closed = writeln!(io::stderr().lock(), "{}", self.told(format));
    }

    fn told(&self, format: Format) -> String {
        let text = with_causes(self);
        match format {
            Format::Table => match self.hint() {
                "" => format!("error: {}", printable(&text)),
                hint => format!("error: {}\nhint: {}", printable(&text), printable(hint)),
            },
            Format::Json | Format::Jsonl => {
                json!({ "error": { "code": self.code(), "message": text } }).to_string()
            }
        }
    }

    /// What to do, where the message itself does not say it.
    fn hint(&self) -> &str {
        match self {
            Self::Failed(failure) => match check::what_to_do(failure) {
                said if failure.message.ends_with(said) => "",
                hint => hint,
            },
            Self::Server(_)
            | Self::Entry(_)
            | Self::Usage(_)
            | Self::Identity(_)
            | Self::Policy(_)
            | Self::Output(_)
            | Self::Signals(_) => "",
        }
    }

    fn code(&self) -> String {
        let code = |code: FailureCode| format!("{code:?}");
        match self {
            Self::Failed(failure) => code(failure.code),
            Self::Server(_) | Self::Entry(_) | Self::Usage(_) | Self::Identity(_) | Self::Policy(_) => {
                "Usage".to_owned()
            }
            Self::Output(_) | Self::Signals(_) => code(FailureCode::Internal),
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::Stage;

    use super::*;

    #[test]
    fn what_a_server_says_does_not_steer_the_terminal() {
        let message = "log in: \u{1b}]0;owned\u{7}no such role".to_owned();
        let failure = Failure {
            code: FailureCode::AuthenticationFailed,
            stage: Stage::Connecting,
            message,
            cause: None,
        };
        let problem = Problem::Failed(failure);
        let told = problem.told(Format::Table);
        assert!(told.starts_with("error: log in: \\u{1b}]0;owned"), "{told}");
        assert!(!told.contains(['\u{1b}', '\u{7}']) && told.contains("\nhint: "), "{told}");
        assert!(!problem.told(Format::Json).contains('\u{1b}'), "JSON has its own way to write them");
    }

    #[test]
    fn a_failure_that_does_not_say_what_to_do_comes_with_a_hint() {
        let hint = |code: FailureCode, message: &str| {
            let failure = Failure { code, stage: Stage::Starting, message: message.to_owned(), cause: None };
            Problem::Failed(failure).hint().to_owned()
        };
        assert!(hint(FailureCode::BucketNotFound, "open the vault: there is none").contains("vault init"));
        assert_eq!(hint(FailureCode::BucketNotFound, "there is none; make it"), "");
        assert_eq!(hint(FailureCode::Internal, "it broke"), "");
    }
}
