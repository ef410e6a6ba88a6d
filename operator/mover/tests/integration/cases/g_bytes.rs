//! G, the stored bytes: vaults of every release open, and harm to any byte of one is noticed on the way from the vault's
//! door to its rows.

use std::{collections::BTreeMap, fmt, fs};

use contract::FailureCode;
use mover::{
    format::{KeyPurpose, SegmentEntry, WrappedKey},
    seal::{Identity, wrap},
    store::Name,
    vault::{OpenRequest, VaultError},
    verify::VerifyReport,
};
use zeroize::Zeroizing;

use crate::kept::{Kept, Refusal, is_of_writer, read_rows};

/// The release whose vault is harmed.
const RELEASE: &str = "0.1.0";

#[tokio::test(flavor = "multi_thread")]
async fn g7_vaults_of_every_release_open_are_sound_and_hold_what_they_held() {
    let releases = Kept::releases();
    assert!(releases.iter().any(|release| release == RELEASE), "{releases:?}");
    for release in releases {
        let kept = Kept::copy(&release);
        assert!(!kept.expected.points.is_empty());
        for point in &kept.expected.points {
            let report = kept.verify(&point.point).await.unwrap();
            assert!(report.is_sound(), "{release}: {report:?}");
            // Level 1 looks at every object, level 2 reads it.
            assert_eq!((report.objects, report.rows), (point.objects, point.rows), "{release}");
            kept.expect_contents(point).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g8_another_identity_or_fingerprint_opens_nothing() {
    let kept = Kept::copy(RELEASE);
    let stranger = OpenRequest { identities: vec![Identity::generate()], ..kept.opening() };
    let error = kept.open(stranger).await.err().unwrap();
    assert!(matches!(error, VaultError::Foreign { .. }), "{error}");
    let planted = OpenRequest { fingerprint: Some("aaaa".into()), ..kept.opening() };
    let error = kept.open(planted).await.err().unwrap();
    assert_eq!(error.code(), FailureCode::KeySubstituted, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g9_objects_swapped_doubled_lost_or_of_another_point_are_named() {
    let harm = Harmed::new().await;
    let objects = harm.objects();
    let mut tried = 0;
    for name in &objects {
        let whole = fs::read(harm.kept.path(name)).unwrap();
        let mut others: Vec<Option<Vec<u8>>> = objects
            .iter()
            .filter(|other| *other != name)
            .map(|other| fs::read(harm.kept.path(other)).ok())
            .collect();
        others.extend(harm.of_the_other_point(name));
        others.extend([None, Some([&whole[..], &whole[..]].concat()), Some(Vec::new())]);
        for other in others {
            let seen = harm.seen(name, other.as_deref()).await;
            assert_eq!(seen, Seen::Named, "{name}");
            tried += 1;
        }
    }
    println!("{tried} swaps and losses of {} objects, each named", objects.len());
}

/// A part of [`g10_full_every_single_bit_and_every_truncation`], at steps that share no factor with any structure.
#[tokio::test(flavor = "multi_thread")]
async fn g10_flipped_bits_and_truncations_are_noticed_from_the_vaults_door_to_its_rows() {
    println!("{}", Harmed::new().await.all_harm(499, 97).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: every bit and every length"]
async fn g10_full_every_single_bit_and_every_truncation() {
    println!("{}", Harmed::new().await.all_harm(1, 1).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn g14_a_planted_chain_key_is_substituted_and_opens_nothing() {
    let kept = Kept::copy(RELEASE);
    let point = &kept.expected.points[0].point;
    let reader = kept.reader(point).await.unwrap();
    let (vault, chain) = (reader.record().vault, reader.record().chain);
    let planted = WrappedKey { purpose: KeyPurpose::Chain(chain), vault, key: Zeroizing::new([9; 32]) };
    let recipient = kept.identity.recipient();
    let file = kept.path(Name::chain_key(chain, &recipient.tag(), 0).as_str());
    fs::write(file, wrap(&planted, &recipient).unwrap()).unwrap();
    let error = kept.verify(point).await.unwrap_err();
    assert!(matches!(error, Refusal::Vault(VaultError::KeySubstituted { .. })), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g15_an_older_ledger_is_told_from_the_one_that_was_seen() {
    let kept = Kept::copy(RELEASE);
    let (_, vault) = kept.open(kept.opening()).await.unwrap();
    let seen = contract::Head::from(vault.head());
    let known = || OpenRequest { known_head: Some(seen.clone()), ..kept.opening() };
    assert!(!kept.open(known()).await.unwrap().1.rolled_back());
    fs::remove_dir_all(kept.path("ledger-state")).unwrap();
    fs::remove_file(kept.path(Name::ledger(seen.sequence).as_str())).unwrap();
    let (_, older) = kept.open(known()).await.unwrap();
    assert!(older.rolled_back());
    let newest = &kept.expected.points.last().unwrap().point;
    let error = kept.grant(&older, newest).await.unwrap_err();
    assert_eq!(error.code(), FailureCode::PointNotFound, "{error}");
}

/// How harm came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    /// What was said names the object.
    Named,
    /// Nothing opened, and what was said does not name the object.
    Refused,
    /// Everything was found sound, with the same rows.
    Sound,
}

/// A vault with a point that is looked at again and again.
struct Harmed {
    kept: Kept,
    writer: String,
    whole: VerifyReport,
    rows: Vec<Vec<u8>>,
}

/// How often each came out, by what was harmed.
#[derive(Default)]
struct Counted(BTreeMap<(&'static str, Seen), u64>);

impl Harmed {
    async fn new() -> Self {
        let kept = Kept::copy(RELEASE);
        let point = kept.expected.points[0].point.clone();
        let whole = kept.verify(&point).await.unwrap();
        assert!(whole.is_sound() && whole.rows > 100, "{whole:?}");
        let reader = kept.reader(&point).await.unwrap();
        let writer = reader.record().writer.to_string();
        // Without the short cut each entry of the ledger counts.
        fs::remove_dir_all(kept.path("ledger-state")).unwrap();
        let mut harmed = Self { kept, writer, whole, rows: Vec::new() };
        harmed.rows = harmed.rows_given().await;
        harmed
    }

    fn point(&self) -> &str {
        &self.kept.expected.points[0].point
    }

    /// What the record leads to, and the record.
    fn objects(&self) -> Vec<String> {
        let record = format!("points/{}", self.point());
        let own = |name: &String| {
            *name == record || (name.starts_with("data/") && is_of_writer(name, &self.writer))
        };
        self.kept.names().into_iter().filter(own).collect()
    }

    /// What the other point has under the same number.
    fn of_the_other_point(&self, name: &str) -> Option<Option<Vec<u8>>> {
        let last = name.rsplit('/').next().unwrap();
        let other = |other: &&String| {
            other.starts_with("data/") && other.ends_with(last) && !is_of_writer(other, &self.writer)
        };
        self.kept.names().iter().find(other).map(|other| fs::read(self.kept.path(other)).ok())
    }

    /// What an object is to a reader, and how its harm must come out.
    fn role(&self, name: &str) -> Option<(&'static str, &'static [Seen])> {
        let own = |prefix: &str| name.starts_with(&format!("{prefix}/{}", self.writer));
        match name.split('/').next()? {
            _ if own("data") => Some(("data", &[Seen::Named])),
            "points" if name.ends_with(self.point()) => Some(("record", &[Seen::Named])),
            // The vault's id is read from the first entry: changed there, no key of it is found.
            "ledger" => Some(("ledger", &[Seen::Named, Seen::Refused])),
            // Anybody can put a key file there: one that does not open is passed over, and the key is missing.
            "keys" if own("keys") || name.starts_with("keys/catalogue") => Some(("keys", &[Seen::Refused])),
            // Nobody trusts them.
            "vault.json" => Some(("vault.json", &[Seen::Sound])),
            "attempts" => Some(("attempts", &[Seen::Sound])),
            _ => None,
        }
    }

    /// Every so-manieth bit flipped, every so-manieth length: what became of each.
    async fn all_harm(&self, bit_step: usize, length_step: usize) -> String {
        let (mut flips, mut cuts) = (Counted::default(), Counted::default());
        for name in self.kept.names() {
            let Some((role, fitting)) = self.role(&name) else { continue };
            let whole = fs::read(self.kept.path(&name)).unwrap();
            for bit in (0..whole.len() * 8).step_by(bit_step) {
                let mut changed = whole.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let seen = self.seen(&name, Some(&changed)).await;
                assert!(fitting.contains(&seen), "{name}: bit {bit} was {seen:?}");
                flips.add(role, seen);
            }
            for length in (0..whole.len()).step_by(length_step) {
                let seen = self.seen(&name, Some(&whole[..length])).await;
                assert!(fitting.contains(&seen), "{name}: cut to {length} was {seen:?}");
                cuts.add(role, seen);
            }
        }
        format!("flipped bits: {flips}\ntruncations: {cuts}")
    }

    /// Harms an object, looks, and mends it. Whatever rows come out on the way are those that went in.
    async fn seen(&self, name: &str, harm: Option<&[u8]>) -> Seen {
        let path = self.kept.path(name);
        let whole = fs::read(&path).unwrap();
        match harm {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let looked = self.kept.verify(self.point()).await;
        let given = self.rows_given().await;
        assert!(
            given.iter().zip(&self.rows).all(|(given, whole)| whole.starts_with(given)),
            "{name}: other rows"
        );
        fs::write(&path, &whole).unwrap();
        match looked {
            Ok(report) if report.is_sound() => {
                assert_eq!(report, self.whole, "{name}");
                Seen::Sound
            }
            Ok(report) if report.damage.iter().any(|damage| damage.object == name) => Seen::Named,
            Ok(report) => panic!("{name}: {report:?}"),
            Err(refusal) if told(&refusal).contains(name) => Seen::Named,
            Err(_) => Seen::Refused,
        }
    }

    /// The rows of every segment, as far as they come out.
    async fn rows_given(&self) -> Vec<Vec<u8>> {
        let Ok(reader) = self.kept.reader(self.point()).await else { return Vec::new() };
        let Ok(manifest) = reader.manifest(0).await else { return Vec::new() };
        let Ok(mut segments) = reader.list::<SegmentEntry>(&manifest).await else { return Vec::new() };
        segments.sort_by_key(|segment| (segment.table, segment.number));
        let mut all = Vec::new();
        for segment in &segments {
            let mut rows = Vec::new();
            // What came before the harm is what is looked at.
            let _failed = read_rows(&reader, segment, &mut rows).await;
            all.push(rows);
        }
        all
    }
}

fn told(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Vault(error) => {
            let object = error.damage().map(|damage| damage.object);
            format!("{} {}", mover::causes(error), object.unwrap_or_default())
        }
        Refusal::Read(error) => mover::causes(error),
    }
}

impl Counted {
    fn add(&mut self, role: &'static str, seen: Seen) {
        *self.0.entry((role, seen)).or_default() += 1;
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = 0;
        for ((role, seen), count) in &self.0 {
            write!(formatter, "{role} {seen:?} {count}, ")?;
            all += count;
        }
        write!(formatter, "{all} in all")
    }
}
