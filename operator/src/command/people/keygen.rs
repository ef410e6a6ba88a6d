//! `coffer keygen`: makes an age identity, which is all that ever opens a vault.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use mover::seal::Identity;
use zeroize::Zeroizing;

use super::exit::Exit;
use super::identity::IdentityError;
use super::problem::Problem;

const AFTER_HELP: &str = "\
Examples:
  coffer keygen -o key.txt";

/// Make an age identity, the key of a vault, and print its recipient.
///
/// Whoever holds the file opens every backup that is made for its recipient. Keep a copy away from this machine. The
/// recipient is public: `coffer vault init --recipient` wants it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Where the identity goes; an existing file is left alone.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Problem> {
    let identity = Identity::generate();
    let recipient = identity.recipient();
    let text = Zeroizing::new(format!("# recipient: {recipient}\n{}\n", identity.to_text().reveal()));
    write_new(&arguments.file, &text)
        .map_err(|source| IdentityError::Write { path: arguments.file.clone(), source })?;
    writeln!(io::stdout().lock(), "{recipient}").map_err(Problem::Output)?;
    Ok(Exit::Done)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
