//! Opens a port on this machine that leads to a service of the cluster, through the API server.
//!
//! Right for statements and checks. What measures throughput should use a service of type NodePort at the node's address.

use std::net::{Ipv4Addr, SocketAddr};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Error;

/// An open port. It closes, with all connections, when this is dropped.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Forward {
    /// Opens a port that leads to `port` of the service. The pod is chosen anew for every connection, so that pods may
    /// come and go.
    ///
    /// # Errors
    /// [`Error::File`] if no port can be opened; a service without ready pods only fails the connections.
    pub(crate) async fn open(
        client: Client,
        namespace: &str,
        service: &str,
        port: u16,
    ) -> Result<Self, Error> {
        let failed = || Error::file("open a port on", std::path::Path::new("127.0.0.1"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed())?;
        let address = listener.local_addr().map_err(failed())?;
        let target = Target { client, namespace: namespace.to_owned(), service: service.to_owned(), port };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target));
        Ok(Self { address, _tasks: tasks })
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[derive(Clone)]
struct Target {
    client: Client,
    namespace: String,
    service: String,
    port: u16,
}

async fn accept(listener: TcpListener, target: Target) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let target = target.clone();
                    connections.spawn(async move { serve(stream, &target).await });
                }
                Err(error) => return eprintln!("the port to service {} is closed: {error}", target.service),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A failed connection is closed, which is what its user sees; why, is said here.
async fn serve(stream: TcpStream, target: &Target) {
    if let Err(error) = connect(stream, target).await {
        eprintln!("connection to service {}/{} failed: {error}", target.namespace, target.service);
    }
}

async fn connect(mut stream: TcpStream, target: &Target) -> Result<(), Error> {
    let (pod, port) = endpoint(target).await?;
    let pods: Api<Pod> = Api::namespaced(target.client.clone(), &target.namespace);
    let attempt = format!("forward a port to pod {pod}");
    let mut forwarder = pods.portforward(&pod, &[port]).await.map_err(Error::kubernetes(attempt))?;
    let Some(mut remote) = forwarder.take_stream(port) else {
        return Err(Error::NoReadyPod(target.service.clone()));
    };
    // Either end may break off; both are then closed, and the user's side shows it.
    let _bytes = tokio::io::copy_bidirectional(&mut stream, &mut remote).await;
    Ok(())
}

/// A ready pod of the service, and the port at which it serves.
async fn endpoint(target: &Target) -> Result<(String, u16), Error> {
    let slices: Api<EndpointSlice> = Api::namespaced(target.client.clone(), &target.namespace);
    let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={}", target.service));
    let attempt = format!("find the pods of service {}", target.service);
    let listed = slices.list(&of_service).await.map_err(Error::kubernetes(attempt))?;
    let port_name = port_name(target).await?;
    for slice in listed {
        let mut ports = slice.ports.iter().flatten();
        let port = ports
            .find(|port| port.name.as_deref().unwrap_or_default() == port_name)
            .and_then(|port| port.port);
        let ready = slice.endpoints.iter().flatten().find(|endpoint| {
            endpoint.conditions.as_ref().is_some_and(|conditions| conditions.ready == Some(true))
        });
        let pod = ready.and_then(|endpoint| endpoint.target_ref.as_ref()).and_then(|pod| pod.name.clone());
        if let (Some(pod), Some(Ok(port))) = (pod, port.map(u16::try_from)) {
            return Ok((pod, port));
        }
    }
    Err(Error::NoReadyPod(target.service.clone()))
}

/// The name that the service gives to its port; slices know ports by it.
async fn port_name(target: &Target) -> Result<String, Error> {
    let services: Api<k8s_openapi::api::core::v1::Service> =
        Api::namespaced(target.client.clone(), &target.namespace);
    let attempt = format!("read service {}", target.service);
    let service = services.get(&target.service).await.map_err(Error::kubernetes(attempt))?;
    let name = service.name_any();
    let ports = service.spec.and_then(|spec| spec.ports).unwrap_or_default();
    let port = ports.into_iter().find(|port| port.port == i32::from(target.port));
    port.map(|port| port.name.unwrap_or_default()).ok_or(Error::NoReadyPod(name))
}
