//! The cluster itself: that it runs pods as a real one does, that clusters do not disturb each other, and that nothing of
//! them is left behind. Needs root, and boots three clusters: `cargo test -p e2e --test cluster -- --ignored`.

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::cluster::{self, Cluster, Tools};
use e2e::image;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Outcome = Result<(), Box<dyn Error>>;

/// A web server of one page and a pod that asks this machine for another, both under the restricted profile.
const PODS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: web, labels: {app: web}}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: web
    image: coffer.local/busybox:1
    command: [sh, -c, "hostname > /tmp/index.html && exec httpd -f -p 8080 -h /tmp"]
    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    resources: {limits: {memory: 32Mi, cpu: 100m}}
    volumeMounts: [{name: tmp, mountPath: /tmp}]
  volumes: [{name: tmp, emptyDir: {}}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: ask, namespace: web}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: ask
        image: coffer.local/busybox:1
        command: [sh, -c, "until wget -qO- http://web.web.svc.cluster.local 2>/dev/null; do sleep 1; done; wget -qO- http://HOST/"]
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
"#;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "boots two clusters, as root"]
async fn two_clusters_run_side_by_side_and_leave_nothing() -> Outcome {
    let tools = Tools::ensure()?;
    let (left, right) = tokio::join!(Cluster::boot("test-left", &tools), Cluster::boot("test-right", &tools));
    let clusters = [left?, right?];

    let again = Cluster::boot("test-left", &tools).await;
    assert!(matches!(again, Err(cluster::Error::InUse(_))), "a held cluster was replaced");

    let used = tokio::join!(use_it(&clusters[0], &tools), use_it(&clusters[1], &tools));
    for cluster in clusters {
        cluster.stop().await?;
    }
    used.0?;
    used.1?;
    for name in ["test-left", "test-right"] {
        assert_eq!(Cluster::left_overs(name, tools.cache())?, Vec::<String>::new());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "boots a cluster, as root"]
async fn a_boot_that_was_killed_is_replaced_by_the_next() -> Outcome {
    let tools = Tools::ensure()?;
    // Each of these is another moment: namespaces only, then with some daemons, then with all of them.
    for processes in [1, 3, 8] {
        let mut interrupted = Command::new(env!("CARGO_BIN_EXE_cluster"))
            .args(["up", "--name", "test-killed"])
            .stdout(Stdio::null())
            .spawn()?;
        let record = tools.cache().path("clusters/test-killed/cluster.json");
        let begin = Instant::now();
        while std::fs::read_to_string(&record).unwrap_or_default().matches("\"pid\"").count() < processes {
            assert!(
                begin.elapsed() < Duration::from_secs(240),
                "the boot does not start {processes} processes"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        interrupted.kill()?;
        interrupted.wait()?;
        let rest = Cluster::left_overs("test-killed", tools.cache())?;
        assert!(rest.iter().any(|one| one.starts_with("process")), "nothing was interrupted: {rest:?}");
    }
    let cluster = Cluster::boot("test-killed", &tools).await?;
    cluster.kubectl(&["get", "nodes"]).await?;
    cluster.stop().await?;
    assert_eq!(Cluster::left_overs("test-killed", tools.cache())?, Vec::<String>::new());
    Ok(())
}

/// Runs the pods and reaches them, and lets them reach this machine, by every way there is.
async fn use_it(cluster: &Cluster, tools: &Tools) -> Outcome {
    cluster.load_image(&image::busybox(tools.cache())?).await?;
    let host = cluster.host_address();
    let listener = TcpListener::bind((host, 0)).await?;
    let manifest = tempfile::NamedTempFile::new()?;
    std::fs::write(&manifest, PODS.replace("HOST", &listener.local_addr()?.to_string()))?;
    let path = manifest.path().to_string_lossy().into_owned();
    cluster.kubectl(&["apply", "-f", &path]).await?;

    let (mut asking, _) = tokio::time::timeout(Duration::from_secs(60), listener.accept()).await??;
    // A connection that is closed with something unread is broken off, answer or not.
    let _request = asking.read(&mut [0; 4096]).await?;
    asking.write_all(b"HTTP/1.0 200 OK\r\n\r\nthis is the machine\n").await?;
    drop(asking);
    let wait = ["wait", "-n", "web", "--timeout=60s"];
    cluster.kubectl(&[&wait[..], &["--for=condition=Complete", "job/ask"]].concat()).await?;
    assert_eq!(cluster.kubectl(&["logs", "-n", "web", "job/ask"]).await?, "web\nthis is the machine\n");
    cluster.kubectl(&[&wait[..], &["--for=condition=Ready", "pod/web"]].concat()).await?;
    assert_eq!(cluster.kubectl(&["exec", "-n", "web", "web", "--", "id", "-u"]).await?, "65532\n");

    let forward = cluster.forward("web", "web", 80).await?;
    for _ in 0..3 {
        assert_eq!(page(forward.address()).await?, "web\n");
    }
    let port = ["get", "service", "-n", "web", "web", "-o", "jsonpath={.spec.ports[0].nodePort}"];
    let port: u16 = cluster.kubectl(&port).await?.parse()?;
    let node = cluster.node_address();
    assert_eq!(page((node, port).into()).await?, "web\n");

    let audit = std::fs::read_to_string(cluster.audit_log())?;
    assert!(audit.contains("/api/v1/namespaces/web/pods"), "the audit log misses a request");
    Ok(())
}

async fn page(address: std::net::SocketAddr) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await??;
    answer.split_once("\r\n\r\n").map(|(_, page)| page.to_owned()).ok_or_else(|| "no page".into())
}
