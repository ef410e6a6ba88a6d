//! Who runs against whom: each contest is a goal, our command, and the command that people would type instead.

use std::error::Error;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::data::{LARGE, SINGLE, SMALL};
use super::link::Link;
use super::measure::{self, Measured};
use super::server::Postgres;
use super::store::{self, Bucket};

/// Where everything is, for all contestants alike.
pub struct Place {
    pub directory: PathBuf,
    pub coffer: PathBuf,
    pub lanes: u16,
    pub postgres: Postgres,
    /// The way to the same server, a millisecond long.
    pub far: Link,
    /// The way to the same server, without delay.
    pub near: Link,
    pub bucket: Bucket,
    /// How a command begins that needs a pg_dump with zstd.
    pub newest_dump: String,
}

/// A goal, and the two that are measured for it: ours first.
pub struct Contest {
    pub id: &'static str,
    pub what: &'static str,
    pub goal: Goal,
    pub sides: [Runner; 2],
}

/// What has to come out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The peer's time divided by ours is at least this.
    Faster(f64),
    /// Our time divided by the peer's is at most this.
    AtMost(f64),
}

/// One contestant. Only `command` is measured.
pub struct Runner {
    pub name: &'static str,
    pub before: String,
    pub command: String,
    /// The prefix of the bucket that it fills.
    pub stores: Option<&'static str>,
}

impl Goal {
    /// The ratio that the goal speaks of.
    pub fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::Faster(_) => theirs / ours,
            Self::AtMost(_) => ours / theirs,
        }
    }

    pub fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::Faster(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Faster(least) => write!(formatter, "theirs / ours ≥ {least}"),
            Self::AtMost(most) => write!(formatter, "ours / theirs ≤ {most:.2}"),
        }
    }
}

/// Makes an empty vault below a prefix of the bucket.
const NEW_VAULT: &str = "$COFFER vault init --recipient $(cat $WORK/recipient) > $WORK/fingerprint";
const BACKUP: &str = "COFFER_FINGERPRINT=$(cat $WORK/fingerprint) $COFFER backup --lanes $LANES \
                      --source postgresql://$PGUSER@$PGHOST:$PGPORT";
const RESTORE: &str = "COFFER_FINGERPRINT=$(cat $WORK/kept-fingerprint) $COFFER restore latest --vault s3://bench/kept \
                       --jobs $LANES --target postgresql://$PGUSER@$PGHOST:$PGPORT/postgres --as restored";
const NO_DATABASE: &str = "dropdb --if-exists restored";
const NEW_DATABASE: &str = "dropdb --if-exists restored; createdb -T template0 restored";
const PIPELINE: &str =
    "pg_dump -Fc -Z0 large | zstd -q -1 | age -r $(cat $WORK/recipient) | aws s3 cp --quiet - s3://bench";

