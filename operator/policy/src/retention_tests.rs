//! Tests of [`super`]: sentences about single points, and thousands of random histories against a naive model.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const NOW: Timestamp = Timestamp::constant(2_000_000_000, 0);

fn minutes_before_now(minutes: i64) -> Timestamp {
    Timestamp::from_second(NOW.as_second() - minutes * 60).unwrap()
}

fn good(id: u32, age: i64) -> Point<u32> {
    Point {
        id,
        time: minutes_before_now(age),
        expires: Some(minutes_before_now(0)),
        good: true,
        exempt: None,
    }
}

fn terms(keep_at_least: u32) -> Terms {
    Terms { keep_at_least, protection: Protection::Enabled, clock_skewed: false }
}

#[test]
fn a_point_expires_at_the_instant_of_its_expiry_and_not_a_second_before() {
    let mut points = vec![good(1, 10), good(2, 1)];
    points[0].expires = Some(minutes_before_now(-1));
    assert_eq!(judge(&points, terms(1), NOW)[0], Verdict::Current { until: minutes_before_now(-1) });
    points[0].expires = Some(NOW);
    assert_eq!(judge(&points, terms(1), NOW)[0], Verdict::Delete);
    points[0].expires = None;
    assert_eq!(judge(&points, terms(1), NOW)[0], Verdict::NeverExpires);
}

#[test]
fn the_floor_keeps_the_newest_good_points_whatever_has_expired() {
    let points = vec![good(1, 30), good(2, 20), good(3, 10)];
    let floor = Verdict::HeldBack(Reason::Floor);
    assert_eq!(judge(&points, terms(2), NOW), [Verdict::Delete, floor, floor]);
    assert_eq!(judge(&points, terms(9), NOW), [floor, floor, floor]);
}

#[test]
fn a_damaged_point_is_no_part_of_the_floor_and_expires_as_stamped() {
    let mut points = vec![good(1, 30), good(2, 20), good(3, 10)];
    points[2].good = false;
    let floor = Verdict::HeldBack(Reason::Floor);
    assert_eq!(judge(&points, terms(2), NOW), [floor, floor, Verdict::Delete]);
}

#[test]
fn sixty_days_of_failures_do_not_cost_the_last_good_point() {
    let mut points = vec![good(0, 60 * 24 * 60)];
    points.extend((1..60).map(|day| Point { good: false, ..good(day, i64::from(60 - day) * 24 * 60) }));
    let verdicts = judge(&points, terms(1), NOW);
    assert_eq!(verdicts[0], Verdict::HeldBack(Reason::Floor));
    assert!(verdicts[1..].iter().all(|verdict| *verdict == Verdict::Delete));
}

#[test]
fn a_point_from_the_future_pushes_no_honest_one_out_of_the_floor() {
    let points = vec![good(1, 30), good(2, -60)];
    assert_eq!(judge(&points, terms(1), NOW)[0], Verdict::HeldBack(Reason::Floor));
}

#[test]
fn a_point_of_another_owner_is_never_touched_and_never_counted() {
    let mut points = vec![good(1, 30), good(2, 20)];
    points[1].exempt = Some(Exempt::OtherOwner);
    let kept = Verdict::HeldBack(Reason::Exempt(Exempt::OtherOwner));
    assert_eq!(judge(&points, terms(1), NOW), [Verdict::HeldBack(Reason::Floor), kept]);
}

#[test]
fn a_held_or_used_point_stays_and_still_counts() {
    for exempt in [Exempt::LegalHold, Exempt::InUse] {
        let mut points = vec![good(1, 30), good(2, 20)];
        points[1].exempt = Some(exempt);
        assert_eq!(
            judge(&points, terms(1), NOW),
            [Verdict::Delete, Verdict::HeldBack(Reason::Exempt(exempt))]
        );
    }
}

#[test]
fn suspended_keeps_the_newest_point_even_with_no_floor_and_none_good() {
    let suspended = Terms { protection: Protection::Suspended, ..terms(0) };
    let kept = Verdict::HeldBack(Reason::NewestOfSuspended);
    let mut points = vec![good(1, 30), good(2, 20), good(3, 10)];
    assert_eq!(judge(&points, suspended, NOW), [Verdict::Delete, Verdict::Delete, kept]);
    points[2].good = false;
    assert_eq!(judge(&points, suspended, NOW), [Verdict::Delete, kept, Verdict::Delete]);
    points.iter_mut().for_each(|point| point.good = false);
    assert_eq!(judge(&points, suspended, NOW), [Verdict::Delete, Verdict::Delete, kept]);
}

#[test]
fn stopped_expires_nothing() {
    let stopped = Terms { protection: Protection::Stopped, ..terms(1) };
    let points = vec![good(1, 30), good(2, 20)];
    assert_eq!(judge(&points, stopped, NOW), [Verdict::HeldBack(Reason::Stopped); 2]);
}

#[test]
fn clocks_that_differ_delete_nothing() {
    let skewed = Terms { clock_skewed: true, ..terms(1) };
    let points = vec![good(1, 30), good(2, 20)];
    let expected = [Verdict::HeldBack(Reason::ClockSkewed), Verdict::HeldBack(Reason::Floor)];
    assert_eq!(judge(&points, skewed, NOW), expected);
}

