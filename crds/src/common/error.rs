//! Errors and warnings of a job, as status shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// Characters of a message.
const MESSAGE: usize = 2048;

/// One error of a job. The last of the list is the one that decided.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobError {
    /// The error's code: one of the closed list in docs/api.md.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z][A-Za-z0-9]*$"))]
    pub code: String,
    /// What happened, with the names of the things involved and no secret.
    #[schemars(length(max = 2048))]
    pub message: String,
    /// What a person can do about it.
    #[schemars(length(max = 1024))]
    pub recommended_action: String,
    /// Whether the same thing may succeed when tried again without any change.
    pub retryable: bool,
    /// Whether something outside Coffer must be changed by a person.
    pub user_error: bool,
    /// What lay behind it, where a PostgreSQL server said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<InnerError>,
}

impl JobError {
    /// An error with everything its code says about itself.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let meaning = code.meaning();
        Self {
            code: code.as_str().to_owned(),
            message: cut(message.into()),
            recommended_action: meaning.action.to_owned(),
            retryable: meaning.retryable,
            user_error: meaning.user_error,
            inner: None,
        }
    }

    /// The same error with what lay behind it.
    #[must_use]
    pub fn with_inner(mut self, code: impl Into<String>, message: impl Into<String>) -> Self {
        self.inner = Some(InnerError { code: code.into(), message: message.into() });
        self
    }
}

/// As much of a message as the schema takes: one that is longer would keep the whole status from being written.
fn cut(message: String) -> String {
    if message.len() <= MESSAGE { message } else { message.chars().take(MESSAGE).collect() }
}

/// The cause of an error in the words of the system that raised it.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InnerError {
    /// Its code there: an SQLSTATE such as 28P01.
    #[schemars(length(min = 1, max = 128))]
    pub code: String,
    /// Its text there, shortened and without secrets.
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// Something left out or noticed by a job that ended well all the same.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobWarning {
    /// The warning's code: one of the closed list in docs/api.md.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z][A-Za-z0-9]*$"))]
    pub code: String,
    /// What was noticed, with the names of the things involved.
    #[schemars(length(max = 2048))]
    pub message: String,
}
