//! Whether the operator stays calm: no restart, no panic.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::scene::setting;

const NAMESPACE: &str = "coffer-system";
const SELECTOR: &str = "app.kubernetes.io/name=coffer,app.kubernetes.io/component=operator";

/// The operator's pods as they were before anybody bothered them, and how often each had been started again.
pub struct Calm {
    pods: BTreeMap<String, i64>,
}

impl Calm {
    pub fn begin() -> Self {
        let pods: BTreeMap<String, i64> =
            pods().iter().filter_map(|pod| Some((name(pod)?, restarts(pod)))).collect();
        assert!(!pods.is_empty(), "no pod of the operator runs");
        Self { pods }
    }

    /// The same pods run, none was started again, and none has panicked.
    pub fn check(self) {
        let mut lines = 0;
        for pod in pods() {
            let name = name(&pod).expect("a pod has a name");
            let before = self.pods.get(&name);
            assert!(before.is_some(), "pod {name} has taken the place of one of {:?}", self.pods);
            assert_eq!(before, Some(&restarts(&pod)), "pod {name} was started again");
            let log = setting().kubectl.run(&["logs", &name, "-n", NAMESPACE, "--tail=-1"]).expect("its log");
            lines += log.lines().count();
            let panics: Vec<&str> = log.lines().filter(|line| line.contains("panicked")).collect();
            assert!(panics.is_empty(), "pod {name}: {panics:?}");
        }
        // One of them only stands by, and may have had nothing to say.
        assert!(lines > 0, "no pod of the operator has logged anything");
    }
}

/// No keeper of the namespace has panicked or was started again, whatever its vault was given.
pub fn keepers_are_calm(namespace: &str) {
    let kubectl = &setting().kubectl;
    let pods = kubectl.list("pods", namespace).expect("pods are listed");
    let keepers: Vec<&Value> =
        pods.iter().filter(|pod| pod["metadata"]["labels"]["coffer.dev/role"] == "keeper").collect();
    assert!(!keepers.is_empty(), "no keeper runs in {namespace}");
    for pod in keepers {
        let name = name(pod).expect("a pod has a name");
        let restarts = &pod["status"]["containerStatuses"][0]["restartCount"];
        assert!(restarts.as_i64().unwrap_or(0) == 0, "keeper {name} was started again: {restarts}");
        // One that still waits for its volume has no log.
        let log = kubectl.run(&["logs", &name, "-n", namespace, "--tail=-1"]).unwrap_or_default();
        assert!(!log.contains("panicked"), "keeper {name}: {log}");
    }
}

fn restarts(pod: &Value) -> i64 {
    let containers = pod["status"]["containerStatuses"].as_array().expect("a pod that runs has containers");
    containers.iter().filter_map(|container| container["restartCount"].as_i64()).sum()
}

/// Those that are not about to go.
fn pods() -> Vec<Value> {
    let line = ["get", "pods", "-n", NAMESPACE, "-l", SELECTOR, "-o", "json"];
    let text = setting().kubectl.run(&line).expect("the operator's pods are listed");
    let list: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
    let pods = list["items"].as_array().cloned().unwrap_or_default();
    pods.into_iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect()
}

fn name(pod: &Value) -> Option<String> {
    pod["metadata"]["name"].as_str().map(str::to_owned)
}
