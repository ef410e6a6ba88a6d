//! A backup, from the vault's beginning to the point that was verified, while something befalls each of its requests: it ends
//! with a good point or with none.

use std::time::Duration;

use contract::{PointId, RunId, Settled, Storage};
use jiff::SignedDuration;
use mover::{
    clock::later,
    point::{PackKind, PointWriter, WriterOptions},
    seal::{Identity, random_id},
    store::{Network, Patience, Place, SharedStore, connect_with},
    vault::{Access, InitRequest, OpenRequest, Vault, init, open},
    verify::{self, Level},
};

use crate::{
    stores::{
        S3Server, clock,
        proxy::{Fault, Plan, Proxy},
    },
    written::draft,
};

/// What befalls a request. The first few in the ordinary run.
const FAULTS: [Fault; 16] = [
    Fault::DoneAndCut,
    Fault::DoneAndRefused(409, "ConditionalRequestConflict"),
    Fault::Refused(503, "SlowDown"),
    Fault::CutInAnswer,
    Fault::Refused(409, "ConditionalRequestConflict"),
    Fault::Refused(412, "PreconditionFailed"),
    Fault::Refused(500, "InternalError"),
    Fault::DoneAndRefused(500, "InternalError"),
    Fault::Refused(503, "ServiceUnavailable"),
    Fault::Refused(501, "NotImplemented"),
    Fault::Refused(400, "ExpiredToken"),
    Fault::Cut,
    Fault::CutInRequest,
    Fault::Endless,
    Fault::EndlessRefusal,
    Fault::Hang,
];
const ORDINARY: usize = 4;

/// Waits of a test, not of a person.
fn hasty() -> Network {
    Network {
        patience: Patience {
            total: Duration::from_secs(2),
            first: Duration::from_millis(1),
            longest: Duration::from_millis(10),
        },
        request_time: Duration::from_millis(700),
        resolver: None,
    }
}

/// Where nothing befalls anybody, a busy machine is no fault.
fn patient() -> Network {
    let patience = Patience { total: Duration::from_secs(60), ..hasty().patience };
    Network { patience, request_time: Duration::from_secs(30), resolver: None }
}

struct Stage {
    server: S3Server,
    proxy: Proxy,
}

/// A vault of its own in the bucket.
struct Story {
    /// Through the proxy.
    storage: Storage,
    /// To the server itself.
    honest: Storage,
    identity: Identity,
    run: RunId,
}

impl Stage {
    fn set() -> Self {
        let server = S3Server::start();
        let proxy = Proxy::before(server.port());
        Self { server, proxy }
    }

    fn story(&self, prefix: &str) -> Story {
        let mut honest = self.server.storage();
        if let Storage::S3 { prefix: own, .. } = &mut honest {
            *own = prefix.to_owned();
        }
        let mut storage = honest.clone();
        if let Storage::S3 { endpoint, .. } = &mut storage {
            *endpoint = Some(format!("http://127.0.0.1:{}", self.proxy.port));
        }
        Story { storage, honest, identity: Identity::generate(), run: RunId("run".into()) }
    }

    /// Plays it and says how it should have ended.
    async fn play(&self, plan: Plan) {
        let place = format!("{plan:?}");
        let story = self.story(&format!("vault-{}", random_id().unwrap()));
        self.proxy.plan(Some(plan));
        let told = story.told(&hasty()).await;
        self.proxy.plan(None);
        story.judge(told, &place).await;
    }

    /// How many requests the story takes when nothing befalls any.
    async fn length(&self) -> usize {
        let story = self.story("plain");
        self.proxy.plan(None);
        story.told(&patient()).await.unwrap();
        let length = self.proxy.seen();
        assert!(length > 20, "{length} requests");
        length
    }
}

impl Story {
    async fn told(&self, network: &Network) -> Result<(), String> {
        let store = connect_with(&self.storage, &clock(), network).map_err(text)?;
        self.init(&store).await?;
        let vault = self.open(&store).await?;
        let ended = self.back_up(&vault, &store).await;
        vault.close().await;
        ended
    }

    async fn init(&self, store: &SharedStore) -> Result<(), String> {
        let recipients = vec![self.identity.recipient()];
        let identities = vec![self.identity.clone()];
        let request = InitRequest { catalogue: None, identities, recipients };
        init(store, &request, &clock()).await.map(|_| ()).map_err(text)
    }

    async fn open(&self, store: &SharedStore) -> Result<Vault, String> {
        let request = OpenRequest {
            storage: self.honest.clone(),
            identities: vec![self.identity.clone()],
            catalogue: None,
            recipients: Vec::new(),
            fingerprint: None,
            known_head: None,
            access: Access::ReadWrite,
        };
        open(SharedStore::clone(store), request, &clock()).await.map_err(text)
    }

