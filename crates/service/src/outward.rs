//! Where the system may be told to call: addresses that the internet reaches, and no others.
//!
//! Whoever names an address must not be able to make a server speak to its neighbours. Names are
//! judged by what they resolve to, at the moment of the call.

use ipnet::IpNet;
use std::{net::IpAddr, sync::LazyLock};
use url::{Host, Url};

/// Address blocks that are not globally reachable, or stand for other addresses.
///
/// Source: the IANA registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890 and what
/// updates it), and multicast (RFC 5771, RFC 4291).
const SPECIAL: [&str; 34] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

static BLOCKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| SPECIAL.iter().filter_map(|block| block.parse().ok()).collect());

/// Whether the internet reaches an address.
pub fn is_public(address: IpAddr) -> bool {
    !BLOCKS.iter().any(|block| block.contains(&address))
}

/// Why an address cannot be called, as far as it can be told without resolving its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCallable {
    /// No URL, or none with a host.
    #[error("this is no address such as https://example.com/lodestone")]
    NoAddress,
    /// Anybody on the way could read it.
    #[error("calls are made over https only")]
    NotEncrypted,
    /// A password in an address is a password in logs.
    #[error("an address holds no user and no password; calls are signed instead")]
    Credentials,
    /// A neighbour, or nobody.
    #[error("the internet does not reach this address")]
    Private,
}

/// Reads an address that may be called. With `allow_private`, also over plain http and at
/// addresses that the internet does not reach.
pub fn callable(text: &str, allow_private: bool) -> Result<Url, NotCallable> {
    let url = Url::parse(text).map_err(|_| NotCallable::NoAddress)?;
    let host = url.host().ok_or(NotCallable::NoAddress)?;
    match url.scheme() {
        "https" => {}
        "http" if allow_private => {}
        "http" => return Err(NotCallable::NotEncrypted),
        _ => return Err(NotCallable::NoAddress),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(NotCallable::Credentials);
    }
    let is_private = match host {
        Host::Ipv4(address) => !is_public(address.into()),
        Host::Ipv6(address) => !is_public(address.into()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
    };
    if is_private && !allow_private { Err(NotCallable::Private) } else { Ok(url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_one() {
        assert_eq!(BLOCKS.len(), SPECIAL.len());
    }

    #[test]
    fn neighbours_are_not_public() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "ff02::1",
        ];
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_called_says_why() {
        let cases = [
            ("https://example.com/hook", None),
            ("https://[2606:4700:4700::1111]/", None),
            ("not an address", Some(NotCallable::NoAddress)),
            ("mailto:someone@example.com", Some(NotCallable::NoAddress)),
            ("ftp://example.com/", Some(NotCallable::NoAddress)),
            ("http://example.com/", Some(NotCallable::NotEncrypted)),
            ("https://user:secret@example.com/", Some(NotCallable::Credentials)),
            ("https://127.0.0.1/", Some(NotCallable::Private)),
            // The same address, written as browsers allow.
            ("https://2130706433/", Some(NotCallable::Private)),
            ("https://0x7f.1/", Some(NotCallable::Private)),
            ("https://[::ffff:10.0.0.1]/", Some(NotCallable::Private)),
            ("https://localhost/", Some(NotCallable::Private)),
            ("https://hooks.localhost/", Some(NotCallable::Private)),
            ("https://localhost./", Some(NotCallable::Private)),
        ];
        for (text, refused) in cases {
            assert_eq!(callable(text, false).err(), refused, "{text}");
        }
        assert!(callable("http://127.0.0.1:8080/hook", true).is_ok());
    }
}
