//! What was stored under load, on every major that may take it: the application finds its data sound, and goes on.

use contract::PointId;
use mover::format::{RowFormat, TableEntry};

use super::under_fire::back_up_while;
use crate::{
    compared::{Database, digests},
    stored::{Manner, StoredPoint},
    support::{Installation, Server, Workload},
    vaulted::{Vault, limits},
};

/// The application's database.
const APPLICATION: &str = "app_under_load";
/// Accounts of about a kilobyte: more than one segment.
const ACCOUNTS: u32 = 25_000;
/// Moves that are made while a backup stands in the middle of its rows.
const MEANWHILE: u64 = 200;

/// A point of the application's database, stored while it moved amounts.
struct UnderLoad {
    source: Server,
    vault: Vault,
    point: PointId,
}

impl UnderLoad {
    async fn on(installation: &Installation) -> Self {
        let source = Server::start(installation, &[]);
        Workload::prepare(&source, APPLICATION, ACCOUNTS);
        let workload = Workload::start(&source, APPLICATION, 2, ACCOUNTS).await;
        let (vault, point) =
            back_up_while(&source, APPLICATION, async || workload.until_more(MEANWHILE).await).await;
        workload.stop().await;
        Self { source, vault, point }
    }

    /// Restores it on a server of this major and has the application look at it. Sums and sequences are right, every row
    /// is what was stored, the schema is the original's; and the application goes on with it.
    async fn comes_to(&self, installation: &Installation) {
        let own;
        let target = if *installation == self.source.installation {
            &self.source
        } else {
            own = Server::start(installation, &[]);
            &own
        };
        let run = format!("to {}", installation.major);
        self.vault.restore(&run, target, &self.point, "copy", limits()).await.unwrap();
        let copy = Database { server: target, name: "copy" };
        assert_eq!(target.sql("copy", Workload::SOUND), "t|t|t", "{run}");
        self.expect_stored_rows(copy).await;
        let moved = |server: &Server, name| server.sql(name, "SELECT count(*) FROM moved").parse::<u64>();
        let (then, now) = (moved(target, "copy").unwrap(), moved(&self.source, APPLICATION).unwrap());
        assert!(
            then + MEANWHILE <= now,
            "{run}: {then} of {now} moves: the copy is of the backup's beginning"
        );
        Database { server: &self.source, name: APPLICATION }.expect_same_schema(copy);
        let workload = Workload::start(target, "copy", 2, ACCOUNTS).await;
        workload.until_more(50).await;
        workload.stop().await;
        assert_eq!(target.sql("copy", Workload::SOUND), "t|t|t", "{run}, later");
        target.sql("postgres", "DROP DATABASE copy");
    }

    /// The digests of all tables are those that the backup has put into the point.
    async fn expect_stored_rows(&self, copy: Database<'_>) {
        let reader = self.vault.reader(&self.point).await;
        let manifest = reader.manifest(0).await.unwrap();
        let tables = reader.list::<TableEntry>(&manifest).await.unwrap();
        let formats = [RowFormat::Text, RowFormat::Binary];
        for format in formats {
            let there = StoredPoint::of(copy.server, copy.name, Manner { format, ..Manner::default() }).await;
            let there = digests(&there).await;
            for table in tables.iter().filter(|table| table.digests.iter().all(|one| one.format == format)) {
                let name = format!("{}.{}", table.schema, table.name);
                assert_eq!(there.get(&name), Some(&table.digests), "{name}");
            }
        }
        let compared = tables.iter().filter(|table| table.digests.len() == 1).count();
        assert_eq!(compared, 2, "accounts and moves");
    }
}

/// Every major as a source under load, and those of the others that are chosen as targets.
async fn every_source(sources: &[Installation], targets: &[Installation]) -> usize {
    let mut pairs = 0;
    for source in sources {
        let loaded = UnderLoad::on(source).await;
        for target in targets.iter().filter(|target| target.major >= source.major) {
            loaded.comes_to(target).await;
            pairs += 1;
        }
    }
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_what_was_stored_under_load_passes_the_applications_checks_on_the_newest_major() {
    let all = Installation::all();
    every_source(&[Installation::usual()], &all[all.len() - 1..]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: every pair of majors"]
async fn e1_what_was_stored_under_load_of_any_major_passes_the_applications_checks_on_every_newer_one() {
    let all = Installation::all();
    let pairs = every_source(&all, &all).await;
    assert_eq!(pairs, all.len() * (all.len() + 1) / 2);
    println!("{pairs} pairs of {} majors", all.len());
}