    async fn back_up(&self, vault: &Vault, store: &SharedStore) -> Result<(), String> {
        let clock = clock();
        let writer = random_id().map_err(text)?;
        let deadline = later(clock.now(), SignedDuration::from_hours(1));
        let grant = vault.write_grant(&self.run, &writer.into(), deadline).await.map_err(text)?;
        let (options, through) = (WriterOptions::default(), SharedStore::clone(store));
        let writing =
            PointWriter::begin(through, &grant, &self.run, writer, deadline, clock.clone(), options)
                .await
                .map_err(text)?;
        for kind in [PackKind::Schema, PackKind::Rows] {
            let mut pack = writing.open_pack(kind).await.map_err(text)?;
            pack.push(&vec![b'x'; 100_000]).map_err(text)?;
            writing.put(pack).await.map_err(text)?;
        }
        writing.commit(draft(clock.now())).await.map_err(text)?;
        match vault.settle(&self.run, false, "test", &|_| Ok(None)).await.map_err(text)? {
            Settled::Accepted(view) => is_good(vault, store, &view.id).await,
            other => Err(format!("{other:?}")),
        }
    }

    /// Looks at what is there, without the proxy.
    async fn judge(&self, told: Result<(), String>, place: &str) {
        let store = connect_with(&self.honest, &clock(), &patient()).unwrap();
        self.init(&store).await.unwrap_or_else(|error| panic!("{place}: not begun again: {error}"));
        let vault = self.open(&store).await.unwrap_or_else(|error| panic!("{place}: not opened: {error}"));
        let settled = vault.settle(&self.run, true, "test", &|_| Ok(None)).await;
        let accepted = matches!(settled, Ok(Settled::Accepted(_)));
        if told.is_ok() {
            assert!(accepted, "{place}: a success without a point: {settled:?}");
        }
        let points = vault.points(0);
        assert_eq!(points.len(), usize::from(accepted), "{place}: {told:?}, {settled:?}");
        for point in points {
            is_good(&vault, &store, &point.id).await.unwrap_or_else(|error| panic!("{place}: {error}"));
        }
        vault.close().await;
    }
}

/// Reads every byte of a point.
async fn is_good(vault: &Vault, store: &SharedStore, point: &PointId) -> Result<(), String> {
    let reader = random_id().map_err(text)?;
    let deadline = later(clock().now(), SignedDuration::from_hours(1));
    let run = RunId(format!("read-{reader}"));
    let grant = vault.read_grant(&run, point, &reader.into(), deadline).await.map_err(text)?;
    let report = verify::run(SharedStore::clone(store), &grant, Level::Rows, &|_| ()).await.map_err(text)?;
    if report.is_sound() { Ok(()) } else { Err(format!("{report:?}")) }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_judge_sees_that_a_pack_is_gone() {
    let stage = Stage::set();
    let story = stage.story("robbed");
    story.told(&patient()).await.unwrap();
    let store = connect_with(&story.honest, &clock(), &patient()).unwrap();
    let attempts = store.list(&Place::attempts()).await.unwrap();
    let writer = attempts.iter().find_map(|listed| listed.name.writer()).unwrap();
    let vault = story.open(&store).await.unwrap();
    let point = vault.points(0).remove(0);
    is_good(&vault, &store, &point.id).await.unwrap();
    let stored = store.list(&Place::data(writer)).await.unwrap();
    let pack = stored.into_iter().map(|listed| listed.name).min().unwrap();
    store.delete(&pack).await.unwrap();
    is_good(&vault, &store, &point.id).await.unwrap_err();
    vault.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g20_whatever_befalls_a_request_once_there_is_a_good_point_or_none() {
    let stage = Stage::set();
    for at in (1..=stage.length().await).step_by(2) {
        let fault = FAULTS[at / 2 % ORDINARY];
        stage.play(Plan { fault, at, lasts: false }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g28_credentials_that_expire_anywhere_leave_a_good_point_or_none() {
    let stage = Stage::set();
    let fault = Fault::Refused(400, "ExpiredToken");
    for at in (1..=stage.length().await).step_by(3) {
        stage.play(Plan { fault, at, lasts: true }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: every fault at every request"]
async fn g21_whatever_befalls_whichever_request_there_is_a_good_point_or_none() {
    let stage = Stage::set();
    let length = stage.length().await;
    for fault in FAULTS.into_iter().chain([Fault::DoneAndHang]) {
        for at in 1..=length {
            stage.play(Plan { fault, at, lasts: false }).await;
        }
    }
    for fault in [Fault::Refused(400, "ExpiredToken"), Fault::Cut] {
        for at in 1..=length {
            stage.play(Plan { fault, at, lasts: true }).await;
        }
    }
}
