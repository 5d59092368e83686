//! The addresses to which the operator never connects, whoever asks for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where clouds tell machines what they are, beside link-local addresses:
/// <https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata>,
/// <https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16>.
const METADATA: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
/// The same with IPv6:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>,
/// <https://cloud.google.com/compute/docs/metadata/querying-metadata>.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// Whether the operator may connect to an address: not to itself, not to what only its node or its cloud is meant to
/// reach, and not to many at once; in whichever form the address is written.
pub fn may_connect(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => may_connect_v4(address),
        IpAddr::V6(address) => {
            let is_special =
                address.is_loopback() || address.is_multicast() || address.is_unicast_link_local();
            !is_special && !METADATA_V6.contains(&address) && embedded(address).is_none_or(may_connect_v4)
        }
    }
}

/// Without "this network": <https://www.rfc-editor.org/rfc/rfc1122#section-3.2.1.3>.
fn may_connect_v4(address: Ipv4Addr) -> bool {
    let is_special = address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.octets().starts_with(&[0]);
    !is_special && !METADATA.contains(&address)
}

/// The IPv4 address that an IPv6 address stands for: as mapped and compatible ones do
/// (<https://www.rfc-editor.org/rfc/rfc4291#section-2.5.5>), behind a translator
/// (<https://www.rfc-editor.org/rfc/rfc6052#section-2.1>), or a tunnel
/// (<https://www.rfc-editor.org/rfc/rfc3056#section-2>).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    // Of the 128 bits, the low 32, or those behind the first 16.
    let low = Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32);
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(low),
        [0x2002, ..] => Some(Ipv4Addr::from_bits(((bits >> 80) & 0xffff_ffff) as u32)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any address of a range: the first so many bits are fixed.
    fn of_range(first: &str, bits: u32) -> BoxedStrategy<IpAddr> {
        match first.parse().unwrap() {
            IpAddr::V4(first) => {
                let rest = u32::MAX.checked_shr(bits).unwrap_or(0);
                any::<u32>().prop_map(move |any| Ipv4Addr::from(first.to_bits() | any & rest).into()).boxed()
            }
            IpAddr::V6(first) => {
                let rest = u128::MAX.checked_shr(bits).unwrap_or(0);
                any::<u128>().prop_map(move |any| Ipv6Addr::from(first.to_bits() | any & rest).into()).boxed()
            }
        }
    }

    fn forbidden() -> BoxedStrategy<IpAddr> {
        let v4 = [
            ("0.0.0.0", 8),
            ("127.0.0.0", 8),
            ("169.254.0.0", 16),
            ("224.0.0.0", 4),
            ("255.255.255.255", 32),
            ("100.100.100.200", 32),
            ("168.63.129.16", 32),
        ];
        let v6 = [("::", 128), ("::1", 128), ("fe80::", 10), ("ff00::", 8), ("fd00:ec2::254", 128)];
        let any_of = |ranges: &[(&str, u32)]| {
            proptest::strategy::Union::new(ranges.iter().map(|(first, bits)| of_range(first, *bits)))
        };
        prop_oneof![any_of(&v4), any_of(&v6)].boxed()
    }

    /// All forms of an IPv4 address, as people may write them.
    fn forms(address: IpAddr) -> Vec<IpAddr> {
        let IpAddr::V4(v4) = address else { return vec![address] };
        let [a, b, c, d] = v4.octets();
        let tunnel = format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1");
        let written = [format!("::ffff:{v4}"), format!("::{v4}"), format!("64:ff9b::{v4}"), tunnel];
        written.iter().map(|text| text.parse().unwrap()).chain([address]).collect()
    }

    proptest! {
        #[test]
        fn none_of_the_forbidden_ranges_is_connected_to(address in forbidden()) {
            for form in forms(address) {
                prop_assert!(!may_connect(form), "{form}");
            }
        }
    }

    #[test]
    fn ordinary_addresses_are_connected_to() {
        for address in ["10.0.0.1", "192.168.1.1", "100.64.0.1", "203.0.113.9"] {
            for form in forms(address.parse().unwrap()) {
                assert!(may_connect(form), "{form}");
            }
        }
        for address in ["fd00::1", "2001:db8::1", "fd00:ec2::1"] {
            assert!(may_connect(address.parse().unwrap()), "{address}");
        }
    }
}
