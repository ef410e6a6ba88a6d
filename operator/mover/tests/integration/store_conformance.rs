//! What every store must do, asked of a directory and of real servers of every protocol alike; and what each failure is
//! called.

use std::sync::Arc;

use crate::stores::{
    Dishonest, Forgetful, S3Server,
    azurite::Azurite,
    clock, directory_store,
    google::{self, GoogleServer},
    proxy::{Fault, Plan, Proxy},
};
use crate::{vaulted::opening, written::draft};
use bytes::Bytes;
use contract::{
    Addressing, AzureCredentials, FailureCode, GcsCredentials, RunId, S3Credentials, Secret, Settled, Storage,
};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::SignedDuration;
use mover::{
    clock::later,
    format::Id,
    point::{PackKind, PointWriter, WriterOptions},
    seal::{Identity, random_id},
    store::{Name, Network, Patience, Place, SharedStore, StoreErrorKind, connect, connect_with},
    vault::{InitRequest, VaultError, init, open},
    verify::{self, Level},
};

const WRITER: Id = Id([0x11; 16]);

async fn conforms(store: SharedStore) {
    create_is_only_for_names_that_are_free(&store).await;
    reads_are_bounded(&store).await;
    listings_show_what_is_there(&store).await;
    a_listing_of_several_pages_is_whole(&store).await;
    deleting_twice_is_no_error(&store).await;
    of_many_who_create_one_wins(&store).await;
    assert!(store.skew_seconds().is_some_and(|skew| skew.abs() <= 2), "{:?}", store.skew_seconds());
}

/// One's own object is one's own success, also when only the store's answer says that it is there; another's is told as
/// such, and stays as it was.
async fn what_is_there_already_is_ones_own_or_anothers(
    storage: Storage,
    port: u16,
    refusal: (u16, &'static str),
) {
    let proxy = Proxy::before(port);
    let mut storage = storage;
    redirect(&mut storage, port, proxy.port);
    let store = connect_with(&storage, &clock(), &Network::default()).unwrap();
    let (status, code) = refusal;
    let (own, other) = (Bytes::from_static(b"own"), Bytes::from_static(b"another's"));
    // The write is done, and is said to have found something.
    proxy.plan(Some(Plan { fault: Fault::DoneAndRefused(status, code), at: 1, lasts: false }));
    let name = Name::point(Id([0x66; 16]));
    assert_eq!(store.create(&name, own.clone()).await.unwrap().size, 3);
    // Whoever else comes finds it taken, by bytes of the same number too.
    for bytes in [other.clone(), Bytes::from_static(b"owe")] {
        let error = store.create(&name, bytes).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::AlreadyExists, "{error}");
    }
    assert_eq!(store.get(&name, 10).await.unwrap(), own);
    // The other one was there first, and the store says so.
    let name = Name::point(Id([0x77; 16]));
    store.create(&name, other.clone()).await.unwrap();
    proxy.plan(Some(Plan { fault: Fault::Refused(status, code), at: 1, lasts: false }));
    assert!(store.create(&name, own.clone()).await.unwrap_err().already_exists());
    assert_eq!(store.get(&name, 10).await.unwrap(), other);
    // The store says that something is there, and nothing is: the write is made again.
    let name = Name::point(Id([0x88; 16]));
    proxy.plan(Some(Plan { fault: Fault::Refused(status, code), at: 1, lasts: false }));
    store.create(&name, own.clone()).await.unwrap();
    assert_eq!(store.get(&name, 10).await.unwrap(), own);
}

#[tokio::test(flavor = "multi_thread")]
async fn g23_already_exists_is_ones_own_success_or_anothers_object_whichever_store_says_it() {
    for refusal in [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict")] {
        let server = S3Server::start();
        what_is_there_already_is_ones_own_or_anothers(server.storage(), server.port(), refusal).await;
    }
    let azure = Azurite::start().await;
    let refusal = (409, "BlobAlreadyExists");
    what_is_there_already_is_ones_own_or_anothers(azure.storage(), azure.port(), refusal).await;
    let google = GoogleServer::start().await;
    let refusal = (412, "conditionNotMet");
    what_is_there_already_is_ones_own_or_anothers(google.storage(), google.port(), refusal).await;
    let (_directory, store) = directory_store();
    create_is_only_for_names_that_are_free(&store).await;
}

