//! What is told to go next is what then goes, and nothing goes sooner.

use crds::common::NextExpiry;

use super::super::{preview, removed};
use super::*;

fn foretold(scene: &Scene) -> Option<NextExpiry> {
    preview::of_vault(&scene.facts())
}

/// How many the pass deletes at that time.
fn goes(scene: &Scene, at: Timestamp) -> usize {
    let mut expiry = scene.expiry(at);
    removed::add_due(&scene.facts(), at, &mut expiry);
    expiry.tombstones.len()
}

/// What is told, after it was held against what the passes then do.
fn told(scene: &Scene) -> Option<(Timestamp, i64)> {
    let next = foretold(scene).map(|next| (next.time.0, next.points));
    match next {
        Some((time, points)) => {
            assert_eq!(goes(scene, time), usize::try_from(points).expect("a count"), "at {time}");
            assert_eq!(goes(scene, time - SignedDuration::from_nanos(1)), 0, "before {time}");
        }
        None => assert_eq!(goes(scene, day(400)), 0),
    }
    next
}

fn with_protection(protection: &str, points: impl IntoIterator<Item = PointView>) -> Scene {
    let mut scene = Scene::new().with(points);
    scene.instances = vec![Arc::new(instance(protection))];
    scene
}

/// A point that somebody asked to remove, and that goes on this day.
fn removed_on(number: i64, at: Timestamp) -> PointView {
    let removal = contract::Removal { purge: at, reason: "gdpr".into() };
    PointView {
        state: PointState::SoftDeleted,
        removal: Some(removal),
        expiration_time: Some(at),
        ..point(number)
    }
}

#[test]
fn the_first_end_at_which_something_goes_is_told_with_how_many() {
    assert_eq!(told(&Scene::new()), None, "there are no points");
    assert_eq!(told(&Scene::new().with([point(1)])), None, "the newest good one stays");
    assert_eq!(told(&Scene::new().with([point(1), point(2), point(3)])), Some((day(31), 1)));
    let twin = PointView { expiration_time: point(1).expiration_time, ..point(2) };
    assert_eq!(told(&Scene::new().with([point(1), twin, point(3)])), Some((day(31), 2)));
    let mut damaged = point(3);
    damaged.state = PointState::Damaged;
    assert_eq!(told(&Scene::new().with([point(2), damaged])), Some((day(33), 1)), "the good one stays");
}

#[test]
fn a_policy_that_keeps_more_puts_it_off() {
    let mut scene = Scene::new().with([point(1), point(2), point(3)]);
    let mut keeping = instance("Enabled");
    let policy = serde_json::json!({"policySnapshot": {"name": "daily", "version": 2, "spec": {
        "rules": [], "retention": [], "keepAtLeast": 3}}});
    keeping.status = Some(serde_json::from_value(policy).expect("a status"));
    scene.instances = vec![Arc::new(keeping)];
    assert_eq!(told(&scene), None);
    scene = scene.with([point(1), point(2), point(3), point(4)]);
    assert_eq!(told(&scene), Some((day(31), 1)), "a newer one makes room");
}

#[test]
fn what_rests_is_not_foretold_but_what_was_asked_to_go_is() {
    let points = || [point(1), point(2), point(3)];
    assert_eq!(told(&with_protection("Suspended", points())), Some((day(31), 1)));
    assert_eq!(told(&with_protection("Stopped", points())), None);
    let removed = || [point(1), removed_on(2, day(16)), point(3)];
    assert_eq!(told(&with_protection("Stopped", removed())), Some((day(16), 1)));
    assert_eq!(told(&with_protection("Enabled", removed())), Some((day(16), 1)));
    let mut resumed = instance("Enabled");
    let status = serde_json::json!({"retentionResumeTime": day(101).to_string()});
    resumed.status = Some(serde_json::from_value(status).expect("a status"));
    let mut scene = Scene::new().with(points());
    scene.instances = vec![Arc::new(resumed)];
    assert_eq!(told(&scene), Some((day(101), 2)), "all that has come to its end by then");
}

#[test]
fn points_of_deleted_instances_are_foretold_as_the_ledger_says() {
    assert_eq!(told(&gone(Remains::Kept)), None);
    assert_eq!(told(&gone(Remains::AsStamped)), Some((day(31), 1)));
    assert_eq!(told(&gone(Remains::Purged { at: day(19) })), Some((day(19), 3)));
    let mut unheard = gone(Remains::Kept);
    unheard.catalogue.owners.clear();
    assert_eq!(told(&unheard), None, "nobody has told its end yet");
}

#[test]
fn an_instance_tells_the_same_of_itself_as_its_vault_does() {
    use crds::instance::Protection;
    let points = [point(1), point(2), removed_on(3, day(33)), point(4)];
    for (word, protection) in [
        ("Enabled", Protection::Enabled),
        ("Suspended", Protection::Suspended),
        ("Stopped", Protection::Stopped),
    ] {
        let of_vault = foretold(&with_protection(word, points.clone()));
        assert_eq!(preview::of_instance(&points, 1, protection, None), of_vault, "{word}");
        assert!(of_vault.is_some(), "{word}");
    }
}

#[test]
fn a_look_at_another_time_tells_the_same() {
    let mut scene = Scene::new().with([point(1), point(2), point(3)]);
    let first = foretold(&scene);
    // Nothing could be deleted for a year: what was due stays told.
    scene.clock_skewed = true;
    scene.in_use.insert(point(1).id);
    assert_eq!(foretold(&scene), first);
}
