//! G: keys that change between points.

use contract::FailureCode;
use mover::{
    seal::Identity,
    vault::{OpenRequest, VaultError},
};

use crate::{
    support::{Server, fresh},
    vaulted::{Vault, limits, opening, storage},
};

/// The rows of a copy of each point, `None` where its key is missing.
async fn opened(vault: &Vault, points: &[contract::PointId], whose: &str) -> Vec<Option<String>> {
    let server = Server::shared();
    let mut rows = Vec::new();
    for (number, point) in points.iter().enumerate() {
        let copy = format!("g13_{whose}_{number}");
        match vault.restore(&copy, server, point, &copy, limits()).await {
            Ok(_) => rows.push(Some(server.sql(&copy, "SELECT count(*) FROM t"))),
            Err(failure) => {
                assert_eq!(failure.code, FailureCode::KeyMissing, "{}", failure.message);
                assert!(failure.message.contains("open the key of chain"), "{}", failure.message);
                let made = format!("SELECT count(*) FROM pg_database WHERE datname = '{copy}'");
                assert_eq!(server.sql("postgres", &made), "0", "a database was made for it");
                rows.push(None);
            }
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn g13_every_point_opens_with_the_keys_it_was_made_for_and_with_no_others() {
    let server = Server::shared();
    fresh(server, "g13", "CREATE TABLE t AS SELECT generate_series(1, 100) AS i");
    let directory = tempfile::tempdir().unwrap();
    let storage = storage(directory.path());
    let (old, new) = (Identity::generate(), Identity::generate());
    Vault::init(&storage, &old).await.unwrap();

    // The vault's own key; the new one besides; the new one alone. Three processes, one after the other.
    let mut points = Vec::new();
    for (run, identity) in [("old", &old), ("both", &old), ("new", &new)] {
        let recipients = if run == "old" { vec![old.recipient()] } else { vec![new.recipient()] };
        let request = OpenRequest { recipients, ..opening(storage.clone(), identity.clone()) };
        let vault = Vault::open(request).await.unwrap();
        let done = vault.back_up_as_far_as_possible(server.connection("g13"), run).await.unwrap();
        points.push(done.point);
        vault.custody.vault().close().await;
        server.sql("g13", "INSERT INTO t SELECT * FROM generate_series(1, 100)");
    }

    let some = |rows: &str| Some(rows.to_owned());
    let by = async |identity: &Identity| Vault::open(opening(storage.clone(), identity.clone())).await;
    assert_eq!(opened(&by(&old).await.unwrap(), &points, "old").await, [some("100"), some("200"), None]);
    assert_eq!(opened(&by(&new).await.unwrap(), &points, "new").await, [None, some("200"), some("300")]);
    let both = OpenRequest { identities: vec![new.clone(), old.clone()], ..opening(storage.clone(), new) };
    let both = Vault::open(both).await.unwrap();
    assert_eq!(opened(&both, &points, "both").await, [some("100"), some("200"), some("300")]);

    // The old key is taken out of the vault: whoever has nothing else is told that it is not his.
    let tag = old.recipient().tag();
    std::fs::remove_file(directory.path().join(format!("keys/catalogue/00000001/{tag}.0"))).unwrap();
    let error = by(&old).await.err().unwrap();
    assert!(matches!(error, VaultError::Foreign { .. }), "{error}");
}
