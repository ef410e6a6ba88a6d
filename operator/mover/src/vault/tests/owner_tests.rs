//! Owners beyond their objects, removals that can be taken back, other ends, pledges.

use contract::{Life, OverrideRequest, OwnerChange, OwnerView, Pledges, PointView, Remains, RemoveRequest};

use super::*;
use crate::{
    format::{AcceptedPoint, Promise},
    ledger::Verdict,
};

fn instance(name: &str, datasource: &str) -> Owner {
    Owner::Instance {
        cluster_id: "c".into(),
        namespace: "team".into(),
        namespace_uid: "nu".into(),
        instance: name.into(),
        instance_uid: format!("uid of {name}"),
        datasource_id: datasource.into(),
    }
}

fn shop() -> Owner {
    instance("shop", "1/app")
}

/// Another object for the same datasource.
fn heir() -> Owner {
    instance("heir", "1/app")
}

impl Fixture {
    /// A good point of an owner, a minute younger than the one before, that may go as soon as it is there.
    async fn point_of(&self, vault: &Vault, run: &str, owner: &Owner, keep_at_least: u32) -> PointId {
        let writer = self.begin(vault, run, random_id().unwrap()).await;
        self.commit_of(writer, owner.clone(), decision(keep_at_least)).await;
        self.clock.advance(Duration::from_secs(60));
        let Settled::Accepted(view) = settle(vault, run, false).await else { panic!("not accepted") };
        view.id
    }

    fn in_days(&self, days: i64) -> Timestamp {
        later(self.clock.now(), SignedDuration::from_hours(24 * days))
    }

    fn pass_days(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * 86_400));
    }
}

async fn change(vault: &Vault, change: OwnerChange) -> LedgerHead {
    vault.change_owner(change).await.unwrap()
}

async fn refused(vault: &Vault, change: OwnerChange) -> Refused {
    vault.change_owner(change).await.unwrap_err().refused().unwrap().clone()
}

fn claimed(owner: Owner, spec: &str) -> OwnerChange {
    OwnerChange::Claimed { owner, spec: spec.into() }
}

fn deleted(owner: Owner, points: Remains) -> OwnerChange {
    OwnerChange::Deleted { owner, points, reason: "its object is gone".into() }
}

fn undeleted() -> OwnerChange {
    OwnerChange::Undeleted { owner: shop(), to: heir(), record: "team-shop-12345678".into() }
}

fn known(vault: &Vault, owner: &Owner) -> OwnerView {
    vault.owners(0).into_iter().find(|known| known.owner == *owner).unwrap()
}

fn view(vault: &Vault, point: &PointId) -> PointView {
    vault.point(point).unwrap()
}

async fn kept(vault: &Vault, point: &PointId) -> &'static str {
    vault.tombstone(point, &please(0)).await.unwrap_err().refused().unwrap().reason()
}

fn removal(purge: Option<Timestamp>) -> RemoveRequest {
    RemoveRequest { reason: "a request".into(), keep_at_least: 0, purge }
}

fn another_end(until: Timestamp) -> OverrideRequest {
    OverrideRequest { until, reason: "an audit".into() }
}

