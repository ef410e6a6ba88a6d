//! What a person is told when the cluster does not do what was asked.

use super::*;
use crate::command::plugin::cluster::ClusterOptions;

#[tokio::test]
async fn each_refusal_is_one_sentence_and_one_thing_to_do() {
    let forbidden = "backupjobs.coffer.dev is forbidden: User \"jane\" cannot create resource \"backupjobs\"";
    let denied = "backupjobs.coffer.dev \"now\" is forbidden: ValidatingAdmissionPolicy 'coffer-slots' with binding \
                  'coffer-slots' denied request: only the operator makes jobs of slots";
    let quota = "backupjobs.coffer.dev \"now\" is forbidden: exceeded quota: jobs";
    for (call, code, message, exit, told) in [
        (
            "POST backupjobs",
            403,
            forbidden,
            Exit::Credentials,
            "error: you may not create backupjobs.coffer.dev in namespace shop\nhint: ClusterRole coffer-edit has that right; \
          somebody who may grant it runs `kubectl create rolebinding NAME -n shop --clusterrole=coffer-edit --user=YOU`",
        ),
        (
            "GET backupinstances",
            403,
            "no",
            Exit::Credentials,
            "error: you may not get backupinstances.coffer.dev in namespace shop\nhint: ClusterRole coffer-view has that right; \
          somebody who may grant it runs `kubectl create rolebinding NAME -n shop --clusterrole=coffer-view --user=YOU`",
        ),
        (
            "POST backupjobs",
            422,
            denied,
            Exit::Usage,
            "error: the API server refused to create backupjobs.coffer.dev in namespace shop: only the operator makes jobs of slots",
        ),
        (
            "POST backupjobs",
            403,
            quota,
            Exit::Usage,
            "error: the API server refused to create backupjobs.coffer.dev in namespace shop: backupjobs.coffer.dev \"now\" is \
          forbidden: exceeded quota: jobs",
        ),
        (
            "GET backupinstances",
            404,
            "404 page not found",
            Exit::Failed,
            "error: the cluster has no backupinstances.coffer.dev: Coffer's definitions are not installed, or another version of \
          them\nhint: install Coffer's chart, or `kubectl apply --server-side -k config/crd`, or choose another cluster with \
          --context",
        ),
        (
            "GET backupinstances",
            401,
            "no",
            Exit::Credentials,
            "error: the API server https://cluster.test does not know who you are\nhint: log in again: the kubeconfig's token or \
          certificate is refused",
        ),
    ] {
        let desk = Desk::with(&orders());
        desk.server.refuse_with(call, code, "no", message);
        let ran = desk.run("backup orders --name now").await;
        assert_eq!((ran.exit, ran.err.as_str()), (exit, told), "{call} {code}");
        assert_eq!(ran.out, "");
    }
}

#[tokio::test]
async fn what_is_not_there_is_named_with_where_to_look() {
    let ran = Desk::with(&orders()).run("status order").await;
    assert_eq!(ran.exit, Exit::Failed);
    assert_eq!(
        ran.err,
        "error: there is no BackupInstance order in namespace shop\nhint: `kubectl get backupinstances -A` shows which \
         there are; choose a namespace with -n"
    );
    let ran = Desk::new().run("cancel nothing").await;
    assert!(
        ran.err.contains("there is no backup and no restore called nothing in namespace shop"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
                      contexts: [{name: here, context: {cluster: c, user: u, namespace: team}}]\n\
                      clusters: [{name: c, cluster: {server: \"http://127.0.0.1:1\"}}]\nusers: [{name: u, user: {}}]\n";
    std::fs::write(&path, kubeconfig).unwrap();
    let options = ClusterOptions { kubeconfig: Some(path.clone()), ..ClusterOptions::default() };
    let cluster = Cluster::connect(&options).await.unwrap();
    assert_eq!(cluster.namespace, "team", "the context's own");
    let line = CommandLine::try_parse_from(["kubectl-coffer", "status"]).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut screen = Screen { out: &mut out, err: &mut err, terminal: false };
    let problem = dispatch(&cluster, &line.command, &mut screen).await.unwrap_err();
    assert_eq!(problem.exit(), Exit::Unreachable);
    assert!(
        problem.told().starts_with("error: failed to reach the API server http://127.0.0.1:1"),
        "{}",
        problem.told()
    );
    let missing = ClusterOptions { context: Some("there".into()), ..options };
    let problem = Cluster::connect(&missing).await.err().unwrap();
    assert_eq!(problem.exit(), Exit::Usage);
    assert!(problem.told().contains("kubectl config view"), "{}", problem.told());
}

#[test]
fn options_of_kubectl_stand_before_and_after_the_command() {
    for line in ["-n lab status", "status -n lab", "status --namespace lab", "--namespace=lab status"] {
        let words = ["kubectl-coffer"].into_iter().chain(line.split_whitespace());
        let line = CommandLine::try_parse_from(words).unwrap();
        assert_eq!(line.cluster.namespace.as_deref(), Some("lab"));
    }
    for wrong in
        ["restore latest --as copy", "restore p --as c --host db", "status a -A", "backup a --timeout 5m"]
    {
        let words = ["kubectl-coffer"].into_iter().chain(wrong.split_whitespace());
        assert!(CommandLine::try_parse_from(words).is_err(), "{wrong}");
    }
}
