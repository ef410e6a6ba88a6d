//! The servers that stores are tested with: where their programs are, and how they run.

use std::{
    env, fs,
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A server of a test's own, which ends with it.
pub struct Program {
    process: Child,
    pub port: u16,
}

impl Program {
    /// Starts a program that is told its port, and waits until it listens.
    pub fn start(command: &mut Command, port: u16) -> Self {
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let mut server = Self { process, port };
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.process.try_wait().expect("the server can be looked at");
            assert!(ended.is_none() && Instant::now() < until, "{command:?} does not listen: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub fn stop(&mut self) {
        self.process.kill().expect("the server can be stopped");
        self.process.wait().expect("the server ends");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A program of the gate's: what `variable` names, or the newest of a name in the tools' cache.
///
/// # Panics
/// When there is none: a test of a store is not passed over.
pub fn find(variable: &str, tool: &str, inside: &str) -> PathBuf {
    if let Some(path) = env::var_os(variable) {
        return path.into();
    }
    let of_user = || {
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
        cache.expect("HOME is set").join("coffer")
    };
    let tools = env::var_os("COFFER_CACHE").map_or_else(of_user, PathBuf::from).join("tools");
    let mut found: Vec<PathBuf> = fs::read_dir(&tools)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(tool))
        .map(|entry| entry.path().join(inside))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    let newest = found.pop();
    newest.unwrap_or_else(|| {
        panic!("no {tool} below {}: run `cargo gate --only tools`, or set {variable}", tools.display())
    })
}
