//! Where the source tree is.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The top of the source tree that this program was started from.
///
/// cargo names the crate's folder to what it runs. What was compiled in is the last resort only: cargo does not build
/// anew when a shared build directory serves a second checkout, and the first may be gone.
pub fn root() -> PathBuf {
    let own =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.parent().map_or_else(|| own.clone(), Path::to_path_buf)
}
