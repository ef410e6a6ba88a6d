//! The network of one cluster: a link from the host into its namespace, and the bridge of its pods inside.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::namespaces::Namespaces;
use super::{Error, cache, command, layout};

/// The name of the link's end inside.
const INSIDE: &str = "uplink";

/// Pods and services inside, the host behind the link. Pods' packets to the host leave with the node's address, which is
/// the only one the host knows the way to.
const SET_UP: &str = r#"set -e
ip link set lo up
ip address add "$NODE/30" dev uplink
ip link set uplink up
ip route add default via "$HOST"
ip link add pods type bridge
ip address add "$BRIDGE/16" dev pods
ip link set pods up
echo 1 > /proc/sys/net/ipv4/ip_forward
[ -e /proc/sys/net/bridge ] || modprobe br_netfilter
echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables
nft -f - <<RULES
table ip coffer {
  chain out {
    type nat hook postrouting priority srcnat;
    ip saddr $PODS oifname "uplink" masquerade
  }
}
RULES"#;

/// The link between the host and a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The interface at the host's end.
    pub interface: String,
    /// The host's address; pods reach the host at it.
    pub host: Ipv4Addr,
    /// The node's address; the host reaches the cluster at it.
    pub node: Ipv4Addr,
}

impl Link {
    /// Makes the link to `namespaces`, on a network that no interface of the host has.
    pub fn create(cluster: &str, namespaces: Namespaces) -> Result<Self, Error> {
        // Two clusters that boot at once must not find the same network free.
        let _held = cache::wait_for(Path::new("/run/lock/coffer-network.lock"), "the network")?;
        let (host, node) = free_network(&used_addresses()?).ok_or(Error::NoNetwork)?;
        let link = Self { interface: interface(cluster), host, node };
        let holder = namespaces.holder.pid.to_string();
        let add = ["link", "add", &link.interface, "type", "veth", "peer", "name", INSIDE, "netns", &holder];
        ip(&add)?;
        ip(&["address", "add", &format!("{host}/30"), "dev", &link.interface])?;
        ip(&["link", "set", &link.interface, "up"])?;
        let mut command = namespaces.command("sh");
        command.args(["-c", SET_UP]);
        command.env("NODE", node.to_string()).env("HOST", host.to_string());
        command.env("BRIDGE", layout::NODE_ADDRESS.to_string()).env("PODS", layout::POD_NETWORK);
        command::run(&mut command).map_err(Error::command("set up the cluster's network"))?;
        Ok(link)
    }
}

/// The host's interface for a cluster. Names of interfaces have at most 15 bytes, so a digest stands for the cluster's.
pub(crate) fn interface(cluster: &str) -> String {
    let digest = Sha256::digest(cluster);
    format!("coffer-{}", data_encoding::HEXLOWER.encode(&digest[..4]))
}

/// Whether the host has the interface.
pub(crate) fn exists(interface: &str) -> bool {
    Path::new("/sys/class/net").join(interface).exists()
}

/// Removes the link, if it is there; it goes by itself with the cluster's last process, but a moment later.
pub(crate) fn remove(interface: &str) -> Result<(), Error> {
    if !exists(interface) {
        return Ok(());
    }
    match ip(&["link", "delete", interface]) {
        Err(error) if exists(interface) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn used_addresses() -> Result<Vec<Ipv4Addr>, Error> {
    #[derive(Deserialize)]
    struct Interface {
        addr_info: Vec<Address>,
    }
    #[derive(Deserialize)]
    struct Address {
        local: Option<Ipv4Addr>,
    }
    let attempt = "list the host's addresses";
    let listed =
        command::run(Command::new("ip").args(["-4", "-json", "address"])).map_err(Error::command(attempt))?;
    let interfaces: Vec<Interface> = serde_json::from_str(&listed)
        .map_err(std::io::Error::from)
        .map_err(Error::file("read what ip wrote about", Path::new("addresses")))?;
    Ok(interfaces.into_iter().flat_map(|one| one.addr_info).filter_map(|address| address.local).collect())
}

/// The host's and the node's address in the first network of four addresses in 10.89.0.0/16 that has none of `used`.
fn free_network(used: &[Ipv4Addr]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let first = u32::from(Ipv4Addr::new(10, 89, 0, 0));
    let last = u32::from(Ipv4Addr::new(10, 89, 255, 252));
    let is_free = |network: &u32| used.iter().all(|&address| u32::from(address) & !3 != *network);
    let network = (first..=last).step_by(4).find(is_free)?;
    Some((Ipv4Addr::from(network + 1), Ipv4Addr::from(network + 2)))
}

fn ip(arguments: &[&str]) -> Result<(), Error> {
    let attempt = "make the cluster's link";
    command::run(Command::new("ip").args(arguments)).map(drop).map_err(Error::command(attempt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_in_use_is_passed_over() {
        let used = ["127.0.0.1", "10.89.0.1", "10.89.0.6"].map(|address| address.parse().unwrap());
        let found = free_network(&used).unwrap();
        assert_eq!(found, (Ipv4Addr::new(10, 89, 0, 9), Ipv4Addr::new(10, 89, 0, 10)));
    }

    #[test]
    fn the_interface_of_the_longest_name_fits() {
        assert_eq!(interface("a-name-of-24-characters-").len(), 15);
    }
}
