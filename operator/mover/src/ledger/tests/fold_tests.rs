//! The fold over any promises in any order.

use contract::{Decision, Life, Owner, Pledges, Remains, SourceServer, Trigger};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::format::{AcceptedPoint, Damage};

fn time(days: u8) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * i64::from(days))
}

fn owner(number: u8) -> Owner {
    let uid = number.to_string();
    Owner::Instance {
        cluster_id: "c".into(),
        namespace: "n".into(),
        namespace_uid: "nu".into(),
        instance: "i".into(),
        instance_uid: uid,
        datasource_id: "1/app".into(),
    }
}

fn accepted(number: u8, of: u8) -> Promise {
    let source = SourceServer {
        server_version: "15".into(),
        system_identifier: None,
        size_bytes: 1,
        standby: false,
        role: None,
        program: None,
    };
    let decision = Decision {
        tag: "daily".into(),
        keep: None,
        time_zone: "UTC".into(),
        reason: "r".into(),
        keep_at_least: 1,
        policy: None,
        trigger: Trigger::Cli,
    };
    let point = AcceptedPoint {
        id: Id([number; 16]),
        run: RunId(number.to_string()),
        writer: Id([number; 16]),
        record_hash: Hash::NONE,
        owner: owner(of),
        decision,
        point_time: time(number),
        commit_time: time(number),
        expiration_time: number.is_multiple_of(2).then(|| time(number)),
        deadline: time(number),
        source,
        data_stores: Vec::new(),
        stored_bytes: 1,
        objects: 1,
        coverage: Vec::new(),
        warnings: Vec::new(),
    };
    Promise::Accepted { point: Box::new(point) }
}

fn life() -> impl Strategy<Value = Life> {
    let remains = prop_oneof![
        Just(Remains::Kept),
        Just(Remains::AsStamped),
        any::<u8>().prop_map(|at| Remains::Purged { at: time(at) }),
    ];
    prop_oneof![
        Just(Life::Active),
        Just(Life::Released),
        Just(Life::ResumeRequired { record: "r".into() }),
        remains.prop_map(|points| Life::Deleted { time: time(1), points, reason: "r".into() }),
    ]
}

fn promise() -> impl Strategy<Value = Promise> {
    let (point, who) = (0..6u8, 0..4u8);
    let reason = || "r".to_owned();
    prop_oneof![
        (point.clone(), who.clone()).prop_map(|(point, of)| accepted(point, of)),
        (who.clone(), "[a-z]{0,3}").prop_map(|(who, spec)| Promise::Claimed { owner: owner(who), spec }),
        (who.clone(), life()).prop_map(|(who, life)| Promise::Owner { owner: owner(who), life }),
        (who.clone(), who.clone())
            .prop_map(|(from, to)| Promise::Adopted { from: owner(from), to: owner(to) }),
        who.prop_map(|who| Promise::Released { owner: owner(who) }),
        (point.clone(), any::<u8>()).prop_map(move |(point, until)| Promise::Override {
            point: Id([point; 16]),
            until: time(until),
            reason: reason(),
        }),
        (point.clone(), any::<u8>()).prop_map(move |(point, purge)| Promise::Removed {
            point: Id([point; 16]),
            purge: time(purge),
            reason: reason(),
        }),
        (point.clone(), any::<bool>()).prop_map(|(point, is_damaged)| {
            let damage = is_damaged.then(|| Damage { object: "o".into(), message: "m".into() });
            Promise::Verified { point: Id([point; 16]), level: 2, damage }
        }),
        point.prop_map(move |point| Promise::Tombstone { point: Id([point; 16]), reason: reason() }),
        proptest::option::of(any::<u16>())
            .prop_map(|days| Promise::Pledged { pledges: Pledges { soft_delete_days: days } }),
    ]
}

/// What the promises come to, read back from JSON as a custodian would.
fn folded(promises: &[Promise]) -> State {
    let genesis = Promise::Genesis {
        vault: VAULT,
        fingerprint: "abcd".into(),
        recipients: Vec::new(),
        tool: "test".into(),
    };
    let mut state = State::empty();
    for (sequence, promise) in (1..).zip([&genesis].into_iter().chain(promises)) {
        let text = serde_json::to_string(promise).unwrap();
        let read: Promise = serde_json::from_str(&text).unwrap();
        assert_eq!(read, *promise);
        state.fold(sequence, time(9), &read);
        state.head.sequence = sequence;
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_folded_is_what_is_stored_and_read_again(promises in proptest::collection::vec(promise(), 0..40)) {
        let state = folded(&promises);
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(time(9));
        let place = Place {
            store: Arc::new(FilesystemStore::open(directory.path(), &clock).unwrap()),
            vault: VAULT,
            key: CatalogueKey::from_bytes(&[1; 32]).ledger_key(VAULT),
            writer: Id([1; 16]),
            clock,
        };
        let again = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let sealed = stored_state::seal(&place, &state).unwrap();
            place.store.create(&Name::ledger_state(state.head.sequence), sealed).await.unwrap();
            stored_state::read(&place, state.head.sequence).await.unwrap()
        });
        prop_assert_eq!(format!("{again:?}"), format!("{state:?}"));
    }

    #[test]
    fn every_point_has_one_owner_whose_heirs_come_to_an_end(promises in proptest::collection::vec(promise(), 0..60)) {
        let state = folded(&promises);
        let mut owners: Vec<Owner> = (0..4).map(owner).collect();
        owners.retain(|owner| state.owner(owner).is_none_or(|known| known.adopted_by.is_none()));
        prop_assert!(!owners.is_empty(), "somebody is nobody's predecessor");
        let whole = state.points().filter(|point| point.tombstoned.is_none()).count();
        let shared: usize = owners.iter().map(|owner| state.points_of(owner).len()).sum();
        prop_assert_eq!(shared, whole);
        for point in state.points() {
            prop_assert!(owners.contains(state.owner_of(point)));
            let stands_still = matches!(state.life_of(point), Some(Life::ResumeRequired { .. }));
            prop_assert!(!stands_still || state.end_of(point).is_none());
            if point.tombstoned.is_some() || point.removal.is_some() {
                prop_assert!(!point.is_good());
            }
        }
    }

    #[test]
    fn pledges_only_grow(promises in proptest::collection::vec(promise(), 0..20), more in promise()) {
        let before = folded(&promises).pledges();
        let after = folded(&[promises, vec![more]].concat()).pledges();
        prop_assert_eq!(after.strengthened_by(before), after);
    }
}
