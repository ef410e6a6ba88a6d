//! What people ask of single points.

use contract::{Override, Removal};
use crds::common::{ConditionType, Time};
use crds::recovery_point::{AnsweredRequests, DeletionRequest, RetentionOverride};
use crds::{Reason, RecoveryPointStatus};

use super::super::due;
use super::super::memory::Memory;
use super::super::ranges::{MOST, Range};
use super::super::removed;
use super::super::requests::{Asked, asked};
use super::*;

const SOFT_DELETE: &str = "{state: Enabled, retentionDays: 30}";

impl Scene {
    /// Has every point shown, as far as the window goes.
    fn all_shown(points: impl IntoIterator<Item = PointView>) -> Self {
        let mut scene = Self::new().with(points);
        scene.vault.spec.recovery_point_window = 50;
        scene.apply();
        for object in &mut scene.objects {
            let object = Arc::make_mut(object);
            object.metadata.uid = Some(object.spec.point_id.trim_start_matches('0').to_owned());
        }
        scene
    }

    fn soft_deleting(mut self) -> Self {
        self.vault.spec.soft_delete = Some(serde_yaml::from_str(SOFT_DELETE).unwrap());
        self
    }

    fn without_soft_delete(mut self) -> Self {
        self.vault.spec.soft_delete = Some(serde_yaml::from_str("{state: Disabled}").unwrap());
        self
    }

    /// The object of a point.
    fn object(&mut self, number: i64) -> &mut RecoveryPoint {
        let id = point(number).id.0;
        Arc::make_mut(self.objects.iter_mut().find(|object| object.spec.point_id == id).unwrap())
    }

    fn request_deletion(&mut self, number: i64) {
        self.object(number).spec.deletion_request = Some(deletion());
    }

    fn request_end(&mut self, number: i64, until: Timestamp) {
        self.object(number).spec.retention_override = Some(end(until));
    }

    fn asked(&self, at: Timestamp) -> Vec<Asked> {
        asked(&self.facts(), at)
    }

    fn status(&mut self, number: i64, at: Timestamp) -> RecoveryPointStatus {
        let held = self.object(number).clone();
        let shown = &self.catalogue.points[&point(number).id];
        view::status(&self.facts(), shown, Some(&held), at)
    }

    /// Reason and message of a condition that is True.
    fn blocked(&mut self, number: i64, type_: ConditionType, at: Timestamp) -> Option<(String, String)> {
        let conditions = self.status(number, at).conditions;
        let found =
            conditions.into_iter().find(|held| held.type_ == type_.as_str() && held.status == "True")?;
        Some((found.reason, found.message))
    }

    /// Lets the keeper take something of a point's object.
    fn taken(&mut self, number: i64, taken: AnsweredRequests) {
        let answer = Answer { taken, ..Answer::default() };
        self.answers.insert(number.to_string(), answer);
    }
}

fn deletion() -> DeletionRequest {
    DeletionRequest { reason: "a subject's right".into() }
}

fn end(until: Timestamp) -> RetentionOverride {
    RetentionOverride { until: Time(until), reason: "an audit".into() }
}

fn removed(number: i64, purge: Timestamp) -> PointView {
    PointView {
        state: PointState::SoftDeleted,
        expiration_time: Some(purge),
        removal: Some(Removal { purge, reason: "a subject's right".into() }),
        ..point(number)
    }
}

fn is_reason(found: Option<(String, String)>, reason: Reason, words: &str) {
    let (found, message) = found.expect("a condition");
    assert_eq!(found, reason.as_str(), "{message}");
    assert!(message.contains(words), "{message}");
}

