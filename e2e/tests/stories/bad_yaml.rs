//! Objects that nobody should write: the API server refuses them in words that help, or a condition says what is wrong and
//! what to do. None of them troubles the operator.

#[path = "../../../crds/tests/support/case.rs"]
mod case;
mod operator;
mod refusal;
mod told;

use e2e::source;
use e2e::world::{KubectlError, TemporaryNamespace};

use crate::scene::setting;
use case::{Case, Expected, cases};
use operator::Calm;
use refusal::Refusal;

/// Who the operator is to the API server.
const OPERATOR: &str = "system:serviceaccount:coffer-system:coffer";

#[test]
fn what_is_invalid_is_refused_at_its_field_with_its_message() {
    let calm = Calm::begin();
    let namespace = TemporaryNamespace::create(&setting().kubectl, "bad").expect("a namespace");
    let changed: Vec<Case> = crd_cases("invalid").into_iter().filter(|case| case.update).collect();
    let mut wrong = Vec::new();
    for case in crd_cases("valid") {
        // What a case changes has to be there; the rest is only shown to the API server.
        let stays = changed.iter().any(|other| other.identity.as_str() == case.identity.as_str());
        wrong.extend(accepted(&case, namespace.name(), stays).err());
    }
    let (mut refused, mut taken) = (0, 0);
    for case in crd_cases("invalid") {
        let verb = if case.update { "replace" } else { "create" };
        let answer = send(&[verb], &case.manifest, namespace.name());
        match (&case.expected, answer) {
            (Expected::Refused { at, with }, Err(error)) => {
                refused += 1;
                wrong.extend(
                    Refusal { at, with }.objection(&error.to_string()).map(|why| told_of(&case, &why)),
                );
            }
            (Expected::Refused { at, .. }, Ok(_)) => {
                wrong.push(told_of(&case, &format!("was accepted, and should be refused at {at}")));
            }
            (Expected::Condition { .. }, Ok(_)) => taken += 1,
            (Expected::Condition { .. } | Expected::Accepted, answer) => {
                wrong.push(told_of(&case, &format!("is for the operator to judge: {answer:?}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    println!(
        "the API server refused {refused} invalid objects, and took {taken} that only the operator can judge"
    );
    assert!(refused >= 200, "only {refused} invalid objects were tried");
    calm.check();
}

/// What the API server may not refuse is accepted, from those who may write it.
fn accepted(case: &Case, namespace: &str, stays: bool) -> Result<(), String> {
    let mut create = vec!["create"];
    if !stays {
        create.push("--dry-run=server");
    }
    if let Some(with) = &case.for_people {
        match send(&create, &case.manifest, namespace) {
            Err(error) if error.to_string().contains(with) => {}
            answer => return Err(told_of(case, &format!("people should read {with:?}: {answer:?}"))),
        }
        create.extend(["--as", OPERATOR]);
    }
    send(&create, &case.manifest, namespace).map(|_| ()).map_err(|error| told_of(case, &error.to_string()))
}

/// The cases of the kinds' own tests, where they are judged without a cluster.
fn crd_cases(folder: &str) -> Vec<Case> {
    cases(&source::root().join("crds/tests").join(folder))
}

/// The cases that take a database, a storage or a Secret.
fn own_cases() -> Vec<Case> {
    cases(&source::root().join("e2e/tests/stories/bad_yaml/cases"))
}

fn send(verb: &[&str], manifest: &str, namespace: &str) -> Result<String, KubectlError> {
    let line = [verb, &["-n", namespace, "-f", "-"]].concat();
    setting().kubectl.run_with_input(&line, Some(manifest))
}

fn told_of(case: &Case, what: &str) -> String {
    format!("{}: {} ({}): {what}", case.file, case.identity.as_str(), case.why)
}
