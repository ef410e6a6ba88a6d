//! Restores that end early, at each of their stages.

use std::{fs, path::PathBuf, sync::Arc};

use contract::FailureCode;
use tokio_util::sync::CancellationToken;

use super::{server, surroundings::Extension};
use crate::{
    compared::Database,
    support::until,
    vaulted::{Vault, limits},
};

/// In their order: H3.1 an extension's script, H3.2 a CHECK on rows, H3.3 an index' expression, H3.4 a materialized view's query.
const STAGES: [&str; 4] = ["schema", "rows", "index", "rest"];

/// Waits, in a database that is being restored, as long as a file is there: what happens at that moment is known.
const HOLD: &str = "WHILE pg_catalog.current_database() ~ '_back_incomplete_' AND (SELECT size FROM pg_catalog.pg_stat_file( \
    pg_catalog.split_part(pg_catalog.current_database(), '_back_incomplete_', 1) || '.' || stage, true)) IS NOT NULL \
    LOOP PERFORM pg_catalog.pg_sleep(0.01); END LOOP;";

/// A database whose restore can be held at each stage.
struct Held {
    name: &'static str,
    _extension: Extension,
}

impl Held {
    fn new(name: &'static str, extension: &str) -> Self {
        let server = server();
        let script = format!("DO $$ DECLARE stage text := 'schema'; BEGIN {HOLD} END $$;");
        let held = Self { name, _extension: Extension::install(extension, &script) };
        server.create_database(name);
        server.sql(
            name,
            &format!(
                "CREATE EXTENSION {extension};
                 CREATE FUNCTION hold(stage text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN {HOLD} RETURN true; END $$;
                 CREATE FUNCTION held(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE
                   AS $$ BEGIN PERFORM public.hold('index'); RETURN i; END $$;
                 CREATE TABLE many (id int PRIMARY KEY, t text); INSERT INTO many SELECT g, 'row ' || g FROM generate_series(1, 50000) g;
                 CREATE TABLE held_rows (id int PRIMARY KEY, CHECK (public.hold('rows'))); INSERT INTO held_rows VALUES (1), (2);
                 CREATE TABLE held_index (id int REFERENCES many); INSERT INTO held_index VALUES (1); CREATE INDEX ON held_index (held(id));
                 CREATE TABLE counted (id serial PRIMARY KEY); INSERT INTO counted SELECT FROM generate_series(1, 1000);
                 CREATE MATERIALIZED VIEW last AS SELECT public.hold('rest'), count(*) FROM counted; SELECT lo_from_bytea(5, 'large')"
            ),
        );
        held
    }

    fn back(&self) -> String {
        format!("{}_back", self.name)
    }

    /// Holds restores at a stage, as long as the file is there.
    fn hold(&self, stage: &str) -> PathBuf {
        let file = server().data_directory().join(format!("{}.{stage}", self.name));
        fs::write(&file, "").unwrap();
        file
    }

    /// Waits until a restore is held.
    async fn until_held(&self) {
        let held = format!(
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname ~ '^{}_back_incomplete_' AND wait_event = 'PgSleep'",
            self.name
        );
        until(server(), &held, "t").await;
    }

    /// Databases of the restore that are not finished.
    fn unfinished(&self) -> String {
        let unfinished = format!("SELECT count(*) FROM pg_database WHERE datname ~ '^{}_back'", self.name);
        server().sql("postgres", &unfinished)
    }

    async fn expect_same(&self) {
        let server = server();
        let original = Database { server, name: self.name };
        original.expect_same(Database { server, name: &self.back() }).await;
        let rows = "SELECT (SELECT count(*) FROM many), (SELECT count(DISTINCT id) FROM many), (SELECT count FROM last)";
        assert_eq!(server.sql(&self.back(), rows), "50000|50000|1000");
        let left = "SELECT count(*) FROM pg_namespace WHERE nspname ~ 'coffer'";
        assert_eq!(server.sql(&self.back(), left), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_restore_that_died_at_any_stage_is_taken_up_by_its_run_and_has_every_row_once() {
    let held = Held::new("h_died", "coffer_held_once");
    let vault = Arc::new(Vault::new().await);
    let point = vault.back_up(server(), held.name).await;
    for stage in STAGES {
        let file = held.hold(stage);
        #[expect(clippy::disallowed_methods, reason = "the test ends it")]
        let restore = tokio::spawn({
            let (vault, point, back) = (Arc::clone(&vault), point.clone(), held.back());
            async move { vault.restore("h_died00", server(), &point, &back, limits()).await }
        });
        held.until_held().await;
        assert!(!restore.is_finished(), "{stage}");
        restore.abort();
        restore.await.unwrap_err();
        assert_eq!(held.unfinished(), "1", "{stage}");
        fs::remove_file(file).unwrap();
    }
    vault.restore("h_died00", server(), &point, &held.back(), limits()).await.unwrap();
    held.expect_same().await;
}

// H3.5
#[tokio::test(flavor = "multi_thread")]
async fn h3_a_restore_that_is_cancelled_at_any_stage_leaves_nothing() {
    let held = Held::new("h_ended", "coffer_held_again");
    let vault = Vault::new().await;
    let point = vault.back_up(server(), held.name).await;
    for stage in STAGES {
        let file = held.hold(stage);
        let (cancel, back) = (CancellationToken::new(), held.back());
        let restore = vault.restore_until(cancel.clone(), "h_ended0", server(), &point, &back);
        let canceller = async {
            held.until_held().await;
            cancel.cancel();
        };
        let (ended, ()) = tokio::join!(restore, canceller);
        assert_eq!(ended.unwrap_err().code, FailureCode::Cancelled, "{stage}");
        assert_eq!(held.unfinished(), "0", "{stage}");
        fs::remove_file(file).unwrap();
    }
    vault.restore("h_ended1", server(), &point, &held.back(), limits()).await.unwrap();
    held.expect_same().await;
}
