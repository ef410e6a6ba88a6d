//! The keeper's configuration, as the operator wrote it.

use std::path::PathBuf;

use contract::{KeeperConfig, VERSION, files};

use super::mounted::{MountError, Mounted};

/// Why the configuration cannot be used. The operator mends it by rolling the keeper.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("failed to read the keeper's configuration")]
    Read(#[from] MountError),
    #[error("there is no configuration at {path}")]
    Missing { path: PathBuf },
    #[error("failed to understand the configuration at {path}")]
    Parse { path: PathBuf, source: serde_json::Error },
    #[error(
        "the configuration is of version {found}, and this keeper understands {VERSION} and the one before"
    )]
    Version { found: u32 },
}

/// Reads it.
///
/// # Errors
/// Any [`ConfigError`].
pub fn read(mounted: &Mounted) -> Result<KeeperConfig, ConfigError> {
    let path = mounted.path(files::KEEPER_CONFIG);
    let Some(text) = mounted.config()? else {
        return Err(ConfigError::Missing { path });
    };
    let config: KeeperConfig =
        serde_json::from_str(&text).map_err(|source| ConfigError::Parse { path, source })?;
    if is_understood(config.version) {
        Ok(config)
    } else {
        Err(ConfigError::Version { found: config.version })
    }
}

/// Whether a message of this version is one that this program understands: its own and the one before.
pub fn is_understood(version: u32) -> bool {
    version == VERSION || version.checked_add(1) == Some(VERSION)
}