#[test]
fn row_a22_a_request_to_delete_is_asked_once_and_leaves_the_days_of_the_vaults_soft_delete() {
    let now = day(5);
    let mut scene = Scene::all_shown([point(1), point(2), point(3)]).without_soft_delete();
    assert_eq!(scene.asked(now), []);
    scene.request_deletion(1);
    let at_once = scene.asked(now);
    assert_eq!(at_once.len(), 1);
    let request = at_once[0].removal.clone().unwrap();
    assert_eq!(
        (request.purge, request.keep_at_least, request.reason.as_str()),
        (None, 1, "a subject's right")
    );
    assert_eq!((&at_once[0].point, &at_once[0].another_end), (&point(1).id, &None));

    let mut scene = scene.soft_deleting();
    let purge = day(35);
    assert_eq!(scene.asked(now)[0].removal.clone().unwrap().purge, Some(purge));
    let taken = AnsweredRequests { deletion_request: Some(deletion()), retention_override: None };
    scene.taken(1, taken.clone());
    assert_eq!(scene.asked(now), [], "the keeper took it");
    scene.catalogue.points.insert(point(1).id, removed(1, purge));
    let status = scene.status(1, now);
    assert_eq!((status.state, &status.answered), (Some(State::SoftDeleted), &Some(taken)));
    assert_eq!(status.scheduled_purge_time, Some(Time(purge)));
    let ready = &status.conditions[0];
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("True", "PointRemoved"));
    assert!(
        ready.message.contains(&purge.to_string()) && ready.message.contains("retentionOverride"),
        "{ready:?}"
    );
    // Another operator knows no more than the status.
    scene.answers.clear();
    scene.object(1).status = Some(status);
    assert_eq!(scene.asked(now), []);
}

#[test]
fn row_a22_a_removed_point_is_brought_back_by_another_end_and_its_request_is_not_asked_again() {
    let now = day(5);
    let mut scene = Scene::all_shown([removed(1, day(35)), point(2)]).soft_deleting();
    let taken = AnsweredRequests { deletion_request: Some(deletion()), retention_override: None };
    scene.object(1).spec.deletion_request = Some(deletion());
    scene.object(1).status.as_mut().unwrap().answered = Some(taken);
    scene.request_end(1, day(40));
    let asked = scene.asked(now);
    assert_eq!((asked.len(), &asked[0].removal), (1, &None));
    assert_eq!(asked[0].another_end.as_ref().map(|end| end.until), Some(day(40)));
    let both =
        AnsweredRequests { deletion_request: Some(deletion()), retention_override: Some(end(day(40))) };
    scene.object(1).status.as_mut().unwrap().answered = Some(both);
    let overridden = Some(Override { until: day(40), reason: "an audit".into() });
    let back = PointView { overridden, expiration_time: Some(day(40)), ..point(1) };
    scene.catalogue.points.insert(point(1).id, back);
    assert_eq!(scene.asked(now), []);
    // Without the field nothing is asked, and given again it is.
    scene.object(1).spec.retention_override = None;
    assert_eq!(scene.asked(now), []);
    let told = scene.status(1, now);
    scene.object(1).status = Some(told);
    scene.request_end(1, day(40));
    assert_eq!(scene.asked(now).len(), 1);
}

#[test]
fn a_request_to_delete_one_of_the_last_good_points_waits_for_newer_ones() {
    let now = day(5);
    let mut scene = Scene::all_shown([point(1), point(2)]);
    scene.request_deletion(2);
    assert_eq!(scene.asked(now), []);
    is_reason(scene.blocked(2, ConditionType::DeletionBlocked, now), Reason::LastGood, "make a backup");
    scene.catalogue.points.insert(point(3).id, point(3));
    assert_eq!(scene.asked(now).len(), 1);
    assert_eq!(scene.blocked(2, ConditionType::DeletionBlocked, now), None);
    // A newer one that is damaged or going is none; a damaged one itself may go.
    scene.catalogue.points.insert(point(3).id, PointView { state: PointState::Damaged, ..point(3) });
    assert_eq!(scene.asked(now), []);
    scene.catalogue.points.insert(point(3).id, removed(3, day(35)));
    assert_eq!(scene.asked(now), []);
    scene.catalogue.points.insert(point(2).id, PointView { state: PointState::Damaged, ..point(2) });
    assert_eq!(scene.asked(now).len(), 1);
    // As many stay as the newest was promised to have.
    let mut promised = point(2);
    promised.decision.keep_at_least = 2;
    let mut scene = Scene::all_shown([point(1), promised]);
    scene.request_deletion(1);
    is_reason(scene.blocked(1, ConditionType::DeletionBlocked, now), Reason::LastGood, "2 newest");
}

