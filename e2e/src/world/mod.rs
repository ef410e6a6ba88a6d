//! What demo and stories are played in: a cluster with Coffer in it, PostgreSQL servers, storage, and namespaces that go
//! away again. Everything is done as a user would do it, with kubectl and Helm.

mod authority;
mod chart;
mod command_pod;
mod kubectl;
mod namespace;
mod postgres;
mod providers;
mod setting;
mod shop;
mod storage;

pub mod audit;
pub mod prepare;

pub use authority::{Authority, Certificate};
pub use chart::Chart;
pub use command_pod::CommandPod;
pub use kubectl::{Kubectl, KubectlError};
pub use namespace::{TemporaryNamespace, unique_name};
pub use postgres::{Postgres, PostgresOptions};
pub use providers::{Store, StoreOptions};
pub use setting::{Setting, SettingError};
pub use shop::{EACH_MINUTE, HARDLY_EVER, Names, Shop, VaultStorage};
pub use storage::{ClaimStorage, S3Options, S3Server};

/// Fills a manifest: every `(name)` of the pairs is replaced where the text has `$(name)`.
///
/// A placeholder that is left over stays visible and is refused by the API server, so it cannot go unnoticed.
fn filled(manifest: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(manifest.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value))
}

/// Indents every line but the first, to set a text of several lines into a YAML block.
fn indented(text: &str, spaces: usize) -> String {
    text.trim_end().replace('\n', &format!("\n{}", " ".repeat(spaces)))
}
