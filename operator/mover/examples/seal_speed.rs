//! How fast one core compresses and seals rows: `seal_speed [MiB]`. The rows look like an orders table in COPY's text format.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]

use std::{error::Error, time::Instant};

use contract::{RunId, Storage};
use jiff::SignedDuration;
use mover::{
    clock::{Clock, later},
    format::FRAME_DEFAULT,
    point::{PackKind, PointWriter, WriterOptions},
    seal::{Identity, random_id},
    store::{SharedStore, connect},
    vault::{Access, InitRequest, OpenRequest, init, open},
};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mebibytes: usize = std::env::args().nth(1).map_or(Ok(512), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let clock = Clock::system(SignedDuration::ZERO);
    let storage = Storage::Filesystem { path: directory.path().display().to_string() };
    let store = connect(&storage, &clock)?;
    let identity = Identity::generate();
    let recipients = vec![identity.recipient()];
    init(&store, &InitRequest { catalogue: None, identities: Vec::new(), recipients }, &clock).await?;
    let request = OpenRequest {
        storage,
        identities: vec![identity],
        catalogue: None,
        recipients: Vec::new(),
        fingerprint: None,
        known_head: None,
        access: Access::ReadWrite,
    };
    let vault = open(SharedStore::clone(&store), request, &clock).await?;
    let (run, writer_id) = (RunId("speed".into()), random_id()?);
    let deadline = later(clock.now(), SignedDuration::from_hours(1));
    let grant = vault.write_grant(&run, &writer_id.into(), deadline).await?;
    let options = WriterOptions { lanes: 1, uploads: 1 };
    let writer = PointWriter::begin(store, &grant, &run, writer_id, deadline, clock, options).await?;
    let rows = rows(64 << 20);
    let (mut plain, mut packs, mut sealing) = (0usize, 0, std::time::Duration::ZERO);
    while plain < mebibytes << 20 {
        // Dropped, not put: this measures the core, not the disk.
        let mut pack = writer.open_pack(PackKind::Rows).await?;
        let start = Instant::now();
        while !pack.is_full() {
            let at = plain % (rows.len() - FRAME_DEFAULT);
            pack.push(&rows[at..at + FRAME_DEFAULT])?;
            plain += FRAME_DEFAULT;
        }
        sealing += start.elapsed();
        packs += 1;
    }
    let speed = plain as f64 / f64::from(1 << 20) / sealing.as_secs_f64();
    let ratio = plain as f64 / (f64::from(packs) * f64::from(16 << 20));
    println!("{speed:.0} MiB/s of rows compressed and sealed on one core, ratio about {ratio:.2}");
    Ok(())
}

fn rows(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 256);
    let mut state = 1u64;
    let mut id = 0u64;
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        id += 1;
        let word = ["pending", "paid", "shipped", "returned"][usize::from(state.to_be_bytes()[2] % 4)];
        let row = format!(
            "{id}\t2026-{:02}-{:02} 10:{:02}:00+00\t{}.{:02}\t{word}\t{:016x}-{:08x}\t{{\"items\": {}, \"note\": \"left at the door\"}}\n",
            1 + state % 12,
            1 + state % 28,
            state % 60,
            state % 1_000,
            state % 100,
            state,
            state >> 32,
            state % 9
        );
        bytes.extend_from_slice(row.as_bytes());
    }
    bytes.truncate(length);
    bytes
}