#[test]
fn a_point_that_is_read_or_nobodys_is_not_removed_and_told_why() {
    let now = day(5);
    let mut scene = Scene::all_shown([point(1), point(2)]);
    scene.request_deletion(1);
    scene.in_use.insert(point(1).id);
    assert_eq!(scene.asked(now), []);
    is_reason(scene.blocked(1, ConditionType::DeletionBlocked, now), Reason::InUse, "restore");
    let by_hand =
        |number| PointView { owner: Owner::Cli { datasource_id: "7/orders".into() }, ..point(number) };
    let mut scene = Scene::all_shown([by_hand(1), by_hand(2)]);
    scene.request_deletion(1);
    scene.request_end(1, day(20));
    assert_eq!(scene.asked(now), []);
    is_reason(scene.blocked(1, ConditionType::DeletionBlocked, now), Reason::PointNotOwned, "command line");
    is_reason(scene.blocked(1, ConditionType::OverrideBlocked, now), Reason::PointNotOwned, "command line");
}

#[test]
fn while_clocks_differ_no_removal_and_no_earlier_end_is_asked_for() {
    let now = day(5);
    let mut scene = Scene::all_shown([point(1), point(2), point(3)]);
    scene.request_deletion(1);
    scene.request_end(2, day(25));
    assert_eq!(scene.asked(now).len(), 2);
    scene.clock_skewed = true;
    assert_eq!(scene.asked(now), []);
    is_reason(scene.blocked(1, ConditionType::DeletionBlocked, now), Reason::ClockSkewed, "RetentionBlocked");
    is_reason(scene.blocked(2, ConditionType::OverrideBlocked, now), Reason::ClockSkewed, "RetentionBlocked");
    scene.request_end(2, day(50));
    assert_eq!(scene.asked(now).len(), 1, "a later end harms nobody");
}

#[test]
fn what_the_keeper_refuses_is_told_and_asked_again_after_a_minute() {
    let memory = Memory::default();
    let refusal = Answer { deletion_refused: Some("soft delete is always on".into()), ..Answer::default() };
    memory.answered("1", Some(1), refusal.clone(), day(5));
    assert_eq!(memory.answer("1", Some(1), day(5)), Some(refusal.clone()));
    assert_eq!(memory.answer("1", Some(1), day(6)), Some(Answer::default()));
    assert_eq!(memory.answer("1", Some(2), day(5)), None, "another generation asks for something else");

    let mut scene = Scene::all_shown([point(1), point(2)]);
    scene.request_deletion(1);
    scene.answers.insert("1".into(), refusal);
    assert_eq!(scene.asked(day(5)), []);
    is_reason(scene.blocked(1, ConditionType::DeletionBlocked, day(5)), Reason::DeletionRefused, "always on");
    scene.answers.insert("1".into(), Answer::default());
    assert_eq!(scene.asked(day(5)).len(), 1);
}

#[test]
fn what_was_taken_before_is_remembered_with_what_is_taken_later() {
    let memory = Memory::default();
    let taken = |taken| Answer { taken, ..Answer::default() };
    let first = AnsweredRequests { deletion_request: None, retention_override: Some(end(day(9))) };
    let second = AnsweredRequests { deletion_request: Some(deletion()), retention_override: None };
    memory.answered("1", Some(1), taken(first.clone()), day(5));
    memory.answered("1", Some(1), taken(second.clone()), day(5));
    let both = AnsweredRequests { retention_override: first.retention_override, ..second };
    assert_eq!(memory.answer("1", Some(1), day(5)).map(|answer| answer.taken), Some(both));
}

#[test]
fn row_e20_the_end_of_a_single_point_is_moved_within_the_vaults_range() {
    let now = day(5);
    let mut scene = Scene::all_shown([point(1), point(2)]).without_soft_delete();
    // The range is that of the schema's defaults: P7D to P10Y, from the point's own time.
    for (until, allowed) in
        [(day(7), false), (day(8), true), (day(20), true), (day(3_653), true), (day(3_660), false)]
    {
        scene.request_end(1, until);
        let asked = scene.asked(now);
        assert_eq!(asked.len(), usize::from(allowed), "{until}");
        let blocked = scene.blocked(1, ConditionType::OverrideBlocked, now);
        if allowed {
            assert_eq!(blocked, None);
            assert_eq!(asked[0].another_end.as_ref().map(|end| end.until), Some(until));
        } else {
            is_reason(blocked, Reason::OverrideOutsideVault, "`retentionOverride.until`");
        }
    }
    let mut moved = point(1);
    moved.overridden = Some(Override { until: day(20), reason: "an audit".into() });
    moved.expiration_time = Some(day(20));
    scene.catalogue.points.insert(moved.id.clone(), moved);
    let status = scene.status(1, now);
    assert_eq!(
        (status.retention_override, status.expiration_time),
        (Some(end(day(20))), Some(Time(day(20))))
    );
}