impl Place {
    /// Keys, and the backups that restores start from.
    pub fn prepare(&self) -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(&self.directory)?;
        let lines = [
            "age-keygen -o $WORK/key 2>/dev/null; age-keygen -y $WORK/key > $WORK/recipient".to_owned(),
            format!("export COFFER_VAULT=s3://bench/kept; {NEW_VAULT}; {BACKUP}/large"),
            "cp $WORK/fingerprint $WORK/kept-fingerprint".to_owned(),
            format!("{PIPELINE}/kept-peer/dump"),
        ];
        for line in lines {
            measure::shell(&line, &self.variables())?;
        }
        Ok(())
    }

    /// One run.
    pub fn measure(&self, runner: &Runner) -> Result<Measured, Box<dyn Error>> {
        if let Some(prefix) = runner.stores {
            self.bucket.clear(prefix)?;
        }
        measure::shell(&runner.before, &self.variables())?;
        let servers = || Ok::<_, io::Error>((self.postgres.cpu_seconds()?, self.bucket.cpu_seconds()?));
        let before = servers()?;
        let mut measured = measure::measured(&runner.command, &self.variables(), &self.directory)?;
        let after = servers()?;
        measured.postgres_cpu_seconds = after.0 - before.0;
        measured.store_cpu_seconds = after.1 - before.1;
        if let Some(prefix) = runner.stores {
            measured.stored_bytes = self.bucket.bytes(prefix)?;
        }
        Ok(measured)
    }

    fn variables(&self) -> Vec<(String, String)> {
        let own = [
            ("WORK", self.directory.display().to_string()),
            ("COFFER", self.coffer.display().to_string()),
            ("COFFER_IDENTITY", self.directory.join("key").display().to_string()),
            ("COFFER_VAULT", format!("s3://{}/ours", store::NAME)),
            ("LANES", self.lanes.to_string()),
            ("FAR_PORT", self.far.port.to_string()),
            ("NEAR_PORT", self.near.port.to_string()),
            ("NEWEST_DUMP", self.newest_dump.clone()),
            ("RESTIC_PASSWORD", "bench".to_owned()),
            ("RESTIC_REPOSITORY", format!("s3:{}/{}/restic", self.bucket.endpoint(), store::NAME)),
        ];
        let all = own.into_iter().chain(self.postgres.variables()).chain(self.bucket.variables());
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn ours(database: &str) -> Runner {
    Runner {
        name: "coffer backup",
        before: NEW_VAULT.to_owned(),
        command: format!("{BACKUP}/{database}"),
        stores: Some("ours"),
    }
}

fn our_restore() -> Runner {
    Runner {
        name: "coffer restore",
        before: NO_DATABASE.to_owned(),
        command: RESTORE.to_owned(),
        stores: None,
    }
}

fn peer(name: &'static str, before: &str, command: String, stores: Option<&'static str>) -> Runner {
    Runner { name, before: before.to_owned(), command, stores }
}

/// All contests.
pub fn all(place: &Place) -> Vec<Contest> {
    let mut contests = pipelines();
    contests.extend(to_disks());
    contests.extend(restores());
    contests.push(raw(place));
    contests.push(far());
    contests
}

/// Against pipelines that end in the bucket.
fn pipelines() -> Vec<Contest> {
    let aws = "age -r $(cat $WORK/recipient) | aws s3 cp --quiet - s3://bench/peer/dump";
    vec![
        Contest {
            id: "P1",
            what: "a full backup, sealed, into S3, against the best pipeline of today",
            goal: Goal::Faster(1.8),
            sides: [
                ours(LARGE),
                peer("pg_dump | zstd | age | aws", "true", format!("{PIPELINE}/peer/dump"), Some("peer")),
            ],
        },
        Contest {
            id: "P2",
            what: "the same, against the newest pg_dump with zstd of its own",
            goal: Goal::Faster(1.6),
            sides: [
                ours(LARGE),
                peer(
                    "pg_dump -Z zstd | age | aws",
                    "true",
                    format!("$NEWEST_DUMP -Fc -Z zstd:1 {LARGE} | {aws}"),
                    Some("peer"),
                ),
            ],
        },
        Contest {
            id: "P3",
            what: "the same, against pg_dump as it comes",
            goal: Goal::Faster(3.8),
            sides: [
                ours(LARGE),
                peer("pg_dump -Fc | age | aws", "true", format!("pg_dump -Fc {LARGE} | {aws}"), Some("peer")),
            ],
        },
        Contest {
            id: "P6",
            what: "the same, against restic from a pipe, first run",
            goal: Goal::Faster(2.5),
            sides: [
                ours(LARGE),
                peer(
                    "pg_dump | restic",
                    "restic init --quiet",
                    format!("pg_dump -Fc -Z0 {LARGE} | restic backup --quiet --stdin"),
                    Some("restic"),
                ),
            ],
        },
    ]
}

/// Against what writes to a disk.
fn to_disks() -> Vec<Contest> {
    vec![
        Contest {
            id: "P4",
            what: "the same, against a parallel pg_dump to a disk and an upload, not sealed",
            goal: Goal::Faster(1.3),
            sides: [
                ours(LARGE),
                peer(
                    "pg_dump -Fd -j -Z zstd, aws",
                    "rm -rf $WORK/large",
                    format!(
                        "$NEWEST_DUMP -Fd -j $LANES -Z zstd:1 -f $WORK/large {LARGE}; \
                         aws s3 cp --quiet --recursive $WORK/large s3://bench/peer/large"
                    ),
                    Some("peer"),
                ),
            ],
        },
        Contest {
            id: "P5",
            what: "one large table, against a parallel pg_dump to a disk, neither sealed nor sent",
            goal: Goal::Faster(1.3),
            sides: [
                ours(SINGLE),
                peer(
                    "pg_dump -Fd -j -Z zstd",
                    "rm -rf $WORK/single",
                    format!("$NEWEST_DUMP -Fd -j $LANES -Z zstd:1 -f $WORK/single {SINGLE}"),
                    None,
                ),
            ],
        },
        Contest {
            id: "P16",
            what: "2,000 small tables, against pg_dump -Fd to a disk, neither sealed nor sent",
            goal: Goal::AtMost(1.0),
            sides: [
                ours(SMALL),
                peer(
                    "pg_dump -Fd",
                    "rm -rf $WORK/small",
                    format!("pg_dump -Fd -j $LANES -Z 1 -f $WORK/small {SMALL}"),
                    None,
                ),
            ],
        },
    ]
}

fn restores() -> Vec<Contest> {
    let opened = "aws s3 cp --quiet s3://bench/kept-peer/dump - | age -d -i $WORK/key | zstd -q -d";
    vec![
        Contest {
            id: "P9",
            what: "a restore from S3, against the pipeline backwards",
            goal: Goal::Faster(1.7),
            sides: [
                our_restore(),
                peer(
                    "aws | age | zstd | pg_restore",
                    NEW_DATABASE,
                    format!("{opened} | pg_restore -d restored"),
                    None,
                ),
            ],
        },
        Contest {
            id: "P10",
            what: "the same, against a download and a parallel pg_restore",
            goal: Goal::Faster(1.5),
            sides: [
                our_restore(),
                peer(
                    "download, pg_restore -j",
                    &format!("rm -f $WORK/dump; {NEW_DATABASE}"),
                    format!("{opened} > $WORK/dump; pg_restore -j $LANES -d restored $WORK/dump"),
                    None,
                ),
            ],
        },
        Contest {
            id: "P17",
            what: "backup and restore together, against a copy from server to server that leaves no backup",
            goal: Goal::AtMost(1.6),
            sides: [
                Runner {
                    name: "coffer backup, coffer restore",
                    before: format!("{NO_DATABASE}; {NEW_VAULT}"),
                    command: format!(
                        "{BACKUP}/{LARGE}; COFFER_FINGERPRINT=$(cat $WORK/fingerprint) $COFFER restore latest \
                         --jobs $LANES --target postgresql://$PGUSER@$PGHOST:$PGPORT/postgres --as restored"
                    ),
                    stores: Some("ours"),
                },
                peer(
                    "pgcopydb clone",
                    &format!("rm -rf $WORK/pgcopydb; {NEW_DATABASE}"),
                    format!(
                        "pgcopydb clone --dir $WORK/pgcopydb --table-jobs $LANES --index-jobs $LANES \
                         --source \"dbname={LARGE}\" --target \"dbname=restored\""
                    ),
                    None,
                ),
            ],
        },
    ]
}

/// Ours over a link whose packets travel for a millisecond each way, against ours over one that forwards them at once.
fn far() -> Contest {
    let over =
        |name, port| Runner { name, command: ours(LARGE).command.replace("$PGPORT", port), ..ours(LARGE) };
    Contest {
        id: "P18",
        what: "a link of 2 ms to the server, against one without delay",
        goal: Goal::AtMost(1.1),
        sides: [over("coffer backup, far", "$FAR_PORT"), over("coffer backup, near", "$NEAR_PORT")],
    }
}

/// Two connections that read as fast as they can and throw everything away: what no backup can be faster than.
fn raw(place: &Place) -> Contest {
    let half = |table: &str| {
        let pages = format!("SELECT relpages / 2 FROM pg_class WHERE relname = '{table}'");
        let middle = place.postgres.sql(LARGE, &pages).unwrap_or_default();
        ["<", ">="]
            .map(|side| format!("COPY (SELECT * FROM {table} WHERE ctid {side} '({middle},0)') TO STDOUT"))
    };
    let ([orders, more_orders], [accounts, more_accounts]) = (half("orders"), half("accounts"));
    let lane = |one: &str, two: &str| format!("psql -Xq -d {LARGE} -c \"{one}\" -c \"{two}\" > /dev/null");
    let (first, second) = (lane(&orders, &accounts), lane(&more_orders, &more_accounts));
    Contest {
        id: "P14",
        what: "reading, against two connections that throw everything away",
        goal: Goal::AtMost(1.0 / 0.9),
        sides: [
            ours(LARGE),
            peer("two discarding psql", "true", format!("{first} & one=$!; {second}; wait $one"), None),
        ],
    }
}
