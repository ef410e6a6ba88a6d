//! An S3 server on a directory, the same for everybody.

use std::error::Error;
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use e2e::cluster::Tools;

use super::processor;

const ACCESS: &str = "bench-access";
const SECRET: &str = "bench-secret-key";
pub const NAME: &str = "bench";

/// It ends when this is dropped.
pub struct Bucket {
    process: Child,
    port: u16,
    directory: PathBuf,
}

impl Bucket {
    pub fn start(root: &Path) -> Result<Self, Box<dyn Error>> {
        let directory = root.join(NAME);
        fs::create_dir_all(&directory)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = Command::new(Tools::ensure()?.versitygw());
        server.args(["--access", ACCESS, "--secret", SECRET, "--quiet", "--port"]);
        server.arg(format!("127.0.0.1:{port}")).arg("posix").arg(root);
        let process = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err("the S3 server did not start".into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { process, port, directory })
    }

    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ACCESS_KEY_ID", ACCESS.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
        ]
    }

    /// For tools that know the variable not yet.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its processor time so far.
    pub fn cpu_seconds(&self) -> io::Result<f64> {
        processor::seconds(self.process.id())
    }

    /// Bytes of everything below a prefix.
    pub fn bytes(&self, prefix: &str) -> Result<u64, Box<dyn Error>> {
        let mut open = vec![self.directory.join(prefix)];
        let mut bytes = 0;
        while let Some(path) = open.pop() {
            if !path.exists() {
                continue;
            }
            let found = fs::symlink_metadata(&path)?;
            if found.is_dir() {
                for entry in fs::read_dir(&path)? {
                    open.push(entry?.path());
                }
            } else {
                bytes += found.len();
            }
        }
        Ok(bytes)
    }

    /// Empties a prefix, as fast as the directory below allows.
    pub fn clear(&self, prefix: &str) -> Result<(), Box<dyn Error>> {
        let path = self.directory.join(prefix);
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
        Ok(())
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}