#[test]
fn row_a22_unset_soft_delete_leaves_fourteen_days_and_never_fewer_than_were_pledged() {
    let now = day(5);
    let mut scene = Scene::all_shown([point(1), point(2)]);
    scene.request_deletion(1);
    let purge = |scene: &Scene| scene.asked(now)[0].removal.clone().unwrap().purge;
    assert_eq!(purge(&scene), Some(day(19)), "as an instance that is deleted");
    scene.pledges.soft_delete_days = Some(40);
    assert_eq!(purge(&scene), Some(day(45)));
    let scene = scene.without_soft_delete();
    assert_eq!(purge(&scene), Some(day(45)), "the spec takes no pledge back");
}

#[test]
fn an_earlier_end_does_not_go_round_the_vaults_soft_delete() {
    let mut scene = Scene::all_shown([point(1), point(2)]).soft_deleting();
    let now = day(10);
    scene.request_end(1, day(12));
    assert_eq!(scene.asked(now), []);
    is_reason(
        scene.blocked(1, ConditionType::OverrideBlocked, now),
        Reason::OverrideOutsideVault,
        "deletionRequest",
    );
    scene.request_end(1, day(32));
    assert_eq!(scene.asked(now).len(), 1, "it is later than what was stamped");
}

#[test]
fn row_e20_another_end_that_the_ledger_has_lost_is_asked_for_again_before_the_point_goes() {
    let now = day(40);
    let mut scene = Scene::all_shown([point(1), point(2)]);
    scene.request_end(1, day(60));
    let both = AnsweredRequests { deletion_request: None, retention_override: Some(end(day(60))) };
    scene.object(1).status.as_mut().unwrap().answered = Some(both);
    // Storage is older than the status, and somebody has accepted that.
    assert_eq!(ids(&scene.expiry(now)), ["1"], "by what is in the ledger");
    assert_eq!(ids(&due(&scene.facts(), now)), [""; 0]);
    assert_eq!(scene.asked(now)[0].another_end.as_ref().map(|end| end.until), Some(day(60)));
    let refused = Answer { override_refused: Some("no answer".into()), ..Answer::default() };
    scene.answers.insert("1".into(), refused);
    assert_eq!(ids(&due(&scene.facts(), now)), [""; 0], "nor while the keeper cannot be asked");
    scene.answers.clear();
    let overridden = Some(Override { until: day(60), reason: "an audit".into() });
    let moved = PointView { overridden, expiration_time: Some(day(60)), ..point(1) };
    scene.catalogue.points.insert(point(1).id, moved);
    assert_eq!(scene.asked(now), [], "the ledger has it again");
    assert_eq!(ids(&due(&scene.facts(), day(61))), ["1"], "and then it goes");
    // What the vault does not allow keeps nothing.
    let mut scene = Scene::all_shown([point(1), point(2)]);
    scene.request_end(1, day(9999));
    assert_eq!(ids(&due(&scene.facts(), now)), ["1"]);
}

#[test]
fn another_end_takes_a_removal_back_and_does_not_outrun_it() {
    let now = day(10);
    let mut scene = Scene::all_shown([removed(1, day(35)), point(2)]).soft_deleting();
    for early in [day(9), day(12), day(34)] {
        scene.request_end(1, early);
        assert_eq!(scene.asked(now), [], "{early} is before the removal's own end");
        let blocked = scene.blocked(1, ConditionType::OverrideBlocked, now);
        is_reason(blocked, Reason::OverrideOutsideVault, &day(35).to_string());
    }
    for late in [day(35), day(50)] {
        scene.request_end(1, late);
        assert_eq!(scene.asked(now).len(), 1, "{late}");
    }
    // Both at once: the removal is asked for, and the end that would outrun it is not.
    let mut scene = Scene::all_shown([point(1), point(2)]).soft_deleting();
    scene.request_deletion(1);
    scene.request_end(1, day(9));
    let asked = scene.asked(now);
    assert_eq!(
        (asked[0].removal.as_ref().and_then(|asked| asked.purge), &asked[0].another_end),
        (Some(day(40)), &None)
    );
}