async fn create_is_only_for_names_that_are_free(store: &SharedStore) {
    let name = Name::data(WRITER, 1);
    let stored = store.create(&name, Bytes::from_static(b"one")).await.unwrap();
    assert_eq!(stored.size, 3);
    let again = store.create(&name, Bytes::from_static(b"one")).await.unwrap();
    assert_eq!(again.etag, stored.etag, "the same bytes are one's own success");
    for other in [&b"two"[..], b"longer", b""] {
        let error = store.create(&name, Bytes::from_static(other)).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::AlreadyExists, "{error}");
    }
    assert_eq!(store.get(&name, 10).await.unwrap(), "one");
    let head = store.head(&name).await.unwrap();
    assert_eq!((head.size, head.etag), (3, stored.etag));
    let beat = Name::heartbeat(WRITER, WRITER);
    for text in [&b"first"[..], b"second"] {
        store.replace(&beat, Bytes::from_static(text)).await.unwrap();
        assert_eq!(store.get(&beat, 10).await.unwrap(), text);
    }
}

async fn reads_are_bounded(store: &SharedStore) {
    let name = Name::data(WRITER, 2);
    let bytes: Vec<u8> = (0..300_000u32).map(|at| (at % 251) as u8).collect();
    store.create(&name, bytes.clone().into()).await.unwrap();
    let error = store.get(&name, 299_999).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::TooLarge, "{error}");
    assert_eq!(store.get(&name, 300_000).await.unwrap(), bytes);
    assert_eq!(store.get_range(&name, 100_000, 1_000).await.unwrap(), bytes[100_000..101_000]);
    assert_eq!(store.get_range(&name, 299_990, 1_000).await.unwrap(), bytes[299_990..]);
    assert_eq!(store.get_range(&name, 0, 1_000_000).await.unwrap(), bytes);
    assert!(store.get_range(&name, 300_000, 10).await.unwrap().is_empty());
    let empty = Name::data(WRITER, 3);
    store.create(&empty, Bytes::new()).await.unwrap();
    assert!(store.get_range(&empty, 0, 10).await.unwrap().is_empty());
    let missing = Name::data(WRITER, 99);
    assert!(store.get(&missing, 10).await.unwrap_err().is_not_found());
    assert!(store.get_range(&missing, 0, 10).await.unwrap_err().is_not_found());
    assert!(store.head(&missing).await.unwrap_err().is_not_found());
}

async fn listings_show_what_is_there(store: &SharedStore) {
    let writer = Id([0x22; 16]);
    assert!(store.list(&Place::data(writer)).await.unwrap().is_empty());
    for number in 0..3 {
        store.create(&Name::data(writer, number), Bytes::from_static(b"x")).await.unwrap();
    }
    let listed = store.list(&Place::data(writer)).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|listed| listed.name.last()).collect();
    assert_eq!(names, ["00000000", "00000001", "00000002"]);
    for listed in &listed {
        let head = store.head(&listed.name).await.unwrap();
        assert_eq!((listed.size, &listed.etag), (1, &head.etag));
    }
}

/// No store gives more than 1,000 names at once.
async fn a_listing_of_several_pages_is_whole(store: &SharedStore) {
    const COUNT: u32 = 1_003;
    let writer = Id([0x55; 16]);
    let write = |number| async move {
        store.create(&Name::data(writer, number), Bytes::from_static(b"x")).await.map(|_| ())
    };
    futures::stream::iter(0..COUNT).map(write).buffer_unordered(16).try_collect::<()>().await.unwrap();
    let mut names: Vec<String> = store
        .list(&Place::data(writer))
        .await
        .unwrap()
        .iter()
        .map(|listed| listed.name.last().into())
        .collect();
    names.sort();
    let expected: Vec<String> = (0..COUNT).map(|number| format!("{number:08}")).collect();
    assert_eq!(names, expected);
}

async fn deleting_twice_is_no_error(store: &SharedStore) {
    let name = Name::probe(WRITER);
    store.create(&name, Bytes::from_static(b"x")).await.unwrap();
    store.delete(&name).await.unwrap();
    store.delete(&name).await.unwrap();
    assert!(store.head(&name).await.unwrap_err().is_not_found());
    store.create(&name, Bytes::from_static(b"y")).await.unwrap();
    store.clear_unfinished(WRITER).await.unwrap();
}

