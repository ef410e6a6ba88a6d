//! What fuzzers call: one plain function for each parser of bytes that somebody else has written.
//!
//! A body takes any bytes and must return: it may refuse them, never panic, and never take memory for what they only
//! announce. Where more can be said it is asserted: what was read and is written again reads the same.
//!
//! ```text
//! stored      header, envelope, documents, key files, names      (seal, format, store)
//! tables      archive of pg_dump, stored schema, rows            (archive, schema, digest)
//! the rest    beside the private parser that it feeds            (seal, postgres, restore)
//! run         seeded mutation over a corpus of files, on any toolchain
//! ```

mod mutate;
mod program;
mod run;
mod stored;
mod tables;

pub use program::program;
pub use run::{Failure, Ran, Run};

/// A parser's name, which is also its directory in the corpus, and what feeds it.
pub type Body = (&'static str, fn(&[u8]));

/// Every body of this crate.
pub const BODIES: &[Body] = &[
    ("header", stored::header),
    ("envelope", stored::envelope),
    ("sealed", stored::sealed),
    ("zstd", crate::seal::fuzz::compressed),
    ("record", stored::record),
    ("manifest", stored::manifest),
    ("inventory", stored::inventory),
    ("list", stored::list),
    ("ledger", stored::ledger),
    ("intent", stored::intent),
    ("key", stored::key),
    ("recipient", stored::recipient),
    ("name", stored::name),
    ("archive", tables::archive),
    ("schema", tables::schema),
    ("rows", tables::rows),
    ("connection", crate::postgres::fuzz::connection_string),
    ("messages", crate::postgres::fuzz::messages),
    ("certificate", crate::postgres::fuzz::certificate),
    ("acl", crate::restore::fuzz::privileges),
];

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime of one thread starts");
}

/// Waits for what a parser of a stream does.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn corpus() -> std::path::PathBuf {
        let own = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder");
        Path::new(&own).join("tests/data/fuzz")
    }

    #[test]
    fn every_body_has_a_corpus_and_takes_a_thousand_inputs_of_it() {
        let run = Run { bodies: BODIES, corpus: &corpus(), seed: 1, only: None };
        for ran in run.rounds(1_000) {
            let ran = ran.unwrap_or_else(|failure| panic!("{failure}"));
            assert!(ran.seeds > 0, "{} has no corpus", ran.body);
        }
    }

    #[test]
    fn a_body_that_panics_is_told_with_what_made_it_panic_and_again_with_the_same_seed() {
        fn fails(bytes: &[u8]) {
            assert!(!bytes.contains(&b'7'), "a seven");
        }
        let run = Run { bodies: &[("list", fails)], corpus: &corpus(), seed: 5, only: None };
        let failures: Vec<Failure> =
            (0..2).filter_map(|_| run.rounds(5_000).into_iter().find_map(Result::err)).collect();
        assert_eq!(failures.len(), 2);
        assert_eq!(failures[0], failures[1]);
        assert!(failures[0].input.contains(&b'7'));
    }
}