async fn refused_removal(vault: &Vault, point: &PointId, request: &RemoveRequest) -> Refused {
    vault.remove(point, request).await.unwrap_err().refused().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datasource_that_somebody_protects_is_nobody_elses_until_it_is_released() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let first = change(&vault, claimed(shop(), "{}")).await;
    assert_eq!(change(&vault, claimed(shop(), "{}")).await, first, "it is so already");
    let second = change(&vault, claimed(shop(), r#"{"a":1}"#)).await;
    assert_ne!(second, first);
    assert_eq!(
        known(&vault, &shop()),
        OwnerView {
            sequence: second.sequence,
            owner: shop(),
            spec: r#"{"a":1}"#.into(),
            life: Life::Active,
            adopted_by: None
        }
    );
    assert_eq!(vault.owners(first.sequence).len(), 1);
    assert!(vault.owners(second.sequence).is_empty());

    let Refused::DatasourceProtected { holder } = refused(&vault, claimed(heir(), "{}")).await else {
        panic!("not protected")
    };
    assert_eq!((holder.owner, holder.life, holder.point), (shop(), Life::Active, None));
    change(&vault, claimed(instance("other", "2/app"), "{}")).await;
    assert_eq!(refused(&vault, OwnerChange::Resumed { owner: heir() }).await.reason(), "OwnerNotFound");

    // It never got a point: nothing has to be remembered.
    change(&vault, OwnerChange::Released { owner: shop() }).await;
    change(&vault, claimed(heir(), "{}")).await;
    assert_eq!(refused(&vault, claimed(shop(), "{}")).await.reason(), "DatasourceProtected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_instance_holds_its_datasource_while_it_has_points() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    change(&vault, claimed(shop(), "{}")).await;
    let point = fixture.point_of(&vault, "run", &shop(), 1).await;
    let at = fixture.in_days(14);
    let gone = deleted(shop(), Remains::Purged { at });
    change(&vault, gone).await;
    let Refused::DatasourceProtected { holder } = refused(&vault, claimed(heir(), "{}")).await else {
        panic!("not protected")
    };
    assert_eq!((holder.owner, holder.point), (shop(), Some(point.clone())));
    assert!(matches!(holder.life, Life::Deleted { points: Remains::Purged { .. }, .. }));
    assert_eq!(refused(&vault, claimed(shop(), "{}")).await.reason(), "OwnerDeleted");
    let has_points = refused(&vault, OwnerChange::Released { owner: shop() }).await;
    assert!(matches!(has_points, Refused::OwnerHasPoints { points: 1, .. }), "{has_points}");

    // Until the purge none goes; then all do, whatever the floor.
    assert_eq!(
        (view(&vault, &point).expiration_time, view(&vault, &point).state),
        (Some(at), PointState::Available)
    );
    assert_eq!(kept(&vault, &point).await, "NotExpired");
    fixture.pass_days(14);
    vault.tombstone(&point, &please(3)).await.unwrap();
    change(&vault, OwnerChange::Released { owner: shop() }).await;
    assert_eq!(known(&vault, &shop()).life, Life::Released);
    change(&vault, claimed(heir(), "{}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_are_kept_after_deletion_do_not_expire() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    // It never claimed anything, and has points.
    let old = fixture.point_of(&vault, "old", &shop(), 1).await;
    fixture.point_of(&vault, "new", &shop(), 1).await;
    let before = vault.head().sequence;
    change(&vault, deleted(shop(), Remains::Kept)).await;
    assert_eq!(vault.points(before).len(), 2, "they are told again");
    assert_eq!(view(&vault, &old).expiration_time, None);
    assert_eq!(kept(&vault, &old).await, "KeptAfterDeletion");
    // A point that is removed by name is no matter of expiry.
    vault.remove(&old, &removal(None)).await.unwrap();
    vault.tombstone(&old, &please(1)).await.unwrap();
    let unknown = refused(&vault, deleted(instance("nobody", "9/x"), Remains::Kept)).await;
    assert_eq!(unknown.reason(), "OwnerNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_points_that_expire_as_stamped_after_deletion_the_newest_stays() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.point_of(&vault, "old", &shop(), 0).await;
    let new = fixture.point_of(&vault, "new", &shop(), 0).await;
    change(&vault, deleted(shop(), Remains::AsStamped)).await;
    assert_eq!(view(&vault, &old).expiration_time, Some(view(&vault, &old).point_time));
    assert_eq!(kept(&vault, &new).await, "KeptAsLastGood");
    vault.tombstone(&old, &please(0)).await.unwrap();
    assert_eq!(kept(&vault, &new).await, "KeptAsLastGood");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_for_a_deleted_instance_is_only_strengthened_or_purged() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    fixture.point_of(&vault, "run", &shop(), 1).await;
    let remains = |points| deleted(shop(), points);
    let (soon, late) = (fixture.in_days(1), fixture.in_days(2));
    let first = change(&vault, remains(Remains::AsStamped)).await;
    assert_eq!(change(&vault, remains(Remains::AsStamped)).await, first);
    change(&vault, remains(Remains::Kept)).await;
    assert_eq!(refused(&vault, remains(Remains::AsStamped)).await.reason(), "WeakerThanPromised");
    change(&vault, remains(Remains::Purged { at: soon })).await;
    change(&vault, remains(Remains::Purged { at: late })).await;
    for weaker in [Remains::Purged { at: soon }, Remains::AsStamped] {
        assert_eq!(refused(&vault, remains(weaker)).await.reason(), "WeakerThanPromised");
    }
    let life = known(&vault, &shop()).life;
    assert!(matches!(life, Life::Deleted { points: Remains::Purged { at }, .. } if at == late), "{life:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pledged_is_only_strengthened_and_nothing_goes_earlier() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.point_of(&vault, "old", &shop(), 1).await;
    fixture.point_of(&vault, "new", &shop(), 1).await;
    let days = |days| Pledges { soft_delete_days: days };
    vault.pledge(days(Some(14))).await.unwrap();
    let head = vault.pledge(days(Some(20))).await.unwrap();
    for weaker in [None, Some(14), Some(20)] {
        assert_eq!(vault.pledge(days(weaker)).await.unwrap(), head);
    }
    assert_eq!(vault.pledges(), days(Some(20)));

    let purge = |at| deleted(shop(), Remains::Purged { at });
    let earliest = fixture.in_days(20);
    let early = Refused::SoftDeleteAlwaysOn { days: 20, earliest };
    assert!(early.to_string().contains(&earliest.to_string()), "{early}");
    assert_eq!(refused(&vault, purge(fixture.in_days(19))).await, early);
    for purge in [None, Some(fixture.in_days(19))] {
        assert_eq!(refused_removal(&vault, &old, &removal(purge)).await, early);
    }
    let shortened = vault.override_end(&old, &another_end(fixture.clock.now())).await;
    assert!(shortened.is_ok(), "it ends no earlier than it was stamped");
    vault.override_end(&old, &another_end(fixture.in_days(40))).await.unwrap();
    let shortened = vault.override_end(&old, &another_end(fixture.in_days(19))).await.unwrap_err();
    assert_eq!(shortened.refused(), Some(&early));
    vault.override_end(&old, &another_end(fixture.in_days(21))).await.unwrap();
    // The asker's clock is a little behind, and its request took its time.
    let asked = fixture.in_days(20);
    fixture.clock.advance(Duration::from_secs(300));
    vault.remove(&old, &removal(Some(asked))).await.unwrap();
    change(&vault, purge(asked)).await;
    // To put it off is no new deletion.
    fixture.pass_days(10);
    change(&vault, purge(fixture.in_days(12))).await;
    assert!(matches!(known(&vault, &shop()).life, Life::Deleted { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undeleted_instances_points_are_its_heirs_and_stay_until_it_is_resumed() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    change(&vault, claimed(shop(), r#"{"the":"spec"}"#)).await;
    let old = fixture.point_of(&vault, "old", &shop(), 1).await;
    let new = fixture.point_of(&vault, "new", &shop(), 1).await;
    assert_eq!(refused(&vault, undeleted()).await.reason(), "NotDeleted");
    change(&vault, deleted(shop(), Remains::Purged { at: fixture.in_days(14) })).await;
    let elsewhere = OwnerChange::Undeleted { owner: shop(), to: instance("x", "2/app"), record: "r".into() };
    assert_eq!(refused(&vault, elsewhere).await.reason(), "AnotherDatasource");
    let before = vault.head();
    let head = change(&vault, undeleted()).await;
    assert_eq!(change(&vault, undeleted()).await, head, "it is done");
    assert_eq!(vault.points(before.sequence).len(), 2, "they are told again");
    assert_eq!((view(&vault, &old).owner, view(&vault, &old).expiration_time), (heir(), None));
    let record = "team-shop-12345678".to_owned();
    assert_eq!(known(&vault, &heir()).life, Life::ResumeRequired { record });
    assert_eq!(known(&vault, &heir()).spec, r#"{"the":"spec"}"#);
    assert_eq!(known(&vault, &shop()).life, Life::Released);

    for point in [&old, &new] {
        assert_eq!(kept(&vault, point).await, "ResumeRequired");
    }
    let waiting = known(&vault, &heir()).life;
    change(&vault, claimed(heir(), r#"{"newer":"spec"}"#)).await;
    let heir_now = known(&vault, &heir());
    assert_eq!(
        (heir_now.life, heir_now.spec.as_str()),
        (waiting, r#"{"newer":"spec"}"#),
        "it waits as before"
    );
    assert_eq!(kept(&vault, &old).await, "ResumeRequired");
    assert_eq!(
        refused(&vault, claimed(instance("third", "1/app"), "{}")).await.reason(),
        "DatasourceProtected"
    );

    let head = change(&vault, OwnerChange::Resumed { owner: heir() }).await;
    assert_eq!(change(&vault, OwnerChange::Resumed { owner: heir() }).await, head);
    assert_eq!(view(&vault, &old).expiration_time, Some(view(&vault, &old).point_time));
    assert_eq!(vault.points(head.sequence - 1).len(), 2, "they are told again");
    // What the predecessor had begun, and what the heir makes, are of one owner, with one floor.
    let late = fixture.point_of(&vault, "late", &shop(), 1).await;
    assert_eq!(view(&vault, &late).owner, heir());
    fixture.point_of(&vault, "own", &heir(), 1).await;
    vault.tombstone(&late, &please(0)).await.unwrap();
    assert_eq!(refused(&vault, OwnerChange::Released { owner: heir() }).await.reason(), "OwnerHasPoints");
    vault.close().await;
    let again = fixture.open().await;
    assert_eq!(view(&again, &new).owner, heir());
    assert_eq!(
        change(&again, undeleted()).await,
        again.head(),
        "it is done, whatever has become of the heir since"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_point_can_be_restored_and_brought_back_until_its_purge() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.point_of(&vault, "old", &shop(), 1).await;
    let new = fixture.point_of(&vault, "new", &shop(), 1).await;
    let purge = fixture.in_days(14);
    let last = refused_removal(&vault, &new, &removal(Some(purge))).await;
    assert!(matches!(last, Refused::KeptAsLastGood { keep: 1, .. }), "{last}");
    let head = vault.remove(&old, &removal(Some(purge))).await.unwrap();
    for asked in [fixture.in_days(14), fixture.in_days(20)] {
        let again = vault.remove(&old, &removal(Some(asked))).await.unwrap();
        assert_eq!(again, head, "it goes no later than it was to");
    }
    let removed = view(&vault, &old);
    assert_eq!((removed.state, removed.expiration_time), (PointState::SoftDeleted, Some(purge)));
    assert_eq!(removed.removal.map(|removal| removal.reason), Some("a request".into()));
    assert_eq!(vault.totals().points, 1, "it counts for nothing");
    let reader = WriterId::from(random_id().unwrap());
    let run = RunId("restore".into());
    assert!(vault.read_grant(&run, &old, &reader, fixture.deadline()).await.is_ok());
    vault.close_read(&run).await.unwrap();
    assert_eq!(kept(&vault, &old).await, "NotExpired");

    let until = fixture.in_days(30);
    let head = vault.override_end(&old, &another_end(until)).await.unwrap();
    assert_eq!(vault.override_end(&old, &another_end(until)).await.unwrap(), head);
    let back = view(&vault, &old);
    assert_eq!((back.state, back.expiration_time, back.removal), (PointState::Available, Some(until), None));
    assert_eq!(back.overridden.map(|end| end.until), Some(until));
    fixture.pass_days(15);
    assert_eq!(kept(&vault, &old).await, "NotExpired");

    vault.remove(&old, &removal(Some(fixture.in_days(14)))).await.unwrap();
    vault.remove(&old, &removal(None)).await.unwrap();
    vault.tombstone(&old, &please(5)).await.unwrap();
    let head = vault.head();
    assert_eq!(vault.remove(&old, &removal(None)).await.unwrap(), head, "it is gone");
    let gone = vault.override_end(&old, &another_end(until)).await.unwrap_err();
    assert!(matches!(gone.refused(), Some(Refused::Expired { .. })), "{gone}");
    let nothing = PointId("ab".repeat(16));
    assert_eq!(refused_removal(&vault, &nothing, &removal(None)).await.reason(), "NotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_point_stays_while_no_other_is_good_any_more() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.point_of(&vault, "old", &shop(), 1).await;
    let new = fixture.point_of(&vault, "new", &shop(), 1).await;
    vault.remove(&old, &removal(Some(fixture.in_days(14)))).await.unwrap();
    let damage = Damage { object: "data/x".into(), message: "gone".into() };
    vault.verified(&new, 2, Some(damage.clone())).await.unwrap();
    fixture.pass_days(15);
    assert_eq!(kept(&vault, &old).await, "KeptAsLastGood");
    let name = Name::point(Id::try_from(&fixture.point_of(&vault, "gone", &shop(), 1).await).unwrap());
    std::fs::remove_file(fixture.directory.path().join(name.as_str())).unwrap();
    assert_eq!(kept(&vault, &old).await, "KeptAsLastGood", "one that cannot be read is none");
    fixture.point_of(&vault, "newest", &shop(), 1).await;
    vault.tombstone(&old, &please(0)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_point_that_is_damaged_goes_whatever_the_others_are() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.point_of(&vault, "old", &shop(), 1).await;
    let new = fixture.point_of(&vault, "new", &shop(), 1).await;
    vault.remove(&old, &removal(Some(fixture.in_days(14)))).await.unwrap();
    for point in [&old, &new] {
        let damage = Damage { object: "data/x".into(), message: "gone".into() };
        vault.verified(point, 2, Some(damage)).await.unwrap();
    }
    fixture.pass_days(15);
    vault.tombstone(&old, &please(0)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_point_whose_record_is_gone_is_no_reason_to_remove_an_older_one() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.point_of(&vault, "old", &shop(), 1).await;
    let new = fixture.point_of(&vault, "new", &shop(), 1).await;
    let name = Name::point(Id::try_from(&new).unwrap());
    std::fs::remove_file(fixture.directory.path().join(name.as_str())).unwrap();
    assert_eq!(refused_removal(&vault, &old, &removal(None)).await.reason(), "KeptAsLastGood");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_is_decided_again_when_another_custodian_gave_the_point_another_end() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.init().await, fixture.open().await);
    let old = fixture.point_of(&one, "old", &shop(), 1).await;
    fixture.point_of(&one, "new", &shop(), 1).await;
    // The second learns of both, and of nothing after.
    two.append(ended()).await.unwrap();
    one.override_end(&old, &another_end(fixture.in_days(30))).await.unwrap();
    assert_eq!(view(&two, &old).overridden, None);
    assert_eq!(kept(&two, &old).await, "NotExpired");
    one.append(ended()).await.unwrap();
    change(&two, claimed(shop(), "{}")).await;
    assert_eq!(refused(&one, claimed(heir(), "{}")).await.reason(), "DatasourceProtected");
}

fn ended() -> contract::LedgerRequest {
    contract::LedgerRequest::JobEnded {
        run: RunId("r".into()),
        kind: "BackupJob".into(),
        namespace: "team".into(),
        name: "j".into(),
        state: "Failed".into(),
        message: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn points_of_a_deleted_instance_are_restored_after_undelete_and_by_whoever_has_the_keys() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let point = fixture.point_of(&vault, "run", &shop(), 1).await;
    vault.refuse_deleted_owner(&point).unwrap();
    change(&vault, deleted(shop(), Remains::Kept)).await;
    let refused = vault.refuse_deleted_owner(&point).unwrap_err();
    assert!(matches!(refused.refused(), Some(Refused::OwnerDeleted { .. })), "{refused}");
    let message = refused.refused().unwrap().to_string();
    assert!(message.contains("undelete") && message.contains("team/shop"), "{message}");
    let reader = WriterId::from(random_id().unwrap());
    assert!(vault.read_grant(&RunId("r".into()), &point, &reader, fixture.deadline()).await.is_ok());
    change(&vault, undeleted()).await;
    vault.refuse_deleted_owner(&point).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_claims_nothing_and_its_points_end_when_somebody_removes_them() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let cli = Owner::Cli { datasource_id: "1/app".into() };
    let point = fixture.point_of(&vault, "run", &cli, 1).await;
    fixture.point_of(&vault, "new", &cli, 1).await;
    assert_eq!(refused(&vault, claimed(cli.clone(), "{}")).await.reason(), "NotAnInstance");
    assert_eq!(refused(&vault, deleted(cli, Remains::Kept)).await.reason(), "NotAnInstance");
    assert_eq!(refused_removal(&vault, &point, &removal(None)).await.reason(), "OwnedByCommandLine");
    let other = vault.override_end(&point, &another_end(fixture.in_days(1))).await.unwrap_err();
    assert!(matches!(other.refused(), Some(Refused::OwnedByCommandLine { .. })), "{other}");
    // It keeps nobody from the datasource.
    change(&vault, claimed(shop(), "{}")).await;
    let long = "x".repeat(100_000);
    assert_eq!(refused(&vault, claimed(shop(), &long)).await, Refused::SpecTooLong { bytes: 100_000 });
}

/// An instance of a cluster that is gone.
fn lost(name: &str, datasource: &str) -> Owner {
    Owner::Instance {
        cluster_id: "old".into(),
        namespace: "team".into(),
        namespace_uid: "old nu".into(),
        instance: name.into(),
        instance_uid: format!("old uid of {name}"),
        datasource_id: datasource.into(),
    }
}

fn adopted(from: Owner, to: Owner) -> OwnerChange {
    OwnerChange::Adopted { from, to, record: "team-shop-0ld".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_instance_of_a_lost_cluster_had_is_its_heirs() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let gone = || lost("shop", "1/app");
    change(&vault, claimed(gone(), r#"{"old":"spec"}"#)).await;
    let point = fixture.point_of(&vault, "old", &gone(), 1).await;
    assert_eq!(refused(&vault, claimed(heir(), "{}")).await.reason(), "DatasourceProtected");
    let before = vault.head().sequence;
    let head = change(&vault, adopted(gone(), heir())).await;
    assert_eq!(change(&vault, adopted(gone(), heir())).await, head, "it is done");
    assert_eq!(vault.points(before).len(), 1, "they are told again");
    assert_eq!((view(&vault, &point).owner, known(&vault, &gone()).life), (heir(), Life::Released));
    let taken = known(&vault, &heir());
    assert_eq!((taken.life, taken.spec.as_str()), (Life::Active, r#"{"old":"spec"}"#));
    change(&vault, claimed(heir(), "{}")).await;

    // The cluster was not lost at all: its instance is out, and what it had begun to store is the heir's.
    let Refused::DatasourceProtected { holder } = refused(&vault, claimed(gone(), "{}")).await else {
        panic!("not protected")
    };
    assert_eq!(holder.owner, heir());
    let late = fixture.point_of(&vault, "late", &gone(), 1).await;
    assert_eq!(view(&vault, &late).owner, heir());
    let ended = deleted(gone(), Remains::Kept);
    change(&vault, ended).await;
    assert_eq!(view(&vault, &late).owner, heir(), "its end is nobody's");
    vault.close().await;
    let again = fixture.open().await;
    change(&again, deleted(heir(), Remains::Kept)).await;
    let head = again.head();
    assert_eq!(
        change(&again, adopted(gone(), heir())).await,
        head,
        "it is done, whatever has become of the heir"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_in_a_lost_cluster_stays_until_its_heir_is_resumed() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let gone = lost("shop", "1/app");
    let old = fixture.point_of(&vault, "old", &gone, 1).await;
    fixture.point_of(&vault, "new", &gone, 1).await;
    change(&vault, deleted(gone.clone(), Remains::Purged { at: fixture.in_days(14) })).await;
    change(&vault, adopted(gone, heir())).await;
    let life = known(&vault, &heir()).life;
    assert_eq!(life, Life::ResumeRequired { record: "team-shop-0ld".into() });
    fixture.pass_days(15);
    assert_eq!(kept(&vault, &old).await, "ResumeRequired", "the purge that was promised is off");
    change(&vault, OwnerChange::Resumed { owner: heir() }).await;
    vault.tombstone(&old, &please(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_came_from_somebody_elses_server_take_its_claim_from_nobody() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let (holder, stray) = (instance("holder", "1/app"), instance("stray", "1/app"));
    change(&vault, claimed(holder.clone(), "{}")).await;
    fixture.point_of(&vault, "strayed", &stray, 1).await;
    change(&vault, deleted(stray.clone(), Remains::Kept)).await;
    let head = vault.head();
    assert_eq!(change(&vault, claimed(holder.clone(), "{}")).await, head, "it is held as before");
    change(&vault, deleted(holder.clone(), Remains::Kept)).await;
    let next = instance("next", "1/app");
    change(&vault, claimed(next, "{}")).await;
    let life = known(&vault, &stray).life;
    let Life::Deleted { time, .. } = life else { panic!("{life:?}") };
    fixture.pass_days(3);
    change(&vault, deleted(stray.clone(), Remains::Purged { at: fixture.in_days(1) })).await;
    assert!(matches!(known(&vault, &stray).life, Life::Deleted { time: then, .. } if then == time));
}

#[tokio::test(flavor = "multi_thread")]
async fn within_a_cluster_only_what_was_deleted_in_another_namespace_is_given_away() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let of = |namespace_uid: &str, uid: &str| match instance(uid, "1/app") {
        Owner::Instance { cluster_id, namespace, instance, instance_uid, datasource_id, .. } => {
            let namespace_uid = namespace_uid.to_owned();
            Owner::Instance { cluster_id, namespace, namespace_uid, instance, instance_uid, datasource_id }
        }
        owner @ Owner::Cli { .. } => owner,
    };
    let (gone, beside, heir) = (of("n1", "gone"), of("n1", "beside"), of("n2", "heir"));
    let point = fixture.point_of(&vault, "kept", &gone, 1).await;
    change(&vault, claimed(gone.clone(), "{}")).await;
    let reason = async |to: &Owner| refused(&vault, adopted(gone.clone(), to.clone())).await.reason();
    assert_eq!(reason(&heir).await, "SameCluster", "it lives");
    change(&vault, deleted(gone.clone(), Remains::Kept)).await;
    assert_eq!(reason(&beside).await, "SameCluster", "in its own namespace it is brought back");
    change(&vault, adopted(gone.clone(), heir.clone())).await;
    assert_eq!(view(&vault, &point).owner, heir);
    assert_eq!(known(&vault, &heir).life, Life::ResumeRequired { record: "team-shop-0ld".into() });
    let head = vault.head();
    assert_eq!(change(&vault, adopted(gone, heir)).await, head, "it is done");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adoption_that_would_take_from_the_living_is_refused() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let gone = || lost("shop", "1/app");
    let reason = async |from: Owner, to: Owner| refused(&vault, adopted(from, to)).await.reason();
    let cli = Owner::Cli { datasource_id: "1/app".into() };
    assert_eq!(reason(cli.clone(), heir()).await, "NotAnInstance");
    assert_eq!(reason(gone(), cli).await, "NotAnInstance");
    assert_eq!(reason(gone(), heir()).await, "OwnerNotFound");
    change(&vault, claimed(gone(), "{}")).await;
    assert_eq!(reason(gone(), lost("x", "1/app")).await, "SameCluster");
    // Points of two databases would be under one floor.
    assert_eq!(reason(gone(), instance("shop", "2/app")).await, "AnotherDatasource");
    // Who was deleted is to be brought back first; who is in the way is somebody's.
    let other = instance("other", "2/app");
    fixture.point_of(&vault, "other", &other, 1).await;
    change(&vault, claimed(other.clone(), "{}")).await;
    change(&vault, deleted(other.clone(), Remains::Kept)).await;
    fixture.point_of(&vault, "beside", &lost("beside", "2/app"), 1).await;
    assert_eq!(reason(lost("beside", "2/app"), other.clone()).await, "OwnerDeleted");
    assert_eq!(reason(lost("beside", "2/app"), instance("third", "2/app")).await, "DatasourceProtected");
    // Nobody takes twice, and nobody takes back: two clusters would take turns for ever.
    change(&vault, adopted(gone(), heir())).await;
    assert_eq!(reason(gone(), shop()).await, "AdoptedAlready");
    let refusal = refused(&vault, adopted(heir(), gone())).await;
    assert_eq!(refusal.reason(), "GivenAway");
    assert!(refusal.to_string().contains("team/heir of cluster c"), "{refusal}");
    assert_eq!(known(&vault, &heir()).life, Life::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_one_instance_of_a_lost_cluster_ever_was_is_adopted() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    // It was made anew and brought back there, and pointed to another server before.
    let (first, second, elsewhere) = (lost("a", "1/app"), lost("b", "1/app"), lost("b", "9/app"));
    let mut points = Vec::new();
    for (run, owner) in [("1", &first), ("2", &elsewhere)] {
        points.push(fixture.point_of(&vault, run, owner, 1).await);
    }
    change(&vault, deleted(first.clone(), Remains::Kept)).await;
    let back = OwnerChange::Undeleted { owner: first.clone(), to: second.clone(), record: "r".into() };
    change(&vault, back).await;
    points.push(fixture.point_of(&vault, "3", &second, 1).await);
    let of_another = instance("heir", "9/app");
    change(&vault, OwnerChange::Resumed { owner: second.clone() }).await;
    for (from, to) in [(&second, heir()), (&elsewhere, of_another.clone())] {
        change(&vault, adopted(from.clone(), to)).await;
    }
    let head = vault.head();
    assert_eq!(change(&vault, adopted(first.clone(), heir())).await, head, "it came with its heir");
    let owners = points.iter().map(|point| view(&vault, point).owner).collect::<Vec<_>>();
    assert_eq!(owners, [heir(), of_another, heir()]);
    // The points of each database are under a floor of their own.
    fixture.pass_days(2);
    vault.tombstone(&points[0], &please(1)).await.unwrap();
    assert_eq!(kept(&vault, &points[1]).await, "KeptAsLastGood");
    assert_eq!(kept(&vault, &points[2]).await, "KeptAsLastGood");
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_came_to_their_end_without_a_cluster_stay_for_a_day_once_they_are_taken_over() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let gone = || lost("shop", "1/app");
    let old = fixture.point_of(&vault, "old", &gone(), 1).await;
    let removed = fixture.point_of(&vault, "removed", &gone(), 1).await;
    let new = fixture.point_of(&vault, "new", &gone(), 1).await;
    let purge = fixture.in_days(14);
    vault.remove(&removed, &removal(Some(purge))).await.unwrap();
    let late = fixture.in_days(30);
    vault.override_end(&new, &another_end(late)).await.unwrap();
    // More than one entry of the ledger holds.
    let one = vault.inner.ledger.state().point(Id::try_from(&old).unwrap()).unwrap().point.clone();
    let many = (0..300u16).map(|number| {
        let mut id = [9; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        Promise::Accepted { point: Box::new(AcceptedPoint { id: Id(id), ..one.clone() }) }
    });
    let many: Vec<Promise> = many.collect();
    for some in many.chunks(100) {
        let some = some.to_vec();
        vault.inner.ledger.append(move |_| Verdict::Append(some.clone())).await.unwrap();
    }
    change(&vault, adopted(gone(), heir())).await;
    let (tomorrow, points) = (fixture.in_days(1), vault.points(0));
    assert_eq!(points.len(), 303);
    for point in points {
        let expected = match &point.id {
            id if *id == removed => purge,
            id if *id == new => late,
            _ => tomorrow,
        };
        assert_eq!((point.owner, point.expiration_time), (heir(), Some(expected)));
    }
    assert_eq!(kept(&vault, &old).await, "NotExpired");
    fixture.pass_days(1);
    vault.tombstone(&old, &please(1)).await.unwrap();
    // Read entry by entry: no state was stored.
    assert_eq!(fixture.open().await.points(0).len(), 303, "no entry holds more than can be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_was_not_lost_lets_none_of_its_heirs_points_go() {
    let fixture = Fixture::new();
    let (new, old) = (fixture.init().await, fixture.open().await);
    let gone = lost("shop", "1/app");
    let point = fixture.point_of(&old, "one", &gone, 1).await;
    fixture.point_of(&old, "two", &gone, 1).await;
    // The one that takes over begins with what is in storage.
    new.append(ended()).await.unwrap();
    change(&new, adopted(gone.clone(), heir())).await;
    fixture.pass_days(2);
    assert_eq!(view(&old, &point).owner, gone, "nobody has told it yet");
    let by = |owner: &Owner| TombstoneRequest { owner: Some(owner.clone()), ..please(1) };
    for _ in 0..2 {
        let refused = old.tombstone(&point, &by(&gone)).await.unwrap_err();
        assert_eq!(refused.refused().unwrap().reason(), "AnothersPoint", "{refused}");
    }
    new.tombstone(&point, &by(&heir())).await.unwrap();
}