#[test]
fn an_object_that_is_not_the_view_of_its_point_is_not_listened_to() {
    let now = day(5);
    let mut scene = Scene::all_shown([point(1), point(2)]);
    scene.request_deletion(1);
    scene.object(1).metadata.namespace = Some("stranger".into());
    assert_eq!(scene.asked(now), [], "another namespace");
    scene.object(1).metadata.namespace = Some("shop".into());
    scene.object(1).metadata.name = Some("mine".into());
    assert_eq!(scene.asked(now), [], "another name");
    let gone = PointView { state: PointState::Expired, ..point(1) };
    let mut scene = Scene::all_shown([point(1), point(2)]);
    scene.request_deletion(1);
    scene.catalogue.points.insert(gone.id.clone(), gone);
    assert_eq!(scene.asked(now), [], "it is gone");
}

#[test]
fn a_request_in_the_spec_neither_replaces_nor_removes_the_object() {
    let mut scene = Scene::all_shown([point(1), point(2)]);
    scene.request_deletion(1);
    let changes = scene.changes();
    assert_eq!((changes.create.len(), changes.remove.len()), (0, 0));
}

#[test]
fn points_with_another_end_or_a_request_are_shown_beyond_the_window() {
    let shown = |scene: &Scene| -> Vec<String> {
        let objects = scene.changes().create;
        let mut ids: Vec<String> = objects
            .iter()
            .map(|(object, _)| object.spec.point_id.trim_start_matches('0').to_owned())
            .collect();
        ids.sort();
        ids
    };
    let mut moved = point(1);
    moved.overridden = Some(Override { until: day(50), reason: "an audit".into() });
    let scene = Scene::new().with([moved, removed(2, day(35)), point(3), point(4), point(5)]);
    assert_eq!(shown(&scene), ["1", "2", "4", "5"]);

    let mut scene = Scene::all_shown([point(1), point(2), point(3)]);
    scene.vault.spec.recovery_point_window = 1;
    scene.request_deletion(1);
    let hidden: Vec<String> =
        scene.changes().remove.iter().map(|object| object.spec.point_id.clone()).collect();
    assert_eq!(hidden, [point(2).id.0], "the one with a request stays, and the newest");
}

#[test]
fn points_of_a_time_that_the_instance_names_are_shown_up_to_a_bound() {
    let mut scene = Scene::new().with((1..=300).map(point));
    scene.ranges.insert("i1".into(), Range::parse("2026-01-02/2026-01-05").unwrap());
    let ids = |scene: &Scene| -> BTreeSet<String> {
        scene.changes().create.iter().map(|(object, _)| object.spec.point_id.clone()).collect()
    };
    let expected: BTreeSet<String> = [1, 2, 3, 4, 299, 300].map(|number| point(number).id.0).into();
    assert_eq!(ids(&scene), expected);
    scene.ranges.insert("i1".into(), Range::parse("2026-01-01/2027-01-01").unwrap());
    assert_eq!(ids(&scene).len(), MOST + 2);
    scene.instances.clear();
    assert_eq!(ids(&scene).len(), 2, "nobody asks any more");
}

#[test]
fn a_removed_point_goes_when_its_time_is_over_whatever_becomes_of_its_instance() {
    let due = |scene: &Scene, at| {
        let mut expiry = scene.expiry(at);
        removed::add_due(&scene.facts(), at, &mut expiry);
        expiry
    };
    let mut scene = Scene::new().with([removed(1, day(20)), point(2)]);
    scene.instances.clear();
    let before = due(&scene, day(19));
    assert_eq!((ids(&before).len(), before.next), (0, Some(day(20))));
    let after = due(&scene, day(20));
    assert_eq!(ids(&after), ["1"]);
    assert!(after.tombstones[0].1.reason.contains("a subject's right"));
    scene.in_use.insert(point(1).id);
    assert!(ids(&due(&scene, day(20))).is_empty(), "it is being read");
    scene.in_use.clear();
    scene.clock_skewed = true;
    assert!(ids(&due(&scene, day(20))).is_empty(), "nobody knows the time");
    // With its instance it is asked for once.
    let scene = Scene::new().with([removed(1, day(20)), point(2)]);
    assert_eq!(ids(&due(&scene, day(21))), ["1"]);
    let mut waiting = removed(1, day(20));
    waiting.expiration_time = None;
    assert!(
        ids(&due(&Scene::new().with([waiting, point(2)]), day(40))).is_empty(),
        "its owner is to be resumed"
    );
}