async fn of_many_who_create_one_wins(store: &SharedStore) {
    let name = Name::point(WRITER);
    let writes = (0..8u8).map(|number| store.create(&name, Bytes::from(vec![number; 1_000])));
    let results = futures::future::join_all(writes).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    let lost = results.iter().filter_map(|result| result.as_ref().err());
    assert!(lost.clone().all(|error| error.already_exists()), "{results:?}");
    let winner = results.iter().position(Result::is_ok).unwrap();
    assert_eq!(store.get(&name, 1_000).await.unwrap(), vec![u8::try_from(winner).unwrap(); 1_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_conforms() {
    let (directory, store) = directory_store();
    conforms(store).await;
    let unfinished = std::fs::read_dir(directory.path().join("tmp")).unwrap().flatten();
    let left: usize = unfinished.map(|entry| std::fs::read_dir(entry.path()).unwrap().count()).sum();
    assert_eq!(left, 0, "unfinished files were left");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server_conforms() {
    let server = S3Server::start();
    conforms(server.store()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server_that_knows_buckets_by_their_host_conforms() {
    let server = S3Server::start_with_virtual_hosts();
    conforms(server.by_virtual_host()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server_with_an_authority_of_its_own_conforms() {
    let server = S3Server::start_with_tls();
    conforms(server.store()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_conforms_with_a_key_and_with_a_signature() {
    let server = Azurite::start().await;
    conforms(server.store()).await;
    let mut signed = server.signed_storage("rwdlac");
    if let Storage::AzureBlob { prefix, .. } = &mut signed {
        *prefix = String::new();
    }
    conforms(connect(&signed, &clock()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn google_conforms() {
    let server = GoogleServer::start().await;
    conforms(server.store()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_key_that_is_no_path_does_not_spoil_a_listing() {
    let server = GoogleServer::start().await;
    let store = server.store();
    let ours = Name::data(WRITER, 1);
    store.create(&ours, Bytes::from_static(b"x")).await.unwrap();
    let mut foreign = server.storage();
    if let Storage::Gcs { prefix, .. } = &mut foreign {
        *prefix = format!("{prefix}/data/{WRITER}//odd");
    }
    let foreign = connect(&foreign, &clock()).unwrap();
    foreign.create(&Name::vault(), Bytes::from_static(b"x")).await.unwrap();
    let listed = store.list(&Place::data(WRITER)).await.unwrap();
    assert_eq!(listed.iter().map(|listed| &listed.name).collect::<Vec<_>>(), [&ours]);
}

#[tokio::test(flavor = "multi_thread")]
async fn g22_an_s3_write_whose_answer_was_lost_is_a_success_all_the_same() {
    let server = S3Server::start();
    for losses in 1..4 {
        let name = Name::data(Id([0x33; 16]), losses);
        let bytes = Bytes::from(vec![7; 200_000]);
        let store = server.forgetting(usize::try_from(losses).unwrap());
        store.create(&name, bytes.clone()).await.unwrap();
        assert_eq!(store.get(&name, 200_000).await.unwrap(), bytes);
        let error = store.create(&name, Bytes::from_static(b"another")).await.unwrap_err();
        assert!(error.already_exists(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_is_written_accepted_and_verified_in_every_store() {
    let server = S3Server::start();
    a_point_is_good(server.storage(), server.store()).await;
    let server = Azurite::start().await;
    a_point_is_good(server.storage(), server.store()).await;
    let server = GoogleServer::start().await;
    a_point_is_good(server.storage(), server.store()).await;
}

async fn a_point_is_good(storage: Storage, store: SharedStore) {
    let clock = clock();
    let identity = Identity::generate();
    let recipients = vec![identity.recipient()];
    let request = InitRequest { catalogue: None, identities: Vec::new(), recipients };
    init(&store, &request, &clock).await.unwrap();
    let vault = open(SharedStore::clone(&store), opening(storage, identity), &clock).await.unwrap();
    let (run, writer) = (RunId("run".into()), random_id().unwrap());
    let deadline = later(clock.now(), SignedDuration::from_hours(1));
    let grant = vault.write_grant(&run, &writer.into(), deadline).await.unwrap();
    let through_grant = connect(&grant.storage, &clock).unwrap();
    let options = WriterOptions::default();
    let writing = PointWriter::begin(through_grant, &grant, &run, writer, deadline, clock.clone(), options)
        .await
        .unwrap();
    let mut pack = writing.open_pack(PackKind::Rows).await.unwrap();
    pack.push(&vec![b'x'; 1_000_000]).unwrap();
    writing.put(pack).await.unwrap();
    writing.commit(draft(clock.now())).await.unwrap();
    let settled = vault.settle(&run, false, "test", &|_| Ok(None)).await.unwrap();
    let Settled::Accepted(view) = settled else { panic!("{settled:?}") };
    let reader = random_id().unwrap().into();
    let grant = vault.read_grant(&RunId("r".into()), &view.id, &reader, deadline).await.unwrap();
    let report = verify::run(store, &grant, Level::Rows, &|_| ()).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.objects, 1);
    vault.close().await;
}

/// What trying a store out finds: create-only, stale overwrites refused, versioning, object lock.
type Found = (bool, Option<bool>, Option<bool>, Option<bool>);

/// Makes a vault in a store and tries it out through another view of the same store.
async fn found(store: &SharedStore, seen: &SharedStore) -> Found {
    let identity = Identity::generate();
    let recipients = vec![identity.recipient()];
    let request = InitRequest { catalogue: None, identities: Vec::new(), recipients };
    init(store, &request, &clock()).await.unwrap();
    let request = opening(Storage::Filesystem { path: "/nowhere".into() }, identity);
    let vault = open(SharedStore::clone(seen), request, &clock()).await.unwrap();
    let probes = vault.probe().await.unwrap();
    assert_eq!(
        vault.probes().is_some(),
        probes.create_only,
        "a store that lies is not written to any further"
    );
    vault.close().await;
    (probes.create_only, probes.stale_overwrite_refused, probes.versioning, probes.object_lock)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_said_to_do_what_it_does_and_no_more() {
    let (directory, store) = directory_store();
    assert_eq!(found(&store, &store).await, (true, None, Some(false), Some(false)));
    assert!(!directory.path().join("probe").exists(), "what it was tried out with is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_bucket_is_tried_out_and_asked() {
    let server = S3Server::start();
    let plain = server.store();
    assert_eq!(found(&plain, &plain).await, (true, Some(true), Some(false), Some(false)));
    server.make_bucket("versioned", false).await;
    server.keep_versions("versioned").await;
    let versioned = server.in_bucket("versioned");
    assert_eq!(found(&versioned, &versioned).await, (true, Some(true), Some(true), Some(false)));
    server.make_bucket("locked", true).await;
    let locked = server.in_bucket("locked");
    assert_eq!(found(&locked, &locked).await, (true, Some(true), Some(true), Some(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_and_google_are_tried_out_and_asked() {
    let server = Azurite::start().await;
    let store = server.store();
    assert_eq!(found(&store, &store).await, (true, Some(true), None, Some(false)));
    let server = GoogleServer::start().await;
    let plain = server.store();
    assert_eq!(found(&plain, &plain).await, (true, Some(true), Some(false), Some(false)));
    server.make_bucket("versioned", true).await;
    let mut storage = server.storage();
    if let Storage::Gcs { bucket, .. } = &mut storage {
        *bucket = "versioned".into();
    }
    let versioned = connect(&storage, &clock()).unwrap();
    assert_eq!(found(&versioned, &versioned).await, (true, Some(true), Some(true), Some(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_a_server_that_overlooks_conditions_is_found_out_before_a_vault_is_made() {
    let azure = Azurite::start().await;
    let proxy = Proxy::rewriting(azure.port(), |head| {
        head.split_inclusive("\r\n")
            .filter(|line| !line.to_lowercase().starts_with("if-none-match"))
            .collect()
    });
    // A signature, since a key signs the condition too.
    let mut overlooking = azure.signed_storage("rwdlac");
    redirect(&mut overlooking, azure.port(), proxy.port);
    is_found_out(&overlooking).await;
    let google = GoogleServer::start().await;
    let proxy = Proxy::rewriting(google.port(), |head| head.replacen("&ifGenerationMatch=0", "", 1));
    let mut overlooking = google.storage();
    redirect(&mut overlooking, google.port(), proxy.port);
    is_found_out(&overlooking).await;
}

async fn is_found_out(storage: &Storage) {
    let store = connect(storage, &clock()).unwrap();
    let recipients = vec![Identity::generate().recipient()];
    let request = InitRequest { catalogue: None, identities: Vec::new(), recipients };
    let error = init(&store, &request, &clock()).await.unwrap_err();
    assert!(matches!(error, VaultError::ConditionalWritesNotHonoured), "{error}");
    assert!(store.head(&Name::vault()).await.unwrap_err().is_not_found());
}

/// Takes another port of this machine.
fn redirect(storage: &mut Storage, from: u16, to: u16) {
    if let Storage::S3 { endpoint: Some(endpoint), .. }
    | Storage::AzureBlob { endpoint: Some(endpoint), .. }
    | Storage::Gcs { endpoint: Some(endpoint), .. } = storage
    {
        *endpoint = endpoint.replace(&format!(":{from}"), &format!(":{to}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_a_server_without_conditional_writes_says_so_itself() {
    let server = S3Server::start();
    let proxy = Proxy::before(server.port());
    let mut storage = server.storage();
    redirect(&mut storage, server.port(), proxy.port);
    let store = connect_with(&storage, &clock(), &Patience::NONE.into()).unwrap();
    proxy.plan(Some(Plan { fault: Fault::Refused(501, "NotImplemented"), at: 1, lasts: true }));
    let error = store.create(&Name::vault(), Bytes::from_static(b"x")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::ConditionNotHonoured, "{error}");
    assert_eq!(error.code(), FailureCode::ConditionalWritesNotHonoured);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_overlooks_conditions_is_told_from_one_that_honours_them() {
    let server = S3Server::start();
    for (honours_create, bucket) in [(true, "half-honest"), (false, "dishonest")] {
        server.make_bucket(bucket, false).await;
        let honest = server.in_bucket(bucket);
        let seen: SharedStore = Arc::new(Dishonest { inner: server.in_bucket(bucket), honours_create });
        assert_eq!(found(&honest, &seen).await, (honours_create, Some(false), Some(false), Some(false)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_of_s3_is_called_by_its_name() {
    let mut server = S3Server::start();
    let name = Name::vault();
    let wrong_key = server.changed(|storage| {
        if let Storage::S3 { credentials: Some(credentials), .. } = storage {
            credentials.secret_access_key = Secret::new("wrong");
        }
    });
    let error = wrong_key.get(&name, 10).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::CredentialsRefused, "{error}");
    assert!(!error.to_string().contains("wrong"), "{error}");
    let no_bucket = server.changed(|storage| {
        if let Storage::S3 { bucket, .. } = storage {
            *bucket = "not-there".into();
        }
    });
    let error = no_bucket.get(&name, 10).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code()),
        (StoreErrorKind::BucketMissing, FailureCode::BucketNotFound),
        "{error}"
    );
    let gone = server.changed(|_| {});
    server.stop();
    let error = gone.get(&name, 10).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unreachable, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_of_azure_is_called_by_its_name() {
    let server = Azurite::start().await;
    let name = Name::vault();
    let changed = |change: &dyn Fn(&mut Storage)| {
        let mut storage = server.storage();
        change(&mut storage);
        connect_with(&storage, &clock(), &Patience::NONE.into())
    };
    let wrong_key = |storage: &mut Storage| {
        if let Storage::AzureBlob { credentials, .. } = storage {
            *credentials = Some(AzureCredentials::AccountKey(Secret::new("d3Jvbmc=")));
        }
    };
    let error = changed(&wrong_key).unwrap().get(&name, 10).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::CredentialsRefused, "{error}");
    let no_container = |storage: &mut Storage| {
        if let Storage::AzureBlob { container, .. } = storage {
            *container = "not-there".into();
        }
    };
    let missing = changed(&no_container).unwrap();
    for error in [
        missing.get(&name, 10).await.unwrap_err(),
        missing.list(&Place::attempts()).await.unwrap_err(),
        missing.delete(&name).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, StoreErrorKind::BucketMissing, "{error}");
    }
    let reading = connect_with(&server.signed_storage("rl"), &clock(), &Patience::NONE.into()).unwrap();
    let error = reading.create(&name, Bytes::from_static(b"x")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::AccessDenied, "{error}");
    assert!(!error.to_string().contains("sig="), "{error}");
    let nobody = |storage: &mut Storage| {
        if let Storage::AzureBlob { credentials, .. } = storage {
            *credentials = None;
        }
    };
    let error = changed(&nobody).err().unwrap();
    assert_eq!(error.kind, StoreErrorKind::CredentialsRefused, "the machine's identity is not used: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_of_google_is_called_by_its_name() {
    let server = GoogleServer::start().await;
    let name = Name::vault();
    let mut storage = server.storage();
    if let Storage::Gcs { bucket, .. } = &mut storage {
        *bucket = format!("{}-gone", google::BUCKET);
    }
    let missing = connect_with(&storage, &clock(), &Patience::NONE.into()).unwrap();
    for error in [
        missing.create(&name, Bytes::from_static(b"x")).await.unwrap_err(),
        missing.list(&Place::attempts()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, StoreErrorKind::BucketMissing, "{error}");
    }
    let proxy = Proxy::before(server.port());
    let mut storage = server.storage();
    redirect(&mut storage, server.port(), proxy.port);
    proxy.plan(Some(Plan { fault: Fault::Refused(401, "authError"), at: 1, lasts: true }));
    let refused = connect_with(&storage, &clock(), &Patience::NONE.into()).unwrap();
    let error = refused.get(&name, 10).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::CredentialsRefused, "{error}");
    for given in [Some("{\"private_key\": \"hidden\"}"), None] {
        if let Storage::Gcs { credentials, .. } = &mut storage {
            *credentials = given.map(|key| GcsCredentials { service_account_key: Secret::new(key) });
        }
        let error = connect(&storage, &clock()).err().unwrap();
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_unknown_authority_is_not_trusted_unless_it_is_given() {
    let (port, authority, _server) = crate::stores::tls_server().await;
    let mut storage = Storage::S3 {
        bucket: "b-b-b".into(),
        prefix: String::new(),
        endpoint: Some(format!("https://localhost:{port}")),
        region: "eu".into(),
        addressing: Addressing::Path,
        ca: None,
        credentials: Some(S3Credentials {
            access_key_id: "a".into(),
            secret_access_key: Secret::new("s"),
            session_token: None,
        }),
    };
    let stranger = connect_with(&storage, &clock(), &Patience::NONE.into()).unwrap();
    let error = stranger.get(&Name::vault(), 10).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Untrusted, "{error}");
    if let Storage::S3 { ca, .. } = &mut storage {
        *ca = Some(authority);
    }
    // The server says nothing after the handshake: that it was reached is what counts.
    let friend = connect_with(&storage, &clock(), &Patience::NONE.into()).unwrap();
    let error = friend.get(&Name::vault(), 10).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unreachable, "{error}");
    let Storage::S3 { ca: Some(ca), .. } = &mut storage else { panic!("a CA") };
    *ca = "not a certificate".into();
    let error = connect_with(&storage, &clock(), &Patience::NONE.into()).err().unwrap();
    assert_eq!(error.kind, StoreErrorKind::Untrusted, "{error}");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_no_empty_vault() {
    let (directory, store) = directory_store();
    let path = directory.path().to_owned();
    drop(directory);
    for kind in [
        store.get(&Name::vault(), 10).await.unwrap_err().kind,
        store.create(&Name::vault(), Bytes::from_static(b"x")).await.unwrap_err().kind,
        store.list(&Place::attempts()).await.unwrap_err().kind,
        store.delete(&Name::vault()).await.unwrap_err().kind,
    ] {
        assert_eq!(kind, StoreErrorKind::BucketMissing, "{}", path.display());
    }
    assert!(!path.exists(), "the directory was made");
}

#[tokio::test]
async fn a_store_that_overwrites_is_found_out_before_a_vault_is_made() {
    let (_directory, store) = directory_store();
    let dishonest: SharedStore = Arc::new(Dishonest { inner: store, honours_create: false });
    let request = InitRequest {
        catalogue: None,
        identities: Vec::new(),
        recipients: vec![Identity::generate().recipient()],
    };
    let error = init(&dishonest, &request, &clock()).await.unwrap_err();
    assert!(matches!(error, VaultError::ConditionalWritesNotHonoured), "{error}");
    assert!(dishonest.head(&Name::vault()).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn g22_a_write_whose_answer_was_lost_is_recognised_by_its_bytes() {
    let (_directory, store) = directory_store();
    let forgetful = Forgetful { inner: store, losses: 1.into(), lost: Default::default() };
    let store: SharedStore = Arc::new(forgetful);
    let name = Name::point(WRITER);
    let bytes = Bytes::from_static(b"the record");
    assert!(store.create(&name, bytes.clone()).await.is_err());
    assert!(store.create(&name, bytes).await.is_ok());
    assert!(store.create(&name, Bytes::from_static(b"another")).await.unwrap_err().already_exists());
}