#[test]
fn of_points_of_one_instant_the_greater_id_is_the_newer() {
    let points = vec![good(7, 10), good(9, 10), good(8, 10)];
    let floor = Verdict::HeldBack(Reason::Floor);
    assert_eq!(judge(&points, terms(1), NOW), [Verdict::Delete, floor, Verdict::Delete]);
}

#[test]
fn every_reason_says_why_in_a_sentence_of_its_own() {
    let reasons = [
        Reason::Exempt(Exempt::LegalHold),
        Reason::Exempt(Exempt::InUse),
        Reason::Exempt(Exempt::OtherOwner),
        Reason::Stopped,
        Reason::Floor,
        Reason::NewestOfSuspended,
        Reason::ClockSkewed,
    ];
    let sentences: BTreeSet<&str> = reasons.map(Reason::sentence).into();
    assert_eq!(sentences.len(), reasons.len());
}

/// The naive model: for each point, count the good ones that are newer by looking at every other.
fn may_delete(points: &[Point<u32>], terms: Terms, now: Timestamp, index: usize) -> bool {
    let point = &points[index];
    let ours = |p: &Point<u32>| p.exempt != Some(Exempt::OtherOwner);
    let newer = |p: &Point<u32>, q: &Point<u32>| p.time > q.time || (p.time == q.time && p.id > q.id);
    let countable = |p: &Point<u32>| ours(p) && p.good && p.time <= now;
    let newer_good = points.iter().filter(|p| countable(p) && newer(p, point)).count();
    if terms.clock_skewed || terms.protection == Protection::Stopped || point.exempt.is_some() {
        return false;
    }
    if point.expires.is_none_or(|until| until > now) {
        return false;
    }
    if countable(point) && newer_good < terms.keep_at_least as usize {
        return false;
    }
    if terms.protection == Protection::Suspended {
        let any_good = points.iter().any(countable);
        let nothing_newer = !points.iter().any(|p| ours(p) && newer(p, point));
        let is_newest = if any_good { countable(point) && newer_good == 0 } else { nothing_newer };
        return !is_newest;
    }
    true
}

fn any_point() -> impl Strategy<Value = Point<u32>> {
    let exempt = prop_oneof![
        8 => Just(None),
        1 => Just(Some(Exempt::LegalHold)),
        1 => Just(Some(Exempt::InUse)),
        1 => Just(Some(Exempt::OtherOwner)),
    ];
    // Few different times, so that equal ones are common; some are still to come.
    (-3_i64..12, prop::option::weighted(0.9, -4_i64..12), any::<bool>(), exempt).prop_map(
        |(age, expired_for, good, exempt)| Point {
            id: 0,
            time: minutes_before_now(age),
            expires: expired_for.map(minutes_before_now),
            good,
            exempt,
        },
    )
}

fn any_history() -> impl Strategy<Value = (Vec<Point<u32>>, Terms)> {
    let protection = prop_oneof![3 => Just(Protection::Enabled), 2 => Just(Protection::Suspended), 1 => Just(Protection::Stopped)];
    let terms = (0_u32..5, protection, prop::bool::weighted(0.1)).prop_map(
        |(keep_at_least, protection, clock_skewed)| Terms { keep_at_least, protection, clock_skewed },
    );
    let points = prop::collection::vec(any_point(), 0..10).prop_map(|mut points| {
        (1..).zip(&mut points).for_each(|(id, point)| point.id = id);
        points
    });
    (points.prop_shuffle(), terms)
}

fn agrees_with_the_naive_model(histories: u32) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(histories) });
    let outcome = runner.run(&any_history(), |(points, terms)| {
        let verdicts = judge(&points, terms, NOW);
        let deleted: Vec<bool> = verdicts.iter().map(|verdict| *verdict == Verdict::Delete).collect();
        let expected: Vec<bool> =
            (0..points.len()).map(|index| may_delete(&points, terms, NOW, index)).collect();
        prop_assert_eq!(&deleted, &expected);
        floor_holds_while_deleting(points, terms, &deleted)
    });
    outcome.unwrap();
}

/// Deleting one after another, in any order and with every verdict asked anew, ends at the same set, and never
/// takes good points below the floor.
fn floor_holds_while_deleting(
    points: Vec<Point<u32>>,
    terms: Terms,
    deleted: &[bool],
) -> Result<(), TestCaseError> {
    let good = |points: &[Point<u32>]| points.iter().filter(|point| counts(point, NOW)).count();
    let floor = good(&points).min(terms.keep_at_least as usize);
    let survivors: Vec<u32> =
        points.iter().zip(deleted).filter(|(_, gone)| !**gone).map(|(point, _)| point.id).collect();
    let mut left = points;
    while let Some(next) = judge(&left, terms, NOW).iter().position(|verdict| *verdict == Verdict::Delete) {
        left.remove(next);
        prop_assert!(good(&left) >= floor);
    }
    prop_assert_eq!(left.iter().map(|point| point.id).collect::<Vec<_>>(), survivors);
    Ok(())
}

#[test]
fn ten_thousand_random_histories_agree_with_the_naive_model() {
    agrees_with_the_naive_model(10_000);
}

#[test]
#[ignore = "long: the full gate runs it"]
fn a_million_random_histories_agree_with_the_naive_model() {
    agrees_with_the_naive_model(1_000_000);
}
