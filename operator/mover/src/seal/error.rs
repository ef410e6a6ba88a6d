//! Why an object could not be sealed or opened.

use contract::FailureCode;

use super::RandomError;
use crate::store::Name;

/// A stored object that did not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("open {object}: {problem}")]
pub struct OpenError {
    /// The stored object's name.
    pub object: String,
    pub problem: Problem,
}

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("it ends too early")]
    Truncated,
    #[error("something follows its end")]
    Trailing,
    #[error("it is not a sealed object")]
    Magic,
    #[error("its format {0} is not known here; a newer coffer may read it")]
    Format(u16),
    #[error("its suite {0} is not known here; a newer coffer may read it")]
    Suite(u8),
    #[error("its kind {0} is not known here; a newer coffer may read it")]
    Kind(u8),
    #[error("its header uses a reserved field")]
    Header,
    #[error("it is an object of another {0}")]
    Stranger(&'static str),
    #[error("the key is not the one that it was sealed with")]
    WrongKey,
    #[error("record {0} has an impossible frame")]
    Frame(u64),
    #[error("record {0} is larger than its kind may be")]
    TooLarge(u64),
    #[error("record {0} is of a kind that does not belong here")]
    RecordKind(u64),
    #[error("record {0} was changed")]
    Changed(u64),
    #[error("record {0} does not decompress to what it announces")]
    Codec(u64),
    /// It is whole, and says something that only a newer writer says.
    #[error("it tells of what is not known here; a newer coffer may read it: {0}")]
    Newer(String),
    #[error("it holds no document of its kind: {0}")]
    Document(String),
    /// Its bytes are whole and do not fit what names it.
    #[error("{0}")]
    Contradiction(String),
}

/// An object that could not be sealed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SealError {
    #[error("seal an object")]
    Random(#[from] RandomError),
    #[error("seal a record: the cipher refused")]
    Cipher,
    #[error("compress a record: {0}")]
    Compress(String),
    #[error("seal a record of {plain} bytes: between 1 and {limit} fit")]
    Size { plain: usize, limit: usize },
    #[error("seal a record: the object is full")]
    Full,
    #[error("write a document: {0}")]
    Document(String),
}

impl OpenError {
    pub fn new(object: &Name, problem: Problem) -> Self {
        Self { object: object.to_string(), problem }
    }

    /// The same failure where the key is known to be the right one: then it is the object that is wrong.
    #[must_use]
    pub fn with_proven_key(mut self) -> Self {
        if self.problem == Problem::WrongKey {
            self.problem = Problem::Header;
        }
        self
    }

    /// The failure that a run ends with.
    pub fn code(&self) -> FailureCode {
        match self.problem {
            Problem::WrongKey => FailureCode::WrongKey,
            Problem::Format(_) | Problem::Suite(_) | Problem::Kind(_) | Problem::Newer(_) => {
                FailureCode::FormatUnsupported
            }
            Problem::Truncated
            | Problem::Trailing
            | Problem::Magic
            | Problem::Header
            | Problem::Stranger(_)
            | Problem::Frame(_)
            | Problem::TooLarge(_)
            | Problem::RecordKind(_)
            | Problem::Changed(_)
            | Problem::Codec(_)
            | Problem::Document(_)
            | Problem::Contradiction(_) => FailureCode::Damaged,
        }
    }
}
