//! How the demo speaks: a numbered heading for each act, and each command shown before its output.

use std::time::Instant;

use e2e::world::{Kubectl, KubectlError};

/// Counts the acts and knows when the play began.
pub struct Teller {
    begun: Instant,
    act: u32,
}

impl Teller {
    pub fn new() -> Self {
        Self { begun: Instant::now(), act: 0 }
    }

    /// Opens an act.
    pub fn act(&mut self, title: &str) {
        self.act += 1;
        let minutes = self.begun.elapsed().as_secs() / 60;
        let seconds = self.begun.elapsed().as_secs() % 60;
        println!("\n\x1b[1m{}. {title}\x1b[0m  ({minutes}:{seconds:02})", self.act);
    }

    pub fn say(&self, text: &str) {
        println!("   {text}");
    }

    /// Runs kubectl for the audience: the command, then what it prints.
    pub fn show(&self, kubectl: &Kubectl, arguments: &[&str]) -> Result<(), KubectlError> {
        println!("   \x1b[2m$ kubectl {}\x1b[0m", arguments.join(" "));
        for line in kubectl.run(arguments)?.lines() {
            println!("     {line}");
        }
        Ok(())
    }
}
