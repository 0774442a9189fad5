//! Free ports on the loopback interface.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Below the range that the kernel gives to outgoing connections: one of those could take a port
/// between the moment it was found free and the moment it is listened on.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// An address that nobody listened on a moment ago.
///
/// Another process may take it first: whoever uses it must be able to try again.
pub fn free_port() -> SocketAddr {
    // Random, so that two tests that look at the same moment do not find the same one.
    let candidates = std::iter::repeat_with(|| {
        let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
        FIRST + u16::try_from(random % u64::from(COUNT)).expect("it is less than a u16")
    });
    candidates
        .take(100)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("loopback has free ports")
}
