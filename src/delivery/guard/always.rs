//! What is denied by default: where clouds hand out credentials to whoever asks from inside of a machine. A webhook
//! to there would let whoever can write `apisubscription` knock at them in the bridge's name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const METADATA: &str = "is where a cloud hands out its machines' credentials, and denied unless that address stands in \
                        delivery.allow";
const LINK_LOCAL: &str = "is a link-local address, where clouds hand out credentials, and denied unless that address \
                          stands in delivery.allow";
const METADATA_NAME: &str = "is where a cloud hands out its machines' credentials, and always denied";

/// Google's; the others are reached by address only.
const NAMES: [&str; 2] = ["metadata.google.internal", "metadata.goog"];

/// The networks that are denied by default, each with why.
const NETWORKS: [(IpNet, &str); 7] = [
    // 169.254.169.254 of nearly all of them, and 169.254.170.2 and .23 of Amazon's containers.
    (v4([169, 254, 0, 0], 16), LINK_LOCAL),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), LINK_LOCAL),
    // Amazon: fd00:ec2::254 and ::23.
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), METADATA),
    // Google.
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), METADATA),
    // Alibaba.
    (v4([100, 100, 100, 200], 32), METADATA),
    // Microsoft: the host of a virtual machine.
    (v4([168, 63, 129, 16], 32), METADATA),
    // Oracle's older cloud.
    (v4([192, 0, 0, 192], 32), METADATA),
];

const fn v4([a, b, c, d]: [u8; 4], bits: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits))
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], bits: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), bits))
}

/// Why nothing goes to the host of this name.
pub(super) fn name_denied(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches('.');
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)).then_some(METADATA_NAME)
}

/// Why nothing goes to this address, unless its network is `overridden`.
pub(super) fn address_denied(address: IpAddr, overridden: impl Fn(&IpNet) -> bool) -> Option<&'static str> {
    let found = NETWORKS.iter().find(|(network, _)| network.contains(&address) && !overridden(network));
    found.map(|(_, why)| *why)
}

/// The IPv4 address that a gateway may make of this one: NAT64 (RFC 6052), 6to4 (RFC 3056), and the IPv4-compatible
/// form of old.
pub(super) fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| Some(IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))));
    match (a, b) {
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => of(g, h),
        (0x2002, high) => of(high, c),
        (0, 0) if [c, d, e, f] == [0; 4] && g != 0 => of(g, h),
        _ => None,
    }
}
